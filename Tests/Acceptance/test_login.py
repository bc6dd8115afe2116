"""`POST /api/auth/login/`: passwords, and what slows down those who guess them."""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from api import at_once
from conftest import Connect, Start
from erp import online
from frames import SOME_TEXT, matches, refusal
from raw import Response, request
from switchboard import Person, Server

LOGIN = "/api/auth/login/"
PASSWORD = "correct horse battery staple"
WRONG = (401, refusal("Invalid username or password"))


def login(server: Server, username: object, password: object, source: str | None = None) -> Response:
    return request(server, "POST", LOGIN, {"username": username, "password": password}, source=source)


def answer(response: Response) -> tuple:
    return response.status, response.json


@pytest.fixture
def server(start: Start) -> Server:
    """One per test: failures from an address count for the whole server."""
    return start()


@pytest.mark.parametrize("college", [5, None])
async def test_a_login_gives_a_token_that_works(server: Server, connect: Connect, college: int | None) -> None:
    person = server.person("Aarav Sharma", college, PASSWORD)
    response = login(server, person.username, PASSWORD)
    user = {"id": person.id, "username": person.username, "name": "Aarav Sharma", "college": college}
    assert response.status == 200
    assert matches(response.json, {"token": SOME_TEXT, "user": user}), response.json
    await online(connect, server, Person(**user, token=response.json["token"]))
    assert login(server, person.username, PASSWORD).json["token"] != response.json["token"]


@pytest.mark.parametrize("given", [PASSWORD + "\n", PASSWORD])
def test_the_line_end_is_no_part_of_the_password(server: Server, given: str) -> None:
    person = server.person(password=given)
    assert login(server, person.username, PASSWORD).status == 200


def test_a_password_of_any_script(server: Server) -> None:
    person = server.person(password="pässwört 漢字 👋 with spaces ")
    assert login(server, person.username, "pässwört 漢字 👋 with spaces ").status == 200
    assert answer(login(server, person.username, "pässwört 漢字 👋 with spaces")) == WRONG


def test_every_wrong_login_looks_the_same(server: Server) -> None:
    with_password, without = server.person(password=PASSWORD), server.person()
    assert answer(login(server, with_password.username, "wrong")) == WRONG
    assert answer(login(server, with_password.username, "")) == WRONG
    assert answer(login(server, without.username, "")) == WRONG
    assert answer(login(server, "nobody", PASSWORD)) == WRONG
    for username in ("nobody", "x" * 601):
        assert login(server, username, PASSWORD).headers["www-authenticate"].startswith("Bearer")


@pytest.mark.skipif(sys.platform != "linux", reason="needs several loopback addresses")
def test_an_unknown_name_takes_as_long_as_a_wrong_password(server: Server) -> None:
    with_password, without = server.person(password=PASSWORD), server.person()

    def seconds(username: str, source: str) -> float:
        began = time.monotonic()
        assert login(server, username, "wrong", source).status == 401
        return time.monotonic() - began

    names = {"wrong": with_password.username, "unknown": "ghost", "without": without.username}
    times: dict[str, list[float]] = {kind: [] for kind in names}

    def are_alike() -> bool:
        wrong, *others = (statistics.median(each) for each in times.values())
        return all(0.75 < other / wrong < 1.33 for other in others)

    # In turn, so that whatever else the machine does happens to all; each address for a few, as they are slowed down.
    for address in range(10, 40):
        for _ in range(3):
            for kind, username in names.items():
                times[kind].append(seconds(username, f"127.0.0.{address}"))
        if address >= 14 and are_alike():
            return
    pytest.fail(f"{times}")


def test_repeated_failures_slow_down(server: Server) -> None:
    person = server.person(password=PASSWORD)
    for _ in range(5):
        assert answer(login(server, person.username, "wrong")) == WRONG
    for password in ("wrong", PASSWORD):
        response = login(server, person.username, password)
        response.expect_refusal(429)
        assert 1 <= int(response.headers["retry-after"]) <= 60
    assert answer(login(server, "somebody else", "x")) == WRONG


@pytest.mark.skipif(sys.platform != "linux", reason="needs several loopback addresses")
def test_failures_lock_nobody_else_out(server: Server) -> None:
    person, other = server.person(password=PASSWORD), server.person(password=PASSWORD)
    for _ in range(5):
        login(server, person.username, "wrong", "127.0.0.2")
    login(server, person.username, PASSWORD, "127.0.0.2").expect_refusal(429)
    assert login(server, person.username, PASSWORD, "127.0.0.3").status == 200
    assert login(server, other.username, PASSWORD, "127.0.0.2").status == 200


def test_tries_side_by_side_count_too(server: Server) -> None:
    person = server.person(password=PASSWORD)
    with ThreadPoolExecutor(20) as tries:
        statuses = list(tries.map(lambda _: login(server, person.username, "wrong").status, range(20)))
    assert statuses.count(401) == 5 and statuses.count(429) == 15


def test_many_people_behind_one_address_get_in_at_once(server: Server) -> None:
    people = [server.person(password=PASSWORD) for _ in range(8)]
    answers = at_once(40, lambda number: login(server, people[number % 8].username, PASSWORD))
    assert [response.status for response in answers] == [200] * 40


def test_a_name_that_no_account_can_have_is_not_remembered(server: Server) -> None:
    for _ in range(10):
        assert answer(login(server, "x" * 100_000, "wrong")) == WRONG


@pytest.mark.skipif(sys.platform != "linux", reason="needs several loopback addresses")
def test_one_address_cannot_try_many_names(server: Server) -> None:
    person = server.person(password=PASSWORD)
    for number in range(30):
        assert answer(login(server, f"nobody{number}", "wrong", "127.0.0.4")) == WRONG
    login(server, person.username, PASSWORD, "127.0.0.4").expect_refusal(429)
    assert login(server, person.username, PASSWORD, "127.0.0.5").status == 200


def test_a_success_is_no_failure(server: Server) -> None:
    person = server.person(password=PASSWORD)
    for _ in range(7):
        assert login(server, person.username, PASSWORD).status == 200


@pytest.mark.parametrize("body", [
    b"", b"x", b"[]", b'"x"', b"{}", b'{"username":"a"}', b'{"password":"a"}', b'{"username":5,"password":"a"}',
    b'{"username":"a","password":null}',
])
def test_a_body_without_both_strings_is_refused(server: Server, body: bytes) -> None:
    request(server, "POST", LOGIN, body).expect_refusal(400)


def test_other_types_and_methods(server: Server) -> None:
    body = b'{"username":"a","password":"b"}'
    request(server, "POST", LOGIN, body, {"Content-Type": "text/plain"}).expect_refusal(415)
    response = request(server, "GET", LOGIN)
    response.expect_refusal(405)
    assert response.headers["allow"] == "POST"
    assert answer(request(server, "POST", LOGIN.rstrip("/"), body)) == WRONG
