"""A receiver that does not read is closed with 1013, and nobody else waits for it."""

import pytest
from client import Client
from conftest import Connect, Start
from raw import CLOSE, TEXT, Ended, Frame, RawWebSocket, close_payload
from rooms import JOINED, LEFT, heard, said



async def flood_until_one_left(talker: Client, *listeners: Client) -> None:
    """Talks until all heard that somebody left; meanwhile every message must reach all, in order."""
    waiting = {talker, *listeners}
    for number in range(20_000):
        text = f"{number} ".ljust(1000, "x")
        await talker.send(said(text))
        for client in (talker, *listeners):
            frame = await client.receive()
            if frame == LEFT:
                waiting.remove(client)
                frame = await client.receive()
            assert frame["message"] == text
        if not waiting:
            return
    pytest.fail("20 MB were not too much for a queue of 64 KiB")


def rest_of(socket: RawWebSocket) -> list[Frame]:
    """Everything that still arrives, until the end."""
    frames = []
    try:
        while True:
            frames.append(socket.receive())
    except Ended:
        return frames


async def test_a_slow_reader(start: Start, connect: Connect, room: str) -> None:
    server = start("--send-queue", 65536, "--rooms-rate", 0)
    talker, listener = await connect(server, room), await connect(server, room)
    await talker.expect(JOINED)
    with RawWebSocket(server, room, receive_buffer=4096) as slow:
        await talker.expect(JOINED)
        await listener.expect(JOINED)
        await flood_until_one_left(talker, listener)
        *before, last = rest_of(slow)
        assert {frame.opcode for frame in before} == {TEXT}
        assert (last.opcode, last.payload[:2]) == (CLOSE, close_payload(1013))
    await talker.send(said("we are fine"))
    for client in (talker, listener):
        await client.expect(heard("we are fine"))
