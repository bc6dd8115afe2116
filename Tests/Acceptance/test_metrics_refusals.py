"""/metrics counts what peers are refused, by reason."""

from __future__ import annotations

import json
import resource
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import campus
import conversations
import erp
import pytest
import rooms
from api import KEYED, MESSAGES, direct, post
from conftest import Connect, Start
from metrics import Metrics
from raw import TEXT, RawConnection, RawWebSocket, frame, request
from switchboard import Person, Server, eventually
from websockets.exceptions import InvalidStatus

SETTINGS = KEYED | {
    "SWITCHBOARD_HEAD_TIMEOUT": "4s", "SWITCHBOARD_ROOMS_BURST": "2", "SWITCHBOARD_ROOMS_RATE": "0.1",
    "SWITCHBOARD_ALLOW_REGISTRATION": "true", "SWITCHBOARD_TOKEN_FAILURES": "20",
}
LOGIN, REGISTER = "/api/auth/login/", "/api/auth/register/"


@dataclass
class Scene:
    server: Server
    connect: Connect
    aarav: Person
    bela: Person

    async def say(self, path: str, *frames: object) -> None:
        """Sends frames as Aarav, and waits for as many answers of any sort."""
        client = await self.connect(self.server, path, self.aarav.token)
        for words in frames:
            await client.send_text(words if isinstance(words, str) else json.dumps(words))
            await client.receive()

    async def open(self, path: str, token: str | None = None) -> None:
        (await self.connect(self.server, path, token)).drop()

    async def raw(self, data: bytes) -> None:
        with RawConnection(self.server) as connection:
            connection.send(data)
            connection.response()


@pytest.fixture
def scene(server: Server, connect: Connect) -> Scene:
    return Scene(server, connect, server.person(), server.person())


def http(method: str, path: str, body: object = None, **headers: str) -> Callable[[Scene], Awaitable[object]]:
    async def ask(scene: Scene) -> None:
        named = {name.replace("_", "-"): value.replace("TOKEN", scene.aarav.token) for name, value in headers.items()}
        request(scene.server, method, path, body, named)

    return ask


def says(path: str, *frames: Callable[[Scene], object]) -> Callable[[Scene], Awaitable[None]]:
    async def say(scene: Scene) -> None:
        await scene.say(path, *(words(scene) for words in frames))

    return say


async def twice_with_one_client_id(scene: Scene) -> None:
    number = direct(scene.server, scene.aarav, scene.server.person())
    post(scene.server, scene.aarav, MESSAGES, {"receiver_id": scene.bela.id, "text": "x", "client_id": "c"})
    post(scene.server, scene.aarav, f"/api/conversations/{number}/messages/", {"text": "x", "client_id": "c"})


async def too_fast(scene: Scene) -> None:
    client = await scene.connect(scene.server, "/ws/chat/toofast/")
    for _ in range(3):
        await client.send(rooms.said("x"))
        await client.receive()


async def too_many_registrations(scene: Scene) -> None:
    taken = {"username": scene.aarav.username, "password": "correct horse battery"}
    while post(scene.server, None, REGISTER, taken).status != 429:
        pass


async def too_many_failures(scene: Scene) -> None:
    """One token again and again is told alone, so that other tests' are not; and so is one name."""
    for _ in range(TRIES):
        await scene.open(erp.CHAT, "again and again")
    with pytest.raises(InvalidStatus, match="429"):
        await scene.open(erp.CHAT, "again and again")
    for _ in range(6):
        post(scene.server, None, LOGIN, {"username": "nobody", "password": "wrong horse battery"})


async def over_the_top(scene: Scene) -> None:
    for value in (2**63 - 1, 1):
        post(scene.server, None, "/api/counter/", {"action": "increment", "value": value})
    post(scene.server, None, "/api/counter/", {"action": "reset"})


async def unmasked(scene: Scene) -> None:
    with RawWebSocket(scene.server, "/ws/chat/unmasked/") as socket:
        socket.send(frame(TEXT, b"{}", masked=False))
        socket.expect_close(1002)


