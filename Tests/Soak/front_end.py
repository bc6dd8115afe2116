"""What front ends of all dialects have in common: a connection that is made again whenever it breaks."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar

import aiohttp

from .ledger import Ledger, Wire
from .network import Way

HANDSHAKE_PATIENCE = 10.0
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0
LOST = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


@dataclass(frozen=True)
class Person:
    id: int
    token: str


@dataclass
class World:
    """What all front ends share."""

    ledger: Ledger
    http: aiohttp.ClientSession
    random: random.Random
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def spawn(self, steps: Coroutine[Any, Any, None]) -> None:
        """Runs what must not hold up the reading."""
        task = asyncio.create_task(steps)
        self.tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.ledger.blame("a front end failed", repr(error))


class FrontEnd:
    """One tab, app or screen of somebody. It lives until it leaves, over as many connections as it takes."""

    dialect: ClassVar[str]
    # Whether the server may compress what it sends; clients of Socket.IO don't offer it.
    compress: ClassVar[int] = 0

    def __init__(self, world: World, person: Person | None, way: Way) -> None:
        self.world, self.person, self.way = world, person, way
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.wire = Wire()
        # All there were, to say later which of them must have heard what.
        self.wires: list[Wire] = []
        self.connections = 0
        self._life: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return f"{self.dialect} of {self.person.id if self.person else 'anybody'}"

    @property
    def is_ready(self) -> bool:
        """It is connected, and has all that it asked for."""
        return self.socket is not None

    @property
    def waits_for(self) -> str:
        """What keeps it from being ready, in words."""
        return "waits for nothing else"

    def url(self) -> str:
        raise NotImplementedError

    def hear(self, frame: Any) -> None:
        """One frame. May not wait: what follows it follows at once."""
        raise NotImplementedError

    async def came(self) -> None:
        """The connection is there."""

    def gone(self) -> None:
        """It broke, or was closed."""

    def come(self) -> None:
        self._life = asyncio.create_task(self._live())

    async def say_goodbye(self) -> None:
        """Closes the connection as a page does that is loaded anew: what comes in meanwhile is not looked at."""
        if (socket := self.socket) is not None:
            self.wire.breaks()
            await socket.close()

    async def leave(self) -> None:
        """Closes the connection properly, if there is one. Nothing may be said any more that it should hear."""
        life, self._life = self._life, None
        if (socket := self.socket) is not None:
            await socket.close()
        if life is not None:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)

    async def send(self, frame: Any) -> None:
        await self.send_text(json.dumps(frame))

    async def send_text(self, text: str) -> None:
        """What can't be sent any more is lost, as with a browser's socket."""
        if (socket := self.socket) is not None:
            try:
                await socket.send_str(text)
            except LOST:
                pass

    def decode(self, text: str) -> Any:
        return json.loads(text)

    async def _live(self) -> None:
        wait = FIRST_WAIT
        while True:
            heard_before = self.connections
            try:
                await self._connect()
            except LOST:
                self.world.ledger.figures["connections that failed"] += 1
            if self.connections > heard_before:
                wait = FIRST_WAIT
            await asyncio.sleep(wait * self.world.random.uniform(0.5, 1.5))
            wait = min(wait * 2, LONGEST_WAIT)

    async def _connect(self) -> None:
        """From the handshake to the end of the connection."""
        async with asyncio.timeout(HANDSHAKE_PATIENCE):
            socket = await self.open()
        try:
            self.wire = await self.enter(socket)
            if self.wires[-1:] != [self.wire]:
                self.wires.append(self.wire)
            self.connections += 1
            self.world.ledger.figures["connections"] += 1
            self.socket = socket
            await self.came()
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                self._hear(message.data)
            if socket.close_code is not None and socket.close_code != 1006:
                self.world.ledger.figures[f"closed with {socket.close_code}"] += 1
        finally:
            # What somebody hears until they leave by themselves is all theirs.
            if self.socket is not None and self._life is not None:
                self.wire.breaks()
            self.socket = None
            self.gone()
            await socket.close()

    async def open(self) -> aiohttp.ClientWebSocketResponse:
        return await self.world.http.ws_connect(self.url(), max_msg_size=0, compress=self.compress)

    async def enter(self, socket: aiohttp.ClientWebSocketResponse) -> Wire:
        """What has to be agreed on before anything else."""
        return Wire()

    def _hear(self, text: str) -> None:
        try:
            self.hear(self.decode(text))
        except (LookupError, TypeError, ValueError) as error:
            self.world.ledger.blame("a frame that is none of the dialect's", (self.name, text[:200], repr(error)))

