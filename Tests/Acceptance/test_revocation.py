"""A token that is revoked ends what is connected by it, within a second, and nothing else."""

import time

import pytest
from client import Client
from conftest import Connect, Dial, Start
from frames import refusal
from raw import request
from socketio_client import DISCONNECTED
from switchboard import A_SECOND, Person, Server
from websockets.exceptions import ConnectionClosed

# Everywhere that a token may be brought, rooms included.
PATHS = {
    "erp chat": "/ws/v1/chat/",
    "erp notifications": "/ws/v1/notifications/",
    "campus chat": "/ws/chat/",
    "campus notifications": "/ws/notifications/",
    "conversations": "/ws/chat/?dialect=conversations",
    "a room": "/ws/chat/lobby/",
    "the counter": "/ws/counter/",
}


def logout(server: Server, token: str) -> None:
    assert request(server, "POST", "/api/auth/logout/", headers={"Authorization": f"Bearer {token}"}).status == 200


def revoke_from_the_command_line(server: Server, token: str) -> None:
    newest = server.cli("token", "list").splitlines()[-1].split("\t")[0]
    server.cli("token", "revoke", newest)


WAYS = {"logout": logout, "command": revoke_from_the_command_line}


def another_token(server: Server, person: Person) -> str:
    return server.cli("token", "create", person.username).strip()


async def close_of(client: Client) -> tuple[int, str]:
    """The code and reason it is closed with, whatever comes before."""
    try:
        while True:
            await client.receive(A_SECOND)
    except ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_a_revoked_token_ends_what_is_connected_by_it(server: Server, connect: Connect, way) -> None:
    person = server.person()
    token = another_token(server, person)
    ended = [await connect(server, path, token) for path in PATHS.values()]
    kept = [await connect(server, path, person.token) for path in PATHS.values()]
    anonymous = await connect(server, PATHS["a room"])
    for client in ended:
        await client.arrived()
    way(server, token)
    began = time.monotonic()
    for client in ended:
        assert await close_of(client) == (4003, "Token revoked")
    assert time.monotonic() - began < A_SECOND
    for client in [*kept, anonymous]:
        await client.arrived()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_client_of_socketio_is_disconnected(server: Server, dial: Dial, transport: str, way) -> None:
    person = server.person()
    token = another_token(server, person)
    client, other = await dial(server, token, transport), await dial(server, person, transport)
    way(server, token)
    assert (await client.receive(A_SECOND))[0] == DISCONNECTED
    await other.expect_nothing()


async def test_a_token_that_was_used_before_is_refused_once_it_is_revoked(server: Server, connect: Connect) -> None:
    """Known tokens are let in without the store; what is revoked is known no more."""
    person = server.person()
    for _ in range(50):
        token = another_token(server, person) if _ % 10 == 0 else token
        client = await connect(server, PATHS["erp chat"], token)
        await client.arrived()
        await client.close()
        if _ % 10 == 9:
            logout(server, token)
            client = await connect(server, PATHS["erp chat"], token)
            await client.expect_close(4003, within=A_SECOND)


async def test_a_token_that_is_revoked_while_the_server_is_down_is_refused(start: Start, connect: Connect) -> None:
    server = start()
    person = server.person()
    await (await connect(server, PATHS["erp chat"], person.token)).arrived()
    server.terminate()
    revoke_from_the_command_line(server, person.token)
    server.start()
    await (await connect(server, PATHS["erp chat"], person.token)).expect_close(4003)


async def test_a_known_token_still_expires(server: Server, connect: Connect) -> None:
    token = server.cli("token", "create", server.person().username, "--expires", "5s").strip()
    for _ in range(20):
        client = await connect(server, PATHS["erp chat"], token)
        await client.arrived()
        client.drop()
    last = await connect(server, PATHS["erp chat"], token)
    await last.expect_close(4003)
    await (await connect(server, PATHS["erp chat"], token)).expect_close(4003)


def test_a_token_that_logged_out_opens_nothing_over_http(server: Server) -> None:
    person = server.person()
    logout(server, person.token)
    answer = request(server, "GET", "/api/auth/me/", headers={"Authorization": f"Bearer {person.token}"})
    assert answer.status == 401 and answer.json == refusal("Authentication required")
