"""Connection state recovery in a cluster: who drops out may come back to any node, also when theirs is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import erp
import pytest
from api import KEYED, MESSAGES, answered, delete, direct, group, post
from conftest import Connect, Start
from frames import error
from postgres import PostgreSQL, rows
from redis_server import Redis
from socket_io import STORED, Peer, heard, join, leave, notified, online, recovered, said
from switchboard import PATIENCE, Person, Server, eventually

Frame = list[Any]
Nodes = Callable[..., list[Server]]


@pytest.fixture
def nodes(postgresql: PostgreSQL, redis: Redis, start: Start) -> Nodes:
    """Starts nodes of one cluster: `nodes(2, "--flag", "value")`."""
    def nodes(count: int, *flags: object) -> list[Server]:
        store = postgresql.new_store()
        options = [*redis.bus(), "--shutdown-timeout", "200ms", *flags]
        return [start(*options, store=store, extra=KEYED) for _ in range(count)]

    return nodes


class Away:
    """Bela on the first of two nodes, in the room of her conversation with Aarav; she has heard one message. What follows
    goes through the second node."""

    def __init__(self, one: Server, two: Server) -> None:
        self.one, self.two = one, two
        self.aarav, self.bela = one.person("Aarav Sharma"), one.person("Bela Nováková")
        self.number = direct(one, self.aarav, self.bela)
        self.client: Peer

    @classmethod
    async def begin(cls, connect: Connect, one: Server, two: Server) -> Away:
        away = cls(one, two)
        away.client = await online(connect, one, away.bela.token, away.number)
        away.write("before", through=one)
        await away.expect(away.client, "before")
        return away

    def write(self, *texts: str, through: Server | None = None) -> None:
        for text in texts:
            path = f"/api/conversations/{self.number}/messages/"
            answered(post(through or self.two, self.aarav, path, {"text": text}), 201)

    def notify(self, title: str, **audience: object) -> None:
        body = {"title": title, "message": "…", "type": "alert"} | audience
        answered(post(self.two, None, "/api/notifications/send/", body))

    def in_room(self, *texts: str) -> list[Frame]:
        return [
            frame for text in texts for frame in (
                heard(text, self.aarav, self.bela, self.number), notified(text, self.aarav, self.bela, self.number))
        ]

    async def expect(self, client: Peer, *texts: str) -> None:
        for frame in self.in_room(*texts):
            await client.expect(frame)

    async def expect_other(self, connect: Connect, server: Server, token: str | None = None) -> Peer:
        """Whoever comes back is somebody new, who is in no room and hears what is new only."""
        client = await online(connect, server, token or self.bela.token, pid=self.client.pid, offset=self.client.offset)
        assert client.sid != self.client.sid and client.pid not in (self.client.pid, None)
        await client.expect_nothing()
        if token is None:
            self.write("live")
            await client.expect(notified("live", self.aarav, self.bela, self.number))
        await client.expect_nothing()
        return client


async def noticed(server: Server, client: Peer) -> None:
    """The node has told the others that the client's connection broke."""
    def is_lost() -> bool:
        return rows(server.store, "SELECT lost_at IS NOT NULL FROM kept_clients WHERE pid = ?", client.pid) == [(True,)]

    await asyncio.to_thread(eventually, is_lost, "the node has noticed")


async def known(connect: Connect, away: Away) -> None:
    """Writes until the second node knows that she is there."""
    sender = await erp.online(connect, away.two, away.aarav)
    deadline = time.monotonic() + PATIENCE
    while True:
        await sender.send(erp.said("there?", away.bela.id))
        # Answered behind what becomes of the message.
        await sender.send_text("no JSON")
        await away.expect(away.client, "there?")
        answer = await sender.receive()
        if answer == error("Invalid JSON format"):
            return
        assert answer == erp.NOT_FOUND_OR_OFFLINE
        await sender.expect(error("Invalid JSON format"))
        assert time.monotonic() < deadline, "still said to be offline"
        await asyncio.sleep(0.02)


# To another node

