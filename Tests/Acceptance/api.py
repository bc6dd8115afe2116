"""Calls of the HTTP API, and what its answers look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from threading import Barrier
from typing import Any
from urllib.parse import urlencode

from frames import ID, Pattern, matches
from raw import Response, bearer, request
from switchboard import PATIENCE, Person, Server

API_KEY = "k3y-of-forty-characters-for-the-back-end"
# What a test file sets as its SETTINGS to get a server with this key.
KEYED = {"SWITCHBOARD_API_KEYS": API_KEY}

CONVERSATIONS = "/api/conversations/"
MESSAGES = "/api/messages/"
BEYOND_64_BITS = 2**63

Caller = Person | str | None


def _is_now(value: Any) -> bool:
    if not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value, re.ASCII) is None:
        return False
    return abs((datetime.now(timezone.utc) - datetime.fromisoformat(value)).total_seconds()) < 120


API_TIME = Pattern("time with milliseconds", _is_now)


def _headers(who: Caller) -> dict[str, str]:
    if who is None:
        return {}
    return bearer(who.token if isinstance(who, Person) else who)


def get(server: Server, who: Caller, path: str, **query: object) -> Response:
    """`who` is a person, a credential or nobody."""
    return request(server, "GET", f"{path}?{urlencode(query)}" if query else path, headers=_headers(who))


def post(server: Server, who: Caller, path: str, body: Any = None, key: str | None = None) -> Response:
    """A body that isn't bytes goes as JSON; `key` is the Idempotency-Key."""
    named = {} if key is None else {"Idempotency-Key": key}
    return request(server, "POST", path, body, _headers(who) | named)


def delete(server: Server, who: Caller, path: str) -> Response:
    return request(server, "DELETE", path, headers=_headers(who))


def answered(response: Response, status: int = 200) -> Any:
    """The body of an answer with this status."""
    assert response.status == status, (response.status, response.body[:500])
    assert response.headers["content-type"] == "application/json"
    return response.json


def refused(response: Response, status: int, message: str | None = None) -> None:
    """An error with this status, and these words if the contract has some."""
    response.expect_refusal(status)
    if message is not None:
        assert response.json["message"] == message
    if status == 401:
        assert response.headers["www-authenticate"].startswith("Bearer")


def expect(actual: Any, expected: Any) -> Any:
    assert matches(actual, expected), f"expected {expected!r}, got {actual!r}"
    return actual


def at_once(count: int, call: Callable[[int], Response]) -> list[Response]:
    """The answers to so many calls that begin at the same moment."""
    barrier = Barrier(count)

    def one(number: int) -> Response:
        barrier.wait(PATIENCE)
        return call(number)

    with ThreadPoolExecutor(count) as callers:
        return list(callers.map(one, range(count)))


def user(person: Person) -> dict[str, Any]:
    return {"id": person.id, "username": person.username, "name": person.name, "college": person.college}


def participant(person: Person) -> dict[str, Any]:
    return {"id": person.id, "username": person.username, "name": person.name}


def message(
    sender: Person, text: str, attachment: str | None = None, conversation: Any = ID, number: Any = ID
) -> dict[str, Any]:
    return {
        "id": number, "conversation_id": conversation, "sender": participant(sender), "text": text,
        "attachment": attachment, "timestamp": API_TIME,
    }


def conversation(
    *people: Person, group: bool = False, title: str | None = None, last: Any = None, unread: int = 0,
    number: Any = ID,
) -> dict[str, Any]:
    return {
        "id": number, "is_group": group, "title": title,
        "participants": [participant(person) for person in sorted(people, key=lambda person: person.id)],
        "last_message": last, "unread_count": unread,
    }


def write(server: Server, sender: Person, receiver: Person, text: str) -> dict[str, Any]:
    """A message to a person, as the API answers it."""
    body = {"receiver_id": receiver.id, "text": text}
    return expect(answered(post(server, sender, MESSAGES, body), 201), message(sender, text))


def direct(server: Server, one: Person, other: Person) -> int:
    """The id of their direct conversation, which is made where there is none."""
    response = post(server, one, CONVERSATIONS, {"user_id": other.id})
    return answered(response, 200 if response.status == 200 else 201)["id"]


def group(server: Server, maker: Person, *others: Person, title: str | None = None) -> int:
    """The id of a new group; the title makes a group of two one, too."""
    body = {"user_ids": [person.id for person in others]} | ({} if title is None else {"title": title})
    made = answered(post(server, maker, CONVERSATIONS, body), 201)
    return expect(made, conversation(maker, *others, group=True, title=title))["id"]
