"""Engine.IO by long polling, with the face of a websocket: one connection for each request, and none tried twice."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass

import aiohttp

# Longer than the server lets a poll wait.
PATIENCE = 40.0
SEPARATOR = "\x1e"


@dataclass(frozen=True)
class Heard:
    type: aiohttp.WSMsgType
    data: str = ""


CLOSED = Heard(aiohttp.WSMsgType.CLOSED)


class Polling:
    """A session. Any request that fails ends it, as in the official client."""

    close_code = None

    def __init__(self, port: int) -> None:
        self._port = port
        self._path = "/socket.io/?EIO=4&transport=polling"
        self._heard: deque[str] = deque()
        self._unsent: list[str] = []
        self._posting: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[str] | None = None
        self._is_over = False

    async def open(self) -> Polling:
        opened = await self._request("GET")
        self._heard.append(opened)
        self._path += f"&sid={json.loads(opened[1:])['sid']}"
        return self

    async def receive(self) -> Heard:
        while not self._heard:
            if self._is_over:
                return CLOSED
            self._polling = asyncio.create_task(self._request("GET"))
            # Who ends the session cancels the poll; who cancels this does not wait for it.
            await asyncio.wait([self._polling])
            if self._polling.cancelled() or self._polling.exception() is not None:
                self._is_over = True
            else:
                self._heard.extend(self._polling.result().split(SEPARATOR))
        packet = self._heard.popleft()
        return CLOSED if packet == "1" else Heard(aiohttp.WSMsgType.TEXT, packet)

    async def send_str(self, packet: str) -> None:
        """Returns at once; the packets go in order, those that wait in one payload."""
        if self._is_over:
            raise ConnectionResetError
        self._unsent.append(packet)
        if self._posting is None:
            self._posting = asyncio.create_task(self._post())

    async def _post(self) -> None:
        try:
            while self._unsent:
                payload, self._unsent = SEPARATOR.join(self._unsent), []
                await self._request("POST", payload.encode())
            self._posting = None
        except (OSError, ValueError, TimeoutError):
            self._end()

    async def close(self) -> None:
        if not self._is_over:
            self._is_over = True
            try:
                await self._request("POST", b"1")
            except (OSError, ValueError, TimeoutError):
                pass
        self._end()

    def _end(self) -> None:
        self._is_over = True
        if self._polling is not None:
            self._polling.cancel()

    async def _request(self, method: str, body: bytes = b"") -> str:
        head = (f"{method} {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nConnection: close\r\n"
                f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                writer.write(head.encode() + body)
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").lower().split("\r\n")
                fields = dict(line.split(": ", 1) for line in lines[1:] if line)
                content = await reader.readexactly(int(fields["content-length"]))
            except asyncio.IncompleteReadError as error:
                raise ConnectionResetError from error
            finally:
                writer.transport.abort()
        if lines[0].split(" ")[1] != "200":
            raise ValueError(lines[0])
        return content.decode()

