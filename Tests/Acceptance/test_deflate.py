"""permessage-deflate (RFC 7692): what is agreed on, what is compressed, for whom, and what bad input gets."""

from __future__ import annotations

import asyncio
import json
import os
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from conftest import Start
from switchboard import PATIENCE, Server, memory

OFFER = "permessage-deflate; client_max_window_bits"
NO_CONTEXT = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
TEXT = "Everybody says the same, again and again. "
LONG = (TEXT * 24)[:1000]


class Link:
    """A WebSocket whose frames are the test's own to make and to read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, agreed: str | None) -> None:
        self._reader, self._writer, self.agreed = reader, writer, agreed
        self._inflater: zlib._Decompress | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, server: Server, path: str, offer: str | None = OFFER) -> AsyncIterator[Link]:
        parts = urlsplit(server.url(path))
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        extensions = f"Sec-WebSocket-Extensions: {offer}\r\n" if offer else ""
        writer.write((
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n").encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode()
        assert head.startswith("HTTP/1.1 101 "), head
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        yield cls(reader, writer, fields.get("Sec-WebSocket-Extensions"))
        writer.close()

    def frame(self, payload: bytes, first: int = 0x81) -> None:
        length = len(payload)
        size = bytes([0x80 | length]) if length < 126 else (
            b"\xfe" + length.to_bytes(2, "big") if length < 65_536 else b"\xff" + length.to_bytes(8, "big"))
        self._writer.write(bytes([first]) + size + bytes(4) + payload)

    def say(self, message: str, compressor: zlib._Compress | None = None) -> None:
        """Sends a room message, compressed."""
        self.frame(deflated(said(message), compressor), 0xC1)

    async def receive(self) -> tuple[bool, int, bytes]:
        """Whether the next frame is compressed, its opcode, and its payload as it came."""
        async with asyncio.timeout(PATIENCE):
            first, size = await self._reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            return bool(first & 0x40), first & 0x0F, await self._reader.readexactly(size)

    async def hear(self, keeps_context: bool = False) -> tuple[bool, str]:
        """Whether the next room message is compressed, and what it says."""
        is_compressed, opcode, payload = await self.receive()
        assert opcode == 1
        if is_compressed:
            if self._inflater is None or not keeps_context:
                self._inflater = zlib.decompressobj(-15)
            payload = self._inflater.decompress(payload + b"\x00\x00\xff\xff")
        return is_compressed, json.loads(payload)["message"]

    async def expect_close(self, code: int) -> None:
        while True:
            _, opcode, payload = await self.receive()
            if opcode == 8:
                assert int.from_bytes(payload[:2], "big") == code
                return


def said(message: str) -> bytes:
    return json.dumps({"type": "chat_message", "message": message, "username": "Aarav"}).encode()


def deflated(data: bytes, compressor: zlib._Compress | None = None) -> bytes:
    compressor = compressor or zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("offer", ["permessage-deflate", OFFER, "x-unknown, permessage-deflate"])
async def test_by_default_no_contexts_are_kept(server: Server, room: str, offer: str) -> None:
    async with Link.open(server, room, offer) as link:
        assert link.agreed == NO_CONTEXT


@pytest.mark.parametrize(
    "offer", [None, "x-unknown", "permessage-deflate; server_max_window_bits=8", "permessage-deflate; x"])
async def test_what_is_not_offered_or_cannot_be_fulfilled_is_not_agreed_on(
    server: Server, room: str, offer: str | None
) -> None:
    async with Link.open(server, room, offer) as link:
        assert link.agreed is None
        link.frame(said(LONG))
        assert await link.hear() == (False, LONG)


async def test_it_can_be_turned_off(start: Start, room: str) -> None:
    async with Link.open(start("--deflate", "false"), room) as link:
        assert link.agreed is None


async def test_long_messages_are_compressed_and_short_ones_are_not(server: Server, room: str) -> None:
    async with Link.open(server, room) as link, Link.open(server, room, None) as plain:
        await link.receive()  # that the other joined
        for message, is_compressed in [("short", False), (LONG, True), ("x" * 1000, True), ("x" * 900, False)]:
            link.say(message)
            assert await link.hear() == (is_compressed, message)
            # Who did not offer it is not sent it.
            assert await plain.hear() == (False, message)


async def test_the_threshold_can_be_set(start: Start, room: str) -> None:
    async with Link.open(start("--deflate-threshold", 0), room) as link:
        link.say("short")
        assert await link.hear() == (True, "short")


async def test_a_narrow_window_is_respected(server: Server, room: str) -> None:
    async with Link.open(server, room, "permessage-deflate; server_max_window_bits=10") as link:
        assert link.agreed == f"{NO_CONTEXT}; server_max_window_bits=10"
        # Beyond the window it is sent as it is.
        link.say(LONG)
        assert await link.hear() == (False, LONG)
    async with Link.open(server, f"{room[:-1]}-wide/", "permessage-deflate; server_max_window_bits=11") as link:
        link.say(LONG)
        assert await link.hear() == (True, LONG)


async def test_contexts_are_kept_where_both_want_it(start: Start, room: str) -> None:
    server = start("--deflate-context", "true", "--deflate-threshold", 0)
    async with Link.open(server, room) as link, Link.open(server, room) as other:
        assert link.agreed == "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
        assert await link.hear(keeps_context=True) == (True, "A user joined the room")
        compressor = zlib.compressobj(wbits=-12)
        noise = os.urandom(300).hex()
        sizes = []
        for _ in range(3):
            payload = deflated(said(noise), compressor)
            sizes.append(len(payload))
            link.frame(payload, 0xC1)
            assert await link.hear(keeps_context=True) == (True, noise)
            assert await other.hear(keeps_context=True) == (True, noise)
        # A repetition is hardly more than a reference: so the client's context was kept on both sides.
        assert sizes[1] < sizes[0] / 5


async def test_histories_are_compressed_for_the_one_who_asks(server: Server) -> None:
    alice, ben = server.person(), server.person()
    path = f"/ws/chat/?dialect=conversations&token={alice.token}"
    async with Link.open(server, path) as link:
        link.frame(json.dumps({"type": "chat.start_conversation", "receiver_id": ben.id}).encode())
        conversation = json.loads((await link.receive())[2])["conversation"]["id"]
        for number in range(50):
            link.frame(json.dumps({
                "type": "chat.message", "conversation_id": conversation, "content": f"{TEXT}{number}"}).encode())
            assert not (await link.receive())[0]
        link.frame(deflated(json.dumps({"type": "chat.get_messages", "conversation_id": conversation}).encode()), 0xC1)
        is_compressed, _, payload = await link.receive()
        assert is_compressed
        history = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
        assert len(payload) < len(history) / 5
        assert [message["content"] for message in json.loads(history)["messages"]] == [
            f"{TEXT}{number}" for number in range(50)]


# Bad input

async def test_a_bomb_closes_its_own_connection(server: Server, room: str) -> None:
    async with Link.open(server, room) as other, Link.open(server, room) as link:
        await other.receive()
        compressor = zlib.compressobj(9, wbits=-15)
        link.frame(deflated(bytes(500 << 20), compressor), 0xC1)
        await link.expect_close(1009)
        other.say(LONG)
        assert (await other.receive())[1] == 1  # that the other left
        assert await other.hear() == (True, LONG)
    assert memory(server) < 200 << 20


@pytest.mark.parametrize(("payload", "code"), [
    (b"", 1002), (deflated(said("Hi"))[:-2], 1002), (b"\xff\xff\xff", 1002), (deflated(b"x" * 50)[:-3] + b"\xff\xff\xff", 1002), (deflated(b"\xff\xfe"), 1007),
])
async def test_what_is_no_compressed_text_closes(server: Server, room: str, payload: bytes, code: int) -> None:
    async with Link.open(server, room) as link:
        link.frame(payload, 0xC1)
        await link.expect_close(code)


@pytest.mark.parametrize("first", [0xC9, 0xC0, 0xA1, 0x91])
async def test_reserved_bits_that_mean_nothing_close(server: Server, room: str, first: int) -> None:
    async with Link.open(server, room) as link:
        link.frame(deflated(said("Hi")), first)
        await link.expect_close(1002)


async def test_without_an_agreement_a_compressed_message_closes(server: Server, room: str) -> None:
    async with Link.open(server, room, None) as link:
        link.say("Hi")
        await link.expect_close(1002)


async def test_compressed_nonsense_gets_the_dialects_error(server: Server, room: str) -> None:
    async with Link.open(server, room) as link:
        link.frame(deflated(b"{"), 0xC1)
        assert json.loads((await link.receive())[2])["message"] == "Invalid JSON format"
        link.frame(deflated(b"\x00\x01"), 0xC2)
        assert json.loads((await link.receive())[2])["message"] == "Invalid JSON format"
