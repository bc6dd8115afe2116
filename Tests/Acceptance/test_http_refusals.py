"""HTTP/1.1 that is refused: ambiguous framing, limits, and clients that take too long."""

import time
from collections.abc import Iterator

import pytest
from conftest import Start
from raw import RawConnection
from switchboard import Server

GET = b"GET /healthz HTTP/1.1\r\n"
POST = b"POST /api/notifications/send/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = b'{"title":"T","message":"M"}'
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
MEBIBYTE = 1024 * 1024

BAD_REQUESTS = {
    "both lengths": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "both lengths, the other way": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two different lengths": POST + b"Content-Length: 27\r\nContent-Length: 5\r\n\r\n" + BODY,
    "two equal lengths": POST + b"Content-Length: 27\r\nContent-Length: 27\r\n\r\n" + BODY,
    "two lengths in one": POST + b"Content-Length: 27, 27\r\n\r\n" + BODY,
    "a signed length": POST + b"Content-Length: +27\r\n\r\n" + BODY,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": POST + b"Content-Length: 0x1b\r\n\r\n" + BODY,
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "a length with a space": POST + b"Content-Length: 2 7\r\n\r\n" + BODY,
    "bare LF everywhere": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "bare LF in the request line": b"GET /healthz HTTP/1.1\nHost: x\r\n\r\n",
    "bare LF after a header": GET + b"Host: x\nX: y\r\n\r\n",
    "bare LF at the end": GET + b"Host: x\r\n\n",
    "bare CR in a value": GET + b"Host: x\r\nX: a\rb\r\n\r\n",
    "NUL in a value": GET + b"Host: x\r\nX: a\0b\r\n\r\n",
    "a space before the colon": GET + b"Host: x\r\nX : y\r\n\r\n",
    "a tab before the colon": POST + b"Content-Length\t: 27\r\n\r\n" + BODY,
    "a space before the first header": GET + b" Host: x\r\n\r\n",
    "obs-fold": GET + b"Host: x\r\nX: a\r\n b\r\n\r\n",
    "obs-fold with a tab": GET + b"Host: x\r\nX: a\r\n\tb\r\n\r\n",
    "no colon": GET + b"Host: x\r\nnonsense\r\n\r\n",
    "an empty header name": GET + b"Host: x\r\n: y\r\n\r\n",
    "a bad header name": GET + b"Host: x\r\nX(): y\r\n\r\n",
    "no Host": GET + b"\r\n",
    "two Hosts": GET + b"Host: x\r\nHost: x\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": b"GET /healthz\r\nHost: x\r\n\r\n",
    "two spaces": b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the target": b"GET /health z HTTP/1.1\r\nHost: x\r\n\r\n",
    "a control character in the target": b"GET /healthz\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target without a slash": b"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a bad method": b"G(T /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a chunk size that is none": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "a signed chunk size": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a prefix": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "an empty chunk size": CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
    "a bare LF after a chunk size": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "a chunk longer than it says": CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("data", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_a_bad_request_is_refused_and_the_connection_ended(server: Server, data: bytes) -> None:
    with RawConnection(server) as connection:
        connection.send(data)
        connection.response().expect_refusal(400)
        connection.expect_end()


@pytest.mark.parametrize("data, statuses", [
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", (501, 400)),
    (POST + b"Transfer-Encoding: gzip\r\n\r\n", (501, 400)),
    (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", (501, 400)),
    (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", (501, 400)),
    (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (501, 400)),
    (POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (501, 400)),
    (SMUGGLED.replace(b"GET", b"BREW"), (501, 405)),
    (SMUGGLED.replace(b"1.1", b"2.0"), (505, 501, 400)),
    (SMUGGLED.replace(b"1.1", b"1.10"), (505, 501, 400)),
    (SMUGGLED.replace(b"HTTP", b"http"), (505, 501, 400)),
    (CHUNKED + b"FFFFFFFFFFFFFFFFF\r\n", (400, 413)),
    (CHUNKED + b"7FFFFFFFFFFFFFFF\r\n", (400, 413)),
    (CHUNKED + b"5;" + b"x" * 20_000, (400, 413, 431)),
])
def test_what_is_not_supported(server: Server, data: bytes, statuses: tuple[int, ...]) -> None:
    with RawConnection(server) as connection:
        connection.send(data)
        connection.response().expect_refusal(*statuses)


def test_a_target_too_long(server: Server) -> None:
    with RawConnection(server) as connection:
        connection.send(b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.response().expect_refusal(414)


@pytest.mark.parametrize("headers", [
    b"X: " + b"y" * 17_000 + b"\r\n", b"X: y\r\n" * 3_000, b"y" * 17_000,
], ids=["one long value", "many headers", "one long name"])
def test_headers_too_large(server: Server, headers: bytes) -> None:
    with RawConnection(server) as connection:
        connection.send(GET + b"Host: x\r\n" + headers + b"\r\n")
        connection.response().expect_refusal(431)


def test_headers_just_small_enough(server: Server) -> None:
    with RawConnection(server) as connection:
        connection.send(GET + b"Host: x\r\nX: " + b"y" * 15_000 + b"\r\n\r\n")
        assert connection.response().status == 200


def test_a_body_that_announces_too_much(server: Server) -> None:
    with RawConnection(server) as connection:
        connection.send(POST + b"Content-Length: %d\r\n\r\n" % (MEBIBYTE + 1))
        connection.response().expect_refusal(413)


def test_a_body_just_small_enough(server: Server) -> None:
    body = BODY.ljust(MEBIBYTE)
    with RawConnection(server) as connection:
        connection.send(POST + b"Content-Length: %d\r\n\r\n" % MEBIBYTE + body)
        assert connection.response().status == 200


def test_chunks_that_become_too_much(server: Server) -> None:
    piece = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    with RawConnection(server) as connection:
        connection.send(CHUNKED)
        for _ in range(MEBIBYTE // 0x8000):
            connection.send(piece)
        assert not connection.has_answer(0)
        connection.send(b"1\r\nx")
        connection.response().expect_refusal(413)


def test_the_largest_body_can_be_set(start: Start) -> None:
    with RawConnection(start("--max-body", 100)) as connection:
        connection.send(POST + b"Content-Length: 100\r\n\r\n" + BODY.ljust(100))
        assert connection.response().status == 200
        connection.send(POST + b"Content-Length: 101\r\n\r\n")
        connection.response().expect_refusal(413)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits for nobody."""
    flags = ["--head-timeout", "1s", "--body-timeout", "1s", "--keepalive-timeout", "2s"]
    server = Server(tmp_path_factory.mktemp("hasty"), *flags).start()
    yield server
    server.close()


@pytest.mark.parametrize("data", [
    GET, GET + b"Host: x\r\n", b"G", POST + b"Content-Length: 27\r\n\r\n", POST + b"Content-Length: 27\r\n\r\n{",
    CHUNKED, CHUNKED + b"5\r\nhel",
])
def test_a_request_that_stops_halfway(hasty: Server, data: bytes) -> None:
    began = time.monotonic()
    with RawConnection(hasty) as connection:
        connection.send(data)
        connection.response().expect_refusal(408)
        connection.expect_end()
        assert 0.7 < time.monotonic() - began < 7


@pytest.mark.parametrize("beginning", [GET + b"X: ", POST + b"Content-Length: 1000\r\n\r\n"], ids=["head", "body"])
def test_a_trickle_gains_no_time(hasty: Server, beginning: bytes) -> None:
    with RawConnection(hasty) as connection:
        began = time.monotonic()
        connection.send(beginning)
        while not connection.has_answer(within=0.2):
            connection.send(b"y")
            assert time.monotonic() - began < 7
        connection.response().expect_refusal(408)


def test_an_idle_connection_is_ended_without_a_word(hasty: Server) -> None:
    with RawConnection(hasty) as connection:
        began = time.monotonic()
        connection.send(SMUGGLED)
        assert connection.response().status == 200
        connection.expect_end()
        assert 1.5 < time.monotonic() - began < 6


def test_a_slow_client_holds_up_nobody(start: Start) -> None:
    server = start("--head-timeout", "60s")
    with RawConnection(server) as slow, RawConnection(server) as quick:
        slow.send(GET)
        quick.send(SMUGGLED)
        assert quick.response().status == 200
        assert not slow.has_answer(within=0)
