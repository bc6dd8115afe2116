"""Packets and payloads on `/socket.io/` that are none, come at the wrong time or are too much."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

import pytest
from api import direct
from conftest import Dial, Start
from socketio_client import undisturbed
from socketio_raw import LINKS, SIGNED_IN, PollingLink, emitted, engine, expect_texts, linked, opened, sign_in
from socketio_values import said
from switchboard import Person, Server, memory
from websockets.exceptions import ConnectionClosed

LARGEST = 1_000_000
FAILED = '44{"message":"Authentication error"}'

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
async def others(server: Server) -> AsyncIterator[None]:
    async with undisturbed(server):
        yield


@pytest.fixture(scope="module")
def person(server: Server) -> Person:
    return server.person()


MALFORMED = [
    "4", "4abc", "47", "48[]", "42", "42{}", "42[]", "42[null]", "42[[]]", "42[{}]", '42"x"', '42["x"', '42["x"]]',
    '42["x"],', "42null", '42abc["x"]', '42-1["x"]', '4218446744073709551616["x"]', '42' + "9" * 400 + '["x"]',
    '42["connect"]', '42["connect_error"]', '42["disconnect"]', '42["disconnecting"]', '42["newListener"]',
    '42["removeListener"]', "43", "43[]", "431", "431{}", "431null", "40{", "40", "40{}", "41{}", "41[]",
    '44{"message":"x"}', '42/other,["x"]', '42/other["x"]', '42/,', "42/" + "x" * 100_000, "43/other,1[]",
    '42["x",]', '42["x",\'y\']', '42["x",01]', '42["x",NaN]', '42["x"\0]', '42["a\nb"]', '42["x","\ud7ff\x01"]',
    "42" + "[" * 100_000, '42["x",' + "[" * 400_000, '42["x",' + '{"a":' * 150_000, "[" * 100_000,
    '42["x","' + "k" * 900_000, '45["x"]', '450-["x"]', '45x-["x"]', '45-["x"]', '451["x"]', '45-1-["x"]',
    '451.0-["x"]', '45 1-["x"]', '451-["x",{"_placeholder":true,"num":1}]', '451-["x",{"_placeholder":true,"num":-1}]',
    '451-["x",{"_placeholder":true,"num":0.5}]', '451-["x",{"_placeholder":true,"num":"0"}]',
    '451-["x",{"_placeholder":true}]', "451-{}", "451-[]", "461-[]", '461-{}', '4511-["x"]', '4599999999-["x"]',
    "45" + "9" * 400 + '-["x"]',
]
BROKEN_ATTACHMENTS: list[list[str | bytes]] = [
    [b"\x01"], [b""], ['451-["x",{"_placeholder":true,"num":0}]', '42["x"]'],
    ['451-["x",{"_placeholder":true,"num":0}]', "41"], ['452-["x",{"_placeholder":true,"num":0}]', b"\x01", "4"],
    ['451-["x",{"_placeholder":true,"num":0}]', '451-["x",{"_placeholder":true,"num":0}]'],
]


@pytest.mark.parametrize("transport", LINKS)
@pytest.mark.parametrize("packet", MALFORMED, ids=lambda packet: ascii(packet)[:40])
async def test_a_packet_that_is_none_ends_the_connection(
    server: Server, person: Person, transport: str, packet: str
) -> None:
    async with linked(server, transport, person.token) as link:
        await link.send(packet)
        await link.expect_end()


@pytest.mark.parametrize("transport", LINKS)
@pytest.mark.parametrize("messages", BROKEN_ATTACHMENTS, ids=repr)
async def test_attachments_that_are_not_what_was_announced_end_the_connection(
    server: Server, person: Person, transport: str, messages: list[str | bytes]
) -> None:
    async with linked(server, transport, person.token) as link:
        await link.send(*messages)
        await link.expect_end()


@pytest.mark.parametrize("transport", LINKS)
async def test_more_bytes_than_were_announced_end_the_connection(
    server: Server, person: Person, transport: str
) -> None:
    async with linked(server, transport, person.token) as link:
        await link.send('451-["x",{"_placeholder":true,"num":0}]', b"\x01")
        await expect_texts(link, '42["error",{"message":"Unknown event"}]')
        await link.send(b"\x02")
        await link.expect_end()


@pytest.mark.parametrize("transport", LINKS)
async def test_ten_attachments_are_taken(server: Server, person: Person, transport: str) -> None:
    async with linked(server, transport, person.token) as link:
        places = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(10))
        await link.send(f'4510-7["send_message",{places}]', *[b"x" * 1000] * 9)
        await link.send(b"x" * 1000)
        event, answer = [await link.receive() for _ in range(2)]
        assert event == '42["error",{"message":"Failed to send message"}]'
        assert str(answer).startswith('437[{"ok":false,')


@needs_proc
async def test_attachments_that_never_come_keep_little(start: Start) -> None:
    server = start()
    person = server.person()
    before = memory(server)
    places = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(10))
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(200):
            link = await stack.enter_async_context(linked(server, "websocket", person.token))
            await link.send(f'4510-["send_message",{places}]', b"x" * 1000)
        async with undisturbed(server):
            assert memory(server) - before < 40 << 20


# Before the namespace is connected, and others

@pytest.mark.parametrize("transport", LINKS)
@pytest.mark.parametrize("packet", [
    '42["join_conversation",1]', '421["send_message",{}]', "41", "431[]", '44{"message":"x"}', "40[]", "40null",
    '40"x"', "40{", "40{}x", "40" + "[" * 100_000,
    '40{"token":' + '{"a":' * 100_000, "4", b"\x01",
], ids=lambda packet: ascii(packet)[:30])
async def test_what_is_no_connect_ends_a_connection_that_is_in_no_namespace(
    server: Server, transport: str, packet: str | bytes
) -> None:
    async with linked(server, transport) as link:
        await link.send(packet)
        await link.expect_end()


@pytest.mark.parametrize("transport", LINKS)
async def test_attachments_in_no_namespace_end_the_connection(server: Server, transport: str) -> None:
    async with linked(server, transport) as link:
        await link.send('451-["x",{"_placeholder":true,"num":0}]', b"\x01")
        await link.expect_end()


@pytest.mark.parametrize("transport", LINKS)
async def test_a_good_token_after_bad_ones(server: Server, person: Person, transport: str) -> None:
    async with linked(server, transport) as link:
        for bad in ("40", "40{}", sign_in("wrong"), sign_in(""), sign_in("null"), '40{"token":5}', "40/,{}"):
            await link.send(bad)
            await expect_texts(link, FAILED)
        await link.send(sign_in(person.token))
        await expect_texts(link, SIGNED_IN)
        await link.send(emitted("nothing"))
        await expect_texts(link, '42["error",{"message":"Unknown event"}]')


@pytest.mark.parametrize("transport", LINKS)
async def test_other_namespaces_are_refused(server: Server, person: Person, transport: str) -> None:
    async with linked(server, transport) as link:
        for packet, name in (
            ("40/foo", "/foo"), ("40/foo,", "/foo"), (f'40/foo,{{"token":"{person.token}"}}', "/foo"),
            ("40/a b?c=d,", "/a b?c=d"), ("40//,", "//"), ("40/ü,", "/ü"), ("40/__proto__,", "/__proto__"),
        ):
            await link.send(packet)
            await expect_texts(link, f'44{name},{{"message":"Invalid namespace"}}')
        await link.send(sign_in(person.token))
        await expect_texts(link, SIGNED_IN)
        await link.send("40/foo,")
        await expect_texts(link, '44/foo,{"message":"Invalid namespace"}')
        await link.send(emitted("nothing"))
        await expect_texts(link, '42["error",{"message":"Unknown event"}]')


@pytest.mark.parametrize("transport", LINKS)
async def test_who_left_may_come_back_as_somebody_else(
    server: Server, dial: Dial, person: Person, transport: str
) -> None:
    """What the first one asked for on the way out is not the second one's."""
    other, stranger = server.person(), server.person()
    number = direct(server, person, other)
    sender = await dial(server, other)
    async with linked(server, transport) as link:
        for _ in range(40):
            await link.send(sign_in(person.token))
            await expect_texts(link, SIGNED_IN)
            await link.send(emitted("join_conversation", number), "41", sign_in(stranger.token))
            await expect_texts(link, SIGNED_IN)
            await sender.ask("send_message", said("for two", number))
            await link.send(emitted("nothing"))
            await expect_texts(link, '42["error",{"message":"Unknown event"}]')
            await link.send("41")


