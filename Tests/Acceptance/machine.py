"""Where the processes of a test run: on this machine as it is, or on one of its own (see network.py)."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
from typing import Any


class Machine:
    # Where what listens on it is reached.
    host = "127.0.0.1"

    def run(self, command: list[object], user: str | None = None, **options: Any) -> subprocess.Popen[Any]:
        """Begins a command there, as that user where one is named."""
        return subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, **options,
            **({} if user is None else {"user": user, "group": user}))


HERE = Machine()


def free_port() -> int:
    """For what can't be told to choose one itself: below those that the system gives to others meanwhile."""
    while True:
        with contextlib.suppress(OSError), socket.create_server((Machine.host, random.randrange(20_000, 32_000))) as one:
            return one.getsockname()[1]
