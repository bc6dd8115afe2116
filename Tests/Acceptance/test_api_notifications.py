"""Notifications over HTTP: how many, reading one and all, repeats of sending."""

from __future__ import annotations

import pytest
from api import API_KEY, BEYOND_64_BITS, KEYED, answered, at_once, delete, expect, get, post, refused
from conftest import Connect, Start
from erp import notified, unread
from frames import ERP_TIME, ID
from switchboard import Person, Server

SETTINGS = KEYED
LIST = "/api/notifications/"
COUNT, READ_ALL, SEND = f"{LIST}unread-count/", f"{LIST}read-all/", f"{LIST}send/"
SENT = {"title": "T", "message": "M", "priority": "normal"}


def heard(title: str = "T") -> dict:
    return {
        "type": "notification", "id": ID, "title": title, "message": "M", "category": "", "link": "",
        "timestamp": ERP_TIME, "is_read": False,
    }


def send(server: Server, key: str | None = None, title: str = "T", **audience: int) -> None:
    body = {"title": title, "message": "M"} | audience
    answer = answered(post(server, None, SEND, body, key))
    expect(answer, {"status": "success", "message": "Notification sent", "data": SENT | {"title": title}})


def listed(server: Server, person: Person, **query: object) -> list[dict]:
    return answered(get(server, person, LIST, **query))["notifications"]


def count(server: Server, person: Person) -> int:
    answer = answered(get(server, person, COUNT))
    assert answer.keys() == {"unread_count"}
    assert answered(get(server, person, LIST))["unread_count"] == answer["unread_count"]
    return answer["unread_count"]


def test_the_count(server: Server) -> None:
    person, other = server.person(college=5), server.person(college=6)
    assert count(server, person) == 0
    send(server, user_id=person.id)
    send(server, college_id=5)
    send(server)
    assert (count(server, person), count(server, other)) == (3, 1)
    newest = listed(server, person)[0]
    assert answered(post(server, person, f"{LIST}{newest['id']}/read/")) == {"status": "success", "unread_count": 2}
    assert answered(post(server, person, f"{LIST}{newest['id']}/read")) == {"status": "success", "unread_count": 2}
    assert (count(server, person), count(server, other)) == (2, 1)
    assert count(server, server.person(college=5)) == 0


async def test_reading_one_is_heard_on_every_socket(server: Server, connect: Connect) -> None:
    person = server.person()
    sockets = [await notified(connect, server, person) for _ in range(2)]
    for title in ("first", "second"):
        send(server, title=title, user_id=person.id)
        for socket in sockets:
            await socket.expect(heard(title))
            await socket.expect(unread(1 if title == "first" else 2))
    answered(post(server, person, f"{LIST}{listed(server, person)[0]['id']}/read/"))
    for socket in sockets:
        await socket.expect(unread(1))
        await socket.expect_nothing()


async def test_reading_all(server: Server, connect: Connect) -> None:
    person, other = server.person(college=15), server.person(college=15)
    socket, elsewhere = await notified(connect, server, person), await notified(connect, server, other)
    for audience in ({"user_id": person.id}, {"college_id": 15}, {}):
        send(server, **audience)
    for number in (1, 2, 3):
        await socket.expect(heard())
        await socket.expect(unread(number))
    for number in (1, 2):
        await elsewhere.expect(heard())
        await elsewhere.expect(unread(number))
    assert answered(post(server, person, READ_ALL)) == {"status": "success", "unread_count": 0}
    await socket.expect(unread(0))
    assert [item["is_read"] for item in listed(server, person)] == [True] * 3
    assert (count(server, person), count(server, other)) == (0, 2)
    assert answered(post(server, person, READ_ALL.rstrip("/"), {})) == {"status": "success", "unread_count": 0}
    await elsewhere.expect_nothing()
    send(server, user_id=person.id)
    while (await socket.receive())["type"] != "notification":
        pass
    await socket.expect(unread(1))


