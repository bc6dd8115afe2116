"""What is not one's own is answered as what is not there, in every dialect and by the API; and nobody hears of it."""

from __future__ import annotations

import json
from typing import Any

import conversations
import erp
import pytest
import socketio_raw
from api import CONVERSATIONS, KEYED, MESSAGES, answered, direct, get, group, post, write
from conftest import Connect, Dial
from raw import TEXT, RawWebSocket, Response, frame
from switchboard import Person, Server

SETTINGS = KEYED
NOWHERE = 987_654_321


def three(server: Server) -> tuple[Person, Person, Person]:
    return server.person("Alice A.", 1), server.person("Bob B.", 1), server.person("Mallory M.", 2)


@pytest.fixture(scope="module")
def people(server: Server) -> tuple[Person, Person, Person]:
    """For what changes nothing."""
    return three(server)


@pytest.fixture(params=["direct", "group"], scope="module")
def foreign(request: pytest.FixtureRequest, server: Server, people: tuple[Person, Person, Person]) -> int:
    """A conversation of the first two."""
    alice, bob, _ = people
    number = direct(server, alice, bob) if request.param == "direct" else group(server, alice, bob, title="Ours")
    answered(post(server, alice, f"{CONVERSATIONS}{number}/messages/", {"text": "a secret"}), 201)
    return number


def untouched(server: Server, people: tuple[Person, Person, Person], number: int) -> None:
    """Neither a message nor a receipt was added, nor a member."""
    alice, bob, mallory = people
    messages = answered(get(server, bob, f"{CONVERSATIONS}{number}/messages/"))["messages"]
    assert [message["text"] for message in messages] == ["a secret"]
    (shown,) = [each for each in answered(get(server, bob, CONVERSATIONS))["conversations"] if each["id"] == number]
    assert shown["unread_count"] == 1
    assert {each["id"] for each in shown["participants"]} == {alice.id, bob.id}
    assert answered(get(server, mallory, CONVERSATIONS))["conversations"] == []


