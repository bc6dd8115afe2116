"""Events of the `socketio` dialect that carry what they should not: each gets its error, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from api import CONVERSATIONS, answered, direct, get
from conftest import Dial, Start
from frames import SOME_TEXT, Pattern, matches
from socketio_client import SocketIO, undisturbed
from socketio_raw import LINKS, Link, emitted, linked
from socketio_values import NO_CONVERSATION, NO_TARGET, NO_USER, NOT_FOUND, NOT_SENT, message, said
from switchboard import Person, Server
from websockets.exceptions import ConnectionClosed

NO_CONTENT = "content is required"
TOO_LONG = "Message is too long"
BAD_ATTACHMENT = "attachment must be an http or https URL"
BAD_CLIENT_ID = "client_id must be a string of 1 to 64 bytes"
# Values where an id should be; CONVERSATION, FOREIGN, AARAV, BELA and CHEN stand for ids.
NO_IDS = ["null", "true", '""', '"x"', '"CONVERSATIONx"', "[CONVERSATION]", "CONVERSATION.5", "{}", '"CONVERSATION.5"']
# Which of the errors these get is the server's choice.
ODD_IDS = [
    "0", "-1", "9223372036854775807", "9223372036854775808", "18446744073709551615", '"18446744073709551617"',
    "1e1", "1e300", "-0.0", '"-1"', '"+1"', '" 1"', '"1\\u0000"', '"0x1"', '"१"', '"' + "9" * 5000 + '"',
]
# And whether these are numbers at all.
BEYOND_64_BITS = ["18446744073709551616", "-9223372036854775809", "1e400", "9" * 5000]
TYPING = ("typing_start", "typing_stop")
NO_OBJECTS = ["", "null", "5", "true", '"x"', "[]", '[{"conversationId":CONVERSATION}]', "CONVERSATION"]

# An event, its argument as JSON, the words of the event `error`, and what the acknowledgement says.
CASES: list[tuple[str, str, Any, Any]] = [
    *(("join_conversation", value, NO_CONVERSATION, NO_CONVERSATION)
      for value in (*NO_IDS, "", '{"conversationId":CONVERSATION}')),
    *(("leave_conversation", value, NO_CONVERSATION, NO_CONVERSATION) for value in (*NO_IDS, "")),
    *(("join_conversation", value, NOT_FOUND, NOT_FOUND)
      for value in ("999999999", '"999999999"', "FOREIGN", '"FOREIGN"')),
    *(("join_conversation", value, SOME_TEXT, SOME_TEXT) for value in ODD_IDS),
    *(("mark_read", value, NO_CONVERSATION, NO_CONVERSATION) for value in (*NO_OBJECTS, "{}")),
    *(("mark_read", f'{{"conversationId":{value}}}', NO_CONVERSATION, NO_CONVERSATION) for value in NO_IDS),
    *(("mark_read", f'{{"conversationId":{value}}}', NOT_FOUND, NOT_FOUND) for value in ("999999999", '"FOREIGN"')),
    *(("mark_read", f'{{"conversationId":{value}}}', SOME_TEXT, SOME_TEXT) for value in ODD_IDS),
    *((event, value, NO_TARGET, NO_TARGET) for event in TYPING for value in (*NO_OBJECTS, "{}")),
    *((event, f'{{"{field}":{value}}}', NO_TARGET, NO_TARGET)
      for event in TYPING for field in ("conversationId", "toUserId") for value in NO_IDS),
    *((event, f'{{"{field}":{value}}}', SOME_TEXT, SOME_TEXT)
      for event in TYPING for field in ("conversationId", "toUserId") for value in ODD_IDS),
    *((event, '{"conversationId":FOREIGN,"toUserId":CHEN}', NOT_FOUND, NOT_FOUND) for event in TYPING),
    *((event, '{"conversationId":CONVERSATION,"toUserId":CHEN}', NO_USER, NO_USER) for event in TYPING),
    *((event, '{"toUserId":999999999}', NO_USER, NO_USER) for event in TYPING),
    *(("send_message", value, NOT_SENT, SOME_TEXT) for value in (*NO_OBJECTS, "{}")),
    ("send_message", '{"content":"x"}', NOT_SENT, NO_TARGET),
    *(("send_message", f'{{"{field}":{value},"content":"x"}}', NOT_SENT, NO_TARGET)
      for field in ("conversationId", "toUserId") for value in NO_IDS),
    *(("send_message", f'{{"{field}":{value},"content":"x"}}', NOT_SENT, SOME_TEXT)
      for field in ("conversationId", "toUserId") for value in ODD_IDS),
    *(("send_message", f'{{"conversationId":{value},"content":"x"}}', NOT_SENT, NOT_FOUND)
      for value in ("999999999", '"999999999"', "FOREIGN", '"FOREIGN"')),
    *(("send_message", f'{{"conversationId":CONVERSATION,"toUserId":{value},"content":"x"}}', NOT_SENT, NO_USER)
      for value in ("999999999", '"999999999"', "CHEN", '"CHEN"')),
    ("send_message", '{"toUserId":999999999,"content":"x"}', NOT_SENT, NO_USER),
    ("send_message", '{"toUserId":AARAV,"content":"x"}', NOT_SENT, "You cannot send a message to yourself"),
    *(("send_message", f'{{"conversationId":CONVERSATION{content}}}', NOT_SENT, NO_CONTENT)
      for content in ("", *(f',"content":{value}' for value in ('""', "null", "5", "true", '["x"]', '{"text":"x"}')))),
    *(("send_message", f'{{"conversationId":CONVERSATION,"content":"x","attachment":{value}}}', NOT_SENT, words)
      for words in (BAD_ATTACHMENT,)
      for value in ("5", "true", "[]", "{}", '"x"', '"file:///etc/passwd"', '"javascript:alert(1)"', '"ftp://a.b/c"',
                    '"https://a.b/' + "c" * 2037 + '"')),
    *(("send_message", f'{{"conversationId":CONVERSATION,"content":"x","client_id":{value}}}', NOT_SENT, BAD_CLIENT_ID)
      for value in ("5", "true", "[]", "{}", '""', '"' + "c" * 65 + '"', '"' + "é" * 33 + '"')),
    ("send_message", '{"conversationId":CONVERSATION,"content":"' + "x" * 16_385 + '"}', NOT_SENT, TOO_LONG),
    ("send_message", '{"conversationId":CONVERSATION,"content":"' + "x" * 900_000 + '"}', NOT_SENT, TOO_LONG),
    ("send_message", '{"conversationId":CONVERSATION,"content":"' + "\\u00e9" * 8_193 + '"}', NOT_SENT, TOO_LONG),
    ("send_message", "{" + '"a":1,' * 100_000 + '"content":"x"}', NOT_SENT, NO_TARGET),
    ("nothing", "[" * 50 + "]" * 50, "Unknown event", "Unknown event"),
]


@dataclass(frozen=True)
class Scene:
    aarav: Person
    bela: Person
    chen: Person
    conversation: int
    foreign: int

    def fill(self, text: str) -> str:
        values = {"CONVERSATION": self.conversation, "FOREIGN": self.foreign, "AARAV": self.aarav.id,
                  "BELA": self.bela.id, "CHEN": self.chen.id}
        for name, value in values.items():
            text = text.replace(name, str(value))
        return text


_scenes: dict[Server, Scene] = {}


@pytest.fixture
def scene(server: Server) -> Scene:
    """People for all cases: so many more would take their time to make."""
    if server not in _scenes:
        aarav, bela, chen, diya = [server.person() for _ in range(4)]
        _scenes[server] = Scene(aarav, bela, chen, direct(server, aarav, bela), direct(server, chen, diya))
    return _scenes[server]


@pytest.fixture(autouse=True)
async def others(server: Server) -> AsyncIterator[None]:
    async with undisturbed(server):
        yield


def newest(server: Server, scene: Scene) -> list[dict]:
    path = f"{CONVERSATIONS}{scene.conversation}/messages/"
    return answered(get(server, scene.aarav, path, limit=1))["messages"]


async def expect_error(link: Link, words: Any, why: Any) -> None:
    """The event, and then the acknowledgement numbered 7."""
    event, answer = str(await link.receive()), str(await link.receive())
    assert event.startswith("42[") and answer.startswith("437["), (event, answer)
    assert matches(json.loads(event[2:]), ["error", {"message": words}]), event
    assert matches(json.loads(answer[3:]), [{"ok": False, "error": why}]), answer


@pytest.mark.parametrize("transport", LINKS)
@pytest.mark.parametrize("event, value, words, why", CASES, ids=[f"{case[0]} {case[1]}"[:90] for case in CASES])
async def test_a_bad_event(
    server: Server, dial: Dial, scene: Scene, transport: str, event: str, value: str, words: Any, why: Any
) -> None:
    before = newest(server, scene)
    there = await dial(server, scene.bela)
    async with linked(server, transport, scene.aarav.token) as here:
        argument = f",{scene.fill(value)}" if value else ""
        await here.send(f'427["{event}"{argument}]')
        await expect_error(here, words, why)
        assert newest(server, scene) == before
        await here.send(emitted("send_message", said("still here", scene.conversation)))
        assert (await there.receive())[1]["content"] == "still here"
        await there.expect_nothing()


@pytest.mark.parametrize("transport", LINKS)
async def test_many_bad_events_in_one_burst(server: Server, dial: Dial, scene: Scene, transport: str) -> None:
    """Each gets its own errors, in the order that they came in."""
    there = await dial(server, scene.bela)
    small = [case for case in CASES if len(case[1]) < 1000]
    async with linked(server, transport, scene.aarav.token) as here:
        packets = [f'427["{event}"' + (f",{scene.fill(value)}" if value else "") + "]" for event, value, _, _ in small]
        if transport == "polling":
            await here.send(*packets)
        else:
            for packet in packets:
                await here.send(packet)
        for _, _, words, why in small:
            await expect_error(here, words, why)
    await there.expect_nothing()


@pytest.mark.parametrize("value", [
    *ODD_IDS, "999999999", '"999999999"', "FOREIGN",
], ids=lambda value: value[:30])
async def test_leaving_what_one_is_not_in(server: Server, scene: Scene, value: str) -> None:
    """Whether an odd number is an id is the server's choice."""
    async with linked(server, "websocket", scene.aarav.token) as here:
        await here.send(f'427["leave_conversation",{scene.fill(value)}]')
        answer = str(await here.receive())
        if answer.startswith("42["):
            assert value in ODD_IDS
            answer = str(await here.receive())
            assert answer.startswith('437[{"ok":false,')
        else:
            assert answer == '437[{"ok":true}]'


