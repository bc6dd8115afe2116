"""Every event as every dialect shows it: the table of INTEROP.md, frame by frame."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import campus
import conversations
import erp
import pytest
from client import Client
from conftest import Connect
from frames import ERP_TIME, ID, ROOMS_TIME, error, matches
from raw import bearer, request
from switchboard import Person, Server

URL = "https://bucket.s3.amazonaws.com/file.pdf"
Frame = dict[str, Any]


@dataclass(frozen=True)
class Message:
    sender: Person
    conversation: int
    text: str
    attachment: str | None = None


def never(*_: Any) -> None:
    """A dialect without words for this."""
    return None


@dataclass(frozen=True)
class Words:
    """What a dialect says, and what it hears; None where it has no words."""

    path: str
    signed: bool
    # Frames of a client.
    says: Callable[[Message, Person], Frame | None]
    reads: Callable[[Person, int], Frame | None]
    types: Callable[[Person, bool], Frame | None]
    # Frames of the server.
    hears: Callable[[Message], Frame]
    sending_socket: Callable[[Message], Frame | None]
    own_socket: Callable[[Message], Frame | None]
    hears_reading: Callable[[Person, int], Frame | None]
    hears_typing: Callable[[Person, bool], Frame | None]
    # A frame without consequences, and its answer.
    probe: tuple[str, Frame]
    has_backlog: bool = True


def _conversations_hears(message: Message) -> Frame:
    return conversations.heard(message.text, message.sender, message.conversation, message.attachment)


DIALECTS = {
    "erp": Words(
        path=erp.CHAT, signed=False,
        says=lambda message, to: erp.said(message.text, to.id) if message.attachment is None else None,
        reads=lambda author, _: {"type": "mark_read", "sender_id": author.id},
        types=lambda to, on: {"type": "typing", "recipient_id": to.id} if on else None,
        hears=lambda message: erp.heard(message.text or message.attachment, message.sender),
        sending_socket=never, own_socket=never,
        hears_reading=lambda reader, _: erp.read_by(reader),
        hears_typing=lambda sender, on: {"type": "user_typing", "sender_id": sender.id} if on else None,
        probe=("?", error("Invalid JSON format")),
    ),
    "campus": Words(
        path=campus.CHAT, signed=False,
        says=lambda message, to: campus.said(message.text or None, to.id) | (
            {"attachment": message.attachment} if message.attachment else {}),
        reads=never, types=never,
        hears=lambda message: campus.heard(message.text, message.sender, message.attachment),
        sending_socket=lambda _: campus.SENT, own_socket=never, hears_reading=never, hears_typing=never,
        probe=("?", campus.error("Invalid JSON format")),
    ),
    "conversations": Words(
        path=conversations.PATH, signed=True,
        says=lambda message, _: conversations.said(
            message.text, message.conversation, attachment=message.attachment),
        reads=lambda _, conversation: conversations.read(conversation),
        types=lambda to, on: conversations.typing(to.id, on),
        hears=_conversations_hears, sending_socket=_conversations_hears, own_socket=_conversations_hears,
        hears_reading=conversations.read_by, hears_typing=conversations.typing_of,
        probe=("?", conversations.error("Invalid JSON format")), has_backlog=False,
    ),
}
READING = [name for name, words in DIALECTS.items() if words.reads is not never]


class Devices:
    """One person's chat sockets, the same number on every dialect."""

    def __init__(self, person: Person, sockets: dict[str, list[Client]]) -> None:
        self.person = person
        self.sockets = sockets

    @classmethod
    async def open(
        cls, connect: Connect, server: Server, person: Person, each: int = 2, on: Iterable[str] = DIALECTS
    ) -> Devices:
        signed = server.jwt(person)
        devices = cls(person, {
            name: [
                await connect(server, words.path, signed if words.signed else person.token) for _ in range(each)
            ] for name, words in DIALECTS.items() if name in on
        })
        await devices.settle()
        return devices

    def all(self) -> list[tuple[str, Client]]:
        return [(name, socket) for name, sockets in self.sockets.items() for socket in sockets]

    async def settle(self) -> None:
        """Everything asked before has been done."""
        for name, socket in self.all():
            text, answer = DIALECTS[name].probe
            await socket.send_text(text)
            await socket.expect(answer)

    async def expect(self, expected: Callable[[Words], Frame | None]) -> None:
        """The next frame of every socket, in the words of its dialect."""
        for name, socket in self.all():
            if (frame := expected(DIALECTS[name])) is not None:
                await socket.expect(frame)

    async def expect_nothing(self) -> None:
        for _, socket in self.all():
            await socket.expect_nothing()


