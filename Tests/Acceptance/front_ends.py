"""Front ends that believe what they are told, for the test of random traffic: what each dialect's knows in the end."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import conversations
import erp
import socket_io
from client import Client
from switchboard import PATIENCE
from websockets.exceptions import ConnectionClosed

# A message as a socket or the API shows it: id, sender's id, text.
Seen = tuple[int, int, str]
# Where a message belongs: a conversation's id, or the two people of a direct one.
Place = int | frozenset[int]
# A request to the API for somebody: method, path, body.
Ask = Callable[..., Awaitable[Any]]


@dataclass
class Human:
    """One person, and what is certain of what they did."""

    id: int
    token: str
    taste: list[str]
    sockets: list[FrontEnd] = field(default_factory=list)
    # What a repeat is sent for until an answer comes. The text is the client_id too.
    unanswered: dict[str, Place] = field(default_factory=dict)
    # For each conversation, a message that is read for certain, and one behind which none can be.
    read_at_least: Counter[int] = field(default_factory=Counter)
    read_at_most: dict[int, float] = field(default_factory=dict)

    def did_read(self, conversation: int, at_least: int, at_most: float) -> None:
        self.read_at_least[conversation] = max(self.read_at_least[conversation], at_least)
        self.read_at_most[conversation] = max(self.read_at_most.get(conversation, 0), at_most)

    def other(self, place: frozenset[int]) -> int:
        (other,) = place - {self.id}
        return other


class FrontEnd:
    """One connection, or what goes on as if it were one."""

    def __init__(self, owner: Human, dialect: str, client: Client, opened: int) -> None:
        self.owner, self.dialect, self.client = owner, dialect, client
        self.opened, self.closed = opened, float("inf")
        self.said_goodbye = False
        self.sent: list[str] = []
        self.unexpected: list[Any] = []
        self.reader = asyncio.create_task(self._read())

    @property
    def is_open(self) -> bool:
        return self.closed == float("inf")

    @property
    def is_connected(self) -> bool:
        return self.is_open

    @property
    def is_waiting(self) -> bool:
        return False

    @property
    def keeps_order(self) -> bool:
        """What an interrupted connection sent again may have taken a later place."""
        return True

    def give_up(self) -> None:
        """It is closed, and hears no answers any more."""

    async def _read(self) -> None:
        try:
            while True:
                frame = await self.client.next()
                try:
                    await self.handle(frame)
                except (LookupError, TypeError, AssertionError) as error:
                    self.unexpected.append((frame, repr(error)))
        except ConnectionClosed:
            pass

    async def handle(self, frame: Any) -> None:
        raise NotImplementedError

    async def send(self, frame: Any) -> None:
        try:
            await self.client.send(frame)
        except ConnectionClosed:
            pass


class Inbox(FrontEnd):
    """`erp` and `campus`: what arrived, as it arrived."""

    def __init__(self, *arguments: Any) -> None:
        self.heard: list[Seen] = []
        super().__init__(*arguments)

    @property
    def acknowledged(self) -> int:
        """The newest message that its pongs vouch for."""
        return self.client.socket.acknowledged

    async def handle(self, frame: dict) -> None:
        match frame["type"]:
            case "chat_message":
                assert not self.heard or frame["id"] > self.heard[-1][0], f"behind {self.heard[-1]}"
                self.heard.append((frame["id"], frame["sender_id"], frame["message"]))
            case "message_sent":
                assert self.dialect == "campus"
            case "messages_read":
                assert self.dialect == "erp" and frame["reader_id"] != self.owner.id
            case _:
                assert frame == erp.NOT_FOUND_OR_OFFLINE and self.dialect == "erp"


class Conversations(FrontEnd):
    """What is on the screen: what was asked for, and what came since."""

    def __init__(self, *arguments: Any) -> None:
        self.shown: dict[int, dict[int, Seen]] = {}
        self.participants: dict[int, list[int]] = {}
        self._waiting: deque[tuple[str, int, int | None]] = deque()
        super().__init__(*arguments)

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    @property
    def keeps_order(self) -> bool:
        return self.is_open

    def give_up(self) -> None:
        """Nobody knows whether a reading that had no answer took place."""
        for _, conversation, read_up_to in self._waiting:
            if read_up_to is not None:
                self.owner.did_read(conversation, 0, float("inf"))
        self._waiting.clear()

    async def come(self) -> None:
        await self.fetch()
        # In their order: behind one that has no words here, none.
        for text, place in itertools.takewhile(lambda item: isinstance(item[1], int), [*self.owner.unanswered.items()]):
            await self.say(text, place)

    async def say(self, text: str, place: int) -> None:
        await self.send(conversations.said(text, place, client_id=text))

    async def fetch(self) -> None:
        """What a front end does first."""
        self._waiting.append(("chat.conversations", 0, None))
        await self.send(conversations.GET_CONVERSATIONS)

    async def fetch_messages(self, conversation: int, read_up_to: int | None = None) -> None:
        self._waiting.append(("chat.messages", conversation, read_up_to))
        await self.send(conversations.get_messages(conversation))

    async def start(self, other: Human) -> None:
        self._waiting.append(("chat.conversation_started", other.id, None))
        await self.send(conversations.start_with(other.id))

    async def read(self, conversation: int) -> None:
        """The list that is asked for behind it says how far the reading can have gone."""
        await self.send(conversations.read(conversation))
        await self.fetch_messages(conversation, max(self.shown[conversation], default=0))

    async def handle(self, frame: dict) -> None:
        await self._HANDLERS[frame["type"]](self, frame)

    def _answered(self, frame: dict) -> tuple[int, int | None]:
        wanted, number, read_up_to = self._waiting.popleft()
        assert frame["type"] == wanted, f"expected {wanted}"
        return number, read_up_to

    async def _message(self, frame: dict) -> None:
        message = frame["message"]
        conversation = message["conversation_id"]
        if conversation not in self.shown:
            self.shown[conversation] = {}
            await self.fetch()
            await self.fetch_messages(conversation)
        self.shown[conversation][message["id"]] = seen(message, "content")
        if message["sender"]["id"] == self.owner.id:
            self.owner.unanswered.pop(message["content"], None)

    async def _list(self, frame: dict) -> None:
        self._answered(frame)
        listed = {entry["id"]: [one["user__id"] for one in entry["participants"]] for entry in frame["conversations"]}
        assert self.participants.keys() <= listed.keys(), f"known before: {self.participants}"
        self.participants = listed
        for conversation in listed:
            if conversation not in self.shown:
                self.shown[conversation] = {}
                await self.fetch_messages(conversation)

    async def _started(self, frame: dict) -> None:
        other, _ = self._answered(frame)
        conversation = frame["conversation"]
        assert [one["id"] for one in conversation["participants"]] == sorted([self.owner.id, other])
        self.participants[conversation["id"]] = sorted([self.owner.id, other])
        if conversation["id"] not in self.shown:
            self.shown[conversation["id"]] = {}
            await self.fetch_messages(conversation["id"])

    async def _messages(self, frame: dict) -> None:
        conversation, read_up_to = self._answered(frame)
        assert all(message["conversation_id"] == conversation for message in frame["messages"])
        ids = [message["id"] for message in frame["messages"]]
        assert ids == sorted(set(ids)), "not ascending"
        if read_up_to is not None:
            self.owner.did_read(conversation, read_up_to, max(ids, default=0))
        lost = self.shown[conversation].keys() - set(ids)
        self.shown[conversation] = {message["id"]: seen(message, "content") for message in frame["messages"]}
        assert not lost, f"the list lacks what was heard before it: {sorted(lost)}"

    async def _read_by(self, frame: dict) -> None:
        assert frame["reader_id"] != self.owner.id

    _HANDLERS = {
        "chat.message": _message, "chat.conversations": _list, "chat.messages": _messages,
        "chat.conversation_started": _started, "chat.read": _read_by,
    }


class SocketIO(FrontEnd):
    """What is on the screen: what was fetched over HTTP once, and what came since, over recovered connections too."""

    client: socket_io.Peer

    def __init__(self, *arguments: Any, ask: Ask) -> None:
        self._http = ask
        self.shown: dict[int, dict[int, Seen]] = {}
        # Of others, as the notifications told of them.
        self.heard: list[Seen] = []
        # `joining`, `fetching`, `joined`, `leaving`; from any other room, nothing may be heard.
        self.rooms: dict[int, str] = {}
        self.left: set[int] = set()
        self._newest_in_rooms = 0
        # How many readings have no answer yet.
        self._reading: Counter[int] = Counter()
        self._numbers = itertools.count()
        self._asked: dict[int, tuple[list[Any], asyncio.Future[dict]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.was_interrupted, self._is_away = False, False
        super().__init__(*arguments)

    @property
    def is_connected(self) -> bool:
        return self.is_open and not self._is_away

    @property
    def is_waiting(self) -> bool:
        return self._is_away or bool(self._tasks)

    @property
    def keeps_order(self) -> bool:
        return self.is_open and not self.was_interrupted

    @property
    def joined(self) -> list[int]:
        return sorted(conversation for conversation, room in self.rooms.items() if room == "joined")

    async def come(self) -> None:
        self._begin(self._have_come())
        for text, place in [*self.owner.unanswered.items()]:
            await self.say(text, place)

    async def say(self, text: str, place: Place) -> None:
        conversation, to = (place, None) if isinstance(place, int) else (None, self.owner.other(place))
        answer = await self._ask(*socket_io.said(text, conversation, to, client_id=text))
        self._begin(self._have_sent(text, answer))

    async def read(self, conversation: int) -> None:
        newest = max(self.shown[conversation], default=0)
        self._reading[conversation] += 1
        self._begin(self._have_read(conversation, newest, await self._ask(*socket_io.read(conversation))))

    async def leave(self, conversation: int) -> None:
        self.rooms[conversation] = "leaving"
        self._begin(self._have_left(conversation, await self._ask(*socket_io.leave(conversation))))

    async def lose(self, is_told: bool) -> None:
        """From here on nothing is heard. The server, unless it is told, believes the connection to be alive."""
        self.reader.cancel()
        await asyncio.gather(self.reader, return_exceptions=True)
        if is_told:
            self.client.drop()
        self.was_interrupted, self._is_away = True, True

    async def recover(self, url: str) -> None:
        """What was missed comes by itself; only what had no answer is asked again."""
        lost, self.client = self.client, await socket_io.Peer.open(url)
        # Who has heard nothing yet knows no offset.
        offset = {} if lost.offset is None else {"offset": lost.offset}
        await self.client.enter({"token": self.owner.token, "pid": lost.pid} | offset)
        assert (self.client.sid, self.client.pid) == (lost.sid, lost.pid), f"not recovered: {lost.pid}, {lost.offset}"
        self.client.offset = lost.offset
        self._is_away = False
        self.reader = asyncio.create_task(self._read())
        for number, (event, _) in [*self._asked.items()]:
            await self.send([number, *event])
        async with asyncio.timeout(PATIENCE):
            await lost.socket.wait_closed()

    def give_up(self) -> None:
        """Nobody knows whether a reading that had no answer took place."""
        for conversation in +self._reading:
            self.owner.did_read(conversation, 0, float("inf"))
        for task in self._tasks:
            task.cancel()
        self._asked.clear()

    async def handle(self, frame: list | str) -> None:
        assert isinstance(frame, list)
        match frame:
            case [int(number), answer]:
                self._asked.pop(number)[1].set_result(answer)
            case ["new_message", message]:
                assert message["id"] > self._newest_in_rooms, f"behind {self._newest_in_rooms}"
                self._newest_in_rooms = message["id"]
                assert message["conversation_id"] in self.rooms, "in no room"
                self.shown[message["conversation_id"]][message["id"]] = _seen_in_event(message)
            case ["message_notification", message]:
                assert not self.heard or message["id"] > self.heard[-1][0], f"behind {self.heard[-1]}"
                assert message["sender_id"] != self.owner.id
                self.heard.append(_seen_in_event(message))
                conversation = message["conversation_id"]
                if conversation not in self.rooms:
                    self._enter(conversation)
                elif self.rooms[conversation] in ("fetching", "joined"):
                    assert message["id"] in self.shown[conversation], "not heard in the room"
            case ["messages_read", receipt]:
                assert receipt["userId"] != self.owner.id
            case _:
                raise AssertionError("unknown")

    async def _ask(self, *event: Any) -> asyncio.Future[dict]:
        """Sends what has to be acknowledged."""
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._asked[number] = (list(event), answer)
        if not self._is_away:
            await self.send([number, *event])
        return answer

    def _begin(self, steps: Coroutine[Any, Any, None]) -> None:
        """The reader goes on meanwhile: it is what brings the answers."""
        def finished(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self.unexpected.append((steps.__name__, repr(error)))

        task = asyncio.create_task(steps)
        self._tasks.add(task)
        task.add_done_callback(finished)

    async def _have_come(self) -> None:
        page = await self._http(self.owner, "GET", "/api/conversations/?limit=100")
        assert page["next"] is None, "more conversations than this test makes"
        for entry in page["conversations"]:
            if entry["id"] not in self.rooms:
                self._enter(entry["id"])

    def _enter(self, conversation: int) -> None:
        self.rooms[conversation], self.shown[conversation] = "joining", {}
        self.left.discard(conversation)
        self._begin(self._have_entered(conversation))

    async def _have_entered(self, conversation: int) -> None:
        """Whatever is stored after the answer is heard, and what was stored before it is fetched."""
        acknowledgement = await (await self._ask(*socket_io.join(conversation)))
        assert acknowledgement == socket_io.DONE, acknowledgement
        self.rooms[conversation] = "fetching"
        fetched = {one[0]: one for one in await history(self._http, self.owner, conversation, 100)}
        self.rooms[conversation] = "joined"
        self.shown[conversation] = dict(sorted((fetched | self.shown[conversation]).items()))

    async def _have_left(self, conversation: int, answer: asyncio.Future[dict]) -> None:
        acknowledgement = await answer
        assert acknowledgement == socket_io.DONE, acknowledgement
        self.left.add(conversation)
        del self.rooms[conversation], self.shown[conversation]

    async def _have_sent(self, text: str, answer: asyncio.Future[dict]) -> None:
        acknowledgement = await answer
        assert acknowledgement.keys() == {"ok", "id"} and acknowledgement["ok"] is True, acknowledgement
        self.owner.unanswered.pop(text, None)

    async def _have_read(self, conversation: int, newest: int, answer: asyncio.Future[dict]) -> None:
        """What is there behind the answer says how far the reading can have gone."""
        acknowledgement = await answer
        assert acknowledgement == socket_io.DONE, acknowledgement
        page = await self._http(self.owner, "GET", f"/api/conversations/{conversation}/messages/?limit=1")
        self._reading[conversation] -= 1
        self.owner.did_read(conversation, newest, max((one["id"] for one in page["messages"]), default=0))


async def history(ask: Ask, human: Human, conversation: int, page_size: int) -> list[Seen]:
    """All messages over HTTP, page by page."""
    found: list[Seen] = []
    while True:
        after = found[-1][0] if found else 0
        path = f"/api/conversations/{conversation}/messages/?limit={page_size}&after={after}"
        page = await ask(human, "GET", path)
        found += [seen(one, "text") for one in page["messages"]]
        if not page["has_more"]:
            return found


def seen(message: dict, text: str) -> Seen:
    return (message["id"], message["sender"]["id"], message[text])


def _seen_in_event(message: dict) -> Seen:
    return (message["id"], message["sender_id"], message["content"])
