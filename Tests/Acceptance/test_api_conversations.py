"""Conversations over HTTP: the list, direct ones, groups and who is in them."""

from __future__ import annotations

from typing import Any

import erp
import pytest
from api import (
    BEYOND_64_BITS, CONVERSATIONS, answered, at_once, conversation, delete, direct, expect, get, group, message, post,
    refused, write,
)
from conftest import Connect
from raw import bearer, request
from switchboard import Person, Server

NOT_FOUND = "Conversation not found."
DIRECT_STAYS = "A conversation of two people can't be changed"
MOST_UNREAD = 1000


def people(server: Server, count: int) -> list[Person]:
    return [server.person(f"Person {number}") for number in range(count)]


def listed(server: Server, who: Person, **query: object) -> list[dict]:
    return answered(get(server, who, CONVERSATIONS, **query))["conversations"]


def say(server: Server, who: Person, number: int, text: str) -> dict:
    return answered(post(server, who, f"{CONVERSATIONS}{number}/messages/", {"text": text}), 201)


def members(number: int, who: Person | None = None) -> str:
    return f"{CONVERSATIONS}{number}/members/" + (f"{who.id}/" if who else "")


def test_nobody_has_conversations_at_first(server: Server) -> None:
    assert answered(get(server, server.person(), CONVERSATIONS)) == {"conversations": [], "next": None}


@pytest.mark.parametrize("body", [
    lambda number: {"user_id": number}, lambda number: {"user_id": str(number)}, lambda number: {"user_ids": [number]},
    lambda number: {"user_ids": [str(number)]}, lambda number: {"user_ids": [number, number]},
], ids=["number", "digits", "list", "list of digits", "list with one twice"])
def test_a_direct_conversation_is_made_once(server: Server, body: Any) -> None:
    one, other = people(server, 2)
    made = answered(post(server, one, CONVERSATIONS, body(other.id)), 201)
    expect(made, conversation(one, other))
    for who, whom in ((one, other), (other, one)):
        assert answered(post(server, who, CONVERSATIONS, {"user_id": whom.id})) == made
        assert answered(get(server, who, f"{CONVERSATIONS}{made['id']}/")) == made
        assert answered(get(server, who, f"{CONVERSATIONS}{made['id']}")) == made


def test_twenty_at_once_make_one(server: Server) -> None:
    pair = people(server, 2)
    answers = at_once(20, lambda number: post(
        server, pair[number % 2], CONVERSATIONS, {"user_id": pair[1 - number % 2].id}))
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(listed(server, pair[0])) == len(listed(server, pair[1])) == 1


def test_writing_and_starting_at_once_make_one(server: Server) -> None:
    one, other = people(server, 2)

    def either(number: int) -> Any:
        if number % 2:
            return post(server, other, "/api/messages/", {"receiver_id": one.id, "text": str(number)})
        return post(server, one, CONVERSATIONS, {"user_id": other.id})

    numbers = {answer.json.get("conversation_id", answer.json["id"]) for answer in at_once(12, either)}
    assert len(numbers) == 1
    assert len(listed(server, one)) == 1
    found = answered(get(server, one, f"{CONVERSATIONS}{numbers.pop()}/messages/"))["messages"]
    assert sorted(item["text"] for item in found) == ["1", "11", "3", "5", "7", "9"]


async def test_a_conversation_of_the_sockets_is_the_same(server: Server, connect: Connect) -> None:
    one, other = people(server, 2)
    number = direct(server, one, other)
    sender, receiver = await erp.online(connect, server, one), await erp.online(connect, server, other)
    await sender.send(erp.said("over the socket", other.id))
    heard = await receiver.expect(erp.heard("over the socket", one))
    last = message(one, "over the socket", conversation=number, number=heard["id"])
    expect(listed(server, other), [conversation(one, other, number=number, last=last, unread=1)])
    expect(listed(server, one), [conversation(one, other, number=number, last=last)])


@pytest.mark.parametrize("title", [None, "Sports day", "x" * 300, "é👋" * 150], ids=lambda title: repr(title)[:12])
def test_a_group(server: Server, title: str | None) -> None:
    maker, *others = people(server, 4)
    number = group(server, maker, *others, title=title)
    for who in (maker, *others):
        expect(listed(server, who), [conversation(maker, *others, group=True, title=title, number=number)])
    assert group(server, maker, *others, title=title) != number