TRIGGERS: dict[str, Callable[[Scene], Awaitable[object]]] = {
    "bad_handshake": http("GET", "/ws/v1/chat/"),
    "origin_not_allowed": http("GET", "/healthz", Origin="http://elsewhere.example"),
    "unknown_host": http("GET", "/api/users/", Host="evil.example"),
    "too_many_failures": too_many_failures,
    "token_missing": lambda scene: scene.open(erp.CHAT),
    "token_invalid": lambda scene: scene.open(erp.CHAT, "wrong"),
    "bad_room_name": lambda scene: scene.open("/ws/chat/bad%20name/"),
    "unknown_session": http("GET", "/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAAAA"),
    "malformed_request": lambda scene: scene.raw(b"nonsense\r\n\r\n"),
    "request_timeout": lambda scene: scene.raw(b"GET / HTTP/1.1\r\n"),
    "body_too_large": lambda scene: scene.raw(
        b"POST /api/auth/login/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"),
    "not_found": http("GET", "/nowhere"),
    "method_not_allowed": http("DELETE", "/healthz"),
    "bad_request": http("POST", LOGIN, {"username": "x"}),
    "unauthenticated": http("GET", "/api/users/"),
    "forbidden": http("POST", "/api/notices/", {"title": "x"}, Authorization="Bearer TOKEN"),
    "conflict": lambda scene: http(
        "POST", REGISTER, {"username": scene.aarav.username, "password": "correct horse battery"})(scene),
    "unsupported_media_type": http("POST", LOGIN, b"x", Content_Type="text/plain", Content_Length="1"),
    "throttled": too_many_registrations,
    "protocol_error": unmasked,
    "not_json": says(erp.CHAT, lambda _: "{"),
    "unknown_format": says(erp.CHAT, lambda _: {"type": "nothing"}),
    "missing_field": says(campus.CHAT, lambda scene: {"receiver_id": scene.bela.id, "message": ""}),
    "bad_client_id": says(erp.CHAT, lambda scene: erp.said("x", scene.bela.id, client_id="c" * 65)),
    "client_id_in_use": twice_with_one_client_id,
    "bad_attachment": http(
        "POST", MESSAGES, {"receiver_id": 1, "attachment": "file:///etc/passwd"}, Authorization="Bearer TOKEN"),
    "bad_limit": says(conversations.CHAT, lambda _: conversations.get_messages(1, limit=0)),
    "bad_cursor": says(conversations.CHAT, lambda _: conversations.get_messages(1, before_id="x")),
    "unknown_recipient": says(erp.CHAT, lambda _: erp.said("x", 999_999)),
    "recipient_is_sender": says(erp.CHAT, lambda scene: erp.said("x", scene.aarav.id)),
    # Both what is stored and what is only looked up.
    "unknown_conversation": says(
        conversations.CHAT, lambda _: conversations.said("x", 999_999), lambda _: conversations.get_messages(999_999)),
    "text_too_long": says(erp.CHAT, lambda scene: erp.said("x" * 20_000, scene.bela.id)),
    "rate_limited": too_fast,
    "unknown_notification": http("POST", "/api/notifications/999999/read/", Authorization="Bearer TOKEN"),
    "unknown_notice": http("GET", "/api/notices/999999/", Authorization="Bearer TOKEN"),
    "counter_overflow": over_the_top,
}
TWICE = {"unknown_conversation", "too_many_failures"}
# What takes a server of its own: the tests that see it counted.
ELSEWHERE = {
    "receiver_too_slow": "test_metrics_refusals.py::test_a_client_that_reads_too_slowly",
    "too_many_unconnected": "test_metrics_refusals.py::test_clients_of_socket_io_beyond_the_limit",
    "store_unavailable": "test_metrics_refusals.py::test_a_store_that_can_not_write",
    "draining": "test_draining.py::test_nobody_is_let_in_and_requests_are_answered",
    "node_is_full": "test_limits.py::test_connections_in_all",
    "address_is_full": "test_limits.py::test_connections_from_one_address",
    "person_is_full": "test_limits.py::test_connections_of_one_person",
    "handshakes_too_fast": "test_limits.py::test_handshakes_a_second",
    "out_of_descriptors": "test_limits.py::test_no_descriptor_is_left",
    "store_busy": "test_backpressure.py::test_who_waits_for_the_store_in_vain_is_told_so",
    "person_too_fast": "test_message_rate.py::test_all_that_a_person_sends_counts",
    "bad_proxy_header": "test_proxies.py::test_a_trusted_proxy_without_a_good_header_is_refused",
    "not_tls": "test_tls.py::test_plain_http_is_told_to_use_tls",
    "not_from_node": "test_cluster_socketio.py::test_only_nodes_are_answered_where_nodes_listen",
    "tls_failed": "test_tls.py::test_garbage_is_closed",
}
# Failures of one token before it is told to wait.
TRIES = 10


