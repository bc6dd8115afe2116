"""Behind nginx as a reverse proxy, which shares its connections to the server among all clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from string import Template

import pytest
from api import answered, direct, group, post
from conftest import Start, WayTo
from engine_io import Endpoint
from javascript_client import TRANSPORTS, Driver, JavaScriptClient, connected, credentials, disconnected, event
from machine import free_port
from nginx import Nginx
from socketio_values import message, notice, read_by, said, typing
from switchboard import Person, Server

CONFIGURATION = Template("""
    map $$http_upgrade $$connection_upgrade {
        default upgrade;
        "" "";
    }
    upstream switchboard {
        server 127.0.0.1:$upstream;
        keepalive 16;
    }
    server {
        listen 127.0.0.1:$port;
        location / {
            proxy_pass http://switchboard;
            proxy_http_version 1.1;
            proxy_set_header Host $$http_host;
            proxy_set_header X-Forwarded-For $$proxy_add_x_forwarded_for;
            proxy_set_header Upgrade $$http_upgrade;
            proxy_set_header Connection $$connection_upgrade;
            $settings
        }
    }
""")


def in_front(folder: Path, upstream: int, *settings: str) -> Nginx:
    port = free_port()
    text = CONFIGURATION.substitute(upstream=upstream, port=port, settings=" ".join(settings))
    return Nginx.http(folder, port, text).start()


Behind = Callable[..., Nginx]


@pytest.fixture
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Starts proxies: `behind(port of the server, "setting …;")`."""
    started: list[Nginx] = []

    def behind(upstream: int, *settings: str) -> Nginx:
        started.append(in_front(tmp_path_factory.mktemp("nginx"), upstream, *settings))
        return started[-1]

    yield behind
    for nginx in started:
        nginx.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One loop knows nothing of the other's clients, and gets their requests."""
    server = Server(tmp_path_factory.mktemp("server"), "--loops", 2).start()
    yield server
    server.close()


@pytest.fixture
def people(server: Server) -> tuple[Person, Person]:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


async def exchange(
    number: int, here: tuple[Person, JavaScriptClient], there: tuple[Person, JavaScriptClient], text: str
) -> None:
    """The second person answers."""
    for (sender, client), (receiver, other) in ((here, there), (there, here)):
        await client.emit("send_message", said(text, number))
        for each in (client, other):
            await each.expect(event("new_message", message(text, sender, receiver, number)))
        await other.expect(event("message_notification", notice(text, sender, receiver, number)))


async def test_a_conversation(
    server: Server, behind: Behind, javascript: Driver, people: tuple[Person, Person], transport: str
) -> None:
    aarav, bela = people
    nginx, number = behind(server.port), direct(server, *people)
    here, there = [await javascript.online(nginx.port, person, transport, number) for person in people]
    await here.ask("typing_start", {"conversationId": number})
    await there.expect(event("typing_start", typing(aarav, number)))
    for count in range(20):
        await exchange(number, (aarav, here), (bela, there), str(count))
    await there.ask("mark_read", {"conversationId": number})
    await here.expect(event("messages_read", read_by(bela, number)))
    for client in (here, there):
        await client.expect_nothing()
        await client.call("disconnect")
        await client.expect(disconnected("io client disconnect"))


async def test_clients_share_the_connections_to_the_server(
    server: Server, behind: Behind, javascript: Driver, way_to: WayTo
) -> None:
    """Each request may come on any connection, and so to any loop."""
    people = [server.person() for _ in range(12)]
    number, way = group(server, *people), await way_to(server)
    nginx = behind(way.port)
    clients = [await javascript.online(nginx.port, person, "polling", number) for person in people]
    for count in range(5):
        for sender, client in zip(people, clients):
            await client.emit("send_message", said(str(count), number))
            for other in clients:
                expected = [event("new_message", message(str(count), sender, None, number))]
                if other is not client:
                    expected.append(event("message_notification", notice(str(count), sender, None, number)))
                await other.expect(*expected)
    for client in clients:
        await client.expect_nothing()
    assert way.accepted < len(nginx.requests()) / 4


async def test_messages_keep_their_order_across_the_upgrade(
    server: Server, behind: Behind, javascript: Driver, people: tuple[Person, Person]
) -> None:
    nginx, number = behind(server.port), direct(server, *people)
    client = await javascript.connect(nginx.port, **credentials(people[0].token))
    await client.expect(connected())
    await client.emit("join_conversation", number)
    texts = [str(count) for count in range(300)]
    for text in texts:
        await client.emit("send_message", said(text, number))
    for text in texts:
        await client.expect(event("new_message", message(text, *people, number)))
    await client.expect_upgrade()
    await client.expect_nothing()


