"""Engine.IO by hand: each request and each frame is the test's own. And the Socket.IO fixture as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from machine import free_port
from policies import expect_policies
from switchboard import PATIENCE, eventually

PING_INTERVAL, PING_TIMEOUT = 0.3, 0.2


@contextlib.contextmanager
def fixture(**environment: str) -> Iterator[Fixture]:
    """A fixture that runs; it ends with 0 when it is told to."""
    binary = os.environ.get("SOCKETIO_FIXTURE_BIN", "")
    assert os.access(binary, os.X_OK), "SOCKETIO_FIXTURE_BIN must name the Socket.IO fixture"
    port = free_port()
    process = subprocess.Popen([binary, str(port)], stdout=subprocess.DEVNULL, env=os.environ | environment)

    def answers() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(answers, "the fixture to listen")
        yield Fixture(port)
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    def expect_refusal(self, code: int, message: str, status: int = 400) -> None:
        assert (self.status, json.loads(self.body)) == (status, {"code": code, "message": message})
        assert self.headers["content-type"] == "application/json"

    def packets(self) -> list[str]:
        assert self.status == 200, self
        assert self.headers["content-type"] == "text/plain; charset=UTF-8"
        return self.body.split("\x1e")

    def expect_payload(self, *packets: str) -> None:
        assert self.packets() == list(packets)


class Request:
    """A request on a connection of its own; its answer can be awaited, or not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def answer(self) -> Answer:
        async with asyncio.timeout(PATIENCE):
            head, _, body = (await self._reader.read()).decode().partition("\r\n\r\n")
        self.abort()
        status, *fields = head.split("\r\n")
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        number = int(status.split(" ")[1])
        expect_policies(number, headers)
        return Answer(number, headers, body)

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def abort(self) -> None:
        self._writer.close()


class Endpoint:
    """A port of this machine, and the path that Engine.IO has there."""

    def __init__(self, port: int, path: str) -> None:
        self.port, self.path = port, path

    async def begin(
        self, method: str, query: str, body: str | bytes | None = None, path: str | None = None,
        length: int | None = None, host: str = "127.0.0.1", headers: dict[str, str] | None = None,
    ) -> Request:
        """Sends a request; a `length` beyond the body's has the server wait for more."""
        data = body.encode() if isinstance(body, str) else body or b""
        head = f"{method} {path or self.path}?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        if body is not None:
            head += f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {length or len(data)}\r\n"
        request = Request(*await asyncio.open_connection(host, self.port))
        request.send(head.encode() + b"\r\n" + data)
        return request

    async def ask(self, method: str, query: str, body: str | bytes | None = None, **options: Any) -> Answer:
        return await (await self.begin(method, query, body, **options)).answer()

    async def open_polling(self, path: str | None = None, **options: Any) -> Polling:
        answer = await self.ask("GET", "EIO=4&transport=polling", path=path, **options)
        assert answer.status == 200 and answer.body.startswith("0"), answer
        return Polling(self, json.loads(answer.body[1:])["sid"], path or self.path)

    @contextlib.asynccontextmanager
    async def open_websocket(
        self, query: str = "EIO=4&transport=websocket", path: str | None = None, **options: Any
    ) -> AsyncIterator[WebSocket]:
        """A websocket before its first message."""
        url = f"ws://127.0.0.1:{self.port}{path or self.path}?{query}"
        async with connect(
            url, compression=None, close_timeout=1, max_size=None, proxy=None, **options
        ) as connection:
            yield WebSocket(connection)


class Fixture(Endpoint):
    """The fixture's port, and its Engine.IO without Socket.IO."""

    def __init__(self, port: int) -> None:
        super().__init__(port, "/engine.io/")


class Polling:
    """A session that is opened."""

    def __init__(self, server: Endpoint, sid: str, path: str) -> None:
        self.server, self.sid, self.path = server, sid, path
        self.query = f"EIO=4&transport=polling&sid={sid}"
        self.websocket_query = f"EIO=4&transport=websocket&sid={sid}"

    async def begin_get(self) -> Request:
        return await self.server.begin("GET", self.query, path=self.path)

    async def get(self) -> Answer:
        return await self.server.ask("GET", self.query, path=self.path)

    async def post(self, payload: str | bytes) -> Answer:
        return await self.server.ask("POST", self.query, payload, path=self.path)

    async def say(self, *packets: str) -> None:
        (await self.post("\x1e".join(packets))).expect_payload("ok")

    async def expect_end(self) -> None:
        (await self.get()).expect_refusal(1, "Session ID unknown")


class WebSocket:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, *messages: str | bytes) -> None:
        for message in messages:
            await self._connection.send(message)

    async def receive(self) -> str | bytes:
        async with asyncio.timeout(PATIENCE):
            return await self._connection.recv()

    async def expect(self, *messages: str | bytes) -> None:
        """These messages, with pings among them, which are answered."""
        for message in messages:
            while (received := await self.receive()) == "2" != message:
                await self.send("3")
            assert received == message

    def abort(self) -> None:
        self._connection.transport.abort()

    async def expect_close(self, code: int) -> None:
        """The server closes with this code, and says nothing before."""
        with pytest.raises(ConnectionClosed) as closed:
            pytest.fail(f"received {await self.receive()!r}")
        assert closed.value.rcvd is not None and closed.value.rcvd.code == code, closed.value

    async def expect_end(self) -> None:
        """The server closes before it says anything but a ping."""
        try:
            while True:
                received = await self.receive()
                assert received == "2", received
        except ConnectionClosed:
            pass
