"""Files that fail under a running server: who sent is told, nobody else notices, the log says what happened, once."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import campus
import conversations
import erp
import faults
import pytest
import socket_io
from api import CONVERSATIONS, MESSAGES, direct, get, post
from conftest import Connect, Start
from database import all_acknowledged, rows, stored_texts
from faults import Disk, start_faulty
from frames import ANY_ERROR, error
from raw import request
from switchboard import Server, command, eventually

pytestmark = faults.needs_library

NOT_STORED = "The message could not be stored. Please try again."


@pytest.fixture
def faulty(start: Start, tmp_path: Path) -> tuple[Server, Disk]:
    return start_faulty(start, tmp_path)


def said_in_log(server: Server, words: str) -> list[dict]:
    return [entry for entry in map(json.loads, server.logged(words)) if words in entry["message"]]


def is_ready(server: Server) -> bool:
    return request(server, "GET", "/readyz").status == 200


def unready_because(server: Server) -> str:
    answer = request(server, "GET", "/readyz")
    answer.expect_refusal(503)
    return answer.json["message"]


def lengthen_log(server: Server) -> None:
    """Somebody else writes more into the write-ahead log than is worth a checkpoint."""
    with contextlib.closing(sqlite3.connect(server.database, timeout=10)) as database:
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("CREATE TABLE IF NOT EXISTS filler (bytes)")
        database.execute("INSERT INTO filler VALUES (zeroblob(40000000))")
        database.commit()


@pytest.mark.parametrize(("fault", "reason"), [
    (faults.WRITE, "disk I/O error while writing"), (faults.FULL, "database or disk is full"),
    (faults.SYNC, "disk I/O error while waiting for the disk (fsync)"),
    (faults.LOCK, "disk I/O error while locking"),
], ids=["write", "full", "sync", "lock"])
async def test_every_dialect_is_told_and_the_log_says_it_once(
    faulty: tuple[Server, Disk], connect: Connect, fault: int, reason: str
) -> None:
    server, disk = faulty
    aarav, bela = server.person(), server.person()
    number = direct(server, aarav, bela)
    by_erp = await erp.online(connect, server, aarav)
    receiver = await erp.online(connect, server, bela)
    by_campus = await connect(server, campus.CHAT + "?dialect=campus", aarav.token)
    by_conversations = await connect(server, conversations.CHAT, aarav.token)
    by_socketio = await socket_io.online(connect, server, aarav.token, number)
    counter = await connect(server, "/ws/counter/")
    await counter.receive()
    await counter.receive()

    disk.fail(fault)
    for attempt in range(5):
        await by_erp.send(erp.said(f"lost {attempt}", bela.id))
        await by_erp.expect(error(NOT_STORED))
        await by_campus.send(campus.said("lost", bela.id))
        await by_campus.expect(campus.error("An error occurred while processing your message"))
        await by_conversations.send(conversations.said("lost", number))
        assert (await by_conversations.receive())["type"] == "error"
        await by_socketio.send([attempt, "send_message", {"conversationId": number, "content": "lost"}])
        while (heard := await by_socketio.receive())[0] != attempt:
            assert heard == ["error", {"message": "Failed to send message"}]
        assert heard[1]["ok"] is False
        await counter.send({"action": "increment"})
        await counter.expect(ANY_ERROR)
        post(server, aarav, f"{CONVERSATIONS}{number}/messages/", {"text": "lost"}).expect_refusal(503)
    assert unready_because(server).startswith(f"The store cannot write: {reason}")
    assert request(server, "GET", "/healthz").status == 200
    assert disk.failures > 0
    await receiver.expect_nothing()

    disk.work()
    eventually(lambda: is_ready(server), "/readyz says that it can write again")
    await by_erp.send(erp.said("stored", bela.id))
    await receiver.expect(erp.heard("stored", aarav))
    said, = said_in_log(server, "cannot write")
    assert said["level"] == "error" and said["reason"].startswith(reason)
    assert len(said_in_log(server, "writes again")) == 1
    server.kill9()
    server.start()
    assert stored_texts(server) == ["stored"]


def test_a_torn_write_takes_nothing_that_was_stored(faulty: tuple[Server, Disk]) -> None:
    server, disk = faulty
    aarav, bela = server.person(), server.person()
    disk.fail(faults.TORN, first=40)
    stored: list[str] = []
    for number in range(40):
        body = {"receiver_id": bela.id, "text": f"message {number}"}
        answer = post(server, aarav, MESSAGES, body)
        if answer.status == 201:
            stored.append(body["text"])
        else:
            answer.expect_refusal(503)
    assert disk.failures and 0 < len(stored) < 40
    server.kill9()
    disk.work()
    server.start()
    assert rows(server, "PRAGMA integrity_check") == [("ok",)]
    assert stored_texts(server)[:len(stored)] == stored


async def test_a_database_file_that_cannot_be_synced_leaves_all_in_the_log(
    faulty: tuple[Server, Disk], connect: Connect
) -> None:
    server, disk = faulty
    aarav, bela = server.person(), server.person()
    sender, receiver = await erp.online(connect, server, aarav), await erp.online(connect, server, bela)
    disk.fail(faults.SYNC, faults.DATABASE, last=1)
    lengthen_log(server)
    for text in ["one", "two", "three"]:
        await sender.send(erp.said(text, bela.id))
        await receiver.expect(erp.heard(text, aarav))
        eventually(lambda: not is_ready(server), "/readyz says that something is wrong")
    assert "brought up to date" in unready_because(server) and "fsync" in unready_because(server)
    lengthen_log(server)
    await sender.send(erp.said("four", bela.id))
    await receiver.expect(erp.heard("four", aarav))
    assert disk.failures == 1 and server.database.stat().st_size < 60_000_000, "a second attempt was trusted"
    assert len(said_in_log(server, "brought up to date")) == 1
    await all_acknowledged(server, bela)
    server.restart()
    assert is_ready(server)
    sender, receiver = await erp.online(connect, server, aarav), await erp.online(connect, server, bela)
    await sender.send(erp.said("five", bela.id))
    await receiver.expect(erp.heard("five", aarav))
    eventually(lambda: server.database.stat().st_size > 80_000_000, "the database file is brought up to date")
    assert stored_texts(server) == ["one", "two", "three", "four", "five"]
    assert rows(server, "PRAGMA integrity_check") == [("ok",)]


async def test_a_database_file_that_has_no_room_is_tried_again(faulty: tuple[Server, Disk], connect: Connect) -> None:
    server, disk = faulty
    aarav, bela = server.person(), server.person()
    sender, receiver = await erp.online(connect, server, aarav), await erp.online(connect, server, bela)
    disk.fail(faults.FULL, faults.DATABASE)
    lengthen_log(server)
    await sender.send(erp.said("one", bela.id))
    await receiver.expect(erp.heard("one", aarav))
    eventually(lambda: not is_ready(server), "/readyz says that something is wrong")
    assert "full" in unready_because(server)
    disk.work()
    eventually(lambda: is_ready(server), "/readyz says that it is over")
    assert server.database.stat().st_size > 40_000_000
    assert len(said_in_log(server, "cannot be brought up to date")) == 1
    assert len(said_in_log(server, "is brought up to date again")) == 1


def test_reads_that_fail_end_nothing(faulty: tuple[Server, Disk]) -> None:
    server, disk = faulty
    aarav, bela = server.person(), server.person()
    number = direct(server, aarav, bela)
    disk.fail(faults.LOCK)
    get(server, aarav, f"{CONVERSATIONS}{number}/messages/").expect_refusal(503)
    get(server, aarav, "/api/auth/me/").expect_refusal(503)
    disk.work()
    assert get(server, aarav, f"{CONVERSATIONS}{number}/messages/").status == 200


@pytest.mark.parametrize("fault", [faults.READ, faults.LOCK, faults.WRITE], ids=["read", "lock", "write"])
def test_a_server_that_cannot_use_its_database_says_so_and_ends(tmp_path: Path, fault: int) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    disk = Disk(folder)
    disk.fail(fault, faults.ANY, first=3)
    done = command(
        "serve", "--listen", "127.0.0.1:0", "--database", folder / "switchboard.db", folder=folder,
        extra=faults.environment(disk, folder))
    assert done.returncode != 0
    assert "cannot open the database" in done.stderr and "disk I/O error while" in done.stderr
