"""Which dialect a connection on a shared path speaks (INTEROP.md, first section)."""

import json
from pathlib import Path

import campus
import conversations
import erp
import pytest
from client import Client
from conftest import Connect, Start
from conversations import GET_CONVERSATIONS, PATH, conversation_of, found, search, settled
from database import all_acknowledged
from frames import ROOMS_TIME, error
from raw import RawConnection, RawWebSocket, handshake
from switchboard import Person, Server, command

NOTIFICATIONS = "/ws/notifications/"
CONNECTED = {
    "type": "connection_status", "status": "connected",
    "message": "Successfully connected to notifications", "timestamp": ROOMS_TIME,
}
# Frames that both dialects answer with an error, each in its own words.
PROBES = {"campus": ([], campus.error("An error occurred while processing your message")),
          "conversations": ([], conversations.error("Invalid message format"))}
SENTENCE = {"receiver_id": 999_999_999, "message": "x"}
NOBODY = campus.error("Failed to send message. Receiver not found.")


@pytest.fixture(scope="module")
def person(server: Server) -> Person:
    return server.person()


@pytest.fixture(scope="module")
def tokens(server: Server, person: Person) -> dict[str, str]:
    return {"opaque": person.token, "jwt": server.jwt(person)}


async def expect_dialect(client: Client, name: str) -> None:
    """Asks with a frame that no dialect is chosen by, and settles on it."""
    frame, answer = PROBES[name]
    await client.send(frame)
    await client.expect(answer)


async def expect_forced(client: Client, name: str) -> None:
    """It speaks this dialect, and the other one's grammar does not change that."""
    if name == "campus":
        await client.send(GET_CONVERSATIONS)
        await client.expect(campus.error("receiver_id is required"))
        await client.send(SENTENCE)
        await client.expect(NOBODY)
    else:
        await client.send(SENTENCE)
        await client.expect(conversations.error("Invalid message format"))
        await client.send(GET_CONVERSATIONS)
        await client.expect(conversations.conversations())


# The kind of token

@pytest.mark.parametrize("path", [PATH, PATH.rstrip("/")])
@pytest.mark.parametrize("kind, dialect", [("opaque", "campus"), ("jwt", "conversations")])
async def test_the_kind_of_token_decides(
    server: Server, connect: Connect, tokens: dict, path: str, kind: str, dialect: str
) -> None:
    client = await connect(server, path, tokens[kind])
    await client.expect_nothing()
    await expect_dialect(client, dialect)


@pytest.mark.parametrize("dialect", ["campus", "conversations"])
@pytest.mark.parametrize("kind", ["opaque", "jwt"])
async def test_a_name_in_the_url_wins(
    server: Server, connect: Connect, tokens: dict, kind: str, dialect: str
) -> None:
    await expect_forced(await connect(server, f"{PATH}?dialect={dialect}", tokens[kind]), dialect)


@pytest.mark.parametrize("kind", ["opaque", "jwt"])
async def test_both_kinds_of_token_are_good_everywhere(
    server: Server, connect: Connect, tokens: dict, kind: str
) -> None:
    chat = await connect(server, erp.CHAT, tokens[kind])
    await chat.send_text("?")
    await chat.expect(error("Invalid JSON format"))
    await (await connect(server, erp.NOTIFICATIONS, tokens[kind])).expect(erp.unread(0))
    await (await connect(server, NOTIFICATIONS, tokens[kind])).expect_nothing()


@pytest.mark.parametrize("token", [None, "", "null", "undefined"])
async def test_no_token_on_the_shared_paths(server: Server, connect: Connect, token: str | None) -> None:
    assert await (await connect(server, PATH, token)).expect_close(4003) != ""
    await (await connect(server, NOTIFICATIONS, token)).expect(CONNECTED)
    assert await (await connect(server, NOTIFICATIONS + "?dialect=campus", token)).expect_close(4003) != ""


@pytest.mark.parametrize("name", ["", "nonsense", "CONVERSATIONS", "conversations,campus"])
def test_a_name_that_is_no_dialects_chooses_none(server: Server, tokens: dict, name: str) -> None:
    """It is refused, or counts as absent."""
    path = f"{PATH}?dialect={name}&token={tokens['opaque']}"
    with RawConnection(server) as connection:
        connection.send(handshake(server, path, "dGhlIHNhbXBsZSBub25jZQ=="))
        response = connection.response()
    if response.status != 101:
        response.expect_refusal(400, 404)
        return
    with RawWebSocket(server, path) as socket:
        frame, answer = PROBES["campus"]
        socket.send_json(frame)
        assert socket.expect_json() == answer