class Bystanders:
    """A stranger on every dialect, and sockets of `rooms`: none of them may hear what is not theirs."""

    def __init__(self, devices: Devices, rooms: list[Client]) -> None:
        self.devices, self.rooms = devices, rooms

    @classmethod
    async def open(cls, connect: Connect, server: Server, room: str) -> Bystanders:
        rooms = [await connect(server, room), await connect(server, "/ws/notifications/")]
        assert (await rooms[1].receive())["type"] == "connection_status"
        return cls(await Devices.open(connect, server, server.person(), each=1), rooms)

    async def expect_nothing(self) -> None:
        await self.devices.expect_nothing()
        for client in self.rooms:
            await client.expect_nothing()


@pytest.fixture
def people(server: Server) -> list[Person]:
    return [server.person(name) for name in ("Aarav Sharma", "Bela Nováková")]


def direct(server: Server, one: Person, other: Person) -> int:
    answer = request(server, "POST", "/api/conversations/", {"user_id": other.id}, bearer(one.token))
    assert answer.status in (200, 201), answer
    return answer.json["id"]


def send_over_http(server: Server, message: Message) -> None:
    body = {"text": message.text} | ({"attachment": message.attachment} if message.attachment else {})
    path = f"/api/conversations/{message.conversation}/messages/"
    assert request(server, "POST", path, body, bearer(message.sender.token)).status == 201


def read_over_http(server: Server, reader: Person, conversation: int) -> None:
    answer = request(server, "POST", f"/api/conversations/{conversation}/read/", headers=bearer(reader.token))
    assert answer.status == 200, answer


async def exchange(server: Server, here: Devices, there: Devices, way: str, message: Message) -> bool:
    """One message, from a first socket or over HTTP, and every frame of it; False where the way has no words."""
    sending = None
    if way == "http":
        send_over_http(server, message)
    else:
        frame = DIALECTS[way].says(message, there.person)
        if frame is None:
            return False
        sending = here.sockets[way][0]
        await sending.send(frame)
        if (answer := DIALECTS[way].sending_socket(message)) is not None:
            await sending.expect(answer)
    await there.expect(lambda words: words.hears(message))
    for name, socket in here.all():
        if socket is not sending and (answer := DIALECTS[name].own_socket(message)) is not None:
            await socket.expect(answer)
    return True


# Messages

