"""Runs the switchboard binary: the server as a process, its command line, the people on it."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from machine import HERE, Machine

# No single answer of a working server takes this many seconds, even on a busy machine.
PATIENCE = float(os.environ.get("TEST_PATIENCE", "20"))
# What is promised within a second, and what a busy machine adds; with a sanitizer it is all the time there is.
A_SECOND = 2.5 if "SANITIZER" not in os.environ else PATIENCE

# Many tests try bad tokens, all from one address, or leave polling clients that nobody closes, all of one person; or stop
# a server while clients are there. test_throttling.py, test_limits.py and test_draining.py say what they get otherwise.
PATIENT = {
    "SWITCHBOARD_TOKEN_FAILURES": "0", "SWITCHBOARD_CONNECTIONS_PER_PERSON": "0", "SWITCHBOARD_DRAIN_TIME": "0s",
}

# Set where the tests run on another store than SQLite: what makes the URL of a new one.
new_store: Callable[[], str] | None = None

_usernames = (f"person{number}" for number in itertools.count(1))


@dataclass(frozen=True)
class Person:
    id: int
    username: str
    name: str
    college: int | None
    token: str


def binary() -> str:
    """The binary under test, named by SWITCHBOARD_BIN."""
    return os.path.abspath(os.environ["SWITCHBOARD_BIN"])


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Our environment without any setting of the server's, SWITCHBOARD_BIN included."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SWITCHBOARD_")}
    return kept | (extra or {})


def command(
    *arguments: object, folder: Path, stdin: str = "", extra: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the binary to its end in `folder`."""
    return subprocess.run(
        [binary(), *map(str, arguments)], input=stdin, capture_output=True, encoding="utf-8",
        timeout=30, cwd=folder, env=environment(extra),
    )


def eventually(check: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    """Asks again and again until `check` holds."""
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.02)


class Lines:
    """What a process has written to one pipe so far, collected by a thread."""

    def __init__(self, pipe: IO[str]) -> None:
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._collect, args=(pipe,), daemon=True)
        self._thread.start()

    def _collect(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                with self._changed:
                    self._lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def all(self) -> list[str]:
        with self._changed:
            return list(self._lines)

    def first(self, wanted: Callable[[str], bool], within: float = PATIENCE) -> str:
        """Waits for a line; fails when the pipe ends or the time is over without it."""
        def found() -> str | None:
            return next(filter(wanted, self._lines), None)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None or self._ended, within)
            line = found()
            assert line is not None, "the awaited line is missing in:\n" + "\n".join(self._lines)
            return line

    def join(self) -> None:
        """Waits until everything a finished process wrote has been collected."""
        self._thread.join(PATIENCE)


def _port(line: str) -> str | None:
    """Where the server says that it listens, in either format of its log."""
    found = re.search(r'[ "]listening"?,? ?"?address"?[:=]"?[^ "]*:(\d+)', line)
    return found and found[1]


class Server:
    """One server on a database of its own; it can be stopped, killed and started again."""

    def __init__(
        self, folder: Path, *flags: object, listen: str = "127.0.0.1:0",
        extra: dict[str, str] | None = None, prepare: Callable[[], None] | None = None, store: str | None = None,
        machine: Machine = HERE,
    ) -> None:
        """`prepare` runs in the new process before the binary does; `store` is a URL, without which there is a file."""
        self.folder = folder
        self.database = folder / "switchboard.db"
        self.store = store or (new_store() if new_store else None)
        self.place = ["--database", str(self.database)] + (["--store", self.store] if self.store else [])
        self._flags = [*map(str, flags)]
        self._listen = listen
        self._extra = extra
        self._prepare = prepare
        self.machine = machine
        # Where clients reach it.
        self.host = machine.host
        self._logs: list[Lines] = []
        self._process: subprocess.Popen[str] | None = None
        self.stdout: Lines
        self.port: int

    def start(self) -> Server:
        """Returns once the server says that it listens."""
        arguments = ["serve", "--listen", self._listen, *self.place]
        self._process = self.machine.run(
            [binary(), *arguments, *self._flags], encoding="utf-8", errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=self.folder, env=environment(PATIENT | (self._extra or {})), preexec_fn=self._prepare,
        )
        self.stdout = Lines(self._process.stdout)
        self._logs.append(Lines(self._process.stderr))
        try:
            line = self._logs[-1].first(lambda line: _port(line) is not None, within=20)
        except AssertionError:
            self.close()
            raise
        self.port = int(_port(line))
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """How it ended; `None` while it runs."""
        return self._process.poll()

    @property
    def log(self) -> list[str]:
        """Every line logged since the first start."""
        return [line for lines in self._logs for line in lines.all()]

    def logged(self, words: str) -> list[str]:
        """Every line with these words, once there is one: what a client hears of the same may come first."""
        eventually(lambda: any(words in line for line in self.log), f"a line in the log: {words}")
        return [line for line in self.log if words in line]

    @property
    def address(self) -> tuple[str, int]:
        return (self.host, self.port)

    def url(self, path: str, token: str | None = None) -> str:
        separator = "&" if "?" in path else "?"
        query = f"{separator}token={quote(token, safe='')}" if token is not None else ""
        return f"ws://{self.host}:{self.port}{path}{query}"

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, within: float = 12) -> int:
        """The exit status, once there is one."""
        status = self._process.wait(within)
        self.stdout.join()
        self._logs[-1].join()
        return status

    def terminate(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill9(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def restart(self) -> Server:
        assert self.terminate() == 0
        return self.start()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill9()

    def run(
        self, *arguments: object, stdin: str = "", extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on this server's database."""
        return command(*arguments, *self.place, folder=self.folder, stdin=stdin, extra=extra)

    def cli(self, *arguments: object, stdin: str = "") -> str:
        """What a command prints that must succeed."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout.strip()

    def person(
        self, name: str = "Aarav Sharma", college: int | None = None, password: str | None = None,
        admin: bool = False, username: str | None = None,
    ) -> Person:
        """A new user with a token."""
        username = username or next(_usernames)
        options = ["--college", college] if college is not None else []
        if admin:
            options.append("--admin")
        if password is not None:
            options.append("--password-stdin")
        number = int(self.cli("user", "add", username, "--name", name, *options, stdin=password or ""))
        return Person(number, username, name, college, self.cli("token", "create", username))

    def jwt(self, person: Person, *options: object) -> str:
        """A token of the other kind for the same person."""
        return self.cli("token", "create", person.username, "--jwt", *options)


def memory(server: Server) -> int:
    """Resident bytes; reads /proc. Under a sanitizer 0 at any time: most would be its own."""
    if "SANITIZER" in os.environ:
        return 0
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024
