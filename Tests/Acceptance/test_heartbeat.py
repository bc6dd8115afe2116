"""Pings of the server's own, and the peers that don't answer them."""

import time
from collections.abc import Iterator

import pytest
from conftest import Connect, Start
from raw import CLOSE, PING, PONG, TEXT, Ended, RawWebSocket, frame, frame_head
from rooms import JOINED, LEFT
from switchboard import Server



@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Pings every second and waits three more, so that a client that is slow is not taken for dead."""
    flags = ["--ping-interval", "1s", "--ping-timeout", "3s"]
    server = Server(tmp_path_factory.mktemp("pinging"), *flags).start()
    yield server
    server.close()


def test_who_answers_stays(server: Server, room: str) -> None:
    began = time.monotonic()
    with RawWebSocket(server, room) as socket:
        for _ in range(4):
            ping = socket.receive()
            assert ping.opcode == PING
            socket.send(frame(PONG, ping.payload))
        assert 2.5 < time.monotonic() - began < 8
        socket.send(frame(TEXT, b"hello?"))
        while (answer := socket.receive()).opcode == PING:
            socket.send(frame(PONG, answer.payload))
        assert b"Invalid JSON format" in answer.payload


def test_who_does_not_answer_is_closed(server: Server, room: str) -> None:
    with RawWebSocket(server, room) as socket:
        assert socket.receive().opcode == PING
        began = time.monotonic()
        with pytest.raises(Ended):
            while True:
                assert socket.receive().opcode in (PING, CLOSE)
        assert 0.5 < time.monotonic() - began < 8


async def test_the_others_are_told(server: Server, connect: Connect, room: str) -> None:
    alive = await connect(server, room)
    with RawWebSocket(server, room) as dead:
        await alive.expect(JOINED)
        began = time.monotonic()
        await alive.expect(LEFT)
        assert 1 < time.monotonic() - began < 9
        assert dead.receive().opcode == PING
    await alive.expect_nothing()


async def test_a_dead_peer_in_the_middle_of_a_frame_is_told_too(server: Server, connect: Connect, room: str) -> None:
    alive = await connect(server, room)
    with RawWebSocket(server, room) as dead:
        await alive.expect(JOINED)
        dead.send(frame_head(TEXT, 1000) + b"xxx")
        await alive.expect(LEFT)


async def test_an_end_in_the_middle_of_a_frame(start: Start, connect: Connect, room: str) -> None:
    # No ping finds it out.
    server = start("--ping-interval", "10m")
    alive = await connect(server, room)
    with RawWebSocket(server, room) as dead:
        await alive.expect(JOINED)
        dead.send(frame_head(TEXT, 1000) + b"xxx")
    await alive.expect(LEFT)
