"""Messages of the `erp` dialect to people who are away, and messages sent twice."""

import asyncio

import pytest
from conftest import Connect, Start
from database import all_acknowledged
from erp import CHAT, NOT_FOUND_OR_OFFLINE, heard, notified, online, said
from switchboard import Person, Server


@pytest.fixture
def people(server: Server) -> tuple[Person, Person, Person]:
    return server.person("Aarav Sharma"), server.person("Bela Nováková"), server.person("Chen Wei")


async def test_a_message_waits_for_its_receiver_and_comes_once(
    server: Server, connect: Connect, people: tuple
) -> None:
    aarav, bela, _ = people
    sender = await online(connect, server, aarav)
    for text in ("one", "two", "three"):
        await sender.send(said(text, bela.id))
        await sender.expect(NOT_FOUND_OR_OFFLINE)
    receiver = await connect(server, CHAT, bela.token)
    for text in ("one", "two", "three"):
        await receiver.expect(heard(text, aarav))
    await all_acknowledged(server, bela)
    await receiver.close()
    receiver = await connect(server, CHAT, bela.token)
    await sender.send(said("four", bela.id))
    await receiver.expect(heard("four", aarav))
    await receiver.expect_nothing()


async def test_the_backlog_of_all_senders_is_in_order_and_before_anything_newer(
    server: Server, connect: Connect, people: tuple
) -> None:
    aarav, bela, chen = people
    first, second = await online(connect, server, aarav), await online(connect, server, chen)
    for number in range(100):
        for person, sender in ((aarav, first), (chen, second)):
            await sender.send(said(f"{number} of {person.username}", bela.id))
            await sender.expect(NOT_FOUND_OR_OFFLINE)
    receiver = await connect(server, CHAT, bela.token)
    await first.send(said("live", bela.id))
    backlog = [
        await receiver.expect(heard(f"{number} of {person.username}", person))
        for number in range(100) for person in (aarav, chen)
    ]
    live = await receiver.expect(heard("live", aarav))
    ids = [frame["id"] for frame in [*backlog, live]]
    assert ids == sorted(set(ids))


async def test_messages_sent_while_one_connects_come_once_and_in_order(
    server: Server, connect: Connect, people: tuple
) -> None:
    aarav, bela, _ = people
    sender = await online(connect, server, aarav)
    for number in range(500):
        await sender.send(said(str(number), bela.id))
        if number == 250:
            receiver = await connect(server, CHAT, bela.token)
    for number in range(500):
        await receiver.expect(heard(str(number), aarav))
    await receiver.expect_nothing()


async def test_a_second_device_gets_no_backlog_again(server: Server, connect: Connect, people: tuple) -> None:
    aarav, bela, _ = people
    sender = await online(connect, server, aarav)
    await sender.send(said("waits", bela.id))
    await sender.expect(NOT_FOUND_OR_OFFLINE)
    phone = await connect(server, CHAT, bela.token)
    await phone.expect(heard("waits", aarav))
    await all_acknowledged(server, bela)
    desk = await connect(server, CHAT, bela.token)
    await sender.send(said("live", bela.id))
    await phone.expect(heard("live", aarav))
    await desk.expect(heard("live", aarav))


async def test_a_message_waits_across_a_restart(start: Start, connect: Connect) -> None:
    server = start()
    aarav, bela = server.person(), server.person()
    sender = await online(connect, server, aarav)
    await sender.send(said("before the restart", bela.id))
    await sender.expect(NOT_FOUND_OR_OFFLINE)
    await asyncio.to_thread(server.restart)
    receiver = await connect(server, CHAT, bela.token)
    await receiver.expect(heard("before the restart", aarav))
    await all_acknowledged(server, bela)
    await asyncio.to_thread(server.restart)
    receiver, sender = await connect(server, CHAT, bela.token), await online(connect, server, aarav)
    await sender.send(said("after it", bela.id))
    await receiver.expect(heard("after it", aarav))


async def test_only_a_chat_connection_counts_as_online(server: Server, connect: Connect, people: tuple) -> None:
    aarav, bela, _ = people
    sender, notifications = await online(connect, server, aarav), await notified(connect, server, bela)
    await sender.send(said("waits", bela.id))
    await sender.expect(NOT_FOUND_OR_OFFLINE)
    await notifications.expect_nothing()
    receiver = await connect(server, CHAT, bela.token)
    await receiver.expect(heard("waits", aarav))


async def test_the_offline_notice_can_be_off(start: Start, connect: Connect) -> None:
    server = start("--erp-offline-notice", "false")
    aarav, bela, chen = server.person(), server.person(), server.person()
    sender, other = await online(connect, server, aarav), await online(connect, server, chen)
    await sender.send(said("waits", bela.id))
    await sender.send(said("unknown", 999_999))
    await sender.expect(NOT_FOUND_OR_OFFLINE)
    await other.send(said("a word", aarav.id))
    await sender.expect(heard("a word", chen))
    receiver = await connect(server, CHAT, bela.token)
    await receiver.expect(heard("waits", aarav))


async def test_a_repeated_client_id_is_delivered_once(server: Server, connect: Connect, people: tuple) -> None:
    aarav, bela, _ = people
    sender, receiver = await online(connect, server, aarav), await online(connect, server, bela)
    for text, client_id in [("one", "c" * 64), ("one", "c" * 64), ("two", "é"), ("two", "é"), ("three", "d")]:
        await sender.send(said(text, bela.id, client_id=client_id))
    for text in ("one", "two", "three"):
        await receiver.expect(heard(text, aarav))
    await sender.expect_nothing()


async def test_a_repeat_after_a_lost_connection_is_delivered_once(start: Start, connect: Connect) -> None:
    server = start()
    aarav, bela = server.person(), server.person()
    sender, receiver = await online(connect, server, aarav), await online(connect, server, bela)
    await sender.send(said("once", bela.id, client_id="c1"))
    await receiver.expect(heard("once", aarav))
    sender.drop()
    sender = await online(connect, server, aarav)
    await sender.send(said("once", bela.id, client_id="c1"))
    await sender.send(said("more", bela.id, client_id="c2"))
    await receiver.expect(heard("more", aarav))
    await all_acknowledged(server, bela)
    server.restart()
    sender, receiver = await online(connect, server, aarav), await online(connect, server, bela)
    await sender.send(said("once", bela.id, client_id="c1"))
    await sender.send(said("most", bela.id, client_id="c3"))
    await receiver.expect(heard("most", aarav))


async def test_a_client_id_is_the_senders_own(server: Server, connect: Connect, people: tuple) -> None:
    aarav, bela, chen = people
    first, second = await online(connect, server, aarav), await online(connect, server, chen)
    receiver = await online(connect, server, bela)
    await first.send(said("mine", bela.id, client_id="same"))
    await receiver.expect(heard("mine", aarav))
    await second.send(said("mine too", bela.id, client_id="same"))
    await receiver.expect(heard("mine too", chen))


async def test_a_repeat_to_somebody_away_waits_once(server: Server, connect: Connect, people: tuple) -> None:
    aarav, bela, chen = people
    sender, other = await online(connect, server, aarav), await online(connect, server, chen)
    for _ in range(2):
        await sender.send(said("once", bela.id, client_id="c1"))
    await sender.send(said("last", bela.id))
    await sender.send(said("stored by now", chen.id))
    await other.expect(heard("stored by now", aarav))
    receiver = await connect(server, CHAT, bela.token)
    await receiver.expect(heard("once", aarav))
    await receiver.expect(heard("last", aarav))