def test_a_title_makes_a_group_of_two(server: Server) -> None:
    one, other = people(server, 2)
    number = direct(server, one, other)
    assert group(server, one, other, title="Just us") != number
    assert direct(server, one, other) == number
    assert [item["is_group"] for item in listed(server, other)] == [True, False]


def test_people_named_twice_are_in_it_once(server: Server) -> None:
    maker, one, two = people(server, 3)
    made = answered(post(server, maker, CONVERSATIONS, {"user_ids": [two.id, one.id, str(two.id), one.id]}), 201)
    expect(made, conversation(maker, one, two, group=True))


@pytest.mark.parametrize("body", [
    {}, {"user_id": None}, {"user_id": "x"}, {"user_id": 1.5}, {"user_id": True}, {"user_id": [1]}, {"user_id": {}},
    {"user_id": ""}, {"user_id": BEYOND_64_BITS}, {"user_id": "9" * 30}, {"user_id": "-"},
    {"user_ids": []}, {"user_ids": 1}, {"user_ids": "1"}, {"user_ids": {}}, {"user_ids": [None]}, {"user_ids": [[1]]},
    {"user_ids": ["x"]}, {"user_ids": [1.5]}, {"user_ids": [1, True]}, {"user_ids": [2**70]},
    {"user_ids": list(range(1, 1001))},
    {"user_ids": [1, 2], "title": ""}, {"user_ids": [1, 2], "title": "x" * 301}, {"user_ids": [1, 2], "title": 5},
    {"user_ids": [1, 2], "title": []},
], ids=lambda body: repr(body)[:40])
def test_a_bad_body(server: Server, body: dict) -> None:
    one, _ = people(server, 2)
    refused(post(server, one, CONVERSATIONS, body), 400)
    assert listed(server, one) == []


@pytest.mark.parametrize("body", [
    b"", b"x", b"[1]", b"null", b"{", b'{"user_id":1} x', b'{"title":"\\ud800","user_ids":[1]}', b"\xff",
    b'{"user_id":' + b"[" * 50_000,
], ids=lambda body: repr(body)[:30])
def test_a_body_that_is_no_json_object(server: Server, body: bytes) -> None:
    refused(post(server, server.person(), CONVERSATIONS, body), 400)


def test_oneself_alone_is_no_conversation(server: Server) -> None:
    one = server.person()
    for body in ({"user_id": one.id}, {"user_ids": [one.id]}):
        refused(post(server, one, CONVERSATIONS, body), 400)
    assert listed(server, one) == []


def test_with_people_who_do_not_exist(server: Server) -> None:
    one, other = people(server, 2)
    for body in ({"user_id": 999_999}, {"user_id": 0}, {"user_id": "999999"}, {"user_ids": [other.id, 999_999]}):
        refused(post(server, one, CONVERSATIONS, body), 404, "User not found")
    assert listed(server, one) == listed(server, other) == []


def test_the_list_has_the_last_active_first(server: Server) -> None:
    me, *others = people(server, 4)
    numbers = [direct(server, me, other) for other in others]
    assert [item["id"] for item in listed(server, me)] == numbers[::-1]
    write(server, others[0], me, "one")
    write(server, me, others[1], "two")
    found = listed(server, me)
    assert [item["id"] for item in found] == [numbers[1], numbers[0], numbers[2]]
    expect(found, [
        conversation(me, others[1], number=numbers[1], last=message(me, "two", conversation=numbers[1])),
        conversation(
            me, others[0], number=numbers[0], last=message(others[0], "one", conversation=numbers[0]), unread=1),
        conversation(me, others[2], number=numbers[2]),
    ])


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_hold_every_conversation_once(server: Server, limit: int) -> None:
    me, *others = people(server, 6)
    for other in others:
        write(server, other, me, "hello")
    whole = listed(server, me)
    seen, before = [], {}
    while True:
        page = answered(get(server, me, CONVERSATIONS, limit=limit, **before))
        assert len(page["conversations"]) <= limit
        seen += page["conversations"]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
        assert len(page["conversations"]) == limit and len(seen) <= len(whole)
    assert seen == whole and len(whole) == 5


def ids_by_page(server: Server, who: Person) -> list[list[int]]:
    """All conversations of somebody, in pages as large as they get."""
    pages, query = [], {"limit": 200}
    while True:
        page = answered(get(server, who, CONVERSATIONS, **query))
        pages.append([item["id"] for item in page["conversations"]])
        assert pages[-1]
        if page["next"] is None:
            return pages
        query["before"] = page["next"]


