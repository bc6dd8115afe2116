"""Attacks on Socket.IO that are none on HTTP or WebSockets alone; guesses and payloads are in test_socketio_refusals.py
and test_socketio_packets.py."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

import pytest
from conftest import Start
from raw import TEXT, RawWebSocket, frame, request
from socketio_raw import Link, PollingLink, emitted, engine, expect_text, expect_texts, opened, sign_in
from switchboard import Person, Server, memory

POLLING = "EIO=4&transport=polling"
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def person(server: Server) -> Person:
    return server.person()


async def test_a_session_cannot_be_named_by_who_opens_it(server: Server) -> None:
    """Fixation: a victim who is led to a session that the attacker chose would sign in for them."""
    for sid in ("A" * 22, "AA" + "b" * 20, "attacker"):
        refusal = await engine(server).ask("GET", f"{POLLING}&sid={sid}")
        refusal.expect_refusal(1, "Session ID unknown")
    session = await engine(server).open_polling()
    for query in ("sid=", f"sid=&sid={session.sid}"):
        answer = await engine(server).ask("GET", f"{POLLING}&{query}")
        assert answer.status == 200 and session.sid not in answer.body


async def test_a_session_that_was_left_lets_nobody_in(server: Server, person: Person) -> None:
    """Neither its id nor that of its socket is worth anything afterwards, or on another transport."""
    link = PollingLink(await engine(server).open_polling())
    await link.send(sign_in(person.token))
    await link.receive()
    await link.send("41")
    sid = link.session.sid
    await link.send("1")
    for transport in ("polling", "websocket"):
        answer = await engine(server).ask("GET", f"EIO=4&transport={transport}&sid={sid}")
        assert answer.status == 400


async def test_a_token_of_the_url_is_not_carried_to_another_session(server: Server, person: Person) -> None:
    """Who signs in does so for their own session: another one beside it is nobody's."""
    with RawWebSocket(server, f"/socket.io/?EIO=4&transport=websocket&token={person.token}") as mine:
        mine.receive()
        mine.send(frame(TEXT, b"40"))
        expect_text(mine.receive().payload.decode(), '40{"sid":"<sid>","pid":"<sid>"}')
        async with opened(server) as other:
            await other.send("40")
            await expect_texts(other, '44{"message":"Authentication error"}')


@contextlib.asynccontextmanager
async def signed_in_for_little(start: Start) -> AsyncIterator[Link]:
    """A client that may do what it likes, as long as the server keeps little of it."""
    server = start()
    person = server.person()
    async with opened(server) as client:
        await client.send(sign_in(person.token))
        await client.receive()
        before = memory(server)
        yield client
        assert memory(server) - before < 16 << 20


@needs_proc
async def test_a_flood_of_namespaces_leaves_nothing(start: Start) -> None:
    async with signed_in_for_little(start) as client:
        for number in range(3000):
            await client.send(f"40/{number}-{'x' * 200},")
            if number % 100 == 99:
                for back in range(99, -1, -1):
                    expect_text(
                        await client.receive(), f'44/{number - back}-{"x" * 200},{{"message":"Invalid namespace"}}')
        await client.send(emitted("nothing"))
        await expect_texts(client, '42["error",{"message":"Unknown event"}]')


@needs_proc
async def test_a_flood_of_conversations_to_join_leaves_nothing(start: Start) -> None:
    async with signed_in_for_little(start) as client:
        for number in range(0, 10_000, 100):
            for guess in range(number + 1, number + 101):
                await client.send(emitted("join_conversation", guess))
            for _ in range(100):
                assert str(await client.receive()).startswith('42["error"')


async def test_a_payload_of_nothing_but_ends_is_taken_for_what_it_is(server: Server, person: Person) -> None:
    began = time.monotonic()
    for payload in ("\x1e" * 900_000, "2\x1e" * 450_000, "b" * 900_000, "4" + "2" * 900_000, "45" * 400_000):
        session = await engine(server).open_polling()
        assert (await session.post(payload)).status in (200, 400)
        assert request(server, "GET", "/healthz").status == 200
    assert time.monotonic() - began < 6


async def test_a_payload_of_refusals_behind_a_change_holds_up_nobody(server: Server, person: Person) -> None:
    """Each waits for the answer to the first; what is too much for the queue of answers ends this session alone."""
    link = PollingLink(await engine(server).open_polling())
    await link.send(sign_in(person.token))
    await link.receive()
    began = time.monotonic()
    payload = "\x1e".join([emitted("join_conversation", 1), *["42[0]"] * 160_000])
    answer = asyncio.create_task(link.session.post(payload))
    await asyncio.sleep(0)
    while not answer.done():
        assert request(server, "GET", "/healthz").status == 200
        await asyncio.sleep(0.02)
    assert answer.result().status in (200, 400)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("packet", [
    '451-["x",{"_placeholder":true,"num":999999999}]', '451-["x",{"_placeholder":true,"num":-1}]',
    '451-["x",{"_placeholder":true,"num":0.5}]', '4599999999999-["x"]', '45-1-["x"]', '42999999999999999999999["x"]',
    '42' + '[' * 5000, '42["constructor"]', '42["__proto__",{}]', '42["connect"]', '42["disconnect"]',
    '42["newListener"]',
])
async def test_a_packet_that_means_mischief_hurts_its_own_connection_at_most(
    server: Server, person: Person, packet: str
) -> None:
    async with opened(server) as client, opened(server) as other:
        for each in (client, other):
            await each.send(sign_in(person.token))
            await each.receive()
        await client.send(packet)
        await other.send(emitted("nothing"))
        await expect_texts(other, '42["error",{"message":"Unknown event"}]')


async def test_a_race_for_an_upgrade_has_one_winner(server: Server, person: Person) -> None:
    """Whoever knows the session may try: one websocket at most is its own, and all of them together hear it once."""
    link = PollingLink(await engine(server).open_polling())
    await link.send(sign_in(person.token))
    await link.receive()
    path = f"/socket.io/?EIO=4&transport=websocket&sid={link.session.sid}"

    def upgrade() -> RawWebSocket:
        socket = RawWebSocket(server, path)
        socket.send(frame(TEXT, b"2probe"))
        return socket

    sockets = await asyncio.gather(*(asyncio.to_thread(upgrade) for _ in range(8)))
    answers = await asyncio.gather(*(asyncio.to_thread(socket.receive) for socket in sockets))
    winners = [socket for socket, answer in zip(sockets, answers) if answer.payload == b"3probe"]
    assert len(winners) == 1
    winners[0].send(frame(TEXT, b"5") + frame(TEXT, emitted("nothing").encode()))
    while (received := winners[0].receive()).payload == b"6":
        pass
    assert b"Unknown event" in received.payload
    for socket in sockets:
        socket.socket.close()
