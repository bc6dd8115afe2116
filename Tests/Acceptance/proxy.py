"""A way to the server that a test can cut: a TCP proxy, with which networks fail as they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from switchboard import PATIENCE

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """On a port of its own; the server's is asked for at each connection, since a restarted one has another."""

    def __init__(self, upstream: Callable[[], int]) -> None:
        self._upstream = upstream
        self._links: list[Link] = []
        self._server: asyncio.Server
        # Others are refused meanwhile.
        self.lets_in = True
        self.accepted = 0
        self.port: int

    async def start(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link((reader, writer))
        if self.lets_in:
            self.accepted += 1
            self._links.append(link)
            await link.run(self._upstream())
            self._links.remove(link)
        link.cut()

    @property
    def links(self) -> list[Link]:
        """Those with an end that lives, the oldest first."""
        return list(self._links)

    def cut(self) -> None:
        """All connections there are end, for both sides."""
        for link in self.links:
            link.cut()

    def close(self) -> None:
        """They end, and others are refused."""
        self.lets_in = False
        self.cut()

    async def stop(self) -> None:
        self.close()
        self._server.close()
        async with asyncio.timeout(PATIENCE):
            for link in self.links:
                await link.ended.wait()


class Link:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, client: Stream) -> None:
        self._ends = [client]
        self._is_silent = False
        self.ended = asyncio.Event()

    def cut(self) -> None:
        for _, writer in self._ends:
            writer.transport.abort()

    def stall(self) -> None:
        """Both ends stay, and nothing comes through any more."""
        self._is_silent = True

    def strand(self) -> None:
        """The client's end is gone; the server is not told, and what it sends is lost."""
        self.stall()
        self._ends[0][1].transport.abort()

    async def run(self, port: int) -> None:
        """Until both ends are gone."""
        try:
            self._ends.append(await asyncio.open_connection("127.0.0.1", port))
            if self._ends[0][1].is_closing():
                return
            await asyncio.gather(self._pass(0, 1), self._pass(1, 0))
        except OSError:
            pass
        finally:
            self.cut()
            self.ended.set()

    async def _pass(self, source: int, target: int) -> None:
        try:
            while data := await self._ends[source][0].read(1 << 16):
                if not self._is_silent:
                    self._ends[target][1].write(data)
                    await self._ends[target][1].drain()
        except OSError:
            pass
        if not self._is_silent:
            self._ends[target][1].close()
