"""/metrics: who may read it, and that it counts what happened, in every dialect."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import campus
import conversations
import erp
import pytest
import rooms
import socket_io
from api import API_KEY, KEYED, refused
from conftest import Connect, Start
from metrics import PATH, Metrics, scrape
from postgres import PostgreSQL
from raw import RawWebSocket, bearer, request
from redis_server import Redis
from socketio_raw import PollingLink, engine, sign_in
from switchboard import Server, eventually
from tokens import expect_nothing_of

SETTINGS = KEYED | {"SWITCHBOARD_ALLOWED_HOSTS": "chat.example.org"}
DOCUMENT = Path(__file__).parents[2] / "docs" / "METRICS.md"


@pytest.fixture
def bridged(start: Start, redis: Redis) -> Server:
    """One that has all there is to count: back ends on Redis too."""
    return start("--channels", redis.url, "--emitters", redis.url)


def test_promtool_finds_nothing_to_say_about_it(bridged: Server) -> None:
    text = scrape(bridged).body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=30)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_it_is_the_text_format(server: Server) -> None:
    answer = scrape(server)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


def test_the_document_has_every_metric_and_every_reason(
    bridged: Server, start: Start, redis: Redis, postgresql: PostgreSQL
) -> None:
    node = start("--bus", redis.url, store=postgresql.new_store())
    text = "\n".join(scrape(server).body.decode() for server in (bridged, node))
    named = set(re.findall(r"`([a-z_]+)`", DOCUMENT.read_text()))
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert names == {name for name in named if name.startswith(("switchboard_", "process_"))}
    assert set(re.findall(r'(?:reason|event|queue)="(.*?)"', text)) <= named


def test_the_configurations_in_the_document_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    for block, check in zip(blocks, (["config", "--syntax-only"], ["rules"]), strict=True):
        file = tmp_path / "file.yml"
        file.write_text(block)
        done = subprocess.run(["promtool", "check", *check, file], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr


# MARK: Who may read it

def test_whoever_asks_through_a_proxy_or_by_another_name_needs_a_key(server: Server) -> None:
    for headers in ({"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"Host": "chat.example.org"}):
        refused(scrape(server, headers), 401, "Authentication required")
        assert scrape(server, headers | bearer(API_KEY)).status == 200


def own_address() -> str | None:
    """An address of this machine that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def test_whoever_asks_from_another_address_needs_a_key(start: Start) -> None:
    address = own_address()
    if address is None or address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    server = start(listen="0.0.0.0:0", extra=KEYED)

    def status(headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection(address, server.port, timeout=8)
        connection.request("GET", PATH, headers={"Host": f"127.0.0.1:{server.port}"} | headers)
        return connection.getresponse().status

    assert status({}) == 401
    assert status(bearer("wrong")) == 401
    assert status(bearer(API_KEY)) == 200
    # On the machine itself, whatever it listens on.
    assert scrape(server).status == 200


def test_a_person_who_is_no_administrator_is_refused(server: Server) -> None:
    far = {"Host": "chat.example.org"}
    refused(scrape(server, far | bearer(server.person().token)), 403, "This needs an administrator")
    refused(scrape(server, far | bearer("wrong")), 401, "Authentication required")
    assert scrape(server, far | bearer(server.person(admin=True).token)).status == 200


def test_the_local_socket_has_it_too(server: Server) -> None:
    with socket.socket(socket.AF_UNIX) as local:
        local.settimeout(8)
        local.connect(f"{server.database}.sock")
        local.sendall(b"GET /metrics HTTP/1.1\r\nHost: chat.example.org\r\nX-Forwarded-For: x\r\n\r\n")
        assert local.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_it_can_be_turned_off(start: Start) -> None:
    server = start("--metrics", "false", extra=KEYED)
    refused(scrape(server), 404, "Not found")
    refused(scrape(server, bearer(API_KEY)), 404, "Not found")


def test_only_get_and_head(server: Server) -> None:
    assert request(server, "HEAD", PATH).status == 200
    refused(request(server, "POST", PATH, {}), 405)


# MARK: Traffic in each dialect: two clients, and three messages from the first to the second.

Traffic = Callable[[Server, Connect, str], Awaitable[None]]


async def in_erp(server: Server, connect: Connect, _: str) -> None:
    aarav, diya = server.person(), server.person()
    here, there = await connect(server, erp.CHAT, aarav.token), await connect(server, erp.CHAT, diya.token)
    for number in range(3):
        await here.send(erp.said(f"{number}", diya.id))
        await there.expect(erp.heard(f"{number}", aarav))


async def in_campus(server: Server, connect: Connect, _: str) -> None:
    aarav, diya = server.person(), server.person()
    here, there = await connect(server, campus.CHAT, aarav.token), await connect(server, campus.CHAT, diya.token)
    for number in range(3):
        await here.send(campus.said(f"{number}", diya.id))
        await here.expect(campus.SENT)
        await there.expect(campus.heard(f"{number}", aarav))


async def in_conversations(server: Server, connect: Connect, _: str) -> None:
    aarav, diya = server.person(), server.person()
    # The kind of the token says campus, and the first frame that it is not.
    here, there = [await connect(server, conversations.PATH, person.token) for person in (aarav, diya)]
    number = await conversations.conversation_of(here, diya)
    await conversations.conversation_of(there, aarav)
    for text in "abc":
        await here.send(conversations.said(text, number))
        for client in (here, there):
            await client.expect(conversations.heard(text, aarav, number))


async def in_rooms(server: Server, connect: Connect, room: str) -> None:
    here, there = await connect(server, room), await connect(server, room)
    await here.expect(rooms.JOINED)
    for text in "abc":
        await here.send(rooms.said(text))
        for client in (here, there):
            await client.expect(rooms.heard(text))


async def in_socketio(server: Server, connect: Connect, _: str) -> None:
    aarav, diya = server.person(), server.person()
    here, there = [await socket_io.online(connect, server, person.token) for person in (aarav, diya)]
    for text in "abc":
        await here.ask(*socket_io.said(text, to=diya.id), answer=socket_io.STORED)
        await there.expect(socket_io.notified(text, aarav, diya))


# What is received and sent, how often something was heard and what, and how many changes were stored.
TRAFFIC: dict[str, tuple[Traffic, int, int, dict[str, int], int]] = {
    "erp": (in_erp, 3, 3, {"message": 3}, 3),
    "campus": (in_campus, 3, 6, {"message": 3}, 3),
    "conversations": (in_conversations, 5, 8, {"message": 6}, 4),
    "rooms": (in_rooms, 3, 7, {"room": 7}, 0),
    "socketio": (in_socketio, 3, 6, {"message": 3}, 3),
}


@pytest.mark.parametrize("dialect", TRAFFIC)
async def test_traffic_is_counted_to_the_message(start: Start, connect: Connect, room: str, dialect: str) -> None:
    traffic, received, sent, heard, stored = TRAFFIC[dialect]
    server = start()
    await traffic(server, connect, room)

    def only(name: str, **expected: float) -> None:
        label = "event" if name == "deliveries_total" else "dialect"
        assert {key: value for key, value in metrics.by(label, name).items() if value} == expected, name

    # What is counted behind a write may be a moment late.
    eventually(lambda: Metrics.of(server)["store_duration_seconds_count"] == stored, "all is counted")
    written = sum(count for event, count in heard.items() if event == "message")
    eventually(lambda: Metrics.of(server)["delivery_duration_seconds_count"] == written, "all is counted")
    metrics = Metrics.of(server)
    only("connections", **{dialect: 2})
    only("messages_received_total", **{dialect: received})
    only("messages_sent_total", **{dialect: sent})
    only("deliveries_total", **heard)
    assert sum(metrics.by("dialect", "handshakes_total").values()) == 2
    assert sum(metrics.by("reason", "refusals_total").values()) == 0
    assert metrics["store_commits_total"] >= (stored > 0)
    assert metrics["store_commits_total"] == metrics["store_commit_duration_seconds_count"]
    assert metrics["store_batch_size_sum"] >= stored
    for name in ("store_duration_seconds", "delivery_duration_seconds"):
        histogram = list(metrics.by("le", f"{name}_bucket").values())
        assert histogram == sorted(histogram) and histogram[-1] == metrics[f"{name}_count"]
        assert 0 <= metrics[f"{name}_sum"] < 10


async def test_who_has_left_is_connected_no_more(start: Start, connect: Connect, room: str) -> None:
    server = start()
    clients = [await connect(server, room) for _ in range(3)]
    rooms_only = {"dialect": "rooms"}
    assert Metrics.of(server)["connections", rooms_only] == 3
    await clients[0].close()
    clients[1].drop()
    for _ in range(2):
        await clients[2].expect(rooms.LEFT)
    eventually(lambda: Metrics.of(server)["connections", rooms_only] == 1, "two have left")
    metrics = Metrics.of(server)
    assert metrics["handshakes_total", rooms_only] == 3
    assert metrics["closes_total", {"by": "client", "code": "1000"}] == 1
    assert metrics["closes_total", {"by": "client", "code": "1006"}] == 1
    (await connect(server, "/ws/v1/chat/", "wrong"))
    assert Metrics.of(server)["closes_total", {"by": "server", "code": "4003"}] == 1


async def test_a_close_code_of_the_clients_own_is_one_of_the_others(server: Server, connect: Connect, room: str) -> None:
    before = Metrics.of(server)["closes_total", {"by": "client", "code": "other"}]
    client = await connect(server, room)
    await client.socket.close(4321, "whatever")
    metrics = Metrics.of(server)
    assert metrics["closes_total", {"by": "client", "code": "other"}] == before + 1
    assert '"4321"' not in metrics.text


async def test_what_waits_for_clients_is_counted_in_bytes(start: Start, connect: Connect, room: str) -> None:
    server = start("--rooms-rate", 0)

    def waiting(transport: str) -> float:
        return Metrics.of(server)["send_queue_bytes", {"transport": transport}]

    talker = await connect(server, room)
    with RawWebSocket(server, room, receive_buffer=65536):
        await talker.expect(rooms.JOINED)
        for number in range(6000):
            await talker.send(rooms.said("x" * 1000))
            await talker.receive()
            if number % 100 == 99 and waiting("socket") > 200_000:
                break
        assert 200_000 < waiting("socket") < 4 << 20
    await talker.expect(rooms.LEFT)
    eventually(lambda: waiting("socket") == 0, "nothing waits any more")

    diya = server.person()
    poller = PollingLink(await engine(server).open_polling())
    assert Metrics.of(server)["socketio_unconnected"] == 1
    await poller.send(sign_in(diya.token))
    await poller.receive()
    sender = await connect(server, erp.CHAT, server.person().token)
    await sender.send(erp.said("x" * 10_000, diya.id))
    eventually(lambda: 10_000 < waiting("polling") < 11_000, "the message waits for a poll")
    await poller.receive()
    assert waiting("polling") == 0


async def test_the_process_the_loops_and_the_network(start: Start, connect: Connect, room: str) -> None:
    server = start("--loops", 2)
    before = Metrics.of(server)
    await in_rooms(server, connect, room)
    after = Metrics.of(server)
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"):
        assert before[name] > 0
    # With its first connection, each loop takes one descriptor more for itself.
    assert 2 <= after["process_open_fds"] - before["process_open_fds"] <= 4
    assert after["process_open_fds"] < after["process_max_fds"]
    for name in ("loop_turns_total", "network_received_bytes_total", "network_sent_bytes_total"):
        assert set(after.by("loop", name)) == {"0", "1"}
        assert sum(after.by("loop", name).values()) > sum(before.by("loop", name).values())
    assert sum(after.by("loop", "loop_cpu_seconds_total").values()) <= after["process_cpu_seconds_total"]
    for loop in "01":
        eventually(lambda: Metrics.of(server)["loop_lag_seconds_count", {"loop": loop}] > 0, "the loop has ticked")
    assert after["store_size_bytes", {"file": "database"}] > 0
    assert after["http_responses_total", {"code": "200"}] >= 1
    assert after["build_info", {"version": server.cli("--version").split()[-1]}] == 1


async def test_nothing_that_a_client_chose_is_shown(start: Start, connect: Connect) -> None:
    server = start(extra=KEYED)
    aarav, diya = server.person("Aarav Unmistakable"), server.person()
    here, there = await connect(server, erp.CHAT, aarav.token), await connect(server, erp.CHAT, diya.token)
    await here.send(erp.said("an-unmistakable-text", diya.id))
    await there.receive()
    await connect(server, "/ws/chat/unmistakable_room/")
    (await connect(server, erp.CHAT, "unmistakable-token")).drop()
    for path in ("/unmistakable-path", "/ws/v1/chat/?token=unmistakable-token"):
        request(server, "GET", path, headers={"Host": "unmistakable.example", "Origin": "http://unmistakable.example",
                                              "User-Agent": "unmistakable-agent"})
    request(server, "UNMISTAKABLE", "/healthz")
    text = Metrics.of(server).text
    assert "nmistakable" not in text.lower()
    for secret in (aarav.token, diya.token, API_KEY):
        expect_nothing_of(secret, text)
