"""Groups in the `socketio` dialect: who hears what, and who no longer does."""

from __future__ import annotations

import pytest
from api import CONVERSATIONS, answered, delete, group, post
from conftest import Dial
from frames import ID, matches
from socketio_client import TRANSPORTS, SocketIO
from socketio_values import NO_USER, NOT_FOUND, NOT_SENT, message, notice, read_by, said, typing
from switchboard import Person, Server


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def people(server: Server) -> list[Person]:
    return [server.person(name) for name in ("Aarav Sharma", "Bela Nováková", "Chen Wei")]


@pytest.fixture
def number(server: Server, people: list[Person]) -> int:
    """A group of all of them and one who is away; the founder is the first."""
    return group(server, *people, server.person("Emma Schmidt"), title="Team")


@pytest.fixture
async def clients(server: Server, dial: Dial, people: list[Person], transport: str) -> list[SocketIO]:
    return [await dial(server, person, transport) for person in people]


def members(number: int, who: Person | None = None) -> str:
    return f"{CONVERSATIONS}{number}/members/" + (f"{who.id}/" if who else "")


async def test_a_message_goes_to_all(people: list[Person], number: int, clients: list[SocketIO]) -> None:
    here, joined, idle = clients
    for client in (here, joined):
        await client.join(number)
    answer = await here.ask("send_message", said("to all", number))
    assert matches(answer, {"ok": True, "id": ID})
    for client in (here, joined):
        await client.expect("new_message", message("to all", people[0], None, number, answer["id"]))
    for client in (joined, idle):
        await client.expect("message_notification", notice("to all", people[0], None, number, answer["id"]))
    for client in clients:
        await client.expect_nothing()


async def test_a_message_to_one_of_them_goes_to_all(
    server: Server, people: list[Person], number: int, clients: list[SocketIO]
) -> None:
    await clients[0].emit("send_message", said("@Chen", number, toUserId=people[2].id))
    for client in clients[1:]:
        event, data = await client.receive()
        assert (event, data["content"], data["conversation_id"]) == ("message_notification", "@Chen", number)
    await clients[0].expect_refusal(
        NOT_SENT, NO_USER, "send_message", said("@nobody", number, toUserId=server.person().id))


async def test_reading_is_told_to_the_others(
    people: list[Person], number: int, clients: list[SocketIO]
) -> None:
    await clients[0].emit("send_message", said("read this", number))
    for client in clients[1:]:
        await client.expect("message_notification", notice("read this", people[0], None, number))
    for reader in (1, 2):
        for _ in range(2):
            await clients[reader].emit("mark_read", {"conversationId": number})
        await clients[0].expect("messages_read", read_by(people[reader], number))
        await clients[3 - reader].expect("messages_read", read_by(people[reader], number))
    for client in clients:
        await client.expect_nothing()


async def test_typing_is_told_to_the_others(
    people: list[Person], number: int, clients: list[SocketIO]
) -> None:
    for typist, event in ((0, "typing_start"), (1, "typing_start"), (0, "typing_stop"), (1, "typing_stop")):
        await clients[typist].emit(event, {"conversationId": number})
        for other in {0, 1, 2} - {typist}:
            await clients[other].expect(event, typing(people[typist], number))
    for client in clients:
        await client.expect_nothing()


async def test_who_is_put_in_may_join(
    server: Server, dial: Dial, people: list[Person], number: int, clients: list[SocketIO], transport: str
) -> None:
    newcomer = server.person("Diya Patel")
    client = await dial(server, newcomer, transport)
    await client.expect_refusal(NOT_FOUND, NOT_FOUND, "join_conversation", number)
    answered(post(server, people[0], members(number), {"user_ids": [newcomer.id]}))
    await clients[0].emit("send_message", said("welcome", number))
    await client.expect("message_notification", notice("welcome", people[0], None, number))
    await client.join(number)
    await client.emit("send_message", said("thank you", number))
    await client.expect("new_message", message("thank you", newcomer, None, number))
    for other in clients:
        if other is not clients[0]:
            await other.expect("message_notification", notice("welcome", people[0], None, number))
        await other.expect("message_notification", notice("thank you", newcomer, None, number))
        await other.expect_nothing()


async def test_who_is_put_out_leaves_the_room_at_once(
    server: Server, dial: Dial, people: list[Person], number: int, clients: list[SocketIO], transport: str
) -> None:
    here, gone, there = clients
    gone_too = await dial(server, people[1], transport)
    for client in (*clients, gone_too):
        await client.join(number)
    answered(delete(server, people[1], members(number, people[1])))
    await here.emit("send_message", said("they left", number))
    for client in (here, there):
        await client.expect("new_message", message("they left", people[0], None, number))
    await there.expect("message_notification", notice("they left", people[0], None, number))
    await here.emit("typing_start", {"conversationId": number})
    await there.expect("typing_start", typing(people[0], number))
    await there.emit("mark_read", {"conversationId": number})
    await here.expect("messages_read", read_by(people[2], number))
    for client in (gone, gone_too):
        await client.expect_nothing()
        await client.expect_refusal(NOT_FOUND, NOT_FOUND, "join_conversation", number)
        await client.expect_refusal(NOT_SENT, NOT_FOUND, "send_message", said("let me in", number))
        for event in ("mark_read", "typing_start", "typing_stop"):
            await client.expect_refusal(NOT_FOUND, NOT_FOUND, event, {"conversationId": number})
    for client in (here, there):
        await client.expect_nothing()


async def test_who_comes_back_must_join_again(
    server: Server, people: list[Person], number: int, clients: list[SocketIO]
) -> None:
    here, back, there = clients
    for client in clients:
        await client.join(number)
    answered(delete(server, people[1], members(number, people[1])))
    answered(post(server, people[0], members(number), {"user_ids": [people[1].id]}))
    await here.emit("send_message", said("welcome back", number))
    await back.expect("message_notification", notice("welcome back", people[0], None, number))
    await back.expect_nothing()
    await back.join(number)
    await here.emit("send_message", said("and now?", number))
    await back.expect("new_message", message("and now?", people[0], None, number))
    await back.expect("message_notification", notice("and now?", people[0], None, number))
