"""A client of the `socketio` dialect, on the `python-socketio` package; every wait is bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import socketio
from api import direct
from frames import matches
from socketio.exceptions import ConnectionError as Refused
from socketio_values import OK, UNKNOWN_EVENT, message, notice, said
from switchboard import PATIENCE, Person, Server

# What the client is told to use, by the name of what comes of it.
TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "upgrade": ["polling", "websocket"]}
# Where a client may put its token.
WAYS = ["auth", "header", "query"]
DISCONNECTED = "disconnect"


class SocketIO:
    """One connection; everything that arrives is kept in its order, the end included."""

    def __init__(self, has_offsets: bool = True) -> None:
        """Without recovery, events have no offsets."""
        self._has_offsets = has_offsets
        # The offset of the last event that had one.
        self.offset: str | None = None
        self._refusal: Any = None
        self._received: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self._client = socketio.AsyncClient(reconnection=False, handle_sigint=False)
        self._client.on("*", self._on_event)
        self._client.on("disconnect", self._on_disconnect)
        self._client.on("connect_error", self._on_refusal)

    @classmethod
    async def open(
        cls, server: Server, token: str | None = None, transport: str = "websocket", way: str = "auth",
        has_offsets: bool = True, **options: Any,
    ) -> SocketIO:
        client = cls(has_offsets)
        await client._connect(server, token, transport, way, **options)
        used = client._client.transport()
        assert used == ("polling" if transport == "polling" else "websocket"), f"{transport} became {used}"
        return client

    @classmethod
    async def refused(
        cls, server: Server, token: str | None = None, transport: str = "websocket", way: str = "auth", **options: Any
    ) -> Any:
        """What a connection is refused with."""
        client = cls()
        with pytest.raises(Refused):
            await client._connect(server, token, transport, way, **options)
        return client._refusal

    async def _connect(
        self, server: Server, token: str | None, transport: str, way: str, auth: Any = None,
        headers: dict[str, str] | None = None, query: str = "",
    ) -> None:
        """Beside the token, `auth`, `headers` and `query` may say what they like."""
        assert way in WAYS
        headers = dict(headers or {})
        if token is not None and way == "auth":
            auth = {"token": token} | (auth or {})
        elif token is not None and way == "header":
            headers["Authorization"] = f"Bearer {token}"
        elif token is not None:
            query = f"token={quote(token, safe='')}"
        await self._client.connect(
            f"http://{server.host}:{server.port}" + (f"?{query}" if query else ""), headers=headers, auth=auth,
            transports=TRANSPORTS[transport], wait_timeout=PATIENCE)

    def _on_event(self, event: str, *arguments: Any) -> None:
        self._received.put_nowait((event, *arguments))

    def _on_disconnect(self, reason: str) -> None:
        self._received.put_nowait((DISCONNECTED, reason))

    def _on_refusal(self, data: Any = None) -> None:
        self._refusal = data

    async def emit(self, event: str, *arguments: Any) -> None:
        await self._client.emit(event, arguments)

    async def ask(self, event: str, *arguments: Any) -> Any:
        """The same with an acknowledgement, which is returned; what comes before it or after it is kept."""
        try:
            return await self._client.call(event, arguments, timeout=PATIENCE)
        except socketio.exceptions.TimeoutError:
            pytest.fail(f"no acknowledgement of {event} within {PATIENCE} s")

    async def receive(self, within: float = PATIENCE) -> tuple[str, Any]:
        """The next event and what it carries, without its offset."""
        try:
            async with asyncio.timeout(within):
                event, *arguments = await self._received.get()
        except TimeoutError:
            pytest.fail(f"no event within {within} s")
        if self._has_offsets and event not in ("error", DISCONNECTED):
            *arguments, offset = arguments
            assert isinstance(offset, str) and offset not in ("", self.offset), (event, arguments, offset)
            self.offset = offset
        assert len(arguments) == 1, (event, arguments)
        return event, arguments[0]

    async def expect(self, event: str, data: Any, within: float = PATIENCE) -> Any:
        """The next event, which must be this one."""
        received = await self.receive(within)
        assert received[0] == event and matches(received[1], data), f"expected {event} {data!r}, received {received!r}"
        return received[1]

    async def expect_nothing(self) -> None:
        """Whatever the server had already sent would be here before the answer to an event that there is not."""
        await self.emit("are you there?")
        await self.expect("error", UNKNOWN_EVENT)

    async def expect_refusal(self, words: str, why: Any, event: str, *arguments: Any) -> None:
        """Asks; the event `error` has these words, and the acknowledgement says why."""
        answer = await self.ask(event, *arguments)
        await self.expect("error", {"message": words})
        assert matches(answer, {"ok": False, "error": why}), answer

    async def expect_disconnect(self, within: float = PATIENCE) -> str:
        """The server ends the connection, and sends nothing before; returns python-socketio's word for why."""
        event, reason = await self.receive(within)
        assert event == DISCONNECTED, (event, reason)
        return reason

    async def join(self, *conversations: int | str) -> None:
        for conversation in conversations:
            assert await self.ask("join_conversation", conversation) == OK

    async def leave(self, conversation: int | str) -> None:
        assert await self.ask("leave_conversation", conversation) == OK

    async def close(self) -> None:
        """Says goodbye; the server has taken leave when this returns."""
        engine = self._client.eio
        async with asyncio.timeout(PATIENCE):
            # While a payload is on its way, python-engineio would end without one for the goodbye, and its poll would wait
            # for the next ping.
            if engine.state == "connected":
                await engine.queue.join()
            await self._client.disconnect()

    async def drop(self) -> None:
        """Ends the connection without a word, as a lost network would."""
        engine = self._client.eio
        tasks = [task for task in (engine.read_loop_task, engine.write_loop_task) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if engine.http is not None:
            await engine.http.close()


_others: dict[Server, tuple[Person, Person, int]] = {}


@contextlib.asynccontextmanager
async def undisturbed(server: Server) -> AsyncIterator[None]:
    """Of two others one is there all the time and one comes at the end: they hear each other, and nothing else."""
    if server not in _others:
        pair = server.person("Deniz Kaya"), server.person("Emma Schmidt")
        _others[server] = (*pair, direct(server, *pair))
    deniz, emma, number = _others[server]
    here = await SocketIO.open(server, deniz.token)
    there: SocketIO | None = None
    try:
        await here.join(number)
        yield
        there = await SocketIO.open(server, emma.token, "upgrade")
        sent = await there.ask("send_message", said("still here", number))
        await here.expect("new_message", message("still here", emma, deniz, number, sent["id"]))
        await here.expect("message_notification", notice("still here", emma, deniz, number, sent["id"]))
        await here.expect_nothing()
        await there.expect_nothing()
    finally:
        for client in filter(None, (here, there)):
            await client.drop()
