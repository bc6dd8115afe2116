"""The books against the database and against what everybody saw."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import psycopg

from .front_end import FrontEnd
from .inboxes import Inbox
from .ledger import Ledger, Screen
from .rooms import Bell, InRoom
from .socketio import SocketIO

Row = tuple[int, int, int, str]


@dataclass
class Stored:
    """What the database holds: of a message its id, conversation, sender and text."""

    messages: list[Row]
    notifications: Counter[str]
    counter: int
    complaints: list[str]
    # How often a message is older than the one before it, by its time.
    steps_back: int = 0

    @classmethod
    def of_sqlite(cls, file: Path) -> Stored:
        """While the server runs, or not. SQLite looks through all of the file, too."""
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
            stored = cls._read(database)
            stored.complaints += [line for (line,) in database.execute("PRAGMA integrity_check") if line != "ok"]
            stored.complaints += [f"foreign key: {row}" for row in database.execute("PRAGMA foreign_key_check")]
        return stored

    @classmethod
    def of_postgresql(cls, url: str) -> Stored:
        with contextlib.closing(psycopg.connect(url, autocommit=True, options="-csearch_path=switchboard")) as database:
            return cls._read(database)

    @classmethod
    def _read(cls, database: sqlite3.Connection | psycopg.Connection) -> Stored:
        messages = database.execute("SELECT id, conversation_id, sender_id, text FROM messages ORDER BY id")
        rows = messages.fetchall()
        times = [time for (time,) in database.execute("SELECT created_at FROM messages ORDER BY id")]
        (counter,) = database.execute("SELECT value FROM counter").fetchone()
        titles = Counter(title for (title,) in database.execute("SELECT title FROM notifications"))
        complaints = []
        filed = database.execute("SELECT conversation_id, message_id FROM conversation_messages").fetchall()
        if Counter(filed) != Counter((conversation, number) for number, conversation, _, _ in rows):
            complaints.append("the conversations do not list each message once")
        steps_back = sum(later < earlier - 1_000_000 for earlier, later in zip(times, times[1:]))
        return cls(rows, titles, counter, complaints, steps_back)


@dataclass
class Share:
    """What belongs on a screen, and what of it was never there."""

    screen: Screen
    expected: int
    lost: list[int]


def shares(ledger: Ledger, fronts: list[FrontEnd], rows: list[Row]) -> list[Share]:
    """One for each screen. A person whose front ends know no history has each message on one of them at least."""
    by_conversation: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, conversation, sender, _ in rows:
        by_conversation[conversation].append((number, sender))
    inboxes: dict[int, set[int]] = defaultdict(set)
    for front in fronts:
        if isinstance(front, Inbox):
            inboxes[front.person.id].update(front.screen.seen)
    found = []
    for screen in ledger.screens:
        seen = inboxes.get(screen.owner) or screen.seen
        expected = [
            number for conversation in ledger.conversations[screen.owner]
            for number, sender in by_conversation[conversation] if screen.shows_own or sender != screen.owner
        ]
        found.append(Share(screen, len(expected), [number for number in expected if number not in seen]))
    return found


def reconcile(ledger: Ledger, fronts: list[FrontEnd], stored: Stored) -> None:
    """Blames whatever differs."""
    for complaint in stored.complaints:
        ledger.blame("the database is damaged", complaint)
    _check_store(ledger, stored)
    for share in shares(ledger, fronts, stored.messages):
        dialect = share.screen.name.split()[0]
        ledger.figures[f"for {dialect}"] += share.expected
        ledger.figures[f"for {dialect}, and seen"] += share.expected - len(share.lost)
        if share.lost:
            rule = f"never delivered to {dialect}"
            ledger.wrong[rule] += len(share.lost) - 1
            ledger.blame(rule, (share.screen.name, len(share.lost), share.lost[:5]))
    _check_seen(ledger, stored)
    _check_announcements(ledger, fronts, stored)
    if not ledger.counted_for_certain <= stored.counter <= ledger.counted_at_most:
        ledger.blame("the counter is wrong", (ledger.counted_for_certain, stored.counter, ledger.counted_at_most))
    if ledger.figures["clocks set back"] and not stored.steps_back:
        ledger.blame("the clock was set back, and nobody noticed", ledger.figures["clocks set back"])
    if ledger.highest_count > stored.counter:
        ledger.blame("the counter went back", (ledger.highest_count, stored.counter))


def _check_store(ledger: Ledger, stored: Stored) -> None:
    """Each message once, where it belongs; each that was acknowledged, and none that was refused."""
    times: Counter[str] = Counter()
    for number, conversation, sender, text in stored.messages:
        message = ledger.message(text)
        if message is None:
            ledger.blame("stored, and never sent so", (number, text[:40]))
            continue
        times[message.key] += 1
        if (conversation, sender) != (message.conversation, message.sender):
            ledger.blame("stored in the wrong place", (number, message))
        if message.id not in (None, number):
            ledger.blame("stored under another id", (number, message.key, message.id))
    for message in ledger.messages.values():
        count = times[message.key]
        if count > 1:
            ledger.blame("stored more than once", (message.key, count))
        if message.is_acknowledged and count == 0:
            ledger.blame("acknowledged, and not stored", (message.key, message.id))
        if message.is_refused and count > 0:
            ledger.blame("refused, and stored", message.key)
        if message.id is not None and count == 0 and not message.is_acknowledged:
            ledger.blame("seen, and not stored", (message.key, message.id))
        wire = message.wire
        if (wire is not None and count == 0 and wire.covers(message.sent_at, message.sent_at)
                and not wire.has_refused(message.sent_at)):
            ledger.blame("sent by erp over a whole connection, and not stored", message.key)
    ledger.figures["stored"] = len(stored.messages)


def _check_seen(ledger: Ledger, stored: Stored) -> None:
    texts = {number: text for number, _, _, text in stored.messages}
    for screen in ledger.screens:
        for number, key in screen.seen.items():
            if texts.get(number, "").partition(" ")[0] != key:
                ledger.blame("seen, and stored as something else", (screen.name, number, key))


def _check_announcements(ledger: Ledger, fronts: list[FrontEnd], stored: Stored) -> None:
    """Notifications are stored once; they and what is said in rooms reach whoever was there all the time."""
    for told in ledger.notifications.values():
        count = stored.notifications[told.key]
        if count > 1 or count == 0 and told.acknowledged_at is not None:
            ledger.blame("a notification is not stored once", (told.key, count))
    for front in fronts:
        if isinstance(front, InRoom):
            told_here = [one for one in ledger.said_in_rooms.values() if one.audience == front.room]
        elif isinstance(front, (Bell, SocketIO)):
            person = front.person.id if front.person else None
            told_here = [one for one in ledger.notifications.values() if one.audience in (None, person)]
        else:
            continue
        for wire in front.wires:
            for told in told_here:
                if told.acknowledged_at is None or not wire.covers(told.sent_at, told.acknowledged_at):
                    continue
                if isinstance(front, InRoom) and ledger.may_be_missed(told, wire):
                    continue
                ledger.figures["announcements that had to be heard"] += 1
                if told.key not in wire.heard:
                    ledger.blame("not heard over a whole connection", (front.name, told.key))
