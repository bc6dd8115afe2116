"""Front ends for what is not kept for who is away: rooms, the counter, notifications."""

from __future__ import annotations

from typing import Any

from .front_end import FrontEnd, Person, World
from .ledger import Announcement, now
from .network import Way


class InRoom(FrontEnd):
    """Somebody in a room of the `rooms` dialect."""

    dialect = "rooms"
    compress = 15

    def __init__(self, world: World, room: str, way: Way) -> None:
        super().__init__(world, None, way)
        self.room = room

    def url(self) -> str:
        return f"ws://127.0.0.1:{self.way.port}/ws/chat/{self.room}/"

    async def speak(self) -> None:
        await self.send({"type": "chat_message", "message": self.new_words(), "username": self.name})

    def new_words(self) -> str:
        key = f"r{len(self.world.ledger.said_in_rooms)}"
        self.world.ledger.said_in_rooms[key] = Announcement(key, self.room)
        self.world.ledger.figures["said in rooms"] += 1
        return key

    def hear(self, frame: Any) -> None:
        match frame["type"]:
            case "chat_message":
                said = self.world.ledger.said_in_rooms[frame["message"]]
                if said.audience != self.room:
                    self.world.ledger.blame("heard in another room", (self.room, said))
                if said.key in self.wire.heard:
                    self.world.ledger.blame("heard twice in a room", (self.room, said))
                self.wire.heard.add(said.key)
                said.acknowledged_at = said.acknowledged_at or now()
            case "notification":
                if frame["event"] not in ("user_joined", "user_left"):
                    raise ValueError(frame["event"])
            case "error":
                self.world.ledger.figures["errors"] += 1
            case other:
                raise ValueError(other)


class AtCounter(FrontEnd):
    """Somebody who looks at the counter. Nobody counts down here, so it only rises."""

    dialect = "counter"

    def url(self) -> str:
        return f"ws://127.0.0.1:{self.way.port}/ws/counter/"

    async def count(self) -> None:
        self.world.ledger.counted_at_most += 1
        await self.send({"action": "increment", "value": 1})

    def hear(self, frame: Any) -> None:
        if frame["type"] == "counter_update":
            value = frame["value"] if "value" in frame else frame["counter"]
            self.world.ledger.highest_count = max(self.world.ledger.highest_count, value)
        elif frame["type"] == "error":
            self.world.ledger.figures["errors"] += 1
        elif frame["type"] != "user_count_update":
            raise ValueError(frame["type"])


class Bell(FrontEnd):
    """A notification socket of `erp` or `campus`, or of anybody in `rooms`."""

    PATHS = {"erp": "/ws/v1/notifications/", "campus": "/ws/notifications/", "rooms": "/ws/notifications/"}

    def __init__(self, world: World, person: Person | None, way: Way, dialect: str) -> None:
        self.speaks = dialect
        super().__init__(world, person, way)

    dialect = "notifications"

    def url(self) -> str:
        token = "" if self.person is None else f"?dialect={self.speaks}&token={self.person.token}"
        return f"ws://127.0.0.1:{self.way.port}{self.PATHS[self.speaks]}{token}"

    def hear(self, frame: Any) -> None:
        if "title" not in frame:
            if frame["type"] not in ("unread_count", "connection_status"):
                raise ValueError(frame["type"])
            return
        told = self.world.ledger.notifications[frame["title"]]
        if told.audience not in (None, self.person and self.person.id):
            self.world.ledger.blame("a notification of somebody else", (self.name, told))
        if told.key in self.wire.heard:
            self.world.ledger.blame("a notification twice on one connection", (self.name, told))
        self.wire.heard.add(told.key)