@pytest.mark.parametrize("end", ["cut", "kill9", "stop"])
async def test_what_was_missed_comes_on_another_node_once_and_in_order(nodes: Nodes, connect: Connect, end: str) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    if end == "cut":
        away.client.drop()
    elif end == "kill9":
        one.kill9()
    else:
        one.terminate()
    away.write("first", "second")
    away.notify("Project Update", user_id=away.bela.id)
    away.notify("Not hers", user_id=away.aarav.id)
    away.notify("Maintenance")
    carla = two.person("Carla Ruiz")
    answered(post(two, carla, MESSAGES, {"receiver_id": away.bela.id, "text": "hello"}), 201)
    away.write("third")
    back = await recovered(connect, two, away.bela.token, away.client)
    await away.expect(back, "first", "second")
    for title in ("Project Update", "Maintenance"):
        frame = await back.receive()
        assert (frame[0], frame[1]["title"]) == ("new_notification", title), frame
    await back.expect(notified("hello", carla, away.bela))
    await away.expect(back, "third")
    away.write("live")
    away.notify("Live", user_id=away.bela.id)
    await away.expect(back, "live")
    assert (await back.receive())[1]["title"] == "Live"
    # Also what she says herself, elsewhere.
    other = await online(connect, two, away.bela.token)
    await other.ask(*said("mine", away.number), answer=STORED)
    await back.expect(heard("mine", away.bela, away.aarav, away.number))
    await back.expect_nothing()


@pytest.mark.parametrize("known", [1, 2, 3, 4, None])
async def test_exactly_what_follows_the_offset_comes(nodes: Nodes, connect: Connect, known: int | None) -> None:
    """Also what lies between the two events of one message; and from the start where she heard of nothing."""
    one, two = nodes(2)
    away = Away(one, two)
    client = await online(connect, one, away.bela.token, away.number)
    away.write("one", "two", through=one)
    offsets = []
    for frame in away.in_room("one", "two"):
        await client.expect(frame)
        offsets.append(client.offset)
    client.drop()
    client.offset = None if known is None else offsets[known - 1]
    away.write("three")
    back = await recovered(connect, two, away.bela.token, client)
    again = []
    for frame in away.in_room("one", "two", "three")[known or 0:]:
        await back.expect(frame)
        again.append(back.offset)
    await back.expect_nothing()
    # The offsets that came with these are as good: also on the way back.
    for offset, number in zip(again[:-1], range((known or 0) + 1, 6)):
        back.drop()
        back.offset = offset
        back = await recovered(connect, one if number % 2 else two, away.bela.token, back)
        for frame in away.in_room("one", "two", "three")[number:]:
            await back.expect(frame)
        await back.expect_nothing()


async def test_one_who_moves_while_others_talk_misses_nothing(nodes: Nodes, connect: Connect) -> None:
    servers = nodes(2)
    away = await Away.begin(connect, *servers)
    texts = [str(number) for number in range(120)]

    def talk() -> None:
        for number, text in enumerate(texts):
            away.write(text, through=servers[number % 2])

    talking = asyncio.create_task(asyncio.to_thread(talk))
    client, frames, turn = away.client, [], 0
    while len(frames) < 2 * len(texts):
        for _ in range(min(7, 2 * len(texts) - len(frames))):
            frames.append(await client.receive())
        client.drop()
        turn += 1
        client = await recovered(connect, servers[turn % 2], away.bela.token, client)
    await talking
    assert [frame[0] for frame in frames] == ["new_message", "message_notification"] * len(texts)
    assert [frame[1]["content"] for frame in frames] == [text for text in texts for _ in range(2)]
    await client.expect_nothing()


