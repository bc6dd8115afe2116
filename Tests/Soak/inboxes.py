"""`erp` and `campus`: no history, no repeats; what arrives is shown, unless its id is known."""

from __future__ import annotations

from typing import Any

from .front_end import FrontEnd, Person, World
from .ledger import Message, Screen, now
from .network import Way


class Inbox(FrontEnd):
    def __init__(self, world: World, person: Person, way: Way) -> None:
        super().__init__(world, person, way)
        others = [screen for screen in world.ledger.screens if screen.owner == person.id]
        self.screen = Screen(world.ledger, person.id, self.name)
        for other in others:
            other.others.append(self.screen)
        self.screen.others = others

    def partner(self, conversation: int) -> int:
        (other,) = self.world.ledger.members[conversation] - {self.person.id}
        return other


class ERP(Inbox):
    dialect = "erp"
    compress = 15

    def url(self) -> str:
        return f"ws://127.0.0.1:{self.way.port}/ws/v1/chat/?token={self.person.token}"

    async def say(self, message: Message) -> None:
        message.wire = self.wire if self.socket is not None else None
        await self.send(
            {"type": "chat_message", "message": message.text, "recipient_id": self.partner(message.conversation)})

    async def type(self, conversation: int) -> None:
        await self.send({"type": "typing", "recipient_id": self.partner(conversation)})

    async def read(self, conversation: int) -> None:
        await self.send({"type": "mark_read", "sender_id": self.partner(conversation)})

    def hear(self, frame: Any) -> None:
        match frame["type"]:
            case "chat_message":
                self.screen.show(frame["id"], frame["message"], frame["sender_id"])
            case "user_typing":
                self.screen.must_share_one_with(frame["sender_id"])
            case "messages_read":
                self.screen.must_share_one_with(frame["reader_id"])
            case "error":
                self.wire.errors.append(now())
                self.world.ledger.figures["errors"] += 1
            case other:
                raise ValueError(other)


class Campus(Inbox):
    dialect = "campus"

    def __init__(self, world: World, person: Person, way: Way) -> None:
        super().__init__(world, person, way)
        # Answers name no message: they come in the order of what was said.
        self._unanswered: list[Message] = []

    def url(self) -> str:
        return f"ws://127.0.0.1:{self.way.port}/ws/chat/?dialect=campus&token={self.person.token}"

    @property
    def is_ready(self) -> bool:
        return super().is_ready and not self._unanswered

    @property
    def waits_for(self) -> str:
        return f"unanswered {[message.key for message in self._unanswered[:5]]}"

    async def say(self, message: Message) -> None:
        if self.socket is None:
            return
        self._unanswered.append(message)
        await self.send({"receiver_id": self.partner(message.conversation), "message": message.text})

    async def type(self, conversation: int) -> None:
        """The dialect has no words for it."""

    async def read(self, conversation: int) -> None:
        """Nor for that."""

    def gone(self) -> None:
        self._unanswered.clear()

    def hear(self, frame: Any) -> None:
        match frame["type"]:
            case "chat_message":
                self.screen.show(frame["id"], frame["message"], frame["sender_id"])
            case "message_sent":
                self.world.ledger.acknowledged(self._unanswered.pop(0), frame["id"])
            case "error":
                self.wire.errors.append(now())
                self.world.ledger.figures["errors"] += 1
                self.world.ledger.refused(self._unanswered.pop(0))
            case other:
                raise ValueError(other)
