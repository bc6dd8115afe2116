"""The echo that conformance suites are pointed at: what comes back is what was sent."""
import os
import socket
import subprocess
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from machine import free_port
from switchboard import PATIENCE, eventually

FIXTURE = os.environ.get("ECHO_FIXTURE_BIN", "")
LARGEST = 16 << 20

@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    assert os.access(FIXTURE, os.X_OK), "ECHO_FIXTURE_BIN must name the echo fixture"
    port = free_port()
    process = subprocess.Popen([FIXTURE, str(port)], stdout=subprocess.DEVNULL)

    def answers() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(answers, "the fixture to listen")
        yield f"ws://127.0.0.1:{port}/any/path?at=all"
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("message", [
    "", "x", "ü" * 100, "x" * 126, "x" * 65_536, b"", b"\x00\xff" * 500, os.urandom(1 << 20), b"z" * LARGEST,
], ids=lambda message: f"{type(message).__name__} of {len(message)}")
async def test_every_message_comes_back(url: str, message: str | bytes) -> None:
    async with connect(url, max_size=None, compression=None) as client:
        await client.send(message)
        assert await client.recv() == message


async def test_fragments_come_back_as_one_message(url: str) -> None:
    async with connect(url, compression=None) as client:
        await client.send(["one ", "two ", "three"])
        assert await client.recv() == "one two three"


async def test_a_message_beyond_the_limit_closes_with_1009(url: str) -> None:
    client = await connect(url, max_size=None, compression=None)
    await client.send(b"z" * (LARGEST + 1))
    await client.wait_closed()
    assert client.close_code == 1009


@pytest.mark.parametrize("message", ["", "ü" * 100, "x" * 65_536, b"", os.urandom(1 << 20), b"z" * LARGEST],
                         ids=lambda message: f"{type(message).__name__} of {len(message)}")
@pytest.mark.parametrize("offer", [
    {}, {"server_no_context_takeover": True, "client_no_context_takeover": True}, {"server_max_window_bits": 9},
    {"client_max_window_bits": 9},
], ids=str)
async def test_compressed_messages_come_back(url: str, offer: dict[str, object], message: str | bytes) -> None:
    deflate = ClientPerMessageDeflateFactory(**offer)
    async with connect(url, max_size=None, compression=None, extensions=[deflate]) as client:
        assert [extension.name for extension in client.protocol.extensions] == ["permessage-deflate"]
        for _ in range(2):
            await client.send(message)
            assert await client.recv() == message
