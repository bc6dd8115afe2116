"""Socket.IO 5, rule by rule, as its protocol's document has them."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from engine_io import Fixture, Polling, WebSocket, fixture

PATH = "/socket.io/"
# For clients that are slow to answer.
PATIENT = {"SOCKETIO_FIXTURE_PING_TIMEOUT": "20000"}


@pytest.fixture(scope="module")
def server() -> Iterator[Fixture]:
    with fixture(**PATIENT, SOCKETIO_FIXTURE_PING_INTERVAL="25000") as server:
        yield server


@contextlib.asynccontextmanager
async def opened(server: Fixture) -> AsyncIterator[WebSocket]:
    """A websocket that may connect to namespaces."""
    async with server.open_websocket(path=PATH) as client:
        assert str(await client.receive()).startswith('0{"sid":')
        yield client


async def connect(client: WebSocket, namespace: str = "", auth: str = "") -> str:
    """Connects to a namespace, and gives the socket's id."""
    await client.send(f"40{namespace}{auth}")
    while (answer := await client.receive()) == "2":
        await client.send("3")
    assert isinstance(answer, str) and answer.startswith(f"40{namespace}{{"), answer
    connected = json.loads(answer.removeprefix(f"40{namespace}"))
    assert list(connected) == ["sid"] and isinstance(connected["sid"], str)
    await client.expect(f'42{namespace}["auth",{auth or "{}"}]')
    return connected["sid"]


@contextlib.asynccontextmanager
async def connected(server: Fixture) -> AsyncIterator[WebSocket]:
    """A websocket in the main namespace."""
    async with opened(server) as client:
        await connect(client)
        yield client


class TestConnect:
    @pytest.mark.parametrize("namespace", ["", "/custom,"])
    @pytest.mark.parametrize("auth", ["", '{"token":"123"}', '{"z":1,"a":[{"b":null}]}'])
    async def test_a_namespace_answers_with_its_own_id_and_the_auth(
        self, server: Fixture, namespace: str, auth: str
    ) -> None:
        async with opened(server) as client:
            await connect(client, namespace, auth)

    async def test_the_ids_of_sockets_differ(self, server: Fixture) -> None:
        async with opened(server) as client:
            assert await connect(client) != await connect(client, "/custom,")

    @pytest.mark.parametrize("packet", ["40/random", "40/random,", '40/random,{"token":"1"}'])
    async def test_an_unknown_namespace_is_refused(self, server: Fixture, packet: str) -> None:
        async with opened(server) as client:
            await client.send(packet)
            await client.expect('44/random,{"message":"Invalid namespace"}')
            await connect(client)

    @pytest.mark.parametrize(
        "packet", ["4abc", '42["message"]', "41", "431[]", '44{"message":"a"}', "40[]", "40null", "4", b"\x01"])
    async def test_what_is_no_connect_closes(self, server: Fixture, packet: str | bytes) -> None:
        async with opened(server) as client:
            await client.send(packet)
            await client.expect_end()

    async def test_connecting_twice_closes(self, server: Fixture) -> None:
        async with connected(server) as client:
            await client.send("40")
            await client.expect_end()

    async def test_without_a_connect_the_connection_closes_in_time(self) -> None:
        with fixture(**PATIENT, SOCKETIO_FIXTURE_CONNECT_TIMEOUT="2500") as server:
            start = time.monotonic()
            async with opened(server) as member, opened(server) as refused, opened(server) as silent:
                await connect(member)
                await refused.send("40/random")
                await refused.expect('44/random,{"message":"Invalid namespace"}')
                await _answer_pings_until_closed(silent)
                assert time.monotonic() - start > 2
                await refused.expect_end()
            start = time.monotonic()
            session = await server.open_polling(PATH)
            while (answer := await session.get()).packets() == ["2"]:
                await session.say("3")
            answer.expect_payload("1")
            assert time.monotonic() - start > 2
            await session.expect_end()

    async def test_a_member_is_not_timed_out(self) -> None:
        with fixture(**PATIENT, SOCKETIO_FIXTURE_CONNECT_TIMEOUT="2000") as server:
            async with connected(server) as client:
                for _ in range(8):
                    assert await client.receive() == "2"
                    await client.send("3")
                await client.send('42["message"]')
                await client.expect('42["message-back"]')


async def _answer_pings_until_closed(client: WebSocket) -> None:
    with contextlib.suppress(Exception):
        while await client.receive() == "2":
            await client.send("3")
    await client.expect_end()


class TestDisconnect:
    async def test_the_connection_stays(self) -> None:
        with fixture(**PATIENT) as server:
            async with connected(server) as client:
                await client.send("41")
                assert await client.receive() == "2"
                await client.send("3")
                await connect(client)

    async def test_other_namespaces_stay(self, server: Fixture) -> None:
        async with connected(server) as client:
            await connect(client, "/custom,")
            await client.send("41/custom")
            await client.send('42["message","to the main namespace"]')
            await client.expect('42["message-back","to the main namespace"]')

    async def test_a_namespace_that_was_left_takes_no_events(self, server: Fixture) -> None:
        async with connected(server) as client:
            await connect(client, "/custom,")
            await client.send("41/custom,")
            await client.send('42/custom,["message"]')
            await client.expect_end()


