"""Who is behind with reading is spared what is of the moment, and hears how things are when they have caught up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import conversations
import erp
import rooms
from api import direct, post
from client import Client
from conftest import Connect, Start
from metrics import Metrics
from raw import PING, PONG, TEXT, RawWebSocket, frame
from switchboard import Server, eventually

COUNTER = "/ws/counter/"
TITLE, LONG = "N", "x" * 16_000


class SlowReader(RawWebSocket):
    """Reads nothing until it is asked to."""

    def __init__(self, server: Server, path: str, token: str | None = None) -> None:
        super().__init__(server, path if token is None else f"{path}{'&' if '?' in path else '?'}token={token}", 65536)

    async def catch_up(self, is_last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """All that comes, up to a frame that must come."""
        return await asyncio.to_thread(self._read_on, is_last)

    def _read_on(self, is_last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        frames: list[dict[str, Any]] = []
        while not frames or not is_last(frames[-1]):
            received = self.receive()
            assert received.opcode == TEXT, received
            frames.append(json.loads(received.payload))
        return frames

    async def expect_nothing(self) -> None:
        self.send(frame(PING, b"anything else?"))
        await asyncio.to_thread(self.expect, PONG, b"anything else?")


def held_back(server: Server) -> float:
    return Metrics.of(server)["held_back_total"]


async def count(client: Client, *changes: int) -> None:
    """Makes changes, and waits until everybody was told."""
    for change in changes:
        await client.send({"action": "increment", "value": change} if change else {"action": "reset"})
    for _ in changes:
        while (await client.receive())["type"] != "counter_update":
            pass


async def has_counted_until_held(server: Server, client: Client) -> int:
    """Increments by one until the slow reader is spared; how often."""
    total = 0
    while not held_back(server):
        assert total < 200_000, "20 MB were not too much for a socket"
        await count(client, *[1] * 2000)
        total += 2000
    return total


def all_are_told(server: Server, users: int) -> None:
    """Waits until each loop has told of the last of so many who came to the counter, one after the other."""
    told = users * (users + 1) / 2
    eventually(lambda: Metrics.of(server)["deliveries_total", {"event": "counter_users"}] == told, "all were told")


def add_up(value: int, frames: list[dict[str, Any]]) -> int:
    """As clients do (specs/rooms.md)."""
    for update in frames:
        match update.get("action"):
            case "increment": value += update["value"]
            case "decrement": value -= update["value"]
            case "reset": value = 0
    return value


def users(number: int) -> Callable[[dict[str, Any]], bool]:
    return lambda frame: frame == {"type": "user_count_update", "count": number}


async def test_the_counter_is_right_for_who_reads_late(start: Start, connect: Connect) -> None:
    server = start("--rooms-rate", 0)
    actor = await connect(server, COUNTER)
    with SlowReader(server, COUNTER) as slow:
        changes = await has_counted_until_held(server, actor)
        await count(actor, *[3, -1, 40, -2] * 500)
        total, changes = changes + 20_000, changes + 2000
        visitors = [await connect(server, COUNTER) for _ in range(3)]
        all_are_told(server, 5)
        frames = await slow.catch_up(users(5))
        assert add_up(0, frames) == total
        # What was held back came as one.
        assert len(frames) < changes and frames[-2]["value"] >= 20_000
        await slow.expect_nothing()
        await count(visitors[0], 7)
        assert (await slow.catch_up(lambda frame: True))[0]["value"] == 7


async def test_a_reset_is_heard_late_but_heard(start: Start, connect: Connect) -> None:
    server = start("--rooms-rate", 0)
    actor = await connect(server, COUNTER)
    with SlowReader(server, COUNTER) as slow:
        await has_counted_until_held(server, actor)
        await count(actor, 5, 0, 2, -9)
        visitor = await connect(server, COUNTER)
        all_are_told(server, 3)
        frames = await slow.catch_up(users(3))
        assert add_up(0, frames) == -7
        assert [frame["action"] for frame in frames[-3:-1]] == ["reset", "decrement"]
        await visitor.close()


async def test_who_came_and_went_is_no_news_later_but_what_was_said_is(
    start: Start, connect: Connect, room: str
) -> None:
    server = start("--rooms-rate", 0)
    talker = await connect(server, room)
    with SlowReader(server, room) as slow:
        await talker.expect(rooms.JOINED)
        said = 0
        while not held_back(server):
            assert said < 8000, "8 MB were not too much for a socket"
            for _ in range(100):
                await talker.send(rooms.said(f"{said} ".ljust(1000, "x")))
                await talker.receive()
                said += 1
            await (await connect(server, room)).close()
            await talker.expect(rooms.JOINED)
            await talker.expect(rooms.LEFT)
        await talker.send(rooms.said("the end"))
        frames = await slow.catch_up(lambda frame: frame.get("message") == "the end")
        talk = [frame["message"].split()[0] for frame in frames if frame["type"] == "chat_message"]
        assert talk == [*map(str, range(said)), "the"]
        news = [frame for frame in frames if frame in (rooms.JOINED, rooms.LEFT)]
        assert len(news) == said / 50 - held_back(server)
        await slow.expect_nothing()


async def test_who_stopped_typing_is_not_shown_typing_for_ever(start: Start, connect: Connect) -> None:
    server = start()
    writer, reader = server.person(), server.person()
    conversation = direct(server, writer, reader)
    client = await conversations.online(connect, server, writer)
    with SlowReader(server, conversations.CHAT, reader.token) as slow:
        slow.send_json(conversations.GET_CONVERSATIONS)
        assert slow.expect_json()["type"] == "chat.conversations"
        await client.send(conversations.typing(reader.id))
        sent = 0
        while not held_back(server):
            assert sent < 1000, "8 MB were not too much for a socket"
            for _ in range(50):
                await client.send(conversations.said(f"{sent} ".ljust(8000, "x"), conversation))
                await client.receive()
                sent += 1
            await client.send(conversations.typing(reader.id, False))
            await client.send(conversations.GET_CONVERSATIONS)
            await client.receive()
            if not held_back(server):
                await client.send(conversations.typing(reader.id))
        # That may have been the first that was held back.
        await client.send(conversations.typing(reader.id, False))
        await client.send(conversations.GET_CONVERSATIONS)
        await client.receive()
        stop = conversations.typing_of(writer, False)
        seen = 0

        def is_last(frame: dict[str, Any]) -> bool:
            nonlocal seen
            seen += frame["type"] == "chat.message"
            return seen == sent and frame == stop

        await slow.catch_up(is_last)
        await slow.expect_nothing()


async def test_the_newest_number_of_unread_notifications(start: Start, connect: Connect) -> None:
    server = start()
    person = server.person()
    with SlowReader(server, erp.NOTIFICATIONS, person.token) as slow:
        assert slow.expect_json() == erp.unread(0)
        sent = 0
        while not held_back(server):
            assert sent < 500, "8 MB were not too much for a socket"
            body = {"user_id": person.id, "title": TITLE, "message": LONG}
            assert post(server, None, "/api/notifications/send/", body).status == 200
            sent += 1
        frames = await slow.catch_up(lambda frame: frame == erp.unread(sent))
        kinds = [frame["type"] for frame in frames]
        assert kinds.count("notification") == sent
        assert kinds.count("unread_count") < sent + 1
        await slow.expect_nothing()
