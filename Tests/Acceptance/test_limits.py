"""Who is one too many is told so, and nobody who is in suffers for it; each limit is seen in the metrics."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import resource
import sys
from collections.abc import Iterator

import pytest
from client import Client
from conftest import Connect, Dial, Start
from metrics import Metrics
from raw import RawConnection, Response, handshake, request
from rooms import JOINED, heard, said
from socketio_client import SocketIO
from switchboard import PATIENCE, Server, eventually
from websockets.exceptions import InvalidStatus

FULL = "Too many connections"


class Visitor(RawConnection):
    """Asks for a WebSocket and keeps its connection, whatever the answer is."""

    def __init__(self, server: Server, path: str, source: str | None = None) -> None:
        super().__init__(server, source)
        self.send(handshake(server, path, base64.b64encode(os.urandom(16)).decode()))
        self.answer = self.response()


def refused(server: Server, reason: str) -> float:
    return Metrics.of(server)["refusals_total", {"reason": reason}]


def expect_later(answer: Response, status: int, words: str) -> None:
    answer.expect_refusal(status)
    assert answer.json["message"] == words
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    assert answer.headers["connection"] == "close"


async def test_connections_in_all(start: Start, connect: Connect, room: str) -> None:
    server = start("--max-connections", 2)
    one, other = await connect(server, room), await connect(server, room)
    await one.expect(JOINED)
    with Visitor(server, room) as visitor:
        expect_later(visitor.answer, 503, FULL)
        visitor.expect_end()
    expect_later(request(server, "GET", "/api/me/"), 503, FULL)
    expect_later(request(server, "GET", "/socket.io/?EIO=4&transport=polling"), 503, FULL)
    # Whoever watches over it still sees how it is.
    assert request(server, "GET", "/healthz").status == 200
    assert refused(server, "node_is_full") == 3
    await one.send(said("we are well"))
    for client in (one, other):
        await client.expect(heard("we are well"))
    await other.close()
    await one.receive()
    await (await let_in(connect, server, room)).expect_nothing()


async def let_in(connect: Connect, server: Server, room: str) -> Client:
    """The server sees in its own time that somebody has gone."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await connect(server, room)
            except InvalidStatus:
                await asyncio.sleep(0.02)


def test_who_is_too_many_and_says_nothing_is_left_soon(start: Start, room: str) -> None:
    server = start("--max-connections", 1, "--head-timeout", "60s")
    with Visitor(server, room) as first, RawConnection(server) as silent:
        assert first.answer.status == 101
        silent.expect_end()


def test_a_crowd_of_too_many_costs_no_more_than_a_few_descriptors(start: Start, room: str) -> None:
    server = start("--max-connections", 1)
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(RawConnection(server)) for _ in range(400)]
        # All but the first, and those who wait to be told, are gone at once.
        eventually(lambda: ended(crowd) >= 400 - 257, "most are closed")
        assert ended(crowd) <= 400 - 257


def ended(crowd: list[RawConnection]) -> int:
    return sum(connection.has_answer(within=0) for connection in crowd)


def test_connections_from_one_address(start: Start, room: str) -> None:
    server = start("--connections-per-address", 2, "--limit-loopback", "true")
    with Visitor(server, room, "127.0.0.7") as first, Visitor(server, room, "127.0.0.7") as second:
        assert (first.answer.status, second.answer.status) == (101, 101)
        with Visitor(server, room, "127.0.0.7") as third, Visitor(server, room, "127.0.0.8") as stranger:
            expect_later(third.answer, 429, "Too many connections from your address")
            assert stranger.answer.status == 101
        assert refused(server, "address_is_full") == 1
        second.socket.close()

        def finds_room() -> bool:
            with Visitor(server, room, "127.0.0.7") as again:
                return again.answer.status == 101
        eventually(finds_room, "there is room again")


def test_this_machine_may_stand_for_everybody(start: Start, room: str) -> None:
    server = start("--connections-per-address", 1)
    with Visitor(server, room) as first, Visitor(server, room) as second:
        assert (first.answer.status, second.answer.status) == (101, 101)


