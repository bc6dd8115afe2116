"""What was sent, what was acknowledged, and what everybody saw of it: the books that the server is checked against."""

from __future__ import annotations

import base64
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

# What came later than this after it was sent came late: by a backlog, a history or a recovery.
LATE = 2.0
# What was sent over a connection that stayed whole for so long after it must have come through.
SURE = 10.0
# What makes messages long, and does not become shorter when it is compressed.
FILLING = base64.b64encode(random.Random(1).randbytes(12_000)).decode()
now = time.monotonic


@dataclass(slots=True, eq=False)
class Wire:
    """One connection of a front end: from when until when it was whole, as the network and the faults know it."""

    opened: float = field(default_factory=now)
    broken: float = float("inf")
    # When it heard an error; what was sent shortly before may have been refused.
    errors: list[float] = field(default_factory=list)
    # Keys of what is not stored for those who are away: notifications and room messages.
    heard: set[str] = field(default_factory=set)

    def breaks(self) -> None:
        self.broken = min(self.broken, now())

    def covers(self, start: float, end: float) -> bool:
        return self.opened <= start and end + SURE <= self.broken

    def has_refused(self, start: float) -> bool:
        return any(start <= error <= start + SURE for error in self.errors)


@dataclass(slots=True)
class Message:
    """One direct or group message; its text is the key, a blank, and filling."""

    key: str
    text: str
    sender: int
    conversation: int
    wire: Wire | None
    sent_at: float = field(default_factory=now)
    id: int | None = None
    is_acknowledged: bool = False
    is_refused: bool = False


@dataclass(slots=True)
class Announcement:
    """A notification, or a message in a room: for whoever is there."""

    key: str
    # The person, or the room; `None` is everybody.
    audience: int | str | None
    sent_at: float = field(default_factory=now)
    acknowledged_at: float | None = None


class Ledger:
    """The books. Times are of one monotonic clock; keys are unique."""

    def __init__(self) -> None:
        self.members: dict[int, frozenset[int]] = {}
        self.conversations: dict[int, list[int]] = defaultdict(list)
        self.messages: dict[str, Message] = {}
        self.notifications: dict[str, Announcement] = {}
        self.said_in_rooms: dict[str, Announcement] = {}
        self.screens: list[Screen] = []
        # What is kept nowhere may be missed between these times, and for so long after a connection is there: until
        # all nodes of a cluster know of it.
        self.doubts: list[tuple[float, float]] = []
        self.settling = 0.0
        self.wrong: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = defaultdict(list)
        self.figures: Counter[str] = Counter()
        self.acknowledged_after: list[float] = []
        self.delivered_after: list[float] = []
        # The counter: what the API has answered, and what was asked for at all.
        self.counted_for_certain = 0
        self.counted_at_most = 0
        self.highest_count = 0

    def blame(self, rule: str, detail: object) -> None:
        """A promise was broken."""
        self.wrong[rule] += 1
        if len(self.examples[rule]) < 5:
            self.examples[rule].append(str(detail))

    def found_conversation(self, number: int, people: frozenset[int]) -> None:
        self.members[number] = people
        for person in people:
            self.conversations[person].append(number)

    def sent(self, sender: int, conversation: int, filling: int = 0, wire: Wire | None = None) -> Message:
        """A new message, that is about to be sent."""
        key = f"m{len(self.messages)}"
        text = f"{key} {FILLING[:filling]}"
        message = self.messages[key] = Message(key, text, sender, conversation, wire)
        return message

    def acknowledged(self, message: Message, number: int) -> None:
        """The sender was told that it is stored, and under which id."""
        self._is_known_as(message, number)
        if not message.is_acknowledged:
            message.is_acknowledged = True
            self.figures["acknowledged"] += 1
            self.acknowledged_after.append(now() - message.sent_at)

    def refused(self, message: Message) -> None:
        """The sender was told that it is not stored."""
        message.is_refused = True
        self.figures["refused"] += 1

    def may_be_missed(self, told: Announcement, wire: Wire) -> bool:
        """Of what was said in a room, and has been heard by somebody."""
        return told.sent_at < wire.opened + self.settling or any(
            start <= told.acknowledged_at and told.sent_at <= end for start, end in self.doubts)

    def message(self, text: str) -> Message | None:
        """The one with this text, which must be whole."""
        message = self.messages.get(text.partition(" ")[0])
        return message if message is not None and message.text == text else None

    def _is_known_as(self, message: Message, number: int) -> None:
        if message.id is None:
            message.id = number
        elif message.id != number:
            self.blame("one message under two ids", (message.key, message.id, number))

    def shows(self, screen: Screen, number: int, message: Message) -> None:
        """Somebody sees it for the first time on this screen."""
        self._is_known_as(message, number)
        passed = now() - message.sent_at
        self.delivered_after.append(passed)
        self.figures["deliveries"] += 1
        self.figures["late deliveries"] += passed > LATE


class Screen:
    """What one front end has been shown of messages, over all its connections. It ignores ids that it knows."""

    def __init__(self, ledger: Ledger, owner: int, name: str, shows_own: bool = False) -> None:
        self.ledger, self.owner, self.name, self.shows_own = ledger, owner, name, shows_own
        self.seen: dict[int, str] = {}
        # The same person's where one is enough that has a message: it may come again on another, at any time.
        self.others: list[Screen] = []
        # By conversation, the highest id that came in its order.
        self.newest: dict[int, int] = {}
        # The same, in whichever order.
        self.highest: dict[int, int] = {}
        ledger.screens.append(self)

    def show(
        self, number: int, text: str, sender: int, conversation: int | None = None, in_order: bool = True
    ) -> Message | None:
        """Checks and remembers a message; returns what the ledger knows of it."""
        ledger = self.ledger
        message = ledger.message(text)
        if message is None:
            ledger.blame("seen, and never sent so", (self.name, number, text[:40]))
            return None
        if sender != message.sender or conversation not in (None, message.conversation):
            ledger.blame("seen as of another sender or conversation", (self.name, number, message.key, conversation))
        if self.owner not in ledger.members[message.conversation]:
            ledger.blame("seen by somebody whose it is not", (self.name, number, message.key))
        if (known := self.seen.get(number)) is not None:
            ledger.figures["duplicates"] += in_order
            if known != message.key:
                ledger.blame("two messages under one id", (self.name, number, known, message.key))
            return message
        self.seen[number] = message.key
        self.highest[message.conversation] = max(number, self.highest.get(message.conversation, 0))
        if in_order:
            late = number < self.newest.get(message.conversation, 0)
            if late and not any(number in other.seen for other in self.others):
                ledger.blame("out of order", (self.name, number, self.newest[message.conversation]))
            if not late:
                self.newest[message.conversation] = number
        if message.sender != self.owner:
            ledger.shows(self, number, message)
        return message

    def must_know(self, conversation: int, other: int) -> None:
        """Typing and receipts come from people of one's own conversations."""
        self.ledger.figures["typing and receipts"] += 1
        members = self.ledger.members.get(conversation, frozenset())
        if self.owner not in members or other not in members or other == self.owner:
            self.ledger.blame("typing or a receipt of others", (self.name, conversation, other))

    def must_share_one_with(self, other: int) -> None:
        self.ledger.figures["typing and receipts"] += 1
        if other == self.owner or not any(other in self.ledger.members[number]
                                          for number in self.ledger.conversations[self.owner]):
            self.ledger.blame("typing or a receipt of others", (self.name, other))
