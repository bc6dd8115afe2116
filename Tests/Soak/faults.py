"""What goes wrong while people talk."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable

from .front_end import FrontEnd
from .host import Descriptors
from .inboxes import Inbox
from .ledger import Ledger, now
from .places import Alone, Place
from .traffic import Traffic


class Faults:
    """Two things at once: the networks of single people, all the time, and the servers, one fault at a time."""

    def __init__(
        self, ledger: Ledger, place: Place, fronts: list[FrontEnd], traffic: Traffic, seed: int, without: set[str],
    ) -> None:
        self.ledger, self.place, self.fronts, self.traffic = ledger, place, fronts, traffic
        self.random = random.Random(seed)
        self.cuts, self.goodbyes = "cuts" not in without, "goodbyes" not in without
        self.faults = {name: fault for name, fault in self.server_faults().items() if name not in without}
        self.is_over = False

    def server_faults(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What the servers have to live with, by its name."""
        raise NotImplementedError

    async def disturb_server(self, every: float) -> None:
        """Each fault in turn, in an order that changes, until it is over."""
        while self.faults and not self.is_over:
            for name in self.random.sample([*self.faults], len(self.faults)):
                await asyncio.sleep(self.random.uniform(0.5, 1.5) * every)
                if self.is_over:
                    return
                await self.faults[name]()

    async def disturb_networks(self, each: float) -> None:
        """Everybody's network fails again and again, once in `each` seconds on average."""
        while not self.is_over:
            await asyncio.sleep(each / len(self.fronts))
            front = self.random.choice(self.fronts)
            if front.way.is_down:
                continue
            if self.goodbyes and self.random.random() < 0.1:
                self.ledger.figures["goodbyes"] += 1
                front.world.spawn(front.say_goodbye())
                continue
            if not self.cuts:
                continue
            if self.random.random() < 0.2:
                self.ledger.figures["networks that stood still"] += 1
                front.way.stall(2)
                continue
            self.ledger.figures["networks cut off"] += 1
            front.wire.breaks()
            front.way.cut(2, is_noticed=self.random.random() < 0.5, linger=self.random.uniform(0, 6))

    async def _use_up_files(self) -> None:
        self.ledger.figures["floods of connections"] += 1
        server = self.place.server
        flood = Descriptors(server.pid, server.address, spare=self.random.randint(0, 20), flood=200)
        await asyncio.sleep(self.random.uniform(2, 3))
        flood.give_back()

    async def _read_slowly(self) -> None:
        """Some can't take what is said to them, which is much."""
        narrow = [front for front in self.traffic.messengers if front.way.is_narrow and front.socket is not None]
        for front in self.random.sample(narrow, min(2, len(narrow))):
            self.ledger.figures["slow readers"] += 1
            front.way.clog(5)
            places = [
                (speaker, number) for speaker in self.traffic.messengers if speaker is not front
                for number in self.ledger.conversations[speaker.person.id]
                if front.person.id in self.ledger.members[number]
                and (len(self.ledger.members[number]) == 2 or not isinstance(speaker, Inbox))
            ]
            for number in range(240 if places else 0):
                speaker, place = self.random.choice(places)
                if speaker.socket is not None:
                    self.traffic.say(speaker, place, 15_000)
                if number % 20 == 0:
                    await asyncio.sleep(0.02)
        await asyncio.sleep(5)


class ServerFaults(Faults):
    """What one server, its disk and its clock can do."""

    def __init__(
        self, ledger: Ledger, place: Alone, fronts: list[FrontEnd], traffic: Traffic, seed: int, without: set[str],
    ) -> None:
        self.disk, self.clock, self.server = place.disk, place.clock, place.server
        super().__init__(ledger, place, fronts, traffic, seed, without)

    def server_faults(self) -> dict[str, Callable[[], Awaitable[None]]]:
        faults = {
            "kill": self._kill, "pause": self._pause, "disk": self._fill_disk, "files": self._use_up_files,
            "clock": self._set_clock_back, "slow": self._read_slowly,
        }
        if not self.clock.can_be_set:
            del faults["clock"]
        return faults

    async def _kill(self) -> None:
        """At any moment; now and then one that stands still, or whose disk is full."""
        way = self.random.random()
        self.ledger.figures["kills"] += 1
        if way < 0.2:
            self.server.signal(signal.SIGSTOP)
            await asyncio.sleep(0.5)
        elif way < 0.4:
            await asyncio.to_thread(self.disk.fill, self.server.pid)
            await asyncio.sleep(0.5)
        self.place.down.add(self.server)
        for front in self.fronts:
            front.wire.breaks()
        await asyncio.to_thread(self.server.kill9)
        if self.disk.is_mounted:
            self.disk.make_room(self.server.pid)
        await asyncio.sleep(self.random.uniform(0, 1))
        await asyncio.to_thread(self.server.start)
        self.place.down.clear()

    async def _pause(self) -> None:
        self.ledger.figures["pauses"] += 1
        self.server.signal(signal.SIGSTOP)
        await asyncio.sleep(self.random.uniform(0.5, 3))
        self.server.signal(signal.SIGCONT)

    async def _fill_disk(self) -> None:
        self.ledger.figures["full disks"] += 1
        await asyncio.to_thread(self.disk.fill, self.server.pid)
        # What its journal has room for still, the server stores.
        before, deadline = self.ledger.figures["errors"], now() + 10
        while self.ledger.figures["errors"] == before and now() < deadline:
            await asyncio.sleep(0.1)
        await asyncio.sleep(self.random.uniform(1, 3))
        self.disk.make_room(self.server.pid)

    async def _set_clock_back(self) -> None:
        """For a while, and right again."""
        self.ledger.figures["clocks set back"] += 1
        self.clock.set_back(self.random.choice((2, 60, 3600, 7200)))
        await asyncio.sleep(self.random.uniform(2, 5))
        self.clock.set_back(0)
