"""Accounts over HTTP: register, log in, who am I, log out, and who may do what."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from api import API_KEY, BEYOND_64_BITS, KEYED, answered, at_once, expect, get, post, refused, user
from conftest import Connect, Start
from erp import CHAT
from frames import ID, SOME_TEXT
from raw import Response, bearer, request
from switchboard import Server

SETTINGS = KEYED
REGISTER, LOGIN, LOGOUT, ME = (f"/api/auth/{word}/" for word in ("register", "login", "logout", "me"))
PASSWORD = "correct horse battery staple"
NO_CREDENTIAL = "Authentication required"
NO_PERSON = "This needs a person's token"
NO_ADMINISTRATOR = "This needs an administrator"


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server where anybody may make an account."""
    server = Server(tmp_path_factory.mktemp("open"), "--allow-registration", "true", extra=KEYED).start()
    yield server
    server.close()


def registration(username: str, **more: object) -> dict:
    return {"username": username, "password": PASSWORD} | more


def test_an_account_is_made_and_logged_in(open_server: Server) -> None:
    made = answered(post(open_server, None, REGISTER, registration("aarav", name="Aarav Sharma")), 201)
    account = {"id": ID, "username": "aarav", "name": "Aarav Sharma", "college": None}
    expect(made, {"token": SOME_TEXT, "user": account})
    assert answered(get(open_server, made["token"], ME)) == made["user"] | {"is_admin": False}
    again = answered(post(open_server, None, LOGIN, {"username": "aarav", "password": PASSWORD}))
    assert again["user"] == made["user"] and again["token"] != made["token"]


def test_a_name_that_is_missing_is_the_username(open_server: Server) -> None:
    made = answered(post(open_server, None, REGISTER, registration("bela.n-1@x+y_z")), 201)
    assert made["user"]["name"] == "bela.n-1@x+y_z"


def test_a_username_is_taken_once_even_at_once(open_server: Server) -> None:
    names = ["race", "RACE", "Race"] * 2
    answers = at_once(6, lambda number: post(open_server, None, REGISTER, registration(names[number])))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5
    for answer in answers:
        if answer.status == 409:
            refused(answer, 409, "The username is taken")


def test_a_taken_username_costs_no_hashing(server: Server) -> None:
    answered(post(server, API_KEY, REGISTER, registration("popular")), 201)
    # More than passwords may wait to be hashed.
    for answer in at_once(150, lambda number: post(server, API_KEY, REGISTER, registration("popular"))):
        refused(answer, 409, "The username is taken")


