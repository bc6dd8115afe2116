"""A sender faster than the store is slowed by not reading its socket; a slow receiver costs its own queue only."""

from __future__ import annotations

import asyncio
import json
import select
import sys
import time
from pathlib import Path
from typing import Any

from api import MESSAGES, post
import campus
import erp
import pytest
import rooms
from client import Client
from conftest import Connect, Start
from database import held_up, stored_texts
from frames import ANY_ERROR, matches
from metrics import Metrics
from raw import CLOSE, TEXT, Ended, RawWebSocket, close_payload, frame
from switchboard import PATIENCE, Person, Server, eventually, memory

ERP, CAMPUS = "/ws/v1/chat/", "/ws/chat/"
# What the server may hold of one sender: 256 messages of 8 KiB, a read, and what it makes of them.
HELD = 12 << 20
REFUSED = campus.error("An error occurred while processing your message")


def kept_by_the_system() -> int:
    """What the sender's and the server's system may keep on the way; Linux says."""
    return sum(int(Path(f"/proc/sys/net/ipv4/tcp_{end}mem").read_text().split()[2]) for end in "rw")


def raw_client(server: Server, path: str, person: Person, receive_buffer: int | None = None) -> RawWebSocket:
    return RawWebSocket(server, f"{path}?token={person.token}", receive_buffer)


class Hold:
    """The store's lock. What waits for it is refused after a second, should the test hold it for so long."""

    def __init__(self, server: Server) -> None:
        self._lock = held_up(server)

    def __enter__(self) -> Hold:
        self._began = time.monotonic()
        self._lock.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._lock.__exit__(*error)
        self.may_refuse = time.monotonic() - self._began >= 1


async def stored_of(texts: list[str], sender: Client, hold: Hold) -> list[str]:
    """Those that the sender is told are stored: all, where the store's lock was not held for too long."""
    answers = []
    while len(answers) < len(texts):
        if (frame := await sender.receive())["type"] != "chat_message":
            answers.append(frame)
    assert all(matches(answer, campus.SENT) or hold.may_refuse and answer == REFUSED for answer in answers), answers
    return [text for text, answer in zip(texts, answers) if answer != REFUSED]


class Flood:
    """Messages of 8 KiB to one person, sent as fast as the socket takes them."""

    def __init__(self, socket: RawWebSocket, receiver: Person) -> None:
        self._socket, self._receiver = socket, receiver
        self._rest = b""
        self.texts: list[str] = []
        self.taken = 0

    def go_on(self, seconds: float, most: int = 1 << 30) -> None:
        """Sends for a while, or until so many bytes were taken."""
        self._socket.socket.setblocking(False)
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.taken < most:
            self._rest = self._rest or self._next()
            try:
                sent = self._socket.socket.send(self._rest)
            except BlockingIOError:
                select.select([], [self._socket.socket], [], max(0, end - time.monotonic()))
                continue
            self.taken += sent
            self._rest = self._rest[sent:]

    def _next(self) -> bytes:
        self.texts.append(f"{len(self.texts)} ".ljust(8192, "x"))
        return frame(TEXT, json.dumps(erp.said(self.texts[-1], self._receiver.id)).encode())

    def finish(self) -> None:
        """Sends the rest of the last frame."""
        self._socket.socket.settimeout(10)
        self._socket.send(self._rest)
        self._rest = b""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_who_sends_faster_than_the_store_writes_is_slowed(start: Start, connect: Connect, room: str) -> None:
    server = start()
    sender, receiver = server.person(), server.person()
    reader = await erp.online(connect, server, receiver)
    talker, listener = await connect(server, room), await connect(server, room)
    await talker.expect(rooms.JOINED)
    with raw_client(server, ERP, sender) as socket:
        flood = Flood(socket, receiver)
        before = memory(server)
        with Hold(server) as hold:
            await asyncio.to_thread(flood.go_on, 0.6)
            assert flood.taken < kept_by_the_system() + HELD, f"{flood.taken} bytes were taken"
            assert memory(server) - before < HELD
            # Nobody else waits, whose messages need no store.
            await talker.send(rooms.said("meanwhile"))
            for client in (talker, listener):
                await client.expect(rooms.heard("meanwhile"))
        await asyncio.to_thread(flood.finish)
        # It goes on as before.
        done = len(flood.texts)
        await asyncio.to_thread(flood.go_on, PATIENCE, most=flood.taken + 100_000)
        await asyncio.to_thread(flood.finish)
        told: list[str] = []
        while not told or told[-1] != flood.texts[-1]:
            frame = await reader.receive()
            assert matches(frame, erp.heard(frame["message"], sender)), frame
            told.append(frame["message"])
        refused = {*flood.texts} - {*told}
        assert told == [text for text in flood.texts if text not in refused]
        assert not refused or hold.may_refuse and refused <= {*flood.texts[:done]}
        for _ in refused:
            assert matches(socket.expect_json(), ANY_ERROR)


