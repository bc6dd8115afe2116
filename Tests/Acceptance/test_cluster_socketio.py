"""Socket.IO on several nodes without sticky sessions: what comes to the wrong node is passed on to the right one."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import socketio
import websockets
from api import answered, direct, post
from certificates import Certificate, SecureConnection
from conftest import Dial, Start
from engine_io import Endpoint, Polling, WebSocket
from javascript_client import TRANSPORTS, Driver, disconnected, event
from machine import free_port
from metrics import Metrics
from nginx import Nginx
from postgres import PostgreSQL, rows
from raw import RawConnection, Response
from redis_server import Redis
from socketio_raw import SIGNED_IN, emitted, expect_text, sign_in
from socketio_values import message, notice, said
from switchboard import PATIENCE, Person, Server, eventually, memory

DOCUMENT = Path(__file__).parents[2] / "docs" / "CLUSTER.md"


class Cluster:
    """Nodes on one PostgreSQL and one Redis."""

    def __init__(self, start: Start, redis: Redis, postgresql: PostgreSQL) -> None:
        self._start, self._bus = start, redis.bus()
        self.store = postgresql.new_store()
        self.nodes: list[Server] = []

    def start(self, *flags: object) -> Server:
        """One more."""
        self.nodes.append(self._start("--loops", 2, *self._bus, *flags, store=self.store))
        return self.nodes[-1]

    def __getitem__(self, number: int) -> Server:
        return self.nodes[number]

    async def meet(self) -> None:
        """Returns once each node knows all others."""
        for owner in self.nodes:
            session = await Endpoint(owner.port, "/socket.io/").open_polling()
            for other in self.nodes:
                deadline = time.monotonic() + PATIENCE
                while (await at(other, session).post("6")).status != 200:
                    assert time.monotonic() < deadline, "the nodes do not know each other"
                    await asyncio.sleep(0.02)


def at(node: Server, session: Polling) -> Polling:
    """The same session, by way of another node."""
    return Polling(Endpoint(node.port, session.path), session.sid, session.path)


def node_address(node: Server) -> int:
    """The port where it takes what other nodes pass on."""
    found = [re.search(r'listening for other nodes.*:(\d+)', line) for line in node.log]
    return int(next(filter(None, found))[1])


@pytest.fixture
def new_cluster(start: Start, redis: Redis, postgresql: PostgreSQL) -> Callable[[], Cluster]:
    return lambda: Cluster(start, redis, postgresql)


@pytest.fixture(scope="module")
def cluster(
    redis: Redis, postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Three nodes for the tests that end none of them."""
    def start(*flags: object, **options: object) -> Server:
        return Server(tmp_path_factory.mktemp("node"), *flags, **options).start()

    cluster = Cluster(start, redis, postgresql)
    for _ in range(3):
        cluster.start()
    asyncio.run(cluster.meet())
    yield cluster
    for node in cluster.nodes:
        node.close()


def in_front(folder: Path, nodes: list[Server]) -> Nginx:
    """A proxy that gives each request to the next node, as the document has it."""
    text, = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    port = free_port()
    servers = "".join(f"    server 127.0.0.1:{node.port};\n" for node in nodes)
    text = re.sub(r"(    server 10\.\S+;\n)+", servers, text).replace("listen 80;", f"listen 127.0.0.1:{port};")
    text = text.replace("/var/log/nginx", str(folder))
    return Nginx.http(folder, port, text).start()


