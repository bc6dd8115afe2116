"""Whom the server takes for the client behind proxies: what they say counts from addresses that are trusted."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
from pathlib import Path

import pytest
from certificates import Certificate, SecureConnection
from conftest import Connect, Start
from erp import CHAT, online
from metrics import Metrics, scrape
from raw import TEXT, Ended, RawConnection, RawWebSocket, bearer, close_payload, frame, handshake, request
from rooms import said
from socketio_raw import sign_in
from switchboard import PATIENCE, Server, command, eventually

KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
FAR, OTHER = "203.0.113.9", "198.51.100.4"
TRUSTED = ("--trusted-proxies", "127.0.0.1")
ANNOUNCED = (*TRUSTED, "--proxy-protocol", "true")


# So many tokens may fail from one address.
FEW = {"SWITCHBOARD_TOKEN_FAILURES": "5"}
SLOWED = "failing tokens are slowed down"
_tokens = (f"bad{number}" for number in itertools.count(1))


def failures_until_slowed(server: Server, number: int, **headers: str) -> list[int]:
    """What some wrong tokens get."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return [
        request(server, "GET", "/api/auth/me/", headers=fields | bearer(next(_tokens))).status for _ in range(number)]


def text_header(source: str, family: str = "TCP4") -> bytes:
    target = "127.0.0.1" if family == "TCP4" else "::1"
    return f"PROXY {family} {source} {target} 40000 8000\r\n".encode()


def binary_header(source: str | None, fields: bytes = b"") -> bytes:
    """Version 2; without a source the proxy speaks for itself."""
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    if source is None:
        return signature + struct.pack("!BBH", 0x20, 0, len(fields)) + fields
    family, code, target = (
        (socket.AF_INET6, 0x21, "::1") if ":" in source else (socket.AF_INET, 0x11, "127.0.0.1"))
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, target) + struct.pack("!HH", 40000, 8000)
    return signature + struct.pack("!BBH", 0x21, code, len(addresses + fields)) + addresses + fields


HEADERS = {
    "v1": text_header(FAR), "v1 IPv6": text_header("2001:db8::7", "TCP6"), "v2": binary_header(FAR),
    "v2 IPv6": binary_header("2001:db8::7"), "v2 with fields": binary_header(FAR, b"\x01\x00\x02h2\x04\x00\x01\x00"),
}
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def wrong_token(header: str = "") -> bytes:
    head = "GET /api/auth/me/ HTTP/1.1\r\nHost: localhost\r\n"
    return f"{head}{header}Authorization: Bearer {next(_tokens)}\r\n\r\n".encode()


def metrics(server: Server) -> Metrics:
    """As somebody on this machine sees them who is no proxy."""
    return Metrics(scrape(server, source="127.0.0.2").body.decode())


def expect_logged(server: Server, text: str, *wanted: str) -> None:
    """The lines with this text are about these addresses."""
    def found() -> list[str]:
        return [json.loads(line)["address"] for line in server.log if text in line]

    eventually(lambda: found() == [*wanted], f"{text}: {wanted}")


# X-Forwarded-For

def test_failures_count_for_the_client_that_a_trusted_proxy_names(start: Start) -> None:
    server = start(*TRUSTED, extra=FEW)
    assert failures_until_slowed(server, 6, X_Forwarded_For=f"{OTHER}, {FAR}") == [401] * 5 + [429]
    # Whatever else the client itself put in front.
    assert failures_until_slowed(server, 1, X_Forwarded_For=f"127.0.0.1, 10.0.0.1, {FAR}") == [429]
    assert failures_until_slowed(server, 1, X_Forwarded_For=f"{FAR}, 127.0.0.1") == [429]
    assert failures_until_slowed(server, 1, X_Forwarded_For=OTHER) == [401]
    expect_logged(server, SLOWED, FAR)


@pytest.mark.parametrize("trusted", [(), ("--trusted-proxies", "127.0.0.2,10.0.0.0/8,::1")], ids=["none", "others"])
def test_what_others_say_is_not_believed(start: Start, trusted: tuple[str, ...]) -> None:
    server = start(*trusted, extra=FEW)
    statuses = [failures_until_slowed(server, 1, X_Forwarded_For=f"203.0.113.{number}")[0] for number in range(6)]
    assert statuses == [401] * 5 + [429]
    expect_logged(server, SLOWED, "127.0.0.1")


