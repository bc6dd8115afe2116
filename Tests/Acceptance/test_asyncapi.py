"""docs/asyncapi.yaml says what the server does: each example is sent, each frame and close code is looked up there."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
import raw
import socket_io
from asyncapi import PATH, Document, Operation, faults
from client import Client
from conftest import Connect, Start
from switchboard import Person, Server
from websockets.exceptions import ConnectionClosed

DOCUMENT = Document()
NOBODY = 999_999_999
# Only a disk that fails makes the server say these.
RARE = {
    "The message could not be stored. Please try again.", "The change could not be stored. Please try again.",
    "The store is not available. Please try again.",
}
# What shows that the server did as it was asked: which side hears which message. Replies are in the document.
OUTCOMES: dict[str, list[tuple[str, str]]] = {
    "erpSendMessage": [("other", "chatMessage")],
    "erpMarkRead": [("other", "messagesRead")],
    "erpSetTyping": [("other", "userTyping")],
    "erpMarkNotificationRead": [("own", "unreadCount")],
    "campusSendMessage": [("other", "chatMessage")],
    "conversationsSendMessage": [("own", "message"), ("other", "message")],
    "conversationsSetTyping": [("other", "typing")],
    "conversationsMarkRead": [("other", "read")],
    "conversationsSearchUser": [],
    "conversationsStartConversation": [],
    "conversationsGetConversations": [],
    "conversationsGetMessages": [],
    "socketioJoinConversation": [],
    "socketioSendMessage": [("own", "newMessage"), ("other", "newMessage"), ("other", "messageNotification")],
    "socketioMarkRead": [("other", "messagesRead")],
    "socketioStartTyping": [("other", "typingStart")],
    "socketioStopTyping": [("other", "typingStop")],
    "socketioLeaveConversation": [],
    "roomsSendMessage": [("own", "chatMessage"), ("other", "chatMessage")],
    "roomsChangeCounter": [("own", "counterUpdate"), ("other", "counterUpdate")],
}
# Texts that are too long for an example: operation, member, length, the error, the reason where there is another.
TOO_LONG = [
    ("erpSendMessage", "message", 16_385, "Message is too long", None),
    ("campusSendMessage", "message", 16_385, "An error occurred while processing your message", None),
    ("conversationsSendMessage", "content", 16_385, "Message is too long", None),
    ("socketioSendMessage", "content", 16_385, "Failed to send message", "Message is too long"),
    ("roomsSendMessage", "message", 1_001, "Invalid message (max 1000 characters)", None),
]
# What says that something was not done.
REFUSING = ("error", "refused")
MOST = 2**63 - 1


def needs_token(channel: str) -> bool:
    query = DOCUMENT.resolved(DOCUMENT.channels[channel]["bindings"])["ws"]["query"]
    return "token" in query.get("required", [])


def is_socketio(channel: str) -> bool:
    return channel == "socketio"


def is_jwt(token: str | None) -> bool:
    return token is not None and token.count(".") == 2


def path(channel: str, token: str | None = None, room: str = "lobby") -> str:
    """The channel's address, with a query that fits its bindings."""
    query = {"EIO": "4", "transport": "websocket"} if is_socketio(channel) else {}
    if token is not None:
        query["token"] = token
    if channel == "conversationsChat" and not is_jwt(token):
        query["dialect"] = "conversations"
    binding = DOCUMENT.channels[channel]["bindings"]["$ref"]
    DOCUMENT.validator(f"{binding}/ws/query").validate(query)
    address = DOCUMENT.channels[channel]["address"].replace("{room}", room)
    return f"{address}?{urlencode(query)}" if query else address


class Packets(socket_io.Peer):
    """Hears what the document calls payloads: events with their offsets, acknowledgements without their numbers."""

    async def next(self) -> Any:
        frame = await super().next()
        return frame[1:] if isinstance(frame[0], int) else frame

    def without_offset(self, event: list[Any]) -> list[Any]:
        return event


_numbers = itertools.count()


def text_of(channel: str, payload: Any) -> str:
    """What goes over the wire; every event asks for its acknowledgement."""
    return (f"42{next(_numbers)}" if is_socketio(channel) else "") + json.dumps(payload)


