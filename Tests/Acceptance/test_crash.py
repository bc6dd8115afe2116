"""`kill -9` under load: what anybody saw is stored, exactly once; what was stored arrives.

CRASH_ROUNDS sets how often the server is killed (5 by default).
"""

import asyncio
import itertools
import os
import random
from dataclasses import dataclass, field

from client import Client
from conftest import Connect, Start
from database import all_acknowledged, rows
from erp import CHAT, heard, online, said
from frames import matches
from switchboard import Person, Server
from websockets.exceptions import ConnectionClosed

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))
PAIRS = 4
# So many messages of a pair may be on their way: enough for full batches, too few for any limit.
WINDOW = 100

_markers = (f"marker {number}" for number in itertools.count(1))


@dataclass
class Pair:
    """Somebody who sends numbered messages, and somebody who notes what arrives under which id."""

    sender: Person
    receiver: Person
    sent: list[str] = field(default_factory=list)
    seen: dict[int, str] = field(default_factory=dict)

    def message(self, text: str) -> dict:
        """Every text is sent with itself as its client id."""
        return said(text, self.receiver.id, client_id=text)

    async def talk(self, client: Client, window: asyncio.Semaphore) -> None:
        """Sends until the connection breaks."""
        try:
            while True:
                await window.acquire()
                self.sent.append(f"{self.sender.username} {len(self.sent)}")
                await client.send(self.message(self.sent[-1]))
        except ConnectionClosed:
            return

    async def listen(self, client: Client, window: asyncio.Semaphore, goal: "Goal") -> None:
        """Notes until the connection breaks, and also what had come before it broke."""
        try:
            while True:
                frame = await client.receive()
                assert matches(frame, heard(frame["message"], self.sender)), frame
                assert frame["id"] not in self.seen, "the same message twice"
                self.seen[frame["id"]] = frame["message"]
                window.release()
                goal.step()
        except ConnectionClosed:
            return

    async def catch_up(self, client: Client, sender: Client) -> dict[int, str]:
        """Notes and returns what waits for the receiver, up to a marker that the sender says now."""
        marker, waited = next(_markers), {}
        await sender.send(self.message(marker))
        last = 0
        while (frame := await client.receive())["message"] != marker:
            assert frame["id"] > last, "the backlog is out of order"
            last = frame["id"]
            if not frame["message"].startswith("marker"):
                waited[last] = frame["message"]
        self.seen |= waited
        return waited


class Goal:
    """Reached after so many steps."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self._reached = asyncio.Event()

    def step(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self._reached.set()

    async def wait(self) -> None:
        await self._reached.wait()


async def kill_under_load(connect: Connect, server: Server, pairs: list[Pair], goal: Goal) -> None:
    """All pairs talk; the server is killed at the goal, in the midst of it."""
    talking, listening = [], []
    for pair in pairs:
        sender, receiver = await online(connect, server, pair.sender), await online(connect, server, pair.receiver)
        window = asyncio.Semaphore(WINDOW)
        listening.append(asyncio.create_task(pair.listen(receiver, window, goal)))
        talking.append(asyncio.create_task(pair.talk(sender, window)))
    reached = asyncio.create_task(goal.wait())
    await asyncio.wait([reached, *talking, *listening], timeout=30, return_when=asyncio.FIRST_COMPLETED)
    server.kill9()
    await asyncio.gather(*listening)
    assert reached.done(), "the server fell silent"
    for task in talking:
        task.cancel()
    await asyncio.wait(talking)


def check_store(server: Server, pairs: list[Pair]) -> dict[int, str]:
    """Finds all that was seen in the store, and nothing twice; returns all texts by their id."""
    assert rows(server, "PRAGMA integrity_check") == [("ok",)]
    stored = rows(server, "SELECT id, sender_id, text FROM messages")
    texts = {number: text for number, _, text in stored}
    assert len(set(texts.values())) == len(stored), "a message is stored twice"
    senders = {number: sender for number, sender, _ in stored}
    for pair in pairs:
        for number, text in pair.seen.items():
            assert (texts.get(number), senders.get(number)) == (text, pair.sender.id), "what was seen is lost"
    return texts


async def check_delivery(connect: Connect, server: Server, pair: Pair, stored: dict[int, str]) -> None:
    """The receiver comes back and misses nothing; the sender repeats what is in doubt, and all is well."""
    sender, receiver = await online(connect, server, pair.sender), await connect(server, CHAT, pair.receiver.token)
    own = set(pair.sent)
    missed = {number for number, text in stored.items() if text in own} - pair.seen.keys()
    backlog = await pair.catch_up(receiver, sender)
    assert missed <= backlog.keys(), "what was stored never arrived"
    assert backlog.items() <= stored.items()

    for text in pair.sent[-2 * WINDOW:]:
        await sender.send(pair.message(text))
    resent = await pair.catch_up(receiver, sender)
    assert not set(resent.values()) & set(stored.values()), "a repeat was delivered again"
    assert sorted(pair.seen.values()) == sorted(pair.sent)
    await sender.close()
    await all_acknowledged(server, pair.receiver)
    await receiver.close()


async def test_kill_9_under_load(start: Start, connect: Connect) -> None:
    server, choices = start(), random.Random(9)
    pairs = [Pair(server.person(), server.person()) for _ in range(PAIRS)]
    for _ in range(ROUNDS):
        highest = max((number for (number,) in rows(server, "SELECT id FROM messages")), default=0)
        seen_before = {number for pair in pairs for number in pair.seen}
        await kill_under_load(connect, server, pairs, Goal(choices.randint(1, 3000)))
        seen_now = {number for pair in pairs for number in pair.seen} - seen_before
        assert min(seen_now) > highest, "an id went back"
        server.start()
        stored = check_store(server, pairs)
        for pair in pairs:
            await check_delivery(connect, server, pair, stored)
        check_store(server, pairs)