@pytest.mark.parametrize("way", ["API", "WebSocket", "Socket.IO"])
def test_failed_tokens_count_for_the_client_that_a_trusted_proxy_names(start: Start, way: str) -> None:
    server = start(*TRUSTED, extra=FEW)

    def knock(client: str) -> int:
        """401 stands for 4003 and its like."""
        token = next(_tokens)
        forwarded = {"X-Forwarded-For": f"{OTHER}, {client}"}
        if way == "API":
            return request(server, "GET", "/api/auth/me/", headers=forwarded | bearer(token)).status
        if way == "Socket.IO":
            with RawWebSocket(server, "/socket.io/?EIO=4&transport=websocket", changes=forwarded) as client:
                client.receive()
                client.send(frame(TEXT, sign_in(token).encode()))
                return 401 if b"Authentication error" in client.receive().payload else 429
        with RawConnection(server) as connection:
            connection.send(handshake(server, f"{CHAT}?token={token}", KEY, forwarded))
            status = connection.response().status
            return 401 if status == 101 and connection.read(4)[2:] == close_payload(4003) else status

    assert [knock(FAR) for _ in range(6)] == [401] * 5 + [429]
    assert knock("203.0.113.10") == 401
    expect_logged(server, SLOWED, FAR)


async def test_connections_count_for_the_client_that_a_trusted_proxy_names(
    start: Start, connect: Connect, room: str
) -> None:
    server = start(*TRUSTED, "--connections-per-address", 2, "--anonymous", "rooms")

    def shaken(client: str, room: str = room) -> int:
        with RawConnection(server) as connection:
            connection.send(handshake(server, room, KEY, {"X-Forwarded-For": client}))
            return connection.response().status

    kept = [await connect(server, room, additional_headers={"X-Forwarded-For": FAR}) for _ in range(2)]
    assert (shaken(FAR), shaken(OTHER)) == (429, 101)
    # The proxy's own connections, and those of clients that it does not name.
    for _ in range(3):
        assert request(server, "GET", "/healthz").status == 200
    await kept[0].close()
    eventually(lambda: shaken(FAR) == 101, "there is room again")
    await kept[1].close()


def test_and_for_whom_a_header_announces(start: Start, room: str) -> None:
    server = start(*ANNOUNCED, "--connections-per-address", 1, "--anonymous", "rooms")

    with RawConnection(server) as first, RawConnection(server) as second, RawConnection(server) as other:
        for connection, header, status in [
            (first, HEADERS["v1"], 101), (second, HEADERS["v2"], 429), (other, text_header(OTHER), 101),
        ]:
            connection.send(header + handshake(server, room, KEY))
            assert connection.response().status == status


def test_announced_connections_without_end_leave_nothing_behind(start: Start, room: str) -> None:
    server = start(
        *ANNOUNCED, "--max-connections", 3, "--anonymous", "rooms", "--loops", 1, "--shutdown-timeout", "60s")
    with contextlib.ExitStack() as stack:
        flood = [stack.enter_context(RawConnection(server)) for _ in range(300)]
        for connection in flood:
            connection.send(HEADERS["v2"])
        # Of more than can be told so.
        for connection in flood[-10:]:
            connection.expect_end()
    with contextlib.ExitStack() as stack:
        clients = []

        def enter() -> bool:
            connection = RawConnection(server)
            connection.send(HEADERS["v1"] + handshake(server, room, KEY))
            with contextlib.suppress(Ended):
                if connection.response().status == 101:
                    clients.append(stack.enter_context(connection))
                    return True
            # Refused, or, while more are there than can be told so, ended without a word.
            connection.__exit__(None, None, None)
            return False

        for _ in range(2):
            eventually(enter, "there is room again")
        clients[0].send(frame(TEXT, json.dumps(said("Hi")).encode()))
        for client in clients:
            heard = b""
            while b"Hi" not in heard:
                heard += client.read(1)
    # It would wait for what it takes for connections, and for longer than we do.
    assert server.terminate() == 0


async def test_logs_name_the_client_of_a_web_socket(start: Start, connect: Connect) -> None:
    server = start(*TRUSTED, "--log-level", "debug")
    client = await connect(
        server, CHAT, "no token", additional_headers={"X-Forwarded-For": f"10.1.1.1, {FAR}"})
    await client.expect_close(4003)
    expect_logged(server, "a token was refused", FAR)


# Rights of this machine

OPEN = [("/api/notifications/send/", {"title": "a", "message": "b"}), ("/api/counter/", {"action": "increment"})]