@pytest.mark.parametrize("way", [*DIALECTS, "http"])
async def test_a_message_in_every_form(
    server: Server, connect: Connect, people: list[Person], room: str, way: str
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here, there = await Devices.open(connect, server, aarav), await Devices.open(connect, server, bela)
    bystanders = await Bystanders.open(connect, server, room)
    texts, forms = ("a text", "with both", ""), (None, URL, URL)
    sent = [
        await exchange(server, here, there, way, Message(aarav, number, text, attachment))
        for text, attachment in zip(texts, forms)
    ]
    assert sent == [True, way != "erp", way != "erp"]
    for devices in (here, there, bystanders):
        await devices.expect_nothing()


@pytest.mark.parametrize("way, back", itertools.product([*DIALECTS, "http"], repeat=2))
async def test_a_talk_between_two_dialects(
    server: Server, connect: Connect, people: list[Person], way: str, back: str
) -> None:
    """Both directions over one conversation, which the first message makes."""
    aarav, bela = people
    here, there = [await Devices.open(connect, server, person, each=1) for person in people]
    number = direct(server, aarav, bela) if "conversations" in way or way == "http" else None
    for sender, receiver, how, text in (
        (here, there, way, "question"), (there, here, back, "answer"), (here, there, way, "thanks"),
    ):
        message = Message(sender.person, number if number is not None else ID, text)
        assert await exchange(server, sender, receiver, how, message)
        number = direct(server, aarav, bela)
    history = request(server, "GET", f"/api/conversations/{number}/messages/", headers=bearer(bela.token)).json
    assert [message["text"] for message in history["messages"]] == ["question", "answer", "thanks"]


async def test_one_id_and_one_order_for_all(server: Server, connect: Connect, people: list[Person]) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here, there = await Devices.open(connect, server, aarav, each=1), await Devices.open(connect, server, bela)
    ways = [*DIALECTS, "http"] * 25

    async def send(way: str, count: int) -> None:
        message = Message(aarav, number, f"{way} {count}")
        if way == "http":
            await asyncio.to_thread(send_over_http, server, message)
        else:
            await here.sockets[way][0].send(DIALECTS[way].says(message, bela))

    await asyncio.gather(*(send(way, count) for count, way in enumerate(ways)))
    views = []
    for _, socket in there.all():
        frames = [await socket.receive() for _ in ways]
        records = [frame.get("message") if isinstance(frame.get("message"), dict) else frame for frame in frames]
        views.append([(record["id"], record.get("content", record.get("message"))) for record in records])
    assert all(view == views[0] for view in views)
    assert [view[0] for view in views[0]] == sorted({view[0] for view in views[0]})
    assert sorted(view[1] for view in views[0]) == sorted(f"{way} {count}" for count, way in enumerate(ways))
    await there.expect_nothing()


# Receipts

@pytest.mark.parametrize("way", [*READING, "http"])
async def test_reading(server: Server, connect: Connect, people: list[Person], room: str, way: str) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here, there = await Devices.open(connect, server, aarav), await Devices.open(connect, server, bela)
    bystanders = await Bystanders.open(connect, server, room)

    async def read() -> None:
        if way == "http":
            read_over_http(server, bela, number)
        else:
            await there.sockets[way][0].send(DIALECTS[way].reads(aarav, number))

    for sender in [*DIALECTS, "http"]:
        await exchange(server, here, there, sender, Message(aarav, number, "read this"))
        await read()
        await here.expect(lambda words: words.hears_reading(bela, number))
        await read()
        await there.settle()
        for devices in (here, there, bystanders):
            await devices.expect_nothing()


# Typing

@pytest.mark.parametrize("way", [name for name, words in DIALECTS.items() if words.types is not never])
async def test_typing_starts_and_stops(
    server: Server, connect: Connect, people: list[Person], room: str, way: str
) -> None:
    aarav, bela = people
    here, there = await Devices.open(connect, server, aarav), await Devices.open(connect, server, bela)
    bystanders = await Bystanders.open(connect, server, room)
    began = time.monotonic()
    await here.sockets[way][0].send(DIALECTS[way].types(bela, True))
    await there.expect(lambda words: words.hears_typing(aarav, True))
    if (stop := DIALECTS[way].types(bela, False)) is not None:
        await here.sockets[way][0].send(stop)
        await there.expect(lambda words: words.hears_typing(aarav, False))
        assert time.monotonic() - began < 2.5
    else:
        await there.expect(lambda words: words.hears_typing(aarav, False))
        assert 2.7 < time.monotonic() - began < 5
    for devices in (here, there, bystanders):
        await devices.expect_nothing()


@pytest.mark.parametrize("end", ["message", "disconnect", "lost connection"])
async def test_what_ends_typing_at_once(server: Server, connect: Connect, people: list[Person], end: str) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    there = await Devices.open(connect, server, bela)
    typist = await erp.online(connect, server, aarav)
    began = time.monotonic()
    await typist.send(DIALECTS["erp"].types(bela, True))
    await there.expect(lambda words: words.hears_typing(aarav, True))
    message = Message(aarav, number, "no longer typing")
    if end == "message":
        await typist.send(DIALECTS["erp"].says(message, bela))
    elif end == "disconnect":
        await typist.close()
    else:
        typist.drop()
    for name, socket in there.all():
        expected = [DIALECTS[name].hears_typing(aarav, False)]
        if end == "message":
            expected.append(DIALECTS[name].hears(message))
        expected = [frame for frame in expected if frame is not None]
        # The stop may come before the message or after it.
        frames = [await socket.receive() for _ in expected]
        assert any(all(map(matches, frames, order)) for order in itertools.permutations(expected)), frames
    assert time.monotonic() - began < 2.5, "it ended by itself"
    await there.expect_nothing()


async def test_typing_again_prolongs_it(server: Server, connect: Connect, people: list[Person]) -> None:
    aarav, bela = people
    typist = await erp.online(connect, server, aarav)
    there = await Devices.open(connect, server, bela, each=1)
    listener = there.sockets["conversations"][0]
    began = time.monotonic()
    for _ in range(2):
        await typist.send(DIALECTS["erp"].types(bela, True))
        await there.sockets["erp"][0].expect(DIALECTS["erp"].hears_typing(aarav, True))
        renewed = time.monotonic()
        if renewed - began < 1:
            # No event says that two seconds have passed.
            await asyncio.sleep(2)
    while matches(frame := await listener.receive(), conversations.typing_of(aarav, True)):
        pass
    assert matches(frame, conversations.typing_of(aarav, False)), frame
    assert 2.7 < time.monotonic() - renewed < 5
    await there.expect_nothing()


async def test_typing_to_one_person_is_not_told_to_another(
    server: Server, connect: Connect, people: list[Person]
) -> None:
    aarav, bela = people
    here = await Devices.open(connect, server, aarav, each=1)
    there, other = [await Devices.open(connect, server, person, each=1) for person in (bela, server.person())]
    number = direct(server, aarav, other.person)
    await here.sockets["erp"][0].send(DIALECTS["erp"].types(bela, True))
    await there.expect(lambda words: words.hears_typing(aarav, True))
    await exchange(server, here, other, "erp", Message(aarav, number, "to the other"))
    await other.expect_nothing()


# Coming back

@pytest.mark.parametrize("back", DIALECTS)
async def test_what_waits_for_somebody_who_was_away(
    server: Server, connect: Connect, people: list[Person], back: str
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here = await Devices.open(connect, server, aarav, each=1)
    sent = [Message(aarav, number, f"by {way}", None if way == "erp" else URL) for way in [*DIALECTS, "http"]]
    for way, message in zip([*DIALECTS, "http"], sent):
        if way == "http":
            send_over_http(server, message)
        else:
            socket = here.sockets[way][0]
            await socket.send(DIALECTS[way].says(message, bela))
            await socket.expect(DIALECTS[way].sending_socket(message) or erp.NOT_FOUND_OR_OFFLINE)
        for name, socket in here.all():
            if name != way and (own := DIALECTS[name].own_socket(message)) is not None:
                await socket.expect(own)
    words = DIALECTS[back]
    token = server.jwt(bela) if words.signed else bela.token
    first = await connect(server, words.path, token)
    live = Message(aarav, number, "live")
    send_over_http(server, live)
    for message in [*sent, live] if words.has_backlog else [live]:
        await first.expect(words.hears(message))
    second = await connect(server, words.path, token)
    for client in (first, second):
        await client.expect_nothing()
    reader = await conversations.online(connect, server, bela)
    await reader.send(conversations.get_messages(number))
    await reader.expect(conversations.messages(*(
        conversations.record(message.text, aarav, number, message.attachment) for message in [*sent, live])))


@pytest.mark.parametrize("there", DIALECTS)
@pytest.mark.parametrize("later", [name for name, words in DIALECTS.items() if words.has_backlog])
async def test_what_one_dialect_heard_does_not_wait_for_another(
    server: Server, connect: Connect, people: list[Person], there: str, later: str
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    sender = await erp.online(connect, server, aarav)
    devices = await Devices.open(connect, server, bela, each=1, on=[there])
    heard, waits = Message(aarav, number, "heard"), Message(aarav, number, "waits")
    await sender.send(erp.said("heard", bela.id))
    await devices.expect(lambda words: words.hears(heard))
    # On any dialect one is online: the sender is not told otherwise.
    await sender.expect_nothing()
    second = await Devices.open(connect, server, bela, each=1, on=[later])
    for each in (devices, second):
        await each.expect_nothing()
    for _, socket in devices.all() + second.all():
        await socket.close()
    await sender.send(erp.said("waits", bela.id))
    await sender.expect(erp.NOT_FOUND_OR_OFFLINE)
    again = await connect(server, DIALECTS[later].path, bela.token)
    await again.expect(DIALECTS[later].hears(waits))
    await again.expect_nothing()


@pytest.mark.parametrize("spoke_before", [False, True])
@pytest.mark.parametrize("name", [name for name, words in DIALECTS.items() if words.has_backlog])
async def test_what_a_second_device_heard_does_not_wait(
    server: Server, connect: Connect, people: list[Person], name: str, spoke_before: bool
) -> None:
    """The first device of all is gone when the message comes."""
    aarav, bela = people
    words = DIALECTS[name]
    number = direct(server, aarav, bela)
    sender = await erp.online(connect, server, aarav)
    first = await Devices.open(connect, server, bela, each=1, on=[name])
    if spoke_before:
        own = Message(bela, number, "from the first device")
        await first.sockets[name][0].send(words.says(own, aarav))
        await sender.expect(DIALECTS["erp"].hears(own))
    second = await Devices.open(connect, server, bela, each=1, on=[name])
    await first.sockets[name][0].close()
    await sender.send(erp.said("heard", bela.id))
    await second.expect(lambda words: words.hears(Message(aarav, number, "heard")))
    await second.sockets[name][0].close()
    await sender.send(erp.said("waits", bela.id))
    await sender.expect(erp.NOT_FOUND_OR_OFFLINE)
    again = await connect(server, words.path, bela.token)
    await again.expect(words.hears(Message(aarav, number, "waits")))
    await again.expect_nothing()


# Groups

@pytest.mark.parametrize("way", ["conversations", "http"])
async def test_a_group_on_every_dialect(
    server: Server, connect: Connect, people: list[Person], room: str, way: str
) -> None:
    people = [*people, server.person("Chen Wei")]
    number = conversations.group(server, *people)
    here, *others = [await Devices.open(connect, server, person, each=1) for person in people]
    bystanders = await Bystanders.open(connect, server, room)
    for text, attachment in (("to all", None), ("", URL)):
        message = Message(people[0], number, text, attachment)
        assert await exchange(server, here, others[0], way, message)
        await others[1].expect(lambda words: words.hears(message))
    if way == "http":
        read_over_http(server, people[1], number)
    else:
        await others[0].sockets[way][0].send(conversations.read(number))
    # The author on every dialect; the others where the frame names the conversation.
    await here.expect(lambda words: words.hears_reading(people[1], number))
    await others[1].sockets["conversations"][0].expect(conversations.read_by(people[1], number))
    await others[0].settle()
    for devices in (here, *others, bystanders):
        await devices.expect_nothing()


async def test_a_group_message_waits_for_members_who_are_away(
    server: Server, connect: Connect, people: list[Person]
) -> None:
    people = [*people, server.person("Chen Wei")]
    number = conversations.group(server, *people)
    sender = await conversations.online(connect, server, people[0])
    message = Message(people[0], number, "to all")
    await sender.send(conversations.said("to all", number))
    await sender.expect(conversations.heard("to all", people[0], number))
    for person, name in zip(people[1:], ("erp", "campus")):
        client = await connect(server, DIALECTS[name].path, person.token)
        await client.expect(DIALECTS[name].hears(message))
        await client.expect_nothing()


# Notifications

@dataclass(frozen=True)
class Listener:
    path: str
    has_token: bool
    on_connect: Frame | None
    hears: Callable[[Frame], list[Frame]]


NOTICE = {
    "title": "Leave Approved", "message": "Your leave was approved.", "priority": "high", "category": "hr",
    "type": "leave", "link": "/hr/12", "data": {"leave_id": 12},
}
LISTENERS = {
    "erp": Listener(erp.NOTIFICATIONS, True, erp.unread(0), lambda sent: [
        {"type": "notification", "id": ID, "title": sent["title"], "message": sent["message"],
         "category": sent["category"], "link": sent["link"], "timestamp": ERP_TIME, "is_read": False},
        erp.unread(1),
    ]),
    "campus": Listener(campus.NOTIFICATIONS, True, None, lambda sent: [
        {"type": "notify", "title": sent["title"], "message": sent["message"], "notification_type": sent["type"],
         "timestamp": ERP_TIME, "data": sent["data"]},
    ]),
    "rooms": Listener("/ws/notifications/", False, {
        "type": "connection_status", "status": "connected", "message": "Successfully connected to notifications",
        "timestamp": ROOMS_TIME,
    }, lambda sent: [
        {"type": "notification", "title": sent["title"], "message": sent["message"], "priority": sent["priority"],
         "timestamp": ROOMS_TIME},
    ]),
}

_colleges = itertools.count(7001)


@pytest.mark.parametrize("target", ["person", "college", "everybody"])
async def test_a_notification(server: Server, connect: Connect, target: str) -> None:
    college = next(_colleges)
    person, colleague = server.person(college=college), server.person(college=college)
    stranger = server.person(college=next(_colleges))
    chats = await Devices.open(connect, server, person, each=1)
    sockets: list[tuple[str, Person | None, Client]] = []
    for name, listener in LISTENERS.items():
        for owner in [person, person, colleague, stranger] if listener.has_token else [None, None]:
            client = await connect(server, listener.path, owner.token if owner else None)
            if listener.on_connect is not None:
                await client.expect(listener.on_connect)
            await client.expect_nothing()
            sockets.append((name, owner, client))
    audience, body = {
        "person": ([person], {"user_id": person.id}),
        "college": ([person, colleague], {"college_id": college}),
        "everybody": ([person, colleague, stranger, None], {}),
    }[target]
    assert request(server, "POST", "/api/notifications/send/", NOTICE | body).status == 200
    for name, owner, client in sockets:
        if owner in audience:
            frames = [await client.expect(frame) for frame in LISTENERS[name].hears(NOTICE)]
            if (name, owner) == ("erp", person):
                number = frames[0]["id"]
    # Reading is shown on the reader's own erp sockets.
    reader = next(client for name, owner, client in sockets if (name, owner) == ("erp", person))
    await reader.send({"type": "mark_read", "id": number})
    for name, owner, client in sockets:
        if (name, owner) == ("erp", person):
            await client.expect(erp.unread(0))
    for _, _, client in sockets:
        await client.expect_nothing()
    await chats.expect_nothing()


async def test_chat_says_nothing_on_notification_sockets(
    server: Server, connect: Connect, people: list[Person]
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    listening = [await connect(server, path, bela.token) for path in (erp.NOTIFICATIONS, campus.NOTIFICATIONS)]
    await listening[0].expect(erp.unread(0))
    here, there = [await Devices.open(connect, server, person, each=1) for person in people]
    for way in [*DIALECTS, "http"]:
        await exchange(server, here, there, way, Message(aarav, number, "only for chat"))
    for client in listening:
        await client.expect_nothing()