def test_registrations_leave_room_for_logins(server: Server) -> None:
    for number in range(8):
        answered(post(server, API_KEY, REGISTER, registration(f"resident{number}")), 201)

    def call(number: int) -> Response:
        if number % 12 == 11:
            return post(server, None, LOGIN, {"username": f"resident{number // 12}", "password": PASSWORD})
        return post(server, API_KEY, REGISTER, registration(f"crowd{number}"))

    answers = at_once(96, call)
    assert [answer.status for answer in answers[11::12]] == [200] * 8
    registrations = [answer for number, answer in enumerate(answers) if number % 12 != 11]
    turned_away = [answer for answer in registrations if answer.status != 201]
    # Those that wait are 16 with the logins.
    assert 8 <= len(registrations) - len(turned_away) < len(registrations)
    for answer in turned_away:
        refused(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1


def test_accounts_from_one_address_are_limited(start: Start) -> None:
    server = start("--allow-registration", "true", extra=KEYED)
    for number in range(30):
        answered(post(server, None, REGISTER, registration("first")), 409 if number else 201)
    late = post(server, None, REGISTER, registration("late"))
    refused(late, 429)
    assert 1 <= int(late.headers["retry-after"]) <= 60
    refused(post(server, server.person(), REGISTER, registration("late")), 429)
    answered(post(server, API_KEY, REGISTER, registration("late")), 201)
    answered(post(server, None, LOGIN, {"username": "first", "password": PASSWORD}))
    if sys.platform == "linux":
        elsewhere = request(server, "POST", REGISTER, registration("elsewhere"), source="127.0.0.2")
        answered(elsewhere, 201)


def test_a_college_is_for_administrators_to_give(open_server: Server) -> None:
    body = registration("collegiate", college_id="7")
    refused(post(open_server, None, REGISTER, body), 403)
    refused(post(open_server, open_server.person(), REGISTER, body), 403)
    assert answered(post(open_server, API_KEY, REGISTER, body), 201)["user"]["college"] == 7


@pytest.mark.parametrize("wrong", [
    {"username": ""}, {"username": "x" * 151}, {"username": "123"}, {"username": "a b"}, {"username": "a/b"},
    {"username": "a\0b"}, {"username": 5}, {"username": None}, {"username": ["x"]},
    {"password": "1234567"}, {"password": ""}, {"password": "x" * 1025}, {"password": 12345678}, {"password": None},
    {"password": "é" * 3}, {"password": "é" * 513},
    {"name": ""}, {"name": "x" * 301}, {"name": 5}, {"name": {}},
], ids=lambda wrong: repr(wrong)[:40])
def test_a_bad_registration(open_server: Server, wrong: dict) -> None:
    refused(post(open_server, None, REGISTER, registration("fine") | wrong), 400)


@pytest.mark.parametrize("college", ["x", 1.5, True, [], {}, BEYOND_64_BITS, "9" * 30, "-", "", 0, "0", -5])
def test_a_bad_college(server: Server, college: object) -> None:
    refused(post(server, API_KEY, REGISTER, registration("fine", college_id=college)), 400)


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'"x"', b"null", b"{", b'{"username":"\xff","password":"12345678"}',
                                  b'{"username":"\\ud800","password":"12345678"}', b"[" * 100_000])
@pytest.mark.parametrize("path", [REGISTER, LOGIN])
def test_a_body_that_is_no_json_object(open_server: Server, path: str, body: bytes) -> None:
    refused(post(open_server, None, path, body), 400)


def test_other_types_and_sizes(open_server: Server) -> None:
    for path in (REGISTER, LOGIN):
        for form in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            body = b'{"username":"a","password":"12345678"}'
            refused(request(open_server, "POST", path, body, {"Content-Type": form}), 415)
        refused(post(open_server, None, path, b'{"username":"' + b"x" * 2**20 + b'"}'), 413)


@pytest.mark.parametrize("password", ["12345678", "x" * 1024, "é" * 512, "漢字漢"], ids=len)
def test_the_shortest_and_longest_passwords(open_server: Server, password: str) -> None:
    username = f"with.{len(password)}.{len(password.encode())}"
    answered(post(open_server, None, REGISTER, {"username": username, "password": password}), 201)
    answered(post(open_server, None, LOGIN, {"username": username, "password": password}))


def test_registration_is_closed_by_default(server: Server) -> None:
    refused(post(server, None, REGISTER, registration("early")), 403, "Registration is not allowed")
    refused(post(server, server.person(), REGISTER, registration("early")), 403, "Registration is not allowed")
    for number, who in enumerate((API_KEY, server.person(admin=True))):
        answered(post(server, who, REGISTER, registration(f"late{number}")), 201)


def test_who_am_i(server: Server) -> None:
    person, dean = server.person(college=5), server.person("Dean", admin=True)
    assert answered(get(server, person, ME)) == user(person) | {"is_admin": False}
    assert answered(get(server, dean, ME)) == user(dean) | {"is_admin": True}
    by_token = request(server, "GET", "/api/auth/me", headers={"Authorization": f"Token {person.token}"})
    assert answered(by_token) == user(person) | {"is_admin": False}


async def test_a_token_is_worth_nothing_after_the_logout(server: Server, connect: Connect) -> None:
    person = server.person()
    other = server.cli("token", "create", person.username)
    assert answered(post(server, person, LOGOUT)) == {"status": "success"}
    refused(get(server, person, ME), 401, NO_CREDENTIAL)
    refused(post(server, person, LOGOUT), 401)
    await (await connect(server, CHAT, person.token)).expect_close(4003)
    assert answered(get(server, other, ME))["id"] == person.id
    assert answered(post(server, other, LOGOUT, {})) == {"status": "success"}