@pytest.mark.parametrize("reason", TRIGGERS)
async def test_a_refusal_counts_once_under_its_reason(scene: Scene, reason: str) -> None:
    def counts() -> dict[str, float]:
        return Metrics.of(scene.server).by("reason", "refusals_total")

    before = counts()
    await TRIGGERS[reason](scene)
    expected = before | {reason: before[reason] + (2 if reason in TWICE else 1)}
    after = counts()
    # The tries before were refused as well, for what they were.
    if reason == "throttled":
        assert 20 < after["conflict"] - before["conflict"] <= 30
        expected["conflict"] = after["conflict"]
    if reason == "too_many_failures":
        expected |= {"unauthenticated": before["unauthenticated"] + 5, "token_invalid": before["token_invalid"] + TRIES}
    assert {key for key in after if after[key] != expected[key]} == set(), (before, after)


def test_every_reason_is_tried(server: Server) -> None:
    """/metrics lists all, those that never happened too."""
    reasons = Metrics.of(server).by("reason", "refusals_total").keys()
    assert reasons == TRIGGERS.keys() | ELSEWHERE.keys()
    assert not TRIGGERS.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("reason", ELSEWHERE)
def test_what_is_tried_elsewhere_is_seen_in_the_metrics_there(reason: str) -> None:
    file, name = ELSEWHERE[reason].split("::")
    text = (Path(__file__).parent / file).read_text("utf-8")
    _, found, test = text.partition(f"def {name}(")
    assert found and f'"{reason}"' in test.split("\ndef ")[0].split("\nasync def ")[0], ELSEWHERE[reason]


async def test_a_client_that_reads_too_slowly(start: Start, connect: Connect, room: str) -> None:
    server = start("--send-queue", 65536, "--rooms-rate", 0)
    talker = await connect(server, room)
    with RawWebSocket(server, room, receive_buffer=65536):
        await talker.expect(rooms.JOINED)
        for _ in range(20_000):
            await talker.send(rooms.said("x" * 1000))
            if await talker.receive() == rooms.LEFT:
                break
        metrics = Metrics.of(server)
    assert metrics["refusals_total", {"reason": "receiver_too_slow"}] == 1
    assert metrics["closes_total", {"by": "server", "code": "1013"}] == 1


def test_clients_of_socket_io_beyond_the_limit(start: Start) -> None:
    server = start("--max-unconnected", 1, "--loops", 1)
    for _ in range(3):
        request(server, "GET", "/socket.io/?EIO=4&transport=polling")
    assert Metrics.of(server)["refusals_total", {"reason": "too_many_unconnected"}] == 2


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit, which Linux has")
async def test_a_store_that_can_not_write(start: Start, connect: Connect) -> None:
    server = start()
    aarav, bela = server.person(), server.person()
    sender = await erp.online(connect, server, aarav)
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1024, hard))
    await sender.send(erp.said("refused", bela.id))
    await sender.receive()
    metrics = Metrics.of(server)
    assert metrics["refusals_total", {"reason": "store_unavailable"}] == 1
    assert metrics["store_errors_total"] >= 1
    eventually(lambda: Metrics.of(server)["store_writable"] == 0, "it says that it cannot write")
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))
    eventually(lambda: Metrics.of(server)["store_writable"] == 1, "it writes again")