class TestEvents:
    @pytest.mark.parametrize(("packet", "answer"), [
        ('42["message",1,"2",{"3":[true]}]', '42["message-back",1,"2",{"3":[true]}]'),
        ('42["message"]', '42["message-back"]'),
        ('42[ "message", {"z": 1, "a": {"y": null, "b": -2.5}} ]',
         '42["message-back",{"z":1,"a":{"y":null,"b":-2.5}}]'),
        ('42["message","ü€😀\\n\\"\\u0000"]', '42["message-back","ü€😀\\n\\"\\u0000"]'),
        ('42["message",{"_placeholder":true,"num":0}]', '42["message-back",{"_placeholder":true,"num":0}]'),
        ('42456["message-with-ack",1,"2",{"3":[false]}]', '43456[1,"2",{"3":[false]}]'),
        ('420["message-with-ack"]', '430[]'),
    ])
    async def test_echo(self, server: Fixture, packet: str, answer: str) -> None:
        async with connected(server) as client:
            await client.send(packet)
            await client.expect(answer)

    async def test_each_namespace_has_its_own_echo(self, server: Fixture) -> None:
        async with connected(server) as client:
            await connect(client, "/custom,")
            await client.send('42/custom,["message",1]')
            await client.send('42/custom,7["message-with-ack",2]')
            await client.send('42["message",3]')
            await client.expect('42/custom,["message-back",1]', '43/custom,7[2]', '42["message-back",3]')

    @pytest.mark.parametrize(
        "quiet", ['42["other",1]', '42["message-with-ack",1]', '42[17]', '4399[]', '43/custom,1[]'])
    async def test_what_nobody_listens_for_does_nothing(self, server: Fixture, quiet: str) -> None:
        async with connected(server) as client:
            await connect(client, "/custom,")
            await client.send(quiet)
            await client.send('42["message"]')
            await client.expect('42["message-back"]')

    @pytest.mark.parametrize("packet", [
        "4abc", "47", "42", "42{}", "42[]", "42[null]", '42"message"', '42["message"', '42abc["message-with-ack",1]',
        '42["connect"]', '42["disconnect"]', '42["newListener"]', "43[]", "431{}", "40{", "41{}",
        '42/random,["message"]', '42/custom,["message"]', '44{"message":"a"}', "[" * 100_000, "42" + "[" * 100_000,
    ], ids=lambda packet: packet[:24])
    async def test_a_malformed_packet_closes(self, server: Fixture, packet: str) -> None:
        async with connected(server) as client:
            await client.send(packet)
            await client.expect_end()


class TestBinary:
    async def test_echo(self, server: Fixture) -> None:
        async with connected(server) as client:
            await client.send('452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
            await client.send(b"\x01\x02\x03")
            await client.send(b"")
            await client.expect(
                '452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
                b"\x01\x02\x03", b"")

    async def test_acknowledgement(self, server: Fixture) -> None:
        async with connected(server) as client:
            await connect(client, "/custom,")
            await client.send('451-/custom,789["message-with-ack",{"deep":[{"_placeholder":true,"num":0}]}]')
            await client.send(b"\x04\x05\x06")
            await client.expect('461-/custom,789[{"deep":[{"_placeholder":true,"num":0}]}]', b"\x04\x05\x06")

    @pytest.mark.parametrize("messages", [
        ['45["message"]'], ['450-["message"]'], ['45x-["message"]'], ['451["message"]'], ['4511-["message"]'],
        ['451-["message",{"_placeholder":true,"num":1}]'], ['451-["message",{"_placeholder":true,"num":-1}]'],
        ["451-{}"], ["461-[]"], [b"\x01"],
        ['451-["message"]', '42["message"]'], ['451-["message"]', b"\x01", b"\x02"],
    ], ids=repr)
    async def test_wrong_attachments_close(self, server: Fixture, messages: list[str | bytes]) -> None:
        async with connected(server) as client:
            for message in messages:
                await client.send(message)
            if b"\x02" in messages:
                await client.expect('451-["message-back"]', b"\x01")
            await client.expect_end()


class TestPolling:
    async def _connected(self, server: Fixture) -> Polling:
        session = await server.open_polling(PATH)
        await session.say("40")
        answer = await session.get()
        assert answer.status == 200 and answer.body.startswith('40{"sid":"'), answer
        assert answer.body.endswith('\x1e42["auth",{}]')
        return session

    async def test_events_and_acknowledgements(self, server: Fixture) -> None:
        session = await self._connected(server)
        await session.say('42["message",1]', '421["message-with-ack",2]')
        (await session.get()).expect_payload('42["message-back",1]', "431[2]")

    async def test_binary(self, server: Fixture) -> None:
        session = await self._connected(server)
        await session.say('451-["message",{"_placeholder":true,"num":0}]', "bAQIDBA==")
        (await session.get()).expect_payload('451-["message-back",{"_placeholder":true,"num":0}]', "bAQIDBA==")

    async def test_a_malformed_packet_closes(self, server: Fixture) -> None:
        session = await self._connected(server)
        get = await session.begin_get()
        await session.post("42{}")
        (await get.answer()).expect_payload("1")
        await session.expect_end()

    async def test_an_upgrade_keeps_the_namespaces(self, server: Fixture) -> None:
        session = await self._connected(server)
        async with server.open_websocket(session.websocket_query, PATH) as client:
            await client.send("2probe")
            await client.expect("3probe")
            await session.say('42["message",1]')
            await client.send("5")
            await client.send('42["message",2]')
            await client.expect('42["message-back",1]', '42["message-back",2]')
