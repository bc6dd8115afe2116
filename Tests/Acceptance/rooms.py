"""The words of the `rooms` dialect that its tests share."""

from __future__ import annotations

from typing import Any

from frames import ROOMS_TIME

JOINED = {"type": "notification", "message": "A user joined the room", "event": "user_joined"}
LEFT = {"type": "notification", "message": "A user left the room", "event": "user_left"}


def said(message: str, **extra: str) -> dict[str, Any]:
    """What a client sends to say something."""
    return {"type": "chat_message", "message": message} | extra


def heard(message: str, username: str = "Anonymous") -> dict[str, Any]:
    """What everybody in the room gets of it."""
    return {"type": "chat_message", "message": message, "username": username, "timestamp": ROOMS_TIME}
