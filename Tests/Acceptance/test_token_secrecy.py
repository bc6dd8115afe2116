"""A token goes nowhere but to whom it was brought: by each way in, whatever becomes of it, no log, metric, header, body
or close reason has any part of it."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import logins
import pytest
from api import API_KEY, KEYED
from certificates import Certificate
from conftest import Start
from metrics import Metrics, scrape
from raw import CLOSE, PING, PONG, TEXT, RawConnection, RawWebSocket, Response, frame, handshake, request
from switchboard import Person, Server, eventually
from test_revocation import PATHS
from tokens import expect_nothing_of

KEY = base64.b64encode(os.urandom(16)).decode()
SOCKETIO = "/socket.io/?EIO=4&transport="
DEBUG = ("--log-level", "debug", "--log-format", "json")


class Visitor(RawWebSocket):
    """Asks for a WebSocket; one that is refused is none."""

    def __init__(self, server: Server, path: str, headers: dict[str, str]) -> None:
        RawConnection.__init__(self, server)
        self.send(handshake(server, path, KEY, headers))
        self.answer = self.response()


@dataclass
class Visit:
    """Brings one token by one way, and keeps all that it is told."""

    server: Server
    token: str
    headers: dict[str, str] = field(default_factory=dict)
    # A WebSocket that is let in gives no other sign of it.
    is_good: bool = False
    said: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def note(self, answer: Response) -> Response:
        self.statuses.append(answer.status)
        self.said += [repr(answer.headers), answer.body.decode()]
        return answer

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        return self.note(request(self.server, method, path, body, self.headers | headers))

    def shake(self, path: str, sent: bytes = b"", **headers: str) -> None:
        """What a WebSocket is told until its token was looked at."""
        with Visitor(self.server, path, self.headers | headers) as visitor:
            if self.note(visitor.answer).status != 101:
                return
            visitor.send(sent or (frame(PING) if self.is_good else b""))
            while True:
                heard = visitor.receive()
                self.said.append(heard.payload.decode(errors="replace"))
                if heard.opcode in (CLOSE, PONG) or heard.payload.startswith((b"40", b"44")):
                    return

    def poll(self, query: str = "", auth: str = "", **headers: str) -> None:
        """A session of Socket.IO, each of whose requests brings the token."""
        path = f"{SOCKETIO}polling{query}"
        opened = self.ask("GET", path, **headers)
        if opened.status == 200:
            path += f"&sid={json.loads(opened.body[1:])['sid']}"
            self.ask("POST", path, f"40{auth}".encode(), **headers)
            answer = self.ask("GET", path, **headers)
            assert answer.body.startswith((b"40", b"44"))
            if b"Too many failed" in answer.body:
                # Its end comes as well.
                self.ask("GET", path, **headers)


def _sockets() -> dict[str, Callable[[Visit], object]]:
    def by(path: str) -> Callable[[Visit], object]:
        return lambda visit: visit.shake(f"{path}{'&' if '?' in path else '?'}token={visit.token}")

    return {name: by(path) for name, path in PATHS.items()}


def _auth(visit: Visit) -> str:
    return json.dumps({"token": visit.token})


WEBSOCKETS = _sockets()
POLLS = {
    "socketio: poll, query": lambda visit: visit.poll(f"&token={visit.token}"),
    "socketio: poll, auth": lambda visit: visit.poll(auth=_auth(visit)),
    "socketio: poll, header": lambda visit: visit.poll(Authorization=f"Bearer {visit.token}"),
}
SOCKETS = {
    "socketio: websocket, query": lambda visit: visit.shake(
        f"{SOCKETIO}websocket&token={visit.token}", frame(TEXT, b"40")),
    "socketio: websocket, auth": lambda visit: visit.shake(
        f"{SOCKETIO}websocket", frame(TEXT, f"40{_auth(visit)}".encode())),
    "socketio: websocket, header": lambda visit: visit.shake(
        f"{SOCKETIO}websocket", frame(TEXT, b"40"), Authorization=f"Bearer {visit.token}"),
}
CALLS = {
    "API: Bearer": lambda visit: visit.ask("GET", "/api/auth/me/", Authorization=f"Bearer {visit.token}"),
    "API: Token": lambda visit: visit.ask("GET", "/api/auth/me/", Authorization=f"Token {visit.token}"),
    "API: a message": lambda visit: visit.ask(
        "POST", "/api/messages/", {"receiver_id": 1, "text": "", "client_id": "x" * 99},
        Authorization=f"Bearer {visit.token}"),
}
# What is no way in, where somebody will try all the same.
MISTAKES = {
    "API: query": lambda visit: visit.ask("GET", f"/api/auth/me/?token={visit.token}"),
    "API: no scheme": lambda visit: visit.ask("GET", "/api/auth/me/", Authorization=visit.token),
    "API: path": lambda visit: visit.ask("GET", f"/api/users/{visit.token}/", Authorization=f"Bearer {visit.token}"),
    "API: no JSON": lambda visit: visit.ask("POST", "/api/auth/login/", b'{"username":"%s' % visit.token.encode()),
    "API: login": lambda visit: visit.ask("POST", "/api/auth/login/", {"username": visit.token, "password": "wrong"}),
    "nowhere": lambda visit: visit.ask("GET", f"/nowhere/{visit.token}?token={visit.token}"),
    "metrics": lambda visit: visit.ask("GET", f"/metrics?token={visit.token}", Authorization=f"Bearer {visit.token}"),
    "no handshake": lambda visit: visit.ask("GET", f"/ws/v1/chat/?token={visit.token}"),
    "another version": lambda visit: visit.shake(
        f"/ws/v1/chat/?token={visit.token}", **{"Sec-WebSocket-Version": "12"}),
    "socketio: no session": lambda visit: visit.ask("GET", f"{SOCKETIO}polling&sid={visit.token}"),
    "socketio: no transport": lambda visit: visit.ask("GET", f"{SOCKETIO}{visit.token}"),
}
WAYS = WEBSOCKETS | POLLS | SOCKETS | CALLS | MISTAKES


def good_tokens(server: Server, person: Person) -> list[str]:
    return [person.token, server.jwt(person)]


def bad_tokens(person: Person) -> list[str]:
    """An opaque one that nobody has, and a JWT that somebody else signed."""
    return [secrets.token_urlsafe(32), logins.SHARED.token(person.id, username=person.username)]


def bring(server: Server, tokens: list[str], is_good: bool, **headers: str) -> dict[str, list[list[int]]]:
    """Brings each by every way; how each of them was answered, of which nothing may tell a token."""
    statuses: dict[str, list[list[int]]] = {}
    for way, go in WAYS.items():
        for token in tokens:
            visit = Visit(server, token, headers, is_good)
            go(visit)
            expect_nothing_of(token, "\n".join(visit.said))
            statuses.setdefault(way, []).append(visit.statuses)
    return statuses


def firsts(statuses: dict[str, list[list[int]]], ways: dict[str, object]) -> set[int]:
    """What the first request of these ways was answered."""
    return {visit[0] for way in ways for visit in statuses[way]}


def expect_secrecy(server: Server, tokens: list[str]) -> None:
    """Neither what is counted nor what was logged until the end has any part of them."""
    metrics = counted(server)
    assert "refusals_total" in metrics
    assert server.terminate() == 0
    log = "\n".join(server.log + server.stdout.all())
    assert '"message":"listening"' in log
    for token in tokens:
        expect_nothing_of(token, metrics)
        expect_nothing_of(token, log)


def counted(server: Server) -> str:
    """What /metrics says, once those who are gone leave room for who asks."""
    answers: list[Response] = []

    def is_answered() -> bool:
        answers.append(scrape(server))
        return answers[-1].status == 200

    eventually(is_answered, "there is room for who asks")
    return answers[-1].body.decode()


def refusals(server: Server, reason: str) -> float:
    return Metrics(counted(server))["refusals_total", {"reason": reason}]


# Each test has a server of its own, so that its log ends with it.

def test_of_tokens_that_are_accepted(start: Start) -> None:
    server = start(*DEBUG, extra=KEYED)
    tokens = good_tokens(server, server.person())
    statuses = bring(server, tokens, is_good=True)
    assert firsts(statuses, WEBSOCKETS | SOCKETS) == {101} and firsts(statuses, POLLS) == {200}
    assert firsts(statuses, CALLS) == {200, 400} and refusals(server, "token_invalid") == 0
    key = Visit(server, API_KEY)
    for scheme in ("Bearer", "Token"):
        assert key.ask("GET", "/api/users/", Authorization=f"{scheme} {API_KEY}").status == 200
    expect_nothing_of(API_KEY, "\n".join(key.said))
    expect_secrecy(server, [*tokens, API_KEY])


def test_of_tokens_that_are_refused(start: Start) -> None:
    server = start(*DEBUG)
    tokens = bad_tokens(server.person())
    statuses = bring(server, tokens, is_good=False)
    assert firsts(statuses, WEBSOCKETS | SOCKETS) == {101} and firsts(statuses, POLLS) == {200}
    assert firsts(statuses, CALLS) == {401}
    assert refusals(server, "token_invalid") == len(tokens) * len(WEBSOCKETS | SOCKETS | POLLS)
    expect_secrecy(server, tokens)
    server.logged("a token was refused")


def test_of_tokens_that_failed_too_often(start: Start) -> None:
    server = start(*DEBUG, "--token-failures", 3)
    tokens = bad_tokens(server.person())
    for _ in range(3):
        tokens += bad_tokens(server.person())
    for token in tokens:
        request(server, "GET", "/api/auth/me/", headers={"Authorization": f"Bearer {token}"})
    statuses = bring(server, tokens[-2:], is_good=False)
    assert firsts(statuses, WEBSOCKETS | CALLS) == {429} and firsts(statuses, SOCKETS) == {101}
    expect_secrecy(server, tokens)
    server.logged("failing tokens are slowed down")


@pytest.mark.parametrize("header, value, status, reason", [
    ("Host", "evil.example", 421, "unknown_host"), ("Origin", "https://evil.example", 403, "origin_not_allowed"),
], ids=["unknown host", "foreign page"])
def test_of_tokens_for_another_host_or_page(
    start: Start, header: str, value: str, status: int, reason: str
) -> None:
    server = start(*DEBUG)
    person = server.person()
    tokens = good_tokens(server, person) + bad_tokens(person)
    statuses = bring(server, tokens, is_good=False, **{header: value})
    assert firsts(statuses, WEBSOCKETS | SOCKETS | POLLS | CALLS) == {status}
    assert refusals(server, reason) >= len(tokens) * len(WEBSOCKETS | SOCKETS | POLLS | CALLS)
    expect_secrecy(server, tokens)


@pytest.mark.parametrize("flags, ways, status, reason", [
    (("--max-connections", 1), WEBSOCKETS | SOCKETS | POLLS | CALLS, 503, "node_is_full"),
    (("--connections-per-address", 1, "--limit-loopback", "true"),
     WEBSOCKETS | SOCKETS | POLLS | CALLS, 429, "address_is_full"),
    (("--handshake-rate", 0.01, "--handshake-burst", 1), WEBSOCKETS | SOCKETS | POLLS, 503, "handshakes_too_fast"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_of_tokens_that_come_when_there_are_too_many(
    start: Start, flags: tuple, ways: dict, status: int, reason: str
) -> None:
    server = start(*DEBUG, *flags)
    person = server.person()
    tokens = good_tokens(server, person) + bad_tokens(person)
    with Visitor(server, "/ws/counter/", {}) as first:
        assert first.answer.status == 101
        statuses = bring(server, tokens, is_good=False)
        assert firsts(statuses, ways) == {status}
    assert refusals(server, reason) >= len(tokens) * len(ways)
    expect_secrecy(server, tokens)


def test_of_tokens_of_somebody_with_too_many_connections(start: Start) -> None:
    server = start(*DEBUG, "--connections-per-person", 1)
    person = server.person()
    tokens = good_tokens(server, person)
    with Visitor(server, f"/ws/v1/chat/?token={person.token}", {}) as first:
        first.send(frame(PING))
        assert first.receive().opcode == PONG
        # What is not let in closes by itself.
        assert firsts(bring(server, tokens, is_good=False), WEBSOCKETS | SOCKETS) == {101}
    assert refusals(server, "person_is_full") >= len(tokens) * len(WEBSOCKETS | SOCKETS | POLLS)
    expect_secrecy(server, tokens)


def test_of_tokens_that_come_while_the_server_drains(start: Start) -> None:
    server = start(*DEBUG, "--drain-time", "60s", "--loops", 1)
    person = server.person()
    tokens = good_tokens(server, person) + bad_tokens(person)

    rest: list[Visitor] = []

    def knock() -> int:
        rest.append(Visitor(server, f"/ws/v1/chat/?token={person.token}", {}))
        return rest[-1].answer.status

    # Not all of them leave at once.
    assert {knock() for _ in range(10)} == {101}
    server.signal(signal.SIGTERM)
    eventually(lambda: knock() == 503, "the drain to begin")
    statuses = bring(server, tokens, is_good=False)
    assert firsts(statuses, WEBSOCKETS | SOCKETS | POLLS) == {503}
    assert refusals(server, "draining") >= len(tokens) * len(WEBSOCKETS | SOCKETS | POLLS)
    expect_secrecy(server, tokens)
    for visitor in rest:
        visitor.socket.close()


def test_of_a_token_that_is_revoked_while_it_is_used(start: Start) -> None:
    server = start(*DEBUG)
    token = server.person().token
    visitors = [Visitor(server, f"{path}{'&' if '?' in path else '?'}token={token}", {}) for path in PATHS.values()]
    for visitor in visitors:
        visitor.send(frame(PING))
        while visitor.receive().opcode != PONG:
            pass
    Visit(server, token).ask("POST", "/api/auth/logout/", Authorization=f"Bearer {token}")
    for visitor in visitors:
        while (heard := visitor.receive()).opcode != CLOSE:
            pass
        assert heard.payload[2:] == b"Token revoked"
        visitor.socket.close()
    expect_secrecy(server, [token])


MALFORMED = [
    "GET /ws/v1/chat/?token=TOKEN", "GET /ws/v1/chat/?token=TOKEN HTTP/9.9", "TOKEN / HTTP/1.1",
    "GET TOKEN HTTP/1.1", "GET /ws/v1/chat/?token=TOKEN#x HTTP/1.1", "GET /%zz?token=TOKEN HTTP/1.1",
    "GET /ws/v1/chat/?token=TOKEN\0 HTTP/1.1", "GET  /ws/v1/chat/?token=TOKEN HTTP/1.1",
    "GET http://TOKEN@localhost/ HTTP/1.1", "GET /?token=TOKEN HTTP/1.1\r\nContent-Length: x",
    "GET / HTTP/1.1\r\nAuthorization : Bearer TOKEN", "GET / HTTP/1.1\r\nBearer TOKEN",
    "GET / HTTP/1.1\r\nAuthorization: Bearer\r\n TOKEN", "GET / HTTP/1.1\r\nTOKEN: x\r\nContent-Length: -1",
    "GET / HTTP/1.1\r\nHost: TOKEN", "GET / HTTP/1.1\r\nExpect: TOKEN", "GET / HTTP/1.1\r\nTransfer-Encoding: TOKEN",
    "GET /?token=TOKEN" + "x" * 70_000 + " HTTP/1.1", "GET /?token=TOKEN HTTP/1.1\r\nX: " + "x" * 70_000,
]


def test_of_tokens_in_what_is_no_request(start: Start, tmp_path: Path) -> None:
    """In HTTP that is wrong, and in HTTP where there is TLS."""
    server, secure = start(*DEBUG), start(*DEBUG, *Certificate.make(tmp_path, "localhost").flags)
    tokens = good_tokens(server, server.person())
    lines = [(server, line) for line in MALFORMED]
    lines += [(secure, f"{method} /ws/v1/chat/?token=TOKEN HTTP/1.1\r\nHost: localhost") for method in ("GET", "POST")]
    for asked, line in lines:
        for token in tokens:
            with RawConnection(asked) as connection:
                connection.send(line.replace("TOKEN", token).encode() + b"\r\n\r\n")
                answer = connection.response()
                answer.expect_refusal(400, 404, 414, 417, 421, 431, 501, 505)
                expect_nothing_of(token, repr(answer))
    expect_secrecy(server, tokens)
    assert secure.terminate() == 0
    for token in tokens:
        expect_nothing_of(token, "\n".join(secure.log))


def test_a_token_that_is_told_would_be_noticed() -> None:
    token = secrets.token_urlsafe(32)
    for told in (token, token[:12], token[-12:], token[9:24]):
        with pytest.raises(AssertionError, match="a secret was told"):
            expect_nothing_of(token, f'{{"message":"refused","path":"/ws/v1/chat/?token={told}"}}')
