"""Connection state recovery: who drops out comes back as the one they were, and misses nothing."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
import socket_io
from api import MESSAGES, answered, delete, direct, get, group, post
from conftest import Connect, Start, WayTo
from javascript_client import TRANSPORTS, Driver, JavaScriptClient, disconnected, event
from metrics import Metrics
from proxy import Proxy
from socket_io import Peer, heard, notified, online, recovered
from socketio_values import message, notice, said, typing
from switchboard import Person, Server, eventually

Frame = list[Any]


@pytest.fixture
def people(server: Server) -> tuple[Person, Person]:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


def write(server: Server, sender: Person, number: int, *texts: str) -> None:
    """Messages in a conversation; they are on their way to whoever is there."""
    for text in texts:
        answered(post(server, sender, f"/api/conversations/{number}/messages/", {"text": text}), 201)


def heard_in_room(number: int, sender: Person, receiver: Person | None, *texts: str) -> list[Frame]:
    """What a receiver who joined the conversation sees of these messages."""
    return [
        told for text in texts for told in (
            event("new_message", message(text, sender, receiver, number)),
            event("message_notification", notice(text, sender, receiver, number)))
    ]


class Away:
    """Bela on a way that can be cut, in her conversation with Aarav; she has heard one message."""

    def __init__(self, server: Server, people: tuple[Person, Person], proxy: Proxy, client: JavaScriptClient) -> None:
        self.server, self.proxy, self.client = server, proxy, client
        self.aarav, self.bela = people
        self.number = direct(server, *people)

    @classmethod
    async def begin(
        cls, server: Server, people: tuple[Person, Person], javascript: Driver, way_to: WayTo, transport: str
    ) -> Away:
        proxy = await way_to(server)
        client = await javascript.online(proxy.port, people[1], transport, direct(server, *people))
        away = cls(server, people, proxy, client)
        await away.write("before")
        await away.expect_in_room("before")
        return away

    async def write(self, *texts: str) -> None:
        await asyncio.to_thread(write, self.server, self.aarav, self.number, *texts)

    async def expect_in_room(self, *texts: str) -> None:
        await self.client.expect(*heard_in_room(self.number, self.aarav, self.bela, *texts))

    async def expect_outside(self, *texts: str) -> None:
        for text in texts:
            await self.client.expect(event("message_notification", notice(text, self.aarav, self.bela, self.number)))

    async def drop(self) -> None:
        """Nothing comes through until she is let in again."""
        self.proxy.close()
        await self.client.expect(disconnected())

    async def expect_other(self) -> None:
        """She comes back as somebody new, who is in no room and hears what is new only."""
        await self.client.expect_back(recovered=False)
        await self.write("live")
        await self.expect_outside("live")
        await self.client.expect_nothing()


@pytest.fixture
async def away(
    server: Server, people: tuple[Person, Person], javascript: Driver, way_to: WayTo, transport: str
) -> Away:
    return await Away.begin(server, people, javascript, way_to, transport)


# The client comes back in time

async def test_what_was_missed_comes_once_and_in_order(away: Away) -> None:
    texts = [f"missed {number}" for number in range(20)]
    for missed in (texts[:10], texts[10:]):
        await away.drop()
        await away.write(*missed)
        away.proxy.lets_in = True
        await away.client.expect_back(recovered=True)
        await away.expect_in_room(*missed)
        await away.write("live")
        await away.expect_in_room("live")
    await away.client.expect_nothing()


async def test_while_the_server_believes_the_lost_connection_to_be_alive(away: Away, transport: str) -> None:
    away.proxy.lets_in = False
    lost = away.proxy.links
    for link in lost:
        link.strand()
    await away.client.expect(disconnected())
    await away.write("into the void", "and more")
    away.proxy.lets_in = True
    await away.client.expect_back(recovered=True)
    await away.expect_in_room("into the void", "and more")
    if transport == "websocket":
        async with asyncio.timeout(8):
            await lost[0].ended.wait()
    await away.write("live")
    await away.expect_in_room("live")
    await away.client.expect_nothing()


async def test_a_client_that_finds_its_line_dead_comes_back(
    start: Start, javascript: Driver, way_to: WayTo, transport: str
) -> None:
    server = start("--ping-interval", "500ms", "--ping-timeout", "3s")
    away = await Away.begin(server, (server.person(), server.person()), javascript, way_to, transport)
    away.proxy.lets_in = False
    for link in away.proxy.links:
        link.stall()
    await away.write("into the void")
    await away.client.expect(disconnected("ping timeout"))
    await away.write("and more")
    away.proxy.lets_in = True
    await away.client.expect_back(recovered=True)
    await away.expect_in_room("into the void", "and more")


async def test_a_client_that_closes_its_transport_comes_back(away: Away) -> None:
    await away.client.call("closeTransport")
    await away.client.expect(disconnected("forced close"))
    await away.client.expect_back(recovered=True)
    await away.write("live")
    await away.expect_in_room("live")
    await away.client.expect_nothing()


async def test_every_event_that_was_missed_comes(away: Away) -> None:
    server, aarav, bela, client = away.server, away.aarav, away.bela, away.client
    await away.drop()
    await away.write("first")
    typist = await socket_io.Peer.open(server.url(socket_io.PATH))
    await typist.enter({"token": aarav.token})
    for on in (True, False):
        await typist.ask(*socket_io.typing(away.number, on=on))
    body = {"user_id": bela.id, "title": "Project Update", "message": "You joined it.", "type": "project_assigned"}
    answered(post(server, None, "/api/notifications/send/", body))
    answered(post(server, None, "/api/notifications/send/", {"title": "Maintenance", "message": "Back at noon."}))
    carla = server.person("Carla Ruiz")
    answered(post(server, carla, MESSAGES, {"receiver_id": bela.id, "text": "hello"}), 201)
    away.proxy.lets_in = True
    await client.expect_back(recovered=True)
    await away.expect_in_room("first")
    for name in ("typing_start", "typing_stop"):
        await client.expect(event(name, typing(aarav, away.number)))
    for title in ("Project Update", "Maintenance"):
        seen = await client.receive()
        assert (seen[1], seen[2]["title"]) == ("new_notification", title), seen
    await client.expect(event("message_notification", notice("hello", carla, bela)))
    await client.expect_nothing()
    typist.drop()


async def test_rooms_that_were_left_stay_left(away: Away) -> None:
    await away.client.ask("leave_conversation", away.number)
    await away.drop()
    await away.write("missed")
    away.proxy.lets_in = True
    await away.client.expect_back(recovered=True)
    await away.write("live")
    await away.expect_outside("missed", "live")
    await away.client.expect_nothing()


async def test_who_left_a_group_meanwhile_hears_no_more_of_it(away: Away) -> None:
    server, aarav, bela = away.server, away.aarav, away.bela
    number = group(server, aarav, bela, server.person("Carla Ruiz"))
    await away.client.join(number)
    await away.drop()
    write(server, aarav, number, "with Bela")
    answered(delete(server, bela, f"/api/conversations/{number}/members/{bela.id}/"))
    write(server, aarav, number, "without her")
    away.proxy.lets_in = True
    await away.client.expect_back(recovered=True)
    await away.client.expect(*heard_in_room(number, aarav, None, "with Bela"))
    write(server, aarav, number, "live")
    await away.client.expect_nothing()


# The client comes back as somebody else

async def test_who_disconnected_is_somebody_new(
    start: Start, javascript: Driver, way_to: WayTo, transport: str
) -> None:
    server = start()
    away = await Away.begin(server, (server.person(), server.person()), javascript, way_to, transport)
    await away.client.call("disconnect")
    await away.client.expect(disconnected("io client disconnect"))
    # The client says so before the server has heard it, and its next connection may be faster.
    has_left = lambda: Metrics.of(server)["connections", {"dialect": "socketio"}] == 0
    await asyncio.to_thread(eventually, has_left, "the server has heard the goodbye")
    await away.write("not told")
    await away.client.call("open")
    await away.expect_other()


async def test_another_persons_token_recovers_nothing(away: Away) -> None:
    stranger = away.server.person()
    await away.client.call("auth", {"token": stranger.token})
    await away.drop()
    await away.write("not told")
    away.proxy.lets_in = True
    await away.client.expect_back(recovered=False)
    await away.write("not told either")
    await away.client.expect_nothing()


async def test_a_restarted_server_knows_nobody(
    start: Start, javascript: Driver, way_to: WayTo, transport: str
) -> None:
    server = start()
    away = await Away.begin(server, (server.person(), server.person()), javascript, way_to, transport)
    server.kill9()
    await away.client.expect(disconnected())
    server.start()
    await away.expect_other()


async def test_who_comes_too_late_is_somebody_new(start: Start, javascript: Driver, way_to: WayTo) -> None:
    server = start("--recovery", "1s")
    away = await Away.begin(server, (server.person(), server.person()), javascript, way_to, "websocket")
    await away.drop()
    is_lost = lambda: Metrics.of(server)["closes_total", {"by": "client", "code": "1006"}] == 1
    await asyncio.to_thread(eventually, is_lost, "the server has noticed")
    await away.write("not told")
    # The time that passes is what is tested; the server looks at it once in a while.
    await asyncio.sleep(2.5)
    away.proxy.lets_in = True
    await away.expect_other()


async def test_what_the_log_no_longer_has_cannot_be_told(
    start: Start, javascript: Driver, way_to: WayTo, transport: str
) -> None:
    server = start("--recovery-log", 20_000, "--loops", 1)
    away = await Away.begin(server, (server.person(), server.person()), javascript, way_to, transport)
    # Less than the log takes, and then more.
    for texts, are_kept in ((["short"], True), (["x" * 5000] * 10, False)):
        await away.drop()
        await away.write(*texts)
        away.proxy.lets_in = True
        if are_kept:
            await away.client.expect_back(recovered=True)
            await away.expect_in_room(*texts)
    await away.expect_other()


async def test_a_recovery_of_no_whole_seconds(start: Start, connect: Connect) -> None:
    server = start("--recovery", "2500ms", "--loops", 1)
    aarav = server.person()
    client = await socket_io.online(connect, server, aarav.token)
    # What is older than that is forgotten meanwhile.
    await asyncio.sleep(4.5)
    client.drop()
    await socket_io.recovered(connect, server, aarav.token, client)


async def test_without_recovery_there_are_neither_offsets_nor_a_way_back(
    start: Start, javascript: Driver, connect: Connect, way_to: WayTo, transport: str
) -> None:
    server = start("--recovery", "0s")
    aarav, bela = server.person(), server.person()
    assert (await online(connect, server, bela.token)).pid is None
    proxy, number = await way_to(server), direct(server, aarav, bela)
    client = await javascript.online(proxy.port, bela, transport, number)
    write(server, aarav, number, "before")
    told = [
        event("new_message", message("before", aarav, bela, number), has_offset=False),
        event("message_notification", notice("before", aarav, bela, number), has_offset=False),
    ]
    await client.expect(*told)
    proxy.cut()
    await client.expect(disconnected())
    await client.expect_back(recovered=False)
    write(server, aarav, number, "before")
    await client.expect(told[1])
    await client.expect_nothing()


# Packet by packet

async def between(connect: Connect, server: Server, people: tuple[Person, Person]) -> tuple[Peer, int, list[str]]:
    """Bela's client, lost; the conversation; the offsets of the four events that she heard of "one" and "two"."""
    aarav, bela = people
    number = direct(server, aarav, bela)
    client = await online(connect, server, bela.token, number)
    write(server, aarav, number, "one", "two")
    offsets = []
    for frame in events(number, *people, "one", "two"):
        await client.expect(frame)
        offsets.append(client.offset)
    assert len(set(offsets)) == 4
    client.drop()
    return client, number, offsets


