"""The network between one front end and the server: a TCP proxy that fails as networks do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from switchboard import Server


class Way:
    """A listener of its own for one front end; all its connections go through it."""

    def __init__(self, upstream: Callable[[], Server], is_narrow: bool = False) -> None:
        """Each connection is told its server. What a narrow one takes from it is little, as behind a slow link."""
        self.upstream, self.is_narrow = upstream, is_narrow
        self.is_down = False
        self.links: set[Link] = set()
        self.port = 0
        self._listener: asyncio.Server

    async def open(self) -> Way:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Link(self).near, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    def cut(self, seconds: float, is_noticed: bool, linger: float) -> None:
        """Nothing comes through any more: what both sides send is lost, and neither is told.

        A client that notices has its end reset at once, another when the network is back. The server's end stays until
        `linger` seconds after that: for so long it may take the connection for a living one.
        """
        self.is_down = True
        links = [*self.links]
        for link in links:
            link.is_lost = True
            if is_noticed:
                link.near.abort()
        asyncio.get_running_loop().call_later(seconds, self._come_back, links, linger)

    def _come_back(self, links: list[Link], linger: float) -> None:
        self.is_down = False
        for link in links:
            link.near.abort()
            asyncio.get_running_loop().call_later(linger, link.far.abort)

    def stall(self, seconds: float) -> None:
        """Nothing comes through for a while, and all of it does afterwards."""
        for link in [*self.links]:
            for end in (link.near, link.far):
                end.pause()
                asyncio.get_running_loop().call_later(seconds, end.resume)

    def clog(self, seconds: float) -> None:
        """Nothing of what the server sends is taken from it for a while."""
        for link in [*self.links]:
            link.far.pause()
            asyncio.get_running_loop().call_later(seconds, link.far.resume)

    def close(self) -> None:
        self._listener.close()
        for link in [*self.links]:
            link.near.abort()
            link.far.abort()


class Link:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.is_lost = False
        self.server: Server | None = None
        self.near, self.far = End(self), End(self)
        self.near.other, self.far.other = self.far, self.near

    def has_come(self) -> None:
        """The client is there."""
        if self.way.is_down:
            self.near.abort()
            return
        self.way.links.add(self)
        self.near.pause()
        self._task = asyncio.create_task(self._reach())

    async def _reach(self) -> None:
        loop = asyncio.get_running_loop()
        upstream = socket.socket()
        upstream.setblocking(False)
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.way.is_narrow:
            upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1_400)
        try:
            async with asyncio.timeout(10):
                self.server = self.way.upstream()
                await loop.sock_connect(upstream, self.server.address)
            await loop.create_connection(lambda: self.far, sock=upstream)
            self.near.resume()
        except (OSError, TimeoutError):
            upstream.close()
            self.near.abort()

    def has_ended(self, end: End) -> None:
        """One end is gone; where the link is whole, the other follows, with what is on its way."""
        if self.near.is_over and (self.far.is_over or self.far.transport is None):
            self.way.links.discard(self)
        if not self.is_lost and end.other.transport is not None:
            end.other.transport.close()


class End(asyncio.Protocol):
    """One side of a link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.other: End
        self.transport: asyncio.Transport | None = None
        self.is_over = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        if self is self.link.near:
            self.link.has_come()
        elif self.link.near.is_over and not self.link.is_lost:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self.link.is_lost and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        self.other.pause()

    def resume_writing(self) -> None:
        self.other.resume()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over = True
        self.link.has_ended(self)

    def pause(self) -> None:
        if self.transport is not None and not self.is_over:
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.transport is not None and not self.is_over:
            self.transport.resume_reading()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()