# The first frame

async def test_a_first_frame_makes_an_opaque_token_speak_conversations(
    server: Server, connect: Connect, tokens: dict
) -> None:
    client = await connect(server, PATH, tokens["opaque"])
    await client.send(search(""))
    await client.expect(found())
    await expect_forced(client, "conversations")


async def test_a_first_frame_makes_a_jwt_speak_campus(server: Server, connect: Connect, tokens: dict) -> None:
    client = await connect(server, PATH, tokens["jwt"])
    await client.send(SENTENCE)
    await client.expect(NOBODY)
    await expect_forced(client, "campus")


@pytest.mark.parametrize("first, answer", [
    ({"receiver_id": 999_999_999}, campus.error("message or attachment is required")),
    ({"message": "x"}, campus.error("receiver_id is required")),
    ({"attachment": "https://a.b/c"}, campus.error("receiver_id is required")),
    ({"message": None}, campus.error("receiver_id is required")),
])
async def test_one_word_of_campus_is_enough(
    server: Server, connect: Connect, tokens: dict, first: dict, answer: dict
) -> None:
    client = await connect(server, PATH, tokens["jwt"])
    await client.send(first)
    await client.expect(answer)
    await expect_forced(client, "campus")


@pytest.mark.parametrize("first, answer", [
    ({"type": "chat.dance"}, conversations.error("Invalid message format")),
    ({"type": "chat.", "receiver_id": 1, "message": "x"}, conversations.error("Invalid message format")),
    ({"type": "chat.read"}, conversations.error("conversation_id is required")),
    ({"receiver_id": 1, "message": "x", "type": "chat.get_conversations"}, conversations.conversations()),
])
async def test_a_type_that_starts_with_chat_is_enough(
    server: Server, connect: Connect, tokens: dict, first: dict, answer: dict
) -> None:
    client = await connect(server, PATH, tokens["opaque"])
    await client.send(first)
    await client.expect(answer)
    await expect_forced(client, "conversations")


@pytest.mark.parametrize("first, campus_says, conversations_says", [
    ("no json", "Invalid JSON format", "Invalid JSON format"),
    ("", "Invalid JSON format", "Invalid JSON format"),
    (b'{"type":"chat.get_conversations"}', "Invalid JSON format", "Invalid JSON format"),
    (b'{"receiver_id":1,"message":"x"}', "Invalid JSON format", "Invalid JSON format"),
    ("[]", "An error occurred while processing your message", "Invalid message format"),
    ('["chat.read"]', "An error occurred while processing your message", "Invalid message format"),
    ("{}", "receiver_id is required", "Invalid message format"),
    ('{"type":"chat_message"}', "receiver_id is required", "Invalid message format"),
    ('{"type":"Chat.read"}', "receiver_id is required", "Invalid message format"),
    ('{"type":"dance","message":"x"}', "receiver_id is required", "Invalid message format"),
    ('{"keyword":"x"}', "receiver_id is required", "Invalid message format"),
])
async def test_a_first_frame_of_neither_grammar_leaves_the_token_to_decide(
    server: Server, connect: Connect, tokens: dict, first: str | bytes, campus_says: str, conversations_says: str
) -> None:
    for kind, words in (("opaque", campus_says), ("jwt", conversations_says)):
        client = await connect(server, PATH, tokens[kind])
        await client.send_text(first)
        await client.expect(campus.error(words))
        await client.expect_nothing()


@pytest.mark.parametrize("kind, dialect", [("opaque", "campus"), ("jwt", "conversations")])
async def test_only_the_first_frame_corrects(
    server: Server, connect: Connect, tokens: dict, kind: str, dialect: str
) -> None:
    own = {"campus": (SENTENCE, NOBODY), "conversations": (search(""), found())}
    client = await connect(server, PATH, tokens[kind])
    await client.send(own[dialect][0])
    await client.expect(own[dialect][1])
    await expect_forced(client, dialect)


