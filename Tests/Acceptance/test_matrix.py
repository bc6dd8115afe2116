"""Every event as every dialect shows it: the table of INTEROP.md, frame by frame."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import campus
import conversations
import erp
import pytest
import socket_io
from client import Client
from conftest import Connect
from database import all_acknowledged
from frames import ERP_TIME, ID, ROOMS_TIME, error, matches
from raw import bearer, request
from switchboard import Person, Server

URL = "https://bucket.s3.amazonaws.com/file.pdf"
Frame = dict[str, Any] | list[Any]
Open = Callable[[Connect, Server, str | None], Awaitable[Client]]


@dataclass(frozen=True)
class Message:
    sender: Person
    # Nobody in particular, in a group.
    receiver: Person | None
    # Unknown to all before the message that makes it.
    conversation: int | None
    text: str
    attachment: str | None = None

    @property
    def place(self) -> Any:
        return ID if self.conversation is None else self.conversation

    @property
    def extra(self) -> dict[str, str]:
        """What a frame says of it besides the text."""
        return {"attachment": self.attachment} if self.attachment else {}


def never(*_: Any) -> None:
    """A client without words for this."""
    return None


def nothing(*_: Any) -> list[Frame]:
    """What the server has no words for."""
    return []


def at(path: str) -> Open:
    """The token is in the URL."""
    return lambda connect, server, token: connect(server, path, token)


@dataclass(frozen=True)
class Words:
    """What a dialect says, and what it hears."""

    opens: Open
    signed: bool
    # A frame of a client; None where it has no words.
    says: Callable[[Message], Frame | None]
    reads: Callable[[Person, int], Frame | None]
    types: Callable[[Person, bool, int | None], Frame | None]
    # Frames of the server.
    hears: Callable[[Message], list[Frame]]
    sending_socket: Callable[[Message], list[Frame]]
    own_socket: Callable[[Message], list[Frame]]
    hears_reading: Callable[[Person, int], list[Frame]]
    hears_typing: Callable[[Person, bool, int | None], list[Frame]]
    # A message without consequences, and its answer.
    probe: tuple[str, Frame]
    has_backlog: bool = True
    # Whether a receipt names the conversation: then it makes sense to others than the author, too.
    names_conversations: bool = False


def _conversations_hears(message: Message) -> list[Frame]:
    return [conversations.heard(message.text, message.sender, message.place, message.attachment)]


def _socketio_says(message: Message, conversation: int | None) -> list[Any]:
    receiver = message.receiver.id if message.receiver else None
    return socket_io.said(message.text, conversation, receiver, **message.extra)


def _socketio_room_hears(message: Message) -> list[Frame]:
    """Nobody is in the room of a conversation that the message makes."""
    if message.conversation is None:
        return []
    content = message.text or message.attachment
    return [socket_io.heard(content, message.sender, message.receiver, message.conversation)]


def _socketio_person_hears(message: Message) -> list[Frame]:
    content = message.text or message.attachment
    return [socket_io.notified(content, message.sender, message.receiver, message.place)]


DIALECTS = {
    "erp": Words(
        opens=at(erp.CHAT), signed=False,
        says=lambda message: None if message.attachment else erp.said(message.text, message.receiver.id),
        reads=lambda author, _: {"type": "mark_read", "sender_id": author.id},
        types=lambda to, on, _: {"type": "typing", "recipient_id": to.id} if on else None,
        hears=lambda message: [erp.heard(message.text or message.attachment, message.sender)],
        sending_socket=nothing, own_socket=nothing,
        hears_reading=lambda reader, _: [erp.read_by(reader)],
        hears_typing=lambda writer, on, _: [{"type": "user_typing", "sender_id": writer.id}] if on else [],
        probe=("?", error("Invalid JSON format")),
    ),
    "campus": Words(
        opens=at(campus.CHAT), signed=False,
        says=lambda message: campus.said(message.text or None, message.receiver.id, **message.extra),
        reads=never, types=never,
        hears=lambda message: [campus.heard(message.text, message.sender, message.attachment)],
        sending_socket=lambda _: [campus.SENT], own_socket=nothing, hears_reading=nothing, hears_typing=nothing,
        probe=("?", campus.error("Invalid JSON format")),
    ),
    "conversations": Words(
        opens=at(conversations.PATH), signed=True,
        says=lambda message: conversations.said(message.text, message.conversation, attachment=message.attachment),
        reads=lambda _, conversation: conversations.read(conversation),
        types=lambda to, on, _: conversations.typing(to.id, on),
        hears=_conversations_hears, sending_socket=_conversations_hears, own_socket=_conversations_hears,
        hears_reading=lambda reader, conversation: [conversations.read_by(reader, conversation)],
        hears_typing=lambda writer, on, _: [conversations.typing_of(writer, on)],
        probe=("?", conversations.error("Invalid JSON format")), has_backlog=False, names_conversations=True,
    ),
    # In the conversation's room.
    "socketio": Words(
        opens=socket_io.online, signed=True,
        says=lambda message: _socketio_says(message, message.conversation),
        reads=lambda _, conversation: socket_io.read(conversation),
        types=lambda to, on, conversation: socket_io.typing(conversation, to.id, on),
        hears=lambda message: _socketio_room_hears(message) + _socketio_person_hears(message),
        sending_socket=_socketio_room_hears, own_socket=_socketio_room_hears,
        hears_reading=lambda reader, conversation: [socket_io.read_by(reader, conversation)],
        hears_typing=lambda writer, on, conversation: [socket_io.typing_of(writer, on, conversation)],
        probe=('42["?"]', socket_io.error("Unknown event")), has_backlog=False, names_conversations=True,
    ),
    # Not in the room; it writes to people rather than to conversations, and asks for acknowledgements.
    "socketio outside": Words(
        opens=lambda connect, server, token: socket_io.online(connect, server, f"Bearer {token}"), signed=False,
        says=lambda message: [7, *_socketio_says(message, None if message.receiver else message.conversation)],
        reads=lambda _, conversation: socket_io.read(str(conversation)),
        types=lambda to, on, _: socket_io.typing(to=str(to.id), on=on),
        hears=_socketio_person_hears,
        sending_socket=lambda _: [[7, socket_io.STORED]], own_socket=nothing,
        hears_reading=lambda reader, conversation: [socket_io.read_by(reader, conversation)],
        hears_typing=lambda writer, on, conversation: [socket_io.typing_of(writer, on, conversation)],
        probe=('42["?"]', socket_io.error("Unknown event")), has_backlog=False, names_conversations=True,
    ),
}
READING = [name for name, words in DIALECTS.items() if words.reads is not never]
SOCKETIO = ["socketio", "socketio outside"]


async def enter(
    connect: Connect, server: Server, name: str, token: str, conversation: int | None = None
) -> Client:
    client = await DIALECTS[name].opens(connect, server, token)
    if name == "socketio" and conversation is not None:
        await client.ask(*socket_io.join(conversation))
    return client


class Devices:
    """One person's chat sockets, the same number on every dialect."""

    def __init__(self, person: Person, sockets: dict[str, list[Client]]) -> None:
        self.person = person
        self.sockets = sockets

    @classmethod
    async def open(
        cls, connect: Connect, server: Server, person: Person, conversation: int | None = None, each: int = 2,
        on: Iterable[str] = DIALECTS,
    ) -> Devices:
        signed = server.jwt(person)
        devices = cls(person, {
            name: [
                await enter(connect, server, name, signed if words.signed else person.token, conversation)
                for _ in range(each)
            ] for name, words in DIALECTS.items() if name in on
        })
        await devices.settle()
        return devices

    def all(self) -> list[tuple[str, Client]]:
        return [(name, socket) for name, sockets in self.sockets.items() for socket in sockets]

    async def join(self, conversation: int) -> None:
        for socket in self.sockets["socketio"]:
            await socket.ask(*socket_io.join(conversation))

    async def settle(self) -> None:
        """Everything asked before has been done."""
        for name, socket in self.all():
            text, answer = DIALECTS[name].probe
            await socket.send_text(text)
            await socket.expect(answer)

    async def expect(self, expected: Callable[[Words], list[Frame]]) -> None:
        """The next frames of every socket, in the words of its dialect."""
        for name, socket in self.all():
            for frame in expected(DIALECTS[name]):
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
    body = {"text": message.text} | message.extra
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
        frame = DIALECTS[way].says(message)
        if frame is None:
            return False
        sending = here.sockets[way][0]
        await sending.send(frame)
        for answer in DIALECTS[way].sending_socket(message):
            await sending.expect(answer)
    await there.expect(lambda words: words.hears(message))
    for name, socket in here.all():
        for frame in DIALECTS[name].own_socket(message) if socket is not sending else []:
            await socket.expect(frame)
    return True


