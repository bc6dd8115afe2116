"""PostgreSQL as the store: when it is not there, when it goes away, when several servers share it, and moving to it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest
import requests
from campus import CHAT, said
from client import Client
from conftest import Connect, Start
from postgres import PostgreSQL, rows
from switchboard import Server, command, eventually


@pytest.fixture
def mortal() -> Iterator[PostgreSQL]:
    """One that the test may end."""
    server = PostgreSQL()
    yield server.start()
    server.close()


def ready(server: Server) -> tuple[int, str]:
    answer = requests.get(f"http://127.0.0.1:{server.port}/readyz", timeout=8)
    return answer.status_code, answer.text


async def tell(client: Client, text: str, to: int) -> None:
    """Says something, and waits until it is acknowledged."""
    await client.send(said(text, to))
    while (frame := await client.receive()).get("type") != "message_sent":
        assert frame.get("type") != "error", frame


@pytest.mark.parametrize("end", ["kill9", "restart"])
async def test_what_was_acknowledged_survives_the_end_of_postgresql(
    mortal: PostgreSQL, start: Start, connect: Connect, end: str
) -> None:
    server = start(store=mortal.new_store())
    asha, ben = server.person(), server.person()
    sender = await connect(server, CHAT, asha.token)
    acknowledged: list[str] = []
    total = 60

    async def send() -> None:
        for number in range(total):
            await tell(sender, str(number), ben.id)
            acknowledged.append(str(number))

    sending = asyncio.create_task(send())
    while len(acknowledged) < 20:
        assert not sending.done(), sending.exception()
        await asyncio.sleep(0.005)
    await asyncio.to_thread(mortal.kill9 if end == "kill9" else lambda: mortal.stop(signal.SIGINT))
    await asyncio.to_thread(mortal.start)
    await sending
    texts = [text for (text,) in rows(server.store, "SELECT text FROM messages ORDER BY id")]
    assert texts == acknowledged == [str(number) for number in range(total)]


def test_readiness_tells_that_the_database_is_away_and_back(mortal: PostgreSQL, start: Start) -> None:
    server = start("--store-retry", "500ms", store=mortal.new_store())
    assert ready(server)[0] == 200
    mortal.stop()
    eventually(lambda: ready(server)[0] == 503, "it is not ready")
    assert "store cannot write" in ready(server)[1]
    mortal.start()
    eventually(lambda: ready(server)[0] == 200, "it is ready again")


async def test_two_servers_share_a_store(postgresql: PostgreSQL, start: Start, connect: Connect) -> None:
    store = postgresql.new_store()
    one, two = start(store=store), start(store=store)
    asha, ben = one.person(), one.person()
    clients = [await connect(one, CHAT, asha.token), await connect(two, CHAT, ben.token)]
    for number in range(10):
        for client, other in zip(clients, (ben, asha)):
            await tell(client, str(number), other.id)
    found = rows(store, "SELECT id, text, sender_id FROM messages ORDER BY id")
    assert found == [(2 * n + k + 1, str(n), person.id) for n in range(10) for k, person in enumerate((asha, ben))]
    # What one deletes, the other stores nothing for, from that moment on.
    one.cli("user", "delete", ben.id, "--keep-messages")
    chitra = two.person()
    third = await connect(two, CHAT, chitra.token)
    await third.send(said("late", ben.id))
    assert (await third.receive())["type"] == "error"
    assert rows(store, "SELECT count(*) FROM messages WHERE text = 'late'") == [(0,)]


@pytest.mark.parametrize("kind", ["gone", "password", "unknown", "encoding", "newer", "malformed"])
def test_a_store_that_is_no_good_is_refused_in_one_line(postgresql: PostgreSQL, tmp_path, kind: str) -> None:
    secret = "hidden-secret-1"
    url = postgresql.url("postgres")
    expected, status = "", 1
    if kind == "gone":
        url, expected = "postgres://postgres@127.0.0.1:1/x", "Connection refused"
    elif kind == "password":
        url = f"postgres://postgres:{secret}@127.0.0.1:{postgresql.port}/postgres"
        expected = "password authentication failed"
    elif kind == "unknown":
        url, expected = postgresql.url("nowhere"), 'database "nowhere" does not exist'
    elif kind == "encoding":
        url = postgresql.url(postgresql.new_database("ENCODING 'SQL_ASCII' TEMPLATE template0"))
        expected = "UTF8 is needed"
    elif kind == "newer":
        url, expected = postgresql.new_store(), "the database is of version 1000"
        assert command("user", "list", "--store", url, folder=tmp_path).returncode == 0
        rows(url, "UPDATE schema_version SET version = 1000, compatible_from = 1000 RETURNING 1")
    else:
        url, expected, status = f"postgres://u:{secret}@[bad/db", "SWITCHBOARD_STORE", 2
    done = command("serve", "--listen", "127.0.0.1:0", folder=tmp_path, extra={"SWITCHBOARD_STORE": url})
    assert done.returncode == status
    assert expected in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert secret not in done.stderr


def test_a_password_is_not_taken_from_a_flag(tmp_path) -> None:
    done = command("serve", "--store", "postgres://u:hidden-secret-2@h/db", folder=tmp_path)
    assert done.returncode == 2
    assert "SWITCHBOARD_STORE" in done.stderr and "hidden" not in done.stderr


@pytest.mark.parametrize("name", ["backup", "restore"])
def test_backups_are_left_to_postgresql(postgresql: PostgreSQL, tmp_path, name: str) -> None:
    done = command(name, "file", "--store", postgresql.url("postgres"), folder=tmp_path)
    assert done.returncode == 1 and "pg_dump" in done.stderr


def test_a_store_is_copied_there_and_back(postgresql: PostgreSQL, start: Start, tmp_path) -> None:
    server = start(store="sqlite:" + str(tmp_path / "source.db"))
    server.person(name="Asha \u00e9", college=3, password="secret")
    server.cli("notify", "--everybody", "--title", "T", "--message", "M")
    url, back = postgresql.new_store(), f"sqlite:{tmp_path / 'back.db'}"
    assert "a server runs on" in command("copy", "--from", server.store, "--to", url, folder=tmp_path).stderr
    assert server.terminate() == 0
    for source, target in [(server.store, url), (url, back)]:
        done = command("copy", "--from", source, "--to", target, folder=tmp_path)
        assert done.returncode == 0 and "compared one by one" in done.stdout, done.stderr
    again = command("copy", "--from", server.store, "--to", url, folder=tmp_path)
    assert again.returncode == 1 and "not empty" in again.stderr
    exports = [command("export", "--store", store, folder=tmp_path).stdout for store in (server.store, url, back)]
    assert exports[0] == exports[1] == exports[2] and exports[0].count("\n") >= 4
    for store in (url, back):
        done = command("verify", "--store", store, folder=tmp_path)
        assert done.returncode == 0, done.stdout
    # Ids go on behind those that were copied.
    assert command("user", "add", "newcomer", "--name", "N", "--store", url, folder=tmp_path).stdout == "2\n"
