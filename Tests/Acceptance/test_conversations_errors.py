"""Bad input to the `conversations` dialect: an error frame, nothing stored, and the connection goes on."""

import json
from dataclasses import dataclass

import pytest
from client import Client
from conftest import Connect, Start
from conversations import (
    NOT_FOUND, conversation_of, error, found, get_messages, heard, online, read_by, said, search, settled, typing,
    typing_of,
)
from frames import SOME_TEXT, matches
from switchboard import Person, Server

NOT_JSON = error("Invalid JSON format")
BAD_FORMAT = error("Invalid message format")
NO_CONVERSATION = error("conversation_id is required")
NO_CONTENT = error("content is required")
NO_RECEIVER = error("receiver_id is required")
NO_KEYWORD = error("keyword is required")
NO_TYPING = error("is_typing is required")
NO_PERSON = error("User not found.")
ONESELF = error("You cannot start a conversation with yourself.")
TOO_LONG = error("Message is too long")
BAD_ATTACHMENT = error("attachment must be an http or https URL")
BAD_CLIENT_ID = error("client_id must be a string of 1 to 64 bytes")
BAD_LIMIT = error("limit must be 1 or more")
BAD_BEFORE = error("before_id must be a message id")
ANY_ERROR = error(SOME_TEXT)

MESSAGE = '{"type":"chat.message","conversation_id":CONVERSATION,"content":"x"'
# CONVERSATION stands for a conversation of AARAV (who asks) and BELA, FOREIGN for one of others.
CASES: list[tuple[str | bytes, dict]] = [
    ("hello", NOT_JSON),
    ("", NOT_JSON),
    (" ", NOT_JSON),
    (MESSAGE, NOT_JSON),
    (MESSAGE + "} x", NOT_JSON),
    (MESSAGE + ",}", NOT_JSON),
    (MESSAGE + ',"more":nul}', NOT_JSON),
    (MESSAGE + "}" + MESSAGE + "}", NOT_JSON),
    ('{"type":"chat.message","conversation_id":CONVERSATION,"content":"a\nb"}', NOT_JSON),
    ('{"type":"chat.message","conversation_id":CONVERSATION,"content":"a\0b"}', NOT_JSON),
    ("{'type':'chat.get_conversations'}", NOT_JSON),
    (b'{"type":"chat.get_conversations"}', NOT_JSON),
    (b"\xff\xfe", NOT_JSON),
    ("[]", BAD_FORMAT),
    ('[{"type":"chat.get_conversations"}]', BAD_FORMAT),
    ('"chat.get_conversations"', BAD_FORMAT),
    ("5", BAD_FORMAT),
    ("null", BAD_FORMAT),
    ("true", BAD_FORMAT),
    ("{}", BAD_FORMAT),
    ('{"conversation_id":CONVERSATION,"content":"x"}', BAD_FORMAT),
    ('{"type":"chat.dance"}', BAD_FORMAT),
    ('{"type":"chat."}', BAD_FORMAT),
    ('{"type":""}', BAD_FORMAT),
    ('{"type":"chat.message ","conversation_id":CONVERSATION,"content":"x"}', BAD_FORMAT),
    ('{"type":"CHAT.MESSAGE","conversation_id":CONVERSATION,"content":"x"}', BAD_FORMAT),
    ('{"type":"chat_message","message":"x","recipient_id":BELA}', BAD_FORMAT),
    ('{"receiver_id":BELA,"message":"x"}', BAD_FORMAT),
    ('{"type":5}', BAD_FORMAT),
    ('{"type":null}', BAD_FORMAT),
    ('{"type":["chat.message"],"conversation_id":CONVERSATION,"content":"x"}', BAD_FORMAT),
    ('{"type":"chat.conversations"}', BAD_FORMAT),
    ('{"type":"chat.message","conversation_id":CONVERSATION}', NO_CONTENT),
    ('{"type":"chat.message","conversation_id":CONVERSATION,"content":""}', NO_CONTENT),
    ('{"type":"chat.message","conversation_id":CONVERSATION,"content":null}', NO_CONTENT),
    ('{"type":"chat.message","conversation_id":CONVERSATION,"content":5}', NO_CONTENT),
    ('{"type":"chat.message","conversation_id":CONVERSATION,"content":["x"]}', NO_CONTENT),
    ('{"type":"chat.message","conversation_id":CONVERSATION,"content":{"text":"x"}}', NO_CONTENT),
    ('{"type":"chat.message","conversation_id":CONVERSATION,"attachment":null}', NO_CONTENT),
    ('{"type":"chat.message","content":"x"}', NO_CONVERSATION),
    ('{"type":"chat.read"}', NO_CONVERSATION),
    ('{"type":"chat.get_messages"}', NO_CONVERSATION),
    ('{"type":"chat.start_conversation"}', NO_RECEIVER),
    ('{"type":"chat.typing","is_typing":true}', NO_RECEIVER),
    ('{"type":"chat.typing","receiver_id":BELA}', NO_TYPING),
    *((f'{{"type":"chat.typing","receiver_id":BELA,"is_typing":{value}}}', NO_TYPING)
      for value in ("null", "1", "0", '"true"', "[]", "{}")),
    ('{"type":"chat.search_user"}', NO_KEYWORD),
    *((f'{{"type":"chat.search_user","keyword":{value}}}', NO_KEYWORD) for value in ("null", "5", "true", "[]", "{}")),
    *((f'{{"type":"{kind}","conversation_id":{value},"content":"x"}}', NO_CONVERSATION)
      for kind in ("chat.message", "chat.read", "chat.get_messages")
      for value in ("null", "true", '""', '"x"', '"CONVERSATIONx"', "[CONVERSATION]", "CONVERSATION.5", "{}",
                    '"CONVERSATION.5"')),
    *((f'{{"type":"{kind}","receiver_id":{value},"is_typing":true}}', NO_RECEIVER)
      for kind in ("chat.typing", "chat.start_conversation")
      for value in ("null", "false", '""', '"bela"', '"BELAx"', "[BELA]", "BELA.5", "{}", '"BELA.5"')),
    *((f'{{"type":"{kind}","conversation_id":{value},"content":"x"}}', NOT_FOUND)
      for kind in ("chat.message", "chat.read", "chat.get_messages")
      for value in ("999999999", '"999999999"', "FOREIGN", '"FOREIGN"')),
    *((f'{{"type":"chat.start_conversation","receiver_id":{value}}}', NO_PERSON)
      for value in ("999999999", '"999999999"')),
    ('{"type":"chat.start_conversation","receiver_id":AARAV}', ONESELF),
    ('{"type":"chat.start_conversation","receiver_id":"AARAV"}', ONESELF),
    # Numbers that no id is; which of the two errors they get is the server's choice.
    *((f'{{"type":"{kind}","{field}":{value},"content":"x","is_typing":true}}', ANY_ERROR)
      for kind, field in (("chat.message", "conversation_id"), ("chat.get_messages", "conversation_id"),
                          ("chat.read", "conversation_id"), ("chat.start_conversation", "receiver_id"))
      for value in ("0", "-1", "9223372036854775807", "9223372036854775808", "18446744073709551616",
                    '"18446744073709551617"', "-9223372036854775809", "1e400", "1e1", '"-1"', '"+1"', '" 1"',
                    '"1\\u0000"', '"0x1"', '"१"', '"' + "9" * 5000 + '"')),
    *((MESSAGE + f',"attachment":{value}}}', BAD_ATTACHMENT)
      for value in ("5", "true", "[]", "{}", '"x"', '"file:///etc/passwd"', '"javascript:alert(1)"', '"ftp://a.b/c"',
                    '"https://a.b/' + "c" * 2037 + '"')),
    *((MESSAGE + f',"client_id":{value}}}', BAD_CLIENT_ID)
      for value in ("5", "true", "[]", "{}", '""', '"' + "c" * 65 + '"', '"' + "é" * 33 + '"')),
    *((f'{{"type":"chat.get_messages","conversation_id":CONVERSATION,"limit":{value}}}', BAD_LIMIT)
      for value in ("0", "-1", "1.5", '"x"', "true", "[]", "{}")),
    *((f'{{"type":"chat.get_messages","conversation_id":CONVERSATION,"before_id":{value}}}', BAD_BEFORE)
      for value in ("1.5", '"x"', "true", "[]", "{}", '""')),
    (MESSAGE[:-2] + "\\ud800" + '"}', ANY_ERROR),
    (MESSAGE[:-2] + "\\udc00\\ud800" + '"}', ANY_ERROR),
    ('{"type":"chat.search_user","keyword":"\\ud800"}', ANY_ERROR),
    ('{"type":"chat.\\ud800"}', ANY_ERROR),
    (MESSAGE + ',"client_id":"\\udfff"}', ANY_ERROR),
    ("[" * 100_000, ANY_ERROR),
    ("[" * 5_000 + "]" * 5_000, ANY_ERROR),
    ('{"a":' * 50_000, ANY_ERROR),
    (MESSAGE + ',"a":' + "[" * 5_000 + "]" * 5_000 + "}", ANY_ERROR),
    ('{"type":"chat.search_user","keyword":"' + "k" * 900_000, NOT_JSON),
    ("x" * 1_000_000, NOT_JSON),
    (json.dumps(said("x" * 1_000_000, 1)), ANY_ERROR),
    ("{" + '"a":1,' * 100_000 + '"type":"chat.dance"}', BAD_FORMAT),
]


