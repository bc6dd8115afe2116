"""How often the server allocates for one message: a number that grows only if somebody decides so."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import campus
import conversations
import erp
import pytest
import rooms
import socket_io
from conftest import Connect, Start
from switchboard import Server

COUNTER = os.environ.get("ALLOCATION_COUNTER", "")
# So few messages in a slice that some slices lie between two ticks of the server, however slow all is.
SLICES, MESSAGES = 50, 8
# Allocations for one message, from the frame that comes in to the last that goes out, rounded. What SQLite allocates for
# a transaction is among them: here each message has one of its own.
BUDGET = {"rooms": 4, "erp": 13, "campus": 14, "conversations": 13, "socketio": 11}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the library that counts is for Linux")


class Counted:
    """A server with one loop whose allocations are counted."""

    def __init__(self, start: Start, folder: Path) -> None:
        assert os.access(COUNTER, os.R_OK), "ALLOCATION_COUNTER must name the library that counts"
        self._file = folder / "allocations"
        self._file.write_bytes(bytes(8))
        self.server: Server = start(
            "--loops", 1, "--rooms-rate", 0, "--recovery", "0s",
            extra={"LD_PRELOAD": COUNTER, "ALLOCATIONS_FILE": str(self._file)})

    @property
    def count(self) -> int:
        return int.from_bytes(self._file.read_bytes(), sys.byteorder)

    async def for_each(self, exchange: Callable[[int], Awaitable[None]]) -> float:
        """What one exchange takes, when all is warm: in the slice with the least of what the server does with time."""
        taken: list[int] = []
        while len(taken) <= SLICES:
            before = self.count
            for number in range(MESSAGES):
                await exchange(number)
            taken.append(self.count - before)
        assert self.count > 1000, "nothing is counted"
        return min(taken[1:]) / MESSAGES


def test_what_it_allocates_is_jemallocs(server: Server) -> None:
    assert "/libjemalloc.so" in Path(f"/proc/{server.pid}/maps").read_text()


@pytest.fixture
def counted(start: Start, tmp_path: Path) -> Counted:
    return Counted(start, tmp_path)


def fits(measured: float, dialect: str) -> bool:
    print(f"{dialect}: {measured:.2f} allocations for one message")
    return measured < BUDGET[dialect] + 0.5


async def test_a_room_message(counted: Counted, connect: Connect, room: str) -> None:
    client = await connect(counted.server, room)

    async def exchange(number: int) -> None:
        await client.send(rooms.said("Hello everyone!", username="Aarav"))
        await client.receive()

    assert fits(await counted.for_each(exchange), "rooms")


async def test_a_room_message_costs_no_allocation_for_each_receiver(
    counted: Counted, connect: Connect, room: str
) -> None:
    clients = []
    measured = []
    for size in (2, 42):
        while len(clients) < size:
            clients.append(await connect(counted.server, room))
            for other in clients[:-1]:
                await other.receive()

        async def exchange(number: int) -> None:
            await clients[0].send(rooms.said("Hello everyone!", username="Aarav"))
            for client in clients:
                await client.receive()

        measured.append(await counted.for_each(exchange))
    few, many = measured
    assert many - few < 4, f"{few:.2f} for 2, {many:.2f} for 42"


async def test_direct_messages_in_erp(counted: Counted, connect: Connect) -> None:
    aarav, diya = counted.server.person(), counted.server.person()
    here = await connect(counted.server, erp.CHAT, aarav.token)
    there = await connect(counted.server, erp.CHAT, diya.token)

    async def exchange(number: int) -> None:
        await here.send(erp.said("Hello, are you available?", diya.id))
        await there.receive()

    assert fits(await counted.for_each(exchange), "erp")


async def test_direct_messages_in_campus(counted: Counted, connect: Connect) -> None:
    aarav, diya = counted.server.person(), counted.server.person()
    here = await connect(counted.server, campus.CHAT, aarav.token)
    there = await connect(counted.server, campus.CHAT, diya.token)

    async def exchange(number: int) -> None:
        await here.send(campus.said("Hello, are you available?", diya.id))
        await there.receive()
        await here.receive()

    assert fits(await counted.for_each(exchange), "campus")


async def test_direct_messages_in_conversations(counted: Counted, connect: Connect) -> None:
    aarav, diya = counted.server.person(), counted.server.person()
    here = await connect(counted.server, conversations.PATH, counted.server.jwt(aarav))
    there = await connect(counted.server, conversations.PATH, counted.server.jwt(diya))
    await here.send({"type": "chat.start_conversation", "receiver_id": diya.id})
    number = (await here.receive())["conversation"]["id"]

    async def exchange(_: int) -> None:
        await here.send(conversations.said("Hello, are you available?", number))
        await there.receive()
        await here.receive()

    assert fits(await counted.for_each(exchange), "conversations")


async def test_direct_messages_in_socketio(counted: Counted, connect: Connect) -> None:
    aarav, diya = counted.server.person(), counted.server.person()
    here, there = [await socket_io.online(connect, counted.server, person.token) for person in (aarav, diya)]

    async def exchange(_: int) -> None:
        await here.send(["send_message", {"toUserId": diya.id, "content": "Hello, are you available?"}])
        await there.packet()

    assert fits(await counted.for_each(exchange), "socketio")
