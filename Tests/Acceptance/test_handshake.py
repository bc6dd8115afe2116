"""The WebSocket opening handshake (RFC 6455, section 4) and the rules about its Origin."""

import pytest
from conftest import Start
from raw import RawConnection, Response, handshake
from switchboard import Server

KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ROOM = "/ws/chat/handshakes/"


def shake(server: Server, changes: dict[str, str | None] | None = None, path: str = ROOM, **options: str) -> Response:
    data = handshake(server, path, KEY, changes)
    for old, new in options.items():
        data = data.replace({"method": b"GET", "version": b"HTTP/1.1"}[old], new.encode(), 1)
    with RawConnection(server) as connection:
        connection.send(data)
        return connection.response()


def test_the_example_of_the_rfc(server: Server) -> None:
    response = shake(server)
    assert response.status == 101
    assert response.headers["upgrade"].lower() == "websocket"
    assert response.headers["connection"].lower() == "upgrade"
    assert response.headers["sec-websocket-accept"] == ACCEPT
    assert "sec-websocket-extensions" not in response.headers


@pytest.mark.parametrize("changes", [
    {"Upgrade": "WebSocket"}, {"Connection": "keep-alive, Upgrade"}, {"Connection": "upgrade"},
    {"Sec-WebSocket-Extensions": "x-unknown; a=1"}, {"Sec-WebSocket-Protocol": "unknown, other"},
    {"User-Agent": "x" * 4000},
])
def test_good_variations(server: Server, changes: dict) -> None:
    response = shake(server, changes)
    assert response.status == 101
    assert "sec-websocket-protocol" not in response.headers
    assert "sec-websocket-extensions" not in response.headers


@pytest.mark.parametrize("changes, statuses", [
    ({"Upgrade": None}, (426, 400)), ({"Upgrade": "h2c"}, (426, 400)), ({"Connection": None}, (426, 400)),
    ({"Connection": "keep-alive"}, (426, 400)), ({"Sec-WebSocket-Key": None}, (400,)),
    ({"Sec-WebSocket-Key": ""}, (400,)), ({"Sec-WebSocket-Key": "c2hvcnQ="}, (400,)),
    ({"Sec-WebSocket-Key": "not base64 at all!!!!!!!"}, (400,)), ({"Sec-WebSocket-Version": "8"}, (426,)),
    ({"Sec-WebSocket-Version": "x"}, (426, 400)), ({"Sec-WebSocket-Version": None}, (426, 400)),
    ({"Sec-WebSocket-Key": f"{KEY}\r\nSec-WebSocket-Key: {KEY}"}, (400,)), ({"Host": None}, (400,)),
])
def test_a_bad_handshake(server: Server, changes: dict, statuses: tuple[int, ...]) -> None:
    shake(server, changes).expect_refusal(*statuses)


def test_another_version_is_told_ours(server: Server) -> None:
    assert shake(server, {"Sec-WebSocket-Version": "8"}).headers["sec-websocket-version"] == "13"


def test_only_get_of_http_1_1_upgrades(server: Server) -> None:
    shake(server, {"Content-Length": "0"}, method="POST").expect_refusal(405, 400)
    shake(server, version="HTTP/1.0").expect_refusal(426, 400, 505)


@pytest.mark.parametrize("path", ["/nowhere/", "/ws/", "/healthz/more", "/ws/v2/chat/", "/ws/counter/x/"])
def test_an_upgrade_of_an_unknown_path(server: Server, path: str) -> None:
    shake(server, path=path).expect_refusal(404)


@pytest.mark.parametrize("origin, status", [
    ("http://127.0.0.1:{port}", 101), ("http://localhost:3000", 101), ("http://localhost", 101),
    ("http://127.0.0.1:5173", 101), ("http://[::1]:8080", 101), ("https://evil.example", 403),
    ("http://evil.example:{port}", 403), ("http://localhost.evil.example", 403), ("http://127.0.0.1.evil.example", 403),
    ("http://evil-localhost:3000", 403), ("http://localhost@evil.example", 403), ("null", 403), ("", 403),
])
def test_origins_on_loopback(server: Server, origin: str, status: int) -> None:
    response = shake(server, {"Origin": origin.format(port=server.port)})
    assert response.status == status
    if status == 403:
        response.expect_refusal(403)


def test_origins_that_are_allowed_by_name(start: Start) -> None:
    server = start("--allowed-origins", "https://app.example,https://b.example:8443")
    for origin, status in [
        ("https://app.example", 101), ("https://b.example:8443", 101), ("http://localhost:3000", 101),
        ("https://b.example", 403), ("https://app.example.evil", 403), ("http://app.example", 403),
        ("https://x.app.example", 403),
    ]:
        assert shake(server, {"Origin": origin}).status == status, origin


def test_off_loopback_localhost_is_a_stranger(start: Start) -> None:
    server = start("--anonymous", "rooms", listen="0.0.0.0:0")
    for origin, status in [
        ("http://127.0.0.1:{port}", 101), ("http://chat.example:{port}", 403), ("http://localhost:3000", 403),
        ("http://127.0.0.1:3000", 403), ("http://[::1]:{port}", 403),
    ]:
        assert shake(server, {"Origin": origin.format(port=server.port)}).status == status, origin
    own = {"Host": "chat.example", "Origin": "http://chat.example"}
    assert shake(server, own).status == 101
    assert shake(server).status == 101
