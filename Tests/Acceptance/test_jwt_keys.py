"""Keys in files that change while the server runs, and the server's own key."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import erp
import logins
import pytest
from api import post, refused
from conftest import Connect, Start
from logins import SECRETS, Login, jwks, public_pem
from signed import SECRET, hs256
from switchboard import Person, Server, eventually
from tokens import WRONG_SIGNATURE, check, is_accepted

SETTINGS = {"SWITCHBOARD_JWT_SECRET": SECRET}


# Keys that change

def replace(path: Path, text: str) -> None:
    """All at once, as who rotates keys should."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, path)


def lines(server: Server, level: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, server.log) if line["level"] == level]


async def test_keys_are_replaced_while_the_server_runs(start: Start, connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    old, new = logins.rsa_key("set"), logins.ec_key("set")
    path.write_text(jwks(old=old))
    server = start(extra={"SWITCHBOARD_JWT": json.dumps([{"name": "rotated", "jwks_file": str(path)}])})
    person = server.person()
    by_old = Login("rotated", old, "RS256", kid="old").token(person.id)
    by_new = Login("rotated", new, "ES256", kid="new").token(person.id)

    def accepted() -> tuple[bool, bool]:
        return is_accepted(server, by_old), is_accepted(server, by_new)

    socket = await erp.online(connect, server, Person(**vars(person) | {"token": by_old}))
    assert accepted() == (True, False)
    replace(path, jwks(old=old, new=new))
    assert accepted() == (True, True)
    replace(path, jwks(new=new))
    assert accepted() == (False, True)
    path.write_text(jwks(old=old))
    assert accepted() == (True, False)
    assert lines(server, "error") == []

    for number, broken in enumerate(['{"keys": [', '{"keys": []}', ""], start=1):
        replace(path, broken)
        assert [accepted() for _ in range(3)] == [(True, False)] * 3
        eventually(lambda: len(lines(server, "error")) == number, "one error for each broken file")
        told = lines(server, "error")[-1]
        assert told["verifier"] == "rotated" and str(path) in told["reason"]
        replace(path, jwks(new=new))
        assert accepted() == (False, True)
        replace(path, jwks(old=old))
        assert accepted() == (True, False)
    assert len(lines(server, "error")) == 3

    path.unlink()
    assert [accepted() for _ in range(3)] == [(True, False)] * 3
    path.write_text(jwks(new=new))
    assert accepted() == (False, True)
    # Who is connected stays so.
    await socket.expect_nothing()


@pytest.mark.parametrize("kind", ["secret_file", "key_file"])
def test_other_files_are_read_again_too(start: Start, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    if kind == "key_file":
        keys = [logins.rsa_key("rsa"), logins.rsa_key("certified")]
        texts, algorithm = [public_pem(key).decode() for key in keys], "RS256"
    else:
        keys = [SECRETS["written"], SECRETS["filed"]]
        texts, algorithm = [f"{key}\n" for key in keys], "HS256"
    path.write_text(texts[0])
    server = start(extra={"SWITCHBOARD_JWT": json.dumps([{kind: str(path)}])})
    person = server.person()
    tokens = [Login("", key, algorithm).token(person.id) for key in keys]
    assert [is_accepted(server, token) for token in tokens] == [True, False]
    replace(path, texts[1])
    assert [is_accepted(server, token) for token in tokens] == [False, True]


# The server's own

def test_the_servers_own_tokens(start: Start) -> None:
    server, other = start(), start(extra=SETTINGS)
    person, namesake = server.person(college=5), other.person()
    assert person.id == namesake.id
    token = server.jwt(person)
    claims = logins.claims_of(token)
    assert claims == {
        "iss": "switchboard", "sub": str(person.id), "user_id": person.id, "username": person.username,
        "name": person.name, "college_id": 5, "iat": claims["iat"], "exp": claims["iat"] + 86_400,
    }
    assert abs(claims["iat"] - time.time()) < 10
    assert is_accepted(server, token)
    server.restart()
    assert is_accepted(server, token)
    assert not is_accepted(other, token)
    status, text = check(other, SETTINGS, token)
    assert status == 1 and f"  by this server: {WRONG_SIGNATURE}" in text
    assert check(server, {}, token)[0] == 0
    assert is_accepted(other, other.jwt(namesake))
    # Nobody else speaks for the server.
    assert not is_accepted(server, hs256(user_id=person.id, iss="switchboard"))


def test_the_end_of_the_servers_own_tokens(server: Server) -> None:
    person = server.person()
    made = json.loads(server.cli("token", "create", person.username, "--jwt", "--expires", "15m", "--json"))
    claims = logins.claims_of(made["token"])
    assert claims["exp"] - claims["iat"] in (900, 901)
    assert made.keys() == {"token", "user_id", "expires"} and made["user_id"] == person.id
    status, text = check(server, SETTINGS, made["token"])
    assert (status, text) == (
        0, f"valid: a JWT accepted by this server, of user {person.id} ({person.username}), until {made['expires']}\n")
    short = server.jwt(person, "--expires", "1s")
    eventually(lambda: not is_accepted(server, short), "a token of a second ends")
    assert "by this server: the token has expired" in check(server, SETTINGS, short)[1]
    assert server.run("token", "create", person.username, "--jwt", "--expires", "0s").returncode == 2
    assert made["token"] not in server.cli("token", "list")


def test_a_jwt_can_not_log_out(server: Server) -> None:
    person = server.person()
    for token in (hs256(user_id=person.id), server.jwt(person)):
        refused(post(server, token, "/api/auth/logout/"), 400, "A JWT ends when it expires")
        assert is_accepted(server, token)
