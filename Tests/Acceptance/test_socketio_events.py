"""Every event of the `socketio` dialect, over every transport (specs/socketio.md)."""

from __future__ import annotations

import itertools
import sqlite3
import time

import erp
import pytest
from api import API_KEY, CONVERSATIONS, KEYED, answered, direct, get, post
from conftest import Connect, Dial
from frames import ID, SOME_TEXT, matches
from socketio_client import TRANSPORTS, SocketIO
from socketio_values import (
    NO_USER, NOT_FOUND, NOT_SENT, OK, UNKNOWN_EVENT, message, notice, notification, read_by, said, typing,
)
from switchboard import Person, Server

SETTINGS = KEYED
URL = "https://bucket.s3.amazonaws.com/file.pdf"
Pair = tuple[Person, Person]

_colleges = itertools.count(9001)


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def pair(server: Server) -> Pair:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


@pytest.fixture
def number(server: Server, pair: Pair) -> int:
    """Their conversation."""
    return direct(server, *pair)


@pytest.fixture
async def both(server: Server, dial: Dial, pair: Pair, transport: str) -> tuple[SocketIO, SocketIO]:
    return await dial(server, pair[0], transport), await dial(server, pair[1], transport)


def texts(server: Server, who: Person, number: int) -> list[tuple[str, str | None]]:
    """What is stored, with attachments."""
    found = answered(get(server, who, f"{CONVERSATIONS}{number}/messages/"))["messages"]
    return [(item["text"], item["attachment"]) for item in found]


# Messages

async def test_who_joined_hears_a_message_and_the_receiver_is_notified(
    server: Server, dial: Dial, pair: Pair, number: int, transport: str
) -> None:
    aarav, bela = pair
    joined, idle = [await dial(server, aarav, transport) for _ in range(2)]
    there, elsewhere = [await dial(server, bela, transport) for _ in range(2)]
    stranger = await dial(server, server.person(), transport)
    for client in (joined, there):
        await client.join(number)
    for sender in (joined, idle):
        answer = await sender.ask("send_message", said("Hello world!", number, toUserId=bela.id))
        assert matches(answer, {"ok": True, "id": ID})
        for client in (joined, there):
            await client.expect("new_message", message("Hello world!", aarav, bela, number, answer["id"]))
        for client in (there, elsewhere):
            await client.expect("message_notification", notice("Hello world!", aarav, bela, number, answer["id"]))
    for client in (joined, idle, there, elsewhere, stranger):
        await client.expect_nothing()


async def test_who_left_is_only_notified(
    server: Server, pair: Pair, number: int, both: tuple[SocketIO, SocketIO]
) -> None:
    here, there = both
    for client in both:
        await client.join(number, str(number), number)
        await client.leave(number)
        await client.leave(str(number))
    await here.emit("send_message", said("anybody?", number))
    await there.expect("message_notification", notice("anybody?", *pair, number))
    await here.expect_nothing()
    await there.join(number)
    await here.emit("send_message", said("there you are", number))
    await there.expect("new_message", message("there you are", *pair, number))
    await there.expect("message_notification", notice("there you are", *pair, number))
    for client in both:
        await client.expect_nothing()


async def test_joining_is_a_matter_of_the_connection(
    server: Server, dial: Dial, pair: Pair, number: int, transport: str
) -> None:
    first = await dial(server, pair[1], transport)
    await first.join(number)
    await first.close()
    second = await dial(server, pair[1], transport)
    post(server, pair[0], f"{CONVERSATIONS}{number}/messages/", {"text": "again"})
    await second.expect("message_notification", notice("again", *pair, number))
    await second.expect_nothing()


async def test_one_may_be_in_many_conversations(server: Server, dial: Dial, transport: str) -> None:
    people = [server.person() for _ in range(5)]
    client = await dial(server, people[0], transport)
    numbers = [direct(server, people[0], other) for other in people[1:]]
    await client.join(*numbers)
    await client.leave(numbers[2])
    for other, number in zip(people[1:], numbers):
        answered(post(server, other, f"{CONVERSATIONS}{number}/messages/", {"text": "hello"}), 201)
        if number != numbers[2]:
            await client.expect("new_message", message("hello", other, people[0], number))
        await client.expect("message_notification", notice("hello", other, people[0], number))
    await client.expect_nothing()


