"""Notices: drafts, publishing them once, and who hears and sees them."""

from __future__ import annotations

import itertools

import pytest
from api import API_KEY, API_TIME, BEYOND_64_BITS, KEYED, Caller, answered, at_once, expect, get, post, refused
from campus import NOTIFICATIONS
from client import Client
from conftest import Connect, Start
from erp import notified, unread
from frames import ERP_TIME, ID, ROOMS_TIME
from switchboard import Person, Server

SETTINGS = KEYED
NOTICES = "/api/notices/"
NOT_FOUND = "Notice not found."

_colleges = itertools.count(100)


@pytest.fixture
def college() -> int:
    """The number of a college that no other test speaks to."""
    return next(_colleges)


def notice(title: str = "Exams", college: int | None = None, published: bool = False, content: str = "") -> dict:
    return {
        "id": ID, "title": title, "content": content, "college": college, "is_published": published,
        "created_at": API_TIME, "published_at": API_TIME if published else None,
    }


def make(server: Server, college: int | None = None, publish: bool = False, title: str = "Exams") -> int:
    body = {"title": title, "college_id": college, "publish": publish}
    return expect(answered(post(server, API_KEY, NOTICES, body), 201), notice(title, college, publish))["id"]


def publish(server: Server, number: int) -> dict:
    return answered(post(server, API_KEY, f"{NOTICES}{number}/publish/"))


def seen(server: Server, who: Caller, **query: object) -> list[int]:
    return [item["id"] for item in answered(get(server, who, NOTICES, **query))["notices"]]


async def on_campus(connect: Connect, server: Server, person: Person) -> Client:
    return await connect(server, NOTIFICATIONS, person.token)


async def on_rooms(connect: Connect, server: Server) -> Client:
    client = await connect(server, NOTIFICATIONS)
    assert (await client.receive())["type"] == "connection_status"
    return client


def for_campus(number: int, title: str = "Exams") -> dict:
    return {
        "type": "notify", "title": "New Notice", "message": title, "notification_type": "notice", "timestamp": ERP_TIME,
        "data": {"notice_id": number, "url": f"/notices/{number}"},
    }


def for_erp(number: int, title: str = "Exams") -> dict:
    return {
        "type": "notification", "id": ID, "title": "New Notice", "message": title, "category": "notice",
        "link": f"/notices/{number}", "timestamp": ERP_TIME, "is_read": False,
    }


def for_rooms(title: str = "Exams") -> dict:
    return {"type": "notification", "title": "New Notice", "message": title, "priority": "normal",
            "timestamp": ROOMS_TIME}


@pytest.mark.parametrize("body, shown", [
    ({"title": "Exams"}, notice()),
    ({"title": "Exams", "content": "On Monday.\n", "college_id": 5}, notice(college=5, content="On Monday.\n")),
    ({"title": "Exams", "content": None, "college_id": None, "publish": None}, notice()),
    ({"title": "é 👋 \" \\", "college_id": "7", "publish": False}, notice("é 👋 \" \\", 7)),
    ({"title": "Exams", "college_id": 6, "publish": True}, notice(college=6, published=True)),
], ids=lambda value: repr(value)[:60])
def test_a_new_notice(server: Server, body: dict, shown: dict) -> None:
    made = expect(answered(post(server, API_KEY, NOTICES, body), 201), shown)
    for path in (f"{NOTICES}{made['id']}/", f"{NOTICES}{made['id']}"):
        assert answered(get(server, API_KEY, path)) == made


@pytest.mark.parametrize("body", [
    {}, {"title": ""}, {"title": None}, {"title": 5}, {"title": ["T"]}, {"title": "T", "content": 5},
    {"title": "T", "content": ["x"]}, {"title": "T", "college_id": "x"}, {"title": "T", "college_id": 1.5},
    {"title": "T", "college_id": True}, {"title": "T", "college_id": BEYOND_64_BITS}, {"title": "T", "college_id": [5]},
    {"title": "T", "college_id": 0}, {"title": "T", "college_id": -5},
    {"title": "T", "publish": "yes"}, {"title": "T", "publish": 1}, {"title": "T", "publish": []},
], ids=repr)
def test_a_bad_notice(server: Server, body: dict) -> None:
    before = seen(server, API_KEY)
    refused(post(server, API_KEY, NOTICES, body), 400)
    assert seen(server, API_KEY) == before


