"""RFC 6455 frame by frame, on a room that sends every message back."""

import json
from collections.abc import Iterator

import pytest
from conftest import Start
from raw import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawWebSocket, close_payload, frame, frame_head, masked_part,
)
from switchboard import Server

MEBIBYTE = 1024 * 1024


@pytest.fixture
def socket(server: Server, room: str) -> Iterator[RawWebSocket]:
    with RawWebSocket(server, room) as socket:
        yield socket


def message(text: str) -> bytes:
    return json.dumps({"type": "chat_message", "message": text}, ensure_ascii=False).encode()


def expect_echo(socket: RawWebSocket, text: str) -> None:
    assert socket.expect_json()["message"] == text


def thirds(payload: bytes) -> tuple[bytes, bytes, bytes]:
    cut = len(payload) // 3
    return payload[:cut], payload[cut:2 * cut], payload[2 * cut:]


def test_a_whole_message(socket: RawWebSocket) -> None:
    socket.send(frame(TEXT, message("hello")))
    expect_echo(socket, "hello")


@pytest.mark.parametrize("length", [1, 60, 125, 126, 127, 800])
def test_every_length_form(socket: RawWebSocket, length: int) -> None:
    text = "x" * length
    socket.send(frame(TEXT, message(text)))
    expect_echo(socket, text)


def test_a_frame_may_arrive_byte_by_byte(socket: RawWebSocket) -> None:
    text = "byte by byte: é 漢 👋 " + "x" * 100
    socket.send_bytewise(frame(TEXT, message(text)))
    expect_echo(socket, text)


def test_many_frames_may_arrive_at_once(socket: RawWebSocket) -> None:
    socket.send(b"".join(frame(TEXT, message(str(number))) for number in range(50)))
    for number in range(50):
        expect_echo(socket, str(number))


def test_fragments_with_pings_between(socket: RawWebSocket) -> None:
    first, second, third = thirds(message("in three parts"))
    socket.send(frame(TEXT, first, fin=False))
    socket.send(frame(PING, b"one"))
    socket.expect(PONG, b"one")
    socket.send(frame(CONTINUATION, second, fin=False) + frame(PING, b"two"))
    socket.expect(PONG, b"two")
    socket.send(frame(PONG, b"unasked") + frame(CONTINUATION, third))
    expect_echo(socket, "in three parts")


def test_fragments_may_be_empty_and_cut_characters(socket: RawWebSocket) -> None:
    parts = [message("é漢👋")[index:index + 1] for index in range(len(message("é漢👋")))]
    socket.send(frame(TEXT, b"", fin=False))
    for part in parts:
        socket.send(frame(CONTINUATION, part, fin=False) + frame(CONTINUATION, b"", fin=False))
    socket.send(frame(CONTINUATION, b""))
    expect_echo(socket, "é漢👋")


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125)), b"\xff" * 125])
def test_a_ping_is_answered_with_its_payload(socket: RawWebSocket, payload: bytes) -> None:
    socket.send(frame(PING, payload))
    socket.expect(PONG, payload)


def test_pongs_come_in_order(socket: RawWebSocket) -> None:
    socket.send(b"".join(frame(PING, bytes([number])) for number in range(20)))
    for number in range(20):
        socket.expect(PONG, bytes([number]))


def test_binary_is_no_json_but_no_reason_to_close(socket: RawWebSocket) -> None:
    socket.send(frame(BINARY, b"\x00\xff\xfe"))
    assert socket.expect_json() == {"type": "error", "message": "Invalid JSON format"}
    socket.send(frame(TEXT, message("hello")))
    expect_echo(socket, "hello")


