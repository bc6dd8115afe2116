"""The `socketio` dialect over every transport: signing in, a conversation, the upgrade, the end (specs/socketio.md)."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import erp
import pytest
from api import direct
from conftest import Connect, Dial, Start
from engine_io import Answer, Polling
from frames import ID, matches
from signed import hs256
from socketio_client import TRANSPORTS, WAYS, SocketIO
from socketio_raw import (
    LINKS, SIGNED_IN, PollingLink, emitted, engine, expect_text, expect_texts, have_read, linked, opened, sign_in,
)
from socketio_values import UNAUTHORIZED, message, notice, read_by, said, typing
from switchboard import PATIENCE, Person, Server
from tokens import expect_nothing_of

Pair = tuple[Person, Person]
LOOPS = {"default": (), "two loops": ("--loops", 2)}


@pytest.fixture(scope="module", params=LOOPS.values(), ids=LOOPS)
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), *request.param).start()
    yield server
    server.close()


@pytest.fixture
def pair(server: Server) -> Pair:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


async def polling_in(server: Server, token: str) -> Polling:
    """A polling session in the main namespace."""
    link = PollingLink(await engine(server).open_polling())
    await link.send(sign_in(token))
    await expect_texts(link, SIGNED_IN)
    return link.session


# A conversation

@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_conversation(server: Server, dial: Dial, pair: Pair, transport: str, way: str) -> None:
    aarav, bela = pair
    number = direct(server, aarav, bela)
    here, there = [await dial(server, person, transport, way) for person in pair]
    await here.join(number)
    await there.join(str(number))
    for sender, client, receiver, text in (
        (aarav, here, bela, "Hello world!"), (bela, there, aarav, "hello"), (aarav, here, bela, "ü€😀"),
    ):
        answer = await client.ask("send_message", said(text, number, toUserId=receiver.id))
        assert matches(answer, {"ok": True, "id": ID})
        for each in (here, there):
            await each.expect("new_message", message(text, sender, receiver, number, answer["id"]))
        await (there if client is here else here).expect(
            "message_notification", notice(text, sender, receiver, number, answer["id"]))
    await there.emit("mark_read", {"conversationId": number})
    await here.expect("messages_read", read_by(bela, number))
    for event in ("typing_start", "typing_stop"):
        await there.emit(event, {"conversationId": number, "toUserId": aarav.id})
        await here.expect(event, typing(bela, number))
    await there.leave(number)
    await here.emit("send_message", said("can you hear me?", number))
    await here.expect("new_message", message("can you hear me?", aarav, bela, number))
    await there.expect("message_notification", notice("can you hear me?", aarav, bela, number))
    for each in (here, there):
        await each.expect_nothing()
        await each.close()


@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io"])
async def test_the_handshake(server: Server, path: str) -> None:
    numbers = '"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
    answer = await engine(server).ask("GET", "EIO=4&transport=polling", path=path)
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert "set-cookie" not in answer.headers
    expect_text(answer.body, f'0{{"sid":"<sid>","upgrades":["websocket"],{numbers}')
    async with engine(server).open_websocket(path=path) as client:
        expect_text(await client.receive(), f'0{{"sid":"<sid>","upgrades":[],{numbers}')


async def test_the_handshake_tells_what_is_set(start: Start) -> None:
    server = start("--ping-interval", "7s", "--ping-timeout", "1500ms", "--max-payload", 2000)
    opened = json.loads((await engine(server).ask("GET", "EIO=4&transport=polling")).body[1:])
    del opened["sid"]
    assert opened == {"upgrades": ["websocket"], "pingInterval": 7000, "pingTimeout": 1500, "maxPayload": 2000}


async def test_polling_from_one_connection_after_the_other(server: Server, pair: Pair) -> None:
    """Every request comes on a connection of its own, which any of the loops may get."""
    aarav, bela = pair
    number = direct(server, aarav, bela)
    async with linked(server, "polling", aarav.token) as here, linked(server, "polling", bela.token) as there:
        await there.send(emitted("join_conversation", number, ack=0))
        assert await there.receive() == '430[{"ok":true}]'
        for count in range(60):
            await here.send(emitted("send_message", said(str(count), number), ack=count))
        for count in range(60):
            expect_text(await here.receive(), f'43{count}[{{"ok":true,"id":<id>}}]')
        heard = [json.loads((await there.receive())[2:]) for _ in range(120)]
    assert [(name, data["content"]) for name, data, _ in heard] == [
        (name, str(count)) for count in range(60) for name in ("new_message", "message_notification")]


@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "all at once"])
async def test_one_connection_for_many_sessions(server: Server, pair: Pair, at_once: bool) -> None:
    """A proxy uses its connections for whoever comes, whose session may be on any of the loops."""
    sessions = [await polling_in(server, pair[0].token) for _ in range(10)]
    reader, writer = await asyncio.open_connection(*server.address)

    def head(method: str, path: str) -> str:
        return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"

    async def answer() -> str:
        async with asyncio.timeout(PATIENCE):
            fields = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert fields.startswith("http/1.1 200 "), fields
            return (await reader.readexactly(int(fields.split("content-length: ")[1].split("\r\n")[0]))).decode()

    for count in range(5):
        packet = emitted("nothing", ack=count)
        told = f'42["error",{{"message":"Unknown event"}}]\x1e43{count}[{{"ok":false,"error":"Unknown event"}}]'
        exchanges = [(head("GET", "/healthz") + "\r\n", None)]
        for session in sessions:
            path = f"/socket.io/?{session.query}"
            exchanges.append((head("POST", path) + f"Content-Length: {len(packet)}\r\n\r\n{packet}", "ok"))
            exchanges.append((head("GET", path) + "\r\n", told))
        if at_once:
            writer.write("".join(request for request, _ in exchanges).encode())
        for request, expected in exchanges:
            if not at_once:
                writer.write(request.encode())
            received = await answer()
            assert expected in (None, received), (expected, received)
    writer.close()


@pytest.mark.parametrize("has_get", [False, True], ids=["no GET waits", "a GET waits"])
async def test_an_upgrade_keeps_the_order(server: Server, dial: Dial, pair: Pair, has_get: bool) -> None:
    aarav, bela = pair
    number = direct(server, aarav, bela)
    sender = await dial(server, aarav)
    seen: list[str] = []

    def note(*packets: str | bytes) -> None:
        for packet in packets:
            if packet != "6":
                name, data, _ = json.loads(packet[2:])
                seen.append(f"{name} {data['content']}")

    async def say(first: int, count: int) -> None:
        for text in range(first, first + count):
            await sender.ask("send_message", said(str(text), number))

    expected = [f"{name} {text}" for text in range(150) for name in ("new_message", "message_notification")]
    async with linked(server, "polling", bela.token) as there:
        await there.send(emitted("join_conversation", number, ack=0))
        assert await there.receive() == '430[{"ok":true}]'
        session = there.session
        await say(0, 5)
        sending = asyncio.create_task(say(5, 145))
        note(*(await session.get()).packets())
        async with engine(server).open_websocket(session.websocket_query) as client:
            get = await session.begin_get() if has_get else None
            await client.send("2probe")
            assert await client.receive() == "3probe"
            if get is not None:
                note(*(await get.answer()).packets())
            await client.send("5")
            while len(seen) < len(expected):
                note(await client.receive())
            await sending
            (await session.get()).expect_refusal(3, "Bad request")
            await client.send(emitted("nothing", ack=1))
            assert await client.receive() == '42["error",{"message":"Unknown event"}]'
            assert await client.receive() == '431[{"ok":false,"error":"Unknown event"}]'
    assert seen == expected


# Tokens

TOKEN_PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "auth": lambda token: {"auth": {"token": token}},
    "auth, as a bearer's": lambda token: {"auth": {"token": f"Bearer {token}"}},
    "Bearer": lambda token: {"headers": {"Authorization": f"Bearer {token}"}},
    "Token": lambda token: {"headers": {"Authorization": f"Token {token}"}},
    "the bare header": lambda token: {"headers": {"Authorization": token}},
    "query": lambda token: {"query": f"token={token}"},
}


async def is_in(client: SocketIO, conversation: int) -> bool:
    return (await client.ask("join_conversation", conversation))["ok"]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("kind", ["opaque", "JWT"])
@pytest.mark.parametrize("place", TOKEN_PLACES)
async def test_a_token_in_its_place(
    server: Server, dial: Dial, pair: Pair, transport: str, kind: str, place: str
) -> None:
    aarav, bela = pair
    number = direct(server, aarav, bela)
    token = aarav.token if kind == "opaque" else server.jwt(aarav)
    client = await dial(server, None, transport, **TOKEN_PLACES[place](token))
    assert await is_in(client, number)


@pytest.mark.parametrize("absent", [None, "", "null", "undefined", "Bearer null", "Bearer undefined"])
async def test_an_absent_token_leaves_it_to_the_next_place(
    server: Server, dial: Dial, pair: Pair, absent: str | None
) -> None:
    aarav, bela = pair
    number = direct(server, aarav, bela)
    auth = {"token": absent}
    for options in (
        {"auth": auth, "headers": {"Authorization": f"Bearer {aarav.token}"}},
        {"auth": auth, "query": f"token={aarav.token}"},
        {"auth": auth, "headers": {"Authorization": absent or "Bearer null"}, "query": f"token={aarav.token}"},
    ):
        for transport in TRANSPORTS:
            assert await is_in(await dial(server, None, transport, **options), number)


async def test_the_first_place_with_a_token_decides(server: Server, dial: Dial, pair: Pair) -> None:
    aarav, bela = pair
    number = direct(server, aarav, server.person())
    headers, query = {"Authorization": f"Bearer {bela.token}"}, f"token={bela.token}"
    assert await is_in(await dial(server, None, auth={"token": aarav.token}, headers=headers, query=query), number)
    headers = {"Authorization": f"Bearer {aarav.token}"}
    assert await is_in(await dial(server, None, headers=headers, query=query), number)
    assert not await is_in(await dial(server, None, query=query), number)
    for options in (
        {"auth": {"token": "wrong"}, "headers": headers, "query": query},
        {"headers": {"Authorization": "Bearer wrong"}, "query": query},
    ):
        assert await SocketIO.refused(server, **options) == UNAUTHORIZED


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("place", TOKEN_PLACES)
async def test_a_bad_token_is_refused(server: Server, transport: str, place: str) -> None:
    person = server.person()
    (issued,) = json.loads(server.cli("token", "list", person.username, "--json"))
    server.cli("token", "revoke", issued["id"])
    for token in (
        "", "null", "undefined", "wrong", "x" * 5000, person.token, server.jwt(person)[:-8],
        hs256("another secret than the server's", user_id=person.id),
    ):
        assert await SocketIO.refused(server, None, transport, **TOKEN_PLACES[place](token)) == UNAUTHORIZED


@pytest.mark.parametrize("auth", [
    None, {}, {"token": None}, {"token": 5}, {"token": True}, {"token": {}}, {"token": [["x"]]}, {"tokens": "x"},
    {"token": "\0"}, {"token": "a\0b"}, {"token": "😀"}, {"token": "x" * 100_000}, {"token": {"token": "x"}},
], ids=lambda auth: repr(auth)[:30])
async def test_without_a_token_nobody_gets_in(server: Server, auth: Any) -> None:
    for transport in TRANSPORTS:
        assert await SocketIO.refused(server, transport=transport, auth=auth) == UNAUTHORIZED


async def test_a_connection_ends_with_its_token(server: Server, dial: Dial) -> None:
    async def live(transport: str, *options: str) -> None:
        # On another thread: meanwhile others connect, whose tokens expire.
        token = await asyncio.to_thread(server.cli, "token", "create", person.username, "--expires", "5s", *options)
        began = time.monotonic()
        client = await dial(server, token, transport)
        assert await client.expect_disconnect() == "server disconnect"
        assert 0.5 < time.monotonic() - began < 9
        assert await SocketIO.refused(server, token, transport) == UNAUTHORIZED

    person = server.person()
    await asyncio.gather(*(live(*how) for how in itertools.product(TRANSPORTS, ["--jwt"])), *map(live, TRANSPORTS))


async def test_no_log_tells_a_token(start: Start, dial: Dial) -> None:
    server = start("--log-level", "debug")
    person = server.person()
    good, bad = [person.token, server.jwt(person)], "no-such-token-of-nobody-at-all"
    for transport, place in itertools.product(TRANSPORTS, TOKEN_PLACES.values()):
        for token in good:
            await (await dial(server, None, transport, **place(token))).close()
        assert await SocketIO.refused(server, None, transport, **place(bad)) == UNAUTHORIZED
    assert server.terminate() == 0
    log = "\n".join(server.log)
    assert '"level":"debug"' in log
    for token in {part for token in [*good, bad] for part in token.split(".") if len(part) >= 12}:
        expect_nothing_of(token, log)


# Being there

@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_who_is_connected_is_online_and_gets_no_backlog(
    server: Server, connect: Connect, dial: Dial, pair: Pair, transport: str
) -> None:
    aarav, bela = pair
    sender = await erp.online(connect, server, aarav)
    await sender.send(erp.said("early", bela.id))
    await sender.expect(erp.NOT_FOUND_OR_OFFLINE)
    there = await dial(server, bela, transport)
    await there.expect_nothing()
    await sender.send(erp.said("hello", bela.id))
    await there.expect("message_notification", notice("hello", aarav, bela))
    await sender.expect_nothing()
    await there.close()
    await sender.send(erp.said("late", bela.id))
    await sender.expect(erp.NOT_FOUND_OR_OFFLINE)
    await (await dial(server, bela, transport)).expect_nothing()


@pytest.mark.parametrize("transport", LINKS)
async def test_who_left_or_never_came_in_is_offline(
    server: Server, connect: Connect, pair: Pair, transport: str
) -> None:
    aarav, bela = pair
    sender = await erp.online(connect, server, aarav)
    async with linked(server, transport) as outside, linked(server, transport, bela.token) as member:
        await sender.send(erp.said("hello", bela.id))
        expect_text((await member.receive())[:26], '42["message_notification",')
        await sender.expect_nothing()
        await member.send("41")
        # An answer of any kind: it has left.
        await member.send('40{"token":"wrong"}')
        assert await member.receive() == '44{"message":"Authentication error"}'
        await outside.send('40{"token":"wrong"}')
        assert await outside.receive() == '44{"message":"Authentication error"}'
        await sender.send(erp.said("and now?", bela.id))
        await sender.expect(erp.NOT_FOUND_OR_OFFLINE)


@pytest.mark.parametrize("transport", LINKS)
async def test_who_answers_no_ping_is_gone(start: Start, connect: Connect, transport: str) -> None:
    server = start("--ping-interval", "500ms", "--ping-timeout", "2500ms")
    aarav, bela = server.person(), server.person()
    sender = await erp.online(connect, server, aarav)
    async with linked(server, transport, bela.token) as alive, linked(server, transport, aarav.token) as dead:
        for _ in range(6):
            assert await alive.receive() == "2"
            await alive.send("3")
        await sender.send(erp.said("hello", bela.id))
        while (received := await alive.receive()) == "2":
            await alive.send("3")
        expect_text(received[:26], '42["message_notification",')
        await dead.expect_end()
        await alive.expect_end()
    await sender.send(erp.said("gone?", bela.id))
    await sender.expect(erp.NOT_FOUND_OR_OFFLINE)


async def test_a_stopping_server_sends_everybody_away(start: Start) -> None:
    server = start("--drain-time", "0s")
    person = server.person()
    async with linked(server, "websocket", person.token) as member, opened(server) as outside:
        async with linked(server, "polling", person.token) as polled, linked(server, "polling") as idle:
            assert isinstance(polled, PollingLink) and isinstance(idle, PollingLink)
            gets = [await link.session.begin_get() for link in (polled, idle)]
            await have_read(server)
            server.signal(signal.SIGTERM)
            for client in (member, outside):
                await client.expect_close(1012)
            answers: list[Answer] = [await get.answer() for get in gets]
            for answer in answers:
                # A close packet would keep clients of python-engineio from coming back.
                answer.expect_refusal(1, "Session ID unknown")
            assert await asyncio.to_thread(server.wait) == 0
    server.start()
    for method in ("GET", "POST"):
        (await engine(server).ask(method, polled.session.query, "3")).expect_refusal(1, "Session ID unknown")


async def test_stopping_waits_for_nobody_who_was_told(start: Start) -> None:
    server = start("--shutdown-timeout", "20s")
    session = await polling_in(server, server.person().token)
    get = await session.begin_get()
    await have_read(server)
    server.signal(signal.SIGTERM)
    (await get.answer()).expect_refusal(1, "Session ID unknown")
    assert await asyncio.to_thread(server.wait) == 0
