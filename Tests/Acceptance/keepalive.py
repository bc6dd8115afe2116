"""One HTTP connection for many requests, for tests that make thousands."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from switchboard import PATIENCE, Server


class KeepAlive:
    def __init__(self, server: Server) -> None:
        self._address = server.address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, token: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the body; one request after the other."""
        async with self._turn:
            try:
                return await self._ask(token, method, path, body)
            except BaseException:
                # An answer that nobody waits for would be taken for the next one's.
                self.close()
                raise

    async def _ask(self, token: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        writer.write(head.encode() + b"\r\n" + data)
        async with asyncio.timeout(PATIENCE):
            answer = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in answer[1:] if line)
            content = await reader.readexactly(int(fields["content-length"]))
        return int(answer[0].split(" ")[1]), json.loads(content)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