@pytest.mark.parametrize("settings", [(), TRUSTED], ids=["nobody trusted", "trusted"])
@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
async def test_who_comes_through_a_proxy_of_this_machine_is_not_on_it(
    start: Start, connect: Connect, room: str, settings: tuple[str, ...], header: str
) -> None:
    server = start(*settings)
    # A client may name itself whatever it likes.
    for value in ("127.0.0.1", FAR):
        said_by_proxy = {header: value}
        for path, body in OPEN:
            assert request(server, "POST", path, body, said_by_proxy).status == 401
        assert request(server, "GET", "/metrics", headers=said_by_proxy).status == 401
        client = await connect(server, room, additional_headers=said_by_proxy)
        await client.expect_close(4003)
        answer = request(server, "GET", "/healthz", headers=said_by_proxy | {"Origin": "http://localhost:3000"})
        assert "access-control-allow-origin" not in answer.headers
    for path, body in OPEN:
        assert request(server, "POST", path, body).status == 200
    assert request(server, "GET", "/metrics").status == 200
    assert "access-control-allow-origin" in request(
        server, "GET", "/healthz", headers={"Origin": "http://localhost:3000"}).headers


async def test_rooms_can_be_opened_for_those_behind_a_proxy(start: Start, connect: Connect, room: str) -> None:
    server = start(*TRUSTED, "--anonymous", "rooms")
    client = await connect(server, room, additional_headers={"X-Forwarded-For": FAR})
    await client.send(said("Hello"))
    assert (await client.receive())["message"] == "Hello"


@pytest.mark.parametrize("header", [
    text_header("127.0.0.1"), text_header(FAR), b"PROXY UNKNOWN\r\n", binary_header("127.0.0.1"), binary_header("::1"),
    binary_header(None)], ids=range(6))
def test_nor_is_who_a_header_announces(start: Start, room: str, header: bytes) -> None:
    server = start(*ANNOUNCED)
    body = json.dumps(OPEN[0][1]).encode()
    with RawConnection(server) as connection:
        connection.send(header + b"POST /api/notifications/send/ HTTP/1.1\r\nHost: localhost\r\n"
                        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.response().status == 401
        connection.send(handshake(server, room, KEY))
        assert connection.response().status == 101
        assert connection.read(4)[2:4] == close_payload(4003)


# Schemes

def origin_is_allowed(server: Server, origin: str, **headers: str) -> bool:
    fields = {name.replace("_", "-"): value for name, value in headers.items()} | {"Origin": origin}
    answer = request(server, "GET", "/healthz", headers={"Host": "chat.example.org"} | fields)
    return "access-control-allow-origin" in answer.headers


def test_the_own_host_is_one_scheme_where_that_is_known(start: Start, tmp_path: Path) -> None:
    named_host = ("--allowed-hosts", "chat.example.org")
    server = start(*TRUSTED, *named_host)
    for proto, is_secure in [("https", True), ("http", False), ("http, https", True)]:
        named = {"X_Forwarded_For": FAR, "X_Forwarded_Proto": proto}
        assert origin_is_allowed(server, "https://chat.example.org", **named) is is_secure
        assert origin_is_allowed(server, "http://chat.example.org", **named) is not is_secure
        assert origin_is_allowed(server, "https://chat.example.org", **named, Host="chat.example.org:443") is is_secure
    # Whoever else ends TLS in front may not say so.
    for origin in ("https://chat.example.org", "http://chat.example.org"):
        assert origin_is_allowed(server, origin)

    certificate = Certificate.make(tmp_path, "chat.example.org")
    server = start(*certificate.flags, *named_host)
    for origin, status in [("https://chat.example.org", 200), ("http://chat.example.org", 403)]:
        with SecureConnection(server, certificate.trust()) as connection:
            connection.send(f"GET /ws/chat/x/ HTTP/1.1\r\nHost: chat.example.org\r\nOrigin: {origin}\r\n"
                            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                            f"Sec-WebSocket-Key: {KEY}\r\n\r\n".encode())
            assert connection.response().status == (101 if status == 200 else 403)


# The PROXY protocol

@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_names_the_client(start: Start, kind: str) -> None:
    server = start(*ANNOUNCED, extra=FEW)
    for count in range(6):
        with RawConnection(server) as connection:
            if count % 2:
                connection.send(HEADERS[kind] + wrong_token())
            else:
                connection.send_bytewise(HEADERS[kind])
                connection.send(wrong_token())
            assert connection.response().status == (401 if count < 5 else 429)
    expect_logged(server, SLOWED, "2001:db8::7" if "IPv6" in kind else FAR)


def test_a_proxy_behind_a_proxy(start: Start) -> None:
    """Who is named by the header is believed in turn, if it is a trusted proxy."""
    server = start("--trusted-proxies", "127.0.0.1,10.0.0.0/8", "--proxy-protocol", "true", extra=FEW)
    for source, logged in (("10.0.0.5", [FAR]), (OTHER, [FAR, OTHER])):
        for count in range(6):
            with RawConnection(server) as connection:
                connection.send(text_header(source) + wrong_token(f"X-Forwarded-For: {OTHER}, {FAR}\r\n"))
                connection.response()
        expect_logged(server, SLOWED, *logged)


def test_a_conversation_behind_a_header(start: Start, room: str) -> None:
    server = start(*ANNOUNCED, "--anonymous", "rooms")
    with RawConnection(server) as connection:
        connection.send(HEADERS["v2"] + handshake(server, room, KEY) + frame(TEXT, json.dumps(said("Hi")).encode()))
        assert connection.response().status == 101
        assert b"Hi" in connection.read(60)


def test_a_header_in_front_of_tls(start: Start, tmp_path: Path) -> None:
    certificate = Certificate.make(tmp_path, "localhost")
    server = start(*ANNOUNCED, *certificate.flags)
    for header in HEADERS.values():
        raw = RawConnection(server)
        raw.send(header)
        with certificate.trust().wrap_socket(raw.socket, server_hostname="127.0.0.1") as connection:
            connection.sendall(GET)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [
    GET, b"\x16\x03\x01\x00\x10" + b"x" * 16, b"PROXY TCP4 1.2.3.4\r\n", b"PROXY " + b"x" * 200,
    HEADERS["v2"][:13] + b"\x55" + HEADERS["v2"][14:], HEADERS["v2"][:14] + b"\xff\xff"], ids=range(6))
