"""What is older than it may be goes, while people are connected; the books stay right."""

from __future__ import annotations

import contextlib
import sqlite3

from api import CONVERSATIONS, answered, get, write
from conftest import Connect, Start
from database import rows
from erp import CHAT, notified, online, said, unread
from switchboard import Server, command, eventually

DAYS = {"--retain-messages": "30d", "--retain-notifications": "7d"}
FLAGS = [word for pair in DAYS.items() for word in pair]


def grow_old(server: Server, table: str, days: int, condition: str = "1") -> None:
    with contextlib.closing(sqlite3.connect(server.database, timeout=10)) as database, database:
        database.execute(f"UPDATE {table} SET created_at = created_at - ? * 86400000000 WHERE {condition}", (days,))


async def test_old_messages_go_and_young_ones_stay(start: Start, connect: Connect) -> None:
    server = start(*FLAGS)
    aarav, bela = server.person(), server.person()
    sender = await online(connect, server, aarav)
    for number in range(700):
        await sender.send(said(f"{number}", bela.id))
    eventually(lambda: rows(server, "SELECT message_id FROM filing") == [(700,)], "all is filed")
    grow_old(server, "messages", 31, "id <= 600")
    grow_old(server, "messages", 29, "id > 600 AND id <= 650")
    eventually(lambda: rows(server, "SELECT count(*) FROM messages") == [(100,)], "the old ones are gone")
    conversation = answered(get(server, bela, CONVERSATIONS))["conversations"][0]
    assert conversation["unread_count"] == 100
    # What aged out is owed to nobody; the rest is.
    receiver = await connect(server, CHAT, bela.token)
    for number in range(600, 700):
        assert (await receiver.receive())["message"] == f"{number}"
    assert server.cli("verify") == f"{server.database} is sound"


async def test_ids_are_not_given_again_when_all_messages_are_gone(start: Start, connect: Connect) -> None:
    server = start(*FLAGS)
    aarav, bela = server.person(), server.person()
    for number in range(3):
        write(server, aarav, bela, f"{number}")
    eventually(lambda: rows(server, "SELECT message_id FROM filing") == [(3,)], "all is filed")
    grow_old(server, "messages", 31)
    eventually(lambda: rows(server, "SELECT count(*) FROM messages") == [(0,)], "the old ones are gone")
    assert answered(get(server, bela, CONVERSATIONS))["conversations"][0]["unread_count"] == 0
    server.kill9()
    server.start()
    assert write(server, aarav, bela, "next")["id"] == 4
    assert server.cli("verify") == f"{server.database} is sound"


async def test_old_notifications_are_not_unread_any_more(start: Start, connect: Connect) -> None:
    server = start(*FLAGS)
    aarav = server.person()
    for number in range(3):
        server.cli("notify", "--user", aarav.username, "--title", f"own {number}", "--message", "M")
        server.cli("notify", "--everybody", "--title", f"all {number}", "--message", "M")
    client = await notified(connect, server, aarav, 6)
    await client.send({"type": "mark_read", "id": 1})
    await client.expect(unread(5))
    grow_old(server, "notifications", 8, "id <= 4")
    # A live connection hears of the new number.
    while (await client.receive())["count"] != 2:
        pass
    assert rows(server, "SELECT id FROM notifications ORDER BY id") == [(5,), (6,)]
    eventually(lambda: rows(server, "SELECT count(*) FROM notification_reads") == [(0,)], "the notes of them are gone")
    server.cli("notify", "--user", aarav.username, "--title", "new", "--message", "M")
    frames = [await client.receive(), await client.receive()]
    assert unread(3) in frames
    assert rows(server, "SELECT max(id) FROM notifications") == [(7,)]
    assert server.cli("verify") == f"{server.database} is sound"


def test_space_is_used_again(start: Start) -> None:
    server = start("--retain-messages", "1d")
    aarav, bela = server.person(), server.person()
    sizes = []
    for _ in range(2):
        with contextlib.closing(sqlite3.connect(server.database, timeout=10)) as database:
            pages = database.execute("PRAGMA page_count").fetchone()[0]
            free = database.execute("PRAGMA freelist_count").fetchone()[0]
            sizes.append(pages - free)
        for number in range(40):
            write(server, aarav, bela, f"{number} " * 1000)
        last = rows(server, "SELECT max(id) FROM messages")[0][0]
        eventually(lambda: rows(server, "SELECT message_id FROM filing") == [(last,)], "all is filed")
        grow_old(server, "messages", 2)
        eventually(lambda: rows(server, "SELECT count(*) FROM messages") == [(0,)], "all are gone")
    assert sizes[1] < sizes[0] + 40


def test_wrong_durations(tmp_path: object) -> None:
    for flag in DAYS:
        for value in ("1h", "0s", "never", "-1d", ""):
            done = command("check-config", flag, value, folder=tmp_path)
            assert done.returncode == 2 and "forever, or a duration of 1d or more" in done.stderr, (flag, value)
        shown = command("check-config", flag, "90d", folder=tmp_path).stdout
        assert f"{flag[2:].replace('-', '_')} = 7776000s" in shown
