"""Bulk messages: to whom, how fast, and each recipient exactly once, whatever happens meanwhile."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import erp
import pytest
from api import API_KEY, API_TIME, BEYOND_64_BITS, KEYED, MESSAGES, answered, at_once, expect, get, post, refused
from campus import NOTIFICATIONS
from conftest import Connect
from database import rows
from erp import notified, unread
from frames import ERP_TIME, ID
from switchboard import Server, eventually

SETTINGS = KEYED
BULK = "/api/bulk-messages/"
NOT_FOUND = "Bulk message not found."
NOBODY = [999_998, 999_999]
# So many people, at so many a second, leave time to cancel or to kill.
CROWD = 60
SLOW = 12

_titles = (f"bulk {number}" for number in itertools.count(1))


@pytest.fixture
def title() -> str:
    """A title that no other bulk message has."""
    return next(_titles)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that sends SLOW notifications a second, with a crowd on it."""
    server = Server(tmp_path_factory.mktemp("slow"), "--bulk-rate", SLOW, extra=KEYED).start()
    with ThreadPoolExecutor(4) as makers:
        list(makers.map(lambda number: server.cli("user", "add", f"crowd{number}", "--name", "X"), range(CROWD)))
    yield server
    server.close()


def bulk(title: str, status: str = "running", total: int = 0, sent: object = ID, unknown: object = 0) -> dict:
    return {
        "id": ID, "title": title, "message": "M", "status": status, "total": total, "sent": sent, "unknown": unknown,
        "created_at": API_TIME, "finished_at": None if status == "running" else API_TIME,
    }


def create(server: Server, title: str, key: str | None = None, **audience: object) -> dict:
    return answered(post(server, API_KEY, BULK, {"title": title, "message": "M"} | audience, key), 202)


def state(server: Server, number: int) -> dict:
    return answered(get(server, API_KEY, f"{BULK}{number}/"))


def finished(server: Server, number: int) -> dict:
    """The bulk message once it runs no more."""
    eventually(lambda: state(server, number)["status"] != "running", "the bulk message has an end")
    return state(server, number)


def recipients(server: Server, title: str) -> Counter[int]:
    """How many notifications with this title each person has."""
    found = rows(server, "SELECT audience, audience_id FROM notifications WHERE title = ?", title)
    assert {audience for audience, _ in found} <= {2}, "one notification for each person, and for nobody else"
    return Counter(person for _, person in found)


def everybody(server: Server) -> set[int]:
    return {number for (number,) in rows(server, "SELECT id FROM users")}


async def test_named_people_get_it_once(server: Server, connect: Connect, title: str) -> None:
    one, two, other = server.person(), server.person(), server.person()
    sockets = [await notified(connect, server, who) for who in (one, two)]
    campus, silent = await connect(server, NOTIFICATIONS, one.token), await notified(connect, server, other)
    anonymous = await connect(server, NOTIFICATIONS)
    await anonymous.receive()
    body = {
        "user_ids": [two.id, one.id, str(two.id), NOBODY[0], one.id, str(NOBODY[1])], "category": "office",
        "link": "/fees", "priority": "high", "data": {"term": 2},
    }
    made = create(server, title, **body)
    expect(made | {"sent": 1, "unknown": 0, "status": "running", "finished_at": None}, bulk(title, total=2))
    done = finished(server, made["id"])
    expect(done, bulk(title, "done", 2, 2, 2) | {"id": made["id"], "created_at": made["created_at"]})
    for socket in sockets:
        await socket.expect({
            "type": "notification", "id": ID, "title": title, "message": "M", "category": "office", "link": "/fees",
            "timestamp": ERP_TIME, "is_read": False,
        })
        await socket.expect(unread(1))
    await campus.expect({
        "type": "notify", "title": title, "message": "M", "notification_type": "message", "timestamp": ERP_TIME,
        "data": {"term": 2, "bulk_message_id": made["id"]},
    })
    for socket in (*sockets, campus, silent, anonymous):
        await socket.expect_nothing()
    assert recipients(server, title) == {one.id: 1, two.id: 1}


def test_those_who_were_away_find_it(server: Server, title: str) -> None:
    person = server.person()
    number = create(server, title, user_ids=[person.id], type="fees")["id"]
    finished(server, number)
    expect(answered(get(server, person, "/api/notifications/")), {"unread_count": 1, "notifications": [{
        "id": ID, "title": title, "message": "M", "category": "", "type": "fees", "link": None, "priority": "normal",
        "data": {"bulk_message_id": number}, "timestamp": ERP_TIME, "is_read": False,
    }]})