async def test_a_burst_is_read_in_the_corrected_dialect(
    server: Server, connect: Connect, tokens: dict
) -> None:
    for _ in range(20):
        client = await connect(server, PATH, tokens["opaque"])
        for _ in range(3):
            await client.send(search(""))
        for _ in range(3):
            await client.expect(found())


async def test_the_first_frame_counts_as_a_frame(server: Server, connect: Connect) -> None:
    """What corrects the dialect is also carried out."""
    aarav, bela = server.person(), server.person()
    there = await connect(server, PATH, bela.token)
    await there.expect_nothing()
    here = await connect(server, PATH, server.jwt(aarav))
    await here.send(campus.said("first", bela.id))
    sent = await here.expect(campus.SENT)
    assert (await there.expect(campus.heard("first", aarav)))["id"] == sent["id"]


async def test_a_listener_is_taken_at_its_tokens_word(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    plain = await connect(server, PATH, bela.token)
    signed = await connect(server, PATH, server.jwt(bela))
    sender = await conversations.online(connect, server, aarav)
    number = await conversation_of(sender, bela)
    await sender.send(conversations.said("hello", number))
    await plain.expect(campus.heard("hello", aarav))
    await signed.expect(conversations.heard("hello", aarav, number))


async def test_after_the_correction_one_hears_the_other_dialect(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    plain, signed = await connect(server, PATH, bela.token), await connect(server, PATH, server.jwt(bela))
    await settled(plain)
    await signed.send(SENTENCE)
    await signed.expect(NOBODY)
    sender = await conversations.online(connect, server, aarav)
    number = await conversation_of(sender, bela)
    await sender.send(conversations.said("hello", number))
    await plain.expect(conversations.heard("hello", aarav, number))
    await signed.expect(campus.heard("hello", aarav))
    # Confirmations follow the dialect too.
    await signed.send(campus.said("answer", aarav.id))
    await signed.expect(campus.SENT)
    await plain.expect(conversations.heard("answer", bela, number))


async def test_what_waited_comes_when_a_jwt_turns_out_to_speak_campus(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    sender = await connect(server, PATH, aarav.token)
    for text in ("one", "two", "three"):
        await sender.send(campus.said(text, bela.id))
        await sender.expect(campus.SENT)
    late = await connect(server, PATH, server.jwt(bela))
    await late.expect_nothing()
    await late.send(SENTENCE)
    frames = [await late.receive() for _ in range(4)]
    assert NOBODY in frames
    texts = [frame["message"] for frame in frames if frame["type"] == "chat_message"]
    assert texts == ["one", "two", "three"], frames
    await sender.send(campus.said("four", bela.id))
    await late.expect(campus.heard("four", aarav))
    await late.expect_nothing()
    await all_acknowledged(server, bela)
    await late.close()
    again = await connect(server, PATH, bela.token)
    await sender.send(campus.said("five", bela.id))
    await again.expect(campus.heard("five", aarav))
    await again.expect_nothing()


async def test_what_came_between_the_connect_and_the_correction_comes_once(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    sender = await connect(server, PATH, aarav.token)
    await sender.send(campus.said("before", bela.id))
    await sender.expect(campus.SENT)
    late = await connect(server, PATH, server.jwt(bela))
    await sender.send(campus.said("between", bela.id))
    await sender.expect(campus.SENT)
    heard = (await late.expect(conversations.heard("between", aarav)))["message"]
    await late.send(SENTENCE)
    await sender.send(campus.said("after", bela.id))
    # The answer to the sentence and what others send take their places in either order.
    texts: list[str] = []
    answered = False
    while "after" not in texts or not answered:
        frame = await late.receive()
        if frame == NOBODY:
            answered = True
        else:
            assert frame["type"] == "chat_message", frame
            texts.append(frame["message"])
    assert texts in (["before", "after"], ["before", "between", "after"]), (texts, heard)
    await late.expect_nothing()


async def test_an_opaque_token_that_turns_out_to_speak_conversations(server: Server, connect: Connect) -> None:
    """Before its first frame nobody can know: it gets the backlog of campus, and history holds it too."""
    aarav, bela = server.person(), server.person()
    sender = await connect(server, PATH, aarav.token)
    await sender.send(campus.said("waits", bela.id))
    await sender.expect(campus.SENT)
    late = await connect(server, PATH, bela.token)
    await late.expect(campus.heard("waits", aarav))
    await late.send(GET_CONVERSATIONS)
    answer = await late.receive()
    assert [len(answer["conversations"]), answer["type"]] == [1, "chat.conversations"], answer
    number = answer["conversations"][0]["id"]
    await late.send(conversations.get_messages(number))
    assert [message["content"] for message in (await late.receive())["messages"]] == ["waits"]
    await late.send(conversations.said("here I am", number))
    await late.expect(conversations.heard("here I am", bela, number))
    await sender.expect(campus.heard("here I am", bela))


# Rules

def by_host(server: Server, host: str, path: str, token: str) -> RawWebSocket:
    return RawWebSocket(server, f"{path}?token={token}", changes={"Host": host})


@pytest.mark.parametrize("rules, host, kind, dialect", [
    ("/ws/chat/=conversations", "localhost", "opaque", "conversations"),
    ("/ws/chat/=campus", "localhost", "jwt", "campus"),
    ("/ws/chat=campus", "localhost", "jwt", "campus"),
    ("chat.example.org=conversations", "chat.example.org", "opaque", "conversations"),
    ("chat.example.org=conversations", "CHAT.Example.org:8000", "opaque", "conversations"),
    ("chat.example.org=conversations", "other.example.org", "opaque", "campus"),
    ("chat.example.org=conversations", "a.chat.example.org", "opaque", "campus"),
    ("chat.example.org=campus", "chat.example.org", "jwt", "campus"),
    ("api.example.org/ws/chat/=conversations", "api.example.org", "opaque", "conversations"),
    ("api.example.org/ws/chat/=conversations", "chat.example.org", "opaque", "campus"),
    ("chat.example.org=conversations,/ws/chat/=campus", "chat.example.org", "jwt", "conversations"),
    ("chat.example.org=conversations,/ws/chat/=campus", "api.example.org", "jwt", "campus"),
    ("/ws/chat/=campus,chat.example.org=conversations", "chat.example.org", "jwt", "campus"),
    ("/ws/notifications/=rooms,/ws/chat/=campus", "chat.example.org", "jwt", "campus"),
])
def test_rules(start: Start, rules: str, host: str, kind: str, dialect: str) -> None:
    server = start("--dialect-rules", rules, "--allowed-hosts", "*")
    person = server.person()
    token = person.token if kind == "opaque" else server.jwt(person)
    forced = (dialect == "campus") != (kind == "opaque")
    with by_host(server, host, PATH, token) as socket:
        if forced:
            other = GET_CONVERSATIONS if dialect == "campus" else SENTENCE
            socket.send_json(other)
            words = "receiver_id is required" if dialect == "campus" else "Invalid message format"
            assert socket.expect_json() == {"type": "error", "error": words}
        frame, answer = PROBES[dialect]
        socket.send_json(frame)
        assert socket.expect_json() == answer


async def test_a_name_in_the_url_wins_over_a_rule(start: Start, connect: Connect) -> None:
    server = start("--dialect-rules", "/ws/chat/=campus")
    person = server.person()
    await expect_forced(await connect(server, conversations.CHAT, person.token), "conversations")
    await expect_forced(await connect(server, PATH, person.token), "campus")


async def test_rules_from_the_file(start: Start, connect: Connect, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("settings") / "settings.json"
    file.write_text(json.dumps({"dialect_rules": ["/ws/chat/=conversations"]}))
    server = start("--config", file)
    await expect_forced(await connect(server, PATH, server.person().token), "conversations")


async def test_a_rule_for_notifications(start: Start, connect: Connect) -> None:
    server = start("--dialect-rules", "/ws/notifications/=campus")
    await (await connect(server, NOTIFICATIONS)).expect_close(4003)
    await (await connect(server, NOTIFICATIONS, server.person().token)).expect_nothing()


@pytest.mark.parametrize("rules", [
    "/ws/chat/=nonsense", "chat.example.org=", "=campus", "campus", "/ws/chat/=campus,chat.example.org=Campus",
])
def test_a_bad_rule_is_refused_at_the_start(tmp_path: Path, rules: str) -> None:
    for words in (["serve", "--listen", "127.0.0.1:0"], ["check-config"]):
        done = command(*words, "--dialect-rules", rules, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert "--dialect-rules" in done.stderr
    assert list(tmp_path.iterdir()) == []
