"""The words of the `socketio` dialect (specs/socketio.md), and a client of it: its packets over a websocket."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import socketio_values as values
from client import Client
from conftest import Connect
from frames import ID
from switchboard import Person, Server

PATH = "/socket.io/?EIO=4&transport=websocket"
DONE = values.OK
STORED = {"ok": True, "id": ID}


class Peer(Client):
    """A client in the main namespace. Its frames are events: `["name", {…}]`, without the offset they came with.

    A number before the name asks for an acknowledgement, which is heard as `[number, {…}]`. Any other packet is heard
    as the text it is, except for pings, which are answered.
    """

    sid: str
    # What a later connection recovers this one with, where the server says so; the offset is the last event's.
    pid: str | None = None
    offset: str | None = None

    async def enter(self, auth: dict[str, Any] | None = None) -> Peer:
        """Opens the session, and signs in."""
        opened = await self.packet()
        assert opened.startswith('0{"sid":'), opened
        await self.send_text("40" if auth is None else f"40{json.dumps(auth)}")
        answer = await self.packet()
        assert answer.startswith("40{"), answer
        ids = json.loads(answer[2:])
        assert ids.keys() <= {"sid", "pid"} and all(isinstance(value, str) for value in ids.values()), ids
        self.sid, self.pid = ids["sid"], ids.get("pid")
        return self

    async def packet(self) -> str:
        """The next packet that is no ping, as it came."""
        while (message := await self.socket.recv()) == "2":
            await self.send_text("3")
        assert isinstance(message, str), "a binary message"
        return message

    async def next(self) -> Any:
        packet = await self.packet()
        if (acknowledged := re.fullmatch(r"43(\d+)(\[.*])", packet, re.DOTALL)) is not None:
            return [int(acknowledged[1]), *json.loads(acknowledged[2])]
        return self.without_offset(json.loads(packet[2:])) if packet.startswith("42[") else packet

    def without_offset(self, event: list[Any]) -> list[Any]:
        """Every event has one at its end, except for errors."""
        if event[0] != "error":
            assert len(event) > 2 and isinstance(event[-1], str), f"no offset in {event!r}"
            self.offset = event.pop()
        return event

    async def send(self, frame: Any) -> None:
        number, event = ("", frame) if isinstance(frame[0], str) else (frame[0], frame[1:])
        await self.send_text(f"42{number}{json.dumps(event)}")

    async def ask(self, *event: Any, answer: Any = DONE) -> None:
        """Sends an event, and hears nothing before its acknowledgement."""
        number = next(_numbers)
        await self.send([number, *event])
        await self.expect([number, answer])


_numbers = itertools.count()


async def online(connect: Connect, server: Server, token: str, *joined: int, **auth: Any) -> Peer:
    """A client that has signed in and has joined these conversations."""
    peer = Peer((await connect(server, PATH)).socket)
    await peer.enter({"token": token} | auth)
    for conversation in joined:
        await peer.ask(*join(conversation))
    return peer


async def recovered(connect: Connect, server: Server, token: str, lost: Peer) -> Peer:
    """A client that goes on where the lost one heard its last event."""
    peer = await online(connect, server, token, pid=lost.pid, offset=lost.offset)
    assert (peer.sid, peer.pid) == (lost.sid, lost.pid), "not recovered"
    peer.offset = lost.offset
    return peer


# What clients send.

def join(conversation: int | str) -> list[Any]:
    return ["join_conversation", conversation]


def leave(conversation: int | str) -> list[Any]:
    return ["leave_conversation", conversation]


def said(
    text: str | None, conversation: int | str | None = None, to: int | str | None = None, **extra: Any
) -> list[Any]:
    content = {} if text is None else {"content": text}
    return ["send_message", _place(conversation, to) | content | extra]


def read(conversation: int | str) -> list[Any]:
    return ["mark_read", {"conversationId": conversation}]


def typing(conversation: int | str | None = None, to: int | str | None = None, on: bool = True) -> list[Any]:
    return ["typing_start" if on else "typing_stop", _place(conversation, to)]


def _place(conversation: int | str | None, to: int | str | None) -> dict[str, Any]:
    return {key: value for key, value in (("conversationId", conversation), ("toUserId", to)) if value is not None}


# What they hear.

def heard(text: str, sender: Person, receiver: Person | None, conversation: Any = ID) -> list[Any]:
    """Without a receiver, it is a group's."""
    return ["new_message", values.message(text, sender, receiver, conversation)]


def notified(text: str, sender: Person, receiver: Person | None, conversation: Any = ID) -> list[Any]:
    return ["message_notification", values.notice(text, sender, receiver, conversation)]


def read_by(reader: Person, conversation: Any = ID) -> list[Any]:
    return ["messages_read", values.read_by(reader, conversation)]


def typing_of(writer: Person, on: bool, conversation: int | None) -> list[Any]:
    return ["typing_start" if on else "typing_stop", values.typing(writer, conversation)]


def notification(sent: dict[str, Any]) -> list[Any]:
    """Of what was sent to the notifications' endpoint."""
    told = values.notification(None, sent["title"], sent["message"], sent["type"])
    return ["new_notification", told | {"user_id": sent.get("user_id")}]


def error(words: Any) -> list[Any]:
    return ["error", {"message": words}]
