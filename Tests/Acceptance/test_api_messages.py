"""Messages over HTTP: pages of them, sending, repeats, reading, and who hears of it on the sockets."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

import campus
import erp
import pytest
from api import (
    API_KEY, API_TIME, BEYOND_64_BITS, CONVERSATIONS, KEYED, MESSAGES, answered, at_once, conversation, direct, expect,
    get, group, message, post, refused, write,
)
from client import Client
from conftest import Connect, Start
from frames import ID
from raw import RawConnection, bearer, request
from switchboard import PATIENCE, Person, Server, memory

SETTINGS = KEYED
URL = "https://files.example.org/plan.pdf"
LONGEST = 16_384
NO_TEXT = "text or attachment is required"
BAD_ATTACHMENT = "attachment must be an http or https URL"
TOO_LONG = "Message is too long"
ONESELF = "You cannot send a message to yourself."


def pair(server: Server) -> tuple[Person, Person]:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


def messages_of(number: int) -> str:
    return f"{CONVERSATIONS}{number}/messages/"


def history(server: Server, who: Person, number: int, **query: object) -> list[dict]:
    return answered(get(server, who, messages_of(number), limit=200, **query))["messages"]


async def in_conversations(connect: Connect, server: Server, person: Person) -> Client:
    """A chat connection of the `conversations` dialect that has answered once."""
    client = await connect(server, f"/ws/chat/?dialect=conversations&token={person.token}")
    await client.send({"type": "chat.search_user", "keyword": ""})
    await client.expect({"type": "chat.search_results", "results": []})
    return client


def echoed(sender: Person, text: str, conversation: Any = ID, attachment: str | None = None, number: Any = ID) -> dict:
    """What `conversations` sockets hear of a message."""
    return {"type": "chat.message", "message": {
        "id": number, "conversation_id": conversation, "sender": {"id": sender.id, "username": sender.username},
        "content": text, "timestamp": API_TIME, "is_system": False, "attachment": attachment,
    }}


@dataclass(frozen=True)
class Long:
    """A conversation of many messages, among which others were stored."""

    one: Person
    other: Person
    number: int
    ids: list[int]


@pytest.fixture(scope="module")
def long(server: Server) -> Long:
    one, other = pair(server)
    number, ids = direct(server, one, other), []
    for count in range(250):
        who, whom = (one, other) if count % 3 else (other, one)
        ids.append(write(server, who, whom, str(count))["id"])
        if count % 50 == 0:
            write(server, other, server.person(), "elsewhere")
    return Long(one, other, number, ids)


def page(server: Server, long: Long, **query: object) -> tuple[list[int], bool]:
    answer = answered(get(server, long.one, messages_of(long.number), **query))
    assert answer.keys() == {"messages", "has_more"}
    for item in answer["messages"]:
        count = long.ids.index(item["id"])
        expect(item, message(long.one if count % 3 else long.other, str(count), conversation=long.number))
    return [item["id"] for item in answer["messages"]], answer["has_more"]


def test_without_a_cursor_it_is_the_newest(server: Server, long: Long) -> None:
    assert page(server, long) == (long.ids[-50:], True)
    assert page(server, long, limit=1) == (long.ids[-1:], True)
    assert page(server, long, limit=200) == (long.ids[-200:], True)


def test_pages_before_a_message(server: Server, long: Long) -> None:
    ids = long.ids
    assert page(server, long, before=ids[100]) == (ids[50:100], True)
    assert page(server, long, before=ids[100], limit=100) == (ids[:100], False)
    assert page(server, long, before=ids[100], limit=99) == (ids[1:100], True)
    assert page(server, long, before=ids[1]) == (ids[:1], False)
    assert page(server, long, before=ids[0]) == ([], False)
    assert page(server, long, before=2**63 - 1, limit=5) == (ids[-5:], True)
    assert page(server, long, before=ids[-1] + 1, limit=2) == (ids[-2:], True)


def test_pages_after_a_message(server: Server, long: Long) -> None:
    ids = long.ids
    assert page(server, long, after=ids[99]) == (ids[100:150], True)
    assert page(server, long, after=ids[149], limit=100) == (ids[150:], False)
    assert page(server, long, after=ids[149], limit=99) == (ids[150:-1], True)
    assert page(server, long, after=ids[-2]) == (ids[-1:], False)
    assert page(server, long, after=ids[-1]) == ([], False)
    assert page(server, long, after=0, limit=3) == (ids[:3], True)
    assert page(server, long, after=ids[0] - 1, limit=3) == (ids[:3], True)


@pytest.mark.parametrize("limit", [7, 125, 200])
def test_either_way_the_pages_are_the_whole(server: Server, long: Long, limit: int) -> None:
    back, (ids, more) = [], page(server, long, limit=limit)
    while more:
        back = ids + back
        ids, more = page(server, long, limit=limit, before=ids[0])
    assert ids + back == long.ids
    forth, (ids, more) = [], page(server, long, limit=limit, after=0)
    while more:
        forth += ids
        ids, more = page(server, long, limit=limit, after=ids[-1])
    assert forth + ids == long.ids


@pytest.fixture(scope="module")
def wide(server: Server) -> Long:
    """A conversation of the longest texts, which take six times their size in JSON."""
    one, other = pair(server)
    text = "\x01" * LONGEST
    ids = [write(server, one, other, text)["id"] for _ in range(120)]
    return Long(one, other, direct(server, one, other), ids)


def test_pages_of_long_texts_end_early(server: Server, wide: Long) -> None:
    for cursor, edge, step in (("before", 0, -1), ("after", -1, 1)):
        seen, query, more = [], {} if cursor == "before" else {"after": 0}, True
        while more:
            response = get(server, wide.one, messages_of(wide.number), limit=200, **query)
            assert len(response.body) < 2 << 20
            page = answered(response)
            ids, more = [item["id"] for item in page["messages"]], page["has_more"]
            assert ids and set(ids).isdisjoint(seen)
            seen += ids[::step]
            query = {cursor: ids[edge]}
        assert seen == wide.ids[::step]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_that_nobody_reads_take_little_memory(server: Server, wide: Long) -> None:
    before = memory(server)
    head = f"GET {messages_of(wide.number)}?limit=200 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {wide.one.token}"
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            connection = stack.enter_context(RawConnection(server, receive_buffer=65536))
            connection.send(f"{head}\r\n\r\n".encode())
            assert connection.has_answer(PATIENCE)
        assert memory(server) - before < 120 << 20


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": 201}, {"limit": -1}, {"limit": "x"}, {"limit": ""}, {"limit": 2**64}, {"before": "x"},
    {"before": ""}, {"before": 1.5}, {"before": BEYOND_64_BITS}, {"after": "x"}, {"after": BEYOND_64_BITS},
    {"before": 5, "after": 5}, {"before": 5, "after": 1}, {"after": "\0"},
], ids=repr)
def test_a_bad_page(server: Server, query: dict) -> None:
    one, other = pair(server)
    refused(get(server, one, messages_of(direct(server, one, other)), **query), 400)


def test_an_empty_conversation(server: Server) -> None:
    one, other = pair(server)
    path = messages_of(direct(server, one, other))
    for query in ({}, {"before": 5}, {"after": 5}):
        assert answered(get(server, one, path, **query)) == {"messages": [], "has_more": False}


@pytest.mark.parametrize("attachment", [None, URL], ids=["text", "text and attachment"])
async def test_everybody_hears_of_it_as_from_a_socket(
    server: Server, connect: Connect, attachment: str | None
) -> None:
    one, other = pair(server)
    own = [await in_conversations(connect, server, one) for _ in range(2)]
    silent = [await erp.online(connect, server, one), await connect(server, campus.CHAT, one.token)]
    on_erp = await erp.online(connect, server, other)
    on_campus = await connect(server, campus.CHAT, other.token)
    theirs = await in_conversations(connect, server, other)
    stranger = await in_conversations(connect, server, server.person())

    body = {"receiver_id": other.id, "text": "Hello!", "attachment": attachment}
    sent = answered(post(server, one, MESSAGES, body), 201)
    expect(sent, message(one, "Hello!", attachment))
    number, conversation_id = sent["id"], sent["conversation_id"]
    for socket in (*own, theirs):
        await socket.expect(echoed(one, "Hello!", conversation_id, attachment, number))
    await on_erp.expect(erp.heard("Hello!", one) | {"id": number})
    await on_campus.expect(campus.heard("Hello!", one, attachment) | {"id": number})
    for socket in (*own, *silent, on_erp, on_campus, theirs, stranger):
        await socket.expect_nothing()
    expect(history(server, other, conversation_id), [sent])


async def test_an_attachment_alone(server: Server, connect: Connect) -> None:
    one, other = pair(server)
    on_erp = await erp.online(connect, server, other)
    on_campus = await connect(server, campus.CHAT, other.token)
    sent = answered(post(server, one, MESSAGES, {"receiver_id": str(other.id), "attachment": URL}), 201)
    expect(sent, message(one, "", URL))
    await on_erp.expect(erp.heard(URL, one))
    await on_campus.expect(campus.heard("", one, URL))


async def test_a_message_to_a_group(server: Server, connect: Connect) -> None:
    maker, one, two = server.person(), server.person(), server.person()
    number = group(server, maker, one, two)
    on_erp, on_campus = await erp.online(connect, server, one), await connect(server, campus.CHAT, two.token)
    own = await in_conversations(connect, server, maker)
    sent = answered(post(server, maker, messages_of(number), {"text": "all of you"}), 201)
    expect(sent, message(maker, "all of you", conversation=number))
    await on_erp.expect(erp.heard("all of you", maker))
    await on_campus.expect(campus.heard("all of you", maker))
    await own.expect(echoed(maker, "all of you", number, number=sent["id"]))
    for socket in (on_erp, on_campus, own):
        await socket.expect_nothing()


async def test_who_is_away_gets_it_later(server: Server, connect: Connect) -> None:
    one, other = pair(server)
    for text in ("first", "second"):
        write(server, one, other, text)
    socket = await connect(server, erp.CHAT, other.token)
    await socket.expect(erp.heard("first", one))
    await socket.expect(erp.heard("second", one))


async def test_both_ways_of_sending_keep_one_order(server: Server, connect: Connect) -> None:
    one, other = pair(server)
    number = direct(server, one, other)
    there = await erp.online(connect, server, other)
    at_once(10, lambda count: post(server, one, messages_of(number) if count % 2 else MESSAGES,
                                   {"receiver_id": other.id, "text": str(count)}))
    heard = [(await there.receive())["id"] for _ in range(10)]
    assert heard == sorted(heard)
    assert [item["id"] for item in history(server, one, number)] == heard


@pytest.mark.parametrize("text", [
    "x" * LONGEST, "é" * (LONGEST // 2), "quotes \" \\ / \b\f\n\r\t and é 漢字 👋🏽", " ", "0", "null",
    "\u2028\u2029\ufeff\uffff", "a\0b",
], ids=lambda text: repr(text)[:20])
async def test_any_text_arrives_as_it_was_sent(server: Server, connect: Connect, text: str) -> None:
    one, other = pair(server)
    there = await erp.online(connect, server, other)
    sent = answered(post(server, one, MESSAGES, {"receiver_id": other.id, "text": text}), 201)
    expect(sent, message(one, text))
    await there.expect(erp.heard(text, one))
    expect(history(server, other, sent["conversation_id"]), [sent])


BAD_CONTENTS = [
    ({}, NO_TEXT), ({"text": ""}, NO_TEXT), ({"text": None}, NO_TEXT), ({"attachment": None, "text": ""}, NO_TEXT),
    ({"text": "x" * (LONGEST + 1)}, TOO_LONG), ({"text": "é" * (LONGEST // 2) + "x"}, TOO_LONG),
    *[({"text": "x", "attachment": bad}, BAD_ATTACHMENT) for bad in (
        "file:///etc/passwd", "javascript:alert(1)", "/plan.pdf", "ftp://example.org/", "https:", "http://",
        "https://example.org/" + "x" * 2029, "https://a b/", "https://example.org/\n", "https://example.org/\0",
    )],
    ({"text": 5}, None), ({"text": ["x"]}, None), ({"text": {}}, None), ({"text": True}, None),
    ({"text": "x", "attachment": 5}, None), ({"text": "x", "attachment": [URL]}, None),
    ({"text": "x", "client_id": ""}, None), ({"text": "x", "client_id": "x" * 65}, None),
    ({"text": "x", "client_id": "é" * 33}, None), ({"text": "x", "client_id": 5}, None),
    ({"text": "x", "client_id": ["x"]}, None),
]


@pytest.mark.parametrize("body, words", BAD_CONTENTS, ids=lambda value: repr(value)[:50])
def test_a_bad_message_is_not_stored(server: Server, body: dict, words: str | None) -> None:
    one, other = pair(server)
    number = direct(server, one, other)
    refused(post(server, one, messages_of(number), body), 400, words)
    refused(post(server, one, MESSAGES, {"receiver_id": other.id} | body), 400, words)
    assert history(server, one, number) == []


@pytest.mark.parametrize("raw", [
    b"", b"x", b"[]", b"null", b'"text"', b"{", b'{"text":"\xff"}', b'{"text":"\\ud800"}', b'{"text":"\\udc00\\ud800"}',
    b'{"text":"x"} x', b"{'text':'x'}", b'{"text":"x",}', b'{"text":' + b"[" * 50_000, b'{"text":"a\nb"}',
    b'{"text":NaN}',
], ids=lambda raw: repr(raw)[:30])
def test_a_body_that_is_no_json_object(server: Server, raw: bytes) -> None:
    one, other = pair(server)
    number = direct(server, one, other)
    for path in (messages_of(number), MESSAGES):
        refused(post(server, one, path, raw), 400)
    assert history(server, one, number) == []


def test_other_types_and_sizes(server: Server) -> None:
    one, other = pair(server)
    number = direct(server, one, other)
    for path in (messages_of(number), MESSAGES):
        for form in ("text/plain", "application/jsonx", "application/x-www-form-urlencoded"):
            body = b'{"text":"x","receiver_id":%d}' % other.id
            refused(request(server, "POST", path, body, bearer(one.token) | {"Content-Type": form}), 415)
        refused(post(server, one, path, {"text": "x" * 2**20}), 413)
    assert history(server, one, number) == []


def test_a_body_without_a_type(server: Server) -> None:
    one, other = pair(server)
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {one.token}\r\n"
    body = b'{"receiver_id":%d,"text":"x"}' % other.id
    with RawConnection(server) as connection:
        connection.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        refused(connection.response(), 415)


@pytest.mark.parametrize("receiver, status", [
    (999_999, 404), (0, 404), ("999999", 404), (None, 400), ("x", 400), ("", 400), (1.5, 400), (True, 400), ([1], 400),
    ({}, 400), (BEYOND_64_BITS, 400), ("9" * 30, 400),
], ids=repr)
def test_a_bad_receiver(server: Server, receiver: object, status: int) -> None:
    words = "User not found" if status == 404 else None
    refused(post(server, server.person(), MESSAGES, {"receiver_id": receiver, "text": "x"}), status, words)


def test_without_a_receiver_and_to_oneself(server: Server) -> None:
    one = server.person()
    refused(post(server, one, MESSAGES, {"text": "x"}), 400)
    refused(post(server, one, MESSAGES, {"receiver_id": one.id, "text": "x"}), 400, ONESELF)
    assert answered(get(server, one, CONVERSATIONS))["conversations"] == []


def test_what_is_not_described_is_ignored(server: Server) -> None:
    one, other = pair(server)
    body = {"receiver_id": other.id, "text": "x", "id": 5, "timestamp": "1999", "sender": {"id": other.id}, "": 1}
    expect(answered(post(server, one, MESSAGES, body), 201), message(one, "x"))


@pytest.mark.parametrize("ways", ["header", "member", "both", "mixed"])
async def test_a_repeat_is_answered_with_the_first(server: Server, connect: Connect, ways: str) -> None:
    one, other = pair(server)
    number = direct(server, one, other)
    there, own = await erp.online(connect, server, other), await in_conversations(connect, server, one)

    def send(count: int, path: str, text: str) -> dict:
        in_header = ways in ("header", "both") or ways == "mixed" and count % 2
        in_member = ways in ("member", "both") or ways == "mixed" and not count % 2
        body = {"receiver_id": other.id, "text": text} | ({"client_id": "key 1"} if in_member else {})
        return answered(post(server, one, path, body, "key 1" if in_header else None), 201)

    first = send(0, MESSAGES, "Hello!")
    expect(first, message(one, "Hello!", conversation=number))
    assert send(1, MESSAGES, "Hello!") == first
    assert send(2, messages_of(number), "Hello!") == first
    assert send(3, MESSAGES, "another text") == first
    await there.expect(erp.heard("Hello!", one))
    await own.expect(echoed(one, "Hello!", number, number=first["id"]))
    for socket in (there, own):
        await socket.expect_nothing()
    assert history(server, one, number) == [first]


def test_repeats_at_once_store_one(server: Server) -> None:
    one, other = pair(server)
    answers = at_once(10, lambda _: post(server, one, MESSAGES, {"receiver_id": other.id, "text": "once"}, "key"))
    assert [answer.status for answer in answers] == [201] * 10
    assert len({answer.body for answer in answers}) == 1
    assert history(server, one, direct(server, one, other)) == [answers[0].json]


async def test_a_key_and_the_client_id_of_a_socket_are_one(server: Server, connect: Connect) -> None:
    one, other = pair(server)
    sender, receiver = await erp.online(connect, server, one), await erp.online(connect, server, other)
    await sender.send(erp.said("from the socket", other.id, client_id="a"))
    first = await receiver.expect(erp.heard("from the socket", one))
    repeat = answered(post(server, one, MESSAGES, {"receiver_id": other.id, "text": "over HTTP"}, "a"), 201)
    expect(repeat, message(one, "from the socket", number=first["id"]))

    second = answered(post(server, one, MESSAGES, {"receiver_id": other.id, "text": "over HTTP"}, "b"), 201)
    await receiver.expect(erp.heard("over HTTP", one) | {"id": second["id"]})
    await sender.send(erp.said("from the socket", other.id, client_id="b"))
    on_campus = await connect(server, campus.CHAT, one.token)
    await on_campus.send(campus.said("from campus", other.id, client_id="b"))
    await on_campus.expect(campus.SENT | {"id": second["id"]})
    await receiver.expect_nothing()
    assert [item["text"] for item in history(server, other, second["conversation_id"])] == [
        "from the socket", "over HTTP"]


async def test_a_repeat_on_a_conversations_socket_is_told_once(server: Server, connect: Connect) -> None:
    one, other = pair(server)
    number = direct(server, one, other)
    asking, own = [await in_conversations(connect, server, one) for _ in range(2)]
    first = answered(post(server, one, messages_of(number), {"text": "Hello!"}, "c"), 201)
    for socket in (asking, own):
        await socket.expect(echoed(one, "Hello!", number, number=first["id"]))
    await asking.send({"type": "chat.message", "conversation_id": number, "content": "again", "client_id": "c"})
    await asking.expect(echoed(one, "Hello!", number, number=first["id"]))
    await own.expect_nothing()
    assert history(server, one, number) == [first]


def test_everybody_has_their_own_keys(server: Server) -> None:
    one, other = pair(server)
    first = answered(post(server, one, MESSAGES, {"receiver_id": other.id, "text": "mine"}, "shared"), 201)
    second = answered(post(server, other, MESSAGES, {"receiver_id": one.id, "text": "yours"}, "shared"), 201)
    assert [item["text"] for item in history(server, one, first["conversation_id"])] == ["mine", "yours"]
    assert first["id"] < second["id"]


@pytest.mark.parametrize("key", ["x" * 65, "é" * 33, ""], ids=len)
def test_a_bad_key(server: Server, key: str) -> None:
    one, other = pair(server)
    number = direct(server, one, other)
    for path in (MESSAGES, messages_of(number)):
        refused(post(server, one, path, {"receiver_id": other.id, "text": "x"}, key), 400)
    assert history(server, one, number) == []


def test_two_names_for_one_message(server: Server) -> None:
    one, other = pair(server)
    body = {"receiver_id": other.id, "text": "x", "client_id": "one"}
    refused(post(server, one, MESSAGES, body, "two"), 400)
    answered(post(server, one, MESSAGES, body, "one"), 201)


def test_the_longest_keys(server: Server) -> None:
    one, other = pair(server)
    for key in ("x" * 64, "é" * 32):
        body = {"receiver_id": other.id, "text": key, "client_id": key}
        assert answered(post(server, one, MESSAGES, body), 201) == answered(post(server, one, MESSAGES, body), 201)


async def test_a_repeat_after_a_crash(start: Start, connect: Connect) -> None:
    server = start(extra=KEYED)
    one, other = pair(server)
    sender = await erp.online(connect, server, one)
    body = {"receiver_id": other.id, "text": "Hello!"}
    over_http = answered(post(server, one, MESSAGES, body, "a"), 201)
    receiver = await connect(server, erp.CHAT, other.token)
    await receiver.expect(erp.heard("Hello!", one))
    await sender.send(erp.said("from the socket", other.id, client_id="b"))
    over_socket = await receiver.expect(erp.heard("from the socket", one))
    server.kill9()
    server.start()
    assert answered(post(server, one, MESSAGES, body, "a"), 201) == over_http
    repeat = answered(post(server, one, MESSAGES, body, "b"), 201)
    expect(repeat, message(one, "from the socket", number=over_socket["id"]))
    assert len(history(server, one, over_http["conversation_id"])) == 2


@pytest.mark.parametrize("kind", ["key", "administrator"])
async def test_sending_in_the_name_of_somebody(server: Server, connect: Connect, kind: str) -> None:
    one, other = pair(server)
    who = API_KEY if kind == "key" else server.person(admin=True)
    there, own = await erp.online(connect, server, other), await in_conversations(connect, server, one)
    body = {"receiver_id": other.id, "sender_id": str(one.id), "text": "The office speaks."}
    sent = answered(post(server, who, MESSAGES, body, "office"), 201)
    expect(sent, message(one, "The office speaks."))
    assert answered(post(server, who, MESSAGES, body, "office"), 201) == sent
    await there.expect(erp.heard("The office speaks.", one) | {"id": sent["id"]})
    await own.expect(echoed(one, "The office speaks.", number=sent["id"]))
    for socket in (there, own):
        await socket.expect_nothing()
    assert history(server, one, sent["conversation_id"]) == [sent]


def test_who_may_send_in_whose_name(server: Server) -> None:
    one, other = pair(server)
    dean = server.person(admin=True)
    body = {"receiver_id": other.id, "text": "x"}
    refused(post(server, one, MESSAGES, body | {"sender_id": dean.id}), 403, "This needs an administrator")
    refused(post(server, None, MESSAGES, body | {"sender_id": one.id}), 401)
    refused(post(server, API_KEY, MESSAGES, body), 400)
    for who in (API_KEY, dean):
        refused(post(server, who, MESSAGES, body | {"sender_id": 999_999}), 404, "User not found")
        refused(post(server, who, MESSAGES, body | {"sender_id": other.id}), 400, ONESELF)
        refused(post(server, who, MESSAGES, body | {"sender_id": "x"}), 400)
        refused(post(server, who, MESSAGES, body | {"sender_id": [one.id]}), 400)
    expect(answered(post(server, dean, MESSAGES, body), 201), message(dean, "x"))
    assert answered(get(server, one, CONVERSATIONS))["conversations"] == []


async def test_reading(server: Server, connect: Connect) -> None:
    one, other = pair(server)
    number = write(server, one, other, "read this")["conversation_id"]
    author, also_author = await erp.online(connect, server, one), await in_conversations(connect, server, one)
    reader = await in_conversations(connect, server, other)
    for _ in range(2):
        assert answered(post(server, other, f"{CONVERSATIONS}{number}/read/")) == {"status": "success"}
    await author.expect(erp.read_by(other))
    await also_author.expect({"type": "chat.read", "conversation_id": number, "reader_id": other.id})
    assert answered(post(server, one, f"{CONVERSATIONS}{number}/read", {})) == {"status": "success"}
    for socket in (author, also_author, reader):
        await socket.expect_nothing()
    expect(answered(get(server, other, f"{CONVERSATIONS}{number}/")), conversation(
        one, other, number=number, last=message(one, "read this", conversation=number)))
