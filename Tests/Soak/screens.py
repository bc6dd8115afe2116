"""`conversations`: the history is fetched after each connect, and what had no echo is sent again."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import aiohttp

from .front_end import FrontEnd, Person, World
from .ledger import Message, Screen
from .network import Way

# A page of the longest messages fits into the answer that the server may give.
PAGE = 20


class Fetching(FrontEnd):
    """A front end that has to fetch what it missed, and repeats what was not acknowledged."""

    def __init__(self, world: World, person: Person, way: Way) -> None:
        super().__init__(world, person, way)
        self.screen = Screen(world.ledger, person.id, self.name, shows_own=self.dialect == "conversations")
        self.unacknowledged: dict[str, Message] = {}
        self._repeats = False
        # Where history is missing: by conversation, up to which id all is there.
        self.owed: dict[int, int] = {}

    @property
    def is_ready(self) -> bool:
        return super().is_ready and not self.unacknowledged and not self.owed

    @property
    def waits_for(self) -> str:
        return f"unacknowledged {[*self.unacknowledged][:5]}, histories {[*self.owed][:5]}"

    def owe_all(self) -> None:
        """From here on, what is heard live may have gaps before it."""
        for conversation in self.world.ledger.conversations[self.person.id]:
            self.owed.setdefault(conversation, self.screen.newest.get(conversation, 0))
        self.screen.newest.clear()

    def has_fetched(self, conversation: int) -> None:
        """All is there up to what is shown."""
        del self.owed[conversation]
        self.screen.newest[conversation] = self.screen.highest.get(conversation, 0)

    async def say(self, message: Message) -> None:
        self.unacknowledged[message.key] = message
        await self.send_message(message)

    async def send_message(self, message: Message) -> None:
        raise NotImplementedError

    async def repeat(self) -> None:
        for message in [*self.unacknowledged.values()]:
            self.world.ledger.figures["sent again"] += 1
            await self.send_message(message)

    def repeat_soon(self) -> None:
        """What was refused stays unacknowledged, and is sent again in a while."""
        self.world.ledger.figures["errors"] += 1
        if not self._repeats:
            self._repeats = True
            self.world.spawn(self._repeat_in_a_while())

    async def _repeat_in_a_while(self) -> None:
        await asyncio.sleep(1)
        self._repeats = False
        await self.repeat()

    def acknowledged(self, message: Message, number: int) -> None:
        self.world.ledger.acknowledged(message, number)
        self.unacknowledged.pop(message.key, None)


class Conversations(Fetching):
    dialect = "conversations"
    compress = 15

    def __init__(self, world: World, person: Person, way: Way) -> None:
        super().__init__(world, person, way)
        # Histories that were asked for: their answers come in this order.
        self._asked: deque[int] = deque()

    def url(self) -> str:
        return f"ws://127.0.0.1:{self.way.port}/ws/chat/?dialect=conversations&token={self.person.token}"

    async def came(self) -> None:
        self.owe_all()
        await self.send({"type": "chat.get_conversations"})
        for conversation in [*self.owed]:
            await self._fetch(conversation)
        await self.repeat()

    def gone(self) -> None:
        self._asked.clear()

    async def send_message(self, message: Message) -> None:
        await self.send({
            "type": "chat.message", "conversation_id": message.conversation, "content": message.text,
            "client_id": message.key,
        })

    async def type(self, conversation: int) -> None:
        for other in self.world.ledger.members[conversation] - {self.person.id}:
            await self.send({"type": "chat.typing", "receiver_id": other, "is_typing": True})
            return

    async def read(self, conversation: int) -> None:
        await self.send({"type": "chat.read", "conversation_id": conversation})

    async def _fetch(self, conversation: int, **before: int) -> None:
        self._asked.append(conversation)
        await self.send(
            {"type": "chat.get_messages", "conversation_id": conversation, "limit": PAGE} | before)

    def hear(self, frame: Any) -> None:
        match frame["type"]:
            case "chat.message":
                self._show(frame["message"], in_order=True)
            case "chat.messages":
                self._show_history(self._asked.popleft(), frame["messages"])
            case "chat.conversations":
                listed = {entry["id"]: frozenset(one["user__id"] for one in entry["participants"])
                          for entry in frame["conversations"]}
                theirs = self.world.ledger.conversations[self.person.id]
                if listed != {number: self.world.ledger.members[number] for number in theirs}:
                    self.world.ledger.blame("a list that is not one's own", (self.name, sorted(listed)))
            case "chat.read":
                self.screen.must_know(frame["conversation_id"], frame["reader_id"])
            case "chat.typing":
                self.screen.must_share_one_with(frame["sender_id"])
            case "error":
                self.repeat_soon()
                if self._asked:
                    # It does not say what it answers. Where that was a history, the next one is not whose turn it is.
                    raise aiohttp.ClientError("comes again, and asks for all of them")
            case other:
                raise ValueError(other)

    def _show(self, shown: Any, in_order: bool) -> None:
        message = self.screen.show(
            shown["id"], shown["content"], shown["sender"]["id"], shown["conversation_id"], in_order)
        if message is not None and message.sender == self.person.id:
            self.acknowledged(message, shown["id"])

    def _show_history(self, conversation: int, shown: list[Any]) -> None:
        ids = [message["id"] for message in shown]
        if ids != sorted(set(ids)):
            self.world.ledger.blame("a history that does not ascend", (self.name, conversation, ids))
        for message in shown:
            self._show(message, in_order=False)
        if len(ids) == PAGE and ids[0] > self.owed[conversation]:
            self.world.spawn(self._fetch(conversation, before_id=ids[0]))
        else:
            self.has_fetched(conversation)
