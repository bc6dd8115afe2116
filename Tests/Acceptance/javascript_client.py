"""The official JavaScript client of Socket.IO, under Node: its bundle is the one that the package `nicegui` ships."""

from __future__ import annotations

import asyncio
import importlib.metadata
import itertools
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from frames import SOME_TEXT, Pattern, matches
from socketio_values import OK
from switchboard import PATIENCE, Person

# Debian's modules for Node, `ws` among them.
_MODULES = "/usr/share/nodejs"
_DRIVER = Path(__file__).with_name("socketio_driver.js")

# What the client is told to use; by default it polls first, and upgrades.
TRANSPORTS: dict[str, dict[str, Any]] = {
    "websocket": {"transports": ["websocket"]}, "polling": {"transports": ["polling"]}, "upgrade": {},
}
# A lost client is back soon, and does not wait long on a dead line.
HASTY = {"reconnectionDelay": 20, "reconnectionDelayMax": 50, "timeout": 5000}
# A browser's websocket carries no headers.
WAYS = [(transport, way) for transport in TRANSPORTS for way in ("auth", "header", "query")
        if (transport, way) != ("websocket", "header")]

OFFSET = SOME_TEXT
# A conversation that there is not.
_NOWHERE = 10**15
_NUMBER = Pattern("number", lambda value: type(value) is int)


def bundle() -> Path:
    """The script that browsers load."""
    files = importlib.metadata.files("nicegui") or []
    return next(Path(file.locate()) for file in files if file.name == "socket.io.min.js")


def program(*names: str) -> str:
    """Where a program is that the tests need, be it one for administrators."""
    places = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    found = next(filter(None, (shutil.which(name, path=places) for name in names)), None)
    assert found is not None, f"{names[0]} is missing; scripts/install-test-tools.sh installs it"
    return found


def credentials(token: str, way: str = "auth") -> dict[str, Any]:
    """The client's options that carry a token."""
    return {
        "auth": {"auth": {"token": token}}, "header": {"extraHeaders": {"Authorization": f"Bearer {token}"}},
        "query": {"query": {"token": token}},
    }[way]


def event(name: str, value: Any, has_offset: bool = True) -> list[Any]:
    """What a client tells of an event; with recovery on, an offset follows the value, except for errors."""
    return ["event", name, value, *([OFFSET] if has_offset and name != "error" else [])]


def connected(recovered: bool = False, transport: str | Pattern = SOME_TEXT) -> list[Any]:
    return ["connect", {"id": SOME_TEXT, "recovered": recovered, "transport": transport}]


def disconnected(reason: str | Pattern = SOME_TEXT) -> list[Any]:
    return ["disconnect", reason]


class JavaScriptClient:
    """One client of the driver; what it saw is kept in its order, upgrades aside."""

    def __init__(self, driver: Driver, number: int) -> None:
        self._driver, self._number = driver, number
        self._numbers = itertools.count(1)
        self._seen: asyncio.Queue[list[Any]] = asyncio.Queue()
        self._upgraded = asyncio.Event()
        self.id = ""

    def saw(self, what: list[Any]) -> None:
        match what:
            case ["upgrade", transport]:
                assert transport == "websocket"
                self._upgraded.set()
                return
            case ["connect", state]:
                self.id = state["id"]
            case ["disconnect", _]:
                self._upgraded.clear()
        self._seen.put_nowait(what)

    async def receive(self, within: float = PATIENCE) -> list[Any]:
        try:
            async with asyncio.timeout(within):
                return await self._seen.get()
        except TimeoutError:
            pytest.fail(f"nothing within {within} s")

    async def expect(self, *expected: list[Any], within: float = PATIENCE) -> list[Any]:
        """The next things seen, which must be these; returns the last."""
        for each in expected:
            seen = await self.receive(within)
            assert matches(seen, each), f"expected {each!r}, saw {seen!r}"
        return seen

    async def expect_nothing(self) -> None:
        """Whatever the server had already sent us would be here before the answer to our question."""
        await self.ask("leave_conversation", _NOWHERE)

    async def expect_upgrade(self) -> None:
        await asyncio.wait_for(self._upgraded.wait(), PATIENCE)

    async def expect_back(self, recovered: bool) -> None:
        """After tries in vain; the id is the same if the connection was recovered."""
        before = self.id
        while (seen := await self.receive())[0] == "connect_error":
            pass
        assert matches(seen, connected(recovered)), seen
        assert (self.id == before) is recovered

    async def emit(self, name: str, *values: Any) -> None:
        await self.call("emit", name, *values)

    async def ask(self, name: str, *values: Any, answer: Any = OK) -> Any:
        """Emits, and sees nothing before the acknowledgement."""
        await self.call("ask", next(self._numbers), name, *values)
        return (await self.expect(["ack", _NUMBER, answer]))[2]

    async def expect_refusal(self, words: str, why: str, name: str, *values: Any) -> None:
        """Emits; the event `error` has these words, and then the acknowledgement says why."""
        await self.call("ask", next(self._numbers), name, *values)
        await self.expect(event("error", {"message": words}), ["ack", _NUMBER, {"ok": False, "error": why}])

    async def join(self, *conversations: int | str) -> None:
        for conversation in conversations:
            await self.ask("join_conversation", conversation)

    async def call(self, name: str, *values: Any) -> None:
        """A call of the driver."""
        await self._driver.write(self._number, name, *values)


class Driver:
    """A Node process; it ends with its input."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._clients: list[JavaScriptClient] = []
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls) -> Driver:
        return cls(await asyncio.create_subprocess_exec(
            program("node", "nodejs"), str(_DRIVER), str(bundle()), stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, env=os.environ | {"NODE_PATH": _MODULES}, limit=1 << 24,
        ))

    async def connect(self, port: int, *, namespace: str = "/", **options: Any) -> JavaScriptClient:
        """A client that begins to connect."""
        client = JavaScriptClient(self, len(self._clients))
        self._clients.append(client)
        await client.call("connect", f"http://127.0.0.1:{port}{namespace}", HASTY | options)
        return client

    async def online(
        self, port: int, person: Person, transport: str, *joined: int, way: str = "auth", **options: Any
    ) -> JavaScriptClient:
        """A client that has signed in, upgraded if it is to, and joined these conversations."""
        client = await self.connect(port, **credentials(person.token, way), **TRANSPORTS[transport], **options)
        await client.expect(connected(transport=SOME_TEXT if transport == "upgrade" else transport))
        if transport == "upgrade":
            await client.expect_upgrade()
        await client.join(*joined)
        return client

    async def write(self, *call: Any) -> None:
        self._process.stdin.write(json.dumps(call).encode() + b"\n")
        await self._process.stdin.drain()

    async def _read(self) -> None:
        async for line in self._process.stdout:
            number, *what = json.loads(line)
            self._clients[number].saw(what)

    async def close(self) -> None:
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), PATIENCE)
        await self._reading
