"""Sends notifications, notices and room messages through a Switchboard server.

The functions here use one default `Switchboard`, set by `configure` or else by the environment.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from switchboard_client._client import Switchboard, SwitchboardError

__all__ = [
    "Switchboard",
    "SwitchboardError",
    "broadcast_college_notification",
    "broadcast_counter_update",
    "configure",
    "publish_notice",
    "send_bulk_message",
    "send_chat_message",
    "send_notification",
    "send_user_notification",
]

_lock = threading.Lock()
_default: Switchboard | None = None


def configure(
    *, url: str | None = None, api_key: str | None = None, timeout: float = 5.0, retries: int = 2
) -> Switchboard:
    """Sets the instance that the functions of this module use, and returns it.

    `url` and `api_key` come from SWITCHBOARD_URL (http://127.0.0.1:8000 where that is not set) and
    SWITCHBOARD_API_KEY where they are not given; an `api_key` of "" means none.
    """
    global _default
    made = _from_environment(url, api_key, timeout, retries)
    with _lock:
        _default = made
    return made


def _from_environment(
    url: str | None = None, api_key: str | None = None, timeout: float = 5.0, retries: int = 2
) -> Switchboard:
    return Switchboard(
        (os.environ.get("SWITCHBOARD_URL") or "http://127.0.0.1:8000") if url is None else url,
        os.environ.get("SWITCHBOARD_API_KEY") if api_key is None else api_key,
        timeout=timeout,
        retries=retries,
    )


def _switchboard() -> Switchboard:
    """The default instance; the environment is read when it is first needed."""
    global _default
    with _lock:
        if _default is None:
            _default = _from_environment()
        return _default


def send_notification(
    user_id: int | str,
    title: str,
    message: str,
    notification_type: str = "alert",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Sends a notification to one person."""
    _switchboard().send_notification(user_id, title, message, notification_type, data)


def broadcast_college_notification(
    college_id: int | str,
    title: str,
    message: str,
    notification_type: str = "alert",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Sends a notification to everybody of a college."""
    _switchboard().broadcast_college_notification(college_id, title, message, notification_type, data)


def send_user_notification(user_id: int | str, title: str, message: str, priority: str = "normal") -> None:
    """Sends a notification of priority `low`, `normal` or `high` to one person."""
    _switchboard().send_user_notification(user_id, title, message, priority)


def send_chat_message(room_name: str, message: str, username: str = "System") -> None:
    """Says something, at most 1,000 characters, to whoever is in a room.

    A room's name is 1 to 94 of `A-Z a-z 0-9 _ . -`, but neither `.` nor `..`.
    """
    _switchboard().send_chat_message(room_name, message, username)


def broadcast_counter_update(action: str, value: int) -> int:
    """Changes the shared counter by `increment`, `decrement` or `reset`; returns what it is now."""
    return _switchboard().broadcast_counter_update(action, value)


def publish_notice(title: str, content: str = "", college_id: int | str | None = None) -> dict[str, Any]:
    """Stores a notice and publishes it at once, to a college or, without one, to everybody; returns the notice."""
    return _switchboard().publish_notice(title, content, college_id)


def send_bulk_message(
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
    return _switchboard().send_bulk_message(
        title, message, user_ids=user_ids, college_id=college_id, everybody=everybody
    )
