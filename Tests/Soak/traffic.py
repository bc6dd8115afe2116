"""Random traffic: what people do on their front ends, and what a back end asks the API for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import aiohttp

from .front_end import LOST, FrontEnd, Person, World
from .inboxes import Inbox
from .ledger import Announcement, now
from .rooms import AtCounter, InRoom
from .screens import Fetching

TICK = 0.02
# So many messages of one front end may wait for their acknowledgement.
WINDOW = 20


class Traffic:
    """A given number of actions a second, until it is told to end."""

    def __init__(self, world: World, people: list[Person], fronts: list[FrontEnd], seed: int, rate: float) -> None:
        self.world, self.people, self.rate = world, people, rate
        self.random = random.Random(seed)
        self.messengers: list[Inbox | Fetching] = [one for one in fronts if isinstance(one, (Inbox, Fetching))]
        self._rooms = [one for one in fronts if isinstance(one, InRoom)]
        self._counters = [one for one in fronts if isinstance(one, AtCounter)]
        # Where a server listens, not through anybody's network.
        self.origin: Callable[[], str]
        self.longest_lag = 0.0

    async def run(self) -> None:
        """Until it is cancelled."""
        actions, weights = zip(
            (self._say, 75), (self._speak, 6), (self._type, 6), (self._read, 5), (self._say_over_http, 4),
            (self._notify, 1), (self._count, 3))
        owed, last = 0.0, now()
        while True:
            await asyncio.sleep(TICK)
            passed, last = now() - last, now()
            self.longest_lag = max(self.longest_lag, passed - TICK)
            owed += min(passed, 1.0) * self.rate
            while owed >= 1:
                owed -= 1
                self.random.choices(actions, weights)[0]()

    def _say(self) -> None:
        front = self.random.choice(self.messengers)
        if (conversation := self._conversation(front)) is None or isinstance(front, Inbox) and front.socket is None:
            return
        if isinstance(front, Fetching) and len(front.unacknowledged) >= WINDOW:
            return
        filling = self.random.choice((0, 20, 20, 60, 60, 200, 1500))
        self.say(front, conversation, filling)

    def say(self, front: Inbox | Fetching, conversation: int, filling: int) -> None:
        self.world.ledger.figures["sent"] += 1
        message = self.world.ledger.sent(front.person.id, conversation, filling)
        self.world.spawn(front.say(message))

    def _conversation(self, front: Inbox | Fetching) -> int | None:
        """One of theirs; without words for groups, a direct one."""
        ledger = self.world.ledger
        theirs = ledger.conversations[front.person.id]
        if isinstance(front, Inbox):
            theirs = [number for number in theirs if len(ledger.members[number]) == 2]
        return self.random.choice(theirs) if theirs else None

    def _type(self) -> None:
        front = self.random.choice(self.messengers)
        if (conversation := self._conversation(front)) is not None:
            self.world.spawn(front.type(conversation))

    def _read(self) -> None:
        front = self.random.choice(self.messengers)
        if (conversation := self._conversation(front)) is not None:
            self.world.spawn(front.read(conversation))

    def _speak(self) -> None:
        if self._rooms and (front := self.random.choice(self._rooms)).socket is not None:
            self.world.spawn(front.speak())

    def _count(self) -> None:
        if self._counters and self.random.random() < 0.5:
            self.world.spawn(self.random.choice(self._counters).count())
        else:
            self.world.spawn(self._count_over_http())

    async def _count_over_http(self) -> None:
        """The counter takes no name for a request: it is not tried again."""
        self.world.ledger.counted_at_most += 1
        status, _ = await self._post("/api/counter/", {"action": "increment", "value": 1}, {})
        self.world.ledger.counted_for_certain += status == 200

    def _say_over_http(self) -> None:
        person = self.random.choice(self.people)
        ledger = self.world.ledger
        if theirs := ledger.conversations[person.id]:
            ledger.figures["sent"] += 1
            self.world.spawn(self._send_until_stored(person, self.random.choice(theirs)))

    async def _send_until_stored(self, person: Person, conversation: int) -> None:
        message = self.world.ledger.sent(person.id, conversation)
        answer = await self._insist(
            f"/api/conversations/{conversation}/messages/", {"text": message.text, "client_id": message.key},
            {"Authorization": f"Bearer {person.token}"})
        self.world.ledger.acknowledged(message, answer["id"])

    def _notify(self) -> None:
        everybody = self.random.random() < 0.2
        self.world.spawn(self.notify(None if everybody else self.random.choice(self.people).id))

    async def notify(self, audience: int | None) -> None:
        """One notification, until it is stored."""
        ledger = self.world.ledger
        told = Announcement(f"n{len(ledger.notifications)}", audience)
        ledger.notifications[told.key] = told
        ledger.figures["notifications"] += 1
        body = {"title": told.key, "message": "M"} | ({} if audience is None else {"user_id": audience})
        await self._insist("/api/notifications/send/", body, {"Idempotency-Key": told.key})
        told.acknowledged_at = now()

    async def _insist(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        """Until it is carried out: it has a name, so it is so once."""
        while True:
            status, answer = await self._post(path, body, headers)
            if status in (200, 201):
                return answer
            if status not in (0, 429, 503):
                raise RuntimeError(f"{path} {body}: {status} {answer}")
            await asyncio.sleep(self.random.uniform(0.2, 0.6))

    async def _post(self, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        """The status, 0 where there was no answer, and the body."""
        try:
            async with self.world.http.post(
                self.origin() + path, json=body, headers=headers, timeout=aiohttp.ClientTimeout(10)
            ) as answer:
                return answer.status, await answer.json()
        except LOST:
            return 0, None
