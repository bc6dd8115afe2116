"""A PostgreSQL store that a later version migrates while servers of this version work on it."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import requests
from campus import CHAT, said
from client import Client
from conftest import Connect, Start
from postgres import LOCK, PostgreSQL, rows
from switchboard import Server, command, eventually


def version(store: str) -> int:
    return rows(store, "SELECT version FROM schema_version")[0][0]


def migrate(store: str, *, compatible: bool) -> None:
    """What the next version would do (docs/UPGRADES.md)."""
    own = version(store)
    with contextlib.closing(
        psycopg.connect(store, autocommit=True, options="-csearch_path=switchboard")
    ) as connection:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            connection.execute("SET LOCAL lock_timeout = '5s'")
            for table in ("users", "members", "conversations", "messages", "notifications", "issued", "tokens"):
                connection.execute(f"ALTER TABLE {table} ADD COLUMN later_{table} bigint NOT NULL DEFAULT 5")
            connection.execute("CREATE TABLE laters (id bigint PRIMARY KEY, words text)")
            connection.execute(
                f"UPDATE schema_version SET version = {own + 1}, compatible_from = {own if compatible else own + 1}")
        connection.execute("CREATE INDEX CONCURRENTLY messages_of_sender ON messages (sender_id, id)")


async def tell(client: Client, text: str, to: int) -> dict:
    """Says something, and waits for what the server says to it."""
    await client.send(said(text, to))
    while (frame := await client.receive())["type"] not in ("message_sent", "error"):
        pass
    return frame


def ready(server: Server) -> tuple[int, str]:
    answer = requests.get(f"http://127.0.0.1:{server.port}/readyz", timeout=8)
    return answer.status_code, answer.text


async def test_servers_of_this_version_go_on_while_a_later_one_migrates(
    postgresql: PostgreSQL, start: Start, connect: Connect
) -> None:
    store = postgresql.new_store()
    one = start(store=store)
    people = [one.person() for _ in range(4)]
    pairs = list(zip(people, people[1:] + people[:1]))
    told: dict[int, list[str]] = {person.id: [] for person in people}
    is_migrated = False

    async def talk(sender, recipient) -> None:
        client = await connect(one, CHAT, sender.token)
        left = 20
        while left:
            text = f"{sender.id} {len(told[sender.id])}"
            assert (await tell(client, text, recipient.id))["type"] == "message_sent"
            told[sender.id].append(text)
            left -= is_migrated
        await client.close()

    talking = [asyncio.create_task(talk(*pair)) for pair in pairs]
    while not all(len(texts) >= 20 for texts in told.values()):
        assert not any(task.done() for task in talking)
        await asyncio.sleep(0.005)
    await asyncio.to_thread(migrate, store, compatible=True)
    is_migrated = True
    await asyncio.gather(*talking)
    for person in people:
        stored = rows(store, "SELECT text FROM messages WHERE sender_id = ? ORDER BY id", person.id)
        assert [text for (text,) in stored] == told[person.id]
    assert (await asyncio.to_thread(ready, one))[0] == 200

    # One that starts now, and the commands, take the database as it is.
    two = start(store=store)
    asha, ben = two.person(), people[0]
    sender, receiver = await connect(two, CHAT, asha.token), await connect(two, CHAT, ben.token)
    assert (await tell(sender, "later", ben.id))["type"] == "message_sent"
    while (await receiver.receive()).get("message") != "later":
        pass
    await asyncio.gather(sender.close(), receiver.close())
    assert one.terminate() == two.terminate() == 0
    assert command("verify", "--store", store, folder=one.folder).returncode == 0
    whole = command("export", "--store", store, folder=one.folder)
    assert whole.returncode == 1 and whole.stderr.count("\n") == 1
    assert command("export", "--user", str(ben.id), "--store", store, folder=one.folder).returncode == 0


async def test_a_server_that_has_become_too_old_stops_writing_and_does_not_start(
    postgresql: PostgreSQL, start: Start, connect: Connect, tmp_path
) -> None:
    store = postgresql.new_store()
    server = start(store=store)
    asha, ben = server.person(), server.person()
    client = await connect(server, CHAT, asha.token)
    assert (await tell(client, "before", ben.id))["type"] == "message_sent"
    await asyncio.to_thread(migrate, store, compatible=False)
    assert (await tell(client, "after", ben.id))["type"] == "error"
    own = version(store) - 1
    status, reason = await asyncio.to_thread(ready, server)
    assert status == 503 and f"programs that know version {own + 1}" in reason
    assert rows(store, "SELECT text FROM messages") == [("before",)]
    done = command("serve", "--listen", "127.0.0.1:0", "--store", store, folder=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"the database is of version {own + 1}, this program knows up to {own}" in done.stderr
    # As if it had been taken back.
    rows(store, "UPDATE schema_version SET compatible_from = version - 1 RETURNING 1")
    await asyncio.to_thread(eventually, lambda: ready(server)[0] == 200, "it writes again")
    assert (await tell(client, "again", ben.id))["type"] == "message_sent"