async def test_ids_may_be_strings_of_digits(
    server: Server, pair: Pair, number: int, both: tuple[SocketIO, SocketIO]
) -> None:
    here, there = both
    await there.join(str(number))
    await here.emit("send_message", said("digits", str(number), toUserId=str(pair[1].id)))
    await there.expect("new_message", message("digits", *pair, number))
    await there.expect("message_notification", notice("digits", *pair, number))
    await there.emit("mark_read", {"conversationId": str(number)})
    await here.expect("messages_read", read_by(pair[1], number))
    for data in ({"conversationId": str(number)}, {"toUserId": str(pair[1].id)}):
        await here.emit("typing_start", data)
        await there.expect("typing_start", typing(pair[0], number))


async def test_without_a_conversation_the_direct_one_is_found_or_made(
    server: Server, pair: Pair, both: tuple[SocketIO, SocketIO]
) -> None:
    here, there = both
    await here.emit("send_message", said("first", toUserId=pair[1].id))
    number = (await there.expect("message_notification", notice("first", *pair)))["conversation_id"]
    assert direct(server, *pair) == number
    for client in both:
        await client.join(number)
    await there.emit("send_message", {"content": "second", "toUserId": str(pair[0].id), "conversationId": None})
    for client in both:
        await client.expect("new_message", message("second", pair[1], pair[0], number))
    await here.expect("message_notification", notice("second", pair[1], pair[0], number))
    for client in both:
        await client.expect_nothing()


@pytest.mark.parametrize("content", [{"content": ""}, {"content": None}, {}], ids=repr)
async def test_an_attachment_alone_stands_as_its_url(
    server: Server, pair: Pair, number: int, both: tuple[SocketIO, SocketIO], content: dict
) -> None:
    here, there = both
    await here.join(number)
    answer = await here.ask("send_message", {"conversationId": number, "attachment": URL} | content)
    await here.expect("new_message", message(URL, *pair, number, answer["id"]))
    await there.expect("message_notification", notice(URL, *pair, number, answer["id"]))
    assert texts(server, pair[0], number) == [("", URL)]


async def test_text_and_attachment(
    server: Server, pair: Pair, number: int, both: tuple[SocketIO, SocketIO]
) -> None:
    here, there = both
    await here.emit("send_message", said("with both", number, attachment=URL))
    await there.expect("message_notification", notice("with both", *pair, number))
    await here.emit("send_message", said("with none", number, attachment=None, client_id=None, toUserId=None))
    await there.expect("message_notification", notice("with none", *pair, number))
    assert texts(server, pair[0], number) == [("with both", URL), ("with none", None)]


async def test_a_repeat_is_answered_with_the_first_and_heard_by_nobody(
    server: Server, dial: Dial, pair: Pair, number: int, both: tuple[SocketIO, SocketIO], transport: str
) -> None:
    here, there = both
    for client in both:
        await client.join(number)
    first = await here.ask("send_message", said("once", number, client_id="c1"))
    assert matches(first, {"ok": True, "id": ID})
    for client in both:
        await client.expect("new_message", message("once", *pair, number, first["id"]))
    await there.expect("message_notification", notice("once", *pair, number, first["id"]))
    other_device = await dial(server, pair[0], transport)
    for client in (here, other_device):
        assert await client.ask("send_message", said("once", number, client_id="c1")) == first
        await client.emit("send_message", said("once", toUserId=pair[1].id, client_id="c1"))
    for client in (*both, other_device):
        await client.expect_nothing()
    other = direct(server, pair[0], server.person())
    await here.expect_refusal(
        NOT_SENT, "client_id was used for a message of another conversation", "send_message",
        said("once", other, client_id="c1"))
    # What another person calls their message is their own.
    answer = await there.ask("send_message", said("mine", number, client_id="c1"))
    assert matches(answer, {"ok": True, "id": ID}) and answer != first
    assert texts(server, pair[0], number) == [("once", None), ("mine", None)]


async def test_a_message_over_http(
    server: Server, pair: Pair, number: int, both: tuple[SocketIO, SocketIO]
) -> None:
    here, there = both
    await here.join(number)
    for text, attachment in (("over HTTP", None), ("", URL)):
        body = {"text": text} | ({"attachment": attachment} if attachment else {})
        answered(post(server, pair[0], f"{CONVERSATIONS}{number}/messages/", body), 201)
        await here.expect("new_message", message(text or URL, *pair, number))
        await there.expect("message_notification", notice(text or URL, *pair, number))
    for client in both:
        await client.expect_nothing()


