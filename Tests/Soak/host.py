"""What the server stands on, so that it can be taken away: its disk, its clock, its descriptors."""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct
import subprocess
from pathlib import Path


class Disk:
    """A small tmpfs where mounting is allowed; elsewhere the kernel's limit on the length of files."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "switchboard-soak", str(folder)]
        try:
            self.is_mounted = subprocess.run(command, capture_output=True).returncode == 0
        except OSError:
            self.is_mounted = False

    def fill(self, pid: int) -> None:
        """Until nothing fits any more."""
        if not self.is_mounted:
            self._limit(pid, 1024)
            return
        with open(self.folder / "filling", "wb", buffering=0) as file:
            size = 1 << 30
            while size >= 512:
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)
                except OSError:
                    size //= 2

    def make_room(self, pid: int) -> None:
        if self.is_mounted:
            (self.folder / "filling").unlink(missing_ok=True)
        else:
            self._limit(pid, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1])

    def _limit(self, pid: int, length: int) -> None:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (length, hard))

    def remove(self) -> None:
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], capture_output=True)

    @staticmethod
    def prepare() -> None:
        """In the server's process: a write past a limit shall fail, instead of ending it."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


class Clock:
    """The wall clock as the server sees it, through the library that shifts it."""

    def __init__(self, library: str, file: Path) -> None:
        self._file = file
        self.set_back(0)
        self.environment = {"LD_PRELOAD": library, "CLOCK_SHIFT_FILE": str(file)} if library else {}

    def set_back(self, seconds: int) -> None:
        """From the true time; 0 sets it right."""
        with open(self._file, "r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", -seconds))

    @property
    def can_be_set(self) -> bool:
        return bool(self.environment)


class Descriptors:
    """Those of the server: none are left, while so many more connections want some."""

    def __init__(self, pid: int, address: tuple[str, int], spare: int, flood: int) -> None:
        self._pid = pid
        self._before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + spare, self._before[1]))
        self._flood: list[socket.socket] = []
        for _ in range(flood):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(address)
            self._flood.append(connection)

    def give_back(self) -> None:
        for connection in self._flood:
            connection.close()
        resource.prlimit(self._pid, resource.RLIMIT_NOFILE, self._before)