@dataclass(frozen=True)
class Scene:
    aarav: Person
    bela: Person
    conversation: int
    foreign: int

    def fill(self, text: str) -> str:
        values = {"CONVERSATION": self.conversation, "FOREIGN": self.foreign, "AARAV": self.aarav.id,
                  "BELA": self.bela.id}
        for name, value in values.items():
            text = text.replace(name, str(value))
        return text


_scenes: dict[Server, Scene] = {}


@pytest.fixture
async def scene(server: Server, connect: Connect) -> Scene:
    """Four people for all cases: so many more would take their time to make."""
    if server not in _scenes:
        aarav, bela, chen, diya = [server.person() for _ in range(4)]
        own = await conversation_of(await online(connect, server, aarav), bela)
        foreign = await conversation_of(await online(connect, server, chen), diya)
        _scenes[server] = Scene(aarav, bela, own, foreign)
    return _scenes[server]


async def both(connect: Connect, server: Server, scene: Scene) -> tuple[Client, Client]:
    return await online(connect, server, scene.aarav), await online(connect, server, scene.bela)


async def newest(client: Client, conversation: int) -> list[dict]:
    await client.send(get_messages(conversation, limit=1))
    return (await client.receive())["messages"]


@pytest.mark.parametrize("bad, answer", CASES, ids=[repr(case[0])[:90] for case in CASES])
async def test_a_bad_frame(
    server: Server, connect: Connect, scene: Scene, bad: str | bytes, answer: dict
) -> None:
    here, there = await both(connect, server, scene)
    before = await newest(here, scene.conversation)
    await here.send_text(scene.fill(bad) if isinstance(bad, str) else bad)
    await here.expect(answer)
    assert await newest(here, scene.conversation) == before
    await here.send(said("still here", scene.conversation))
    for client in (here, there):
        await client.expect(heard("still here", scene.aarav, scene.conversation))
        await client.expect_nothing()


