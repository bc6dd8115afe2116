"""What the tests of the Python package for back ends share."""

from __future__ import annotations

from typing import Any, Protocol

from frames import ERP_TIME
from raw import bearer, request
from switchboard import Person, Server
from switchboard_client import Switchboard

KEY = "k3y-of-the-python-client"


class Listening(Protocol):
    port: int


def to(server: Listening, key: str | None = KEY, **options: Any) -> Switchboard:
    """The package's way to whatever listens on that port."""
    return Switchboard(f"http://127.0.0.1:{server.port}", key, **options)


def notified(title: str, message: str, kind: str = "alert", data: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a `campus` socket gets of a notification."""
    return {
        "type": "notify", "title": title, "message": message, "notification_type": kind, "timestamp": ERP_TIME,
        "data": data or {},
    }


def announced(notice: dict[str, Any]) -> dict[str, Any]:
    """What it gets of a notice that was published."""
    about = {"notice_id": notice["id"], "url": f"/notices/{notice['id']}"}
    return notified("New Notice", notice["title"], "notice", about)


def titles(server: Server, person: Person) -> list[str]:
    """Of all notifications that the person has, the newest first."""
    answer = request(server, "GET", "/api/notifications/", headers=bearer(person.token))
    assert answer.status == 200, answer
    return [notification["title"] for notification in answer.json["notifications"]]