async def test_a_full_queue_of_the_store_is_waited_for(start: Start, connect: Connect) -> None:
    """Sixteen people send at once what no queue of 20 has room for: nobody is refused, and each keeps the order."""
    server = start("--store-queue", 20)
    pairs = [(server.person(), server.person()) for _ in range(16)]
    senders = [await connect(server, CAMPUS, one.token) for one, _ in pairs]
    readers = [await connect(server, CAMPUS, other.token) for _, other in pairs]
    texts = [f"message {number}" for number in range(60)]
    with Hold(server) as hold:
        for sender, (_, other) in zip(senders, pairs, strict=True):
            for text in texts:
                await sender.send(campus.said(text, other.id))
    count = 0
    for sender, reader, (one, _) in zip(senders, readers, pairs, strict=True):
        stored = await stored_of(texts, sender, hold)
        for text in stored:
            await reader.expect(campus.heard(text, one))
        count += len(stored)
    assert len(stored_texts(server)) == count


async def test_who_waits_for_the_store_may_leave(start: Start, connect: Connect) -> None:
    """Others go on when connections are gone that had found its queue full."""
    server = start("--store-queue", 5)
    one, other = server.person(), server.person()
    reader = await connect(server, CAMPUS, other.token)
    stayer = await connect(server, CAMPUS, one.token)
    leavers = [await connect(server, CAMPUS, server.person().token) for _ in range(8)]
    texts = [f"surely {number}" for number in range(20)]
    with Hold(server) as hold:
        for leaver in leavers:
            for number in range(20):
                await leaver.send(campus.said(f"maybe {number}", one.id))
            leaver.drop()
        for text in texts:
            await stayer.send(campus.said(text, other.id))
    for text in await stored_of(texts, stayer, hold):
        await reader.expect(campus.heard(text, one))


def test_what_was_read_counts_also_where_the_store_had_no_room(start: Start) -> None:
    """A client that says all at once and leaves is done with it: nobody waits for an answer in erp."""
    server = start("--store-queue", 5)
    sender, receiver = server.person(), server.person()
    texts = [f"message {number}" for number in range(40)]
    with raw_client(server, ERP, sender) as socket:
        with held_up(server):
            messages = [frame(TEXT, json.dumps(erp.said(text, receiver.id)).encode()) for text in texts]
            socket.send(b"".join([*messages, frame(CLOSE, close_payload(1000))]))
            socket.expect_close(1000)
    eventually(lambda: stored_texts(server) == texts, "all are stored, in order")


async def test_a_slow_receiver_of_direct_messages_costs_itself_only(start: Start, connect: Connect) -> None:
    """It is closed once its queue is full, others hear each other all the while, and it finds everything later."""
    server = start("--send-queue", 65536)
    sender, slow, friend = server.person(), server.person(), server.person()
    writer = await erp.online(connect, server, sender)
    listener = await erp.online(connect, server, friend)
    sent: list[str] = []
    with raw_client(server, ERP, slow, receive_buffer=65536) as socket:
        def too_slow() -> bool:
            return any("too slow" in line for line in server.log)

        while not too_slow():
            assert len(sent) < 5000, "40 MB were not too much for a queue of 64 KiB"
            sent.append(f"{len(sent)} ".ljust(8000, "x"))
            await writer.send(erp.said(sent[-1], slow.id))
            await writer.send(erp.said(f"to a friend {len(sent)}", friend.id))
            await listener.expect(erp.heard(f"to a friend {len(sent)}", sender))
        frames = []
        try:
            while True:
                frames.append(socket.receive())
        except Ended:
            assert (frames[-1].opcode, frames[-1].payload[:2]) == (CLOSE, close_payload(1013))
    heard = [json.loads(frame.payload)["message"] for frame in frames if frame.opcode == TEXT]
    assert heard == sent[: len(heard)]
    # What it has read may come once more, what it has not read comes.
    again = await connect(server, ERP, slow.token)
    first = (await again.receive())["message"]
    place = sent.index(first)
    assert place <= len(heard)
    for text in sent[place + 1 :]:
        await again.expect(erp.heard(text, sender))


async def test_who_waits_for_the_store_in_vain_is_told_so(start: Start, connect: Connect) -> None:
    """A message that finds no room in the store's queue for too long is refused, and is not stored; no other is lost."""
    server = start("--store-queue", 5, "--store-patience", "250ms", "--loops", 1)
    one, other, third = server.person(), server.person(), server.person()
    filler, sender = await connect(server, CAMPUS, one.token), await connect(server, CAMPUS, other.token)
    fillers = 0

    async def fill() -> None:
        """Once a second all that is in the queue fails, and what waits for room there does not wait so long."""
        nonlocal fillers
        while Metrics.of(server)["queue_length", {"queue": "writer"}] < 5:
            for _ in range(20):
                await filler.send(campus.said(f"filler {fillers}", third.id))
                fillers += 1
            assert fillers < 5000, "the queue is never full"
            await asyncio.sleep(0.02)

    def refused() -> float:
        return Metrics.of(server)["refusals_total", {"reason": "store_busy"}]

    with held_up(server):
        while refused() == 0:
            await fill()
            await sender.send(campus.said("no room", third.id))
            await sender.expect(REFUSED)
        before = refused()
        while refused() == before:
            await fill()
            refusal = post(server, third, MESSAGES, {"receiver_id": one.id, "text": "no room"})
            refusal.expect_refusal(503)
            assert int(refusal.headers["retry-after"]) >= 1
    answers = [(await filler.receive())["type"] for _ in range(fillers)]
    # There is room now.
    await sender.send(campus.said("later", third.id))
    await sender.expect(campus.SENT)
    assert "error" in answers
    stored = [f"filler {number}" for number, answer in enumerate(answers) if answer == "message_sent"]
    texts = stored_texts(server)
    assert [text for text in texts if text != "later"] == stored and "later" in texts
