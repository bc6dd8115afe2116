"""The soak's own books: each broken promise is found, and a kept one is not blamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from Soak.ledger import SURE, Announcement, Ledger, Message, Screen, Wire, now
from Soak.reconcile import Stored, reconcile

AARAV, BELA, CARLA = 1, 2, 3
PLACE = 7


class Books:
    """Aarav has sent Bela two messages; the first was acknowledged, both are stored, and Bela has seen them."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.found_conversation(PLACE, frozenset((AARAV, BELA)))
        self.screen = Screen(self.ledger, BELA, "erp of 2")
        self.first, self.second = (self.ledger.sent(AARAV, PLACE, filling) for filling in (0, 40))
        self.ledger.acknowledged(self.first, 1)
        self.stored = Stored([self.row(1, self.first), self.row(2, self.second)], Counter(), 0, [])

    def row(self, number: int, message: Message) -> tuple[int, int, int, str]:
        return (number, PLACE, AARAV, message.text)

    def show(self, *messages: tuple[int, Message]) -> None:
        for number, message in messages:
            self.screen.show(number, message.text, AARAV)

    def show_both(self) -> None:
        self.show((1, self.first), (2, self.second))

    def wrong(self) -> set[str]:
        reconcile(self.ledger, [], self.stored)
        return set(self.ledger.wrong)


def test_kept_promises() -> None:
    books = Books()
    books.show_both()
    assert books.wrong() == set()
    assert (books.ledger.figures["deliveries"], books.ledger.figures["duplicates"]) == (2, 0)


def test_a_known_id_may_come_again() -> None:
    books = Books()
    books.show_both()
    books.show_both()
    assert books.wrong() == set()
    assert books.ledger.figures["duplicates"] == 2


def test_what_one_front_end_has_seen_may_come_late_on_another() -> None:
    books = Books()
    other = Screen(books.ledger, BELA, "erp of 2")
    other.others = [books.screen]
    books.show_both()
    for number, message in ((2, books.second), (1, books.first)):
        other.show(number, message.text, AARAV)
    assert books.wrong() == set()


def missing(books: Books) -> None:
    books.show((1, books.first))


def swapped(books: Books) -> None:
    books.show((2, books.second), (1, books.first))


def under_another_id(books: Books) -> None:
    books.show((1, books.first), (3, books.second))


def of_another_sender(books: Books) -> None:
    books.show((1, books.first))
    books.screen.show(2, books.second.text, CARLA)


def cut_short(books: Books) -> None:
    books.show((1, books.first))
    books.screen.show(2, books.second.text[:-1], AARAV)


def to_somebody_else(books: Books) -> None:
    books.show_both()
    Screen(books.ledger, CARLA, "campus of 3").show(1, books.first.text, AARAV)


def two_of_one_id(books: Books) -> None:
    books.show((1, books.first), (1, books.second))


def not_stored(books: Books) -> None:
    books.show_both()
    books.stored.messages.pop(0)


def stored_twice(books: Books) -> None:
    books.show_both()
    books.stored.messages.append(books.row(3, books.second))
    books.show((3, books.second))


def stored_elsewhere(books: Books) -> None:
    books.show_both()
    books.stored.messages[1] = (2, PLACE + 1, AARAV, books.second.text)


def stored_although_refused(books: Books) -> None:
    books.show_both()
    books.ledger.refused(books.second)


def swallowed_over_a_whole_connection(books: Books) -> None:
    books.show_both()
    third = books.ledger.sent(AARAV, PLACE, wire=Wire())
    third.sent_at = now()


def notification_lost(books: Books) -> None:
    books.show_both()
    books.ledger.notifications["n0"] = Announcement("n0", None, acknowledged_at=now())


def counter_too_low(books: Books) -> None:
    books.show_both()
    books.ledger.counted_for_certain = books.ledger.counted_at_most = 1


def counter_went_back(books: Books) -> None:
    books.show_both()
    books.ledger.highest_count = 1


@pytest.mark.parametrize(("breach", "rule"), [
    (missing, "never delivered to erp"), (swapped, "out of order"), (under_another_id, "stored under another id"),
    (of_another_sender, "seen as of another sender or conversation"), (cut_short, "seen, and never sent so"),
    (to_somebody_else, "seen by somebody whose it is not"), (two_of_one_id, "two messages under one id"),
    (not_stored, "acknowledged, and not stored"), (stored_twice, "stored more than once"),
    (stored_elsewhere, "stored in the wrong place"), (stored_although_refused, "refused, and stored"),
    (swallowed_over_a_whole_connection, "sent by erp over a whole connection, and not stored"),
    (notification_lost, "a notification is not stored once"), (counter_too_low, "the counter is wrong"),
    (counter_went_back, "the counter went back"),
])
def test_broken_promises(breach: Callable[[Books], None], rule: str) -> None:
    books = Books()
    breach(books)
    assert rule in books.wrong()


def test_a_wire_covers_what_was_sent_well_before_it_broke() -> None:
    wire = Wire(opened=100)
    assert wire.covers(100, 101) and not wire.covers(99, 101)
    wire.broken = 101 + SURE
    assert wire.covers(100, 101) and not wire.covers(100, 102)
