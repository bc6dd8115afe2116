"""A receiver that does not read is closed, and nobody else waits for it; one that reads slowly gets all."""

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import erp
import pytest
from api import CONVERSATIONS, write
from client import Client
from conftest import Connect, Start
from database import held_up
from raw import CLOSE, PING, PONG, TEXT, Ended, Frame, RawConnection, RawWebSocket, close_payload, frame
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


async def test_a_burst_reaches_who_reads(start: Start, connect: Connect) -> None:
    """What one commit brings is delivered in parts: it comes whole, and in order."""
    server = start("--send-queue", 16 << 20, "--loops", 1)
    reader, *writers = (server.person() for _ in range(11))
    listener = await connect(server, erp.CHAT, reader.token)
    texts = [f"{number} ".ljust(16_000, "x") for number in range(40)]
    frames = b"".join(frame(TEXT, json.dumps(erp.said(text, reader.id)).encode()) for text in texts)
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(RawWebSocket(server, f"{erp.CHAT}?token={writer.token}")) for writer in writers]
        with held_up(server):
            for socket in sockets:
                socket.send(frames)
        heard_of: dict[int, list[str]] = {writer.id: [] for writer in writers}
        for _ in range(len(writers) * len(texts)):
            message = await listener.receive()
            heard_of[message["sender_id"]].append(message["message"])
    assert all(heard == texts for heard in heard_of.values())


@pytest.mark.parametrize("kind", ["websocket", "socketio"])
def test_who_reads_slowly_is_not_given_up(start: Start, kind: str) -> None:
    """What is asked of a client whether it lives comes behind all that it has yet to read."""
    server = start(
        "--ping-interval", "1s", "--ping-timeout", "2s", "--send-queue", 16 << 20, "--max-text", 1 << 20, "--loops", 1)
    reader, writer = server.person(), server.person()
    path = f"{erp.CHAT}?" if kind == "websocket" else "/socket.io/?EIO=4&transport=websocket&"
    with RawWebSocket(server, f"{path}token={reader.token}", receive_buffer=65536, segment=1000) as slow:
        if kind == "socketio":
            slow.receive()
            slow.send(frame(TEXT, b"40"))
            slow.receive()
        for _ in range(10):
            write(server, writer, reader, "x" * 600_000)
        received, began = 0, time.monotonic()
        while received < 6_000_000:
            time.sleep(max(0.0, began + received / 1e6 - time.monotonic()))
            message = slow.receive()
            if message.opcode == PING:
                slow.send(frame(PONG, message.payload))
            elif message.payload == b"2":
                slow.send(frame(TEXT, b"3"))
            else:
                received += len(message.payload)
        assert time.monotonic() - began > 4
        slow.send(frame(PING, b"alive"))
        while (message := slow.receive()).opcode != PONG:
            assert message.opcode in (PING, TEXT)


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