async def test_messages_arrive_in_order(
    server: Server, pair: Pair, number: int, both: tuple[SocketIO, SocketIO]
) -> None:
    here, there = both
    await there.join(number)
    for count in range(200):
        await here.emit("send_message", said(str(count), number))
    ids = []
    for count in range(200):
        ids.append((await there.expect("new_message", message(str(count), *pair, number)))["id"])
        await there.expect("message_notification", notice(str(count), *pair, number, ids[-1]))
    assert ids == sorted(set(ids))


# Receipts

async def test_reading_is_told_when_it_changed_something(
    server: Server, dial: Dial, pair: Pair, number: int, both: tuple[SocketIO, SocketIO], transport: str
) -> None:
    here, there = both
    own_other = await dial(server, pair[0], transport)
    readers_other = await dial(server, pair[1], transport)
    assert await there.ask("mark_read", {"conversationId": number}) == OK
    await here.emit("send_message", said("read this", number))
    for client in (there, readers_other):
        await client.expect("message_notification", notice("read this", *pair, number))
    assert await here.ask("mark_read", {"conversationId": number}) == OK
    for _ in range(2):
        assert await there.ask("mark_read", {"conversationId": number}) == OK
    for client in (here, own_other):
        await client.expect("messages_read", read_by(pair[1], number))
    for client in (here, own_other, there, readers_other):
        await client.expect_nothing()


# Typing

async def test_typing_is_told_to_every_socket_of_the_others(
    server: Server, dial: Dial, pair: Pair, number: int, both: tuple[SocketIO, SocketIO], transport: str
) -> None:
    here, there = both
    elsewhere, own_other = await dial(server, pair[1], transport), await dial(server, pair[0], transport)
    await there.join(number)
    await here.join(number)
    for data in ({"conversationId": number, "toUserId": pair[1].id}, {"conversationId": number},
                 {"toUserId": pair[1].id}, {"conversationId": None, "toUserId": pair[1].id}):
        for event in ("typing_start", "typing_stop"):
            assert await here.ask(event, data) == OK
            for client in (there, elsewhere):
                await client.expect(event, typing(pair[0], number))
    for client in (here, there, elsewhere, own_other):
        await client.expect_nothing()


async def test_typing_to_somebody_one_never_wrote_to(
    server: Server, pair: Pair, both: tuple[SocketIO, SocketIO]
) -> None:
    here, there = both
    for event in ("typing_start", "typing_stop"):
        assert await here.ask(event, {"toUserId": pair[1].id}) == OK
        await there.expect(event, typing(pair[0], None))
    assert answered(get(server, pair[0], CONVERSATIONS))["conversations"] == []


async def test_typing_of_erp_stops_by_itself(
    server: Server, connect: Connect, dial: Dial, pair: Pair, number: int
) -> None:
    typist = await erp.online(connect, server, pair[0])
    clients = [await dial(server, pair[1], transport) for transport in TRANSPORTS]
    began = time.monotonic()
    await typist.send({"type": "typing", "recipient_id": pair[1].id})
    for event in ("typing_start", "typing_stop"):
        for client in clients:
            await client.expect(event, typing(pair[0], number))
    assert 2.7 < time.monotonic() - began < 8
    for client in clients:
        await client.expect_nothing()


# Notifications

@pytest.mark.parametrize("way", ["command", "HTTP"])
async def test_a_notification(server: Server, dial: Dial, transport: str, way: str) -> None:
    college = next(_colleges)
    person, colleague = server.person(college=college), server.person(college=college)
    stranger = server.person(college=next(_colleges))
    owners = [person, person, colleague, stranger]
    clients = [await dial(server, owner, transport) for owner in owners]
    for target, name, value, audience in (
        ("--user", "user_id", person.id, [person]), ("--college", "college_id", college, [person, colleague]),
        ("--everybody", None, None, owners),
    ):
        if way == "command":
            values = [] if value is None else [value]
            server.cli("notify", target, *values, "--title", "T", "--message", "M", "--type", "fees")
        else:
            body = {"title": "T", "message": "M", "type": "fees"} | ({name: value} if name else {})
            answered(post(server, API_KEY, "/api/notifications/send/", body))
        named = person if audience == [person] else None
        ids = {
            (await client.expect("new_notification", notification(named, kind="fees")))["id"]
            for client, owner in zip(clients, owners) if owner in audience}
        assert len(ids) == 1
    for client in clients:
        await client.expect_nothing()


async def test_a_notification_without_a_type_has_one(server: Server, dial: Dial, transport: str) -> None:
    person = server.person()
    client = await dial(server, person, transport)
    server.cli("notify", "--user", person.id, "--title", "T", "--message", "M")
    await client.expect("new_notification", notification(person, kind=SOME_TEXT))