def test_a_page_ends_at_two_thousand_participants(server: Server) -> None:
    me, *others = people(server, 50)
    numbers = [group(server, me, *others) for _ in range(82)]
    pages = ids_by_page(server, me)
    assert [len(page) for page in pages] == [40, 40, 2]
    assert sum(pages, []) == numbers[::-1]


def test_a_page_ends_where_last_messages_are_long(server: Server) -> None:
    me, other = people(server, 2)
    numbers = [group(server, me, other, title="long") for _ in range(40)]
    for number in numbers:
        say(server, other, number, "\x01" * 16_384)
    pages = ids_by_page(server, me)
    assert [len(page) for page in pages] == [16, 16, 8]
    assert sum(pages, []) == numbers[::-1]


def test_a_page_is_not_shaken_by_what_becomes_active(server: Server) -> None:
    me, *others = people(server, 4)
    for other in others:
        write(server, other, me, "hello")
    first = answered(get(server, me, CONVERSATIONS, limit=2))
    write(server, others[0], me, "me again")
    write(server, others[2], me, "and me")
    rest = answered(get(server, me, CONVERSATIONS, limit=2, before=first["next"]))
    assert rest["next"] is None
    seen = {item["id"] for item in first["conversations"] + rest["conversations"]}
    top = {item["id"] for item in listed(server, me)}
    # What moved up since is at the top of a new list; nothing else is left out, and nothing comes twice.
    assert top - seen <= {listed(server, me)[1]["id"]}
    assert len(seen) == len(first["conversations"]) + len(rest["conversations"])


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": 201}, {"limit": "x"}, {"limit": ""}, {"limit": 2**64}, {"before": "!"}, {"before": ""},
    {"before": "x" * 3000}, {"before": "\0"},
], ids=lambda query: repr(query)[:40])
def test_a_bad_page(server: Server, query: dict) -> None:
    refused(get(server, server.person(), CONVERSATIONS, **query), 400)


def test_unread_counts_the_others_messages(server: Server) -> None:
    me, one, two = people(server, 3)
    number = group(server, me, one, two)

    def unread() -> list[int]:
        return [answered(get(server, who, f"{CONVERSATIONS}{number}/"))["unread_count"] for who in (me, one, two)]

    say(server, one, number, "1")
    say(server, two, number, "2")
    say(server, one, number, "3")
    assert unread()[0] == 3
    answered(post(server, me, f"{CONVERSATIONS}{number}/read/"))
    assert unread()[0] == 0
    say(server, me, number, "4")
    assert unread()[0] == 0
    say(server, two, number, "5")
    assert unread()[0] == 1 and unread()[1] >= 2


async def test_unread_stops_at_a_thousand(server: Server, connect: Connect) -> None:
    one, other = people(server, 2)
    number = direct(server, one, other)
    sender = await erp.online(connect, server, one)
    receiver = await erp.online(connect, server, other)

    async def more(count: int) -> None:
        for item in range(count):
            await sender.send(erp.said(str(item), other.id))
        for item in range(count):
            assert (await receiver.receive())["message"] == str(item)

    def unread() -> int:
        return listed(server, other)[0]["unread_count"]

    await more(MOST_UNREAD - 1)
    assert unread() == MOST_UNREAD - 1
    await more(1)
    assert unread() == MOST_UNREAD
    await more(50)
    assert unread() == MOST_UNREAD
    answered(post(server, other, f"{CONVERSATIONS}{number}/read/"))
    assert unread() == 0


@pytest.mark.parametrize("method, rest, body", [
    ("GET", "", None), ("GET", "messages/", None), ("POST", "messages/", {"text": "x"}), ("POST", "read/", None),
    ("POST", "members/", {"user_ids": [1]}), ("DELETE", "members/{id}/", None),
])
@pytest.mark.parametrize("kind", ["direct", "group"])
def test_a_foreign_conversation_is_like_none(server: Server, kind: str, method: str, rest: str, body: Any) -> None:
    one, other, stranger = people(server, 3)
    dean = server.person(admin=True)
    number = direct(server, one, other) if kind == "direct" else group(server, one, other, title="T")
    unknown = [999_999, 0, -1, "x", BEYOND_64_BITS, "1.0", "%00", "%ff"]
    for who in (stranger, dean):
        answers = []
        for target in (number, *unknown):
            path = f"{CONVERSATIONS}{target}/{rest.format(id=who.id)}"
            headers = bearer(who.token)
            answers.append(request(server, method, path, body, headers))
        for answer in answers:
            refused(answer, 404, NOT_FOUND)
            assert answer.body == answers[0].body
            assert answer.headers | {"date": ""} == answers[0].headers | {"date": ""}
    expect(listed(server, one)[0]["last_message"], None)
    assert listed(server, stranger) == []


