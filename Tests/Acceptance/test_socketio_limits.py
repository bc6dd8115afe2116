"""Thousands of Socket.IO sessions that nobody polls, and what waits for those who do not read: bounded, and gone."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import Counter

import pytest
from api import direct
from conftest import Dial, Start
from metrics import Metrics
from raw import CLOSE, TEXT, Ended, RawWebSocket, close_payload, frame
from socketio_client import SocketIO, undisturbed
from socketio_raw import SIGNED_IN, PollingLink, emitted, engine, expect_texts, linked, opened, sign_in
from socketio_values import notice, said
from switchboard import PATIENCE, Server, eventually, memory
from websockets.exceptions import InvalidStatus

POLLING = "EIO=4&transport=polling"

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


async def open_sessions(server: Server, count: int, connections: int = 8) -> Counter[int]:
    """How many handshakes got which status, over connections that are kept alive."""
    request = f"GET /socket.io/?{POLLING} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    statuses: Counter[int] = Counter()

    async def open_some(share: int) -> None:
        reader, writer = await asyncio.open_connection(*server.address)
        for _ in range(share):
            writer.write(request)
            async with asyncio.timeout(PATIENCE):
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
            statuses[int(head.split(" ")[1])] += 1
        writer.close()

    await asyncio.gather(*(open_some(count // connections) for _ in range(connections)))
    return statuses


@needs_proc
async def test_ten_thousand_sessions_that_never_poll(start: Start) -> None:
    server = start()
    async with undisturbed(server):
        before = memory(server)
        assert await open_sessions(server, 10_000) == {200: 10_000}
        assert memory(server) - before < 60 << 20


async def test_sessions_that_never_poll_make_room_in_time(start: Start) -> None:
    server = start("--ping-interval", "6s", "--ping-timeout", "2s", "--max-unconnected", 500, "--loops", 1)
    person = server.person()
    began = time.monotonic()
    assert await open_sessions(server, 2000) == {200: 500, 503: 1500}
    eventually(lambda: Metrics.of(server)["socketio_unconnected"] < 450, "they make room")
    assert time.monotonic() - began > 6
    for transport in ("websocket", "polling") * 10:
        async with linked(server, transport, person.token) as link:
            await link.send(emitted("nothing"))
            await expect_texts(link, '42["error",{"message":"Unknown event"}]')


async def test_the_number_of_sessions_that_have_not_signed_in(start: Start, dial: Dial) -> None:
    server = start("--max-unconnected", 5, "--loops", 1)
    person = server.person()
    members = [await dial(server, person, transport) for transport in ("websocket", "polling") for _ in range(10)]
    waiting = [PollingLink(await engine(server).open_polling()) for _ in range(3)]
    async with opened(server) as fourth, opened(server):
        assert (await engine(server).ask("GET", POLLING)).status == 503
        with pytest.raises(InvalidStatus) as refusal:
            async with opened(server):
                pass
        assert refusal.value.response.status_code == 503
        await SocketIO.refused(server, person.token, "polling")
        for member in members:
            await member.expect_nothing()
        # Whoever signs in, or goes, makes room; a bad token does not.
        await fourth.send(sign_in("wrong"))
        await expect_texts(fourth, '44{"message":"Authentication error"}')
        assert (await engine(server).ask("GET", POLLING)).status == 503
        await fourth.send(sign_in(person.token))
        await expect_texts(fourth, SIGNED_IN)
        waiting.append(PollingLink(await engine(server).open_polling()))
        assert (await engine(server).ask("GET", POLLING)).status == 503
        await waiting[0].send("1")
        await waiting[0].expect_end()
        waiting.append(PollingLink(await engine(server).open_polling()))
        assert (await engine(server).ask("GET", POLLING)).status == 503
        for member in members:
            await member.expect_nothing()


@needs_proc
async def test_what_waits_for_a_session_that_never_polls_is_bounded(start: Start, dial: Dial) -> None:
    server = start("--send-queue", 200_000)
    aarav, bela = server.person(), server.person()
    number = direct(server, aarav, bela)
    sender = await dial(server, aarav)
    async with contextlib.AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(linked(server, "polling", bela.token)) for _ in range(20)]
        reader = await dial(server, bela)
        before = memory(server)
        for count in range(60):
            text = f"{count} ".ljust(16_000, "x")
            await sender.ask("send_message", said(text, number))
            await reader.expect("message_notification", notice(text, aarav, bela, number))
        # 20 times 1 MB would wait for them; the log for recoveries holds the rest.
        assert memory(server) - before < 60 << 20
        for link in idle:
            await link.expect_end()
    await reader.expect_nothing()


@needs_proc
async def test_what_waits_for_a_websocket_that_never_reads_is_bounded(start: Start, dial: Dial) -> None:
    server = start("--send-queue", 200_000)
    aarav, bela = server.person(), server.person()
    number = direct(server, aarav, bela)
    sender, reader = await dial(server, aarav), await dial(server, bela)
    path = "/socket.io/?EIO=4&transport=websocket"
    with RawWebSocket(server, path, receive_buffer=65536) as slow:
        assert slow.receive().payload.startswith(b"0{")
        slow.send(frame(TEXT, sign_in(bela.token).encode()))
        assert slow.receive().payload.startswith(b"40{")
        for count in range(400):
            text = f"{count} ".ljust(16_000, "x")
            await sender.ask("send_message", said(text, number))
            await reader.expect("message_notification", notice(text, aarav, bela, number))
            # Who does not read on then is soon waited for no more.
            if any("too slow" in line for line in server.log):
                break
        last = slow.receive()
        with pytest.raises(Ended):
            while True:
                last = slow.receive()
        assert (last.opcode, last.payload[:2]) == (CLOSE, close_payload(1013))
    await reader.expect_nothing()


async def test_a_slow_poller_gets_everything_in_pieces(start: Start, dial: Dial) -> None:
    """What waits is more than a payload may be, and less than may wait."""
    server = start()
    aarav, bela = server.person(), server.person()
    number = direct(server, aarav, bela)
    sender = await dial(server, aarav)
    async with linked(server, "polling", bela.token) as link:
        for count in range(150):
            await sender.ask("send_message", said(f"{count} ".ljust(16_000, "x"), number))
        for count in range(150):
            assert f'"content":"{count} x' in await link.receive()


@needs_proc
async def test_a_thousand_connections_that_come_and_go(start: Start) -> None:
    server = start()
    person = server.person()

    async def come_and_go(transport: str) -> None:
        async with linked(server, transport, person.token) as link:
            await link.send(emitted("nothing"))
            await expect_texts(link, '42["error",{"message":"Unknown event"}]')
            if transport == "polling":
                await link.send("1")

    async with undisturbed(server):
        for _ in range(20):
            await asyncio.gather(*(come_and_go(transport) for transport in ["websocket", "polling"] * 5))
        before = memory(server)
        for _ in range(80):
            await asyncio.gather(*(come_and_go(transport) for transport in ["websocket", "polling"] * 5))
        assert memory(server) - before < 16 << 20