def test_what_was_read_stays_read(start: Start) -> None:
    server = start()
    person = server.person()
    for _ in range(3):
        send(server, user_id=person.id)
    answered(post(server, person, READ_ALL))
    send(server, user_id=person.id)
    server.kill9()
    server.start()
    assert count(server, person) == 1
    assert [item["is_read"] for item in listed(server, person)] == [False, True, True, True]


async def test_a_repeat_sends_nothing(server: Server, connect: Connect) -> None:
    person = server.person()
    socket = await notified(connect, server, person)
    for _ in range(3):
        send(server, "repeated", user_id=person.id)
    body = {"title": "T", "message": "M", "user_id": person.id}
    answers = at_once(8, lambda _: post(server, None, SEND, body, "race"))
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    for number in (1, 2):
        await socket.expect(heard())
        await socket.expect(unread(number))
    await socket.expect_nothing()
    send(server, "another", user_id=person.id)
    await socket.expect(heard())
    assert len(listed(server, person)) == 3


def test_a_repeat_after_a_crash(start: Start) -> None:
    server = start(extra=KEYED)
    person = server.person()
    send(server, "key", user_id=person.id)
    server.kill9()
    server.start()
    send(server, "key", user_id=person.id)
    assert len(listed(server, person)) == 1


@pytest.mark.parametrize("key", ["", "x" * 65, "é" * 33], ids=len)
def test_a_bad_key(server: Server, key: str) -> None:
    person = server.person()
    refused(post(server, None, SEND, {"title": "T", "message": "M", "user_id": person.id}, key), 400)
    assert listed(server, person) == []


@pytest.mark.parametrize("number", [0, -1, 999_999, 2**63 - 1, BEYOND_64_BITS, 10**40, "x", "1.0", "%00", "%ff", "+1"])
def test_reading_what_is_not_there(server: Server, number: object) -> None:
    refused(post(server, server.person(), f"{LIST}{number}/read/"), 404, "Notification not found.")


def test_foreign_ones_are_like_none(server: Server) -> None:
    owner, stranger = server.person(), server.person()
    send(server, user_id=owner.id)
    number = listed(server, owner)[0]["id"]
    foreign, none = (post(server, stranger, f"{LIST}{target}/read/") for target in (number, 999_999))
    refused(foreign, 404, "Notification not found.")
    assert foreign.body == none.body
    assert count(server, owner) == 1


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": 201}, {"limit": "x"}, {"limit": ""}, {"limit": 2**64}, {"before": "x"}, {"before": ""},
    {"before": BEYOND_64_BITS},
], ids=repr)
def test_a_bad_page(server: Server, query: dict) -> None:
    refused(get(server, server.person(), LIST, **query), 400)


@pytest.mark.parametrize("body", [
    {"user_id": BEYOND_64_BITS}, {"user_id": True}, {"user_id": []}, {"college_id": "x"}, {"college_id": 2**70},
    {"college_id": 0}, {"college_id": -5},
    {"user_id": 1, "college_id": 1}, {"category": 5}, {"type": []}, {"link": {}}, {"data": "x"}, {"data": [1]},
], ids=repr)
def test_a_bad_member(server: Server, body: dict) -> None:
    refused(post(server, None, SEND, {"title": "T", "message": "M"} | body), 400)


def test_wrong_methods(server: Server) -> None:
    for path in (COUNT, READ_ALL, SEND):
        refused(delete(server, None, path), 405)
    refused(post(server, None, COUNT), 405)
    refused(get(server, None, READ_ALL), 405)


def test_off_loopback_sending_is_for_administrators(start: Start) -> None:
    server = start(listen="0.0.0.0:0", extra=KEYED)
    body = {"title": "T", "message": "M"}
    refused(post(server, None, SEND, body), 401, "Authentication required")
    refused(post(server, server.person(), SEND, body), 403, "This needs an administrator")
    for who in (API_KEY, server.person(admin=True)):
        answered(post(server, who, SEND, body))
