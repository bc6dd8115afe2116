"""What one person sends is limited over all connections and dialects, and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import campus
import conversations
import erp
import pytest
import rooms
from api import API_KEY, KEYED, MESSAGES, answered, direct, post
from conftest import Connect, Dial, Start
from frames import error
from metrics import Metrics
from socketio_client import SocketIO
from socketio_values import NOT_SENT
from switchboard import Person, Server

# One in a hundred seconds: as good as never. Six messages, and one question when a connection opens.
BURST = 7
RATE = ["--message-rate", 0.01, "--message-burst", BURST]
WORDS = "Rate limit exceeded"


class Everywhere:
    """A person with a connection of every kind."""

    @classmethod
    async def open(cls, server: Server, person: Person, other: Person, connect: Connect, dial: Dial) -> Everywhere:
        self = cls()
        self.server, self.person, self.other = server, person, other
        self.conversation = direct(server, other, person)
        self.erp = await erp.online(connect, server, person)
        self.campus = await connect(server, "/ws/chat/?dialect=campus", person.token)
        self.conversations = await conversations.online(connect, server, person)
        self.rooms = await connect(server, "/ws/chat/lobby/", person.token)
        self.socketio: SocketIO = await dial(server, person)
        return self

    async def send_everywhere(self) -> None:
        await self.erp.send(erp.said("1", self.other.id))
        await self.conversations.expect(conversations.heard("1", self.person))
        await self.campus.send(campus.said("2", self.other.id))
        await self.campus.expect(campus.SENT)
        await self.conversations.send(conversations.said("3", self.conversation))
        await self.conversations.expect(conversations.heard("2", self.person))
        await self.conversations.expect(conversations.heard("3", self.person))
        assert (await self.socketio.ask("send_message", {"conversationId": self.conversation, "content": "4"}))["ok"]
        await self.conversations.expect(conversations.heard("4", self.person))
        await self.rooms.send(rooms.said("5"))
        await self.rooms.expect(rooms.heard("5"))
        answered(post(self.server, self.person, MESSAGES, {"receiver_id": self.other.id, "text": "6"}), 201)
        await self.conversations.expect(conversations.heard("6", self.person))

    async def expect_refusals(self) -> None:
        await self.erp.send(erp.said("x", self.other.id))
        await self.erp.expect(error(WORDS))
        await self.campus.send(campus.said("x", self.other.id))
        await self.campus.expect(campus.error("An error occurred while processing your message"))
        await self.conversations.send(conversations.said("x", self.conversation))
        await self.conversations.expect(conversations.error(WORDS))
        await self.socketio.expect_refusal(
            NOT_SENT, WORDS, "send_message", {"conversationId": self.conversation, "content": "x"})
        await self.rooms.send(rooms.said("x"))
        await self.rooms.expect(error(WORDS))
        refusal = post(self.server, self.person, MESSAGES, {"receiver_id": self.other.id, "text": "x"})
        refusal.expect_refusal(429)
        assert 1 <= int(refusal.headers["retry-after"]) <= 101


@pytest.fixture
async def everywhere(start: Start, connect: Connect, dial: Dial) -> AsyncIterator[Everywhere]:
    server = start(*RATE, "--erp-offline-notice", "false", extra=KEYED)
    yield await Everywhere.open(server, server.person(), server.person(), connect, dial)


async def test_all_that_a_person_sends_counts(everywhere: Everywhere) -> None:
    await everywhere.send_everywhere()
    for _ in range(2):
        # Each is told in its own words, and stays connected.
        await everywhere.expect_refusals()
    # Over five connections, and over HTTP.
    assert Metrics.of(everywhere.server)["refusals_total", {"reason": "person_too_fast"}] == 2 * 6


async def test_others_are_not_meant(everywhere: Everywhere, connect: Connect) -> None:
    await everywhere.send_everywhere()
    friend = await connect(everywhere.server, "/ws/chat/?dialect=campus", everywhere.other.token)
    await friend.receive()
    answered(post(everywhere.server, everywhere.other, MESSAGES, {"receiver_id": everywhere.person.id, "text": "y"}), 201)
    # A back end speaks for many.
    message = {"sender_id": everywhere.person.id, "receiver_id": everywhere.other.id, "text": "z"}
    for _ in range(BURST + 1):
        answered(post(everywhere.server, API_KEY, MESSAGES, message), 201)


async def test_to_come_back_helps_nobody(everywhere: Everywhere, connect: Connect) -> None:
    server, person = everywhere.server, everywhere.person
    await everywhere.send_everywhere()
    for client in (everywhere.erp, everywhere.campus, everywhere.conversations, everywhere.rooms, everywhere.socketio):
        await client.close()
    again = await erp.online(connect, server, person)
    await again.send(erp.said("x", everywhere.other.id))
    await again.expect(error(WORDS))


async def test_who_waits_may_go_on(start: Start, connect: Connect) -> None:
    server = start("--message-rate", 0.5, "--message-burst", 1)
    one, other = server.person(), server.person()
    client = await connect(server, "/ws/chat/?dialect=campus", one.token)
    for _ in range(2):
        await client.send(campus.said("again", other.id))
    answers = [(await client.receive())["type"] for _ in range(2)]
    assert answers == ["message_sent", "error"]
    while answers.count(campus.SENT["type"]) < 2:
        await client.send(campus.said("again", other.id))
        answers.append((await client.receive())["type"])
