"""Floods and bombs: each costs the server little, and nobody else anything."""

import gzip
import json
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import Start
from raw import (
    CLOSE, CONTINUATION, PING, PONG, TEXT, RawWebSocket, bearer, close_payload, frame, masked_part, request,
)
from switchboard import PATIENCE, Server, eventually, memory

MEBIBYTE = 1 << 20

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def client(server: Server, room: str) -> Iterator[RawWebSocket]:
    with RawWebSocket(server, room) as client:
        yield client


def said(**members: object) -> bytes:
    return json.dumps({"type": "chat_message", "message": "hello"} | members).encode()


def descriptors(server: Server) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def serves(server: Server) -> None:
    began = time.monotonic()
    assert request(server, "GET", "/healthz").status == 200
    assert time.monotonic() - began < 6


# Connections

# What is there of a request when nothing more comes.
BEGINNINGS = [
    b"", b"G", b"GET /healthz HTTP/1.1\r\nX: ", b"POST /api/auth/login/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{",
]


@needs_proc
def test_connections_that_stay_half_open_end_and_leave_nothing(start: Start) -> None:
    server = start("--head-timeout", "1s", "--body-timeout", "1s", "--keepalive-timeout", "1s")
    serves(server)
    memory_before, before = memory(server), descriptors(server)
    with ExitStack() as clients:
        for beginning in BEGINNINGS * 150:
            client = clients.enter_context(socket.create_connection(server.address))
            client.sendall(beginning)
        serves(server)
        eventually(lambda: descriptors(server) < before + 10, "all of them are given up")
        serves(server)
    assert memory(server) - memory_before < 20 * MEBIBYTE


@needs_proc
def test_ten_thousand_rooms_of_one_client(start: Start) -> None:
    server = start()
    with RawWebSocket(server, "/ws/chat/home/") as other:
        def visit(count: int, kind: str) -> None:
            for number in range(count):
                client = RawWebSocket(server, f"/ws/chat/{kind}-{number}-{'x' * 70}/")
                # Without a farewell, so that no port waits for its turn.
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.socket.close()

        visit(1000, "warm")
        before = memory(server)
        visit(10_000, "cold")
        eventually(lambda: memory(server) - before < 4 * MEBIBYTE, "nothing is left of them")
        other.send(frame(TEXT, said()))
        assert other.expect_json()["message"] == "hello"


# Control frames

@needs_proc
def test_pongs_that_nobody_reads_are_bounded(start: Start, room: str) -> None:
    server = start()
    with RawWebSocket(server, room, receive_buffer=65536) as client:
        before = memory(server)
        flood, end = frame(PING, b"x" * 125) * 500, time.monotonic() + PATIENCE
        with pytest.raises(OSError):
            while time.monotonic() < end:
                client.send(flood)
                assert memory(server) - before < 16 * MEBIBYTE
        eventually(lambda: any("too slow" in line for line in server.log), "it is closed")
    serves(server)


def test_a_flood_of_pongs_is_not_answered(client: RawWebSocket) -> None:
    client.send(frame(PONG, b"x" * 125) * 20_000 + frame(PING, b"last"))
    client.expect(PONG, b"last")


def test_only_the_first_of_many_closes_is_answered(client: RawWebSocket) -> None:
    client.send(frame(CLOSE, close_payload(1000)) * 5000 + frame(PING, b"x") * 5000)
    client.expect(CLOSE, close_payload(1000))
    client.expect_end()


def test_a_flood_of_other_opcodes_ends_with_the_first(client: RawWebSocket) -> None:
    client.send(frame(0xB) * 5000)
    client.expect_close(1002)


# Frames

def test_lengths_that_could_be_shorter_are_refused(server: Server, room: str) -> None:
    payload = said()
    for head in (bytes([0x81, 0xFE]) + struct.pack("!H", len(payload)),
                 bytes([0x81, 0xFF]) + struct.pack("!Q", len(payload)), bytes([0x89, 0xFE]) + struct.pack("!H", 5)):
        with RawWebSocket(server, room) as client:
            client.send(head + b"\x37\xfa\x21\x3d" + masked_part(payload))
            client.expect_close(1002)


def test_a_mask_of_zeros_is_a_mask(client: RawWebSocket) -> None:
    payload = said()
    client.send(bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload)
    assert client.expect_json()["message"] == "hello"


@needs_proc
def test_a_message_in_very_many_pieces(server: Server, client: RawWebSocket) -> None:
    before = memory(server)
    payload = said() + b" " * 200_000
    pieces = b"".join(frame(CONTINUATION, payload[index:index + 1], fin=False) for index in range(1, len(payload)))
    client.send(frame(TEXT, payload[:1], fin=False) + pieces + frame(CONTINUATION))
    assert client.expect_json()["message"] == "hello"
    assert memory(server) - before < 16 * MEBIBYTE


@needs_proc
def test_pieces_of_nothing_without_an_end(server: Server, client: RawWebSocket) -> None:
    before = memory(server)
    client.send(frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 500_000 + frame(PING, b"x"))
    client.expect(PONG, b"x")
    assert memory(server) - before < 8 * MEBIBYTE
    serves(server)


