"""Random traffic by seed: at the end everybody has seen exactly what a fresh look at the server shows.

`SEEDS=N` runs so many seeds, `SEED=N` that one alone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import campus
import conversations
import erp
import pytest
import socket_io
from client import Client
from front_ends import Conversations, FrontEnd, Human, Inbox, Place, Seen, SocketIO, history
from keepalive import KeepAlive
from signed import SECRET, hs256
from switchboard import PATIENCE, Server

PATHS = {
    "erp": erp.CHAT, "campus": campus.CHAT + "?dialect=campus", "conversations": conversations.CHAT,
    "socketio": socket_io.PATH,
}
# What a person's sockets speak: where none can fetch history, the backlog must bring all there is.
TASTES = [
    ["erp"], ["campus"], ["erp", "campus"], ["conversations"], ["socketio"], ["erp", "socketio"],
    ["conversations", "socketio"], ["erp", "campus", "conversations", "socketio"],
]
FETCHING = {"conversations", "socketio"}
# How many seeds run at the same time.
WIDTH = 8


class Traffic:
    """The life of a few people under one seed."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.seed = server, seed
        self.random = random.Random(seed)
        self.http = KeepAlive(server)
        self.people: list[Human] = []
        self.sockets: list[FrontEnd] = []
        self.clock = itertools.count()
        self.texts = (f"{seed}:{number}" for number in itertools.count())
        # Where each text belongs.
        self.sent: dict[str, Place] = {}

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
                socket.give_up()
                socket.client.drop()
            await asyncio.gather(*(socket.reader for socket in self.sockets), return_exceptions=True)

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
        if dialect == "socketio":
            client = await socket_io.Peer.open(self.server.url(PATHS[dialect]))
            await client.enter({"token": human.token})
            socket = SocketIO(human, dialect, client, opened, ask=self.ask)
        else:
            client = await Client.open(self.server.url(PATHS[dialect], human.token))
            socket = (Conversations if dialect == "conversations" else Inbox)(human, dialect, client, opened)
        human.sockets.append(socket)
        self.sockets.append(socket)
        if dialect in FETCHING:
            await socket.come()

    def _two(self) -> tuple[Human, Human]:
        one, other = self.random.sample(self.people, 2)
        return one, other

    def _socket(self, *dialects: str) -> FrontEnd | None:
        fitting = [socket for socket in self.sockets if socket.is_connected and socket.dialect in dialects]
        return self.random.choice(fitting) if fitting else None

    def _lost(self) -> list[SocketIO]:
        """Those that wait to be recovered."""
        return [socket for socket in self.sockets if socket.is_open and not socket.is_connected]

    # Actions

    async def say(self) -> None:
        socket = self._socket(*PATHS)
        if socket is None:
            return
        for _ in range(self.random.choice([1, 1, 1, 5])):
            text = next(self.texts)
            other = self.random.choice([human for human in self.people if human is not socket.owner])
            place: Place = frozenset([socket.owner.id, other.id])
            if socket.dialect == "conversations" or socket.dialect == "socketio" and self.random.random() < 0.7:
                if not socket.shown:
                    return
                place = self.random.choice(sorted(socket.shown))
            self.sent[text] = place
            socket.sent.append(text)
            if socket.dialect in FETCHING:
                socket.owner.unanswered[text] = place
                await socket.say(text, place)
                continue
            frame = erp.said(text, other.id) if socket.dialect == "erp" else campus.said(text, other.id)
            if self.random.random() < 0.3:
                frame["client_id"] = text
                await socket.send(frame)
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
        socket = self._socket("erp", *FETCHING)
        if socket is None:
            return
        if socket.dialect in FETCHING and socket.shown:
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

    async def leave(self) -> None:
        socket = self._socket("socketio")
        if socket is not None and socket.joined:
            await socket.leave(self.random.choice(socket.joined))

    async def lose(self) -> None:
        socket = self._socket("socketio")
        if socket is not None:
            await socket.lose(is_told=self.random.random() < 0.5)

    async def recover(self) -> None:
        if lost := self._lost():
            await self.random.choice(lost).recover(self.server.url(PATHS["socketio"]))

    async def go(self) -> None:
        socket = self._socket(*PATHS)
        if lost := self._lost():
            socket = self.random.choice([*lost, socket])
        if socket is None:
            return
        if self.random.random() < 0.5:
            if socket.dialect not in FETCHING:
                # It can't send again what the network loses.
                await (await socket.client.socket.ping())
            socket.client.drop()
        elif socket.dialect == "socketio" and socket.is_connected and self.random.random() < 0.5:
            await socket.client.send_text("41")
        else:
            socket.said_goodbye = True
        await socket.client.close()
        await asyncio.gather(socket.reader, return_exceptions=True)
        socket.closed = next(self.clock)
        socket.owner.sockets.remove(socket)
        socket.give_up()

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
        for socket in self._lost():
            # The others miss the last words.
            if self.random.random() < 0.5:
                await socket.recover(self.server.url(PATHS["socketio"]))
        for human in self.people:
            for text, place in [*human.unanswered.items()]:
                if isinstance(place, int):
                    path, to = f"/api/conversations/{place}/messages/", {}
                else:
                    path, to = "/api/messages/", {"receiver_id": human.other(place)}
                await self.ask(human, "POST", path, to | {"text": text, "client_id": text})
                human.unanswered.pop(text, None)
        for one, other in itertools.permutations(self.people, 2):
            text = next(self.texts)
            self.sent[text] = frozenset([one.id, other.id])
            await self.ask(one, "POST", "/api/messages/", {"receiver_id": other.id, "text": text})
        for socket in self._lost():
            await socket.recover(self.server.url(PATHS["socketio"]))

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
        return listed, {number: await history(self.ask, human, number, 7) for number in listed}

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
                if socket.dialect in FETCHING:
                    wrong += self._wrong_on_screen(socket, listed, messages)
        wrong += self._wrong_in_store(stored, members)
        for socket in self.sockets:
            if not isinstance(socket, Conversations):
                wrong += self._wrong_in_what_was_heard(socket, theirs[socket.owner.id])
        for human in self.people:
            if FETCHING.isdisjoint(human.taste):
                wrong += self._wrong_over_time(human, theirs[human.id])
        return wrong

    def _who(self, socket: FrontEnd) -> str:
        return f"{socket.dialect} socket of {socket.owner.id} ({socket.opened} to {socket.closed}{', bye' if socket.said_goodbye else ''})"

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
            order = [places[text][0][1] for text in socket.sent if places[text]]
            if order != sorted(order) and socket.keeps_order:
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

    def _wrong_on_screen(
        self, socket: Conversations | SocketIO, listed: dict[int, dict], messages: dict[int, list[Seen]]
    ) -> list[Any]:
        wrong: list[Any] = [(self._who(socket), "waits for an answer")] if socket.is_waiting else []
        for number, found in messages.items():
            if isinstance(socket, SocketIO) and number not in socket.shown:
                # It may have left, or was never told: what one wrote oneself is told in rooms alone.
                if number not in socket.left and set(found) & set(socket.heard):
                    wrong.append((self._who(socket), number, "does not show", found))
                continue
            shown = [*socket.shown.get(number, {}).values()]
            if shown != found:
                wrong.append((self._who(socket), number, "shows", shown, "stored", found))
            participants = [one["id"] for one in listed[number]["participants"]]
            if isinstance(socket, Conversations) and found and socket.participants.get(number) != participants:
                wrong.append((self._who(socket), number, socket.participants.get(number), participants))
        if extra := socket.shown.keys() - messages.keys():
            wrong.append((self._who(socket), "shows conversations of others", extra))
        return wrong

    def _wrong_in_what_was_heard(self, socket: Inbox | SocketIO, theirs: list[Seen]) -> list[Any]:
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
            one, other = sorted((one, other), key=lambda socket: socket.opened)
            if other.opened < one.closed:
                continue
            # What one of several has not acknowledged is given to the next; of a broken one it is not known what it did.
            beside = [third for third in mine if third.opened < other.opened and one.opened < third.closed]
            known = min(third.acknowledged if third.said_goodbye and third.closed < other.opened else 0 for third in beside)
            if twice := {message for message in one.heard if message[0] <= known} & set(other.heard):
                wrong.append((self._who(one), self._who(other), "both heard", sorted(twice)))
        return wrong


ACTIONS: list[tuple[Callable[[Traffic], Any], int]] = [
    (Traffic.say, 30), (Traffic.say_over_http, 6), (Traffic.read, 10), (Traffic.read_over_http, 3),
    (Traffic.start, 6), (Traffic.found_a_group, 2), (Traffic.leave, 2), (Traffic.lose, 14), (Traffic.recover, 12),
    (Traffic.go, 10), (Traffic.come, 10), (Traffic.wait, 6),
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