# What `conversations` asks of a conversation.
ASKED = {
    "message": lambda number: conversations.said("hello", number), "history": conversations.get_messages,
    "history before": lambda number: conversations.get_messages(number, before_id=1 << 40, limit=1),
    "read": conversations.read,
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
async def test_conversations(
    server: Server, connect: Connect, people: tuple[Person, Person, Person], foreign: int, ask: Any
) -> None:
    alice, bob, mallory = people
    there = await connect(server, conversations.CHAT, bob.token)
    client = await connect(server, conversations.CHAT, mallory.token)
    for number in (foreign, NOWHERE, 0, -1, str(foreign)):
        await client.send(ask(number))
        await client.expect({"type": "error", "error": "Conversation not found."})
    await there.expect_nothing()
    untouched(server, people, foreign)


# What `socketio` asks of a conversation, and of a person in it.
EVENTS: dict[str, Any] = {
    "join_conversation": lambda number, person: number, "leave_conversation": lambda number, person: number,
    "send_message": lambda number, person: {"conversationId": number, "content": "hello"},
    "mark_read": lambda number, person: {"conversationId": number},
    "typing_start": lambda number, person: {"conversationId": number},
    "typing_stop": lambda number, person: {"conversationId": number},
}


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("to", [False, True], ids=["conversation", "and person"])
async def test_socketio(
    server: Server, dial: Dial, people: tuple[Person, Person, Person], foreign: int, name: str, to: bool
) -> None:
    alice, bob, mallory = people
    there = await dial(server, bob, "websocket")
    answers = []
    with RawWebSocket(server, "/socket.io/?EIO=4&transport=websocket") as socket:
        socket.receive()
        socket.send(frame(TEXT, socketio_raw.sign_in(mallory.token).encode()))
        socket.receive()
        for ack, number in enumerate((foreign, NOWHERE, 0, -1, str(foreign))):
            argument = EVENTS[name](number, bob)
            if to and isinstance(argument, dict):
                argument["toUserId"] = bob.id
            socket.send(frame(TEXT, socketio_raw.emitted(name, argument, ack=ack).encode()))
            packets = []
            while not packets or not packets[-1].startswith("43"):
                packets.append(socket.receive().payload.decode())
            answers.append([packet.replace(f"43{ack}", "43", 1) for packet in packets])
    assert answers.count(answers[0]) == len(answers), answers
    if name != "leave_conversation":
        assert json.loads(answers[0][-1][2:])[0]["ok"] is False
    await there.expect_nothing()
    untouched(server, people, foreign)


async def test_who_guessed_a_conversation_hears_nothing_of_it(server: Server, dial: Dial) -> None:
    """Ids are numbers in a row: trying them all opens none."""
    alice, bob, mallory = three(server)
    number = direct(server, alice, bob)
    client = await dial(server, mallory, "websocket")
    with RawWebSocket(server, "/socket.io/?EIO=4&transport=websocket") as socket:
        socket.receive()
        socket.send(frame(TEXT, socketio_raw.sign_in(mallory.token).encode()))
        socket.receive()
        for guess in range(1, number + 100):
            socket.send(frame(TEXT, socketio_raw.emitted("join_conversation", guess).encode()))
            assert socket.receive().payload.startswith(b'42["error"')
        write(server, alice, bob, "a secret")
        # Whatever it was sent would be here before this answer.
        socket.send(frame(TEXT, socketio_raw.emitted("nothing").encode()))
        assert b"Unknown event" in socket.receive().payload
    await client.expect_nothing()


async def test_what_was_missed_is_given_to_nobody_else(server: Server) -> None:
    """The name under which a client's state is kept opens it for its own person alone."""
    alice, bob, mallory = three(server)

    def connected(auth: dict) -> tuple[RawWebSocket, dict]:
        socket = RawWebSocket(server, "/socket.io/?EIO=4&transport=websocket")
        socket.receive()
        socket.send(frame(TEXT, b"40" + json.dumps(auth).encode()))
        return socket, json.loads(socket.receive().payload[2:])

    socket, state = connected({"token": bob.token})
    socket.send(frame(TEXT, socketio_raw.emitted("join_conversation", direct(server, alice, bob), ack=1).encode()))
    socket.receive()
    socket.socket.close()
    write(server, alice, bob, "a secret")
    thief, own = connected({"token": mallory.token, "pid": state["pid"], "offset": "0"})
    with thief:
        assert own["pid"] != state["pid"] and own["sid"] != state["sid"]
        thief.send(frame(TEXT, socketio_raw.emitted("nothing").encode()))
        assert b"Unknown event" in thief.receive().payload


# The API

def same(*answers: Response) -> None:
    first = answers[0]
    assert first.status == 404, first
    for answer in answers[1:]:
        assert (answer.status, answer.body, answer.headers.keys()) == (first.status, first.body, first.headers.keys())


def test_notifications(server: Server) -> None:
    alice, _, mallory = three(server)
    dean = server.person(admin=True)
    for to in ({"user_id": alice.id}, {"college_id": 1}):
        answered(post(server, dean, "/api/notifications/send/", {"title": "T", "message": "M"} | to))
    ids = [each["id"] for each in answered(get(server, alice, "/api/notifications/"))["notifications"]]
    assert len(ids) == 2
    same(*(post(server, mallory, f"/api/notifications/{number}/read/") for number in (NOWHERE, 0, -1, *ids)))
    assert answered(get(server, alice, "/api/notifications/unread-count/"))["unread_count"] == 2


def test_notices(server: Server, people: tuple[Person, Person, Person]) -> None:
    *_, mallory = people
    dean = server.person(admin=True)
    body = {"title": "T", "content": "C", "college_id": 1}
    made = post(server, dean, "/api/notices/", body)
    assert made.status == 201, made
    same(*(get(server, mallory, f"/api/notices/{number}/") for number in (NOWHERE, 0, made.json["id"])))


async def test_erp_notifications(server: Server, connect: Connect) -> None:
    alice, _, mallory = three(server)
    body = {"title": "T", "message": "M", "user_id": alice.id}
    answered(post(server, server.person(admin=True), "/api/notifications/send/", body))
    (number,) = [each["id"] for each in answered(get(server, alice, "/api/notifications/"))["notifications"]]
    client = await connect(server, erp.NOTIFICATIONS, mallory.token)
    await client.expect(erp.unread(0))
    answers = []
    for guess in (NOWHERE, number):
        await client.send({"type": "mark_read", "id": guess})
        answers.append(await client.receive())
    assert answers[0] == answers[1] and answers[0]["type"] == "error"
    assert answered(get(server, alice, "/api/notifications/unread-count/"))["unread_count"] == 1


def test_names_of_requests_are_ones_own(server: Server) -> None:
    """A `client_id` or an `Idempotency-Key` of somebody else is free to use, and answers nothing of theirs."""
    alice, bob, mallory = three(server)
    body = {"receiver_id": bob.id, "text": "a secret", "client_id": "guessable"}
    ours = answered(post(server, alice, MESSAGES, body, key="guessable"), 201)
    theirs = answered(post(server, mallory, MESSAGES, body | {"text": "hello"}, key="guessable"), 201)
    assert theirs["id"] != ours["id"] and theirs["text"] == "hello"
    assert theirs["conversation_id"] != ours["conversation_id"]