def content(frame: Any) -> dict[str, Any]:
    """Of an array, which is an event or an acknowledgement, the object."""
    return next(part for part in frame if isinstance(part, dict)) if isinstance(frame, list) else frame


@dataclass
class Ear:
    """One connection; it looks up every frame in the document."""

    channel: str
    client: Client
    heard: list[tuple[str, Any]] = field(default_factory=list)

    def note(self, frame: Any) -> tuple[str, Any]:
        self.heard.append((DOCUMENT.identify(self.channel, frame), frame))
        return self.heard[-1]

    async def until(self, *wanted: str) -> Any:
        """Goes on until each of these messages has come, and gives the last of them; in between there is no error."""
        missing = set(wanted)
        while True:
            name, frame = self.note(await self.client.receive())
            assert name in missing or name not in REFUSING, f"{self.channel}: {frame} instead of {missing}"
            missing.discard(name)
            if not missing:
                return frame

    async def drain(self) -> list[tuple[str, Any]]:
        """What has come and nobody waited for."""
        return [self.note(frame) for frame in await self.client.arrived()]


@dataclass
class Stage:
    """Two people, each with a connection to every channel, and a third who has none."""

    server: Server
    sender: Person
    third: int
    ears: dict[tuple[str, str], Ear]
    ids: dict[str, int]

    def real(self, value: Any, member: str = "") -> Any:
        """An example with the ids of this server: 1 is the sender, NOBODY stays, others go by their member or event."""
        if isinstance(value, dict):
            return {name: self.real(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [self.real(part, str(value[0])) for part in value]
        is_id = member.lower().endswith("id") and member != "client_id" or member in self.ids
        if value == NOBODY or not (is_id and str(value).isdigit()):
            return value
        return type(value)(self.sender.id if value == 1 else self.ids[member])

    async def settle(self) -> None:
        for ear in self.ears.values():
            for name, frame in await ear.drain():
                assert name not in REFUSING, f"{ear.channel}: {frame}"

    async def prepare(self, operation: str) -> None:
        """What has to be there before the operation can change anything."""
        if operation in ("erpMarkRead", "conversationsMarkRead", "socketioMarkRead"):
            say = {"type": "chat_message", "message": "unread", "recipient_id": self.sender.id}
            await self.ears["erpChat", "other"].client.send(say)
            await self.ears["erpChat", "own"].until("chatMessage")
            await self.ears["conversationsChat", "own"].until("message")
            await self.settle()
        elif operation == "erpMarkNotificationRead":
            self.server.cli("notify", "--user", self.sender.id, "--title", "T", "--message", "M")
            notification = await self.ears["erpNotifications", "own"].until("notification")
            self.ids["id"] = notification["id"]
            await self.settle()

    async def drive(self, operation: Operation, example: Any) -> None:
        """Sends an example, which must be accepted, and hears the outcome."""
        await self.prepare(operation.name)
        await self.ears[operation.channel, "own"].client.send_text(text_of(operation.channel, self.real(example)))
        awaited = {
            "own": [reply for reply in operation.replies if reply not in REFUSING],
            "other": [],
        }
        for side, message in OUTCOMES[operation.name]:
            awaited[side].append(message)
        for side, messages in awaited.items():
            if messages:
                frame = await self.ears[operation.channel, side].until(*messages)
                if "message" in messages:
                    self.ids["before_id"] = frame["message"]["id"]
        await self.settle()

    async def refuse(self, channel: str, text: str, words: str, reason: str | None = None) -> None:
        """Sends a frame, which must be refused in these words, and for this reason, where it is acknowledged."""
        ear = self.ears[channel, "own"]
        await ear.client.send_text(text)
        answers = [content(await ear.until("error"))]
        if is_socketio(channel):
            answers.append(content(await ear.until("refused")))
        for answer, expected in zip(answers, (words, reason or words)):
            said = answer.get("message", answer.get("error"))
            assert said == expected, f"{channel}: {text[:200]} got {answer}, not {expected}"


@pytest.fixture
async def stage(start: Start, connect: Connect) -> Stage:
    server = start("--rooms-burst", 60)
    people = {"own": server.person("Alice A."), "other": server.person("John Doe")}
    third = int(server.cli("user", "add", "john_doe", "--name", "John Doe"))
    ears: dict[tuple[str, str], Ear] = {}
    for channel in DOCUMENT.channels:
        for side, person in people.items():
            token = person.token if needs_token(channel) else None
            if (channel, side) == ("conversationsChat", "own"):
                # By its token alone, the other by what the URL says.
                token = server.cli("token", "create", person.username, "--jwt")
            if is_socketio(channel):
                # In the two ways that have no header.
                in_url, in_packet = (None, {"token": person.token}) if side == "own" else (person.token, None)
                client = Packets((await connect(server, path(channel, in_url))).socket)
                ears[channel, side] = Ear(channel, await client.enter(in_packet))
            else:
                ears[channel, side] = Ear(channel, await connect(server, path(channel, token)))
    own, other = people["own"].id, people["other"].id
    # The others become known as they come to be.
    ids = {"recipient_id": other, "receiver_id": other, "sender_id": other, "toUserId": other}
    stage = Stage(server, people["own"], third, ears, ids)
    for channel, first in (
        ("erpNotifications", "unreadCount"), ("roomsNotifications", "connectionStatus"),
        ("roomsCounter", "counterState"), ("roomsCounter", "userCountUpdate"),
    ):
        for side in people:
            await ears[channel, side].until(first)
    await ears["conversationsChat", "own"].client.send({"type": "chat.start_conversation", "receiver_id": other})
    started = await ears["conversationsChat", "own"].until("conversationStarted")
    assert sorted(person["id"] for person in started["conversation"]["participants"]) == sorted((own, other))
    for name in ("conversation_id", "conversationId", "join_conversation", "leave_conversation"):
        ids[name] = started["conversation"]["id"]
    join = text_of("socketio", socket_io.join(started["conversation"]["id"]))
    await ears["socketio", "other"].client.send_text(join)
    await ears["socketio", "other"].until("done")
    await stage.settle()
    return stage


def test_it_is_a_document_of_asyncapi() -> None:
    assert faults(DOCUMENT) == []


@pytest.mark.parametrize("right, wrong", [
    ("asyncapi: 3.0.0", "asyncapi: 2.6.0"), ("  title: Switchboard's WebSockets", "  name: Switchboard's WebSockets"),
    ("host: 127.0.0.1:8000", "url: 127.0.0.1:8000"), ("address: /ws/counter/", "address: /ws/counter/?x"),
    ("address: /ws/chat/{room}/", "address: /ws/chat/{name}/"), ("\n    action: receive", "\n    action: publish"),
    ("{$ref: '#/channels/erpChat/messages/userTyping'}", "{$ref: '#/channels/erpChat/messages/typing'}"),
    ("{$ref: '#/channels/erpChat/messages/userTyping'}", "{$ref: '#/channels/roomsRoom/messages/userLeft'}"),
    ("x-close-codes: [1002", "close-codes: [1002"),
    ("query:\n          type: object", "query:\n          type: string"),
    ("      examples:\n        - payload: {type: typing", "      examples:\n        - value: {type: typing"),
])
def test_what_is_no_asyncapi_is_noticed(right: str, wrong: str) -> None:
    text = PATH.read_text(encoding="utf-8")
    assert right in text
    assert faults(Document(text.replace(right, wrong, 1))) != []


@pytest.mark.parametrize("name, message", DOCUMENT.root["components"]["messages"].items())
def test_examples_fit_their_schemas(name: str, message: dict) -> None:
    for example in message["examples"]:
        DOCUMENT.validator(f"#/components/messages/{name}/payload").validate(example["payload"])


@pytest.mark.parametrize("channel", DOCUMENT.channels)
def test_examples_of_the_server_are_one_message_each(channel: str) -> None:
    for name in DOCUMENT.messages("send")[channel]:
        for example in DOCUMENT.resolved(DOCUMENT.channels[channel]["messages"][name])["examples"]:
            assert DOCUMENT.identify(channel, example["payload"]) == name


async def test_the_server_does_what_the_document_says(stage: Stage, connect: Connect) -> None:
    operations = {operation.name: operation for operation in DOCUMENT.received()}
    assert operations.keys() == OUTCOMES.keys()
    for operation in operations.values():
        for example in operation.examples:
            await stage.drive(operation, example)
    await say_again(stage, operations)
    await hear_notifications(stage)
    await come_and_go(stage, connect)
    for channel, declared in DOCUMENT.channels.items():
        for refusal in declared.get("x-refusals", []):
            text = refusal["text"] if "text" in refusal else text_of(channel, stage.real(refusal["payload"]))
            await stage.refuse(channel, text, refusal["error"], refusal.get("reason"))
    await reach_the_limits(stage, operations)
    for ear in stage.ears.values():
        await ear.drain()
    heard: dict[str, set[str]] = {channel: set() for channel in DOCUMENT.channels}
    for (channel, _), ear in stage.ears.items():
        heard[channel] |= {name for name, _ in ear.heard}
    assert heard == DOCUMENT.messages("send"), "a message of the document was never heard"
    assert_all_words_were_heard(stage)


async def say_again(stage: Stage, operations: dict[str, Operation]) -> None:
    """A `client_id` that was used already is answered as then, and nobody else hears of it."""
    for name, answer in (
        ("campusSendMessage", "messageSent"), ("conversationsSendMessage", "message"),
        ("socketioSendMessage", "stored"),
    ):
        example = next(example for example in operations[name].examples if "client_id" in content(example))
        ear = stage.ears[operations[name].channel, "own"]
        earlier = [frame for known, frame in ear.heard if known == answer]
        await ear.client.send_text(text_of(ear.channel, stage.real(example)))
        assert await ear.until(answer) in earlier
        assert await stage.ears[ear.channel, "other"].drain() == []
    elsewhere = socket_io.said("Hello?", to=stage.third, client_id=content(example)["client_id"])
    await stage.refuse(
        "socketio", text_of("socketio", elsewhere), "Failed to send message",
        "client_id was used for a message of another conversation")


async def hear_notifications(stage: Stage) -> None:
    for priority in ("low", "normal", "high"):
        body = {"title": "T", "message": "M", "priority": priority, "category": "hr", "link": "/x", "data": {"a": [1]}}
        assert raw.request(stage.server, "POST", "/api/notifications/send/", body).status == 200
        for side in ("own", "other"):
            await stage.ears["erpNotifications", side].until("notification")
            await stage.ears["erpNotifications", side].until("unreadCount")
            await stage.ears["campusNotifications", side].until("notify")
            await stage.ears["socketio", side].until("newNotification")
            heard = await stage.ears["roomsNotifications", side].until("notification")
            assert heard["priority"] == priority
    await stage.settle()


async def come_and_go(stage: Stage, connect: Connect) -> None:
    visitor = await connect(stage.server, path("roomsRoom"))
    await stage.ears["roomsRoom", "own"].until("userJoined")
    await visitor.close()
    await stage.ears["roomsRoom", "own"].until("userLeft")
    await stage.settle()


async def reach_the_limits(stage: Stage, operations: dict[str, Operation]) -> None:
    for name, member, length, words, reason in TOO_LONG:
        channel, long = operations[name].channel, stage.real(operations[name].examples[0])
        content(long)[member] = "x" * length
        await stage.refuse(channel, text_of(channel, long), words, reason)
    counter = stage.ears["roomsCounter", "own"]
    await counter.client.send({"action": "increment", "value": MOST})
    await counter.until("counterUpdate")
    await stage.refuse("roomsCounter", json.dumps({"action": "increment", "value": MOST}), "Counter overflow")
    ear = stage.ears["roomsNotifications", "own"]
    # More than is let through in the time that a slow client takes to send them.
    for _ in range(200):
        await ear.client.send_text("{")
    errors = [(await ear.until("error"))["message"] for _ in range(200)]
    assert "Rate limit exceeded" in errors
    typist = stage.ears["socketio", "own"]
    for number in range(60):
        await typist.client.send([number, *stage.real(operations["socketioStartTyping"].examples[0])])
    answers: list[str] = []
    while len(answers) < 60:
        name, _ = typist.note(await typist.client.receive())
        if name != "error":
            answers.append(name)
    assert "refused" in answers


def assert_all_words_were_heard(stage: Stage) -> None:
    """Each error's words that the document lists were said by the server, in the dialect that lists them."""
    said: dict[str, set[str]] = {}
    for (channel, _), ear in stage.ears.items():
        for name, frame in ear.heard:
            if name in REFUSING:
                schema = DOCUMENT.channels[channel]["messages"][name]["$ref"]
                said.setdefault(schema, set()).add(content(frame).get("message") or content(frame).get("error"))
    for schema, words in said.items():
        payload = DOCUMENT.at(schema)["payload"]
        properties = (payload["items"][-1] if payload["type"] == "array" else payload)["properties"]
        listed = set(properties["error" if "error" in properties else "message"]["enum"])
        assert words == listed - RARE


Closer = Callable[[Server, str, Connect], Awaitable[None]]


async def wrong_token(server: Server, channel: str, connect: Connect) -> None:
    address = DOCUMENT.channels[channel]["address"].replace("{room}", "lobby")
    await (await connect(server, address, "wrong")).expect_close(4003)


async def wrong_room(server: Server, channel: str, connect: Connect) -> None:
    await (await connect(server, path(channel, room="no%20name"))).expect_close(4004)


def bad_frame(code: int, data: bytes) -> Closer:
    async def close(server: Server, channel: str, connect: Connect) -> None:
        token = server.person().token if needs_token(channel) else None
        with raw.RawWebSocket(server, path(channel, token)) as client:
            client.send(data)
            while (frame := client.receive()).opcode != raw.CLOSE:
                assert frame.payload[:1] == b"0" if is_socketio(channel) else DOCUMENT.identify(
                    channel, json.loads(frame.payload))
            assert int.from_bytes(frame.payload[:2], "big") == code

    return close


def bad_packet(code: int, text: str) -> Closer:
    async def close(server: Server, _: str, connect: Connect) -> None:
        client = await socket_io.online(connect, server, server.person().token)
        await client.send_text(text)
        await client.expect_close(code)

    return close


async def expired_token(server: Server, _: str, connect: Connect) -> None:
    token = server.cli("token", "create", server.person().username, "--expires", "5s")
    client = await socket_io.online(connect, server, token)
    await client.expect("41")
    await client.expect_close(4003)


# How each is brought about. 1012 is below; 1001 and 1013 take more, and have their own tests.
CLOSERS: dict[int, Closer] = {
    1002: bad_frame(1002, raw.frame(raw.TEXT, b"x", reserved=4)),
    1007: bad_frame(1007, raw.frame(raw.TEXT, b"\xff")),
    1009: bad_frame(1009, raw.frame(raw.TEXT, b"x" * 2001)),
    4003: wrong_token,
    4004: wrong_room,
}
SOCKETIO_CLOSERS = CLOSERS | {1000: bad_packet(1000, "1"), 1008: bad_packet(1008, "42{}"), 4003: expired_token}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), "--max-message", 2000, "--max-payload", 2000).start()
    yield server
    server.close()


@pytest.mark.parametrize("channel, code", [
    (channel, code) for channel, declared in DOCUMENT.channels.items() for code in declared["x-close-codes"]
    if code not in (1001, 1012, 1013)
])
async def test_close_codes(strict: Server, connect: Connect, channel: str, code: int) -> None:
    assert str(code) in DOCUMENT.root["x-close-codes"]
    await (SOCKETIO_CLOSERS if is_socketio(channel) else CLOSERS)[code](strict, channel, connect)


async def test_a_server_that_stops_says_so_on_every_channel(stage: Stage) -> None:
    for channel, declared in DOCUMENT.channels.items():
        assert {1012, 1013} <= set(declared["x-close-codes"]), channel
    stopping = asyncio.create_task(asyncio.to_thread(stage.server.terminate))
    for ear in stage.ears.values():
        with pytest.raises(ConnectionClosed) as caught:
            # Those whose neighbours have left already hear of that first.
            while True:
                ear.note(await ear.client.receive())
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1012
    assert await stopping == 0