async def test_many_bad_frames_in_one_burst(server: Server, connect: Connect, scene: Scene) -> None:
    here, there = await both(connect, server, scene)
    small = [(bad, answer) for bad, answer in CASES if len(bad) < 1000] * 3
    for bad, _ in small:
        await here.send_text(scene.fill(bad) if isinstance(bad, str) else bad)
    for bad, answer in small:
        frame = await here.receive()
        assert matches(frame, answer), f"expected {answer!r}, received {frame!r} for {bad!r}"
    await settled(here)
    await there.expect_nothing()


async def test_typing_to_nobody(server: Server, connect: Connect, scene: Scene) -> None:
    here, _ = await both(connect, server, scene)
    for unknown in (999_999_999, "999999999", 0, -1, 2**63 - 1):
        await here.send(typing(unknown))
        await here.send(search(""))
        await here.expect(NO_PERSON)
        await here.expect(found())
    for no_id in (2**63, 2**64, -(2**63) - 1, "18446744073709551617", " 1", "-1", "9" * 5000):
        await here.send(typing(no_id))
        await here.expect(ANY_ERROR)


@pytest.mark.parametrize("text", ["a" * 16384, "é" * 8192, "👋" * 4096], ids=["ascii", "two bytes", "four bytes"])
@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "as it is"])
async def test_the_longest_text_has_16384_bytes(
    server: Server, connect: Connect, scene: Scene, text: str, escaped: bool
) -> None:
    here, there = await both(connect, server, scene)
    await here.send_text(json.dumps(said(text + "x", scene.conversation), ensure_ascii=escaped))
    await here.expect(TOO_LONG)
    await here.send_text(json.dumps(said(text, scene.conversation), ensure_ascii=escaped))
    for client in (here, there):
        await client.expect(heard(text, scene.aarav, scene.conversation))


