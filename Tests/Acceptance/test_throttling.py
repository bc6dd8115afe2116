"""Tokens that fail again and again: their address is told to wait, and nobody else who is there."""

import json

import pytest
from api import API_KEY, KEYED, get
from conftest import Connect, Dial, Start
from erp import CHAT, online
from raw import CLOSE, TEXT, RawConnection, RawWebSocket, Response, bearer, frame, handshake, request
from switchboard import Server, memory
from test_hosts import KEY

ME = "/api/auth/me/"
LIMIT = 20
SETTINGS = KEYED | {"SWITCHBOARD_TOKEN_FAILURES": str(LIMIT)}
WAIT = "Too many failed attempts; try again later"


@pytest.fixture
def server(start: Start) -> Server:
    """One per test: failures from an address count for the whole server."""
    return start(extra=SETTINGS)


def knock(server: Server, token: str, source: str | None = None, path: str = CHAT) -> Response | None:
    """What a handshake is answered with; `None` where it is granted, and closed with 4003 afterwards."""
    with RawConnection(server, source) as connection:
        connection.send(handshake(server, f"{path}?token={token}", KEY))
        response = connection.response()
        if response.status == 101:
            assert connection.read(4)[2:] == (4003).to_bytes(2)
            return None
        connection.expect_end()
        return response


def expect_wait(response: Response | None) -> None:
    assert response is not None
    response.expect_refusal(429)
    assert response.json["message"] == WAIT
    assert 1 <= int(response.headers["retry-after"]) <= 60


def exhaust(server: Server, source: str | None = None) -> None:
    """Lets as many tokens fail as may, half of them on each way."""
    for number in range(LIMIT // 2):
        assert knock(server, f"bad{number}", source) is None
        assert request(server, "GET", ME, headers=bearer(f"worse{number}"), source=source).status == 401


def test_bad_tokens_are_told_to_wait_before_the_upgrade(server: Server) -> None:
    exhaust(server)
    for token in ("bad0", "never-seen", "a.b.c"):
        for path in (CHAT, "/ws/chat/", "/ws/notifications/", "/ws/chat/room/"):
            expect_wait(knock(server, token, path=path))
        expect_wait(request(server, "GET", ME, headers=bearer(token)))


async def test_who_has_a_token_gets_in_beside_them(server: Server, connect: Connect, dial: Dial) -> None:
    person = server.person()
    exhaust(server)
    await online(connect, server, person)
    await (await dial(server, person, "websocket")).expect_nothing()
    for token in (person.token, server.jwt(person)):
        assert get(server, token, ME).status == 200
    assert get(server, API_KEY, "/api/notices/").status != 429
    # What they have does not make up for what others try.
    expect_wait(knock(server, "bad0"))


def test_another_address_is_another_matter(server: Server) -> None:
    exhaust(server, "127.0.0.2")
    expect_wait(knock(server, "bad0", "127.0.0.2"))
    assert knock(server, "bad0", "127.0.0.3") is None


def test_one_token_again_and_again_is_told_alone(server: Server) -> None:
    for _ in range(10):
        assert knock(server, "expired") is None
    for _ in range(30):
        expect_wait(knock(server, "expired"))
    assert knock(server, "another") is None


def test_no_token_is_no_attempt(server: Server) -> None:
    for _ in range(LIMIT + 5):
        assert request(server, "GET", ME).status == 401
    assert knock(server, "bad") is None


def test_a_client_of_socketio_is_told_too(server: Server) -> None:
    for _ in range(2):
        assert refused_by_socketio(server, "bad0") == "Authentication error"
    exhaust(server)
    assert refused_by_socketio(server, "bad0") == WAIT


def refused_by_socketio(server: Server, token: str) -> str:
    """Why; who is told to wait is not listened to any more."""
    with RawWebSocket(server, "/socket.io/?EIO=4&transport=websocket") as socket:
        socket.receive()
        connect = frame(TEXT, b'40{"token":"%s"}' % token.encode())
        socket.send(connect)
        reason = json.loads(socket.receive().payload.removeprefix(b"44"))["message"]
        if reason == WAIT:
            while (last := socket.receive()).opcode == TEXT:
                assert last.payload == b"1"
            assert last.opcode == CLOSE
        return reason


def test_a_flood_of_bad_tokens_is_not_remembered(server: Server) -> None:
    exhaust(server)
    before = memory(server)
    for number in range(3000):
        request(server, "GET", ME, headers=bearer(f"{number}" + "x" * 4000)).expect_refusal(429)
    assert memory(server) - before < 8 << 20
    line, = server.logged("slowed down")
    assert "127.0.0.1" in line


@pytest.mark.parametrize(("limit", "waits"), [(0, False), (100, True)])
def test_the_limit_can_be_set_and_taken_away(start: Start, limit: int, waits: bool) -> None:
    server = start("--token-failures", limit)
    for number in range(100):
        assert request(server, "GET", ME, headers=bearer(f"bad{number}")).status == 401
    assert request(server, "GET", ME, headers=bearer("one more")).status == (429 if waits else 401)