def test_a_college(server: Server, title: str) -> None:
    inside, _ = [server.person(college=71) for _ in range(3)], server.person(college=72)
    number = create(server, title, college_id="71")["id"]
    expect(finished(server, number), bulk(title, "done", 3, 3))
    assert recipients(server, title) == {person.id: 1 for person in inside}


def test_everybody(server: Server, title: str) -> None:
    server.person()
    people = everybody(server)
    number = create(server, title, everybody=True)["id"]
    expect(finished(server, number), bulk(title, "done", len(people), len(people)))
    assert recipients(server, title) == dict.fromkeys(people, 1)


@pytest.mark.parametrize("audience, unknown", [({"user_ids": NOBODY}, 2), ({"college_id": 12345}, 0)], ids=repr)
def test_to_nobody(server: Server, title: str, audience: dict, unknown: int) -> None:
    done = finished(server, create(server, title, **audience)["id"])
    expect(done, bulk(title, "done", 0, 0, unknown))


@pytest.mark.parametrize("body", [
    {}, {"everybody": False}, {"everybody": 1}, {"everybody": "true"}, {"user_ids": []}, {"user_ids": 1},
    {"college_id": 0}, {"college_id": -5},
    {"user_ids": "1"}, {"user_ids": ["x"]}, {"user_ids": [1.5]}, {"user_ids": [None]}, {"user_ids": [True]},
    {"user_ids": [BEYOND_64_BITS]}, {"user_ids": list(range(1, 10_002))}, {"college_id": "x"}, {"college_id": 1.5},
    {"user_ids": [1], "college_id": 1}, {"user_ids": [1], "everybody": True}, {"college_id": 1, "everybody": True},
    {"everybody": True, "title": ""}, {"everybody": True, "title": None}, {"everybody": True, "message": ""},
    {"everybody": True, "message": 5}, {"everybody": True, "priority": "urgent"}, {"everybody": True, "data": [1]},
    {"everybody": True, "data": {"bulk_message_id": 1}}, {"everybody": True, "type": 5}, {"everybody": True, "link": 5},
    {"everybody": True, "category": {}},
], ids=lambda body: repr(body)[:50])
def test_a_bad_body_sends_nothing(server: Server, title: str, body: dict) -> None:
    refused(post(server, API_KEY, BULK, {"title": title, "message": "M"} | body), 400)
    assert recipients(server, title) == {}


@pytest.mark.parametrize("raw", [b"", b"x", b"[]", b"null", b'{"title":"\xff"}', b'{"title":"\\ud800"}', b"[" * 50_000],
                         ids=lambda raw: repr(raw)[:20])
def test_a_body_that_is_no_json_object(server: Server, raw: bytes) -> None:
    refused(post(server, API_KEY, BULK, raw), 400)


def test_a_repeat_sends_nothing(server: Server, title: str) -> None:
    person = server.person()
    body = {"title": title, "message": "M", "user_ids": [person.id]}
    answers = at_once(8, lambda _: post(server, API_KEY, BULK, body, title))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["id"] for answer in answers}) == 1
    finished(server, answers[0].json["id"])
    assert answered(post(server, API_KEY, BULK, body, title), 202)["id"] == answers[0].json["id"]
    server.restart()
    assert answered(post(server, API_KEY, BULK, body, title), 202)["id"] == answers[0].json["id"]
    assert recipients(server, title) == {person.id: 1}
    for bad in ("", "x" * 65):
        refused(post(server, API_KEY, BULK, body, bad), 400)


def test_the_list_is_newest_first_and_in_pages(server: Server) -> None:
    person, dean = server.person(), server.person(admin=True)
    made = [create(server, next(_titles), user_ids=[person.id])["id"] for _ in range(5)][::-1]
    for number in made:
        finished(server, number)
    first = answered(get(server, dean, BULK, limit=2))
    assert [item["id"] for item in first["bulk_messages"]] == made[:2]
    assert first["bulk_messages"] == [state(server, number) for number in made[:2]]
    second = answered(get(server, dean, BULK, limit=3, before=first["next"]))
    assert [item["id"] for item in second["bulk_messages"]] == made[2:]
    last = answered(get(server, dean, BULK, limit=200))
    assert last["next"] is None and [item["id"] for item in last["bulk_messages"]][:5] == made


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"before": "x"}, {"before": ""},
                                   {"before": BEYOND_64_BITS}], ids=repr)
def test_a_bad_page(server: Server, query: dict) -> None:
    refused(get(server, API_KEY, BULK, **query), 400)


@pytest.mark.parametrize("number", [0, -1, 999_999, BEYOND_64_BITS, "x", "1.0", "%00"])
def test_one_that_is_not_there(server: Server, number: object) -> None:
    refused(get(server, API_KEY, f"{BULK}{number}/"), 404, NOT_FOUND)
    refused(post(server, API_KEY, f"{BULK}{number}/cancel/"), 404, NOT_FOUND)


