"""The words of the `campus` dialect (specs/campus.md)."""

from __future__ import annotations

from typing import Any

from frames import CAMPUS_TIME, ID
from switchboard import Person

CHAT = "/ws/chat/"
NOTIFICATIONS = "/ws/notifications/"
SENT = {"type": "message_sent", "id": ID, "status": "delivered"}


def said(text: str | None, to: int | str, **extra: Any) -> dict[str, Any]:
    message = {} if text is None else {"message": text}
    return {"receiver_id": to, **message, **extra}


def heard(text: str, sender: Person, attachment: str | None = None) -> dict[str, Any]:
    return {
        "type": "chat_message", "id": ID, "sender_id": sender.id, "sender_name": sender.name, "message": text,
        "attachment": attachment, "timestamp": CAMPUS_TIME,
    }


def error(words: str) -> dict[str, str]:
    return {"type": "error", "error": words}