def test_a_trusted_proxy_without_a_good_header_is_refused(start: Start, sent: bytes) -> None:
    server = start(*ANNOUNCED)
    with RawConnection(server) as connection:
        connection.send(sent)
        connection.response().expect_refusal(400)
        connection.expect_end()
    expect_logged(server, "sent no PROXY header", "127.0.0.1")
    assert metrics(server)["refusals_total", {"reason": "bad_proxy_header"}] == 1


def test_the_log_is_not_filled_with_them(start: Start) -> None:
    server = start(*ANNOUNCED, "--loops", 1)
    for _ in range(20):
        with RawConnection(server) as connection:
            connection.send(GET)
            connection.response().expect_refusal(400)
    assert sum("sent no PROXY header" in line for line in server.log) <= 1


def test_who_has_yet_to_send_one_counts_among_the_connections(start: Start) -> None:
    server = start(*ANNOUNCED, "--max-connections", 3)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(RawConnection(server))
        eventually(lambda: metrics(server)["sockets"] == 4, "three are there, and who asks")
        with RawConnection(server) as connection:
            connection.send(text_header("192.0.2.1") + b"GET /api/me/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.response().expect_refusal(503)
    eventually(lambda: metrics(server)["sockets"] == 1, "nobody is left but who asks")


def test_a_header_that_does_not_end_is_cut_off(start: Start) -> None:
    server = start(*ANNOUNCED, "--head-timeout", "500ms", "--keepalive-timeout", "60s")
    for part in (b"", b"PROXY TCP4", HEADERS["v2"][:20]):
        with RawConnection(server) as connection:
            connection.send(part)
            connection.expect_end()


@pytest.mark.parametrize("kind", ["v1", "v2"])
def test_anybody_else_connects_without_one(start: Start, kind: str) -> None:
    server = start("--trusted-proxies", "127.0.0.2", "--proxy-protocol", "true")
    with RawConnection(server) as connection:
        connection.send(GET)
        assert connection.response().status == 200
    with RawConnection(server) as connection:
        connection.send(HEADERS[kind] + GET)
        connection.response().expect_refusal(400)
        connection.expect_end()


def test_without_the_setting_a_header_is_a_bad_request(start: Start) -> None:
    server = start(*TRUSTED)
    for header in HEADERS.values():
        with RawConnection(server) as connection:
            connection.send(header + GET)
            connection.response().expect_refusal(400)


def test_commands_of_this_machine_need_no_header(start: Start) -> None:
    server = start(*ANNOUNCED)
    assert int(server.cli("notify", "--everybody", "--title", "a", "--message", "b")) > 0


def test_the_setting_needs_to_know_whom_to_trust(tmp_path: Path) -> None:
    done = command("check-config", "--proxy-protocol", "true", folder=tmp_path)
    assert done.returncode == 2
    assert "trusted_proxies" in done.stderr
