"""What one client does to itself and to nobody else: floods, unread answers, pages of other sites."""

import asyncio
import socket
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Connect, Start
from crossing import COUNTER, counted
from database import held_up
from erp import CHAT, heard, online, said
from frames import ANY_ERROR
from raw import RawConnection, request
from switchboard import Server, memory

SEND = "/api/notifications/send/"
NOTIFICATION = {"title": "T", "message": "M"}

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def push(client: socket.socket, data: bytes, total: int, seconds: float) -> int:
    """Writes copies of `data` and reads nothing; returns how many bytes the server took."""
    client.settimeout(0.2)
    sent, end = 0, time.monotonic() + seconds
    while sent < total and time.monotonic() < end:
        try:
            sent += client.send(data)
        except TimeoutError:
            pass
    return sent


@needs_proc
def test_answers_that_nobody_reads_do_not_pile_up(server: Server) -> None:
    before = memory(server)
    with socket.create_connection(server.address) as client:
        sent = push(client, b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 1000, 40 << 20, 3)
        assert memory(server) - before < 20 << 20
    assert sent < 40 << 20
    assert request(server, "GET", "/healthz").status == 200


def test_answers_wait_for_a_client_that_reads_late(server: Server) -> None:
    count = 5000
    with RawConnection(server) as connection, ThreadPoolExecutor(1) as other:
        sending = other.submit(connection.send, b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * count)
        assert [connection.response().status for _ in range(count)] == [404] * count
        sending.result()


def test_a_client_that_ends_its_side_gets_its_answers(server: Server) -> None:
    with RawConnection(server) as connection:
        connection.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
        connection.socket.shutdown(socket.SHUT_WR)
        assert [connection.response().status for _ in range(500)] == [404] * 500
        connection.expect_end()


def test_a_page_of_another_site_cannot_post(server: Server) -> None:
    for origin, status in [("https://elsewhere.example", 403), ("null", 403), ("http://localhost:3000", 200)]:
        assert request(server, "POST", SEND, NOTIFICATION, headers={"Origin": origin}).status == status


async def test_a_flood_of_typing_disturbs_nobody(server: Server, connect: Connect) -> None:
    typist, friend = server.person(), server.person()
    there = await online(connect, server, friend)
    client = await online(connect, server, typist)
    for _ in range(5000):
        await client.send({"type": "typing", "recipient_id": friend.id})
    await client.send(said("done", friend.id))
    heard_of_typing = 0
    while (frame := await there.receive()) == {"type": "user_typing", "sender_id": typist.id}:
        heard_of_typing += 1
    assert frame["message"] == "done"
    assert 1 <= heard_of_typing < 100


async def test_a_token_for_a_hundred_years(server: Server, connect: Connect) -> None:
    person = server.person()
    token = server.cli("token", "create", person.id, "--expires", "36500d").strip()
    client = await connect(server, CHAT, token)
    await client.expect_nothing()


async def test_pings_can_be_as_good_as_off(start: Start, connect: Connect, room: str) -> None:
    client = await connect(start("--ping-interval", "36500d"), room)
    await client.expect_nothing()


async def test_while_another_process_holds_the_database(start: Start, connect: Connect) -> None:
    server = start()
    author, reader = server.person(), server.person()
    there = await online(connect, server, reader)
    client = await online(connect, server, author)
    holder = sqlite3.connect(server.database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for number in range(5):
        await client.send(said(f"early {number}", reader.id))
    async with asyncio.timeout(8):
        for _ in range(5):
            await client.expect(ANY_ERROR)
    holder.execute("ROLLBACK")
    await client.send(said("late", reader.id))
    await there.expect(heard("late", author))
    holder.execute("BEGIN IMMEDIATE")
    server.terminate()
    holder.close()


async def test_who_leaves_the_counter_meanwhile_is_counted_out_behind_it(server: Server, connect: Connect) -> None:
    stayer, leaver = await connect(server, COUNTER), await connect(server, COUNTER)
    await counted(stayer, 2)
    with held_up(server):
        leaver.drop()
        # That it is gone fails with the first of them or with the second.
        for _ in range(2):
            await stayer.send({"action": "increment", "value": 1})
            await stayer.expect(ANY_ERROR)
    await counted(stayer, 1)
    await stayer.expect_nothing()
