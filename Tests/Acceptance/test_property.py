"""Random traffic by seed: at the end everybody has seen exactly what a fresh look at the server shows.

`SEEDS=N` runs so many seeds, `SEED=N` that one alone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import campus
import conversations
import erp
import pytest
from client import Client
from keepalive import KeepAlive
from signed import SECRET, hs256
from switchboard import PATIENCE, Server
from websockets.exceptions import ConnectionClosed

PATHS = {
    "erp": erp.CHAT, "campus": campus.CHAT + "?dialect=campus", "conversations": conversations.CHAT,
}
# What a person's sockets speak: without `conversations` the backlog must bring all there is.
TASTES = [["erp"], ["campus"], ["erp", "campus"], ["conversations"], ["erp", "campus", "conversations"]]
# How many seeds run at the same time.
WIDTH = 8

# A message as a socket or the API shows it: id, sender's id, text.
Seen = tuple[int, int, str]


@dataclass
class Human:
    """One person, and what is certain of what they did."""

    id: int
    token: str
    taste: list[str]
    sockets: list[Socket] = field(default_factory=list)
    # What a repeat is sent for until an answer comes: client_id to frame.
    unanswered: dict[str, dict[str, Any]] = field(default_factory=dict)
    # For each conversation, a message that is read for certain, and one behind which none can be.
    read_at_least: Counter[int] = field(default_factory=Counter)
    read_at_most: dict[int, float] = field(default_factory=dict)

    def did_read(self, conversation: int, at_least: int, at_most: float) -> None:
        self.read_at_least[conversation] = max(self.read_at_least[conversation], at_least)
        self.read_at_most[conversation] = max(self.read_at_most.get(conversation, 0), at_most)


class Socket:
    """A connection of a front end that believes what it is told."""

    def __init__(self, owner: Human, dialect: str, client: Client, opened: int) -> None:
        self.owner, self.dialect, self.client = owner, dialect, client
        self.opened, self.closed = opened, float("inf")
        self.sent: list[str] = []
        # erp and campus: what arrived, as it arrived.
        self.heard: list[Seen] = []
        # conversations: what is on the screen.
        self.shown: dict[int, dict[int, Seen]] = {}
        self.participants: dict[int, list[int]] = {}
        self._waiting: deque[tuple[str, int, int | None]] = deque()
        self.unexpected: list[Any] = []
        self.reader = asyncio.create_task(self._read())

    @property
    def is_open(self) -> bool:
        return self.closed == float("inf")

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    async def _read(self) -> None:
        try:
            while True:
                frame = json.loads(await self.client.socket.recv())
                try:
                    await HANDLERS[frame["type"]](self, frame)
                except (LookupError, TypeError, AssertionError) as error:
                    self.unexpected.append((frame, repr(error)))
        except ConnectionClosed:
            pass

    # erp and campus

    async def _erp_or_campus_message(self, frame: dict) -> None:
        assert self.dialect != "conversations"
        assert not self.heard or frame["id"] > self.heard[-1][0], f"behind {self.heard[-1]}"
        self.heard.append((frame["id"], frame["sender_id"], frame["message"]))

    async def _message_sent(self, frame: dict) -> None:
        assert self.dialect == "campus"

    async def _messages_read(self, frame: dict) -> None:
        assert self.dialect == "erp" and frame["reader_id"] != self.owner.id

    async def _error(self, frame: dict) -> None:
        assert frame == erp.NOT_FOUND_OR_OFFLINE and self.dialect == "erp"

    # conversations

    async def send(self, frame: dict) -> None:
        try:
            await self.client.send(frame)
        except ConnectionClosed:
            pass

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

    def _answered(self, frame: dict) -> tuple[int, int | None]:
        wanted, number, read_up_to = self._waiting.popleft()
        assert frame["type"] == wanted, f"expected {wanted}"
        return number, read_up_to

    async def _conversations_message(self, frame: dict) -> None:
        message = frame["message"]
        conversation = message["conversation_id"]
        if conversation not in self.shown:
            self.shown[conversation] = {}
            await self.fetch()
            await self.fetch_messages(conversation)
        self.shown[conversation][message["id"]] = seen(message)
        if message["sender"]["id"] == self.owner.id:
            self.owner.unanswered.pop(message["content"], None)

    async def _chat_conversations(self, frame: dict) -> None:
        self._answered(frame)
        listed = {entry["id"]: [one["user__id"] for one in entry["participants"]] for entry in frame["conversations"]}
        assert self.participants.keys() <= listed.keys(), f"known before: {self.participants}"
        self.participants = listed
        for conversation in listed:
            if conversation not in self.shown:
                self.shown[conversation] = {}
                await self.fetch_messages(conversation)

    async def _chat_conversation_started(self, frame: dict) -> None:
        other, _ = self._answered(frame)
        conversation = frame["conversation"]
        assert [one["id"] for one in conversation["participants"]] == sorted([self.owner.id, other])
        self.participants[conversation["id"]] = sorted([self.owner.id, other])
        if conversation["id"] not in self.shown:
            self.shown[conversation["id"]] = {}
            await self.fetch_messages(conversation["id"])

    async def _chat_messages(self, frame: dict) -> None:
        conversation, read_up_to = self._answered(frame)
        assert all(message["conversation_id"] == conversation for message in frame["messages"])
        ids = [message["id"] for message in frame["messages"]]
        assert ids == sorted(set(ids)), "not ascending"
        if read_up_to is not None:
            self.owner.did_read(conversation, read_up_to, max(ids, default=0))
        lost = self.shown[conversation].keys() - set(ids)
        self.shown[conversation] = {message["id"]: seen(message) for message in frame["messages"]}
        assert not lost, f"the list lacks what was heard before it: {sorted(lost)}"

    async def _chat_read(self, frame: dict) -> None:
        assert frame["reader_id"] != self.owner.id

    def forget_what_is_unanswered(self) -> None:
        """Nobody knows whether a reading that had no answer took place."""
        for _, conversation, read_up_to in self._waiting:
            if read_up_to is not None:
                self.owner.did_read(conversation, 0, float("inf"))
        self._waiting.clear()


HANDLERS = {
    "chat_message": Socket._erp_or_campus_message, "message_sent": Socket._message_sent,
    "messages_read": Socket._messages_read, "error": Socket._error, "chat.message": Socket._conversations_message,
    "chat.conversations": Socket._chat_conversations, "chat.messages": Socket._chat_messages,
    "chat.conversation_started": Socket._chat_conversation_started, "chat.read": Socket._chat_read,
}


def seen(message: dict) -> Seen:
    return (message["id"], message["sender"]["id"], message["content"])


class Traffic:
    """The life of a few people under one seed."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.seed = server, seed
        self.random = random.Random(seed)
        self.http = KeepAlive(server)
        self.people: list[Human] = []
        self.sockets: list[Socket] = []
        self.clock = itertools.count()
        self.texts = (f"{seed}:{number}" for number in itertools.count())
        # Where each text belongs: a conversation's id, or the two people of a direct one.
        self.sent: dict[str, int | frozenset[int]] = {}

    async def ask(self, human: Human, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.http.ask(human.token, method, path, body)
        assert status in (200, 201), (method, path, body, status, answer)
        return answer

    async def run(self) -> None:
        try:
            await self._meet()
            for _ in range(self.random.randint(15, 45)):
                await self.random.choices(*zip(*ACTIONS))[0](self)
                if self.random.random() < 0.3:
                    # Lets frames arrive between two actions, without waiting for any.
                    await asyncio.sleep(0)
            await self._come_to_rest()
            await self._compare()
        finally:
            self.http.close()
            for socket in self.sockets:
                socket.client.drop()
            await asyncio.gather(*(socket.reader for socket in self.sockets))

    async def _meet(self) -> None:
        for number in range(self.random.randint(3, 5)):
            token = hs256(sub=f"seed{self.seed}.{number}", name=f"Person {number}")
            taste = self.random.choice(TASTES)
            human = Human(0, token, taste)
            human.id = (await self.ask(human, "GET", "/api/auth/me/"))["id"]
            self.people.append(human)
            for _ in range(self.random.randint(1, 3)):
                await self._open(human)

    async def _open(self, human: Human) -> None:
        dialect = self.random.choice(human.taste)
        opened = next(self.clock)
        client = await Client.open(self.server.url(PATHS[dialect], human.token))
        socket = Socket(human, dialect, client, opened)
        human.sockets.append(socket)
        self.sockets.append(socket)
        if dialect == "conversations":
            await socket.fetch()
            for frame in [*human.unanswered.values()]:
                await socket.send(frame)

    def _two(self) -> tuple[Human, Human]:
        one, other = self.random.sample(self.people, 2)
        return one, other

    def _socket(self, *dialects: str) -> Socket | None:
        fitting = [socket for socket in self.sockets if socket.is_open and socket.dialect in dialects]
        return self.random.choice(fitting) if fitting else None

    # Actions

    async def say(self) -> None:
        socket = self._socket(*PATHS)
        if socket is None:
            return
        for _ in range(self.random.choice([1, 1, 1, 5])):
            text = next(self.texts)
            if socket.dialect == "conversations":
                if not socket.shown:
                    return
                conversation = self.random.choice(sorted(socket.shown))
                self.sent[text] = conversation
                frame = conversations.said(text, conversation, client_id=text)
                socket.owner.unanswered[text] = frame
            else:
                other = self.random.choice([human for human in self.people if human is not socket.owner])
                self.sent[text] = frozenset([socket.owner.id, other.id])
                frame = erp.said(text, other.id) if socket.dialect == "erp" else campus.said(text, other.id)
                if self.random.random() < 0.3:
                    frame["client_id"] = text
                    await socket.send(frame)
            socket.sent.append(text)
            await socket.send(frame)

    async def say_over_http(self) -> None:
        one, other = self._two()
        text = next(self.texts)
        self.sent[text] = frozenset([one.id, other.id])
        body = {"receiver_id": other.id, "text": text, "client_id": text}
        first = await self.ask(one, "POST", "/api/messages/", body)
        if self.random.random() < 0.3:
            assert await self.ask(one, "POST", "/api/messages/", body) == first

    async def read(self) -> None:
        socket = self._socket("erp", "conversations")
        if socket is None:
            return
        if socket.dialect == "conversations" and socket.shown:
            await socket.read(self.random.choice(sorted(socket.shown)))
        elif socket.dialect == "erp" and socket.heard:
            number, author, _ = self.random.choice(socket.heard)
            # Ids grow in all conversations together: what is before the newest one heard was there already.
            direct = await self._direct(socket.owner, author)
            await socket.send({"type": "mark_read", "sender_id": author})
            socket.owner.did_read(direct, socket.heard[-1][0], float("inf"))

    async def _direct(self, human: Human, other: int) -> int:
        return (await self.ask(human, "POST", "/api/conversations/", {"user_id": other}))["id"]

    async def read_over_http(self) -> None:
        human = self.random.choice(self.people)
        found = (await self.ask(human, "GET", "/api/conversations/"))["conversations"]
        if not found:
            return
        chosen = self.random.choice(found)
        await self.ask(human, "POST", f"/api/conversations/{chosen['id']}/read/")
        after = await self.ask(human, "GET", f"/api/conversations/{chosen['id']}/messages/?limit=1")
        newest = [message["id"] for message in after["messages"]]
        known = chosen["last_message"]["id"] if chosen["last_message"] else 0
        human.did_read(chosen["id"], known, max(newest, default=0))

    async def start(self) -> None:
        socket = self._socket("conversations")
        if socket is not None:
            await socket.start(self.random.choice([human for human in self.people if human is not socket.owner]))

    async def found_a_group(self) -> None:
        chosen = self.random.sample(self.people, self.random.randint(3, len(self.people)))
        await self.ask(chosen[0], "POST", "/api/conversations/", {"user_ids": [human.id for human in chosen[1:]]})

    async def go(self) -> None:
        socket = self._socket(*PATHS)
        if socket is None:
            return
        # What the network lost on the way to erp or campus, nobody could know of: these say good-bye.
        if socket.dialect == "conversations" and self.random.random() < 0.5:
            socket.client.drop()
        await socket.client.close()
        await socket.reader
        socket.closed = next(self.clock)
        socket.owner.sockets.remove(socket)
        socket.forget_what_is_unanswered()

    async def come(self) -> None:
        human = self.random.choice(self.people)
        if len(human.sockets) < 3:
            await self._open(human)

    async def wait(self) -> None:
        socket = self._socket(*PATHS)
        if socket is not None:
            async with asyncio.timeout(PATIENCE):
                await (await socket.client.socket.ping())

    # The end

    async def _come_to_rest(self) -> None:
        """Everybody is there, what got no answer is repeated, and everybody says a last word to everybody."""
        for human in self.people:
            if not human.sockets:
                await self._open(human)
        for human in self.people:
            for frame in [*human.unanswered.values()]:
                status, answer = await self.http.ask(
                    human.token, "POST", f"/api/conversations/{frame['conversation_id']}/messages/",
                    {"text": frame["content"], "client_id": frame["client_id"]})
                assert status == 201, (status, answer)
                human.unanswered.pop(frame["content"], None)
        for one, other in itertools.permutations(self.people, 2):
            text = next(self.texts)
            self.sent[text] = frozenset([one.id, other.id])
            await self.ask(one, "POST", "/api/messages/", {"receiver_id": other.id, "text": text})

    async def _truth(self, human: Human) -> tuple[dict[int, dict], dict[int, list[Seen]]]:
        """All conversations and messages of one person, page by page."""
        listed: dict[int, dict] = {}
        cursor = ""
        while True:
            page = await self.ask(human, "GET", f"/api/conversations/?limit=3{cursor}")
            assert not listed.keys() & {entry["id"] for entry in page["conversations"]}, "one twice"
            listed |= {entry["id"]: entry for entry in page["conversations"]}
            if page["next"] is None:
                break
            cursor = f"&before={page['next']}"
        messages: dict[int, list[Seen]] = {}
        for number in listed:
            found: list[Seen] = []
            while True:
                after = f"&after={found[-1][0]}" if found else "&after=0"
                page = await self.ask(human, "GET", f"/api/conversations/{number}/messages/?limit=7{after}")
                found += [(one["id"], one["sender"]["id"], one["text"]) for one in page["messages"]]
                if not page["has_more"]:
                    break
            messages[number] = found
        return listed, messages

    async def _compare(self) -> None:
        """What is missing may still be on its way; what is wrong after that, stays wrong."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while differences := await self._differences():
            if asyncio.get_running_loop().time() > deadline or any(socket.unexpected for socket in self.sockets):
                shown = "\n  ".join(map(str, differences[:12]))
                raise AssertionError(f"seed {self.seed}, {len(differences)} differences:\n  {shown}")
            await asyncio.sleep(0.05)

    async def _differences(self) -> list[Any]:
        wrong: list[Any] = [(self._who(socket), *odd) for socket in self.sockets for odd in socket.unexpected]
        stored: dict[int, list[Seen]] = {}
        members: dict[int, list[int]] = {}
        theirs: dict[int, list[Seen]] = {}
        for human in self.people:
            listed, messages = await self._truth(human)
            for number, found in messages.items():
                if stored.setdefault(number, found) != found:
                    wrong.append(("members see different messages", number, stored[number], found))
                members[number] = [one["id"] for one in listed[number]["participants"]]
            theirs[human.id] = sorted(one for found in messages.values() for one in found if one[1] != human.id)
            wrong += self._wrong_in_the_list(human, listed, messages)
            for socket in human.sockets:
                if socket.dialect == "conversations":
                    wrong += self._wrong_on_screen(socket, listed, messages)
        wrong += self._wrong_in_store(stored, members)
        for socket in self.sockets:
            if socket.dialect != "conversations":
                wrong += self._wrong_in_what_was_heard(socket, theirs[socket.owner.id])
        for human in self.people:
            if "conversations" not in human.taste:
                wrong += self._wrong_over_time(human, theirs[human.id])
        return wrong

    def _who(self, socket: Socket) -> str:
        return f"{socket.dialect} socket of {socket.owner.id} ({socket.opened} to {socket.closed})"

    def _wrong_in_store(self, stored: dict[int, list[Seen]], members: dict[int, list[int]]) -> list[Any]:
        places = defaultdict(list)
        for number, found in stored.items():
            for message in found:
                places[message[2]].append((number, message[0]))
        wrong: list[Any] = []
        for text, belongs in self.sent.items():
            fits = [
                belongs == number or (isinstance(belongs, frozenset) and belongs == frozenset(members[number]))
                for number, _ in places[text]
            ]
            if fits != [True]:
                wrong.append(("sent, and not stored once where it belongs", text, belongs, places[text]))
        if extra := places.keys() - self.sent.keys():
            wrong.append(("stored, and never sent", sorted(extra)))
        for number, found in stored.items():
            ids = [message[0] for message in found]
            if ids != sorted(set(ids)):
                wrong.append(("ids that do not ascend", number, ids))
        for socket in self.sockets:
            # What an interrupted connection sent again may have taken a later place.
            order = [places[text][0][1] for text in socket.sent if places[text]]
            if order != sorted(order) and (socket.is_open or socket.dialect != "conversations"):
                wrong.append((self._who(socket), "its messages changed places", order))
        return wrong

    def _wrong_in_the_list(self, human: Human, listed: dict[int, dict], messages: dict[int, list[Seen]]) -> list[Any]:
        wrong: list[Any] = []
        for number, entry in listed.items():
            last = entry["last_message"]
            if (last and (last["id"], last["sender"]["id"], last["text"])) != (messages[number] or [None])[-1]:
                wrong.append((human.id, "last message", last, messages[number][-1:]))
            others = [one for one in messages[number] if one[1] != human.id]
            at_most = sum(one[0] > human.read_at_least[number] for one in others)
            at_least = sum(one[0] > human.read_at_most.get(number, 0) for one in others)
            if not at_least <= entry["unread_count"] <= at_most:
                wrong.append((human.id, "unread", number, entry["unread_count"], (at_least, at_most)))
        return wrong

    def _wrong_on_screen(self, socket: Socket, listed: dict[int, dict], messages: dict[int, list[Seen]]) -> list[Any]:
        wrong: list[Any] = [(self._who(socket), "waits for an answer")] if socket.is_waiting else []
        for number, found in messages.items():
            shown = [*socket.shown.get(number, {}).values()]
            if shown != found:
                wrong.append((self._who(socket), number, "shows", shown, "stored", found))
            participants = [one["id"] for one in listed[number]["participants"]]
            if found and socket.participants.get(number) != participants:
                wrong.append((self._who(socket), number, socket.participants.get(number), participants))
        if extra := socket.shown.keys() - messages.keys():
            wrong.append((self._who(socket), "shows conversations of others", extra))
        return wrong

    def _wrong_in_what_was_heard(self, socket: Socket, theirs: list[Seen]) -> list[Any]:
        """From the first message on, without gaps; to the last one of all where the socket is still open."""
        if not socket.heard:
            return [(self._who(socket), "heard nothing")] if socket.is_open and theirs else []
        until = theirs[-1][0] if socket.is_open and theirs else socket.heard[-1][0]
        expected = [message for message in theirs if socket.heard[0][0] <= message[0] <= until]
        return [(self._who(socket), "heard", socket.heard, "stored", expected)] if socket.heard != expected else []

    def _wrong_over_time(self, human: Human, theirs: list[Seen]) -> list[Any]:
        """All that was ever sent to somebody without history has arrived, and at no two times."""
        mine = [socket for socket in self.sockets if socket.owner is human]
        wrong: list[Any] = []
        if lost := set(theirs) - {message for socket in mine for message in socket.heard}:
            wrong.append((human.id, "never heard", sorted(lost)))
        for one, other in itertools.combinations(mine, 2):
            apart = one.closed < other.opened or other.closed < one.opened
            if apart and (twice := set(one.heard) & set(other.heard)):
                wrong.append((self._who(one), self._who(other), "both heard", sorted(twice)))
        return wrong


ACTIONS: list[tuple[Callable[[Traffic], Any], int]] = [
    (Traffic.say, 30), (Traffic.say_over_http, 6), (Traffic.read, 10), (Traffic.read_over_http, 3),
    (Traffic.start, 6), (Traffic.found_a_group, 2), (Traffic.go, 10), (Traffic.come, 10), (Traffic.wait, 6),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It takes the JWTs of this file, and makes their people when they first come."""
    verifiers = json.dumps([{"name": "tests", "secret": SECRET, "algorithms": ["HS256"], "create_users": True}])
    server = Server(tmp_path_factory.mktemp("server"), extra={"SWITCHBOARD_JWT": verifiers}).start()
    yield server
    server.close()


async def test_everybody_sees_what_is_stored(server: Server) -> None:
    seeds = [int(os.environ["SEED"])] if "SEED" in os.environ else range(1, int(os.environ.get("SEEDS", 300)) + 1)
    places = asyncio.Semaphore(WIDTH)

    async def run(seed: int) -> str | None:
        async with places:
            try:
                await Traffic(server, seed).run()
            except Exception as error:
                return str(error) if isinstance(error, AssertionError) else f"seed {seed}: {error!r}"
            return None

    failures = [failure for failure in await asyncio.gather(*map(run, seeds)) if failure is not None]
    assert not failures, f"{len(failures)} of {len(seeds)} seeds failed\n" + "\n".join(failures[:5])
