"""Engine.IO 4, rule by rule, as its protocol's document has them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from engine_io import PING_INTERVAL, PING_TIMEOUT, Fixture, fixture
from switchboard import PATIENCE

LARGEST = 1_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[Fixture]:
    """It leaves time: no ping comes, and no session ends, while something else is looked at."""
    with fixture(SOCKETIO_FIXTURE_PING_INTERVAL="3000", SOCKETIO_FIXTURE_PING_TIMEOUT="10000") as server:
        yield server


@pytest.fixture(scope="module")
def hasty() -> Iterator[Fixture]:
    """Its times are PING_INTERVAL and PING_TIMEOUT."""
    with fixture() as server:
        yield server


@pytest.fixture(scope="module")
def patient() -> Iterator[Fixture]:
    """It pings as often, and waits longer for the pong."""
    with fixture(SOCKETIO_FIXTURE_PING_TIMEOUT="3000") as server:
        yield server


def handshake(packet: str | bytes) -> dict[str, object]:
    assert isinstance(packet, str) and packet[0] == "0"
    return json.loads(packet[1:])


class TestHandshake:
    @pytest.mark.parametrize("path", ["/engine.io/", "/engine.io", "/socket.io/", "/socket.io"])
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    async def test_polling(self, hasty: Fixture, path: str, host: str) -> None:
        answer = await hasty.ask("GET", "EIO=4&transport=polling", path=path, host=host)
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        opened = handshake(answer.body)
        assert isinstance(opened.pop("sid"), str)
        assert opened == {"upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200, "maxPayload": LARGEST}

    async def test_websocket(self, hasty: Fixture) -> None:
        async with hasty.open_websocket() as client:
            opened = handshake(await client.receive())
            assert isinstance(opened.pop("sid"), str)
            assert opened == {"upgrades": [], "pingInterval": 300, "pingTimeout": 200, "maxPayload": LARGEST}

    async def test_session_ids_differ(self, server: Fixture) -> None:
        assert len({(await server.open_polling()).sid for _ in range(20)}) == 20

    @pytest.mark.parametrize(("query", "code", "message"), [
        ("EIO=4", 0, "Transport unknown"),
        ("EIO=4&transport=", 0, "Transport unknown"),
        ("EIO=4&transport=abc", 0, "Transport unknown"),
        ("transport=polling", 5, "Unsupported protocol version"),
        ("EIO=abc&transport=polling", 5, "Unsupported protocol version"),
        ("EIO=3&transport=polling", 5, "Unsupported protocol version"),
        ("EIO=4&transport=polling&sid=unknown", 1, "Session ID unknown"),
        ("EIO=4&transport=websocket", 3, "Bad request"),
    ])
    async def test_a_bad_query_is_refused(self, server: Fixture, query: str, code: int, message: str) -> None:
        (await server.ask("GET", query)).expect_refusal(code, message)

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    async def test_only_a_get_opens_a_session(self, server: Fixture, method: str) -> None:
        (await server.ask(method, "EIO=4&transport=polling", "")).expect_refusal(2, "Bad handshake method")

    @pytest.mark.parametrize("query", [
        "EIO=4", "EIO=4&transport=abc", "transport=websocket", "EIO=abc&transport=websocket",
        "EIO=3&transport=websocket", "EIO=4&transport=websocket&sid=unknown",
    ])
    async def test_a_websocket_with_a_bad_query_is_refused(self, server: Fixture, query: str) -> None:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.open_websocket(query):
                pass
        assert refusal.value.response.status_code == 400


class TestPolling:
    @pytest.mark.parametrize("packets", [
        ["4hello"], ["4test1", "4test2", "4test3"], ["4hello", "bAQIDBA=="], ["4"], ["b"], ["4ü€😀"],
        ["4" + "x" * 99_999],
    ], ids=lambda packets: f"{len(packets)} from {packets[0][:6]}")
    async def test_messages_come_back_together(self, server: Fixture, packets: list[str]) -> None:
        session = await server.open_polling()
        await session.say(*packets)
        (await session.get()).expect_payload(*packets)

    async def test_a_waiting_get_is_answered(self, server: Fixture) -> None:
        session = await server.open_polling()
        get = await session.begin_get()
        await session.say("4hello")
        (await get.answer()).expect_payload("4hello")

    async def test_requests_may_share_a_connection(self, server: Fixture) -> None:
        session = await server.open_polling()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"/engine.io/?{session.query} HTTP/1.1\r\nHost: localhost\r\n"
        get = f"GET {head}\r\n"
        post = f"POST {head}Content-Length: 6\r\n\r\n4hello"
        # All at once: the second GET waits for a ping, and the POST behind it for that.
        writer.write(f"{post}{get}{get}{post}{get}".encode())
        for body in ["ok", "4hello", "2", "ok", "4hello"]:
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert answer.startswith("HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(len(body)) == body.encode()
        writer.close()

    async def test_a_payload_may_be_as_long_as_maxpayload(self, server: Fixture) -> None:
        session = await server.open_polling()
        await session.say("4" + "x" * (LARGEST - 1))
        (await session.get()).expect_payload("4" + "x" * (LARGEST - 1))

    async def test_a_longer_payload_is_refused(self, server: Fixture) -> None:
        session = await server.open_polling()
        assert (await session.post("4" + "x" * LARGEST)).status == 413

    @pytest.mark.parametrize(
        "payload", ["abc", "", "4a\x1e", "7", "bA", "2", b"4\xff"], ids=lambda payload: repr(payload))
    async def test_what_is_no_packet_ends_the_session(self, server: Fixture, payload: str | bytes) -> None:
        session = await server.open_polling()
        (await session.post(payload)).expect_refusal(3, "Bad request")
        await session.expect_end()

    async def test_a_second_get_ends_the_session(self, server: Fixture) -> None:
        session = await server.open_polling()
        first = await session.begin_get()
        (await session.get()).expect_refusal(3, "Bad request")
        (await first.answer()).expect_payload("1")
        await session.expect_end()

    async def test_a_second_post_ends_the_session(self, server: Fixture) -> None:
        session = await server.open_polling()
        first = await server.begin("POST", session.query, "4begun", length=100)
        get = await session.begin_get()
        (await session.post("4second")).expect_refusal(3, "Bad request")
        (await first.answer()).expect_refusal(3, "Bad request")
        (await get.answer()).expect_payload("1")
        await session.expect_end()

    async def test_a_cancelled_get_ends_the_session(self, server: Fixture) -> None:
        session = await server.open_polling()
        get = await session.begin_get()
        # Behind it: by the answer the one before has been read.
        (await server.ask("PUT", "EIO=4&transport=polling", "")).expect_refusal(2, "Bad handshake method")
        get.abort()
        await session.expect_end()

    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    async def test_another_method_is_refused(self, server: Fixture, method: str) -> None:
        session = await server.open_polling()
        (await server.ask(method, session.query, "4a")).expect_refusal(3, "Bad request")
        await session.say("4b")
        (await session.get()).expect_payload("4b")

    async def test_a_session_belongs_to_its_path(self, server: Fixture) -> None:
        session = await server.open_polling()
        (await server.ask("GET", session.query, path="/socket.io/")).expect_refusal(1, "Session ID unknown")


class TestWebSocket:
    @pytest.mark.parametrize("message", ["4hello", "4", "4ü€😀", b"\x01\x02\x03\x04", b"", "4" + "x" * (LARGEST - 1)])
    async def test_messages_come_back(self, server: Fixture, message: str | bytes) -> None:
        async with server.open_websocket() as client:
            handshake(await client.receive())
            await client.send(message)
            await client.expect(message)

    async def test_base64_comes_where_the_client_wants_it(self, server: Fixture) -> None:
        async with server.open_websocket("EIO=4&transport=websocket&b64=1") as client:
            handshake(await client.receive())
            await client.send("bAQIDBA==")
            await client.expect("bAQIDBA==")

    @pytest.mark.parametrize("message", ["abc", "", "7", "2", "1", "4" + "x" * LARGEST, b"x" * (LARGEST + 1)])
    async def test_the_close_packet_and_what_is_no_packet_close(self, server: Fixture, message: str | bytes) -> None:
        async with server.open_websocket() as client:
            handshake(await client.receive())
            await client.send(message)
            await client.expect_end()


class TestHeartbeat:
    async def test_polling(self, patient: Fixture) -> None:
        session = await patient.open_polling()
        for _ in range(3):
            (await session.get()).expect_payload("2")
            await session.say("3")

    async def test_websocket(self, patient: Fixture) -> None:
        before = time.monotonic()
        async with patient.open_websocket() as client:
            handshake(await client.receive())
            for _ in range(3):
                assert await client.receive() == "2"
                assert time.monotonic() - before > PING_INTERVAL * 0.8
                before = time.monotonic()
                await client.send("3")

    async def test_polling_without_a_pong_ends(self, patient: Fixture) -> None:
        session = await patient.open_polling()
        (await session.get()).expect_payload("2")
        (await session.get()).expect_payload("1")
        await session.expect_end()

    async def test_a_session_that_never_polls_ends(self, hasty: Fixture) -> None:
        session = await hasty.open_polling()
        async with asyncio.timeout(PATIENCE):
            # A noop is no sign of life.
            while (await session.post("6")).status == 200:
                await asyncio.sleep(0.02)
        await session.expect_end()

    async def test_a_websocket_without_a_pong_ends(self, hasty: Fixture) -> None:
        before = time.monotonic()
        async with hasty.open_websocket() as client:
            handshake(await client.receive())
            await client.expect_end()
            assert time.monotonic() - before > (PING_INTERVAL + PING_TIMEOUT) * 0.8


class TestClose:
    async def test_a_waiting_get_is_released(self, server: Fixture) -> None:
        session = await server.open_polling()
        get = await session.begin_get()
        await session.say("1")
        (await get.answer()).expect_payload("6")
        await session.expect_end()


class TestUpgrade:
    async def test_upgrade(self, server: Fixture) -> None:
        session = await server.open_polling()
        async with server.open_websocket(session.websocket_query) as client:
            await client.send("2probe")
            await client.expect("3probe")
            (await session.get()).expect_payload("6")
            await client.send("5")
            await client.send("4hello")
            await client.expect("4hello")

    async def test_the_probe_releases_a_waiting_get(self, server: Fixture) -> None:
        session = await server.open_polling()
        get = await session.begin_get()
        async with server.open_websocket(session.websocket_query) as client:
            await client.send("2probe")
            await client.expect("3probe")
            (await get.answer()).expect_payload("6")

    async def test_what_waits_moves_in_order(self, server: Fixture) -> None:
        session = await server.open_polling()
        async with server.open_websocket(session.websocket_query) as client:
            await session.say("4one", "bAQID", "4two")
            await client.send("2probe")
            await client.expect("3probe")
            await session.say("4three")
            await client.send("5")
            await client.expect("4one", b"\x01\x02\x03", "4two", "4three")

    async def test_polling_is_refused_afterwards(self, server: Fixture) -> None:
        session = await server.open_polling()
        async with server.open_websocket(session.websocket_query) as client:
            await client.send("2probe")
            await client.expect("3probe")
            await client.send("5")
            await client.send("4moved")
            await client.expect("4moved")
            (await session.get()).expect_refusal(3, "Bad request")
            (await session.post("4a")).expect_refusal(3, "Bad request")
            await client.send("4hello")
            await client.expect("4hello")

    @pytest.mark.parametrize("is_complete", [False, True])
    async def test_a_second_websocket_is_closed(self, server: Fixture, is_complete: bool) -> None:
        session = await server.open_polling()
        async with server.open_websocket(session.websocket_query) as client:
            await client.send("2probe")
            await client.expect("3probe")
            if is_complete:
                await client.send("5")
            async with server.open_websocket(session.websocket_query) as second:
                await second.expect_end()
            if not is_complete:
                await client.send("5")
            await client.send("4hello")
            await client.expect("4hello")

    @pytest.mark.parametrize("message", ["4hello", "5", "2", b"2probe", "x"])
    async def test_polling_goes_on_without_a_probe(self, server: Fixture, message: str | bytes) -> None:
        session = await server.open_polling()
        async with server.open_websocket(session.websocket_query) as client:
            await client.send(message)
            await client.expect_end()
        await session.say("4hello")
        (await session.get()).expect_payload("4hello")

    async def test_polling_goes_on_when_the_websocket_goes(self, server: Fixture) -> None:
        session = await server.open_polling()
        async with server.open_websocket(session.websocket_query) as client:
            await client.send("2probe")
            await client.expect("3probe")
            await session.say("4hello")
        (await session.get()).expect_payload("4hello")
