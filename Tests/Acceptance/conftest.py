"""Servers and clients for the tests, closed when the test is over.

To run them: `SWITCHBOARD_BIN=path/to/switchboard python -m pytest Tests/Acceptance`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import switchboard
from client import Client
from javascript_client import Driver
from postgres import PostgreSQL
from proxy import Proxy
from redis_server import Redis
from socketio_client import SocketIO
from switchboard import Person, Server

_rooms = (f"room{number}" for number in itertools.count(1))

Connect = Callable[..., Awaitable[Client]]
Dial = Callable[..., Awaitable[SocketIO]]
Start = Callable[..., Server]
WayTo = Callable[[Server], Awaitable[Proxy]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What began in the background is looked at when everything else is done."""
    items.sort(key=lambda item: "finished" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def tested_binary() -> None:
    if not os.access(os.environ.get("SWITCHBOARD_BIN", ""), os.X_OK):
        pytest.exit("SWITCHBOARD_BIN must name the switchboard binary to test", returncode=4)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL for all tests that don't end it."""
    server = PostgreSQL("fsync=off", "full_page_writes=off", "max_connections=300")
    yield server.start()
    server.close()


@pytest.fixture(scope="session", autouse=True)
def tested_store(request: pytest.FixtureRequest) -> None:
    """With TEST_STORE=postgresql, each server has a database there instead of a file."""
    if os.environ.get("TEST_STORE") == "postgresql":
        switchboard.new_store = request.getfixturevalue("postgresql").new_store


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with the default settings, or the file's SETTINGS, shared by the tests of one file."""
    server = Server(tmp_path_factory.mktemp("server"), extra=getattr(request.module, "SETTINGS", None)).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis that the tests of one file share."""
    redis = Redis(tmp_path_factory.mktemp("redis")).start()
    yield redis
    redis.close()


@pytest.fixture
def start_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Redis]]:
    """Starts a Redis of the test's own: `start_redis("requirepass …")`."""
    started: list[Redis] = []

    def start_redis(*options: str) -> Redis:
        started.append(Redis(tmp_path_factory.mktemp("redis"), *options))
        return started[-1].start()

    yield start_redis
    for redis in started:
        redis.close()


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts servers of the test's own: `start("--flag", "value", listen=…, extra={…})`."""
    servers: list[Server] = []

    def start(*flags: object, **options: object) -> Server:
        servers.append(Server(tmp_path_factory.mktemp("server"), *flags, **options))
        return servers[-1].start()

    yield start
    for server in servers:
        server.close()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Opens clients: `await connect(server, path, token)`."""
    clients: list[Client] = []

    async def connect(server: Server, path: str, token: str | None = None, **options: object) -> Client:
        clients.append(await Client.open(server.url(path, token), **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.leave()


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Opens Socket.IO clients: `await dial(server, person, transport)`; a token may stand for the person."""
    clients: list[SocketIO] = []

    async def dial(server: Server, who: Person | str | None, *arguments: str, **options: object) -> SocketIO:
        token = who.token if isinstance(who, Person) else who
        clients.append(await SocketIO.open(server, token, *arguments, **options))
        return clients[-1]

    yield dial
    for client in clients:
        await client.drop()


@pytest.fixture
async def javascript() -> AsyncIterator[Driver]:
    """The official JavaScript clients: `await javascript.connect(port, **options)`."""
    driver = await Driver.start()
    yield driver
    await driver.close()


@pytest.fixture
async def way_to() -> AsyncIterator[WayTo]:
    """Proxies that the test can cut: `await way_to(server)`."""
    proxies: list[Proxy] = []

    async def way_to(server: Server) -> Proxy:
        proxies.append(await Proxy(lambda: server.port).start())
        return proxies[-1]

    yield way_to
    for proxy in proxies:
        await proxy.stop()


@pytest.fixture
def room() -> str:
    """The path of a room that no other test is in."""
    return f"/ws/chat/{next(_rooms)}/"
