"""A client of any JSON dialect, on the `websockets` package; every wait is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from frames import matches
from switchboard import PATIENCE
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidState
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State


class Connection(ClientConnection):
    """Knows what it has acknowledged: a ping's payload is a message's id."""

    acknowledged = 0

    def process_event(self, event: Event) -> None:
        is_ping = isinstance(event, Frame) and event.opcode is Opcode.PING and len(event.data) == 8
        # A pong behind our own closing frame counts no more.
        if is_ping and self.protocol.state is State.OPEN:
            self.acknowledged = max(self.acknowledged, int.from_bytes(event.data, "big"))
        super().process_event(event)


class Client:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @classmethod
    async def open(cls, url: str, **options: Any) -> Client:
        # No pings of its own and no limits: nothing may happen here that a test didn't ask for.
        defaults = {"create_connection": Connection, "proxy": None, "ping_interval": None, "max_size": None, "max_queue": None}
        return cls(await connect(url, **defaults, open_timeout=PATIENCE, close_timeout=PATIENCE, **options))

    async def send(self, frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def send_text(self, text: str | bytes) -> None:
        """Text goes out as a text message, bytes as a binary one."""
        await self.socket.send(text)

    async def next(self) -> Any:
        """The next frame, however long it takes."""
        message = await self.socket.recv()
        assert isinstance(message, str), "a binary message"
        return json.loads(message)

    async def receive(self, within: float = PATIENCE) -> Any:
        try:
            async with asyncio.timeout(within):
                return await self.next()
        except TimeoutError:
            pytest.fail(f"no frame within {within} s")

    async def expect(self, expected: Any, within: float = PATIENCE) -> Any:
        """The next frame, which must be this one."""
        frame = await self.receive(within)
        assert matches(frame, expected), f"expected {expected!r}, received {frame!r}"
        return frame

    async def arrived(self) -> list[Any]:
        """Whatever the server had already sent us would be here before the answer to our ping."""
        async with asyncio.timeout(PATIENCE):
            await (await self.socket.ping())
        frames = []
        while True:
            try:
                async with asyncio.timeout(0):
                    frames.append(await self.next())
            except TimeoutError:
                return frames

    async def expect_nothing(self) -> None:
        if frames := await self.arrived():
            pytest.fail(f"received {frames!r}")

    async def expect_close(self, code: int, within: float = PATIENCE) -> str:
        """The server closes with this code, and sends no message before; returns the reason."""
        try:
            async with asyncio.timeout(within):
                message = await self.socket.recv()
        except TimeoutError:
            pytest.fail(f"still open after {within} s")
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, "ended without a close frame"
            assert closed.rcvd.code == code, closed.rcvd
            return closed.rcvd.reason
        pytest.fail(f"received {message!r}, expected close {code}")

    async def close(self) -> None:
        await self.socket.close()

    def leave(self) -> None:
        """Says goodbye and is gone, as a browser's page that is left."""
        with contextlib.suppress(InvalidState):
            self.socket.protocol.send_close(1001)
            self.socket.send_data()
        self.drop()

    def drop(self) -> None:
        """Ends the connection without a closing handshake, as a lost network would."""
        self.socket.transport.abort()