@pytest.mark.parametrize("transport", LINKS)
async def test_a_disconnect_of_another_namespace_ends_the_connection_or_nothing(
    server: Server, person: Person, transport: str
) -> None:
    async with linked(server, transport, person.token) as link:
        await link.send("41/foo,")
        await link.send(emitted("nothing"))
        try:
            await expect_texts(link, '42["error",{"message":"Unknown event"}]')
        except (ConnectionClosed, AssertionError):
            await link.expect_end()


# Connections that stay in no namespace

async def test_a_client_that_never_comes_in_is_closed(start: Start) -> None:
    server = start("--connect-timeout", "5s")
    person = server.person()
    async with contextlib.AsyncExitStack() as stack:
        began = time.monotonic()
        silent, refused, elsewhere = [await stack.enter_async_context(opened(server)) for _ in range(3)]
        member = await stack.enter_async_context(linked(server, "websocket", person.token))
        polled = [await stack.enter_async_context(linked(server, "polling", token)) for token in (None, person.token)]
        await refused.send(sign_in("wrong"))
        await expect_texts(refused, FAILED)
        await elsewhere.send("40/foo")
        await expect_texts(elsewhere, '44/foo,{"message":"Invalid namespace"}')
        for client in (silent, refused, elsewhere):
            await client.expect_end()
        assert 4.5 < time.monotonic() - began < 9
        await polled[0].expect_end()
        for link in (member, polled[1]):
            await link.send(emitted("nothing"))
            await expect_texts(link, '42["error",{"message":"Unknown event"}]')