async def test_the_connection_that_she_left_behind_is_closed(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    away.write("missed")
    await away.expect(away.client, "missed")
    back = await recovered(connect, two, away.bela.token, away.client)
    await away.client.expect_close(1001)
    away.write("live")
    await away.expect(back, "live")
    # It was not hers to lose any more.
    back.drop()
    await noticed(two, back)
    away.write("missed")
    await away.expect(await recovered(connect, two, away.bela.token, back), "missed")


async def test_rooms_that_were_left_stay_left(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    await away.client.ask(*leave(away.number))
    away.client.drop()
    await noticed(one, away.client)
    away.write("missed")
    back = await recovered(connect, two, away.bela.token, away.client)
    away.write("live")
    for text in ("missed", "live"):
        await back.expect(notified(text, away.aarav, away.bela, away.number))
    await back.expect_nothing()


async def test_who_was_taken_out_of_a_group_meanwhile_hears_nothing_of_it(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    number = group(one, away.aarav, away.bela, one.person("Carla Ruiz"))
    await away.client.ask(*join(number))
    one.kill9()
    path = f"/api/conversations/{number}/messages/"
    answered(post(two, away.aarav, path, {"text": "with Bela"}), 201)
    answered(delete(two, away.bela, f"/api/conversations/{number}/members/{away.bela.id}/"))
    away.write("missed")
    back = await recovered(connect, two, away.bela.token, away.client)
    await away.expect(back, "missed")
    answered(post(two, away.aarav, path, {"text": "without her"}), 201)
    await back.expect_nothing()


# To the same node

@pytest.mark.parametrize("end", ["kill9", "stop"])
async def test_a_node_that_was_restarted_is_another(nodes: Nodes, connect: Connect, end: str) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    if end == "kill9":
        one.kill9()
    else:
        one.terminate()
    away.write("missed")
    one.start()
    back = await recovered(connect, one, away.bela.token, away.client)
    await away.expect(back, "missed")
    away.write("live")
    await away.expect(back, "live")
    await back.expect_nothing()


async def test_the_same_node_knows_also_what_is_kept_nowhere(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    # Typing is told once, to the nodes that are known to have who hears it.
    await known(connect, away)
    away.client.drop()
    await noticed(one, away.client)
    typist = await online(connect, two, away.aarav.token)
    await typist.ask("typing_start", {"conversationId": away.number})
    back = await recovered(connect, one, away.bela.token, away.client)
    await back.expect(["typing_start", {"conversationId": away.number, "userId": away.aarav.id}])
    await back.expect_nothing()


# Somebody new

async def test_who_said_goodbye_is_somebody_new(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    await away.client.send_text("41")
    await asyncio.to_thread(
        eventually, lambda: not rows(one.store, "SELECT 1 FROM kept_clients"), "the node has noticed")
    away.write("not told")
    await away.expect_other(connect, two)


async def test_another_persons_token_recovers_nothing(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    away.client.drop()
    away.write("not told")
    await away.expect_other(connect, two, two.person().token)
    back = await recovered(connect, two, away.bela.token, away.client)
    await away.expect(back, "not told")


@pytest.mark.parametrize("auth", [
    {"pid": "unknown"}, {"pid": "x\0y"}, {"pid": "x" * 100_000}, {"offset": "unknown"}, {"offset": "17"},
    {"offset": f"17:AAAAAAAA:{2**63 - 1}:{2**63 - 1}"}, {"offset": "17:AAAAAAAA:-5:-5"},
], ids=lambda auth: repr(auth)[:40])
async def test_what_is_no_state_recovers_nothing(nodes: Nodes, connect: Connect, auth: dict[str, Any]) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    away.client.drop()
    lies = {"pid": away.client.pid, "offset": away.client.offset} | auth
    client = await online(connect, two, away.bela.token, **lies)
    assert client.sid != away.client.sid and client.pid not in (away.client.pid, None)
    away.write("live")
    await client.expect(notified("live", away.aarav, away.bela, away.number))
    await client.expect_nothing()


async def test_who_comes_too_late_is_somebody_new(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes(2, "--recovery", "1s")
    away = await Away.begin(connect, one, two)
    one.kill9()
    away.write("not told")
    # The time that passes is what is tested; the node said that it was there within the last second.
    await asyncio.sleep(3.2)
    await away.expect_other(connect, two)
    eventually(
        lambda: len(rows(two.store, "SELECT 1 FROM nodes")) == 1, "the node that is gone is forgotten, and what it had")
    assert rows(two.store, "SELECT count(*) FROM kept_clients WHERE pid = ?", away.client.pid) == [(0,)]


async def test_who_missed_too_much_is_somebody_new(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes(2, "--send-queue", 40_000)
    away = await Away.begin(connect, one, two)
    away.client.drop()
    away.write(*["x" * 5000] * 4)
    await away.expect_other(connect, two)


async def test_who_was_deleted_does_not_come_back(nodes: Nodes, connect: Connect) -> None:
    one, two = nodes(2)
    away = await Away.begin(connect, one, two)
    one.kill9()
    two.cli("user", "delete", away.bela.id)
    assert rows(two.store, "SELECT count(*) FROM kept_clients") == [(0,)]
    client = Peer((await connect(two, "/socket.io/?EIO=4&transport=websocket")).socket)
    assert (await client.packet()).startswith("0{")
    await client.send_text('40{"token":"%s","pid":"%s"}' % (away.bela.token, away.client.pid))
    assert "Authentication error" in await client.packet()
