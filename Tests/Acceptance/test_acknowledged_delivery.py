"""`erp` and `campus` clients can't ask for what they missed: their pongs acknowledge what came before, and what no pong
covered when a connection broke comes again on the next one, before anything newer, with the same ids."""

import asyncio
import contextlib
import json
import os
import time

import campus
import erp
import pytest
from client import Client
from conftest import Connect, Start, WayTo
from database import all_acknowledged
from frames import error
from metrics import Metrics
from raw import CLOSE, PING, PONG, TEXT, Ended, Frame, RawWebSocket, close_payload, frame
from switchboard import Person, Server, eventually

PATHS = {"erp": erp.CHAT, "campus": "/ws/chat/?dialect=campus"}


@pytest.fixture
def people(server: Server) -> tuple[Person, Person]:
    return server.person(), server.person()


def raw(server: Server, person: Person, dialect: str = "erp") -> RawWebSocket:
    """A client that answers no ping unless told to."""
    path = PATHS[dialect]
    return RawWebSocket(server, f"{path}{'&' if '?' in path else '?'}token={person.token}")


def texts(frames: list[Frame]) -> list[str]:
    return [json.loads(one.payload)["message"] for one in frames if one.opcode == TEXT]


def read_until(socket: RawWebSocket, opcode: int) -> list[Frame]:
    frames = [socket.receive()]
    while frames[-1].opcode != opcode:
        frames.append(socket.receive())
    return frames


def read_texts(socket: RawWebSocket, count: int) -> list[str]:
    """Pings may come between them."""
    frames: list[Frame] = []
    while len(texts(frames)) < count:
        frames.append(socket.receive())
    return texts(frames)


async def acknowledge_all(server: Server, socket: RawWebSocket, person: Person) -> None:
    """Answers pings until all that was said to a person is acknowledged."""
    done = asyncio.create_task(all_acknowledged(server, person))
    while not done.done():
        if socket.has_answer(within=0.02) and (one := socket.receive()).opcode == PING:
            socket.send(frame(PONG, one.payload))
        await asyncio.sleep(0)
    await done


async def say(sender: Client, receiver: Person, *words: str) -> None:
    """Returns once all is stored: an error is told behind what was asked for before."""
    for text in words:
        await sender.send(erp.said(text, receiver.id))
    await sender.send_text("is it stored?")
    while await sender.receive() != error("Invalid JSON format"):
        pass


@pytest.mark.parametrize("dialect", PATHS)
async def test_what_no_pong_covered_comes_again(server: Server, connect: Connect, people: tuple, dialect: str) -> None:
    sender = await erp.online(connect, server, people[0])
    connections = lambda: Metrics.of(server)["connections", {"dialect": dialect}]
    before = connections()
    with raw(server, people[1], dialect) as socket:
        await say(sender, people[1], "one")
        asked = read_until(socket, PING)
        assert texts(asked) == ["one"]
        socket.send(frame(PONG, asked[-1].payload))
        await say(sender, people[1], "two", "three")
        assert read_texts(socket, 2) == ["two", "three"]
    # Seated before that, the next one could be another client.
    eventually(lambda: connections() <= before, "the server has seen it go")
    with raw(server, people[1], dialect) as socket:
        again = read_until(socket, PING)
        assert texts(again) == ["two", "three"]
        socket.send(frame(PONG, again[-1].payload))
        await all_acknowledged(server, people[1])
    back = await connect(server, PATHS[dialect], people[1].token)
    await say(sender, people[1], "four")
    assert (await back.receive())["message"] == "four"


async def test_the_same_ids_come_again_in_order_before_anything_newer(
    server: Server, connect: Connect, people: tuple
) -> None:
    sender = await erp.online(connect, server, people[0])
    with raw(server, people[1]) as lost:
        await say(sender, people[1], *map(str, range(300)))
        first = []
        while len(first) < 300:
            one = lost.receive()
            first += [json.loads(one.payload)] if one.opcode == TEXT else []
        # It is not known yet that its network is gone.
        back = await connect(server, erp.CHAT, people[1].token)
        await say(sender, people[1], "newer")
        again = [await back.receive() for _ in range(301)]
        assert again[:300] == first and again[300]["message"] == "newer"