SURROGATES = ["\\ud800", "\\udc00\\ud800", "a\\udfffb", "\\ud800\\u0041"]


@pytest.mark.parametrize("packet", [
    *(f'427["send_message",{{"conversationId":CONVERSATION,"content":"{text}"}}]' for text in SURROGATES),
    *(f'427["{event}",{{"conversationId":{value},"toUserId":{value},"content":"x"}}]'
      for event in ("send_message", "mark_read", "typing_start") for value in BEYOND_64_BITS),
    *(f'427["{event}",{value}]' for event in ("join_conversation", "nothing") for value in BEYOND_64_BITS),
    '427["send_message",{"conversationId":CONVERSATION,"content":"x","client_id":"\\ud800"}]',
    '427["send_message",{"conversationId":CONVERSATION,"content":"x","attachment":"https://a.b/\\ud800"}]',
    '427["join_conversation","\\ud800"]', '427["\\ud800"]', '427["\\ud800",1]',
    '427["send_message",{"conversationId":CONVERSATION,"content":"x","a":' + "[" * 5_000 + "]" * 5_000 + "}]",
    '427["join_conversation",' + "[" * 5_000 + "]" * 5_000 + "]",
    '427["nothing",' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "]",
    '427["nothing"' + ",[]" * 200_000 + "]", '427["nothing","' + "k" * 900_000 + '"]',
    '427["' + "n" * 900_000 + '"]', '427["nothing",1' + "0" * 500_000 + "]", '427["nothing",1e-999999]',
], ids=lambda packet: packet[:70])
@pytest.mark.parametrize("transport", LINKS)
async def test_what_may_end_the_connection_does_that_or_gets_an_error(
    server: Server, dial: Dial, scene: Scene, transport: str, packet: str
) -> None:
    before = newest(server, scene)
    there = await dial(server, scene.bela)
    async with linked(server, transport, scene.aarav.token) as here:
        await here.send(scene.fill(packet))
        try:
            await expect_error(here, SOME_TEXT, SOME_TEXT)
        except (ConnectionClosed, AssertionError) as end:
            assert isinstance(end, ConnectionClosed) or "Session ID unknown" in str(end), end
    assert newest(server, scene) == before
    await there.expect_nothing()