PROTOCOL_ERRORS = {
    "unmasked text": frame(TEXT, message("x"), masked=False),
    "unmasked ping": frame(PING, b"x", masked=False),
    "unmasked close": frame(CLOSE, b"\x03\xe8", masked=False),
    **{f"reserved bits {bits:03b}": frame(TEXT, message("x"), reserved=bits) for bits in range(1, 8)},
    "reserved bit on a ping": frame(PING, b"x", reserved=4),
    **{f"opcode {opcode:#x}": frame(opcode, b"x") for opcode in (0x3, 0x4, 0x5, 0x6, 0x7)},
    **{f"opcode {opcode:#x}": frame(opcode) for opcode in (0xB, 0xC, 0xD, 0xE, 0xF)},
    "a fragmented ping": frame(PING, b"x", fin=False),
    "a fragmented close": frame(CLOSE, b"\x03\xe8", fin=False),
    "a long ping": frame(PING, b"x" * 126),
    "a long close": frame(CLOSE, b"\x03\xe8" + b"x" * 124),
    "a continuation of nothing": frame(CONTINUATION, b"x"),
    "an unfinished continuation of nothing": frame(CONTINUATION, b"x", fin=False),
    "text inside a message": frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"),
    "binary inside a message": frame(TEXT, b"x", fin=False) + frame(BINARY, b"y", fin=False),
    "a close of one byte": frame(CLOSE, b"\x03"),
    **{
        f"close code {code}": frame(CLOSE, close_payload(code))
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("data", PROTOCOL_ERRORS.values(), ids=PROTOCOL_ERRORS.keys())
def test_a_protocol_error_closes_with_1002(socket: RawWebSocket, data: bytes) -> None:
    socket.send(data)
    socket.expect_close(1002)


def test_a_long_control_frame_is_refused_by_its_head(socket: RawWebSocket) -> None:
    socket.send(frame_head(PING, 126))
    socket.expect_close(1002)


def test_a_length_with_its_top_bit_set(socket: RawWebSocket) -> None:
    socket.send(b"\x81\xff\x80" + b"\0" * 7 + b"mask")
    socket.expect_close(1002, 1009)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
@pytest.mark.parametrize("reason", [b"", "bye – 👋".encode(), b"x" * 123], ids=["bare", "reason", "longest reason"])
def test_a_close_is_echoed(socket: RawWebSocket, code: int, reason: bytes) -> None:
    socket.send(frame(CLOSE, close_payload(code, reason)))
    received = socket.receive()
    assert (received.opcode, received.payload[:2]) == (CLOSE, close_payload(code))
    socket.expect_end()


def test_a_close_without_a_code_is_answered(socket: RawWebSocket) -> None:
    socket.send(frame(CLOSE))
    received = socket.receive()
    assert received.opcode == CLOSE
    assert received.payload in (b"", close_payload(1000))
    socket.expect_end()


def test_nothing_is_read_after_a_close(socket: RawWebSocket) -> None:
    socket.send(frame(CLOSE, close_payload(1000)) + frame(TEXT, message("too late")) + frame(PING, b"x"))
    assert socket.receive().opcode == CLOSE
    socket.expect_end()


def test_a_close_may_come_inside_a_message(socket: RawWebSocket) -> None:
    socket.send(frame(TEXT, b"{", fin=False) + frame(CLOSE, close_payload(1000)))
    received = socket.receive()
    assert (received.opcode, received.payload[:2]) == (CLOSE, close_payload(1000))


def test_a_close_reason_must_be_utf_8(socket: RawWebSocket) -> None:
    socket.send(frame(CLOSE, close_payload(1000, b"\xff")))
    socket.expect_close(1007)


NOT_UTF_8 = {
    "a lone continuation": b"\x80", "an overlong slash": b"\xc0\xaf", "an overlong NUL": b"\xc1\x80",
    "overlong in three": b"\xe0\x80", "a high surrogate": b"\xed\xa0", "a low surrogate": b"\xed\xb0",
    "overlong in four": b"\xf0\x80", "beyond the last": b"\xf4\x90", "five bytes": b"\xf8",
    "FE": b"\xfe", "FF": b"\xff",
    "a character cut off": b"\xc3x", "a longer one cut off": b"\xf0\x9f\x91x",
}


@pytest.mark.parametrize("bad", NOT_UTF_8.values(), ids=NOT_UTF_8.keys())
class TestBadText:
    """Text that is not UTF-8 fails at the first byte that shows it."""

    def test_in_a_whole_frame(self, socket: RawWebSocket, bad: bytes) -> None:
        socket.send(frame(TEXT, message("é") + bad + b"x"))
        socket.expect_close(1007)

    def test_in_the_middle_of_a_frame_that_never_ends(self, socket: RawWebSocket, bad: bytes) -> None:
        socket.send(frame_head(TEXT, 1000) + masked_part(message("é") + bad))
        socket.expect_close(1007)

    def test_across_fragments(self, socket: RawWebSocket, bad: bytes) -> None:
        socket.send(frame(TEXT, message("é") + bad[:-1], fin=False))
        socket.send(frame(CONTINUATION, bad[-1:], fin=False))
        socket.expect_close(1007)


@pytest.mark.parametrize("cut", ["é".encode()[:1], "漢".encode()[:2], "👋".encode()[:3]])
def test_a_message_that_ends_inside_a_character(socket: RawWebSocket, cut: bytes) -> None:
    socket.send(frame(TEXT, b"x" + cut, fin=False) + frame(CONTINUATION))
    socket.expect_close(1007)


def test_the_largest_message(socket: RawWebSocket) -> None:
    socket.send(frame(TEXT, message("padded").ljust(MEBIBYTE)))
    expect_echo(socket, "padded")
    first, second, third = thirds(message("padded too").ljust(MEBIBYTE))
    socket.send(frame(TEXT, first, fin=False) + frame(CONTINUATION, second, fin=False) + frame(CONTINUATION, third))
    expect_echo(socket, "padded too")


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("length", [MEBIBYTE + 1, 2**32, 2**62])
def test_a_frame_too_large_is_refused_by_its_head(socket: RawWebSocket, opcode: int, length: int) -> None:
    socket.send(frame_head(opcode, length))
    socket.expect_close(1009)


def test_fragments_that_become_too_much(socket: RawWebSocket) -> None:
    socket.send(frame(TEXT, b" " * (MEBIBYTE - 10), fin=False))
    socket.send(frame(CONTINUATION, b" " * 10, fin=False) + frame(PING, b"still fine"))
    socket.expect(PONG, b"still fine")
    socket.send(frame_head(CONTINUATION, 1))
    socket.expect_close(1009)


def test_the_largest_message_can_be_set(start: Start, room: str) -> None:
    server = start("--max-message", 100)
    with RawWebSocket(server, room) as socket:
        socket.send(frame(TEXT, message("hi").ljust(100)))
        expect_echo(socket, "hi")
        socket.send(frame_head(TEXT, 101))
        socket.expect_close(1009)
