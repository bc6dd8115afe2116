"""HTTP/1.1 as a good client speaks it: connections, bodies, methods, status codes."""

import json

import pytest
from raw import RawConnection, request
from switchboard import Server

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
SEND = "/api/notifications/send/"
BODY = b'{"title":"T","message":"M"}'
POST = f"POST {SEND} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("path, body", [("/healthz", {"status": "ok"}), ("/readyz", {"status": "ready"})])
def test_health(server: Server, path: str, body: dict) -> None:
    response = request(server, "GET", path)
    assert (response.status, response.json) == (200, body)
    assert response.headers["content-type"].startswith("application/json")
    assert response.headers["connection"].lower() == "close"


def test_a_connection_serves_many_requests(server: Server) -> None:
    with RawConnection(server) as connection:
        for _ in range(10):
            connection.send(HEALTH)
            assert connection.response().status == 200
        connection.send(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.response().expect_refusal(404)
        connection.send(HEALTH)
        assert connection.response().status == 200


@pytest.mark.parametrize("request_bytes", [
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nconnection: foo, CLOSE\r\n\r\n",
    b"GET /healthz HTTP/1.0\r\n\r\n",
])
def test_a_connection_ends_when_the_client_wants_it(server: Server, request_bytes: bytes) -> None:
    with RawConnection(server) as connection:
        connection.send(request_bytes)
        assert connection.response().status == 200
        connection.expect_end()


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    missing = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with_length = POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with_chunks = CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    with RawConnection(server) as connection:
        connection.send((HEALTH + missing + with_length + with_chunks + with_length) * 20)
        statuses = [connection.response().status for _ in range(100)]
        assert statuses == [200, 404, 200, 200, 200] * 20


@pytest.mark.parametrize("data", [HEALTH, POST + b"Content-Length: 27\r\n\r\n" + BODY,
                                  CHUNKED + b"1b\r\n" + BODY + b"\r\n0\r\n\r\n"], ids=["get", "length", "chunks"])
def test_a_request_may_arrive_byte_by_byte(server: Server, data: bytes) -> None:
    with RawConnection(server) as connection:
        connection.send_bytewise(data)
        assert connection.response().status == 200


@pytest.mark.parametrize("chunks", [
    b"1b\r\n%s\r\n0\r\n\r\n", b"1B;name=value;other=\"quoted\"\r\n%s\r\n0\r\n\r\n",
    b"001b\r\n%s\r\n000\r\n\r\n", b"1b\r\n%s\r\n0\r\nX-Trailer: yes\r\n\r\n",
], ids=["plain", "extension", "leading zeros", "trailer"])
def test_chunked_bodies(server: Server, chunks: bytes) -> None:
    with RawConnection(server) as connection:
        connection.send(CHUNKED + chunks % BODY + HEALTH)
        assert connection.response().json["data"]["title"] == "T"
        assert connection.response().json == {"status": "ok"}


def test_a_body_of_many_small_chunks(server: Server) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY)
    with RawConnection(server) as connection:
        connection.send(CHUNKED + chunks + b"0\r\n\r\n")
        assert connection.response().status == 200


def test_expect_100_continue(server: Server) -> None:
    with RawConnection(server) as connection:
        connection.send(POST + b"Content-Length: 27\r\nExpect: 100-continue\r\n\r\n")
        assert connection.response().status == 100
        connection.send(BODY)
        assert connection.response().status == 200


def test_expect_with_a_body_too_large_is_refused_at_once(server: Server) -> None:
    with RawConnection(server) as connection:
        connection.send(POST + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
        connection.response().expect_refusal(413)


def test_head_answers_without_a_body(server: Server) -> None:
    with RawConnection(server) as connection:
        connection.send(HEALTH)
        full = connection.response()
        connection.send(HEALTH.replace(b"GET", b"HEAD"))
        head = connection.response(to_head=True)
        assert head.status == 200
        assert head.headers["content-length"] == full.headers["content-length"]
        connection.send(HEALTH)
        assert connection.response().body == full.body


@pytest.mark.parametrize("path", [
    "/nowhere", "/healthz/more", "/HEALTHZ", "/ws/", "/api/", "/ws/chat/a/b/", "/..%2fhealthz",
])
def test_an_unknown_path(server: Server, path: str) -> None:
    request(server, "GET", path).expect_refusal(404)


@pytest.mark.parametrize("method, path, allowed", [
    ("DELETE", "/healthz", "GET"), ("POST", "/readyz", "GET"), ("GET", "/api/auth/login/", "POST"),
    ("GET", SEND, "POST"), ("PUT", SEND, "POST"), ("DELETE", "/api/notifications/", "GET"),
    ("GET", "/api/notifications/1/read/", "POST"),
])
def test_a_wrong_method_is_told_the_right_ones(server: Server, method: str, path: str, allowed: str) -> None:
    response = request(server, method, path)
    response.expect_refusal(405)
    assert allowed in response.headers["allow"].split(", ")


@pytest.mark.parametrize("path", ["/ws/chat/general/", "/ws/counter/", "/ws/v1/chat/", "/ws/notifications"])
def test_a_plain_get_where_websockets_are(server: Server, path: str) -> None:
    response = request(server, "GET", path)
    response.expect_refusal(426)
    assert response.headers["upgrade"].lower() == "websocket"
    assert "upgrade" in response.headers["connection"].lower().split(", ")


def test_a_query_is_no_part_of_the_path(server: Server) -> None:
    assert request(server, "GET", "/healthz?deep=1&x=%20").status == 200


def test_header_names_are_case_insensitive_and_values_trimmed(server: Server) -> None:
    with RawConnection(server) as connection:
        connection.send(f"POST {SEND} HTTP/1.1\r\nhOST:localhost\r\nCONTENT-TYPE:\t application/json \t\r\n".encode())
        connection.send(b"content-length:27\r\nX-Empty:\r\n\r\n" + BODY)
        assert connection.response().status == 200


def test_what_is_sent_comes_back_as_json_text(server: Server) -> None:
    title = 'quotes " \\ and \n and é 👋'
    response = request(server, "POST", SEND, {"title": title, "message": "M"})
    assert json.loads(response.body.decode("utf-8"))["data"]["title"] == title


def test_what_a_page_of_this_machine_may_do(server: Server) -> None:
    origin = {"Origin": "http://localhost:3000"}
    for response, status in (
        (request(server, "OPTIONS", "/api/auth/login/", headers=origin), 204),
        (request(server, "GET", "/healthz", headers=origin), 200),
    ):
        assert response.status == status
        assert response.headers["access-control-allow-origin"] == origin["Origin"]
        assert response.headers["access-control-expose-headers"] == "Retry-After"
        assert response.headers["access-control-max-age"] == "600"
    assert not any(name.startswith("access-control-") for name in request(server, "GET", "/healthz").headers)
