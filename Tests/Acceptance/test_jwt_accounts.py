"""People who are known only from their token: `create_users`."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import campus
import conversations
import erp
import pytest
from api import answered, at_once, get, post, refused
from conftest import Connect
from frames import ERP_TIME, ID
from signed import SECRET, hs256
from switchboard import Person, Server

ME, USERS, SEND = "/api/auth/me/", "/api/users/", "/api/notifications/send/"
SETTINGS = {"SWITCHBOARD_JWT": json.dumps([
    {"name": "campus", "secret": SECRET, "issuer": "campus", "create_users": True},
    {"name": "strangers", "secret": SECRET, "issuer": "strangers"},
    {"name": "renamed", "secret": SECRET, "issuer": "renamed", "create_users": True, "id_claims": ["uid"],
     "username_claims": ["login"], "name_claims": ["full_name"], "college_claims": ["org"]},
])}
_numbers = itertools.count(1_000_000, 1000)


@pytest.fixture
def number() -> int:
    """An id that is nobody's yet."""
    return next(_numbers)


def token(person: Any = None, issuer: str = "campus", **claims: Any) -> str:
    named = {} if person is None else {"user_id": person}
    return hs256(iss=issuer, **named, **claims)


def me(server: Server, token: str) -> dict[str, Any]:
    return answered(get(server, token, ME))


def account(number: Any, username: str, name: str, college: int | None = None) -> dict[str, Any]:
    return {"id": number, "username": username, "name": name, "college": college, "is_admin": False}


def people(server: Server) -> list[dict[str, Any]]:
    return json.loads(server.cli("user", "list", "--json"))


@pytest.mark.parametrize("claims, username, name, college", [
    ({"username": "isha{}", "name": "Isha Rao", "college_id": 7}, "isha{}", "Isha Rao", 7),
    ({"preferred_username": "isha.{}@example.org", "college": "7"}, "isha.{}@example.org", "isha.{}@example.org", 7),
    ({}, "user{}", "user{}", None),
    ({"username": "not a name", "name": "", "college_id": "north"}, "user{}", "user{}", None),
    ({"username": "123", "name": 5, "college_id": 1.5}, "user{}", "user{}", None),
    ({"username": "ईशा{}", "name": "ईशा 👋"}, "ईशा{}", "ईशा 👋", None),
])
def test_what_a_new_account_takes_over(
    server: Server, number: int, claims: dict[str, Any], username: str, name: str, college: int | None
) -> None:
    claims = {key: value.format(number) if isinstance(value, str) else value for key, value in claims.items()}
    expected = account(number, username.format(number), name.format(number), college)
    assert me(server, token(number, **claims)) == expected
    # Whatever a later token says.
    assert me(server, token(number, username="another", name="Another", college_id=8)) == expected
    assert answered(get(server, token(number), f"{USERS}{number}/"))["name"] == expected["name"]


def test_claims_of_other_names(server: Server, number: int) -> None:
    claims = {"uid": number, "login": f"isha{number}", "full_name": "Isha Rao", "org": 7, "name": "no", "user_id": 1}
    assert me(server, hs256(iss="renamed", **claims)) == account(number, f"isha{number}", "Isha Rao", 7)


@pytest.mark.parametrize("claim", ["user_id", "sub", "id", "userId"])
def test_digits_are_an_id(server: Server, number: int, claim: str) -> None:
    assert me(server, token(**{claim: str(number)})) == me(server, token(number)) == account(
        number, f"user{number}", f"user{number}")


def test_another_text_is_a_username(server: Server, number: int) -> None:
    name = f"isha{number}"
    made = me(server, token(sub=name, name="Isha Rao", college=7, username="ignored"))
    assert made == account(made["id"], name, "Isha Rao", 7)
    assert me(server, token(sub=name.upper())) == made
    person = server.person()
    assert me(server, token(sub=person.username))["id"] == person.id


def test_a_username_that_is_taken(server: Server, number: int) -> None:
    person = server.person()
    made = me(server, token(number, username=person.username.upper(), name="Isha"))
    assert made == account(number, f"{person.username.upper()}-{number}", "Isha")
    assert me(server, person.token)["username"] == person.username


@pytest.mark.parametrize("claim", [0, -1, 2**53, 2**63, 2**64 - 1, "0", str(2**53), 5.0, 1e6, 0.5, True,
                                   [5], {"id": 5}, "", " 5", "5 ", "a b", "x" * 151, "auth0|5", "٥"], ids=json.dumps)
def test_who_can_not_have_an_account(server: Server, claim: Any) -> None:
    before = people(server)
    refused(get(server, token(claim), ME), 401)
    done = server.run("token", "check", stdin=token(claim), extra=SETTINGS)
    assert (done.returncode, done.stdout) == (1, "")
    assert "but none of the claims user_id, sub, id, userId says whose it is" in done.stderr
    assert people(server) == before