def events(number: int, sender: Person, receiver: Person, *texts: str) -> list[Frame]:
    return [
        frame for text in texts
        for frame in (heard(text, sender, receiver, number), notified(text, sender, receiver, number))
    ]


@pytest.mark.parametrize("known", [1, 2, 3, 4])
async def test_exactly_what_follows_the_offset_comes(
    server: Server, connect: Connect, people: tuple[Person, Person], known: int
) -> None:
    """Also what lies between the two events of one message."""
    lost, number, offsets = await between(connect, server, people)
    lost.offset = offsets[known - 1]
    back = await recovered(connect, server, people[1].token, lost)
    for frame, offset in zip(events(number, *people, "one", "two")[known:], offsets[known:]):
        await back.expect(frame)
        assert back.offset == offset, "the offset of an event changed"
    await back.expect_nothing()
    write(server, people[0], number, "three")
    for frame in events(number, *people, "three"):
        await back.expect(frame)
        assert back.offset not in offsets
    await back.expect_nothing()


async def test_who_heard_nothing_yet_misses_nothing_either(
    server: Server, connect: Connect, people: tuple[Person, Person]
) -> None:
    number = direct(server, *people)
    lost = await online(connect, server, people[1].token, number)
    assert lost.offset is None
    lost.drop()
    write(server, people[0], number, "one", "two")
    back = await recovered(connect, server, people[1].token, lost)
    for frame in events(number, *people, "one", "two"):
        await back.expect(frame)
    await back.expect_nothing()