def test_a_logout_outlives_a_restart(server: Server) -> None:
    person = server.person()
    answered(post(server, person, LOGOUT))
    server.kill9()
    server.start()
    refused(get(server, person, ME), 401)


def test_a_jwt_does_not_log_out(server: Server) -> None:
    person = server.person(college=3)
    token = server.cli("token", "create", person.username, "--jwt")
    assert answered(get(server, token, ME)) == user(person) | {"is_admin": False}
    refused(post(server, token, LOGOUT), 400, "A JWT ends when it expires")
    assert answered(get(server, token, ME))["id"] == person.id


def test_a_jwt_of_an_administrator(server: Server) -> None:
    dean, person = server.person(admin=True), server.person()
    for someone, status in ((dean, 200), (person, 403)):
        token = server.cli("token", "create", someone.username, "--jwt")
        assert get(server, token, "/api/bulk-messages/").status == status


BAD_CREDENTIALS = [
    {}, bearer("wrong"), bearer(API_KEY[:-1]), bearer(API_KEY + "x"), bearer("x" * 5000), {"Authorization": "Bearer"},
    {"Authorization": "Bearer "}, {"Authorization": "Basic eDp5"}, {"Authorization": API_KEY},
    bearer("eyJhbGciOiJub25lIn0.eyJ1c2VyX2lkIjoxfQ."),
]


@pytest.mark.parametrize("headers", BAD_CREDENTIALS, ids=repr)
@pytest.mark.parametrize("method, path", [
    ("GET", ME), ("POST", LOGOUT), ("GET", "/api/users/"), ("GET", "/api/users/1/"), ("GET", "/api/conversations/"),
    ("POST", "/api/messages/"), ("GET", "/api/notices/"), ("POST", "/api/notices/1/publish/"),
    ("POST", "/api/bulk-messages/"), ("DELETE", "/api/conversations/1/members/1/"),
])
def test_without_a_good_credential(server: Server, method: str, path: str, headers: dict) -> None:
    body = {} if method == "POST" else None
    refused(request(server, method, path, body, headers), 401, NO_CREDENTIAL)


@pytest.mark.parametrize("method, path", [
    ("GET", ME), ("POST", LOGOUT), ("GET", "/api/conversations/"), ("POST", "/api/conversations/"),
    ("GET", "/api/conversations/1/"), ("POST", "/api/conversations/1/members/"),
    ("GET", "/api/conversations/1/messages/"), ("POST", "/api/conversations/1/messages/"),
    ("POST", "/api/conversations/1/read/"), ("GET", "/api/notifications/"),
    ("GET", "/api/notifications/unread-count/"), ("POST", "/api/notifications/1/read/"),
    ("POST", "/api/notifications/read-all/"),
])
def test_an_api_key_is_no_person(server: Server, method: str, path: str) -> None:
    body = {"user_id": 1, "user_ids": [1], "text": "x"} if method == "POST" else None
    refused(request(server, method, path, body, bearer(API_KEY)), 403, NO_PERSON)


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/api/notices/", {"title": "T"}), ("POST", "/api/notices/1/publish/", None),
    ("POST", "/api/bulk-messages/", {"title": "T", "message": "M", "everybody": True}),
    ("GET", "/api/bulk-messages/", None), ("GET", "/api/bulk-messages/1/", None),
    ("POST", "/api/bulk-messages/1/cancel/", None),
])
def test_what_administrators_may_only(server: Server, method: str, path: str, body: dict | None) -> None:
    refused(request(server, method, path, body, bearer(server.person().token)), 403, NO_ADMINISTRATOR)
    refused(request(server, method, path, body), 401, NO_CREDENTIAL)


def test_no_secret_reaches_the_log(start: Start) -> None:
    server = start("--log-level", "debug", extra=KEYED)
    made = answered(post(server, API_KEY, REGISTER, registration("quiet")), 201)
    answered(post(server, None, LOGIN, {"username": "quiet", "password": PASSWORD}))
    answered(post(server, made["token"], LOGOUT))
    assert server.terminate() == 0
    log = "\n".join(server.log)
    for secret in (PASSWORD, made["token"], API_KEY):
        assert secret not in log