async def test_the_longest_text_can_be_set(start: Start, connect: Connect) -> None:
    server = start("--max-text", 10)
    aarav, bela = server.person(), server.person()
    here = await online(connect, server, aarav)
    number = await conversation_of(here, bela)
    await here.send(said("12345678901", number))
    await here.expect(TOO_LONG)
    await here.send(said("1234567890", number))
    await here.expect(heard("1234567890", aarav, number))


async def test_the_longest_attachment_has_2048_characters(server: Server, connect: Connect, scene: Scene) -> None:
    here, _ = await both(connect, server, scene)
    url = "https://a.b/" + "c" * 2036
    assert len(url) == 2048
    await here.send(said("x", scene.conversation, attachment=url))
    await here.expect(heard("x", scene.aarav, scene.conversation, url))
    await here.send(said("x", scene.conversation, attachment=url + "c"))
    await here.expect(BAD_ATTACHMENT)


async def test_the_longest_client_id_has_64_bytes(server: Server, connect: Connect, scene: Scene) -> None:
    here, _ = await both(connect, server, scene)
    for client_id in ("c" * 64, "é" * 32, "x"):
        await here.send(said("named", scene.conversation, client_id=client_id))
        await here.expect(heard("named", scene.aarav, scene.conversation))


async def test_nul_in_a_text_is_kept_or_refused_but_never_cuts_it(
    server: Server, connect: Connect, scene: Scene
) -> None:
    here, there = await both(connect, server, scene)
    await here.send(said("before\0after", scene.conversation))
    answer = await here.receive()
    if not matches(answer, ANY_ERROR):
        assert matches(answer, heard("before\0after", scene.aarav, scene.conversation)), answer
        assert await there.receive() == answer
        assert await newest(there, scene.conversation) == [answer["message"]]
    await here.send(said("next", scene.conversation))
    await there.expect(heard("next", scene.aarav, scene.conversation))


@pytest.mark.parametrize("keyword", ["\0", "a\0b", "k" * 100_000, "\U0010ffff", "' OR 1=1 --", "\u0301"])
async def test_strange_keywords_find_nobody(server: Server, connect: Connect, scene: Scene, keyword: str) -> None:
    here, _ = await both(connect, server, scene)
    await here.send(search(keyword))
    answer = await here.receive()
    assert answer == {"type": "chat.search_results", "results": []} or matches(answer, ANY_ERROR), answer
    await settled(here)


async def test_unknown_members_are_ignored(server: Server, connect: Connect, scene: Scene) -> None:
    here, there = await both(connect, server, scene)
    await here.send({
        "type": "chat.message", "conversation_id": scene.conversation, "content": "mine", "sender_id": scene.bela.id,
        "sender": {"id": scene.bela.id}, "id": 1, "is_system": True, "timestamp": "2001-01-01T00:00:00.000Z",
    })
    await there.expect(heard("mine", scene.aarav, scene.conversation))
    await here.expect(heard("mine", scene.aarav, scene.conversation))
    await here.send({"type": "chat.read", "conversation_id": scene.conversation, "reader_id": scene.bela.id})
    await here.send({
        "type": "chat.typing", "receiver_id": scene.bela.id, "is_typing": True, "sender_id": scene.bela.id,
    })
    await there.expect(typing_of(scene.aarav, True))
    await there.send({"type": "chat.read", "conversation_id": scene.conversation, "reader_id": scene.aarav.id})
    await here.expect(read_by(scene.bela, scene.conversation))


async def test_a_frame_that_is_too_long_ends_its_own_connection_alone(
    server: Server, connect: Connect, scene: Scene
) -> None:
    here, there = await both(connect, server, scene)
    await here.send(said("x" * 3_000_000, scene.conversation))
    await here.expect_close(1009)
    await settled(there)
    await there.expect_nothing()
