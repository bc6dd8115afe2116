"""A real PostgreSQL for the tests: on a free port and a local socket, with its data in a folder of its own."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from machine import HERE, Machine, free_port
from switchboard import PATIENCE, eventually

# Switchboard's own lock, which makes one node write at a time.
LOCK = 0x5377697463686264


def _lives(process: int) -> bool:
    """Whether it is there, and not only waits to be counted out."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _programs() -> Path:
    """Where initdb and postgres are: Debian has them where only administrators look."""
    folders = [Path(folder) for folder in glob.glob("/usr/lib/postgresql/*/bin")]
    if found := shutil.which("pg_isready"):
        folders.append(Path(found).parent)
    found = [folder for folder in folders if (folder / "initdb").exists()]
    assert found, "PostgreSQL is missing; make tools-for-tests installs it"
    return max(found, key=lambda folder: float(folder.parent.name) if folder.parent.name.isdigit() else 0)


class PostgreSQL:
    """A server that can be killed, stopped, paused and started again. People sign in with a password over TCP."""

    PASSWORD = "p@ss/word?%41"

    def __init__(self, *settings: str, machine: Machine = HERE) -> None:
        """`settings` are NAME=VALUE, as postgresql.conf has them. On another machine, its network is trusted."""
        self.machine = machine
        # A socket's path has to be short.
        self.folder = Path(tempfile.mkdtemp(prefix="switchboard-pg-", dir="/tmp"))
        # It refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, "postgres", "postgres")
        self._programs = _programs()
        self._settings = settings
        self._databases = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        password = self.folder / "password"
        password.write_text(self.PASSWORD)
        password.chmod(0o644)
        self._run(
            "initdb", "-D", self.folder / "data", "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256",
            f"--pwfile={password}", "-E", "UTF8", "--locale=C", "-N",
        )
        if machine is not HERE:
            rules = self.folder / "data" / "pg_hba.conf"
            rules.write_text("host all all samenet trust\n" + rules.read_text())

    def _run(self, program: str, *arguments: object) -> None:
        process = HERE.run(
            [self._programs / program, *arguments], self._user, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", cwd=self.folder)
        output, _ = process.communicate()
        assert process.returncode == 0, output

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> PostgreSQL:
        """Returns once it answers."""
        options = [f"port={self.port}", f"listen_addresses={self.machine.host}",
                   f"unix_socket_directories={self.folder}",
                   "max_wal_senders=0", "wal_level=minimal", "shared_buffers=32MB", *self._settings]
        with open(self.folder / "log", "ab") as log:
            self._process = self.machine.run(
                [self._programs / "postgres", "-D", self.folder / "data"] + [f"-c{option}" for option in options],
                self._user, stdout=log, stderr=log, cwd=self.folder, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.connect("postgres").close()
                return self
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.02)

    def stop(self, number: int = signal.SIGINT) -> None:
        """Ends it: by SIGINT in order, by SIGQUIT at once."""
        self._process.send_signal(number)
        self._process.wait(PATIENCE)

    def kill9(self) -> None:
        """Ends all of its processes as a crash of the machine would, but for the disk."""
        # Each is in a group of its own; until the last is gone, nobody may start on the same data.
        pid = self._process.pid
        processes = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait(PATIENCE)
        eventually(lambda: not any(map(_lives, processes)), "all of its processes are gone")

    def pause(self) -> None:
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    # What is in it.

    def url(self, database: str) -> str:
        """Over the local socket; to another machine, over the network."""
        if self.machine is not HERE:
            return f"postgres://postgres@{self.machine.host}:{self.port}/{database}"
        return f"postgres://postgres@/{database}?host={self.folder}&port={self.port}"

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.folder), port=self.port, user="postgres", dbname=database, autocommit=True, connect_timeout=2,
            options="-csearch_path=switchboard,public")

    def new_database(self, options: str = "") -> str:
        self._databases += 1
        name = f"db{self._databases}"
        with contextlib.closing(self.connect("postgres")) as connection:
            connection.execute(f"CREATE DATABASE {name} {options}")
        return name

    def new_store(self) -> str:
        """The URL of a new database."""
        return self.url(self.new_database())


def rows(url: str, query: str, *values: Any) -> list[tuple]:
    """All rows of a query; parameters are ?."""
    with contextlib.closing(psycopg.connect(url, autocommit=True, options="-csearch_path=switchboard")) as connection:
        return connection.execute(query.replace("%", "%%").replace("?", "%s"), values).fetchall()


@contextlib.contextmanager
def locked(url: str) -> Iterator[None]:
    """While this holds the lock, no node can write."""
    with contextlib.closing(psycopg.connect(url)) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        yield
        connection.rollback()
