"""What the events of the `socketio` dialect carry, and what clients send with theirs (specs/socketio.md)."""

from __future__ import annotations

from typing import Any

from frames import CONVERSATIONS_TIME, ID
from switchboard import Person

# Milliseconds, as in `conversations`.
TIME = CONVERSATIONS_TIME
OK = {"ok": True}
UNKNOWN_EVENT = {"message": "Unknown event"}
NOT_FOUND = "Conversation not found"
NO_USER = "User not found"
NOT_SENT = "Failed to send message"
NO_CONVERSATION = "conversationId is required"
NO_TARGET = "conversationId or toUserId is required"
UNAUTHORIZED = {"message": "Authentication error"}


def said(text: str | None, conversation: int | str | None = None, **extra: Any) -> dict[str, Any]:
    """For `send_message`."""
    target = {} if conversation is None else {"conversationId": conversation}
    return target | ({} if text is None else {"content": text}) | extra


def message(
    content: str, sender: Person, receiver: Person | None, conversation: Any = ID, number: Any = ID
) -> dict[str, Any]:
    """Of `new_message`; in a group there is no receiver."""
    return {
        "id": number, "conversation_id": conversation, "sender_id": sender.id,
        "receiver_id": None if receiver is None else receiver.id, "content": content, "is_read": False,
        "read_at": None, "created_at": TIME,
    }


def notice(
    content: str, sender: Person, receiver: Person | None, conversation: Any = ID, number: Any = ID
) -> dict[str, Any]:
    """Of `message_notification`."""
    whole = message(content, sender, receiver, conversation, number)
    del whole["read_at"]
    return whole | {"type": "new_message"}


def read_by(reader: Person, conversation: Any = ID) -> dict[str, Any]:
    """Of `messages_read`."""
    return {"conversationId": conversation, "userId": reader.id, "readAt": TIME}


def typing(person: Person, conversation: int | None) -> dict[str, Any]:
    """Of `typing_start` and `typing_stop`."""
    return {"conversationId": conversation, "userId": person.id}


def notification(
    person: Person | None, title: str = "T", text: str = "M", kind: Any = "alert", number: Any = ID
) -> dict[str, Any]:
    """Of `new_notification`; nobody is named where it is for many."""
    return {
        "id": number, "user_id": None if person is None else person.id, "title": title, "message": text,
        "type": kind, "created_at": TIME,
    }