@pytest.mark.parametrize("auth", [
    {"pid": "unknown"}, {"pid": ""}, {"pid": 17}, {"pid": None}, {"pid": ["unknown"]}, {"offset": "unknown"},
    {"offset": ""}, {"offset": "x" * 100_000},
], ids=lambda auth: repr(auth)[:24])
async def test_what_is_no_state_recovers_nothing(
    server: Server, connect: Connect, people: tuple[Person, Person], auth: dict[str, Any]
) -> None:
    lost, number, offsets = await between(connect, server, people)
    other = await online(connect, server, people[1].token, **{"pid": lost.pid, "offset": offsets[0]} | auth)
    assert other.sid != lost.sid and other.pid not in (lost.pid, None)
    await other.expect_nothing()
    write(server, people[0], number, "live")
    await other.expect(notified("live", *people, number))
    await other.expect_nothing()


async def test_a_strangers_try_takes_nothing_away(
    server: Server, connect: Connect, people: tuple[Person, Person]
) -> None:
    lost, number, offsets = await between(connect, server, people)
    stranger = await online(connect, server, server.person().token, pid=lost.pid, offset=offsets[0])
    assert stranger.sid != lost.sid and stranger.pid != lost.pid
    await stranger.expect_nothing()
    write(server, people[0], number, "three")
    back = await recovered(connect, server, people[1].token, lost)
    for frame in events(number, *people, "three"):
        await back.expect(frame)
    await stranger.expect_nothing()


