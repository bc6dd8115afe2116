"""Deleting people really deletes; switching them off can be undone."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess

import pytest
from api import API_KEY, CONVERSATIONS, KEYED, MESSAGES, answered, delete, direct, get, group, post, refused, write
from conftest import Connect, Dial, Start
from database import rows
from erp import CHAT, heard, online, said
from switchboard import A_SECOND, Person, Server, binary, environment, eventually
from tokens import expect_refused, is_accepted
from websockets.exceptions import ConnectionClosed

SETTINGS = KEYED
SECRET = "Ein Geheimnis aus der Tiefe"


def found(server: Server, text: str) -> list[str]:
    """The database's files that hold these bytes."""
    return [path.name for path in server.folder.glob("switchboard.db*")
            if path.is_file() and text.encode() in path.read_bytes()]


def erased(server: Server) -> bool:
    return rows(server, "SELECT count(*) FROM erasures") == [(0,)]


def populate(server: Server) -> tuple[Person, Person, Person]:
    """The first one leaves traces everywhere."""
    aarav = server.person(f"{SECRET} name", college=5, password="correct horse battery", username="erased.person")
    bela, chitra = server.person(), server.person()
    for number in range(30):
        write(server, aarav, bela, f"{SECRET} {number}")
        write(server, bela, aarav, f"an answer {number}")
    team = group(server, aarav, bela, chitra)
    for who, text in [(aarav, f"{SECRET} to all"), (chitra, "stays in the group")]:
        answered(post(server, who, f"{CONVERSATIONS}{team}/messages/", {"text": text, "client_id": text}), 201)
    write(server, aarav, chitra, f"{SECRET}, and no answer")
    server.cli("notify", "--user", aarav.username, "--title", SECRET, "--message", SECRET)
    answered(post(server, aarav, "/api/notifications/1/read/"))
    return aarav, bela, chitra


def expect_gone(server: Server, gone: Person, *others: Person) -> None:
    bela, chitra = others
    assert found(server, SECRET) == [] and found(server, gone.username) == []
    assert server.cli("verify") == f"{server.database} is sound"
    for table, column in [("tokens", "user_id"), ("notification_reads", "user_id"), ("client_ids", "sender_id"),
                          ("messages", "sender_id")]:
        assert rows(server, f"SELECT count(*) FROM {table} WHERE {column} = ?", gone.id) == [(0,)], table
    assert rows(server, "SELECT id, name, college, password FROM users WHERE id = ?", gone.id) == [
        (gone.id, "Deleted user", None, None)]
    # What the others wrote is theirs; where nothing is left, there is no conversation.
    assert rows(server, "SELECT count(*) FROM messages") == [(31,)]
    assert rows(server, "SELECT conversation_id FROM members WHERE user_id = ?", gone.id) == [(1,)]


def test_without_a_server(start: Start) -> None:
    server = start()
    people = populate(server)
    assert server.terminate() == 0
    assert found(server, SECRET)
    server.cli("user", "delete", people[0].username)
    expect_gone(server, *people)
    # By the id it can be done again.
    server.cli("user", "delete", people[0].id)
    again = server.run("user", "delete", people[0].username)
    assert again.returncode == 1 and "there is no user" in again.stderr


@pytest.mark.parametrize("way", ["command", "api"])
async def test_beside_a_server_that_goes_on(start: Start, connect: Connect, way: str) -> None:
    server = start(extra=KEYED)
    aarav, bela, chitra = people = populate(server)
    client = await connect(server, CHAT, aarav.token)
    await client.arrived()
    listener = await connect(server, CHAT, bela.token)
    jwt = server.jwt(aarav)
    assert is_accepted(server, jwt)
    newest = rows(server, "SELECT max(id) FROM messages")[0][0]
    if way == "command":
        server.cli("user", "delete", aarav.id)
    else:
        assert answered(delete(server, API_KEY, f"/api/users/{aarav.id}/"), 202) == {"status": "success"}
    await client.expect_close(4003)
    eventually(lambda: erased(server), "everything is erased")
    expect_gone(server, *people)
    await expect_refused(server, connect, aarav.token, CHAT)
    await expect_refused(server, connect, jwt)
    refused(get(server, bela, f"/api/users/{aarav.id}/"), 404)
    refused(post(server, bela, MESSAGES, {"receiver_id": aarav.id, "text": "are you there?"}), 404)
    refused(post(server, bela, f"{CONVERSATIONS}1/messages/", {"text": "are you there?"}), 404)
    refused(post(server, API_KEY, MESSAGES, {"sender_id": aarav.id, "receiver_id": bela.id, "text": "x"}), 404)
    shown = answered(get(server, bela, f"{CONVERSATIONS}1/messages/"))["messages"]
    assert [message["text"] for message in shown] == [f"an answer {number}" for number in range(30)]
    people_of_it = answered(get(server, bela, f"{CONVERSATIONS}1/"))["participants"]
    assert [person["name"] for person in people_of_it] == ["Deleted user", bela.name]
    assert [user["id"] for user in answered(get(server, bela, "/api/users/"))["users"]] == [bela.id, chitra.id]
    # What she was owed is gone with its sender.
    await (await connect(server, CHAT, chitra.token)).expect_nothing()
    # Ids are not given again, though the newest message was deleted, and neither is the person's.
    server.kill9()
    server.start()
    assert write(server, bela, chitra, "next")["id"] == newest + 1
    assert server.person().id > chitra.id
    await listener.close()


