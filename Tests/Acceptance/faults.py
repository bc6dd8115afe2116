"""A server whose files fail when they are told to: Tests/FaultyFiles, preloaded and told what to do through a file."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

import pytest
from conftest import Start
from switchboard import Server

# FaultKind and FaultyFile in FaultyFiles.h.
NONE, WRITE, FULL, TORN, SYNC, TRUNCATE, READ, LOCK = range(8)
DATABASE, WRITE_AHEAD_LOG, ANY = 1, 2, 7

FOREVER = 2**62
_PLAN = struct.Struct("=6q")

needs_library = pytest.mark.skipif(
    "FAULTY_FILES" not in os.environ, reason="FAULTY_FILES names the library that makes files fail")


class Disk:
    """What the server's files are on."""

    def __init__(self, folder: Path) -> None:
        path = folder / "plan"
        path.write_bytes(bytes(_PLAN.size))
        with path.open("r+b") as file:
            self._plan = mmap.mmap(file.fileno(), _PLAN.size)
        self.path = path

    def fail(self, fault: int, files: int = ANY, first: int = 1, last: int = FOREVER) -> None:
        """From now on the operations that a fault can meet fail from the first to the last, counted from 1."""
        self.work()
        _PLAN.pack_into(self._plan, 0, NONE, files, first, last, 0, 0)
        self._plan[:8] = struct.pack("=q", fault)

    def work(self) -> None:
        self._plan[:8] = struct.pack("=q", NONE)

    @property
    def failures(self) -> int:
        """How many operations failed."""
        return _PLAN.unpack_from(self._plan)[5]


def environment(disk: Disk, folder: Path) -> dict[str, str]:
    """Puts a process's databases below a folder on that disk."""
    return {
        "LD_PRELOAD": os.path.abspath(os.environ["FAULTY_FILES"]), "FAULTY_PLAN": str(disk.path),
        "FAULTY_FOLDER": str(folder),
    }


def start_faulty(start: Start, folder: Path) -> tuple[Server, Disk]:
    """A server, and what its database is on."""
    disk = Disk(folder)
    # Its folder is beside the test's own.
    return start(extra=environment(disk, folder.parent)), disk