@pytest.mark.parametrize("raw", [b"", b"x", b"[]", b"null", b'{"title":"\xff"}', b'{"title":"\\ud800"}', b"{" * 50_000],
                         ids=lambda raw: repr(raw)[:20])
def test_a_body_that_is_no_json_object(server: Server, raw: bytes) -> None:
    refused(post(server, API_KEY, NOTICES, raw), 400)


async def test_a_draft_is_nobodys_business(server: Server, connect: Connect, college: int) -> None:
    person, dean = server.person(college=college), server.person(admin=True)
    sockets = [await on_campus(connect, server, person), await notified(connect, server, person)]
    number = make(server, college)
    for socket in sockets:
        await socket.expect_nothing()
    assert seen(server, person) == []
    hidden, none = (get(server, person, f"{NOTICES}{target}/") for target in (number, 999_999))
    refused(hidden, 404, NOT_FOUND)
    assert hidden.body == none.body
    assert number in seen(server, dean) and number in seen(server, API_KEY, college_id=college)
    expect(answered(get(server, dean, f"{NOTICES}{number}/")), notice(college=college))


async def test_publishing_tells_the_college_once(server: Server, connect: Connect, college: int) -> None:
    person, other, nowhere = server.person(college=college), server.person(college=college + 1000), server.person()
    erp, campus = await notified(connect, server, person), await on_campus(connect, server, person)
    silent = [
        await on_rooms(connect, server),
        *[await notified(connect, server, who) for who in (other, nowhere)],
        *[await on_campus(connect, server, who) for who in (other, nowhere)],
    ]
    number = make(server, college)
    first = expect(publish(server, number), notice(college=college, published=True))
    assert [publish(server, number) for _ in range(3)] == [first] * 3
    await erp.expect(for_erp(number))
    await erp.expect(unread(1))
    await campus.expect(for_campus(number))
    for socket in (erp, campus, *silent):
        await socket.expect_nothing()
    assert answered(get(server, person, f"{NOTICES}{number}/")) == first
    for who in (other, nowhere):
        refused(get(server, who, f"{NOTICES}{number}/"), 404, NOT_FOUND)
        assert number not in seen(server, who)


async def test_for_everybody(server: Server, connect: Connect, college: int) -> None:
    person, nowhere = server.person(college=college), server.person()
    on_erp = [await notified(connect, server, who) for who in (person, nowhere)]
    others = [await on_campus(connect, server, who) for who in (person, nowhere)]
    anonymous = await on_rooms(connect, server)
    number = make(server, None, publish=True)
    for socket in on_erp:
        await socket.expect(for_erp(number))
        await socket.expect(unread(1))
    for socket in others:
        await socket.expect(for_campus(number))
    await anonymous.expect(for_rooms())
    for socket in (*on_erp, *others, anonymous):
        await socket.expect_nothing()
    assert number in seen(server, person) and number in seen(server, nowhere)


async def test_ten_at_once_publish_once(server: Server, connect: Connect, college: int) -> None:
    person = server.person(college=college)
    erp, campus = await notified(connect, server, person), await on_campus(connect, server, person)
    number = make(server, college)
    answers = at_once(10, lambda _: post(server, API_KEY, f"{NOTICES}{number}/publish/"))
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    await erp.expect(for_erp(number))
    await erp.expect(unread(1))
    await campus.expect(for_campus(number))
    for socket in (erp, campus):
        await socket.expect_nothing()