async def test_connections_of_one_person(start: Start, connect: Connect, dial: Dial) -> None:
    """The oldest stay, whatever they speak; the newest is told why it can't."""
    server = start("--connections-per-person", 3)
    person, other = server.person(), server.person()
    chat = await connect(server, "/ws/v1/chat/", person.token)
    await connect(server, "/ws/chat/", person.token)
    await connect(server, "/ws/notifications/", person.token)
    newest = await connect(server, "/ws/v1/chat/", person.token)
    assert await newest.expect_close(1013) == FULL
    assert await SocketIO.refused(server, person.token) == {"message": FULL}
    assert refused(server, "person_is_full") == 2
    await connect(server, "/ws/v1/chat/", other.token)
    await chat.close()
    await dial(server, person)


async def test_a_bad_room_leaves_no_trace_of_its_visitor(start: Start, connect: Connect) -> None:
    server = start("--connections-per-person", 1)
    person = server.person()
    for _ in range(2):
        await (await connect(server, "/ws/chat/bad%20name/", person.token)).expect_close(4004)


def test_handshakes_a_second(start: Start, room: str) -> None:
    server = start("--handshake-rate", 0.1, "--handshake-burst", 2)
    with Visitor(server, room) as first, Visitor(server, room) as second:
        assert (first.answer.status, second.answer.status) == (101, 101)
        waits = []
        for _ in range(3):
            with Visitor(server, room) as visitor:
                expect_later(visitor.answer, 503, "Too many are connecting")
                waits.append(int(visitor.answer.headers["retry-after"]))
        # Each is sent behind the one before: at ten seconds for each, a few more or less do not matter.
        assert waits == sorted(waits) and waits[-1] - waits[0] >= 15
        expect_later(request(server, "GET", "/socket.io/?EIO=4&transport=polling"), 503, "Too many are connecting")
        # What is no handshake is not meant.
        assert request(server, "GET", "/healthz").status == 200
        assert refused(server, "handshakes_too_fast") == 4


@contextlib.contextmanager
def few_descriptors(server: Server, most: int) -> Iterator[None]:
    before = allow_descriptors(server, most)
    yield
    allow_descriptors(server, before)


def allow_descriptors(server: Server, most: int) -> int:
    """Returns how many there might be before."""
    now, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (most, hard))
    return now


@pytest.mark.skipif(sys.platform != "linux", reason="uses prlimit")
async def test_no_descriptor_is_left(start: Start, connect: Connect, room: str) -> None:
    """Who comes waits, the others go on, and the server does not spin."""
    server = start()
    talker = await connect(server, room)
    with few_descriptors(server, 3), RawConnection(server) as waiting:
        eventually(lambda: any("new connections have to wait" in line for line in server.log), "it is said")
        before = cpu_seconds(server)
        for _ in range(20):
            await talker.send(said("I go on"))
            await talker.expect(heard("I go on"))
        assert not waiting.has_answer(within=0.5)
        assert cpu_seconds(server) - before < 0.25
        allow_descriptors(server, 4096)
        waiting.send(handshake(server, room, base64.b64encode(os.urandom(16)).decode()))
        assert waiting.response().status == 101
    assert refused(server, "out_of_descriptors") >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="uses prlimit")
async def test_some_descriptors_are_kept_for_the_store(start: Start, connect: Connect) -> None:
    """Before they are used up, visitors are told to come back, and messages are still stored."""
    server = start()
    one, other = server.person(), server.person()
    reader, writer = await connect(server, "/ws/chat/", other.token), await connect(server, "/ws/chat/", one.token)
    with few_descriptors(server, 96), contextlib.ExitStack() as stack:
        answers: list[Response] = []
        while not answers or answers[-1].status == 101:
            answers.append(stack.enter_context(Visitor(server, "/ws/chat/x/")).answer)
        expect_later(answers[-1], 503, FULL)
        await writer.send({"receiver_id": other.id, "message": "still stored"})
        assert (await writer.receive())["type"] == "message_sent"
        assert (await reader.receive())["message"] == "still stored"


def cpu_seconds(server: Server) -> float:
    fields = open(f"/proc/{server.pid}/stat").read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