async def test_another_token_of_the_same_person_recovers(
    server: Server, connect: Connect, people: tuple[Person, Person]
) -> None:
    lost, number, _ = await between(connect, server, people)
    write(server, people[0], number, "three")
    back = await recovered(connect, server, server.jwt(people[1]), lost)
    for frame in events(number, *people, "three"):
        await back.expect(frame)
    await back.expect_nothing()


async def test_the_last_to_come_back_is_the_one(
    server: Server, connect: Connect, people: tuple[Person, Person]
) -> None:
    """Each connection that is recovered ends, though nobody told the server that it was lost."""
    aarav, bela = people
    number = direct(server, aarav, bela)
    last = await online(connect, server, bela.token, number)
    write(server, aarav, number, "0")
    for frame in events(number, aarav, bela, "0"):
        await last.expect(frame)
    for text in ("1", "2", "3"):
        back = await recovered(connect, server, bela.token, last)
        async with asyncio.timeout(8):
            await last.socket.wait_closed()
        write(server, aarav, number, text)
        for frame in events(number, aarav, bela, text):
            await back.expect(frame)
        last = back
    await last.expect_nothing()


# Chaos

LOOPS = {"one loop": 1, "two loops": 2}
MESSAGE_COUNT, CLIENT_COUNT = 150, 20


