"""A server that is to stop sends its clients away one after the other, lets nobody in, and loses nothing."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import campus
import conversations
import erp
import pytest
import socketio
from api import direct, post
from client import Client
from conftest import Connect, Start
from database import stored_texts
from javascript_client import Driver, disconnected
from machine import free_port
from metrics import Metrics
from raw import RawConnection, RawWebSocket, handshake, request
from socket_io import STORED
from socketio_client import TRANSPORTS
from socketio_raw import PollingLink, engine, linked
from switchboard import PATIENCE, Server, command, eventually
from websockets.exceptions import ConnectionClosed

QUIET = "/ws/notifications/"
KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
POLLING = "/socket.io/?EIO=4&transport=polling"


async def quiet_clients(connect: Connect, server: Server, count: int) -> list[Client]:
    """Clients that hear nothing of each other."""
    clients = [await connect(server, QUIET) for _ in range(count)]
    for client in clients:
        await client.receive()
    return clients


def is_draining(server: Server) -> bool:
    return request(server, "GET", "/readyz").status == 503


async def expect_gone(server: Server, within: float = 8) -> None:
    began = time.monotonic()
    # Clients go on meanwhile: they have to answer.
    assert await asyncio.to_thread(server.wait) == 0
    assert time.monotonic() - began < within


# The time it takes

async def test_clients_are_sent_away_over_the_time_in_no_order(start: Start, connect: Connect) -> None:
    server = start("--drain-time", "8s", "--shutdown-timeout", "60s", "--loops", 2)
    clients = await quiet_clients(connect, server, 40)
    began = time.monotonic()
    left: list[tuple[float, int]] = []

    async def wait(number: int) -> None:
        await clients[number].expect_close(1012)
        left.append((time.monotonic() - began, number))

    server.signal(signal.SIGTERM)
    await asyncio.gather(*map(wait, range(40)))
    times = [moment for moment, _ in left]
    # A busy machine may be late, but not by much.
    assert times[0] < 3 and 6 < times[-1] < 12, times
    assert sum(moment < 4 for moment in times) <= 30 and sum(moment < 6 for moment in times) >= 10, times
    assert max(later - sooner for sooner, later in zip(times, times[1:])) < 3, times
    assert [number for _, number in left] != list(range(40))
    await expect_gone(server)


async def test_without_clients_there_is_nothing_to_wait_for(start: Start) -> None:
    server = start("--drain-time", "60s")
    server.signal(signal.SIGTERM)
    await expect_gone(server)


async def test_an_interrupt_does_not_take_the_time(start: Start, connect: Connect) -> None:
    server = start("--drain-time", "60s", "--shutdown-timeout", "60s")
    clients = await quiet_clients(connect, server, 5)
    server.signal(signal.SIGINT)
    for client in clients:
        await client.expect_close(1012)
    await expect_gone(server)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_waits_for_nobody(start: Start, connect: Connect, second: signal.Signals) -> None:
    server = start("--drain-time", "60s")
    aarav, bela = server.person(), server.person()
    await quiet_clients(connect, server, 5)
    number = direct(server, aarav, bela)
    server.signal(signal.SIGTERM)
    eventually(lambda: is_draining(server), "the drain to begin")
    assert post(server, aarav, f"/api/conversations/{number}/messages/", {"text": "kept"}).status == 201
    server.signal(second)
    await expect_gone(server)
    assert stored_texts(server) == ["kept"]


# Whoever comes meanwhile

async def test_nobody_is_let_in_and_requests_are_answered(start: Start, connect: Connect) -> None:
    server = start("--drain-time", "60s")
    aarav, bela = server.person(), server.person()
    number = direct(server, aarav, bela)
    polled = await engine(server).open_polling()
    await quiet_clients(connect, server, 30)
    server.signal(signal.SIGTERM)
    eventually(lambda: is_draining(server), "the drain to begin")
    assert "draining" in request(server, "GET", "/readyz").json["message"]
    done = server.run("health")
    assert (done.returncode, done.stderr) == (1, "switchboard: The server is draining\n")
    assert request(server, "GET", "/healthz").status == 200

    refused = [request(server, "GET", POLLING)]
    for path in (erp.CHAT + f"?token={aarav.token}", "/ws/chat/room/", "/socket.io/?EIO=4&transport=websocket"):
        with RawConnection(server) as connection:
            connection.send(handshake(server, path, KEY))
            refused.append(connection.response())
    for answer in refused:
        answer.expect_refusal(503)
        assert 1 <= int(answer.headers["retry-after"]) <= 61
    with RawConnection(server) as connection:
        connection.send(handshake(server, f"/socket.io/?{polled.websocket_query}", KEY))
        assert connection.response().status in (400, 503)

    metrics = Metrics.of(server)
    assert metrics["draining"] == 1
    assert metrics["refusals_total", {"reason": "draining"}] >= 4
    assert post(server, aarav, f"/api/conversations/{number}/messages/", {"text": "still"}).status == 201
    server.signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.wait) == 0
    assert stored_texts(server) == ["still"]


def test_a_server_that_serves_is_not_draining(server: Server) -> None:
    assert Metrics.of(server)["draining"] == 0


# What was acknowledged

async def test_all_that_is_stored_under_load_is_acknowledged_and_reaches_its_receiver(
    start: Start, connect: Connect
) -> None:
    server = start("--drain-time", "1s", "--loops", 2)
    senders = [server.person() for _ in range(6)]
    bela = server.person("Bela Nováková")
    receiver = await erp.online(connect, server, bela)
    clients = [await connect(server, campus.CHAT, person.token) for person in senders]
    acknowledged = [0] * len(senders)
    seen: list[str] = []

    async def send(number: int) -> None:
        try:
            for count in range(1_000_000):
                await clients[number].send(campus.said(f"{number} {count}", bela.id))
                if count % 20 == 19:
                    await asyncio.sleep(0.01)
        except ConnectionClosed:
            pass

    async def note(number: int) -> None:
        try:
            while True:
                frame = await clients[number].next()
                acknowledged[number] += frame["type"] == "message_sent"
        except ConnectionClosed as closed:
            assert closed.rcvd is not None and closed.rcvd.code == 1012

    async def hear() -> None:
        try:
            while True:
                seen.append((await receiver.next())["message"])
        except ConnectionClosed as closed:
            assert closed.rcvd is not None and closed.rcvd.code == 1012

    work = [asyncio.create_task(job) for number in range(6) for job in (send(number), note(number))]
    work.append(asyncio.create_task(hear()))
    while min(acknowledged) < 20:
        await asyncio.sleep(0.01)
    server.signal(signal.SIGTERM)
    await asyncio.wait_for(asyncio.gather(*work), 20)
    assert await asyncio.to_thread(server.wait) == 0

    stored = stored_texts(server)
    assert sorted(stored) == sorted(f"{number} {count}" for number in range(6) for count in range(acknowledged[number]))
    server.start()
    back = await connect(server, erp.CHAT, bela.token)
    while not set(stored) <= set(seen):
        seen.append((await back.receive())["message"])


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_client_of_python_comes_back_by_itself(start: Start, connect: Connect, transport: str) -> None:
    server = start("--drain-time", "400ms", listen=f"127.0.0.1:{free_port()}")
    aarav, bela = server.person("Aarav Sharma"), server.person()
    others = await quiet_clients(connect, server, 4)
    client = socketio.AsyncClient(
        reconnection_delay=0.1, reconnection_delay_max=0.2, randomization_factor=0, handle_sigint=False)
    connected: asyncio.Queue[str] = asyncio.Queue()
    client.on("connect", lambda: connected.put_nowait(client.get_sid()))
    await client.connect(
        f"http://127.0.0.1:{server.port}", auth={"token": aarav.token}, transports=TRANSPORTS[transport],
        wait_timeout=PATIENCE)
    try:
        await asyncio.wait_for(connected.get(), PATIENCE)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
        await asyncio.to_thread(server.start)
        await asyncio.wait_for(connected.get(), PATIENCE)
        answer = await client.call("send_message", {"toUserId": bela.id, "content": "back"}, timeout=PATIENCE)
        assert answer["ok"] is True
    finally:
        await client.disconnect()
    for other in others:
        await other.expect_close(1012)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_client_of_javascript_comes_back_by_itself(
    start: Start, javascript: Driver, transport: str
) -> None:
    server = start("--drain-time", "400ms", listen=f"127.0.0.1:{free_port()}")
    aarav, bela = server.person(), server.person()
    client = await javascript.online(server.port, aarav, transport)
    server.signal(signal.SIGTERM)
    await client.expect(disconnected())
    assert await asyncio.to_thread(server.wait) == 0
    await asyncio.to_thread(server.start)
    await client.expect_back(recovered=False)
    await client.ask("send_message", {"toUserId": bela.id, "content": "back"}, answer=STORED)


async def test_what_waits_for_a_poll_is_fetched_before_the_end(start: Start, connect: Connect) -> None:
    server = start("--drain-time", "0s", "--shutdown-timeout", "60s")
    aarav, bela, charu = [server.person() for _ in range(3)]
    sender = await erp.online(connect, server, aarav)
    waiting = lambda: Metrics.of(server)["send_queue_bytes", {"transport": "polling"}]
    # The other one fetches nothing, so that the server is still there when all is asked.
    async with linked(server, "polling", bela.token) as link, linked(server, "polling", charu.token):
        assert isinstance(link, PollingLink)
        for person in (bela, charu):
            before = waiting()
            await sender.send(erp.said("hello", person.id))
            eventually(lambda: waiting() > before, "a message for the next poll")
        server.signal(signal.SIGTERM)
        await sender.expect_close(1012)
        assert "hello" in await link.receive()
        (await link.session.get()).expect_refusal(1, "Session ID unknown")
    await expect_gone(server)


# Who could hold it up

async def test_a_peer_that_does_not_read_cannot_hold_it_up(start: Start, connect: Connect, room: str) -> None:
    server = start("--drain-time", "300ms", "--shutdown-timeout", "1s", "--rooms-rate", 0)
    talker = await connect(server, room)
    with RawWebSocket(server, room, receive_buffer=65536):
        for _ in range(300):
            await talker.send({"type": "chat_message", "message": "x" * 1000})
        await talker.arrived()
        server.signal(signal.SIGTERM)
        await expect_gone(server)


async def test_nor_can_one_that_asks_and_does_not_read(start: Start, connect: Connect) -> None:
    """What it asked for waits until it has read what it was told before, so it would never have been answered."""
    server = start("--drain-time", "300ms", "--shutdown-timeout", "1s", "--send-queue", 65_536)
    aarav, bela = server.person(), server.person()
    number = direct(server, aarav, bela)
    for _ in range(4):
        post(server, aarav, f"/api/conversations/{number}/messages/", {"text": "x" * 15_000})
    path = f"/ws/chat/?dialect=conversations&token={aarav.token}"
    with RawWebSocket(server, path, receive_buffer=65536) as client:
        for _ in range(20):
            client.send_json(conversations.get_messages(number, limit=4))
        server.signal(signal.SIGTERM)
        await expect_gone(server)


# switchboard drain

async def test_the_command_waits_until_the_server_is_gone(start: Start, connect: Connect) -> None:
    server = start("--drain-time", "3s", "--shutdown-timeout", "60s")
    clients = await quiet_clients(connect, server, 10)
    draining = asyncio.create_task(asyncio.to_thread(server.run, "drain"))
    for client in clients:
        await client.expect_close(1012)
    done = await draining
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("draining", "stopped")
    assert any(line.startswith("waiting for clients to be sent away: ") for line in lines)
    await expect_gone(server)


def test_the_command_without_a_server(tmp_path: Path) -> None:
    done = command("drain", "--database", "nothing.db", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no server runs" in done.stderr


def test_nobody_else_can_have_it_drain(start: Start) -> None:
    server = start(extra={"SWITCHBOARD_API_KEYS": "an-api-key-of-length"})
    for headers in ({}, {"Authorization": "Bearer an-api-key-of-length"}):
        for method in ("GET", "POST"):
            request(server, method, "/api/drain/", headers=headers).expect_refusal(404)
    assert not is_draining(server)