@pytest.mark.parametrize("packet, answer", [
    (sign_in("wrong"), FAILED), ("40/foo,", '44/foo,{"message":"Invalid namespace"}'),
])
async def test_trying_again_and_again_gains_no_time(start: Start, packet: str, answer: str) -> None:
    server = start("--connect-timeout", "1s")
    async with opened(server) as client:
        began = time.monotonic()
        with pytest.raises(ConnectionClosed):
            while time.monotonic() - began < 10:
                await client.send(packet)
                await expect_texts(client, answer)


async def test_a_waiting_get_is_told_of_the_end(start: Start) -> None:
    session = await engine(start("--connect-timeout", "1s")).open_polling()
    (await session.get()).expect_payload("1")
    await session.expect_end()


# Too much

async def test_a_payload_may_be_as_long_as_the_limit(server: Server, person: Person) -> None:
    async with linked(server, "polling", person.token) as link:
        packet = '42["nothing","'
        await link.send(packet + "x" * (LARGEST - len(packet) - 2) + '"]')
        await expect_texts(link, '42["error",{"message":"Unknown event"}]')


async def test_a_longer_payload_is_refused(server: Server, person: Person) -> None:
    async with linked(server, "polling", person.token) as link:
        assert isinstance(link, PollingLink)
        assert (await link.session.post("4" + "x" * LARGEST)).status == 413


@pytest.mark.parametrize("length", [2_000_000, 2**31, 2**40, 2**64])
async def test_a_payload_that_announces_much_more_is_refused_at_once(
    server: Server, person: Person, length: int
) -> None:
    async with linked(server, "polling", person.token) as link:
        assert isinstance(link, PollingLink)
        request = await engine(server).begin("POST", link.session.query, "4", length=length)
        assert (await request.answer()).status in (400, 413)


@pytest.mark.parametrize("message", ["4" + "x" * LARGEST, b"x" * (LARGEST + 1)], ids=["text", "binary"])
async def test_a_longer_message_ends_the_connection(
    server: Server, person: Person, message: str | bytes
) -> None:
    async with linked(server, "websocket", person.token) as link:
        await link.send(message)
        await link.expect_end()


async def test_the_largest_payload_can_be_more(start: Start) -> None:
    server = start("--max-payload", 5_000_000)
    person = server.person()
    packet = '42["nothing","' + "x" * 4_000_000 + '"]'
    for transport in LINKS:
        async with linked(server, transport, person.token) as link:
            await link.send(packet)
            await expect_texts(link, '42["error",{"message":"Unknown event"}]')


async def test_the_largest_payload_can_be_less(start: Start) -> None:
    server = start("--max-payload", 1000)
    person = server.person()
    packet = '42["nothing","' + "x" * 984 + '"]'
    assert len(packet) == 1000
    for transport in LINKS:
        async with linked(server, transport, person.token) as link:
            await link.send(packet)
            await expect_texts(link, '42["error",{"message":"Unknown event"}]')
    async with linked(server, "websocket", person.token) as link:
        await link.send(packet + " ")
        await link.expect_end()
    async with linked(server, "polling", person.token) as link:
        assert isinstance(link, PollingLink)
        assert (await link.session.post(packet + " ")).status == 413


@pytest.mark.parametrize("payload", [
    "abc", "", '42["nothing"]\x1e', "\x1e", '\x1e42["nothing"]', "7", "bA", "b====", "b%", "2", b"4\xff", b"\x00",
    b"\xff" * 1000, "\x1e" * 900_000, "d=4a",
], ids=lambda payload: repr(payload)[:20])
async def test_a_payload_that_is_none(server: Server, person: Person, payload: str | bytes) -> None:
    async with linked(server, "polling", person.token) as link:
        assert isinstance(link, PollingLink)
        (await link.session.post(payload)).expect_refusal(3, "Bad request")
        await link.expect_end()


async def test_a_payload_of_many_packets(server: Server, person: Person) -> None:
    """Every one is answered, or the connection ends; nothing between."""
    async with linked(server, "polling", person.token) as link:
        count = 20_000
        await link.send(*[emitted("nothing")] * count)
        for _ in range(count):
            assert await link.receive() == '42["error",{"message":"Unknown event"}]'


@needs_proc
async def test_a_flood_of_the_largest_events(start: Start) -> None:
    server = start()
    person = server.person()
    before = memory(server)
    packet = '42["nothing","' + "x" * 900_000 + '"]'
    async with undisturbed(server), linked(server, "websocket", person.token) as link:

        async def flood() -> None:
            for _ in range(100):
                await link.send(packet)

        flooding = asyncio.create_task(flood())
        for _ in range(100):
            await expect_texts(link, '42["error",{"message":"Unknown event"}]')
        await flooding
        assert memory(server) - before < 40 << 20
