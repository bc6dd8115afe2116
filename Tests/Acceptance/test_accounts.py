"""Users and tokens on the command line, and the secrets that must not leak."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from conftest import Connect, Start
from erp import CHAT, heard, online, said
from frames import ID, SOME_TEXT, matches
from raw import bearer, request
from switchboard import Server, command


def one_line(text: str) -> str:
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


def user(server: Server, username: str, *options: object) -> int:
    return int(server.cli("user", "add", username, "--name", "Some Body", *options))


def test_a_new_user_is_answered_with_the_id(server: Server) -> None:
    first, second = user(server, "plain1"), user(server, "plain2")
    assert 0 < first < second


def test_a_new_user_as_json(server: Server) -> None:
    done = server.cli("user", "add", "aarav", "--name", "Aarav Sharma", "--college", 5, "--json")
    assert matches(json.loads(done), {"id": ID, "username": "aarav", "name": "Aarav Sharma", "college": 5})
    done = server.cli("user", "add", "bela", "--name", "Bela Nováková", "--json")
    assert matches(json.loads(done), {"id": ID, "username": "bela", "name": "Bela Nováková", "college": None})


def test_the_list_of_users(start: Start) -> None:
    server = start()
    assert json.loads(server.cli("user", "list", "--json")) == []
    first, second = user(server, "first", "--college", 3), user(server, "second")
    assert json.loads(server.cli("user", "list", "--json")) == [
        {"id": first, "username": "first", "name": "Some Body", "college": 3},
        {"id": second, "username": "second", "name": "Some Body", "college": None},
    ]
    readable = server.cli("user", "list")
    assert all(word in readable for word in ("first", "second", "Some Body"))


def test_a_taken_username(server: Server) -> None:
    user(server, "taken")
    done = server.run("user", "add", "taken", "--name", "Another")
    assert (done.returncode, done.stdout) == (1, "")
    assert "taken" in one_line(done.stderr)


@pytest.mark.parametrize("arguments, status", [
    (["user", "add", "x"], 2),
    (["user", "add", "--name", "X"], 2),
    (["user", "add", "x", "--name", "X", "--college", "five"], 2),
    (["user", "forget", "x"], 2),
    (["token", "create"], 2),
    (["token", "create", "nobody"], 1),
    (["token", "create", "999999"], 1),
    (["token", "list", "nobody"], 1),
    (["token", "revoke", "999999"], 1),
    (["token", "revoke", "x"], 2),
])
def test_exit_codes(server: Server, arguments: list[str], status: int) -> None:
    done = server.run(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.strip() != ""


@pytest.mark.parametrize("duration", ["soon", "-5m", "d", "1.5h", "99999999999999999999d"])
def test_a_bad_duration(server: Server, duration: str) -> None:
    username = server.person().username
    done = server.run("token", "create", username, "--expires", duration)
    assert (done.returncode, done.stdout) == (2, "")
    assert "expires" in done.stderr


@pytest.mark.parametrize("by", ["username", "id"])
async def test_a_token_is_printed_alone_and_works(server: Server, connect: Connect, by: str) -> None:
    person = server.person()
    token = one_line(server.cli("token", "create", getattr(person, by)))
    assert re.fullmatch(r"[A-Za-z0-9_.~-]{20,}", token), token
    assert token != person.token
    await online(connect, server, replace(person, token=token))


@pytest.mark.parametrize("duration, length", [
    ("90s", timedelta(seconds=90)), ("15m", timedelta(minutes=15)), ("12h", timedelta(hours=12)),
    ("30d", timedelta(days=30)), (None, None),
])
def test_a_token_as_json(server: Server, duration: str | None, length: timedelta | None) -> None:
    person = server.person()
    options = ["--expires", duration] if duration else []
    answer = json.loads(server.cli("token", "create", person.id, "--json", *options))
    expected = {"id": ID, "token": SOME_TEXT, "user_id": person.id, "expires": SOME_TEXT if length else None}
    assert matches(answer, expected), answer
    if length is not None:
        assert answer["expires"].endswith("Z")
        left = datetime.fromisoformat(answer["expires"]) - datetime.now(timezone.utc)
        assert abs(left - length) < timedelta(seconds=60)


def test_the_list_of_tokens_shows_no_token(server: Server) -> None:
    person, other = server.person(), server.person()
    second = json.loads(server.cli("token", "create", person.username, "--expires", "30d", "--json"))
    listed = json.loads(server.cli("token", "list", person.username, "--json"))
    common = {"id": ID, "user_id": person.id, "username": person.username, "created": SOME_TEXT}
    assert matches(listed, [common | {"expires": None}, common | {"id": second["id"], "expires": SOME_TEXT}]), listed
    everybody = server.cli("token", "list", "--json")
    assert {person.id, other.id} <= {item["user_id"] for item in json.loads(everybody)}
    for shown in (everybody, server.cli("token", "list"), server.cli("token", "list", person.id)):
        assert not any(token in shown for token in (person.token, other.token, second["token"]))


async def test_a_revoked_token_is_refused_everywhere(server: Server, connect: Connect) -> None:
    person = server.person()
    second = json.loads(server.cli("token", "create", person.username, "--json"))
    server.cli("token", "revoke", second["id"])
    await (await connect(server, CHAT, second["token"])).expect_close(4003)
    request(server, "GET", "/api/notifications/", headers=bearer(second["token"])).expect_refusal(401)
    assert request(server, "GET", "/api/notifications/", headers=bearer(person.token)).status == 200


async def test_accounts_can_be_made_before_the_first_start(tmp_path: Path, connect: Connect) -> None:
    server = Server(tmp_path)
    person = server.person()
    try:
        await online(connect, server.start(), person)
    finally:
        server.close()


def test_the_database_can_be_named_by_a_variable(tmp_path: Path) -> None:
    database = tmp_path / "named.db"
    done = command("user", "add", "x", "--name", "X", folder=tmp_path, extra={"SWITCHBOARD_DATABASE": str(database)})
    assert (done.returncode, database.exists()) == (0, True)


async def test_no_secret_reaches_the_log_or_the_database(start: Start, connect: Connect) -> None:
    server = start("--log-level", "debug")
    password, text = "correct horse battery staple", "a very private remark"
    aarav, bela = server.person(password=password), server.person()
    login = request(server, "POST", "/api/auth/login/", {"username": aarav.username, "password": password})
    request(server, "POST", "/api/auth/login/", {"username": aarav.username, "password": password + "!"})
    sender, receiver = await online(connect, server, aarav), await online(connect, server, bela)
    await sender.send(said(text, bela.id))
    await receiver.expect(heard(text, aarav))
    await (await connect(server, CHAT, "wrong-but-still-private")).expect_close(4003)
    request(server, "GET", f"/nowhere?token={bela.token}")
    request(server, "GET", "/api/notifications/", headers=bearer(bela.token))
    tokens = [aarav.token, bela.token, login.json["token"], "wrong-but-still-private"]
    stored = b"".join(path.read_bytes() for path in server.folder.rglob("*") if path.is_file())
    assert text.encode() in stored, "the search finds nothing, not even what is there"
    for secret in [*tokens, password]:
        assert secret.encode() not in stored
    assert server.terminate() == 0
    log = "\n".join([*server.log, *server.stdout.all()])
    for secret in [*tokens, password, text]:
        assert secret not in log


def test_a_sign_before_digits_makes_a_name_and_no_id(server: Server) -> None:
    first = server.person()
    plus = json.loads(server.cli("user", "add", f"+{first.id}", "--name", "Plus", "--json"))
    token = json.loads(server.cli("token", "create", f"+{first.id}", "--json"))
    assert token["user_id"] == plus["id"] != first.id