async def test_those_who_were_away_find_it(server: Server, connect: Connect, college: int) -> None:
    person = server.person(college=college)
    number = make(server, college, publish=True)
    await notified(connect, server, person, 1)
    found = answered(get(server, person, "/api/notifications/"))
    expect(found, {"unread_count": 1, "notifications": [{
        "id": ID, "title": "New Notice", "message": "Exams", "category": "notice", "type": "notice",
        "link": f"/notices/{number}", "priority": "normal",
        "data": {"notice_id": number, "url": f"/notices/{number}"}, "timestamp": ERP_TIME, "is_read": False,
    }]})


def test_published_once_across_a_crash(start: Start) -> None:
    server = start(extra=KEYED)
    person = server.person(college=5)
    number, draft = make(server, 5, publish=True), make(server, 5, title="draft")
    before = answered(get(server, API_KEY, NOTICES))
    server.kill9()
    server.start()
    assert answered(get(server, API_KEY, NOTICES)) == before
    publish(server, number)
    assert [item["link"] for item in answered(get(server, person, "/api/notifications/"))["notifications"]] == [
        f"/notices/{number}"]
    publish(server, draft)
    assert answered(get(server, person, "/api/notifications/unread-count/")) == {"unread_count": 2}


async def test_a_repeat_makes_no_second_one(server: Server, connect: Connect, college: int) -> None:
    person = server.person(college=college)
    campus = await on_campus(connect, server, person)
    body = {"title": "Exams", "college_id": college, "publish": True}
    answers = at_once(6, lambda _: post(server, API_KEY, NOTICES, body, f"notice {college}"))
    answers.append(post(server, API_KEY, NOTICES, body, f"notice {college}"))
    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
    await campus.expect(for_campus(answers[0].json["id"]))
    await campus.expect_nothing()
    assert seen(server, API_KEY, college_id=college) == [answers[0].json["id"]]
    for bad in ("", "x" * 65):
        refused(post(server, API_KEY, NOTICES, body, bad), 400)


def test_the_list_is_newest_first_and_in_pages(server: Server, college: int) -> None:
    person, dean = server.person(college=college), server.person(college=college + 1000, admin=True)
    published, everything = [], []
    for count in range(6):
        number = make(server, college, publish=count % 2 == 0, title=str(count))
        everything.insert(0, number)
        if count % 2 == 0:
            published.insert(0, number)
    make(server, college + 1000, publish=True)
    mine = [number for number in seen(server, person) if number in everything]
    assert mine == published
    assert seen(server, dean, college_id=college) == seen(server, API_KEY, college_id=college) == everything
    assert seen(server, person, limit=1) == seen(server, person)[:1]

    pages, before = [], {}
    while True:
        page = answered(get(server, API_KEY, NOTICES, college_id=college, limit=2, **before))
        assert page.keys() == {"notices", "next"}
        pages.append([item["id"] for item in page["notices"]])
        if page["next"] is None:
            break
        before = {"before": page["next"]}
        assert len(pages) < 4
    assert sum(pages, []) == everything and pages[0] == everything[:2]


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": 201}, {"limit": "x"}, {"before": "x"}, {"before": BEYOND_64_BITS}, {"college_id": "x"},
    {"college_id": ""}, {"college_id": 1.5}, {"college_id": 0},
], ids=repr)
def test_a_bad_page(server: Server, query: dict) -> None:
    refused(get(server, API_KEY, NOTICES, **query), 400)


@pytest.mark.parametrize("number", [0, -1, 999_999, BEYOND_64_BITS, "x", "1.0", "%00"])
def test_a_notice_that_is_not_there(server: Server, number: object) -> None:
    for who in (server.person(), API_KEY):
        refused(get(server, who, f"{NOTICES}{number}/"), 404, NOT_FOUND)
    refused(post(server, API_KEY, f"{NOTICES}{number}/publish/"), 404, NOT_FOUND)


def test_people_write_no_notices(server: Server) -> None:
    person, number = server.person(), make(server)
    for path, body in ((NOTICES, {"title": "T"}), (f"{NOTICES}{number}/publish/", None)):
        refused(post(server, person, path, body), 403, "This needs an administrator")
        refused(post(server, None, path, body), 401)
    expect(answered(get(server, API_KEY, f"{NOTICES}{number}/")), notice())
