"""The official JavaScript client under Node: every event of specs/socketio.md, over every transport."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from api import answered, direct, group, post
from conftest import Start
from frames import ID
from javascript_client import TRANSPORTS, WAYS, Driver, JavaScriptClient, connected, credentials, disconnected, event
from socketio_values import (
    NO_CONVERSATION, NO_TARGET, NO_USER, NOT_FOUND, NOT_SENT, message, notice, notification, read_by, said, typing,
)
from switchboard import Person, Server

URL = "https://bucket.s3.amazonaws.com/file.pdf"
STORED = {"ok": True, "id": ID}
Pair = tuple[JavaScriptClient, JavaScriptClient]


@pytest.fixture
def people(server: Server) -> tuple[Person, Person]:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def pair(server: Server, javascript: Driver, people: tuple[Person, Person], transport: str) -> Pair:
    """Two who are there, in no conversation yet."""
    return (
        await javascript.online(server.port, people[0], transport),
        await javascript.online(server.port, people[1], transport),
    )


# Signing in

@pytest.mark.parametrize(("transport", "way"), WAYS)
async def test_every_event_with_every_way_to_sign_in(
    server: Server, javascript: Driver, people: tuple[Person, Person], transport: str, way: str
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here = await javascript.online(server.port, aarav, transport, way=way)
    there = await javascript.online(server.port, bela, transport, way=way)
    for client in (here, there):
        await client.emit("join_conversation", number)
        await client.expect_nothing()

    await here.emit("typing_start", {"conversationId": number, "toUserId": bela.id})
    await here.emit("typing_stop", {"conversationId": number, "toUserId": bela.id})
    for name in ("typing_start", "typing_stop"):
        await there.expect(event(name, typing(aarav, number)))

    await here.emit("send_message", said("Hello world!", number, toUserId=bela.id))
    await here.expect(event("new_message", message("Hello world!", aarav, bela, number)))
    await there.expect(
        event("new_message", message("Hello world!", aarav, bela, number)),
        event("message_notification", notice("Hello world!", aarav, bela, number)))

    await there.emit("mark_read", {"conversationId": number})
    await here.expect(event("messages_read", read_by(bela, number)))

    await there.emit("leave_conversation", number)
    await there.expect_nothing()
    await here.emit("send_message", said("are you there?", number))
    await here.expect(event("new_message", message("are you there?", aarav, bela, number)))
    await there.expect(event("message_notification", notice("are you there?", aarav, bela, number)))

    body = {"user_id": aarav.id, "title": "Project Update", "message": "You joined it.", "type": "project_assigned"}
    answered(post(server, None, "/api/notifications/send/", body))
    await here.expect(event("new_notification", notification(aarav, body["title"], body["message"], body["type"])))

    await here.emit("send_message", {"content": "to nobody"})
    await here.expect(event("error", {"message": NOT_SENT}))
    for client in (here, there):
        await client.expect_nothing()
        await client.call("disconnect")
        await client.expect(disconnected("io client disconnect"))


async def test_the_token_may_be_named_a_bearer(
    server: Server, javascript: Driver, people: tuple[Person, Person], transport: str
) -> None:
    options = credentials(f"Bearer {people[0].token}") | TRANSPORTS[transport]
    await (await javascript.connect(server.port, **options)).expect(connected())


@pytest.mark.parametrize("auth", [{}, {"token": ""}, {"token": "undefined"}, {"token": "nobody's"}], ids=repr)
async def test_who_has_no_token_is_refused(
    server: Server, javascript: Driver, people: tuple[Person, Person], transport: str, auth: dict[str, Any]
) -> None:
    client = await javascript.connect(server.port, auth=auth, **TRANSPORTS[transport])
    await client.expect(["connect_error", "Authentication error"])
    await client.call("auth", {"token": people[0].token})
    await client.call("open")
    await client.expect(connected())
    await client.expect_nothing()


async def test_another_namespace_is_invalid(
    server: Server, javascript: Driver, people: tuple[Person, Person], transport: str
) -> None:
    options = credentials(people[0].token) | TRANSPORTS[transport]
    client = await javascript.connect(server.port, namespace="/custom", **options)
    await client.expect(["connect_error", "Invalid namespace"])


# Acknowledgements and errors

async def test_acknowledgements_come_last(server: Server, people: tuple[Person, Person], pair: Pair) -> None:
    aarav, bela = people
    here, there = pair
    await here.call("ask", 0, "send_message", said("first", toUserId=bela.id, client_id="first"))
    number = (await there.expect(event("message_notification", notice("first", aarav, bela))))[2]["conversation_id"]
    assert number == direct(server, aarav, bela)
    first = (await here.expect(["ack", 0, STORED]))[2]["id"]
    for client in pair:
        await client.ask("join_conversation", str(number))
    # A repeat is answered as the first was, and nobody hears it.
    await here.ask("send_message", said("first", number, client_id="first"), answer={"ok": True, "id": first})

    await there.call("ask", 0, "send_message", said("", number, attachment=URL))
    told = (await there.expect(event("new_message", message(URL, bela, aarav, number))))[2]
    await there.expect(["ack", 0, {"ok": True, "id": told["id"]}])
    await here.expect(
        event("new_message", told), event("message_notification", notice(URL, bela, aarav, number, told["id"])))

    await here.ask("mark_read", {"conversationId": number})
    await there.expect(event("messages_read", read_by(aarav, number)))
    await here.ask("mark_read", {"conversationId": str(number)})
    for name in ("typing_start", "typing_stop"):
        await here.ask(name, {"toUserId": bela.id})
        await there.expect(event(name, typing(aarav, number)))
    await here.ask("leave_conversation", number)
    for client in pair:
        await client.expect_nothing()


async def test_errors_are_told_twice(server: Server, people: tuple[Person, Person], pair: Pair) -> None:
    aarav, bela = people
    here, there = pair
    number = direct(server, aarav, bela)
    carla = server.person("Carla Ruiz")
    foreign = direct(server, bela, carla)
    for place in (foreign, str(foreign), 10**9):
        await here.expect_refusal(NOT_FOUND, NOT_FOUND, "join_conversation", place)
    for place in ("no number", None, {"id": number}):
        await here.expect_refusal(NO_CONVERSATION, NO_CONVERSATION, "join_conversation", place)
    for place, to, why in (
        (foreign, None, NOT_FOUND), (number, carla.id, NO_USER), (None, 10**9, NO_USER), (None, None, NO_TARGET),
    ):
        await here.expect_refusal(
            NOT_SENT, why, "send_message", {"conversationId": place, "toUserId": to, "content": "not delivered"})
    for target, why in (({"conversationId": foreign}, NOT_FOUND), ({"toUserId": 10**9}, NO_USER), ({}, NO_TARGET)):
        await here.expect_refusal(why, why, "typing_start", target)
    await here.expect_refusal(NOT_SENT, "content is required", "send_message", {"conversationId": number})
    await here.expect_refusal(NOT_SENT, "Message is too long", "send_message", said("x" * 16_385, number))
    await here.expect_refusal(NO_CONVERSATION, NO_CONVERSATION, "mark_read", {})
    await here.expect_refusal(NOT_FOUND, NOT_FOUND, "mark_read", {"conversationId": foreign})
    await here.expect_refusal("Unknown event", "Unknown event", "sing", number)
    for client in pair:
        await client.expect_nothing()


async def test_a_group(
    server: Server, javascript: Driver, people: tuple[Person, Person], pair: Pair, transport: str
) -> None:
    aarav, bela = people
    carla = server.person("Carla Ruiz")
    number = group(server, aarav, bela, carla)
    clients = [*pair, await javascript.online(server.port, carla, transport, number)]
    await pair[1].join(number)
    await pair[0].emit("send_message", said("to all", number))
    for client in clients[1:]:
        await client.expect(
            event("new_message", message("to all", aarav, None, number)),
            event("message_notification", notice("to all", aarav, None, number)))
    await clients[2].emit("typing_start", {"conversationId": number})
    for client in clients[:2]:
        await client.expect(event("typing_start", typing(carla, number)))
    for client in clients:
        await client.expect_nothing()


# The connection

async def test_messages_keep_their_order_across_the_upgrade(
    server: Server, javascript: Driver, people: tuple[Person, Person]
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here = await javascript.connect(server.port, **credentials(aarav.token))
    await here.expect(connected())
    await here.emit("join_conversation", number)
    texts = [str(count) for count in range(300)]
    for text in texts:
        await here.emit("send_message", said(text, number))
    ids = []
    for text in texts:
        ids.append((await here.expect(event("new_message", message(text, aarav, bela, number))))[2]["id"])
    assert ids == sorted(set(ids))
    await here.expect_upgrade()
    await here.expect_nothing()


async def test_who_hears_pings_stays(start: Start, javascript: Driver) -> None:
    server = start("--ping-interval", "200ms", "--ping-timeout", "3s")
    person = server.person()
    clients = [await javascript.online(server.port, person, transport) for transport in TRANSPORTS]
    # A client without pings would end after 3.2 s; no event says that it did not.
    await asyncio.sleep(3.5)
    for client in clients:
        await client.expect_nothing()


async def test_a_server_that_stops_sends_its_clients_away(start: Start, javascript: Driver, transport: str) -> None:
    server = start()
    client = await javascript.online(server.port, server.person(), transport, reconnection=False)
    server.signal(signal.SIGTERM)
    # A poll fails, as a packet that says goodbye would keep other clients from coming back.
    await client.expect(disconnected("transport error" if transport == "polling" else "transport close"))
    assert server.wait(within=10) == 0


async def test_a_token_that_expires_disconnects(
    server: Server, javascript: Driver, people: tuple[Person, Person], transport: str
) -> None:
    token = server.cli("token", "create", people[0].username, "--expires", "5s")
    client = await javascript.connect(server.port, **credentials(token), **TRANSPORTS[transport])
    await client.expect(connected(), disconnected("io server disconnect"))