@pytest.fixture(scope="module")
def front(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    nginx = in_front(tmp_path_factory.mktemp("nginx"), cluster.nodes)
    yield nginx
    nginx.stop()


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


async def signed_in(node: Server, person: Person, *others: Server) -> Polling:
    """A session that polls, opened on a node and used by way of others."""
    session = await Endpoint(node.port, "/socket.io/").open_polling()
    await at(others[0] if others else node, session).say(sign_in(person.token))
    expect_text((await at(others[-1] if others else node, session).get()).body, SIGNED_IN)
    return session


async def end_of(polling: Polling, within: float = PATIENCE) -> None:
    """Waits for the session to be unknown."""
    async with asyncio.timeout(within):
        while (await polling.post("6")).status == 200:
            await asyncio.sleep(0.02)


# MARK: Clients that do not know that there are several nodes

async def test_python_clients_do_not_notice(cluster: Cluster, front: Nginx, dial: Dial, transport: str) -> None:
    people = cluster[0].person(), cluster[0].person()
    number = direct(cluster[0], *people)
    clients = [await dial(front, person, transport) for person in people]
    for client in clients:
        await client.join(number)
    for count in range(20):
        (sender, client), (receiver, other) = list(zip(people, clients))[:: (-1) ** count]
        await client.ask("send_message", said(str(count), number))
        for each in clients:
            await each.expect("new_message", message(str(count), sender, receiver, number))
        await other.expect("message_notification", notice(str(count), sender, receiver, number))
    for client in clients:
        await client.expect_nothing()
        await client.close()


async def test_javascript_clients_do_not_notice(
    cluster: Cluster, front: Nginx, javascript: Driver, transport: str
) -> None:
    person, other = cluster[0].person(), cluster[0].person()
    number = direct(cluster[0], person, other)
    client = await javascript.online(front.port, person, transport, number)
    # As large together as a payload may be.
    texts = [f"{count}" + "x" * 16_000 for count in range(100)]
    for text in texts:
        await client.emit("send_message", said(text, number))
    for text in texts:
        await client.expect(event("new_message", message(text, person, other, number)))
    await client.expect_nothing()
    await client.call("disconnect")
    await client.expect(disconnected("io client disconnect"))


@pytest.mark.parametrize("transport", ["polling", "upgrade"])
async def test_a_client_of_a_node_that_is_killed_comes_back_by_itself(
    new_cluster: Callable[[], Cluster], tmp_path: Path, transport: str
) -> None:
    """With what python-socketio does by default."""
    cluster = new_cluster()
    nodes = [cluster.start(), cluster.start()]
    await cluster.meet()
    person, connected, lost = nodes[0].person(), asyncio.Event(), asyncio.Event()
    failures: list[object] = []
    nginx = in_front(tmp_path, nodes)
    client = socketio.AsyncClient(handle_sigint=False)
    client.on("connect", connected.set)
    client.on("disconnect", lambda reason: lost.set())
    try:
        await client.connect(
            f"http://127.0.0.1:{nginx.port}", auth={"token": person.token},
            transports=["polling"] if transport == "polling" else ["polling", "websocket"], wait_timeout=PATIENCE)
        await asyncio.wait_for(connected.wait(), PATIENCE)
        sessions = [Metrics.of(node)["connections", {"dialect": "socketio"}] for node in nodes]
        connected.clear()
        client.on("connect_error", failures.append)
        killed = nodes[sessions.index(1)]
        killed.kill9()
        # At once: the other node misses the heartbeats only later.
        await asyncio.wait_for(lost.wait(), 2.4)
        # And its first try succeeds.
        await asyncio.wait_for(connected.wait(), PATIENCE)
        assert failures == []
    finally:
        client.reconnection = False
        await client.shutdown()
        nginx.stop()


# MARK: Requests by hand

async def test_a_poll_waits_at_another_node_and_hears_the_error_of_one_that_dies(
    new_cluster: Callable[[], Cluster]
) -> None:
    cluster = new_cluster()
    owner, other = cluster.start(), cluster.start()
    await cluster.meet()
    session = await signed_in(owner, owner.person(), other)
    poll = await at(other, session).begin_get()
    eventually(lambda: Metrics.of(other)["forwards_under_way"] == 1, "the poll waits")
    owner.kill9()
    (await poll.answer()).expect_refusal(1, "Session ID unknown")
    await at(other, session).expect_end()
    failures = Metrics.of(other).by("reason", "forward_failures_total")
    # Where the connection ended without a word another was tried.
    assert failures["lost"] + failures["unreachable"] + failures["unknown_node"] >= 2, failures


async def test_each_request_may_come_to_another_node(cluster: Cluster) -> None:
    person = cluster[0].person()
    session = await signed_in(cluster[0], person, cluster[1], cluster[2])
    for count in range(30):
        await at(cluster[count % 3], session).say(emitted(f"no {count}", ack=count))
        answer = await at(cluster[(count + 1) % 3], session).get()
        assert "Unknown event" in answer.body, answer


async def test_the_answer_is_the_same_as_that_of_the_right_node(cluster: Cluster) -> None:
    """CORS and all."""
    session = await signed_in(cluster[0], cluster[0].person())
    here, there = [f"http://localhost:{node.port}" for node in cluster.nodes[:2]]
    answers = []
    for node, origin in ((cluster[0], here), (cluster[1], there)):
        for method, query, body in (
            ("POST", session.query, "6"), ("OPTIONS", session.query, None), ("GET", session.query + "&b64=1", None),
            ("POST", session.query, "9"),
        ):
            fields = {"Host": f"localhost:{node.port}", "Origin": origin}
            with RawConnection(node) as connection:
                head = [f"{method} /socket.io/?{query} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
                data = (body or "").encode()
                connection.send("\r\n".join([*head, f"Content-Length: {len(data)}", "", ""]).encode() + data)
                if method == "GET":
                    await at(cluster[2], session).say(emitted("anything"))
                answer = connection.response()
            answers.append((answer.status, answer.body, answer.headers | {"date": ""}))
        session = await signed_in(cluster[0], cluster[0].person())
        # The owner's session, by way of the other node from here on.
    half = len(answers) // 2
    for mine, other in zip(answers[:half], answers[half:], strict=True):
        assert mine[:2] == other[:2]
        assert {**mine[2], "access-control-allow-origin": ""} == {**other[2], "access-control-allow-origin": ""}
        assert (mine[2]["access-control-allow-origin"], other[2]["access-control-allow-origin"]) == (here, there)


async def test_connections_stay_open_and_requests_are_answered_in_their_order(cluster: Cluster) -> None:
    session = await signed_in(cluster[0], cluster[0].person())
    body = emitted("anything").encode()
    one = f"POST /socket.io/?{session.query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    with RawConnection(cluster[1]) as connection:
        for _ in range(3):
            connection.send((one.encode() + body) * 3)
            for _ in range(3):
                answer = connection.response()
                assert (answer.status, answer.body, answer.headers["connection"]) == (200, b"ok", "keep-alive")


async def test_a_payload_may_be_as_large_as_on_the_right_node(cluster: Cluster) -> None:
    session = await signed_in(cluster[0], cluster[0].person())
    largest = emitted("x" * 999_996)
    assert len(largest) == 1_000_002
    assert (await at(cluster[1], session).post(emitted("x" * 999_994))).body == "ok"
    assert "Unknown event" in (await at(cluster[2], session).get()).body
    answer = await at(cluster[1], session).post(largest)
    assert (answer.status, "too large" in answer.body) == (413, True)
    await at(cluster[2], session).say("6")


async def test_a_client_that_goes_ends_its_session_at_once(cluster: Cluster) -> None:
    session = await signed_in(cluster[0], cluster[0].person())
    poll = await at(cluster[1], session).begin_get()
    eventually(lambda: Metrics.of(cluster[1])["forwards_under_way"] == 1, "the poll waits")
    poll.abort()
    await end_of(session)


async def test_two_polls_at_a_time_end_the_session(cluster: Cluster) -> None:
    session = await signed_in(cluster[0], cluster[0].person())
    polls = [await at(node, session).begin_get() for node in (cluster[1], cluster[2])]
    # Whichever of them the owner hears of first.
    first, second = sorted([await poll.answer() for poll in polls], key=lambda answer: answer.status)
    first.expect_payload("1")
    second.expect_refusal(3, "Bad request")
    await end_of(session)


async def test_ids_of_no_session_get_the_protocols_error(cluster: Cluster) -> None:
    session = await Endpoint(cluster[0].port, "/socket.io/").open_polling()
    sid = session.sid
    assert re.fullmatch(r"[\w-]{30}", sid)
    before = Metrics.of(cluster[1])["forward_failures_total", {"reason": "unknown_node"}]
    foreign = [sid[:2] + "AAAAAAAA" + sid[10:], sid[:2] + sid[2:10][::-1].swapcase() + sid[10:]]
    # The node is there, but not the session, or not the loop.
    unknown = [sid[:-1] + ("A" if sid[-1] != "A" else "B"), "__" + sid[2:]]
    garbage = ["x", sid[:29], sid + "A", sid[:2] + sid[10:], sid[:2] + "%C3%A4" * 4 + sid[10:], "A" * 30, "%00" * 30,
               sid[:5] + "." + sid[6:], "A" * 4000]
    for text in foreign + unknown + garbage:
        polling = Polling(Endpoint(cluster[1].port, "/socket.io/"), text, "/socket.io/")
        for answer in (await polling.get(), await polling.post("6")):
            answer.expect_refusal(1, "Session ID unknown")
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        answer = await polling.server.ask("GET", polling.websocket_query, headers=upgrade)
        answer.expect_refusal(1, "Session ID unknown")
    failures = Metrics.of(cluster[1])["forward_failures_total", {"reason": "unknown_node"}]
    # And those that are an id of a node that never was.
    assert failures - before == 3 * (len(foreign) + garbage.count("A" * 30))
    await at(cluster[1], session).say("6")


async def test_while_the_bus_is_lost_sessions_go_on(
    start: Start, start_redis: Callable[[], Redis], postgresql: PostgreSQL
) -> None:
    redis = start_redis()
    cluster = Cluster(start, redis, postgresql)
    owner, other = cluster.start(), cluster.start()
    await cluster.meet()
    session = await signed_in(owner, owner.person())

    async def uses() -> None:
        await at(other, session).say(emitted("anything"))
        assert "Unknown event" in (await at(other, session).get()).body

    redis.stop()
    eventually(lambda: Metrics.of(other)["bus_nodes"] == 1, "they do not hear each other")
    await uses()
    redis.start()
    while Metrics.of(other)["bus_nodes"] == 1:
        await uses()
    await uses()


async def test_a_node_that_hangs_is_soon_asked_no_more(new_cluster: Callable[[], Cluster]) -> None:
    cluster = new_cluster()
    owner, other = cluster.start(), cluster.start()
    await cluster.meet()
    session, second = [await signed_in(owner, owner.person()) for _ in range(2)]
    poll = await at(other, session).begin_get()
    link = Endpoint(other.port, "/socket.io/").open_websocket(second.websocket_query)
    try:
        async with link as websocket:
            await upgraded(second, websocket)
            owner.signal(signal.SIGSTOP)
            (await poll.answer()).expect_refusal(1, "Session ID unknown")
            await websocket.expect_end()
        await at(other, session).expect_end()
    finally:
        owner.signal(signal.SIGCONT)


async def test_clients_may_come_by_tls(new_cluster: Callable[[], Cluster], tmp_path: Path) -> None:
    certificate, cluster = Certificate.make(tmp_path, "localhost"), new_cluster()
    owner, secure = cluster.start(), cluster.start(*certificate.flags, "--hsts", "1h")
    session = await Endpoint(owner.port, "/socket.io/").open_polling()

    def ask(method: str, body: str = "") -> Response:
        with SecureConnection(secure, certificate.trust()) as connection:
            head = f"{method} /socket.io/?{session.query} HTTP/1.1\r\nHost: localhost\r\n"
            connection.send(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            return connection.response()

    eventually(lambda: ask("POST", "6").status == 200, "the nodes know each other")
    assert ask("POST", sign_in(owner.person().token)).headers["strict-transport-security"] == "max-age=3600"
    expect_text(ask("GET").body.decode(), SIGNED_IN)
    url = f"wss://127.0.0.1:{secure.port}/socket.io/?{session.websocket_query}"
    async with websockets.connect(url, ssl=certificate.trust(), max_size=None, proxy=None) as connection:
        link = WebSocket(connection)
        await upgraded(session, link)
        for length in (1, 100_000, 900_000):
            await link.send(emitted("w" * length))
            await link.expect(emitted("error", {"message": "Unknown event"}))


# MARK: WebSockets

async def upgraded(session: Polling, link: WebSocket) -> None:
    """Both know that the websocket carries the session now."""
    await link.send("2probe")
    await link.expect("3probe")
    await link.send("5", emitted("upgraded?"))
    await link.expect(emitted("error", {"message": "Unknown event"}))


async def test_a_session_goes_on_over_a_websocket_to_another_node(cluster: Cluster) -> None:
    session = await signed_in(cluster[0], cluster[0].person())
    poll = await at(cluster[1], session).begin_get()
    endpoint = Endpoint(cluster[2].port, "/socket.io/")
    async with endpoint.open_websocket(session.websocket_query) as link:
        await link.send("2probe")
        await link.expect("3probe")
        (await poll.answer()).expect_payload("6")
        await link.send("5", emitted("anything", ack=7))
        await link.expect(
            emitted("error", {"message": "Unknown event"}), '437[{"ok":false,"error":"Unknown event"}]')
        assert Metrics.of(cluster[2])["forwards_under_way"] == 1
        # Both ways, and more than waits anywhere.
        large = "y" * 900_000
        for _ in range(5):
            await link.send(emitted(large))
        for _ in range(5):
            await link.expect(emitted("error", {"message": "Unknown event"}))
    eventually(lambda: Metrics.of(cluster[2])["forwards_under_way"] == 0, "it ends")
    await end_of(session)


async def test_a_websocket_that_was_only_tried_takes_nothing_along(cluster: Cluster) -> None:
    session = await signed_in(cluster[0], cluster[0].person())
    async with Endpoint(cluster[1].port, "/socket.io/").open_websocket(session.websocket_query) as link:
        await link.send("2probe")
        await link.expect("3probe")
        link.abort()
    eventually(lambda: Metrics.of(cluster[1])["forwards_under_way"] == 0, "it ends")
    await at(cluster[2], session).say(emitted("anything"))
    assert "Unknown event" in (await at(cluster[1], session).get()).body


async def test_what_nobody_reads_waits_at_the_right_node(cluster: Cluster) -> None:
    """And not at the one in between, which holds little."""
    owner, between = cluster[0], cluster[1]
    person, other = owner.person(), owner.person()
    number = direct(owner, person, other)
    session = await signed_in(owner, person)
    await session.say(emitted("join_conversation", number))
    closed = Metrics.of(owner)["refusals_total", {"reason": "receiver_too_slow"}]
    async with Endpoint(between.port, "/socket.io/").open_websocket(session.websocket_query, max_queue=1) as link:
        await upgraded(session, link)
        link._connection.transport.pause_reading()
        before = memory(between)
        for count in range(2000):
            answered(post(owner, other, f"/api/conversations/{number}/messages/", {"text": "z" * 16_000}), 201)
            if count % 50 == 0 and Metrics.of(owner)["refusals_total", {"reason": "receiver_too_slow"}] > closed:
                break
        else:
            pytest.fail("nothing waits at the node that has the session")
        assert memory(between) - before < 8 << 20
    await end_of(session)


# MARK: Nodes that leave

async def test_a_node_that_stops_gives_back_the_polls_it_passed_on(new_cluster: Callable[[], Cluster]) -> None:
    cluster = new_cluster()
    owner, other = cluster.start(), cluster.start()
    await cluster.meet()
    session = await signed_in(owner, owner.person(), other)
    poll = await at(other, session).begin_get()
    eventually(lambda: Metrics.of(other)["forwards_under_way"] == 1, "the poll waits")
    other.signal(signal.SIGTERM)
    answer = await poll.answer()
    answer.expect_payload("6")
    assert answer.headers["connection"] == "close"
    assert await asyncio.to_thread(other.wait) == 0
    # And the session goes on.
    await session.say(emitted("anything"))
    assert "Unknown event" in (await session.get()).body


@pytest.mark.parametrize("which", ["the owner", "the one in between"])
async def test_a_websocket_is_told_that_a_node_stops(new_cluster: Callable[[], Cluster], which: str) -> None:
    cluster = new_cluster()
    owner, between = cluster.start(), cluster.start()
    await cluster.meet()
    session = await signed_in(owner, owner.person())
    async with Endpoint(between.port, "/socket.io/").open_websocket(session.websocket_query) as link:
        await upgraded(session, link)
        stopped = owner if which == "the owner" else between
        stopped.signal(signal.SIGTERM)
        await link.expect_close(1012)
    assert await asyncio.to_thread(stopped.wait) == 0


# MARK: What is not of a node

@dataclass
class Forger:
    """Speaks to the port that a node has for others, with the cluster's key."""

    node: Server
    key: bytes

    def ask(self, method: str, target: str, sealed: tuple[object, ...] | str | None, body: bytes = b"") -> tuple:
        """`sealed` is what the seal is for: a method, a target, a time and an address; or the header itself."""
        lines = [f"{method} {target} HTTP/1.1", "Host: node", f"Content-Length: {len(body)}"]
        if isinstance(sealed, tuple):
            words = "\n".join(["forwarded", *map(str, sealed)]).encode()
            seal = hmac.new(self.key, words, hashlib.sha256).hexdigest()
            sealed = f"1 {sealed[2]} {sealed[3]} {seal}"
        if sealed is not None:
            lines.append(f"Switchboard-Forwarded: {sealed}")
        with RawConnection(self) as connection:
            connection.send("\r\n".join([*lines, "", ""]).encode() + body)
            answer = connection.response()
            if answer.headers["connection"] == "close":
                connection.expect_end()
            return answer.status, answer.headers["connection"], answer.body.decode()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", node_address(self.node))


async def test_only_nodes_are_answered_where_nodes_listen(cluster: Cluster) -> None:
    session = await signed_in(cluster[0], cluster[0].person())
    [[key]] = rows(cluster.store, "SELECT value FROM secrets WHERE name = 'cluster'")
    forger, target = Forger(cluster[0], bytes(key)), f"/socket.io/?{session.query}"
    now, address = int(time.time()), "192.0.2.1"
    right = ("POST", target, now, address)
    refused, before = 0, Metrics.of(cluster[0])["refusals_total", {"reason": "not_from_node"}]
    for sealed in (
        None, "", "1", "nonsense", f"1 {now} {address} {'0' * 64}", f"2 {now} {address} {'0' * 64}",
        ("GET", *right[1:]), (right[0], "/socket.io/", *right[2:]), (*right[:2], now - 100, address),
        (*right[:2], now + 100, address), (*right[:2], 2**70, address),
    ):
        status, connection, body = forger.ask("POST", target, sealed, b"6")
        assert (status, connection, "Only nodes" in body) == (403, "close", True), sealed
        refused += 1
    other = Forger(cluster[0], bytes(32))
    assert other.ask("POST", target, right, b"6")[0] == 403
    assert Metrics.of(cluster[0])["refusals_total", {"reason": "not_from_node"}] - before == refused + 1
    cluster[0].logged("what came for nodes was refused")
    # With the right one it is answered, and so is nothing else than what there is a session for.
    assert forger.ask("POST", target, right, b"6") == (200, "keep-alive", "ok")
    for path in ("/healthz", "/metrics", "/api/conversations/", "/ws/chat/"):
        assert forger.ask("GET", path, ("GET", path, now, address))[0] == 404
    path = "/socket.io/?EIO=4&transport=polling"
    assert forger.ask("GET", path, ("GET", path, now, address))[0] == 400
    # The seal means nothing where clients are answered.
    assert (await session.server.ask("GET", "", path="/healthz", headers={"Switchboard-Forwarded": "1"})).status == 200


async def test_what_was_passed_on_is_not_passed_on_again(cluster: Cluster) -> None:
    session = await signed_in(cluster[0], cluster[0].person())
    [[key]] = rows(cluster.store, "SELECT value FROM secrets WHERE name = 'cluster'")
    target, now = f"/socket.io/?{session.query}", int(time.time())
    before = sum(Metrics.of(cluster[1]).by("kind", "forwarded_total").values())
    answer = Forger(cluster[1], bytes(key)).ask("POST", target, ("POST", target, now, "-"), b"6")
    assert (answer[0], "Session ID unknown" in answer[2]) == (400, True)
    assert sum(Metrics.of(cluster[1]).by("kind", "forwarded_total").values()) == before