def test_the_rate_is_kept_and_the_progress_told(slow: Server, title: str) -> None:
    began = time.monotonic()
    made = create(slow, title, everybody=True)
    expect(made, bulk(title, total=CROWD, sent=made["sent"]))
    told = []

    def ended() -> bool:
        now = state(slow, made["id"])
        # A second's worth may go out at once.
        assert now["sent"] <= SLOW * (time.monotonic() - began + 1) + 1
        told.append(now["sent"])
        return now["status"] != "running"

    eventually(ended, "the bulk message is done")
    assert time.monotonic() - began >= CROWD / SLOW - 1
    assert told == sorted(told) and len(set(told)) > 2
    expect(state(slow, made["id"]), bulk(title, "done", CROWD, CROWD))
    assert recipients(slow, title) == dict.fromkeys(everybody(slow), 1)


def test_cancelling(slow: Server, title: str) -> None:
    number = create(slow, title, everybody=True)["id"]
    eventually(lambda: state(slow, number)["sent"] > 0, "the first have it")
    cancelled = answered(post(slow, API_KEY, f"{BULK}{number}/cancel/"))
    expect(cancelled, bulk(title, "cancelled", CROWD) | {"id": number})
    assert 0 < cancelled["sent"] < CROWD
    assert answered(post(slow, API_KEY, f"{BULK}{number}/cancel")) == cancelled
    after = create(slow, title + " after", user_ids=sorted(everybody(slow))[-5:])["id"]
    assert finished(slow, after)["status"] == "done"
    slow.kill9()
    slow.start()
    assert state(slow, number) == cancelled
    assert sum(recipients(slow, title).values()) == len(recipients(slow, title)) == cancelled["sent"]


def test_a_done_one_stays_done(server: Server, title: str) -> None:
    done = finished(server, create(server, title, user_ids=[server.person().id])["id"])
    assert answered(post(server, API_KEY, f"{BULK}{done['id']}/cancel/")) == done
    assert done["status"] == "done"


@pytest.mark.parametrize("kills", [1, 3])
def test_killed_in_the_middle_nobody_gets_it_twice_and_nobody_is_left_out(
    slow: Server, title: str, kills: int
) -> None:
    people = everybody(slow)
    number = create(slow, title, user_ids=[*people, *NOBODY])["id"]
    for kill in range(1, kills + 1):
        # In the first half: the other leaves time.
        goal = kill * CROWD // (2 * kills)
        eventually(lambda: sum(recipients(slow, title).values()) >= goal, "some have it")
        slow.kill9()
        assert len(recipients(slow, title)) < CROWD, "killed too late"
        slow.start()
    expect(finished(slow, number), bulk(title, "done", CROWD, CROWD, 2) | {"id": number})
    assert recipients(slow, title) == dict.fromkeys(people, 1)


def test_stopped_in_the_middle_it_goes_on(slow: Server, title: str) -> None:
    number = create(slow, title, everybody=True)["id"]
    eventually(lambda: len(recipients(slow, title)) > 5, "some have it")
    slow.restart()
    expect(finished(slow, number), bulk(title, "done", CROWD, CROWD) | {"id": number})
    assert recipients(slow, title) == dict.fromkeys(everybody(slow), 1)


def test_ten_thousand_people_at_most(server: Server, title: str) -> None:
    person = server.person()
    made = create(server, title, user_ids=[person.id, *range(1_000_000, 1_009_999)])
    expect(finished(server, made["id"]), bulk(title, "done", 1, 1, 9_999))


async def test_live_messages_do_not_wait_for_it(server: Server, connect: Connect, title: str) -> None:
    one, other = server.person(), server.person()
    sender, receiver = await erp.online(connect, server, one), await erp.online(connect, server, other)
    many = [server.person().id for _ in range(20)]
    # They take six seconds.
    jobs = [create(server, f"{title} {number}", user_ids=many)["id"] for number in range(150)]
    slowest = 0.0
    for count in range(20):
        began = time.monotonic()
        await sender.send(erp.said(f"live {count}", other.id))
        await receiver.expect(erp.heard(f"live {count}", one))
        answered(post(server, one, MESSAGES, {"receiver_id": other.id, "text": f"posted {count}"}), 201)
        await receiver.expect(erp.heard(f"posted {count}", one))
        slowest = max(slowest, time.monotonic() - began)
    assert state(server, jobs[-1])["status"] == "running", "nothing was going on meanwhile"
    assert slowest < 3
    for number in jobs:
        finished(server, number)
    found = rows(server, "SELECT audience_id FROM notifications WHERE title LIKE ?", f"{title} %")
    assert Counter(person for (person,) in found) == dict.fromkeys(many, len(jobs))