@pytest.mark.parametrize("value", [b"", b"\0" * 100_000, {"content": b"x"}, {"content": b"\xff", "toUserId": b"1"}],
                         ids=lambda value: repr(value)[:30])
async def test_bytes_where_text_should_be(server: Server, dial: Dial, scene: Scene, value: Any) -> None:
    here, there = await dial(server, scene.aarav), await dial(server, scene.bela)
    if isinstance(value, dict):
        value = {"conversationId": scene.conversation} | value
    await here.expect_refusal(NOT_SENT, SOME_TEXT, "send_message", value)
    for event, words in (
        ("join_conversation", NO_CONVERSATION), ("leave_conversation", NO_CONVERSATION),
        ("mark_read", NO_CONVERSATION), ("typing_start", NO_TARGET), ("typing_stop", NO_TARGET),
        ("nothing", "Unknown event"),
    ):
        for argument in (b"1", {"conversationId": b"1"}):
            await here.expect_refusal(words, words, event, argument)
    await here.expect_refusal(
        NOT_SENT, BAD_ATTACHMENT, "send_message", said("x", scene.conversation, attachment=b"https://a.b/"))
    await here.expect_refusal(
        NOT_SENT, BAD_CLIENT_ID, "send_message", said("x", scene.conversation, client_id=b"x"))
    await here.expect_nothing()
    await there.expect_nothing()