async def test_payloads_as_large_as_the_server_takes_pass(
    server: Server, behind: Behind, javascript: Driver, people: tuple[Person, Person], transport: str
) -> None:
    """The client fills them up to `maxPayload`."""
    nginx, number = behind(server.port), direct(server, *people)
    client = await javascript.online(nginx.port, people[0], transport, number)
    texts = [f"{count}" + "x" * 16_000 for count in range(100)]
    for text in texts:
        await client.emit("send_message", said(text, number))
    for text in texts:
        await client.expect(event("new_message", message(text, *people, number)))
    await client.expect_nothing()


async def test_nobody_misses_anything_while_the_proxy_restarts(
    server: Server, behind: Behind, javascript: Driver, people: tuple[Person, Person], transport: str
) -> None:
    aarav, bela = people
    nginx, number = behind(server.port), direct(server, *people)
    client = await javascript.online(nginx.port, bela, transport, number)
    for text in ("before", "missed"):
        if text == "missed":
            nginx.stop()
            await client.expect(disconnected())
        answered(post(server, aarav, f"/api/conversations/{number}/messages/", {"text": text}), 201)
        if text == "missed":
            nginx.start()
            await client.expect_back(recovered=True)
        await client.expect(
            event("new_message", message(text, aarav, bela, number)),
            event("message_notification", notice(text, aarav, bela, number)))
    await client.expect_nothing()


# Silence

async def three_are_silent(server: Server, port: int, seconds: float) -> None:
    """One on each transport, to whom nothing happens for so long; then they talk."""
    driver = await Driver.start()
    try:
        people = [server.person() for _ in TRANSPORTS]
        number = group(server, *people)
        clients = [await driver.online(port, *pair, number) for pair in zip(people, TRANSPORTS)]
        # The time that passes is what is tested.
        await asyncio.sleep(seconds)
        for client in clients:
            await client.expect_nothing()
        for sender, client in zip(people, clients):
            await client.emit("typing_start", {"conversationId": number})
            for other in clients:
                if other is not client:
                    await other.expect(event("typing_start", typing(sender, number)))
    finally:
        await driver.close()


async def test_polls_wait_longer_than_requests_may_take(start: Start) -> None:
    """Also those that came to another loop than their client's first request."""
    server = start("--loops", 2, "--head-timeout", "2500ms", "--keepalive-timeout", "2500ms", "--ping-interval", "5s")
    endpoint = Endpoint(server.port, "/socket.io/")
    polls = [await (await endpoint.open_polling()).begin_get() for _ in range(12)]
    for poll in polls:
        (await poll.answer()).expect_payload("2")


async def test_pings_keep_idle_clients_connected(start: Start, behind: Behind) -> None:
    server = start("--ping-interval", "1s", "--ping-timeout", "3s")
    nginx = behind(server.port, "proxy_read_timeout 4s;", "proxy_send_timeout 4s;")
    await three_are_silent(server, nginx.port, 7)


async def test_a_proxy_without_patience_loses_nothing(
    start: Start, behind: Behind, javascript: Driver, transport: str
) -> None:
    """Where it is not pinged in time, nginx ends the connection; the client comes back."""
    server = start()
    aarav, bela = server.person(), server.person()
    nginx, number = behind(server.port, "proxy_read_timeout 3s;"), direct(server, aarav, bela)
    client = await javascript.online(nginx.port, bela, transport, number)
    answered(post(server, aarav, f"/api/conversations/{number}/messages/", {"text": "before"}), 201)
    await client.expect(
        event("new_message", message("before", aarav, bela, number)),
        event("message_notification", notice("before", aarav, bela, number)), disconnected())
    await client.expect_back(recovered=True)


@pytest.fixture(scope="session", autouse=True)
def half_a_minute_of_silence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[None]]:
    """With the pings of the server as they are by default and half the patience of nginx, beside the other tests."""
    server = Server(tmp_path_factory.mktemp("server")).start()
    nginx = in_front(tmp_path_factory.mktemp("nginx"), server.port, "proxy_read_timeout 30s;", "proxy_send_timeout 30s;")
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(asyncio.run, three_are_silent(server, nginx.port, 32))
    nginx.stop()
    server.close()


@pytest.fixture
def finished(half_a_minute_of_silence: Future[None]) -> Future[None]:
    """What runs in the background, once it is over; tests with this come last."""
    return half_a_minute_of_silence


def test_half_a_minute_of_silence(finished: Future[None]) -> None:
    finished.result(timeout=90)