# Messages

@pytest.mark.parametrize("way", [*DIALECTS, "http"])
async def test_a_message_in_every_form(
    server: Server, connect: Connect, people: list[Person], room: str, way: str
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here, there = [await Devices.open(connect, server, person, number) for person in people]
    bystanders = await Bystanders.open(connect, server, room)
    texts, forms = ("a text", "with both", ""), (None, URL, URL)
    sent = [
        await exchange(server, here, there, way, Message(aarav, bela, number, text, attachment))
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
    number = direct(server, aarav, bela) if way in ("conversations", "http") else None
    here, there = [await Devices.open(connect, server, person, number, each=1) for person in people]
    for sender, receiver, how, text in (
        (here, there, way, "question"), (there, here, back, "answer"), (here, there, way, "thanks"),
    ):
        message = Message(sender.person, receiver.person, number, text)
        assert await exchange(server, sender, receiver, how, message)
        if number is None:
            number = direct(server, aarav, bela)
            for devices in (here, there):
                await devices.join(number)
    history = request(server, "GET", f"/api/conversations/{number}/messages/", headers=bearer(bela.token)).json
    assert [message["text"] for message in history["messages"]] == ["question", "answer", "thanks"]


def record_of(frame: Frame) -> dict[str, Any]:
    """What a frame says of a message."""
    record = frame[1] if isinstance(frame, list) else frame["message"]
    return record if isinstance(record, dict) else frame


async def test_one_id_and_one_order_for_all(server: Server, connect: Connect, people: list[Person]) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here = await Devices.open(connect, server, aarav, number, each=1)
    there = await Devices.open(connect, server, bela, number)
    ways = [*DIALECTS, "http"] * 20

    async def send(way: str, count: int) -> None:
        message = Message(aarav, bela, number, f"{way} {count}")
        if way == "http":
            await asyncio.to_thread(send_over_http, server, message)
        else:
            await here.sockets[way][0].send(DIALECTS[way].says(message))

    await asyncio.gather(*(send(way, count) for count, way in enumerate(ways)))
    views = []
    for name, socket in there.all():
        kinds = len(DIALECTS[name].hears(Message(aarav, bela, number, "")))
        records = [record_of(await socket.receive()) for _ in range(kinds * len(ways))]
        seen = [(record["id"], record.get("content", record.get("message"))) for record in records]
        # In a room of `socketio`, one event right after the other.
        views += [seen[kind::kinds] for kind in range(kinds)]
    assert all(view == views[0] for view in views)
    assert [view[0] for view in views[0]] == sorted({view[0] for view in views[0]})
    assert sorted(view[1] for view in views[0]) == sorted(f"{way} {count}" for count, way in enumerate(ways))
    await there.expect_nothing()


# Receipts

@pytest.mark.parametrize("way", [*READING, "http"])
async def test_reading(server: Server, connect: Connect, people: list[Person], room: str, way: str) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here, there = [await Devices.open(connect, server, person, number) for person in people]
    bystanders = await Bystanders.open(connect, server, room)

    async def read() -> None:
        if way == "http":
            read_over_http(server, bela, number)
        else:
            await there.sockets[way][0].send(DIALECTS[way].reads(aarav, number))

    for sender in [*DIALECTS, "http"]:
        await exchange(server, here, there, sender, Message(aarav, bela, number, "read this"))
        await read()
        await here.expect(lambda words: words.hears_reading(bela, number))
        await read()
        await there.settle()
        for devices in (here, there, bystanders):
            await devices.expect_nothing()


# Typing

@pytest.mark.parametrize("spoke_before", [False, True])
@pytest.mark.parametrize("way", [name for name, words in DIALECTS.items() if words.types is not never])
async def test_typing_starts_and_stops(
    server: Server, connect: Connect, people: list[Person], room: str, way: str, spoke_before: bool
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela) if spoke_before else None
    here, there = [await Devices.open(connect, server, person, number) for person in people]
    bystanders = await Bystanders.open(connect, server, room)
    began = time.monotonic()
    start, stop = (DIALECTS[way].types(bela, on, number) for on in (True, False))
    # Where a client stops by itself, the second start shows that the first one's end was not a matter of time.
    frames = [start] if stop is None else [start, stop, start, stop]
    for frame in frames:
        await here.sockets[way][0].send(frame)
    for on in [True, False] * (len(frames) // 2 or 1):
        await there.expect(lambda words: words.hears_typing(aarav, on, number))
    if stop is None:
        assert 2.7 < time.monotonic() - began < 8
    for devices in (here, there, bystanders):
        await devices.expect_nothing()


@pytest.mark.parametrize("end", ["message", "disconnect", "lost connection"])
async def test_what_ends_typing_at_once(server: Server, connect: Connect, people: list[Person], end: str) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    there = await Devices.open(connect, server, bela, number)
    typist = await erp.online(connect, server, aarav)
    began = time.monotonic()
    await typist.send(DIALECTS["erp"].types(bela, True, number))
    await there.expect(lambda words: words.hears_typing(aarav, True, number))
    message = Message(aarav, bela, number, "no longer typing")
    if end == "message":
        await typist.send(DIALECTS["erp"].says(message))
    elif end == "disconnect":
        await typist.close()
    else:
        typist.drop()
    for name, socket in there.all():
        expected = DIALECTS[name].hears_typing(aarav, False, number)
        if end == "message":
            expected += DIALECTS[name].hears(message)
        # The stop may come before the message or after it.
        frames = [await socket.receive() for _ in expected]
        assert any(all(map(matches, frames, order)) for order in itertools.permutations(expected)), frames
    assert time.monotonic() - began < 2.9, "it ended by itself"
    await there.expect_nothing()


async def test_typing_again_prolongs_it(server: Server, connect: Connect, people: list[Person]) -> None:
    aarav, bela = people
    typist = await erp.online(connect, server, aarav)
    there = await Devices.open(connect, server, bela, each=1)
    began = renewed = time.monotonic()
    while renewed - began < 4:
        renewed = time.monotonic()
        await typist.send(DIALECTS["erp"].types(bela, True, None))
        await there.sockets["erp"][0].expect(*DIALECTS["erp"].hears_typing(aarav, True, None))
        # So often that it goes on even where one of these takes two seconds more.
        await asyncio.sleep(0.5)
    for name, socket in there.all():
        for stop in DIALECTS[name].hears_typing(aarav, False, None):
            while matches(frame := await socket.receive(), *DIALECTS[name].hears_typing(aarav, True, None)):
                pass
            assert matches(frame, stop), frame
            assert 2.7 < time.monotonic() - renewed < 8
    await there.expect_nothing()


async def test_typing_to_one_person_is_not_told_to_another(
    server: Server, connect: Connect, people: list[Person]
) -> None:
    aarav, bela = people
    chen = server.person("Chen Wei")
    number = direct(server, aarav, chen)
    here, other = [await Devices.open(connect, server, person, number, each=1) for person in (aarav, chen)]
    there = await Devices.open(connect, server, bela, each=1)
    await here.sockets["erp"][0].send(DIALECTS["erp"].types(bela, True, None))
    await there.expect(lambda words: words.hears_typing(aarav, True, None))
    await exchange(server, here, other, "erp", Message(aarav, chen, number, "to the other"))
    await other.expect_nothing()


# Coming back

@pytest.mark.parametrize("back", DIALECTS)
async def test_what_waits_for_somebody_who_was_away(
    server: Server, connect: Connect, people: list[Person], back: str
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here = await Devices.open(connect, server, aarav, number, each=1)
    sent = [Message(aarav, bela, number, f"by {way}", None if way == "erp" else URL) for way in [*DIALECTS, "http"]]
    for way, message in zip([*DIALECTS, "http"], sent):
        if way == "http":
            send_over_http(server, message)
        else:
            socket = here.sockets[way][0]
            await socket.send(DIALECTS[way].says(message))
            for frame in DIALECTS[way].sending_socket(message) or [erp.NOT_FOUND_OR_OFFLINE]:
                await socket.expect(frame)
        for name, socket in here.all():
            for frame in DIALECTS[name].own_socket(message) if name != way else []:
                await socket.expect(frame)
    words = DIALECTS[back]
    token = server.jwt(bela) if words.signed else bela.token
    first = await enter(connect, server, back, token, number)
    live = Message(aarav, bela, number, "live")
    send_over_http(server, live)
    for message in [*sent, live] if words.has_backlog else [live]:
        for frame in words.hears(message):
            await first.expect(frame)
    if words.has_backlog:
        await all_acknowledged(server, bela)
    second = await enter(connect, server, back, token, number)
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
    devices = await Devices.open(connect, server, bela, number, each=1, on=[there])
    heard, waits = Message(aarav, bela, number, "heard"), Message(aarav, bela, number, "waits")
    await sender.send(erp.said("heard", bela.id))
    await devices.expect(lambda words: words.hears(heard))
    # On any dialect one is online: the sender is not told otherwise.
    await sender.expect_nothing()
    await all_acknowledged(server, bela)
    second = await Devices.open(connect, server, bela, each=1, on=[later])
    for each in (devices, second):
        await each.expect_nothing()
    for _, socket in devices.all() + second.all():
        await socket.close()
    await sender.send(erp.said("waits", bela.id))
    await sender.expect(erp.NOT_FOUND_OR_OFFLINE)
    again = await enter(connect, server, later, bela.token)
    await again.expect(*DIALECTS[later].hears(waits))
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
        own = Message(bela, aarav, number, "from the first device")
        await first.sockets[name][0].send(words.says(own))
        await sender.expect(*DIALECTS["erp"].hears(own))
    second = await Devices.open(connect, server, bela, each=1, on=[name])
    await first.sockets[name][0].close()
    await sender.send(erp.said("heard", bela.id))
    await second.expect(lambda words: words.hears(Message(aarav, bela, number, "heard")))
    await second.sockets[name][0].close()
    await sender.send(erp.said("waits", bela.id))
    await sender.expect(erp.NOT_FOUND_OR_OFFLINE)
    again = await enter(connect, server, name, bela.token)
    await again.expect(*words.hears(Message(aarav, bela, number, "waits")))
    await again.expect_nothing()


async def test_what_a_lost_connection_missed(server: Server, connect: Connect, people: list[Person]) -> None:
    """On `socketio` it all follows, in the order in which the other devices heard it."""
    aarav, bela = people
    number, token, words = direct(server, aarav, bela), server.jwt(bela), DIALECTS["socketio"]
    here = await Devices.open(connect, server, aarav, number, each=1)
    there = await Devices.open(connect, server, bela, number, each=1)
    lost = there.sockets.pop("socketio")[0]
    message = Message(aarav, bela, number, "the last one heard")
    await exchange(server, here, there, "http", message)
    missed = []
    for frame in words.hears(message):
        await lost.expect(frame)
    lost.drop()
    for way in [*DIALECTS, "http"]:
        message = Message(aarav, bela, number, f"by {way}")
        await exchange(server, here, there, way, message)
        missed += words.hears(message)
    own = Message(bela, aarav, number, "from another device")
    await exchange(server, there, here, "conversations", own)
    missed += words.own_socket(own)
    read_over_http(server, aarav, number)
    await there.expect(lambda words: words.hears_reading(aarav, number))
    missed += words.hears_reading(aarav, number)
    for on in (True, False):
        await here.sockets["conversations"][0].send(conversations.typing(bela.id, on))
        await there.expect(lambda words: words.hears_typing(aarav, on, number))
        missed += words.hears_typing(aarav, on, number)
    notice = NOTICE | {"user_id": bela.id}
    assert request(server, "POST", "/api/notifications/send/", notice).status == 200
    await there.sockets["socketio outside"][0].expect(socket_io.notification(notice))
    missed.append(socket_io.notification(notice))
    back = await socket_io.recovered(connect, server, token, lost)
    for frame in missed:
        await back.expect(frame)
    there.sockets["socketio"] = [back]
    await exchange(server, here, there, "socketio", Message(aarav, bela, number, "live"))
    for devices in (here, there):
        await devices.expect_nothing()


# Groups

@pytest.mark.parametrize("way", ["conversations", *SOCKETIO, "http"])
async def test_a_group_on_every_dialect(
    server: Server, connect: Connect, people: list[Person], room: str, way: str
) -> None:
    people = [*people, server.person("Chen Wei")]
    number = conversations.group(server, *people)
    here, *others = [await Devices.open(connect, server, person, number, each=1) for person in people]
    bystanders = await Bystanders.open(connect, server, room)
    for text, attachment in (("to all", None), ("", URL)):
        message = Message(people[0], None, number, text, attachment)
        assert await exchange(server, here, others[0], way, message)
        await others[1].expect(lambda words: words.hears(message))
    if way == "http":
        read_over_http(server, people[1], number)
    else:
        await others[0].sockets[way][0].send(DIALECTS[way].reads(people[0], number))
    # The author on every dialect; the others where the frame names the conversation.
    await here.expect(lambda words: words.hears_reading(people[1], number))
    await others[1].expect(
        lambda words: words.hears_reading(people[1], number) if words.names_conversations else [])
    await others[0].settle()
    for devices in (here, *others, bystanders):
        await devices.expect_nothing()


async def test_typing_in_a_group(server: Server, connect: Connect, people: list[Person], room: str) -> None:
    people = [*people, server.person("Chen Wei")]
    number = conversations.group(server, *people)
    here, *others = [await Devices.open(connect, server, person, number, each=1) for person in people]
    bystanders = await Bystanders.open(connect, server, room)
    for on in (True, False):
        await here.sockets["socketio"][0].send(socket_io.typing(number, on=on))
        for devices in others:
            await devices.expect(lambda words: words.hears_typing(people[0], on, number))
    for devices in (here, *others, bystanders):
        await devices.expect_nothing()


async def test_a_group_message_waits_for_members_who_are_away(
    server: Server, connect: Connect, people: list[Person]
) -> None:
    people = [*people, server.person("Chen Wei")]
    number = conversations.group(server, *people)
    sender = await conversations.online(connect, server, people[0])
    message = Message(people[0], None, number, "to all")
    await sender.send(conversations.said("to all", number))
    await sender.expect(conversations.heard("to all", people[0], number))
    for person, name in zip(people[1:], ("erp", "campus")):
        client = await enter(connect, server, name, person.token)
        await client.expect(*DIALECTS[name].hears(message))
        await client.expect_nothing()


# Notifications

@dataclass(frozen=True)
class Listener:
    opens: Open
    has_token: bool
    on_connect: Frame | None
    hears: Callable[[dict[str, Any]], list[Frame]]


NOTICE = {
    "title": "Leave Approved", "message": "Your leave was approved.", "priority": "high", "category": "hr",
    "type": "leave", "link": "/hr/12", "data": {"leave_id": 12},
}
LISTENERS = {
    "erp": Listener(at(erp.NOTIFICATIONS), True, erp.unread(0), lambda sent: [
        {"type": "notification", "id": ID, "title": sent["title"], "message": sent["message"],
         "category": sent["category"], "link": sent["link"], "timestamp": ERP_TIME, "is_read": False},
        erp.unread(1),
    ]),
    "campus": Listener(at(campus.NOTIFICATIONS), True, None, lambda sent: [
        {"type": "notify", "title": sent["title"], "message": sent["message"], "notification_type": sent["type"],
         "timestamp": ERP_TIME, "data": sent["data"]},
    ]),
    "rooms": Listener(at("/ws/notifications/"), False, {
        "type": "connection_status", "status": "connected", "message": "Successfully connected to notifications",
        "timestamp": ROOMS_TIME,
    }, lambda sent: [
        {"type": "notification", "title": sent["title"], "message": sent["message"], "priority": sent["priority"],
         "timestamp": ROOMS_TIME},
    ]),
    "socketio": Listener(socket_io.online, True, None, lambda sent: [socket_io.notification(sent)]),
}

_colleges = itertools.count(7001)


@pytest.mark.parametrize("target", ["person", "college", "everybody"])
async def test_a_notification(server: Server, connect: Connect, target: str) -> None:
    college = next(_colleges)
    person, colleague = server.person(college=college), server.person(college=college)
    stranger = server.person(college=next(_colleges))
    chats = await Devices.open(connect, server, person, each=1, on=DIALECTS.keys() - SOCKETIO)
    sockets: list[tuple[str, Person | None, Client]] = []
    for name, listener in LISTENERS.items():
        for owner in [person, person, colleague, stranger] if listener.has_token else [None, None]:
            client = await listener.opens(connect, server, owner.token if owner else None)
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
            frames = [await client.expect(frame) for frame in LISTENERS[name].hears(NOTICE | body)]
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
    here, there = [await Devices.open(connect, server, person, number, each=1) for person in people]
    for way in [*DIALECTS, "http"]:
        await exchange(server, here, there, way, Message(aarav, bela, number, "only for chat"))
    for client in listening:
        await client.expect_nothing()
