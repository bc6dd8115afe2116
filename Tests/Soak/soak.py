"""A town of people on all dialects, and servers that are not spared: everything from the start to the verdict."""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from signed import hs256
from switchboard import memory

from .cluster_faults import ClusterFaults
from .faults import ServerFaults
from .front_end import FrontEnd, Person, World
from .inboxes import ERP, Campus
from .ledger import Ledger, now
from .network import Way
from .places import Alone, Place, Together
from .reconcile import reconcile, shares
from .rooms import AtCounter, Bell, InRoom
from .screens import Conversations
from .socketio import PollingSocketIO, SocketIO
from .traffic import Traffic

DIALECTS = (ERP, Campus, Conversations, SocketIO)
# Of the clients of Socket.IO, those that poll.
POLLING = 0.3
# How long what is on its way may take when nothing goes wrong any more.
REST = 60.0


@dataclass
class Options:
    seconds: float = 120
    seed: int = 1
    people: int = 160
    rate: float = 400
    # On average: from one fault of the server to the next, and from one cut of somebody's network to the next.
    fault_every: float = 3
    cut_every: float = 20
    without: set[str] = field(default_factory=set)
    clock: str = ""
    # Of a cluster; 0 is one server that needs none.
    nodes: int = 0


class Soak:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.ledger = Ledger()
        self.random = random.Random(options.seed)
        self.people: list[Person] = []
        self.fronts: list[FrontEnd] = []
        self.memory: list[int] = []
        self.place: Place

    async def run(self) -> None:
        """From the start of the servers to their end; SIGTERM ends both, too."""
        options = self.options
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
        with tempfile.TemporaryDirectory(prefix="switchboard-soak-", ignore_cleanup_errors=True) as name:
            if options.nodes:
                self.place = Together(Path(name), options.nodes)
            else:
                self.place = Alone(Path(name), int(64e6 + options.seconds * options.rate * 1500), options.clock)
            try:
                await asyncio.to_thread(self.place.start)
                async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
                    self.world = World(self.ledger, http, random.Random(options.seed + 1))
                    await self._live()
            finally:
                self.place.close()

    async def _live(self) -> None:
        options, ledger = self.options, self.ledger
        begun = now()
        await self._meet()
        await self._make_fronts()
        traffic = Traffic(self.world, self.people, self.fronts, options.seed + 2, options.rate)
        traffic.origin = self._origin
        kind = ClusterFaults if options.nodes else ServerFaults
        faults = kind(ledger, self.place, self.fronts, traffic, options.seed + 3, options.without)
        watch = asyncio.create_task(self._watch())
        ledger.figures["front ends"] = len(self.fronts)
        for front in self.fronts:
            front.come()
        await self._until(self._all_ready, "everybody to come")
        talking = asyncio.create_task(traffic.run())
        await asyncio.sleep(options.seconds / 10)
        await self._until(self._all_connected, "everybody to be there")
        self.memory.append(max(map(memory, self.place.servers)))

        going_wrong = [
            asyncio.create_task(faults.disturb_server(options.fault_every)),
            asyncio.create_task(faults.disturb_networks(options.cut_every)),
        ]
        await asyncio.sleep(max(1, options.seconds - (now() - begun)))
        faults.is_over = True
        await asyncio.gather(*going_wrong)
        talking.cancel()
        await self._until(self._all_ready, "everything to be acknowledged")
        await self._end_announcements(traffic)
        await self._until(self._nothing_missing, "everything to arrive")

        ledger.figures["connections too slow to read, by the server's log"] = sum(
            "too slow" in line for line in self.place.log)
        ledger.figures["longest lag of the clients, ms"] = int(traffic.longest_lag * 1000)
        # What is only looked at again would count twice.
        figures, deliveries = ledger.figures.copy(), len(ledger.delivered_after)
        await self._go_and_come()
        self.memory.append(max(map(memory, self.place.servers)))
        ledger.figures = figures
        del ledger.delivered_after[deliveries:]
        watch.cancel()
        self._check_memory()
        reconcile(ledger, self.fronts, await asyncio.to_thread(self.place.stored))
        await asyncio.gather(*(front.leave() for front in self.fronts))
        for front in self.fronts:
            front.way.close()
        for server in self.place.servers:
            if (status := await asyncio.to_thread(server.terminate)) != 0:
                ledger.blame("the server did not stop as it should", status)

    # The people

    def _origin(self) -> str:
        return "http://%s:%d" % self.place.server.address

    async def _meet(self) -> None:
        """People who are made by their first token, a net of conversations of two, and groups."""
        self.people = [await self._person(number) for number in range(self.options.people)]
        pairs = set()
        for place, person in enumerate(self.people):
            for step in (1, 2, self.random.randrange(3, len(self.people) - 1)):
                pairs.add(frozenset((person, self.people[(place + step) % len(self.people)])))
        for pair in sorted(pairs, key=lambda pair: sorted(person.id for person in pair)):
            one, other = sorted(pair, key=lambda person: person.id)
            await self._conversation(one, {"user_id": other.id}, {one, other})
        for _ in range(len(self.people) // 8):
            members = self.random.sample(self.people, self.random.randint(3, 8))
            await self._conversation(
                members[0], {"user_ids": [person.id for person in members[1:]], "title": "Team"}, set(members))

    async def _person(self, number: int) -> Person:
        token = hs256(sub=f"person{number}", name=f"Person {number}", exp=2**33)
        headers = {"Authorization": f"Bearer {token}"}
        async with self.world.http.get(f"{self._origin()}/api/auth/me/", headers=headers) as answer:
            return Person((await answer.json())["id"], token)

    async def _conversation(self, founder: Person, body: dict, people: set[Person]) -> None:
        headers = {"Authorization": f"Bearer {founder.token}"}
        async with self.world.http.post(f"{self._origin()}/api/conversations/", json=body, headers=headers) as answer:
            found = await answer.json()
        if answer.status not in (200, 201):
            raise RuntimeError(f"no conversation: {answer.status} {found}")
        self.ledger.found_conversation(found["id"], frozenset(person.id for person in people))

    async def _make_fronts(self) -> None:
        """Everybody has a dialect; every fourth has two front ends of it, every tenth a slow network."""
        for place, person in enumerate(self.people):
            dialect = DIALECTS[place % len(DIALECTS)]
            for _ in range(2 if self.random.random() < 0.25 else 1):
                kind = PollingSocketIO if dialect is SocketIO and self.random.random() < POLLING else dialect
                self.fronts.append(kind(self.world, person, await self._way(self.random.random() < 0.1)))
            if dialect in (ERP, Campus) and self.random.random() < 0.5:
                self.fronts.append(Bell(self.world, person, await self._way(), dialect.dialect))
        for number in range(self.options.people // 4):
            self.fronts.append(InRoom(self.world, f"room{number % 4}", await self._way()))
        for _ in range(max(2, self.options.people // 20)):
            self.fronts.append(AtCounter(self.world, None, await self._way()))
            self.fronts.append(Bell(self.world, None, await self._way(), "rooms"))

    async def _way(self, is_narrow: bool = False) -> Way:
        return await Way(lambda: self.place.server, is_narrow).open()

    # Waiting

    async def _all_connected(self) -> bool:
        return all(front.socket is not None for front in self.fronts)

    async def _all_ready(self) -> bool:
        return all(front.is_ready for front in self.fronts) and not self.world.tasks

    async def _nothing_missing(self) -> bool:
        rows = (await asyncio.to_thread(self.place.stored)).messages
        return not any(share.lost for share in shares(self.ledger, self.fronts, rows))

    async def _until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        """Where it does not come to that, the run goes on, and is blamed for it."""
        deadline = now() + REST
        while not await holds():
            if now() > deadline:
                self.ledger.blame("not within a minute", (what, *self._unready()))
                return
            await asyncio.sleep(0.25)

    def _unready(self) -> list[str]:
        unready = [front for front in self.fronts if not front.is_ready]
        return [f"{front.name}: connected {front.socket is not None}, {front.waits_for}" for front in unready[:5]]

    async def _watch(self) -> None:
        """Nobody but the faults ends a server."""
        while True:
            await asyncio.sleep(0.1)
            for server in self.place.servers:
                if server not in self.place.down and (status := server.status) is not None:
                    self.ledger.blame("a server ended by itself", (status, server.log[-3:]))
                    await asyncio.to_thread(server.start)

    # The end

    async def _end_announcements(self, traffic: Traffic) -> None:
        """Some that nobody may miss: the connections stay whole from here on."""
        audience: list[int | None] = [None, *(person.id for person in self.people[:20])]
        await asyncio.gather(*(traffic.notify(one) for one in audience))
        for front in self.fronts:
            if isinstance(front, InRoom):
                await front.speak()
        await asyncio.sleep(2)

    async def _go_and_come(self) -> None:
        """All leave, and come again, as after the start."""
        await asyncio.gather(*(front.leave() for front in self.fronts))
        await asyncio.sleep(2)
        for front in self.fronts:
            front.come()
        await self._until(self._all_ready, "everybody to come again")
        await asyncio.sleep(2)

    def _check_memory(self) -> None:
        before, after = self.memory
        if after > before * 1.5 + 32e6:
            self.ledger.blame("memory", f"{before / 1e6:.0f} MB at first, {after / 1e6:.0f} MB at the end")