async def test_a_second_device_does_not_hide_what_the_first_one_missed(
    start: Start, connect: Connect
) -> None:
    server = start()
    people = server.person(), server.person()
    sender = await erp.online(connect, server, people[0])
    phone = raw(server, people[1])
    phone.__enter__()
    desk = await erp.online(connect, server, people[1])
    await say(sender, people[1], "first")
    asked = read_until(phone, PING)
    phone.send(frame(PONG, asked[-1].payload))
    await desk.expect(erp.heard("first", people[0]))
    await all_acknowledged(server, people[1])
    await say(sender, people[1], "both")
    assert texts(read_until(phone, PING)) == ["both"]
    both = await desk.expect(erp.heard("both", people[0]))
    # It is not known yet that the phone's network is gone.
    again = await connect(server, erp.CHAT, people[1].token)
    await again.expect(both)
    have_answered = lambda: min(device.socket.acknowledged for device in (desk, again)) >= both["id"]
    await asyncio.to_thread(eventually, have_answered, "both others have acknowledged it")
    phone.__exit__(None, None, None)
    # From here on, that counts.
    await all_acknowledged(server, people[1])
    # Not even if the server is killed meanwhile.
    with raw(server, people[1]) as phone:
        await say(sender, people[1], "later")
        assert texts(read_until(phone, PING)) == ["later"]
        for device in (desk, again):
            await device.expect(erp.heard("later", people[0]))
            await device.arrived()
        server.kill9()
    server.start()
    phone = await connect(server, erp.CHAT, people[1].token)
    await phone.expect(erp.heard("later", people[0]))


async def test_who_says_goodbye_has_what_it_acknowledged(server: Server, connect: Connect, people: tuple) -> None:
    """A page that closes drops what is on its way to it, so that its close alone acknowledges nothing."""
    sender = await erp.online(connect, server, people[0])
    with raw(server, people[1]) as socket:
        await say(sender, people[1], "heard")
        socket.send(frame(PONG, read_until(socket, PING)[-1].payload))
        await say(sender, people[1], "on its way")
        socket.send(frame(CLOSE, close_payload(1001)))
        read_until(socket, CLOSE)
    back = await connect(server, erp.CHAT, people[1].token)
    await back.expect(erp.heard("on its way", people[0]))
    await back.expect_nothing()


@pytest.mark.parametrize("payload", [b"", b"\0" * 8, b"\x7f" + b"\xff" * 7, b"x" * 125])
async def test_a_pong_that_was_not_asked_for_acknowledges_nothing(
    server: Server, connect: Connect, people: tuple, payload: bytes
) -> None:
    sender = await erp.online(connect, server, people[0])
    with raw(server, people[1]) as socket:
        socket.send(frame(PONG, payload))
        await say(sender, people[1], "unheard")
        read_until(socket, PING)
        socket.send(frame(PONG, payload))
        socket.send(frame(PING, b"last"))
        read_until(socket, PONG)
    back = await connect(server, erp.CHAT, people[1].token)
    await back.expect(erp.heard("unheard", people[0]))


async def test_pings_follow_traffic_one_at_a_time(server: Server, connect: Connect, people: tuple) -> None:
    """At most one is unanswered, and when all is acknowledged there are none."""
    sender = await erp.online(connect, server, people[0])
    with raw(server, people[1]) as socket:
        await say(sender, people[1], *map(str, range(50)))
        first = read_until(socket, PING)
        for _ in range(3):
            await say(sender, people[1], "more")
        socket.send(frame(PING, b"probe"))
        assert [one.opcode for one in read_until(socket, PONG) if one.opcode == PING] == []
        socket.send(frame(PONG, first[-1].payload))
        await acknowledge_all(server, socket, people[1])
        socket.send(frame(PING, b"probe"))
        assert [one.opcode for one in read_until(socket, PONG)] == [PONG]