@pytest.mark.parametrize("text", ["a" * 16_384, "é" * 8_192, "👋" * 4_096], ids=["ascii", "two bytes", "four bytes"])
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_the_longest_text_has_16384_bytes(
    server: Server, dial: Dial, scene: Scene, transport: str, text: str
) -> None:
    here, there = await dial(server, scene.aarav, transport), await dial(server, scene.bela, transport)
    await there.join(scene.conversation)
    await here.expect_refusal(NOT_SENT, TOO_LONG, "send_message", said(text + "x", scene.conversation))
    await here.emit("send_message", said(text, scene.conversation))
    await there.expect("new_message", message(text, scene.aarav, scene.bela, scene.conversation))


async def test_the_longest_attachment_has_2048_characters(server: Server, dial: Dial, scene: Scene) -> None:
    here = await dial(server, scene.aarav)
    url = "https://a.b/" + "c" * 2036
    assert len(url) == 2048
    assert (await here.ask("send_message", said("x", scene.conversation, attachment=url)))["ok"]
    await here.expect_refusal(
        NOT_SENT, BAD_ATTACHMENT, "send_message", said("x", scene.conversation, attachment=url + "c"))


async def test_the_longest_client_id_has_64_bytes(server: Server, dial: Dial, scene: Scene) -> None:
    here = await dial(server, scene.aarav)
    for client_id in ("c" * 64, "é" * 32, "x"):
        assert (await here.ask("send_message", said("x", scene.conversation, client_id=client_id)))["ok"]


async def test_nul_in_a_text_is_kept_or_refused_but_never_cuts_it(
    server: Server, dial: Dial, scene: Scene
) -> None:
    here, there = await dial(server, scene.aarav), await dial(server, scene.bela)
    await there.join(scene.conversation)
    answer = await here.ask("send_message", said("before\0after", scene.conversation))
    if answer["ok"]:
        await there.expect(
            "new_message", message("before\0after", scene.aarav, scene.bela, scene.conversation, answer["id"]))
        assert newest(server, scene)[0]["text"] == "before\0after"
    else:
        await here.expect("error", {"message": NOT_SENT})


async def test_unknown_members_are_ignored(server: Server, dial: Dial, scene: Scene) -> None:
    here, there = await dial(server, scene.aarav), await dial(server, scene.bela)
    await there.join(scene.conversation)
    await here.emit("send_message", said(
        "mine", scene.conversation, sender_id=scene.bela.id, id=1, is_read=True, userId=scene.bela.id,
        created_at="2001-01-01T00:00:00.000Z", type="new_notification"))
    await there.expect("new_message", message("mine", scene.aarav, scene.bela, scene.conversation))
    await there.receive()
    await here.emit("typing_start", {"conversationId": scene.conversation, "userId": scene.bela.id})
    await there.expect("typing_start", {"conversationId": scene.conversation, "userId": scene.aarav.id})
    await there.emit("mark_read", {"conversationId": scene.conversation, "userId": scene.aarav.id})
    assert (await here.expect("messages_read", Pattern("a receipt", lambda data: isinstance(data, dict))))[
        "userId"] == scene.bela.id


async def test_an_acknowledgement_that_nobody_asked_for_is_ignored(server: Server, scene: Scene) -> None:
    async with linked(server, "websocket", scene.aarav.token) as here:
        for packet in ("431[]", '4399999999[{"ok":true}]', '43123["x"]'):
            await here.send(packet)
        await here.send('461-5[{"_placeholder":true,"num":0}]')
        await here.send(b"x")
        await here.send(f'427["join_conversation",{scene.conversation}]')
        assert await here.receive() == '437[{"ok":true}]'


async def test_the_longest_text_can_be_set(start: Start, dial: Dial) -> None:
    server = start("--max-text", 10)
    aarav, bela = server.person(), server.person()
    here: SocketIO = await dial(server, aarav)
    await here.expect_refusal(NOT_SENT, TOO_LONG, "send_message", said("12345678901", toUserId=bela.id))
    assert (await here.ask("send_message", said("1234567890", toUserId=bela.id)))["ok"]