async def test_a_notice_is_a_notification_once_it_is_published(server: Server, dial: Dial, transport: str) -> None:
    college = next(_colleges)
    inside = await dial(server, server.person(college=college), transport)
    outside = await dial(server, server.person(college=next(_colleges)), transport)
    draft = {"title": "Exams", "college_id": college, "publish": False}
    made = answered(post(server, API_KEY, "/api/notices/", draft), 201)
    await inside.expect_nothing()
    answered(post(server, API_KEY, f"/api/notices/{made['id']}/publish/"))
    await inside.expect("new_notification", notification(None, "New Notice", "Exams", "notice"))
    for client in (inside, outside):
        await client.expect_nothing()


async def test_a_bulk_message_is_a_notification(server: Server, dial: Dial, transport: str) -> None:
    person = server.person()
    client = await dial(server, person, transport)
    body = {"title": "Fees", "message": "Due on Friday", "user_ids": [person.id]}
    assert post(server, API_KEY, "/api/bulk-messages/", body).status in (201, 202)
    await client.expect("new_notification", notification(person, "Fees", "Due on Friday", "message"))
    await client.expect_nothing()


async def test_what_was_missed_does_not_come_later(
    server: Server, dial: Dial, pair: Pair, number: int, transport: str
) -> None:
    server.cli("notify", "--user", pair[1].id, "--title", "T", "--message", "M")
    answered(post(server, pair[0], f"{CONVERSATIONS}{number}/messages/", {"text": "early"}), 201)
    there = await dial(server, pair[1], transport)
    await there.join(number)
    await there.expect_nothing()


# Errors and acknowledgements

async def test_an_unknown_event(both: tuple[SocketIO, SocketIO]) -> None:
    here, there = both
    for event in ("new_message", "JOIN_CONVERSATION", "", "error", "__proto__", "disconnecting?"):
        await here.emit(event, {"content": "x"})
        await here.expect("error", UNKNOWN_EVENT)
        await here.expect_refusal("Unknown event", "Unknown event", event, 1, "2", {"3": b"4"})
    await there.expect_nothing()


async def test_a_stranger_is_told_what_one_is_told_of_nothing(
    server: Server, dial: Dial, number: int, both: tuple[SocketIO, SocketIO], transport: str
) -> None:
    for client in both:
        await client.join(number)
    stranger = await dial(server, server.person(), transport)
    for foreign in (number, str(number), 999_999_999, "999999999"):
        await stranger.expect_refusal(NOT_FOUND, NOT_FOUND, "join_conversation", foreign)
        await stranger.expect_refusal(NOT_SENT, NOT_FOUND, "send_message", said("let me in", foreign))
        for event in ("mark_read", "typing_start", "typing_stop"):
            await stranger.expect_refusal(NOT_FOUND, NOT_FOUND, event, {"conversationId": foreign})
        await stranger.leave(foreign)
    for client in (stranger, *both):
        await client.expect_nothing()


async def test_whom_it_goes_to_must_be_in_the_conversation(
    server: Server, pair: Pair, number: int, both: tuple[SocketIO, SocketIO]
) -> None:
    here, there = both
    for outsider in (server.person().id, 999_999_999, "999999999"):
        await here.expect_refusal(
            NOT_SENT, NO_USER, "send_message", said("to whom?", number, toUserId=outsider))
        for event in ("typing_start", "typing_stop"):
            await here.expect_refusal(NO_USER, NO_USER, event, {"conversationId": number, "toUserId": outsider})
    await here.expect_refusal(NOT_SENT, NO_USER, "send_message", said("to whom?", toUserId=999_999_999))
    await here.expect_refusal(NO_USER, NO_USER, "typing_start", {"toUserId": 999_999_999})
    await here.expect_refusal(
        NOT_SENT, "You cannot send a message to yourself", "send_message", said("me", toUserId=pair[0].id))
    await there.expect_nothing()
    assert texts(server, pair[0], number) == []


async def test_while_the_store_is_away(
    server: Server, dial: Dial, pair: Pair, number: int
) -> None:
    here, there = [await dial(server, person) for person in pair]
    holder = sqlite3.connect(server.database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        await here.emit("send_message", said("lost", number))
        await here.expect("error", {"message": NOT_SENT})
        await here.expect_refusal(
            NOT_SENT, "The store is not available. Please try again.", "send_message", said("lost", number))
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    await here.emit("send_message", said("found", number))
    await there.expect("message_notification", notice("found", *pair, number))