@pytest.mark.parametrize("dialect", PATHS)
async def test_a_ping_comes_within_a_second(server: Server, connect: Connect, people: tuple, dialect: str) -> None:
    """After each message, whether the one before was acknowledged just now or long ago."""
    sender = await erp.online(connect, server, people[0])
    rounds: list[list[float]] = []
    for _ in range(3):
        rounds.append([])
        with raw(server, people[1], dialect) as socket:
            for number in range(4):
                await say(sender, people[1], str(number))
                assert texts([socket.receive()]) == [str(number)]
                heard = time.monotonic()
                asked = read_until(socket, PING)
                rounds[-1].append(time.monotonic() - heard)
                socket.send(frame(PONG, asked[-1].payload))
            await all_acknowledged(server, people[1])
    # A quarter of one, where nothing else is done. A busy machine may hold up one, but not the same in each round.
    assert max(map(min, zip(*rounds))) < 1 or "SANITIZER" in os.environ, rounds


async def test_who_has_acknowledged_all_is_not_pinged_nor_who_has_not_answered_yet(
    server: Server, connect: Connect, people: tuple
) -> None:
    """Twice as long as a ping that is due would take, and far less than the interval of those that look for life."""
    sender, idle, busy = await erp.online(connect, server, people[0]), server.person(), people[1]
    with contextlib.ExitStack() as stack:
        quiet = [stack.enter_context(raw(server, idle, dialect)) for dialect in PATHS]
        untouched, silent = stack.enter_context(raw(server, server.person())), stack.enter_context(raw(server, busy))
        for receiver in (idle, busy):
            await say(sender, receiver, "hello")
        for socket in quiet:
            socket.send(frame(PONG, read_until(socket, PING)[-1].payload))
        await all_acknowledged(server, idle)
        read_until(silent, PING)
        ends = time.monotonic() + 2
        while (left := ends - time.monotonic()) > 0:
            await say(sender, busy, "more")
            assert texts([silent.receive()]) == ["more"]
            assert not silent.has_answer(within=min(left, 0.2))
        for socket in (*quiet, untouched):
            assert not socket.has_answer(within=0)


@pytest.mark.parametrize("dialect", ["conversations", "campus notifications"])
async def test_who_can_ask_or_hears_no_messages_is_not_pinged(
    server: Server, connect: Connect, people: tuple, dialect: str
) -> None:
    path = {"conversations": "/ws/chat/?dialect=conversations", "campus notifications": "/ws/notifications/?x=1"}
    sender = await erp.online(connect, server, people[0])
    with RawWebSocket(server, f"{path[dialect]}&token={people[1].token}") as socket:
        await say(sender, people[1], "hello", "again")
        socket.send(frame(PING, b"probe"))
        assert PING not in [one.opcode for one in read_until(socket, PONG)]


async def test_a_ping_that_nobody_answers_ends_the_connection_soon(start: Start, connect: Connect) -> None:
    server = start("--ping-interval", "1h", "--ping-timeout", "1s")
    people = server.person(), server.person()
    sender = await erp.online(connect, server, people[0])
    with raw(server, people[1]) as socket:
        await say(sender, people[1], "hello")
        with pytest.raises(Ended):
            while True:
                socket.receive()


async def test_a_network_that_swallows_everything_loses_nothing(
    start: Start, connect: Connect, way_to: WayTo
) -> None:
    """The server goes on writing into a connection whose client is long gone."""
    server = start()
    people = server.person(), server.person()
    sender = await erp.online(connect, server, people[0])
    way = await way_to(server)
    receiver = await Client.open(f"ws://127.0.0.1:{way.port}{erp.CHAT}?token={people[1].token}")
    await say(sender, people[1], "arrives")
    await receiver.expect(erp.heard("arrives", people[0]))
    await all_acknowledged(server, people[1])
    for link in way.links:
        link.stall()
    await say(sender, people[1], *(f"lost {number}" for number in range(20)))
    back = await connect(server, erp.CHAT, people[1].token)
    for number in range(20):
        await back.expect(erp.heard(f"lost {number}", people[0]))
    await back.expect_nothing()
    receiver.drop()