async def cut_again_and_again(proxy: Proxy, choices: random.Random) -> None:
    """Until it is cancelled; then no line is dead, and everything comes through."""
    try:
        while True:
            await asyncio.sleep(choices.uniform(0, 0.04))
            proxy.lets_in = choices.random() < 0.8
            links = proxy.links
            for link in choices.sample(links, min(len(links), choices.randint(1, 4))):
                choices.choice([link.cut, link.cut, link.strand, link.stall])()
            if choices.random() < 0.02:
                proxy.cut()
    finally:
        proxy.cut()
        proxy.lets_in = True


async def seen_until(client: JavaScriptClient, last: str) -> tuple[list[tuple[str, str]], int]:
    """Names and texts of the events up to the last, and how often the client came back, as the one it was."""
    sid, seen, returns = client.id, [], 0
    while ("message_notification", last) not in seen:
        match await client.receive(within=20):
            case ["event", name, {"content": text}, _]:
                seen.append((name, text))
            case ["connect", state]:
                assert state["recovered"] and state["id"] == sid, (state, seen[-1:])
                returns += 1
            case other:
                assert other[0] in ("disconnect", "connect_error"), other
    return seen, returns


@pytest.mark.parametrize("loops", LOOPS.values(), ids=LOOPS)
async def test_nobody_misses_anything_while_all_are_cut_off_again_and_again(
    start: Start, javascript: Driver, way_to: WayTo, loops: int
) -> None:
    server = start("--loops", loops, "--ping-interval", "500ms", "--ping-timeout", "3s")
    sender, *people = [server.person() for _ in range(1 + CLIENT_COUNT)]
    number, proxy = group(server, sender, *people), await way_to(server)
    ways = [*TRANSPORTS] * CLIENT_COUNT
    clients = [await javascript.online(proxy.port, person, way, number) for person, way in zip(people, ways)]
    write(server, sender, number, "first")
    for client in clients:
        await client.expect(*heard_in_room(number, sender, None, "first"))

    chaos = asyncio.create_task(cut_again_and_again(proxy, random.Random(loops)))
    seeing = [asyncio.create_task(seen_until(client, "last")) for client in clients]
    texts = [str(count) for count in range(MESSAGE_COUNT)]
    for text in texts:
        await asyncio.to_thread(write, server, sender, number, text)
        # As people write: so that there are always some who are away.
        await asyncio.sleep(0.03)
    chaos.cancel()
    await asyncio.wait([chaos])
    await asyncio.to_thread(write, server, sender, number, "last")

    expected = [(name, text) for text in [*texts, "last"] for name in ("new_message", "message_notification")]
    for seen, returns in await asyncio.gather(*seeing):
        assert seen == expected
        assert returns > 0, "never cut off"
    for client in clients:
        await client.expect_nothing()


async def test_what_a_client_repeats_until_it_is_acknowledged_is_sent_once(
    server: Server, javascript: Driver, way_to: WayTo, people: tuple[Person, Person], transport: str
) -> None:
    """The client's own way to send again, `retries`, with the key that tells a repeat."""
    number, proxy = direct(server, *people), await way_to(server)
    client = await javascript.online(proxy.port, people[0], transport, retries=100, ackTimeout=300)
    await client.emit("join_conversation", number)
    chaos = asyncio.create_task(cut_again_and_again(proxy, random.Random(transport)))
    texts = [str(count) for count in range(30)]
    for text in texts:
        await client.emit("send_message", said(text, number, client_id=text))
    seen: list[str] = []
    while len(seen) < len(texts):
        match await client.receive():
            case ["event", "new_message", {"content": text}, _]:
                seen.append(text)
            case ["connect", state]:
                assert state["recovered"] or not seen, state
    chaos.cancel()
    await asyncio.wait([chaos])
    assert seen == texts
    stored = answered(get(server, people[0], f"/api/conversations/{number}/messages/", limit=100))["messages"]
    assert [item["text"] for item in stored] == texts