# JSON

BOMBS = {
    "arrays": b"[" * 500_000, "closed arrays": b"[" * 250_000 + b"]" * 250_000, "objects": b'{"a":' * 150_000,
    "deep in a member": b'{"type":"chat_message","message":' + b"[" * 2000 + b"]" * 2000 + b"}",
    "a number without an end": b'{"type":"chat_message","message":"m","x":' + b"9" * 500_000 + b"}",
    "an exponent": b'{"type":"chat_message","message":1e99999999}', "a string without an end": b'"' + b"a" * 900_000,
    "escapes without an end": b'"' + b"\\u" * 400_000,
    "half a surrogate": b'{"type":"chat_message","message":"\\ud800"}',
    "a NUL": b'{"type":"chat_message","message":"a\0b"}', "a lone minus": b"-", "NaN": b'{"type":NaN}',
    "a byte order mark": b"\xef\xbb\xbf" + said(),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_of_json_is_no_json(server: Server, client: RawWebSocket, text: bytes) -> None:
    began = time.monotonic()
    client.send(frame(TEXT, text))
    answer = client.expect_json()
    assert answer["type"] == "error" and time.monotonic() - began < 6
    client.send(frame(TEXT, said()))
    assert client.expect_json()["message"] == "hello"


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_the_api_refuses_it_too(server: Server, text: bytes) -> None:
    request(server, "POST", "/api/notifications/send/", text).expect_refusal(400)
    request(server, "POST", "/api/auth/login/", text).expect_refusal(400)


def test_very_many_members_are_passed_over(client: RawWebSocket) -> None:
    began = time.monotonic()
    client.send(frame(TEXT, said(**{f"k{number}": number for number in range(60_000)})))
    assert client.expect_json()["message"] == "hello"
    client.send(frame(TEXT, b'{"message":"a",' + b",".join([b'"message":"b"'] * 50_000) + b',"type":"chat_message"}'))
    assert client.expect_json()["type"] in ("chat_message", "error")
    assert time.monotonic() - began < 6


def bomb() -> bytes:
    """A megabyte out of one kilobyte."""
    compressor = zlib.compressobj(9, wbits=-15)
    return compressor.compress(b'{"type":"nothing"' + b" " * 1_000_000 + b"}") + compressor.flush(zlib.Z_SYNC_FLUSH)


# Blocks without anything in them, each marked as the last one: as much work as those that have something.
DUD = b"\x03\x00" * 250_000 + b"\x00" + b"\x00\x00\xff\xff"


@pytest.mark.parametrize(("payload", "count"), [(bomb(), 40), (DUD, 12)], ids=["bombs", "duds"])
def test_a_stream_of_bombs_holds_up_nobody(start: Start, payload: bytes, count: int) -> None:
    """Each is within the limit, and costs who sends it little: they wait for each other, and nobody else for them."""
    server = start("--loops", 1)
    person = server.person()
    path, fields = f"/ws/v1/chat/?token={person.token}", {"Sec-WebSocket-Extensions": "permessage-deflate"}
    with RawWebSocket(server, path, changes=fields) as client:
        one = frame(TEXT, payload[:-4], reserved=4)
        # They are all looked at in the end, and in order with what follows.
        began = time.monotonic()
        client.send(one * count + frame(PING, b"x"))
        for _ in range(count):
            assert client.expect_json()["type"] == "error"
        client.expect(PONG, b"x")
        assert time.monotonic() - began > 1
        flood = threading.Thread(target=send_on, args=(client.socket, one * (20_000_000 // len(one))))
        flood.start()
        for _ in range(100):
            serves(server)
        client.socket.shutdown(socket.SHUT_RDWR)
        flood.join()


def send_on(client: socket.socket, data: bytes) -> None:
    """As much as is taken until the connection ends."""
    try:
        client.sendall(data)
    except OSError:
        pass


def test_a_body_is_not_inflated(server: Server) -> None:
    """A bomb that is not opened does not go off: codings of requests are not known, and what is sent is no JSON."""
    bombs = [("gzip", gzip.compress(bytes(100 * MEBIBYTE))), ("deflate", zlib.compress(bytes(MEBIBYTE)))]
    began, before = time.monotonic(), memory(server)
    for coding, body in bombs:
        fields = {"Content-Encoding": coding}
        request(server, "POST", "/api/notifications/send/", body, fields).expect_refusal(400)
    assert memory(server) - before < 8 * MEBIBYTE and time.monotonic() - began < 4


@pytest.mark.parametrize("number", ["1e3", "1.0", "-1", "9223372036854775808", "1" * 400, "true", "[1]", "\"1e3\""])
def test_a_number_that_is_no_id_finds_nobody(server: Server, number: str) -> None:
    person = server.person()
    body = b'{"receiver_id":' + number.encode() + b',"text":"x"}'
    answer = request(server, "POST", "/api/messages/", body, bearer(person.token))
    assert answer.status in (400, 404)
