"""A receiver that does not read is closed, and nobody else waits for it; one that reads slowly gets all."""

import sys
import time
from pathlib import Path

import pytest
from api import CONVERSATIONS, write
from client import Client
from conftest import Connect, Start
from raw import CLOSE, TEXT, Ended, Frame, RawConnection, RawWebSocket, close_payload
from rooms import JOINED, LEFT, heard, said
from switchboard import PATIENCE, Server, eventually


async def flood_until_one_left(talker: Client, *listeners: Client) -> None:
    """Talks until all heard that somebody left; meanwhile every message must reach all, in order."""
    waiting = {talker, *listeners}
    for number in range(20_000):
        text = f"{number} ".ljust(1000, "x")
        await talker.send(said(text))
        for client in (talker, *listeners):
            frame = await client.receive()
            if frame == LEFT:
                waiting.remove(client)
                frame = await client.receive()
            assert frame["message"] == text
        if not waiting:
            return
    pytest.fail("20 MB were not too much for a queue of 64 KiB")


def rest_of(socket: RawWebSocket) -> list[Frame]:
    """Everything that still arrives, until the end."""
    frames = []
    try:
        while True:
            frames.append(socket.receive())
    except Ended:
        return frames


async def test_a_slow_reader(start: Start, connect: Connect, room: str) -> None:
    server = start("--send-queue", 65536, "--rooms-rate", 0)
    talker, listener = await connect(server, room), await connect(server, room)
    await talker.expect(JOINED)
    with RawWebSocket(server, room, receive_buffer=65536) as slow:
        await talker.expect(JOINED)
        await listener.expect(JOINED)
        await flood_until_one_left(talker, listener)
        *before, last = rest_of(slow)
        assert {frame.opcode for frame in before} == {TEXT}
        assert (last.opcode, last.payload[:2]) == (CLOSE, close_payload(1013))
    await talker.send(said("we are fine"))
    for client in (talker, listener):
        await client.expect(heard("we are fine"))


def long_answer(start: Start, headers: str = "") -> tuple[Server, bytes]:
    """A server that gives resting connections three seconds, and a request whose answer has 6 MB."""
    server = start("--keepalive-timeout", "3s", "--max-text", 1 << 20, "--max-body", 8 << 20)
    one, other = server.person(), server.person()
    number = write(server, one, other, "\x01" * (1 << 20))["conversation_id"]
    path = f"{CONVERSATIONS}{number}/messages/"
    return server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Authorization: Bearer {one.token}\r\n\r\n".encode()


@pytest.mark.parametrize("ending", ["", "Connection: close\r\n"], ids=["keep-alive", "close"])
def test_a_steady_reader_gets_all_of_a_long_answer(start: Start, ending: str) -> None:
    server, request = long_answer(start, ending)
    with RawConnection(server, receive_buffer=65536, segment=1000) as connection:
        began = time.monotonic()
        connection.send(request)
        head, _, body = connection.socket.recv(65536).partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert length > 6_000_000
        received = len(body)
        while received < length:
            # A pace of 1 MB a second: six seconds, twice what a resting connection gets.
            time.sleep(max(0.0, began + received / 1e6 - time.monotonic()))
            data = connection.socket.recv(65536)
            assert data, f"cut off after {received} of {length} bytes"
            received += len(data)
        assert time.monotonic() - began > 4
        connection.expect_end()


def is_open(server: Server, connection: RawConnection) -> bool:
    """Whether the server's end is established; nothing tells a client that does not read."""
    ports = f":{server.port:04X}", f":{connection.socket.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines():
        _, local, remote, state, *_ = line.split()
        if (local[-5:], remote[-5:]) == ports:
            return state == "01"
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("ending", ["", "Connection: close\r\n"], ids=["keep-alive", "close"])
def test_who_reads_nothing_of_a_long_answer_is_left(start: Start, ending: str) -> None:
    server, request = long_answer(start, ending)
    with RawConnection(server, receive_buffer=65536, segment=1000) as connection:
        connection.send(request)
        assert connection.has_answer(within=PATIENCE)
        assert is_open(server, connection)
        eventually(lambda: not is_open(server, connection), "the connection is closed")
