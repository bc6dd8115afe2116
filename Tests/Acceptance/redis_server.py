"""A Redis of the test's own: Debian's `redis-server` on a free port, with nothing on the disk."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import redis
from machine import HERE, Machine
from switchboard import eventually


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Redis:
    """It can be stopped, killed and started again; then it knows nothing any more."""

    def __init__(self, folder: Path, *options: str, machine: Machine = HERE) -> None:
        """`options` are lines of its configuration."""
        self.folder = folder
        self.machine = machine
        self.port = free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.machine.host}:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.folder / 'redis.sock'}"

    def start(self) -> Redis:
        """Returns once it answers."""
        lines = [
            f"port {self.port}", f"bind {self.machine.host}", "protected-mode no", f"dir {self.folder}",
            "unixsocket redis.sock", 'save ""', "appendonly no", "loglevel warning", *self._options,
        ]
        (self.folder / "redis.conf").write_text("\n".join(lines) + "\n")
        program = shutil.which("redis-server") or "/usr/bin/redis-server"
        with open(self.folder / "redis.log", "ab") as log:
            self._process = self.machine.run([program, "redis.conf"], cwd=self.folder, stdout=log, stderr=log)
        eventually(self._answers, f"{program} answers")
        return self

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "redis.log").read_text()
        try:
            with socket.create_connection((self.machine.host, self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                # Also where it wants a password first.
                return connection.recv(100)[:5] in (b"+PONG", b"-NOAU", b"-NOPE")
        except OSError:
            return False

    def client(self, **options: object) -> redis.Redis:
        return redis.Redis(self.machine.host, self.port, **options)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ends it by a signal, and waits."""
        self.send_signal(number)
        # One that is stopped hears of nothing else.
        with contextlib.suppress(ProcessLookupError):
            self.send_signal(signal.SIGCONT)
        self._process.wait(10)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop(signal.SIGKILL)
