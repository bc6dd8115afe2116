"""Room chat of the `rooms` dialect (specs/rooms.md, section 1)."""

import asyncio
import json
import time

import pytest
from conftest import Connect, Start
from frames import ANY_ERROR, error
from rooms import JOINED, LEFT, heard, said
from switchboard import Server

RATE_LIMIT = error("Rate limit exceeded")


async def test_a_message_reaches_everybody_and_its_sender(server: Server, connect: Connect, room: str) -> None:
    john, jane = await connect(server, room), await connect(server, room)
    await john.expect(JOINED)
    await john.send(said("Hello everyone!", username="john_doe"))
    await john.expect(heard("Hello everyone!", "john_doe"))
    await jane.expect(heard("Hello everyone!", "john_doe"))


async def test_the_flow_of_the_specification(server: Server, connect: Connect, room: str) -> None:
    first = await connect(server, room)
    await first.send(said("anybody?"))
    await first.expect(heard("anybody?"))
    second = await connect(server, room)
    await first.expect(JOINED)
    await second.send(said("me"))
    await first.expect(heard("me"))
    await second.expect(heard("me"))
    await second.close()
    await first.expect(LEFT)


async def test_joins_and_leaves_are_told_to_the_others_only(server: Server, connect: Connect, room: str) -> None:
    first, second, third = [await connect(server, room) for _ in range(3)]
    await first.expect(JOINED)
    await first.expect(JOINED)
    await second.expect(JOINED)
    third.drop()
    await first.expect(LEFT)
    await second.expect(LEFT)
    await first.expect_nothing()
    await second.expect_nothing()


@pytest.mark.parametrize("extra", [{}, {"username": ""}], ids=["missing", "empty"])
async def test_without_a_username_one_is_anonymous(
    server: Server, connect: Connect, room: str, extra: dict
) -> None:
    client = await connect(server, room)
    await client.send(said("hi", **extra))
    await client.expect(heard("hi", "Anonymous"))


@pytest.mark.parametrize("frame, message", [
    ("hello", "Invalid JSON format"),
    ("", "Invalid JSON format"),
    ('{"type":"chat_message","message":"x"', "Invalid JSON format"),
    ('{"type":"chat_message","message":"x"} {}', "Invalid JSON format"),
    (b'{"type":"chat_message","message":"x"}', "Invalid JSON format"),
    ('{"type":"chat_message"}', "Invalid message format"),
    ('{"type":"chat_message","message":""}', "Invalid message format"),
    ('{"type":"chat_message","message":5}', "Invalid message format"),
    ('{"type":"chat_message","message":null}', "Invalid message format"),
    ('{"type":"chat_message","message":["x"]}', "Invalid message format"),
    ('{"type":"dance","message":"x"}', "Invalid message format"),
    ('{"type":5,"message":"x"}', "Invalid message format"),
    ('["chat_message"]', "Invalid message format"),
])
async def test_a_bad_frame_gets_its_literal_error(
    server: Server, connect: Connect, room: str, frame: str | bytes, message: str
) -> None:
    sender, other = await connect(server, room), await connect(server, room)
    await sender.expect(JOINED)
    await sender.send_text(frame)
    await sender.expect(error(message))
    await sender.send(said("still here"))
    await sender.expect(heard("still here"))
    await other.expect(heard("still here"))


@pytest.mark.parametrize("frame", [
    r'{"type":"chat_message","message":"\ud800"}', r'{"type":"chat_message","message":"\udc00\ud800"}',
    "[" * 100_000, "[" * 5_000 + "]" * 5_000,
], ids=["lone surrogate", "surrogates reversed", "open brackets", "deep nesting"])
async def test_hostile_json_ends_nothing(server: Server, connect: Connect, room: str, frame: str) -> None:
    client = await connect(server, room)
    await client.send_text(frame)
    await client.expect(ANY_ERROR)
    await client.send(said("still here"))
    await client.expect(heard("still here"))


@pytest.mark.parametrize("text", ["a" * 1000, "é" * 1000, "👋" * 1000, "e\u0301" * 500, "🇮🇳" * 500],
                         ids=["ascii", "two bytes", "four bytes", "combining", "flags"])
@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "as it is"])
async def test_the_longest_message_has_1000_scalars(
    server: Server, connect: Connect, room: str, text: str, escaped: bool
) -> None:
    client = await connect(server, room)
    await client.send_text(json.dumps(said(text), ensure_ascii=escaped))
    await client.expect(heard(text))
    await client.send_text(json.dumps(said(text + "x"), ensure_ascii=escaped))
    await client.expect(error("Invalid message (max 1000 characters)"))


