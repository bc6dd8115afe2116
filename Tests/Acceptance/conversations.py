"""The words of the `conversations` dialect (specs/conversations.md)."""

from __future__ import annotations

from typing import Any

from client import Client
from conftest import Connect
from frames import CONVERSATIONS_TIME, ID
from raw import bearer, request
from switchboard import Person, Server

PATH = "/ws/chat/"
# A JWT would say it too; the opaque tokens of the tests need the name.
CHAT = PATH + "?dialect=conversations"
GET_CONVERSATIONS = {"type": "chat.get_conversations"}


def said(text: str | None, conversation: int | str, **extra: Any) -> dict[str, Any]:
    content = {} if text is None else {"content": text}
    return {"type": "chat.message", "conversation_id": conversation, **content, **extra}


def typing(to: int | str, on: bool = True) -> dict[str, Any]:
    return {"type": "chat.typing", "receiver_id": to, "is_typing": on}


def read(conversation: int | str) -> dict[str, Any]:
    return {"type": "chat.read", "conversation_id": conversation}


def search(keyword: str) -> dict[str, Any]:
    return {"type": "chat.search_user", "keyword": keyword}


def start_with(person: int | str) -> dict[str, Any]:
    return {"type": "chat.start_conversation", "receiver_id": person}


def get_messages(conversation: int | str, **extra: Any) -> dict[str, Any]:
    return {"type": "chat.get_messages", "conversation_id": conversation, **extra}


def brief(person: Person) -> dict[str, Any]:
    return {"id": person.id, "username": person.username}


def record(text: str, sender: Person, conversation: Any = ID, attachment: str | None = None) -> dict[str, Any]:
    """A message, in a list or on its own."""
    return {
        "id": ID, "conversation_id": conversation, "sender": brief(sender), "content": text,
        "timestamp": CONVERSATIONS_TIME, "is_system": False, "attachment": attachment,
    }


def heard(text: str, sender: Person, conversation: Any = ID, attachment: str | None = None) -> dict[str, Any]:
    return {"type": "chat.message", "message": record(text, sender, conversation, attachment)}


def typing_of(sender: Person, on: bool) -> dict[str, Any]:
    return {"type": "chat.typing", "sender_id": sender.id, "is_typing": on}


def read_by(reader: Person, conversation: Any = ID) -> dict[str, Any]:
    return {"type": "chat.read", "conversation_id": conversation, "reader_id": reader.id}


def found(*people: Person) -> dict[str, Any]:
    return {"type": "chat.search_results", "results": [brief(person) for person in people]}


def started(*people: Person, conversation: Any = ID) -> dict[str, Any]:
    """Participants stand in the order of their ids."""
    participants = [brief(person) for person in sorted(people, key=lambda person: person.id)]
    return {"type": "chat.conversation_started", "conversation": {"id": conversation, "participants": participants}}


def listed(conversation: Any, *people: Person) -> dict[str, Any]:
    """One entry of the list of conversations."""
    return {"id": conversation, "participants": [
        {"user__id": person.id, "user__username": person.username}
        for person in sorted(people, key=lambda person: person.id)
    ]}


def conversations(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"type": "chat.conversations", "conversations": list(entries)}


def messages(*records: dict[str, Any]) -> dict[str, Any]:
    return {"type": "chat.messages", "messages": list(records)}


def error(words: Any) -> dict[str, Any]:
    return {"type": "error", "error": words}


NOT_FOUND = error("Conversation not found.")


async def settled(client: Client) -> Client:
    """The same client after an answer: what it asked before is done, and it has its place."""
    await client.send(search(""))
    await client.expect(found())
    return client


async def online(connect: Connect, server: Server, person: Person) -> Client:
    return await settled(await connect(server, CHAT, person.token))


async def conversation_of(client: Client, person: Person) -> int:
    """The id of the conversation of the client's owner with this person, made where there is none."""
    await client.send(start_with(person.id))
    answer = await client.receive()
    assert answer["type"] == "chat.conversation_started", answer
    return answer["conversation"]["id"]


def group(server: Server, founder: Person, *others: Person, title: str | None = None) -> int:
    """The id of a new group, made over HTTP."""
    body = {"user_ids": [person.id for person in others]} | ({"title": title} if title else {})
    answer = request(server, "POST", "/api/conversations/", body, bearer(founder.token))
    assert answer.status == 201, answer
    assert answer.json["is_group"] is True, answer.json
    return answer.json["id"]
