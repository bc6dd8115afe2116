"""People over HTTP: one, all in pages, and those whose username has a part."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api import API_KEY, BEYOND_64_BITS, KEYED, Caller, answered, get, refused, user
from switchboard import Person, Server

SETTINGS = KEYED
USERS = "/api/users/"


@pytest.fixture(scope="module")
def people(server: Server) -> Iterator[list[Person]]:
    """Everybody on the server, ascending by id."""
    names = ("alice", "Alina", "bob", "per_cent", "percent", "dot.ted", "x+y@z", "Malice")
    yield [server.person(name.title(), number % 3 or None, username=name) for number, name in enumerate(names)]


def found(server: Server, who: Caller, **query: object) -> list[str]:
    """The usernames on the first page."""
    return [item["username"] for item in answered(get(server, who, USERS, **query))["users"]]


def test_one_person(server: Server, people: list[Person]) -> None:
    for who in (people[0], people[1], API_KEY):
        assert answered(get(server, who, f"{USERS}{people[0].id}/")) == user(people[0])
        assert answered(get(server, who, f"{USERS}{people[0].id}")) == user(people[0])


@pytest.mark.parametrize("number", [
    0, -1, 999_999, 2**31, 2**53, 2**63 - 1, BEYOND_64_BITS, 2**64 + 1, 10**40, "x", "1.0", "1e0", "0x1", "+1",
    "%31%20", "%00", "%ff", "1;", "null", "-",
])
def test_nobody_is_found_under_another_id(server: Server, people: list[Person], number: object) -> None:
    refused(get(server, people[0], f"{USERS}{number}/"), 404, "User not found")


@pytest.mark.parametrize("who", [0, None], ids=["person", "key"])
@pytest.mark.parametrize("part, usernames", [
    ("alice", ["alice", "Malice"]), ("ALICE", ["alice", "Malice"]), ("li", ["alice", "Alina", "Malice"]),
    ("_", ["per_cent"]), ("per", ["per_cent", "percent"]), ("%", []), ("*", []), ("?", []), ("[a-z]", []),
    (".", ["dot.ted"]), ("+y@", ["x+y@z"]), ("nobody", []), ("'", []), ('"', []), ("\\", []), ("é", []),
    ("a" * 4000, []),
])
def test_a_search(server: Server, people: list[Person], who: int | None, part: str, usernames: list[str]) -> None:
    caller = API_KEY if who is None else people[who]
    themself = set() if who is None else {people[who].username}
    assert found(server, caller, search=part) == [name for name in usernames if name not in themself]


@pytest.mark.parametrize("text", ["%00", "%ff", "%zz", "%"])
@pytest.mark.parametrize("name", ["search", "limit"])
def test_a_query_that_is_no_text_does_not_count_as_none(
    server: Server, people: list[Person], name: str, text: str
) -> None:
    answer = get(server, API_KEY, f"{USERS}?{name}={text}")
    if answer.status == 200:
        assert name == "search" and answer.json["users"] == []
    else:
        refused(answer, 400)


def test_a_search_shows_whole_people(server: Server, people: list[Person]) -> None:
    assert answered(get(server, people[0], USERS, search="MALI")) == {"users": [user(people[-1])], "next": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 200])
def test_pages_hold_everybody_once(server: Server, people: list[Person], limit: int) -> None:
    seen, after = [], {}
    while True:
        page = answered(get(server, API_KEY, USERS, limit=limit, **after))
        assert page.keys() == {"users", "next"} and len(page["users"]) <= limit
        seen += page["users"]
        if page["next"] is None:
            break
        assert len(page["users"]) == limit
        after = {"after": page["next"]}
        assert len(seen) <= len(people)
    assert seen == [user(person) for person in people]


def test_pages_of_a_search(server: Server, people: list[Person]) -> None:
    first = answered(get(server, people[2], USERS, search="li", limit=2))
    second = answered(get(server, people[2], USERS, search="li", limit=2, after=first["next"]))
    assert [item["username"] for item in first["users"]] == ["alice", "Alina"]
    assert second == {"users": [user(people[-1])], "next": None}


def test_the_page_after_the_last(server: Server, people: list[Person]) -> None:
    assert answered(get(server, API_KEY, USERS, after=people[-1].id)) == {"users": [], "next": None}
    assert answered(get(server, API_KEY, USERS, after=2**63 - 1)) == {"users": [], "next": None}


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": 201}, {"limit": -1}, {"limit": "x"}, {"limit": ""}, {"limit": "5.0"}, {"limit": "1e1"},
    {"limit": 2**64}, {"after": "x"}, {"after": ""}, {"after": 1.5}, {"after": BEYOND_64_BITS}, {"limit": "\0"},
], ids=repr)
def test_a_bad_page(server: Server, people: list[Person], query: dict) -> None:
    for who in (people[0], API_KEY):
        refused(get(server, who, USERS, **query), 400)
