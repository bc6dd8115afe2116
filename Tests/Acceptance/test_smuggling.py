"""Requests that two servers could read differently: each is refused, or read in the one way that leaves no rest.

The plain forms are in test_http_refusals.py; here is what hides in chunks, trailers, targets and handshakes."""

import base64
import os

import pytest
from conftest import Start
from raw import PING, Ended, RawConnection, bearer, frame, handshake, request
from switchboard import Server

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /api/notifications/send/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = b'{"title":"T","message":"M"}'
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
KEY = base64.b64encode(os.urandom(16)).decode()

REFUSED = {
    # TE.CL and CL.TE with a Transfer-Encoding that only one side takes for one.
    "space before the colon": POST + b"Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n1b\r\n",
    "vertical tab in the coding": POST + b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 4\r\n\r\n1b\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a quoted coding": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a coding with a parameter": POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "an empty coding": POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "chunked with NUL": POST + b"Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n",
    "a prefix of another name": POST + b"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length with a comma": POST + b"Content-Length: 27,\r\n\r\n" + BODY,
    "a length with a line end": POST + b"Content-Length: 27\n\r\n\r\n" + BODY,
    "a length in other digits": POST + "Content-Length: ２７\r\n\r\n".encode() + BODY,
    "a length beyond 64 bits": POST + b"Content-Length: 18446744073709551643\r\n\r\n" + BODY,
    "a length and chunks in HTTP/1.0":
        POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\nContent-Length: 27\r\n\r\n",
    # Chunks.
    "a space behind the size": CHUNKED + b"1b \r\n" + BODY + b"\r\n0\r\n\r\n",
    "a tab in an extension": CHUNKED + b"1b;\tx\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a bare LF in an extension": CHUNKED + b"1b;x\n" + BODY + b"\r\n0\r\n\r\n",
    "a bare CR in an extension": CHUNKED + b"1b;x\ry\r\n" + BODY + b"\r\n0\r\n\r\n",
    "LF behind the data": CHUNKED + b"1b\r\n" + BODY + b"\n0\r\n\r\n",
    "other bytes behind the data": CHUNKED + b"1b\r\n" + BODY + b"xx0\r\n\r\n",
    "LF at the end": CHUNKED + b"1b\r\n" + BODY + b"\r\n0\n\n",
    "an underscore in the size": CHUNKED + b"1_b\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a size in other digits": CHUNKED + "１b\r\n".encode() + BODY + b"\r\n0\r\n\r\n",
    "a size of 17 digits": CHUNKED + b"0000000000000001b\r\n" + BODY + b"\r\n0\r\n\r\n",
    # Trailers.
    "a trailer that is none": CHUNKED + b"1b\r\n" + BODY + b"\r\n0\r\nGET /healthz HTTP/1.1\r\n\r\n",
    "a folded trailer": CHUNKED + b"1b\r\n" + BODY + b"\r\n0\r\nX: y\r\n z\r\n\r\n",
    "a bare LF in a trailer": CHUNKED + b"1b\r\n" + BODY + b"\r\n0\r\nX: y\n\r\n",
    # Targets and versions.
    "an authority as a target": b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "another scheme": b"GET file:///etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a user in the authority": b"GET http://localhost@evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a fragment": b"GET /healthz#/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n",
    "a host with a path": b"GET /healthz HTTP/1.1\r\nHost: localhost/x\r\n\r\n",
    "two hosts in one": b"GET /healthz HTTP/1.1\r\nHost: localhost, evil.example\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\n\r\n",
    "a host that is folded": b"GET /healthz HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_could_be_read_in_two_ways_is_refused_and_nothing_after_it_is_read(server: Server, data: bytes) -> None:
    with RawConnection(server) as connection:
        connection.send(data + HEALTH)
        connection.response().expect_refusal(400, 413, 501, 505)
        connection.expect_end()


@pytest.mark.parametrize("trailer", [
    b"Content-Length: 400", b"Transfer-Encoding: chunked", b"Host: evil.example", b"Connection: close",
    b"Origin: https://evil.example", b"Content-Type: text/plain",
])
def test_a_trailer_counts_for_nothing(server: Server, trailer: bytes) -> None:
    with RawConnection(server) as connection:
        connection.send(CHUNKED + b"1b;a=b\r\n" + BODY + b"\r\n0;c\r\n" + trailer + b"\r\n\r\n" + HEALTH)
        assert connection.response().status == 200
        assert connection.response().json == {"status": "ok"}


def test_a_trailer_signs_nobody_in(start: Start) -> None:
    server = start()
    person = server.person()
    head = b"POST /api/auth/logout/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with RawConnection(server) as connection:
        connection.send(head + b"0\r\nAuthorization: Bearer " + person.token.encode() + b"\r\n\r\n")
        connection.response().expect_refusal(401)
    assert request(server, "GET", "/api/auth/me/", headers=bearer(person.token)).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_the_body_of_a_request_that_wants_none_is_no_request(server: Server, method: str) -> None:
    inner = b"POST /api/counter/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with RawConnection(server) as connection:
        head = f"{method} /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inner)}\r\n\r\n".encode()
        connection.send(head + inner + HEALTH)
        assert connection.response(to_head=method == "HEAD").status in (204, 404)
        assert connection.response().json == {"status": "ok"}


@pytest.mark.parametrize("path", ["/ws/chat/room/", "/socket.io/?EIO=4&transport=websocket"])
@pytest.mark.parametrize(("fields", "body"), [
    ({"Content-Length": "6"}, frame(PING)), ({"Transfer-Encoding": "chunked"}, b"0\r\n\r\n"),
], ids=["length", "chunks"])
def test_a_handshake_with_a_body_opens_nothing(server: Server, path: str, fields: dict, body: bytes) -> None:
    """Where the frames begin, a proxy in front may see otherwise."""
    with RawConnection(server) as connection:
        connection.send(handshake(server, path, KEY, fields) + body + HEALTH)
        assert connection.response().status == 400
        assert connection.response().json == {"status": "ok"}


@pytest.mark.parametrize("changes", [
    {"Sec-WebSocket-Version": "777"}, {"Upgrade": "h2c"}, {"Sec-WebSocket-Key": "x"},
    {"Origin": "https://evil.example"},
])
def test_a_handshake_that_is_refused_leaves_no_tunnel(server: Server, changes: dict) -> None:
    """A proxy that believes in the upgrade would pass on unseen what follows: here it is HTTP, and looked at."""
    with RawConnection(server) as connection:
        connection.send(handshake(server, "/ws/chat/room/", KEY, changes) + frame(PING, b"x") + b"\r\n")
        assert connection.response().status in (400, 403, 426)
        connection.response().expect_refusal(400)
        connection.expect_end()


def test_an_upgrade_beside_others_is_read_as_the_rfc_says(server: Server) -> None:
    for value, status in [("h2c, websocket", 101), ("websocket/13", 400), ("web socket", 400)]:
        with RawConnection(server) as connection:
            connection.send(handshake(server, "/ws/chat/room/", KEY, {"Upgrade": value}))
            assert connection.response().status == status


def test_what_follows_a_refusal_is_never_answered(server: Server) -> None:
    with RawConnection(server) as connection:
        connection.send(POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + HEALTH * 20)
        assert connection.response().status == 400
        with pytest.raises((Ended, ConnectionError)):
            connection.response()
