"""Chat of the `erp` dialect: messages, receipts, typing, devices, tokens (specs/erp.md, section 1)."""

import asyncio
import contextlib
import json

import pytest
from client import Client
from conftest import Connect
from erp import CHAT, NOT_FOUND_OR_OFFLINE, heard, online, read_by, said
from switchboard import Person, Server
from websockets.exceptions import ConnectionClosed

Pair = tuple[Person, Person]


@pytest.fixture
def pair(server: Server) -> Pair:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


async def both_online(connect: Connect, server: Server, pair: Pair) -> tuple[Client, Client]:
    return await online(connect, server, pair[0]), await online(connect, server, pair[1])


async def test_a_message_reaches_its_receiver_only(server: Server, connect: Connect, pair: Pair) -> None:
    aarav, bela = await both_online(connect, server, pair)
    await aarav.send(said("Hello, are you available?", pair[1].id))
    await bela.expect(heard("Hello, are you available?", pair[0]))
    await bela.send(said("I am", pair[0].id))
    await aarav.expect(heard("I am", pair[1]))
    await bela.expect_nothing()


async def test_an_id_may_be_a_string_of_digits(server: Server, connect: Connect, pair: Pair) -> None:
    aarav, bela = await both_online(connect, server, pair)
    await aarav.send(said("hello", str(pair[1].id)))
    await bela.expect(heard("hello", pair[0]))
    await bela.send({"type": "mark_read", "sender_id": str(pair[0].id)})
    await aarav.expect(read_by(pair[1]))
    await bela.send({"type": "typing", "recipient_id": str(pair[0].id)})
    await aarav.expect({"type": "user_typing", "sender_id": pair[1].id})


async def test_an_unknown_receiver(server: Server, connect: Connect, pair: Pair) -> None:
    aarav = await online(connect, server, pair[0])
    for unknown in (999_999, "999999", 0):
        await aarav.send(said("hello?", unknown))
        await aarav.expect(NOT_FOUND_OR_OFFLINE)


async def test_the_final_slash_is_optional(server: Server, connect: Connect, pair: Pair) -> None:
    aarav, bela = await online(connect, server, pair[0]), await connect(server, "/ws/v1/chat", pair[1].token)
    await bela.send(said("hello", pair[0].id))
    await aarav.expect(heard("hello", pair[1]))


async def test_once_connected_one_is_online(server: Server, connect: Connect, pair: Pair) -> None:
    aarav = await online(connect, server, pair[0])
    for number in range(20):
        bela = await connect(server, CHAT, pair[1].token)
        await aarav.send(said(f"round {number}", pair[1].id))
        await bela.expect(heard(f"round {number}", pair[0]))
        await aarav.expect_nothing()
        await bela.close()


async def test_every_device_of_the_receiver_gets_it(server: Server, connect: Connect, pair: Pair) -> None:
    phone, desk = [await online(connect, server, pair[1]) for _ in range(2)]
    aarav, own_other = [await online(connect, server, pair[0]) for _ in range(2)]
    await aarav.send(said("hello", pair[1].id))
    await aarav.send({"type": "typing", "recipient_id": pair[1].id})
    ids = set()
    for device in (phone, desk):
        frames = [await device.receive(), await device.receive()]
        assert sorted(frame["type"] for frame in frames) == ["chat_message", "user_typing"]
        ids |= {frame["id"] for frame in frames if frame["type"] == "chat_message"}
    assert len(ids) == 1
    await phone.send({"type": "mark_read", "sender_id": pair[0].id})
    await aarav.expect(read_by(pair[1]))
    await own_other.expect(read_by(pair[1]))
    await aarav.send(said("and now?", pair[1].id))
    await phone.expect(heard("and now?", pair[0]))
    await desk.expect(heard("and now?", pair[0]))


async def test_messages_arrive_in_order_with_growing_ids(server: Server, connect: Connect, pair: Pair) -> None:
    aarav, bela = await both_online(connect, server, pair)
    for number in range(300):
        await aarav.send(said(str(number), pair[1].id))
    frames = [await bela.expect(heard(str(number), pair[0])) for number in range(300)]
    ids = [frame["id"] for frame in frames]
    assert ids == sorted(set(ids))


async def test_two_senders_do_not_disturb_each_other(server: Server, connect: Connect, pair: Pair) -> None:
    third = server.person("Chen Wei")
    aarav, bela, chen = *await both_online(connect, server, pair), await online(connect, server, third)

    async def send_all(sender: Client) -> None:
        for number in range(100):
            await sender.send(said(str(number), pair[1].id))

    await asyncio.gather(send_all(aarav), send_all(chen))
    frames = [await bela.receive() for _ in range(200)]
    assert len({frame["id"] for frame in frames}) == 200
    for sender in (pair[0], third):
        assert [frame["message"] for frame in frames if frame["sender_id"] == sender.id] == list(map(str, range(100)))