def test_adding_people_to_a_group(server: Server) -> None:
    maker, one, two, three = people(server, 4)
    number = group(server, maker, one, title="T")
    added = answered(post(server, one, members(number), {"user_ids": [three.id, str(two.id), three.id, maker.id]}))
    expect(added, conversation(maker, one, two, three, group=True, title="T", number=number))
    for who in (maker, two, three):
        assert [item["id"] for item in listed(server, who)] == [number]
    say(server, three, number, "I am in")
    assert answered(get(server, maker, f"{CONVERSATIONS}{number}/"))["unread_count"] == 1


@pytest.mark.parametrize("body", [{}, {"user_ids": []}, {"user_ids": "1"}, {"user_ids": [1.5]}, {"user_ids": ["x"]},
                                  {"user_ids": None}, {"user_ids": [{}]}],
                         ids=lambda body: repr(body)[:40])
def test_bad_people_to_add(server: Server, body: dict) -> None:
    maker, one = people(server, 2)
    number = group(server, maker, one, title="T")
    refused(post(server, maker, members(number), body), 400)


def test_adding_somebody_unknown_adds_nobody(server: Server) -> None:
    maker, one, two = people(server, 3)
    number = group(server, maker, one, title="T")
    refused(post(server, maker, members(number), {"user_ids": [two.id, 999_999]}), 404, "User not found")
    assert listed(server, two) == []
    expect(listed(server, maker), [conversation(maker, one, group=True, title="T", number=number)])


def test_a_direct_conversation_keeps_its_two(server: Server) -> None:
    one, other, third = people(server, 3)
    dean = server.person(admin=True)
    number, with_dean = direct(server, one, other), direct(server, dean, other)
    refused(post(server, one, members(number), {"user_ids": [third.id]}), 400, DIRECT_STAYS)
    refused(delete(server, one, members(number, one)), 400, DIRECT_STAYS)
    refused(delete(server, dean, members(with_dean, other)), 400, DIRECT_STAYS)
    assert listed(server, third) == [] and len(listed(server, one)) == 1


async def test_leaving_a_group(server: Server, connect: Connect) -> None:
    maker, one, two = people(server, 3)
    number = group(server, maker, one, two)
    gone, there = await erp.online(connect, server, one), await erp.online(connect, server, two)
    assert answered(delete(server, one, members(number, one))) == {"status": "success"}
    refused(get(server, one, f"{CONVERSATIONS}{number}/"), 404, NOT_FOUND)
    refused(delete(server, one, members(number, one)), 404, NOT_FOUND)
    refused(post(server, one, f"{CONVERSATIONS}{number}/messages/", {"text": "x"}), 404, NOT_FOUND)
    assert listed(server, one) == []
    expect(listed(server, two), [conversation(maker, two, group=True, number=number)])
    say(server, maker, number, "they left")
    await there.expect(erp.heard("they left", maker))
    await gone.expect_nothing()
    answered(post(server, maker, members(number), {"user_ids": [one.id]}))
    say(server, maker, number, "they are back")
    await gone.expect(erp.heard("they are back", maker))


def test_who_may_put_whom_out(server: Server) -> None:
    dean, other_dean = server.person(admin=True), server.person(admin=True)
    maker, one, stranger = people(server, 3)
    number = group(server, maker, one, dean)
    refused(delete(server, maker, members(number, one)), 403)
    refused(delete(server, other_dean, members(number, one)), 404, NOT_FOUND)
    refused(delete(server, dean, members(number, stranger)), 404)
    refused(delete(server, dean, members(number) + "x/"), 404)
    refused(delete(server, dean, members(number) + "999999/"), 404)
    assert answered(delete(server, dean, members(number, one))) == {"status": "success"}
    expect(listed(server, maker), [conversation(maker, dean, group=True, number=number)])
    assert answered(delete(server, dean, members(number, dean))) == {"status": "success"}


def test_all_of_it_is_there_after_a_crash(server: Server) -> None:
    maker, one, two = people(server, 3)
    number = group(server, maker, one, two, title="T")
    say(server, one, number, "hello")
    answered(delete(server, two, members(number, two)))
    write(server, maker, one, "directly")
    before = [listed(server, who) for who in (maker, one, two)]
    server.kill9()
    server.start()
    assert [listed(server, who) for who in (maker, one, two)] == before
