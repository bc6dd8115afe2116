"""The calls that a back end makes to Switchboard's HTTP API."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from switchboard_client._transport import SwitchboardError, Transport

__all__ = ["Switchboard", "SwitchboardError"]


class Switchboard:
    """A Switchboard server, and the key to its API. One instance may serve many threads.

    - `url`: where the server is, such as `https://chat.example.org`.
    - `api_key`: one of the server's `api_keys`; a server on loopback asks for none to send notifications, room
      messages and counter changes.
    - `timeout`: how many seconds each try may take as a whole, and the longest wait before the next.
    - `retries`: how often a call is tried again after a failed connection, or after the answers 429 and 503.

    A retry never does a thing twice: calls that could are only repeated if the request cannot have reached the
    server. Calls raise `SwitchboardError` when they failed, `TypeError` or `ValueError` for arguments that are wrong.
    """

    def __init__(self, url: str, api_key: str | None = None, *, timeout: float = 5.0, retries: int = 2) -> None:
        self._transport = Transport(url, api_key, timeout, retries)

    def __repr__(self) -> str:
        return f"Switchboard({self._transport.url!r})"

    def send_notification(
        self,
        user_id: int | str,
        title: str,
        message: str,
        notification_type: str = "alert",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Sends a notification to one person."""
        self._notify(title, message, user_id=_id("user_id", user_id), type=notification_type, data=data)

    def broadcast_college_notification(
        self,
        college_id: int | str,
        title: str,
        message: str,
        notification_type: str = "alert",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Sends a notification to everybody of a college."""
        self._notify(title, message, college_id=_id("college_id", college_id), type=notification_type, data=data)

    def send_user_notification(
        self, user_id: int | str, title: str, message: str, priority: str = "normal"
    ) -> None:
        """Sends a notification of priority `low`, `normal` or `high` to one person."""
        self._notify(title, message, user_id=_id("user_id", user_id), priority=priority)

    def send_chat_message(self, room_name: str, message: str, username: str = "System") -> None:
        """Says something, at most 1,000 characters, to whoever is in a room.

        A room's name is 1 to 94 of `A-Z a-z 0-9 _ . -`, but neither `.` nor `..`.
        """
        path = f"/api/rooms/{_room(room_name)}/messages/"
        self._call(path, {"message": message, "username": username}, is_repeatable=False)

    def broadcast_counter_update(self, action: str, value: int) -> int:
        """Changes the shared counter by `increment`, `decrement` or `reset`; returns what it is now."""
        counter = self._call("/api/counter/", {"action": action, "value": value}, is_repeatable=False).get("counter")
        if not isinstance(counter, int):
            raise SwitchboardError("The server's answer has no counter", 200)
        return counter

    def publish_notice(self, title: str, content: str = "", college_id: int | str | None = None) -> dict[str, Any]:
        """Stores a notice and publishes it at once, to a college or, without one, to everybody; returns the notice."""
        audience = {} if college_id is None else {"college_id": _id("college_id", college_id)}
        return self._call("/api/notices/", {"title": title, "content": content, "publish": True, **audience})

    def send_bulk_message(
        self,
        title: str,
        message: str,
        *,
        user_ids: Iterable[int | str] | None = None,
        college_id: int | str | None = None,
        everybody: bool = False,
    ) -> dict[str, Any]:
        """Queues one notification for each recipient; returns the job, which the server works through.

        Exactly one of `user_ids`, `college_id` and `everybody=True` says who they are.
        """
        if (user_ids is not None) + (college_id is not None) + bool(everybody) != 1:
            raise ValueError("give exactly one of user_ids, college_id and everybody=True")
        body: dict[str, Any] = {"title": title, "message": message}
        if user_ids is not None:
            # These are iterable too, by characters and bytes, which could pass for ids.
            if isinstance(user_ids, (str, bytes, bytearray)):
                raise TypeError(f"user_ids must be an iterable of ids, not {type(user_ids).__name__}")
            body["user_ids"] = [_id("user_ids", user_id) for user_id in user_ids]
        elif college_id is not None:
            body["college_id"] = _id("college_id", college_id)
        else:
            body["everybody"] = True
        return self._call("/api/bulk-messages/", body)

    def _notify(self, title: str, message: str, **fields: Any) -> None:
        given = {name: value for name, value in fields.items() if value is not None}
        self._call("/api/notifications/send/", {"title": title, "message": message, **given})

    def _call(self, path: str, body: Mapping[str, Any], is_repeatable: bool = True) -> dict[str, Any]:
        """Posts a body and returns the answer's; `is_repeatable` says that the API takes an Idempotency-Key there."""
        payload = json.dumps(body, default=_plain, allow_nan=False).encode()
        return self._transport.post(path, payload, uuid.uuid4().hex if is_repeatable else None)


def _id(name: str, value: int | str) -> int:
    """A number or a string of digits; above all no None, for which the server would take everybody."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    raise TypeError(f"{name} must be a number or a string of digits, not {type(value).__name__}")


def _room(name: str) -> str:
    """A name as the server takes it; `.` and `..` in a path mean something else on the way there."""
    if not isinstance(name, str):
        raise TypeError(f"room_name must be a string, not {type(name).__name__}")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,94}", name) or name in (".", ".."):
        raise ValueError("room_name must be 1 to 94 of A-Z a-z 0-9 _ . - and neither . nor ..")
    return name


def _plain(value: Any) -> str:
    """What JSON has no words for, as Django's models hold it: times, decimals, UUIDs, lazily translated strings."""
    if isinstance(value, (bytes, bytearray, set, frozenset)):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
