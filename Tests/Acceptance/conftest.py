"""Servers and clients for the tests, closed when the test is over.

To run them: `SWITCHBOARD_BIN=path/to/switchboard python -m pytest Tests/Acceptance`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from client import Client
from switchboard import Server

_rooms = (f"room{number}" for number in itertools.count(1))

Connect = Callable[..., Awaitable[Client]]
Start = Callable[..., Server]


@pytest.fixture(scope="session", autouse=True)
def tested_binary() -> None:
    if not os.access(os.environ.get("SWITCHBOARD_BIN", ""), os.X_OK):
        pytest.exit("SWITCHBOARD_BIN must name the switchboard binary to test", returncode=4)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with the default settings, or the file's SETTINGS, shared by the tests of one file."""
    server = Server(tmp_path_factory.mktemp("server"), extra=getattr(request.module, "SETTINGS", None)).start()
    yield server
    server.close()


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
        client.drop()


@pytest.fixture
def room() -> str:
    """The path of a room that no other test is in."""
    return f"/ws/chat/{next(_rooms)}/"
