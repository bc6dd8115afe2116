"""The words of the `erp` dialect that its tests share."""

from __future__ import annotations

from typing import Any

from client import Client
from conftest import Connect
from frames import ERP_TIME, ID, error
from switchboard import Person, Server

CHAT = "/ws/v1/chat/"
NOTIFICATIONS = "/ws/v1/notifications/"
NOT_FOUND_OR_OFFLINE = error("User not found or offline.")


def said(text: str, to: int | str, **extra: Any) -> dict[str, Any]:
    """What a client sends to say something."""
    return {"type": "chat_message", "message": text, "recipient_id": to} | extra


def heard(text: str, sender: Person) -> dict[str, Any]:
    """What the receiver gets of it."""
    return {
        "type": "chat_message", "id": ID, "sender_id": sender.id, "sender_name": sender.name,
        "message": text, "timestamp": ERP_TIME,
    }


def read_by(reader: Person) -> dict[str, Any]:
    return {"type": "messages_read", "reader_id": reader.id, "timestamp": ERP_TIME}


def unread(count: int) -> dict[str, Any]:
    return {"type": "unread_count", "count": count}


async def online(connect: Connect, server: Server, person: Person) -> Client:
    """A chat connection that has answered once, of somebody for whom nothing waits."""
    client = await connect(server, CHAT, person.token)
    await client.send_text("are you there?")
    await client.expect(error("Invalid JSON format"))
    return client


async def notified(connect: Connect, server: Server, person: Person, count: int = 0) -> Client:
    """A notification connection after its first frame."""
    client = await connect(server, NOTIFICATIONS, person.token)
    await client.expect(unread(count))
    return client
