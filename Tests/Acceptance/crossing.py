"""What the tests of a cluster do over several nodes: talking all the time, waiting until all know of each other."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any

import campus
import erp
import rooms
from client import Client
from cluster import Node
from conftest import Connect
from erp import NOT_FOUND_OR_OFFLINE
from frames import error
from switchboard import PATIENCE, Person, eventually

COUNTER = "/ws/counter/"


async def until(check: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    """Asks again and again, while clients go on."""
    await asyncio.to_thread(eventually, check, what, within)


class Talk:
    """Somebody who talks on one node, all the time, and others elsewhere, who must hear it all, once and in order.

    In an `async with`; at its end everything must have been heard that was acknowledged.
    """

    def __init__(
        self, connect: Connect, speaker: tuple[Node, Person], listener: Person, *where: Node, pause: float = 0.01,
    ) -> None:
        """The listener has a client on each of the nodes `where`."""
        self._connect, self._speaker, self._listener, self._where = connect, speaker, listener, where
        self._pause = pause
        self.acknowledged: list[str] = []

    async def __aenter__(self) -> Talk:
        self.listeners = [await self._connect(node, campus.CHAT, self._listener.token) for node in self._where]
        self._sender = await self._connect(self._speaker[0], campus.CHAT, self._speaker[1].token)
        self._heard: list[list[dict[str, Any]]] = [[] for _ in self.listeners]
        self._is_over = False
        self._task = asyncio.create_task(self._talk())
        await self.goes_on(5)
        return self

    async def _talk(self) -> None:
        for number in itertools.count():
            if self._is_over:
                return
            await self._sender.send(campus.said(str(number), self._listener.id))
            await self._sender.expect(campus.SENT, within=30)
            self.acknowledged.append(str(number))
            await asyncio.sleep(self._pause)

    async def goes_on(self, count: int = 20, within: float = 30) -> None:
        """Waits until so many more were acknowledged."""
        target, deadline = len(self.acknowledged) + count, time.monotonic() + within
        while len(self.acknowledged) < target:
            if self._task.done():
                await self._task
            assert time.monotonic() < deadline, f"only {len(self.acknowledged)} of {target} were acknowledged"
            await asyncio.sleep(0.01)

    async def caught_up(self, within: float = PATIENCE) -> None:
        """Each listener has all that was acknowledged so far, in its order, or has it within so many seconds."""
        deadline, count = time.monotonic() + within, len(self.acknowledged)
        for client, frames in zip(self.listeners, self._heard):
            while len(frames) < count:
                frames.append(await client.receive(max(0.1, deadline - time.monotonic())))
            assert [frame["message"] for frame in frames[:count]] == self.acknowledged[:count]
            ids = [frame["id"] for frame in frames]
            assert ids == sorted(set(ids))

    async def heard(self, within: float = PATIENCE) -> None:
        """Ends the talk, and waits until all of it was heard, once."""
        self._is_over = True
        await self._task
        await self.caught_up(within)
        assert all(len(frames) == len(self.acknowledged) for frames in self._heard)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and not self._is_over:
            await self.heard()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def present(sender: Client, author: Person, receiver: Client, person: Person) -> None:
    """Writes until the sender's node knows that the receiver, a client of `erp` too, is there."""
    deadline = time.monotonic() + PATIENCE
    for count in itertools.count():
        await sender.send(erp.said(f"there? {count}", person.id))
        # Answered behind what becomes of the message, which the receiver may hear first.
        await sender.send_text("no JSON")
        await receiver.expect(erp.heard(f"there? {count}", author))
        frames = [await sender.receive()]
        while frames[-1] != error("Invalid JSON format"):
            frames.append(await sender.receive())
        if NOT_FOUND_OR_OFFLINE not in frames:
            return
        assert time.monotonic() < deadline, "still said to be offline"
        await asyncio.sleep(0.02)


async def offline(sender: Client, person: Person, within: float) -> None:
    """Writes until the sender's node says that nobody is there."""
    deadline = time.monotonic() + within
    while True:
        await sender.send(erp.said("are you there?", person.id))
        for _ in range(10):
            if await sender.arrived():
                return
            await asyncio.sleep(0.02)
        assert time.monotonic() < deadline, f"not said to be offline within {within} s"


async def both_present(connect: Connect, one: Node, aarav: Person, other: Node, bela: Person) -> tuple[Client, Client]:
    """Clients of `erp` whose nodes know of each other's."""
    here, there = await erp.online(connect, one, aarav), await erp.online(connect, other, bela)
    await present(here, aarav, there, bela)
    await present(there, bela, here, aarav)
    return here, there


async def in_room(connect: Connect, nodes: list[Node], room: str) -> list[Client]:
    """One client on each node, once each hears the others."""
    clients = [await connect(node, room) for node in nodes]
    deadline = time.monotonic() + PATIENCE
    missing = {(speaker, listener) for speaker in range(len(clients)) for listener in range(len(clients))}
    while missing:
        assert time.monotonic() < deadline, f"not heard: {missing}"
        for number, client in enumerate(clients):
            await client.send(rooms.said("hello?", username=str(number)))
        await asyncio.sleep(0.1)
        for number, client in enumerate(clients):
            missing -= {(int(frame["username"]), number) for frame in await client.arrived() if "username" in frame}
    # Some of that may be on its way still; all of it comes before this.
    for client in clients:
        await client.send(rooms.said("all here"))
    for client in clients:
        coming = len(clients)
        while coming:
            coming -= (await client.receive())["message"] == "all here"
    return clients


async def counted(client: Client, users: int, within: float = PATIENCE) -> None:
    """Hears in the end that there are so many at the counter."""
    deadline = time.monotonic() + within
    while (await client.receive(max(0.1, deadline - time.monotonic()))).get("count") != users:
        pass


async def heard_last(client: Client, users: int) -> None:
    """Hears that there are so many at the counter, and then nothing of it for a while."""
    await counted(client, users)
    # A node waits 0.2 s for a batch of another's that is missing, and delivers its own behind that.
    await asyncio.sleep(0.3)
    counts = [frame["count"] for frame in await client.arrived()]
    assert not counts or counts[-1] == users, f"heard of {counts} behind {users}"


async def at_counter(connect: Connect, nodes: list[Node]) -> tuple[int, list[Client]]:
    """The counter's value, and a client on each node that knows of all of them."""
    clients = [await connect(node, COUNTER) for node in nodes]
    values = {(await client.receive())["counter"] for client in clients}
    for client in clients:
        await counted(client, len(nodes))
    assert len(values) == 1
    return values.pop(), clients
