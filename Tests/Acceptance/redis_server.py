"""A Redis of the test's own: Debian's `redis-server` on a free port, with nothing on the disk."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import redis
from machine import HERE, Machine, free_port
from switchboard import command, eventually


class Redis:
    """It can be stopped, killed and started again; then it knows nothing any more."""

    def __init__(self, folder: Path, *options: str, machine: Machine = HERE) -> None:
        """`options` are lines of its configuration."""
        self.folder = folder
        self.machine = machine
        self.port = free_port()
        self._options = options
        self._clusters = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.machine.host}:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.folder / 'redis.sock'}"

    def bus(self) -> list[str]:
        """The flags of a cluster, each of which has a prefix of its own."""
        return ["--bus", self.url, "--bus-prefix", f"cluster{next(self._clusters)}"]

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


# What cannot work

# A Redis with a password, somebody who may do nothing there, and somebody who may with other keys and channels.
GUARDED = (
    "user default on >secret ~* &* +@all", "user poor on >secret ~* &* -@all +ping",
    "user elsewhere on >secret ~other* resetchannels &other +@all",
)


def refusal(folder: Path, setting: str, url: str, *flags: object) -> str:
    """The one line with which a server refuses to start where a setting is that URL."""
    done = command(
        "serve", "--listen", "127.0.0.1:0", *flags, folder=folder, extra={f"SWITCHBOARD_{setting.upper()}": url})
    assert done.returncode in (1, 2), done
    line, = done.stderr.strip().splitlines()
    assert "secret" not in line, line
    return line


def expect_refusals(folder: Path, guarded: Redis, setting: str, *flags: object) -> None:
    """Of URLs that are none, and of those at which nobody, or nobody who may, is heard."""
    def refused(url: str) -> str:
        return refusal(folder, setting, url, *flags)

    port = guarded.port
    assert "127.0.0.1:6379" in refused("somewhere")
    assert "not supported" in refused("rediss://127.0.0.1")
    assert "connection refused" in refused(f"redis://:secret@127.0.0.1:{free_port()}")
    assert "WRONGPASS" in refused(f"redis://:secretly@127.0.0.1:{port}")
    assert "NOAUTH" in refused(f"redis://127.0.0.1:{port}")
    assert "DB index is out of range" in refused(f"redis://:secret@127.0.0.1:{port}/9999")
    assert "NOPERM" in refused(f"redis://poor:secret@127.0.0.1:{port}")
    assert "NOPERM" in refused(f"redis://elsewhere:secret@127.0.0.1:{port}")
    done = command("serve", *flags, f"--{setting}", f"redis://:secret@127.0.0.1:{port}", folder=folder)
    assert done.returncode != 0 and "secret" not in done.stderr and "flag" in done.stderr