def test_messages_can_be_kept(start: Start) -> None:
    server = start()
    aarav, bela, _ = populate(server)
    server.cli("user", "delete", aarav.username, "--keep-messages")
    assert found(server, aarav.username) == [] and found(server, aarav.name) == []
    assert server.cli("verify") == f"{server.database} is sound"
    shown = answered(get(server, bela, f"{CONVERSATIONS}1/messages/"))["messages"]
    assert shown[0]["text"] == f"{SECRET} 5" and len(shown) == 50
    assert shown[0]["sender"]["name"] == "Deleted user"
    server.cli("user", "delete", aarav.id)
    assert found(server, SECRET) == []


def test_a_deletion_that_was_cut_off_is_finished_by_the_next_start(start: Start) -> None:
    server = start()
    people = populate(server)
    server.terminate()
    # Nobody erases while the lock is held elsewhere: the command has marked the person, and waits.
    with contextlib.closing(sqlite3.connect(f"{server.database}.lock", isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        process = subprocess.Popen(
            [binary(), "user", "delete", str(people[0].id), "--database", server.database], env=environment())
        eventually(lambda: rows(server, "SELECT state FROM users WHERE id = ?", people[0].id) == [(2,)], "marked")
        process.kill()
        process.wait()
    assert not erased(server) and found(server, SECRET)
    server.start()
    eventually(lambda: erased(server), "the rest is erased")
    expect_gone(server, *people)


@pytest.mark.parametrize("way", ["command", "api"])
async def test_who_is_switched_off_is_out_within_a_second_and_can_come_back(
    start: Start, connect: Connect, dial: Dial, way: str
) -> None:
    server = start(extra=KEYED)
    password = "correct horse battery"
    aarav, bela = server.person(password=password), server.person()
    jwt, login = server.jwt(aarav), {"username": aarav.username, "password": password}
    client, other = await online(connect, server, aarav), await online(connect, server, bela)
    phone = await dial(server, aarav)

    def switch(word: str) -> None:
        if way == "command":
            server.cli("user", word, aarav.username)
        else:
            answered(post(server, API_KEY, f"/api/users/{aarav.id}/{word}/"))

    switch("disable")
    await client.expect_close(4003, within=A_SECOND)
    await phone.expect_disconnect()
    await expect_refused(server, connect, aarav.token, CHAT)
    await expect_refused(server, connect, jwt, "/ws/chat/?dialect=conversations")
    refused(post(server, None, "/api/auth/login/", login), 401)
    assert server.run("token", "check", stdin=jwt).returncode == 1
    await other.send(said("for later", aarav.id))
    await other.arrived()
    switch("enable")
    eventually(lambda: is_accepted(server, aarav.token), "the token is good again")
    assert is_accepted(server, jwt)
    answered(post(server, None, "/api/auth/login/", login))
    # A loop that heard of the end lately refuses for two seconds yet.
    for _ in range(100):
        client = await connect(server, CHAT, aarav.token)
        try:
            return await client.expect(heard("for later", bela))
        except ConnectionClosed:
            await asyncio.sleep(0.05)
    pytest.fail("still refused")


def test_only_administrators_may(server: Server) -> None:
    aarav, bela = server.person(), server.person()
    for call in (lambda who, number: delete(server, who, f"/api/users/{number}/"),
                 lambda who, number: post(server, who, f"/api/users/{number}/disable/"),
                 lambda who, number: post(server, who, f"/api/users/{number}/enable/")):
        refused(call(aarav, bela.id), 403)
        refused(call(aarav, aarav.id), 403)
        refused(call(None, bela.id), 401)
        for number in (10**6, "x"):
            refused(call(API_KEY, number), 404)
    refused(delete(server, API_KEY, f"/api/users/{bela.id}/?keep_messages=maybe"), 400)
    assert is_accepted(server, bela.token)


def test_wrong_words(server: Server) -> None:
    for status, arguments in [
        (2, ["delete"]), (1, ["delete", "nobody"]), (2, ["disable"]), (1, ["enable", "nobody"]),
        (2, ["delete", "one", "two"]), (2, ["disable", "--fast"]),
    ]:
        done = server.run("user", *arguments)
        assert (done.returncode, done.stdout) == (status, ""), arguments
        assert done.stderr.startswith("switchboard: ") and done.stderr.count("\n") == 1