def test_an_id_that_leaves_no_room_for_later_ones(server: Server) -> None:
    before = people(server)
    refused(get(server, token(2**52 + 1), ME), 401)
    done = server.run("token", "check", stdin=token(2**52 + 1), extra=SETTINGS)
    assert done.returncode == 1 and "the id is beyond 2^52" in done.stderr
    assert people(server) == before


async def test_create_users_is_off_unless_it_is_on(server: Server, connect: Connect, number: int) -> None:
    stranger = token(number, "strangers")
    refused(get(server, stranger, ME), 401)
    socket = await connect(server, erp.CHAT, stranger)
    assert await socket.expect_close(4003) == "Invalid or expired token"
    me(server, token(number))
    assert me(server, stranger)["id"] == number


def test_checking_a_token_makes_nobody(server: Server, number: int) -> None:
    before = people(server)
    done = server.run("token", "check", stdin=token(number), extra=SETTINGS)
    assert done.returncode == 0
    assert done.stdout.startswith(
        f"valid: a JWT accepted by campus, of user {number}, who gets an account on connecting, until ")
    assert people(server) == before


@pytest.mark.parametrize("named", ["by id", "by username"])
async def test_the_same_new_person_many_times_at_once(
    server: Server, connect: Connect, number: int, named: str
) -> None:
    claim = number if named == "by id" else f"crowd{number}"
    signed = token(claim, username=f"crowd{number}")
    paths = [erp.NOTIFICATIONS, erp.CHAT, campus.NOTIFICATIONS, conversations.PATH] * 3
    sockets = await asyncio.gather(*(connect(server, path, signed) for path in paths))
    for socket, path in zip(sockets, paths):
        if path == erp.NOTIFICATIONS:
            await socket.expect(erp.unread(0))
        await socket.expect_nothing()
    answers = await asyncio.to_thread(at_once, 8, lambda _: get(server, signed, ME))
    assert len({answered(answer)["id"] for answer in answers}) == 1
    assert len([person for person in people(server) if person["username"].startswith(f"crowd{number}")]) == 1


def test_requests_that_make_the_same_person_at_once(server: Server, number: int) -> None:
    answers = at_once(12, lambda _: get(server, token(number, username=f"crowd{number}"), ME))
    assert [answered(answer) for answer in answers] == [account(number, f"crowd{number}", f"crowd{number}")] * 12


def test_different_people_of_one_username_at_once(server: Server, number: int) -> None:
    answers = at_once(6, lambda place: get(server, token(number + place, username=f"twin{number}"), ME))
    found = [answered(answer) for answer in answers]
    assert [person["id"] for person in found] == list(range(number, number + 6))
    names = {person["username"] for person in found}
    assert len(names) == 6 and f"twin{number}" in names


async def test_notifications_reach_the_college_of_a_token(server: Server, connect: Connect, number: int) -> None:
    answered(post(server, None, SEND, {"title": "Early", "message": "M", "college_id": number}))
    socket = await connect(server, erp.NOTIFICATIONS, token(number, college_id=number))
    # What was told before they came is no news to them.
    await socket.expect(erp.unread(0))
    answered(post(server, None, SEND, {"title": "Late", "message": "M", "college_id": number}))
    await socket.expect({
        "type": "notification", "id": ID, "title": "Late", "message": "M", "category": "", "link": "",
        "timestamp": ERP_TIME, "is_read": False,
    })
    await socket.expect(erp.unread(1))
    again = await connect(server, erp.NOTIFICATIONS, token(number))
    await again.expect(erp.unread(1))


async def test_they_write_and_are_written_to(server: Server, connect: Connect, number: int) -> None:
    known = server.person("Aarav Sharma")
    made = token(number, name="Isha Rao")
    isha = Person(number, f"user{number}", "Isha Rao", None, made)
    socket, other = await erp.online(connect, server, isha), await erp.online(connect, server, known)
    await socket.send(erp.said("Hello", known.id))
    await other.expect(erp.heard("Hello", isha))
    await other.send(erp.said("Hi", number))
    await socket.expect(erp.heard("Hi", known))


async def test_the_highest_id_leaves_room_for_others(server: Server, connect: Connect) -> None:
    highest = 2**52
    isha = Person(highest, f"user{highest}", "Isha Rao", None, token(str(highest), name="Isha Rao"))
    assert me(server, isha.token)["id"] == highest
    later = server.person("Later")
    named = me(server, token(sub="later-by-name"))
    assert highest < later.id < named["id"] < 2**53
    socket, other = await erp.online(connect, server, isha), await erp.online(connect, server, later)
    await socket.send(erp.said("Hello", later.id))
    await other.expect(erp.heard("Hello", isha))
    # A smaller id is still free for whoever has it elsewhere.
    assert me(server, token(999_999))["id"] == 999_999


def test_a_person_made_by_a_token_stays(server: Server, number: int) -> None:
    made = me(server, token(number, name="Isha Rao", college_id=7))
    server.restart()
    assert me(server, token(number)) == made
    assert [person["id"] for person in people(server)].count(number) == 1
    assert me(server, server.cli("token", "create", number)) == made
