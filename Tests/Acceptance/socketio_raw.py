"""Socket.IO on a server's `/socket.io/` by hand, over both transports."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

from engine_io import Endpoint, Polling, WebSocket
from switchboard import Server


def engine(server: Server) -> Endpoint:
    """The server's Engine.IO, by hand."""
    return Endpoint(server.port, "/socket.io/")


async def have_read(server: Server) -> None:
    """Every loop has had its turn by now, and has read what was sent before: new connections go to any of them."""
    for _ in range(12):
        assert (await engine(server).ask("GET", "", path="/healthz")).status == 200


def compact(value: Any) -> str:
    """JSON as JavaScript writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def emitted(name: str, *arguments: Any, ack: int | str = "") -> str:
    """The message of an event, in the main namespace."""
    return f"42{ack}{compact([name, *arguments])}"


def sign_in(token: str) -> str:
    """The message that connects to the main namespace."""
    return "40" + compact({"token": token})


_SHAPES = {
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<offset>": r'[^"\\]+', "<id>": r"[1-9]\d*",
    "<sid>": r"[A-Za-z0-9_-]{16,}",
}
SIGNED_IN = '40{"sid":"<sid>","pid":"<sid>"}'


def expect_text(received: str | bytes, expected: str) -> None:
    """The same to the letter, but for what stands as <time>, <offset>, <id> and <sid>."""
    pattern = re.escape(expected)
    for name, shape in _SHAPES.items():
        pattern = pattern.replace(name, shape)
    assert isinstance(received, str) and re.fullmatch(pattern, received), f"expected {expected}, received {received!r}"


async def expect_texts(link: Link, *expected: str) -> None:
    """The next messages."""
    for text in expected:
        expect_text(await link.receive(), text)


@contextlib.asynccontextmanager
async def opened(server: Server, **options: Any) -> AsyncIterator[WebSocket]:
    """A websocket that is in no namespace yet."""
    async with engine(server).open_websocket(**options) as client:
        assert str(await client.receive()).startswith('0{"sid":"')
        yield client


class PollingLink:
    """A polling session as if it were a websocket; each request comes on a connection of its own."""

    def __init__(self, session: Polling) -> None:
        self.session = session
        self._waiting: list[str] = []

    async def send(self, *messages: str | bytes) -> None:
        """All in one payload; one that is refused is a matter of what comes next."""
        texts = [
            message if isinstance(message, str) else f"b{base64.b64encode(message).decode()}" for message in messages]
        assert (await self.session.post("\x1e".join(texts))).status in (200, 400)

    async def receive(self) -> str:
        while not self._waiting:
            self._waiting = (await self.session.get()).packets()
        return self._waiting.pop(0)

    async def expect_end(self) -> None:
        """The session ends, and nothing but pings and its end comes before."""
        while (answer := await self.session.get()).status == 200:
            assert set(answer.packets()) <= {"1", "2"}, answer
        answer.expect_refusal(1, "Session ID unknown")


Link = WebSocket | PollingLink
LINKS = ["websocket", "polling"]


@contextlib.asynccontextmanager
async def linked(server: Server, transport: str, token: str | None = None) -> AsyncIterator[Link]:
    """A connection by hand, with a token in the main namespace, without one in none yet."""
    async with contextlib.AsyncExitStack() as stack:
        if transport == "websocket":
            link: Link = await stack.enter_async_context(opened(server))
        else:
            link = PollingLink(await engine(server).open_polling())
        if token is not None:
            await link.send(sign_in(token))
            await expect_texts(link, SIGNED_IN)
        yield link