async def test_a_message_outlives_its_sender(server: Server, connect: Connect, pair: Pair) -> None:
    aarav, bela = await both_online(connect, server, pair)
    await aarav.send(said("gone already", pair[1].id))
    await aarav.close()
    await bela.expect(heard("gone already", pair[0]))


async def test_reading_is_told_to_the_author_when_it_changed_something(
    server: Server, connect: Connect, pair: Pair
) -> None:
    aarav, bela = await both_online(connect, server, pair)
    await bela.send({"type": "mark_read", "sender_id": pair[0].id})
    await bela.arrived()
    await aarav.send(said("one", pair[1].id))
    await aarav.send(said("two", pair[1].id))
    await bela.expect(heard("one", pair[0]))
    await bela.expect(heard("two", pair[0]))
    for _ in range(3):
        await bela.send({"type": "mark_read", "sender_id": pair[0].id})
    await bela.send(said("read them", pair[0].id))
    await aarav.expect(read_by(pair[1]))
    await aarav.expect(heard("read them", pair[1]))
    await bela.expect_nothing()


async def test_reading_covers_the_one_conversation(server: Server, connect: Connect, pair: Pair) -> None:
    third = server.person("Chen Wei")
    aarav, bela, chen = *await both_online(connect, server, pair), await online(connect, server, third)
    await aarav.send(said("from aarav", pair[1].id))
    await bela.expect(heard("from aarav", pair[0]))
    await chen.send(said("from chen", pair[1].id))
    await bela.expect(heard("from chen", third))
    await bela.send({"type": "mark_read", "sender_id": pair[0].id})
    await aarav.expect(read_by(pair[1]))
    await bela.send(said("just you", third.id))
    await chen.expect(heard("just you", pair[1]))
    await bela.send({"type": "mark_read", "sender_id": third.id})
    await chen.expect(read_by(pair[1]))


async def test_nobody_reads_their_own_messages(server: Server, connect: Connect, pair: Pair) -> None:
    aarav, bela = await both_online(connect, server, pair)
    await aarav.send(said("unread", pair[1].id))
    await bela.expect(heard("unread", pair[0]))
    await aarav.send({"type": "mark_read", "sender_id": pair[1].id})
    await aarav.send(said("still unread", pair[1].id))
    await bela.expect(heard("still unread", pair[0]))
    await bela.send({"type": "mark_read", "sender_id": pair[0].id})
    await aarav.expect(read_by(pair[1]))


async def test_typing_is_told_and_forgotten(server: Server, connect: Connect, pair: Pair) -> None:
    aarav, bela = await both_online(connect, server, pair)
    await aarav.send({"type": "typing", "recipient_id": pair[1].id})
    await bela.expect({"type": "user_typing", "sender_id": pair[0].id})
    await bela.close()
    chen = server.person("Chen Wei")
    third = await online(connect, server, chen)
    await aarav.send({"type": "typing", "recipient_id": pair[1].id})
    # What one client asks for is done in its order: when this is heard, the sign is forgotten.
    await aarav.send(said("later", chen.id))
    await third.expect(heard("later", pair[0]))
    bela = await connect(server, CHAT, pair[1].token)
    await third.send(said("first thing", pair[1].id))
    assert (await bela.receive())["message"] == "first thing"


@pytest.mark.parametrize("query", ["", "?token=", "?token=null", "?token=undefined", "?token=wrong", "?tokens=x"])
async def test_without_a_good_token_the_connection_closes_with_4003(
    server: Server, connect: Connect, query: str
) -> None:
    client = await connect(server, CHAT + query)
    assert await client.expect_close(4003) != ""


async def test_a_frame_sent_before_the_refusal_does_nothing(server: Server, connect: Connect, pair: Pair) -> None:
    bela, stranger = await online(connect, server, pair[1]), await connect(server, CHAT, "wrong")
    with contextlib.suppress(ConnectionClosed):
        await stranger.send(said("let me in", pair[1].id))
    await stranger.expect_close(4003)
    aarav = await online(connect, server, pair[0])
    await aarav.send(said("hello", pair[1].id))
    await bela.expect(heard("hello", pair[0]))


async def test_a_revoked_token_is_refused(server: Server, connect: Connect) -> None:
    person = server.person()
    tokens = json.loads(server.cli("token", "list", person.username, "--json"))
    server.cli("token", "revoke", tokens[0]["id"])
    await (await connect(server, CHAT, person.token)).expect_close(4003)


async def test_a_token_that_expires_closes_its_connection(server: Server, connect: Connect) -> None:
    token = server.cli("token", "create", server.person().username, "--expires", "2s")
    client = await connect(server, CHAT, token)
    assert await client.expect_close(4003) != ""
    await (await connect(server, CHAT, token)).expect_close(4003)