async def test_text_comes_back_as_it_went(server: Server, connect: Connect, room: str) -> None:
    text = 'quotes " and \\ /, <b>, tab\t, line\r\n, \u2028, \x7f, \x1b, é, 漢字, 👩‍👩‍👧, \U0010ffff'
    client = await connect(server, room)
    await client.send(said(text, username=text))
    await client.expect(heard(text, text))


async def test_the_name_of_a_room_is_percent_decoded(server: Server, connect: Connect) -> None:
    plain = await connect(server, "/ws/chat/general-1/")
    encoded = await connect(server, "/ws/chat/gen%65ral%2D1")
    await plain.expect(JOINED)
    await encoded.send(said("same room"))
    await plain.expect(heard("same room"))


async def test_rooms_are_apart(server: Server, connect: Connect) -> None:
    tech, random = await connect(server, "/ws/chat/tech/"), await connect(server, "/ws/chat/random/")
    await tech.send(said("only here"))
    await tech.expect(heard("only here"))
    await random.send(said("only there"))
    await random.expect(heard("only there"))


@pytest.mark.parametrize("name", ["a", "A-Z_a.z-09", "x" * 94])
async def test_good_room_names(server: Server, connect: Connect, name: str) -> None:
    client = await connect(server, f"/ws/chat/{name}/")
    await client.send(said("hi"))
    await client.expect(heard("hi"))


@pytest.mark.parametrize("name", ["x" * 95, "a%20b", "a%2Fb", "%C3%A9", "a!b", "a:b", "a%00", "%F0%9F%91%8B"])
async def test_another_name_closes_with_4004(server: Server, connect: Connect, name: str) -> None:
    await (await connect(server, f"/ws/chat/{name}/")).expect_close(4004)


@pytest.mark.parametrize("query", ["", "?token=", "?token=null", "?token=undefined"])
async def test_an_absent_token_is_welcome(server: Server, connect: Connect, room: str, query: str) -> None:
    client = await connect(server, room + query)
    await client.send(said("hi"))
    await client.expect(heard("hi"))


async def test_a_token_is_checked_where_there_is_one(server: Server, connect: Connect, room: str) -> None:
    await (await connect(server, room, "wrong")).expect_close(4003)
    person = server.person()
    client = await connect(server, room, person.token)
    await client.send(said("hi", username="me"))
    await client.expect(heard("hi", "me"))


async def test_too_fast_is_an_error_and_nothing_worse(start: Start, connect: Connect, room: str) -> None:
    server = start("--rooms-rate", 5, "--rooms-burst", 10)
    sender, other = await connect(server, room), await connect(server, room)
    await sender.expect(JOINED)
    began = time.monotonic()
    for number in range(40):
        await sender.send(said(str(number)))
    answers = [await sender.receive() for _ in range(40)]
    earned = 1 + int(5 * (time.monotonic() - began))
    accepted = [answer["message"] for answer in answers if answer["type"] == "chat_message"]
    assert accepted[:10] == [str(number) for number in range(10)]
    assert len(accepted) <= 10 + earned
    assert answers.count(RATE_LIMIT) == 40 - len(accepted)
    assert [(await other.receive())["message"] for _ in accepted] == accepted
    async with asyncio.timeout(5):
        await sender.send(said("later"))
        while (answer := await sender.receive()) == RATE_LIMIT:
            await sender.send(said("later"))
    assert answer["message"] == "later"


async def test_by_default_a_hundred_may_come_at_once(server: Server, connect: Connect, room: str) -> None:
    sender = await connect(server, room)
    for number in range(100):
        await sender.send(said(str(number)))
    for number in range(100):
        await sender.expect(heard(str(number)))
    for number in range(200):
        await sender.send(said("too much"))
    assert RATE_LIMIT in [await sender.receive() for _ in range(200)]


async def test_the_rate_limit_can_be_off(start: Start, connect: Connect, room: str) -> None:
    client = await connect(start("--rooms-rate", 0), room)
    for number in range(1000):
        await client.send(said(str(number)))
    for number in range(1000):
        await client.expect(heard(str(number)))


async def test_off_loopback_anonymous_rooms_must_be_allowed_by_name(
    start: Start, connect: Connect, room: str
) -> None:
    server = start(listen="0.0.0.0:0")
    await (await connect(server, room)).expect_close(4003)
    client = await connect(server, room, server.person().token)
    await client.send(said("hi"))
    await client.expect(heard("hi"))
    server = start("--anonymous", "rooms", listen="0.0.0.0:0")
    client = await connect(server, room)
    await client.send(said("hi"))
    await client.expect(heard("hi"))
