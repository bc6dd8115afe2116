"""`socketio`: Engine.IO and Socket.IO over a websocket, with connection state recovery; the API where that fails."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from typing import Any

import aiohttp

from .front_end import LOST, Person, World
from .ledger import Message, Screen, Wire
from .network import Way
from .polling import Polling
from .screens import Fetching

ACKNOWLEDGEMENT = re.compile(r"43(\d+)(\[.*])", re.DOTALL)
PAGE = 100


class SocketIO(Fetching):
    """Its screen is what the notifications tell; rooms are another, and hear its own messages too."""

    dialect = "socketio"

    def __init__(self, world: World, person: Person, way: Way) -> None:
        super().__init__(world, person, way)
        self.room_screen = Screen(world.ledger, person.id, f"{self.name}, in rooms")
        world.ledger.screens.remove(self.room_screen)
        self._numbers = itertools.count()
        self._asked: dict[int, Message] = {}
        self._ids: tuple[str | None, str | None] = (None, None)
        self._offset: str | None = None
        self._is_recovered = False

    def url(self) -> str:
        return f"ws://127.0.0.1:{self.way.port}/socket.io/?EIO=4&transport=websocket"

    async def enter(self, socket: aiohttp.ClientWebSocketResponse) -> Wire:
        async with asyncio.timeout(10):
            if not (await _packet(socket)).startswith("0{"):
                raise aiohttp.ClientError("not opened")
            auth = {"token": self.person.token}
            if self._ids[1] is not None:
                auth |= {"pid": self._ids[1]} | ({} if self._offset is None else {"offset": self._offset})
            await socket.send_str(f"40{json.dumps(auth)}")
            answer = await _packet(socket)
        if not answer.startswith("40{"):
            raise aiohttp.ClientError(f"not connected: {answer}")
        ids = json.loads(answer[2:])
        before, self._ids = self._ids, (ids["sid"], ids.get("pid"))
        self._is_recovered = before == self._ids
        self.world.ledger.figures["recovered"] += self._is_recovered
        if not self._is_recovered:
            self._offset = None
            return Wire()
        # It goes on as if nothing had been.
        self.wire.broken = float("inf")
        return self.wire

    async def came(self) -> None:
        if not self._is_recovered:
            self.owe_all()
            self.room_screen.newest.clear()
            for conversation in self.world.ledger.conversations[self.person.id][:3]:
                await self._emit("join_conversation", conversation)
        if self.owed:
            self.world.spawn(self._fetch_all())
        await self.repeat()

    def gone(self) -> None:
        self._asked.clear()

    async def send_message(self, message: Message) -> None:
        number = next(self._numbers)
        self._asked[number] = message
        words = {"conversationId": message.conversation, "content": message.text, "client_id": message.key}
        await self.send_text(f"42{number}{json.dumps(['send_message', words])}")

    async def type(self, conversation: int) -> None:
        await self._emit("typing_start", {"conversationId": conversation})

    async def read(self, conversation: int) -> None:
        await self._emit("mark_read", {"conversationId": conversation})

    async def _emit(self, *event: Any) -> None:
        await self.send_text(f"42{json.dumps(event)}")

    def decode(self, text: str) -> Any:
        return text

    def hear(self, packet: str) -> None:
        if packet == "2":
            self.world.spawn(self.send_text("3"))
        elif (acknowledgement := ACKNOWLEDGEMENT.fullmatch(packet)) is not None:
            self._hear_acknowledgement(int(acknowledgement[1]), json.loads(acknowledgement[2])[0])
        elif packet.startswith("42["):
            self._hear_event(json.loads(packet[2:]))
        elif packet != "6":
            # A poll that another took the place of ends with that one, which says nothing.
            raise ValueError("unknown packet")

    def _hear_acknowledgement(self, number: int, answer: Any) -> None:
        message = self._asked.pop(number, None)
        if message is not None and answer["ok"]:
            self.acknowledged(message, answer["id"])
        elif message is not None:
            self.repeat_soon()

    def _hear_event(self, event: list[Any]) -> None:
        name, told = event[0], event[1]
        if name != "error":
            self._offset = event[-1]
        match name:
            case "message_notification":
                self._show(self.screen, told)
            case "new_message":
                self._show(self.room_screen, told)
            case "new_notification":
                self.wire.heard.add(told["title"])
                if told["user_id"] not in (None, self.person.id):
                    self.world.ledger.blame("a notification of somebody else", (self.name, told))
            case "typing_start" | "typing_stop" if told["conversationId"] is None:
                # Of a dialect that types to a person.
                self.screen.must_share_one_with(told["userId"])
            case "typing_start" | "typing_stop" | "messages_read":
                self.screen.must_know(told["conversationId"], told["userId"])
            case "error":
                self.world.ledger.figures["errors"] += 1
            case other:
                raise ValueError(other)

    def _show(self, screen: Screen, told: Any) -> None:
        screen.show(told["id"], told["content"], told["sender_id"], told["conversation_id"])

    async def _fetch_all(self) -> None:
        """Over HTTP, by the same network."""
        for conversation, after in [*self.owed.items()]:
            try:
                if not await self._fetch(conversation, after):
                    return
            except LOST:
                # The connection breaks too, or the next try succeeds.
                if self.socket is not None:
                    await asyncio.sleep(1)
                    self.world.spawn(self._fetch_all())
                return

    async def _fetch(self, conversation: int, after: int) -> bool:
        headers = {"Authorization": f"Bearer {self.person.token}"}
        while conversation in self.owed:
            url = (f"http://127.0.0.1:{self.way.port}/api/conversations/{conversation}/messages/"
                   f"?limit={PAGE}&after={after}")
            async with self.world.http.get(url, headers=headers, timeout=aiohttp.ClientTimeout(10)) as answer:
                page = await answer.json()
                if answer.status != 200:
                    raise ValueError(page)
            for message in page["messages"]:
                after = message["id"]
                self.screen.show(after, message["text"], message["sender"]["id"], conversation, in_order=False)
            if not page["has_more"]:
                if conversation in self.owed:
                    self.has_fetched(conversation)
        return True


class PollingSocketIO(SocketIO):
    """The same over long polling."""

    async def open(self) -> Polling:
        return await Polling(self.way.port).open()


async def _packet(socket: aiohttp.ClientWebSocketResponse) -> str:
    message = await socket.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise aiohttp.ClientError("closed")
    return message.data
