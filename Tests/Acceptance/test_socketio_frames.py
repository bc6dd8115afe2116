"""The packets of the `socketio` dialect to the letter, with the keys in the order of specs/socketio.md."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from api import answered, direct, group, post
from conftest import Start
from socketio_raw import LINKS, SIGNED_IN, Link, emitted, expect_text, expect_texts, linked, opened, sign_in
from socketio_values import said
from switchboard import Person, Server

OFFSET = ',"<offset>"'


@dataclass(frozen=True)
class Talk:
    """Two people of one conversation, and a connection of each."""

    aarav: Person
    bela: Person
    number: int
    here: Link
    there: Link

    async def join(self) -> None:
        for link in (self.here, self.there):
            await link.send(f'420["join_conversation",{self.number}]')
            await expect_texts(link, '430[{"ok":true}]')

    def said(self, content: str, offset: str = OFFSET) -> tuple[str, str]:
        """`new_message` and `message_notification` of what Aarav says; the content as it stands in JSON."""
        start = (
            f'"id":<id>,"conversation_id":{self.number},"sender_id":{self.aarav.id},"receiver_id":{self.bela.id},'
            f'"content":"{content}","is_read":false,')
        return (
            f'42["new_message",{{{start}"read_at":null,"created_at":"<time>"}}{offset}]',
            f'42["message_notification",{{{start}"created_at":"<time>","type":"new_message"}}{offset}]',
        )


@pytest.fixture(params=LINKS)
async def talk(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[Talk]:
    aarav, bela = server.person("Aarav Sharma"), server.person("Bela Nováková")
    number = direct(server, aarav, bela)
    async with linked(server, request.param, aarav.token) as here, linked(server, request.param, bela.token) as there:
        yield Talk(aarav, bela, number, here, there)


async def test_joining_and_leaving(talk: Talk) -> None:
    for packet, answer in (
        (f'420["join_conversation",{talk.number}]', '430[{"ok":true}]'),
        (f'421["join_conversation","{talk.number}"]', '431[{"ok":true}]'),
        (f'4299999999["leave_conversation",{talk.number}]', '4399999999[{"ok":true}]'),
        (f'422["leave_conversation","{talk.number}"]', '432[{"ok":true}]'),
        ('423["leave_conversation",999999999]', '433[{"ok":true}]'),
    ):
        await talk.here.send(packet)
        await expect_texts(talk.here, answer)


async def test_a_message(talk: Talk) -> None:
    await talk.join()
    new, notified = talk.said("Hello world!")
    await talk.here.send(
        f'42["send_message",{{"conversationId":{talk.number},"content":"Hello world!","toUserId":{talk.bela.id}}}]')
    await expect_texts(talk.here, new)
    await expect_texts(talk.there, new, notified)
    await talk.here.send(f'42456["send_message",{{"conversationId":"{talk.number}","content":"Hello world!"}}]')
    # The acknowledgement may come before the event or after it.
    both = sorted([str(await talk.here.receive()), str(await talk.here.receive())])
    expect_text(both[0], new)
    expect_text(both[1], '43456[{"ok":true,"id":<id>}]')
    assert json.loads(both[0][2:])[1]["id"] == json.loads(both[1][5:])[0]["id"]
    await expect_texts(talk.there, new, notified)


@pytest.mark.parametrize("content", ["ü€😀", '\\"quoted\\" \\\\ \\n\\t', "a/b </script>", "\u2028\x7f"], ids=ascii)
async def test_text_stands_as_javascript_writes_it(talk: Talk, content: str) -> None:
    await talk.join()
    await talk.here.send(f'42["send_message",{{"conversationId":{talk.number},"content":"{content}"}}]')
    await expect_texts(talk.there, *talk.said(content))


async def test_reading(talk: Talk) -> None:
    await talk.here.send(emitted("send_message", said("read this", talk.number)))
    await expect_texts(talk.there, talk.said("read this")[1])
    await talk.there.send(f'427["mark_read",{{"conversationId":{talk.number}}}]')
    await expect_texts(talk.there, '437[{"ok":true}]')
    await expect_texts(
        talk.here,
        f'42["messages_read",{{"conversationId":{talk.number},"userId":{talk.bela.id},"readAt":"<time>"}}{OFFSET}]')


@pytest.mark.parametrize("event", ["typing_start", "typing_stop"])
async def test_typing(talk: Talk, event: str) -> None:
    await talk.here.send('42["typing_start",{"toUserId":' + f"{talk.bela.id}" + "}]")
    data = f'{{"conversationId":{talk.number},"userId":{talk.aarav.id}}}'
    await expect_texts(talk.there, f'42["typing_start",{data}{OFFSET}]')
    await talk.here.send(f'428["{event}",{{"conversationId":{talk.number},"toUserId":{talk.bela.id}}}]')
    await expect_texts(talk.here, '438[{"ok":true}]')
    await expect_texts(talk.there, f'42["{event}",{data}{OFFSET}]')


async def test_typing_without_a_conversation(server: Server) -> None:
    aarav, bela = server.person(), server.person()
    async with linked(server, "websocket", aarav.token) as here, linked(server, "websocket", bela.token) as there:
        await here.send(emitted("typing_start", {"toUserId": bela.id}))
        await expect_texts(there, f'42["typing_start",{{"conversationId":null,"userId":{aarav.id}}}{OFFSET}]')


async def test_a_notification(server: Server, talk: Talk) -> None:
    title, text, kind = "Project Update", "You have been assigned to Project X", "project_assigned"
    number = server.cli(
        "notify", "--user", talk.bela.id, "--title", title, "--message", text, "--type", kind)
    await expect_texts(
        talk.there,
        f'42["new_notification",{{"id":{number},"user_id":{talk.bela.id},"title":"{title}","message":"{text}",'
        f'"type":"{kind}","created_at":"<time>"}}{OFFSET}]')


async def test_a_notification_for_everybody(server: Server, talk: Talk) -> None:
    number = server.cli("notify", "--everybody", "--title", "T", "--message", "M", "--type", "x")
    for link in (talk.here, talk.there):
        await expect_texts(
            link,
            f'42["new_notification",{{"id":{number},"user_id":null,"title":"T","message":"M","type":"x",'
            f'"created_at":"<time>"}}{OFFSET}]')


@pytest.mark.parametrize(("packet", "words", "why"), [
    ('"send_message",{"conversationId":999999999,"content":"x"}', "Failed to send message", "Conversation not found"),
    ('"join_conversation",999999999', "Conversation not found", "Conversation not found"),
    ('"mark_read",{}', "conversationId is required", "conversationId is required"),
    ('"nothing"', "Unknown event", "Unknown event"),
])
async def test_an_error_comes_as_an_event_and_then_in_the_acknowledgement(
    talk: Talk, packet: str, words: str, why: str
) -> None:
    """Errors have no offsets."""
    await talk.here.send(f"42[{packet}]")
    await expect_texts(talk.here, f'42["error",{{"message":"{words}"}}]')
    await talk.here.send(f"4235[{packet}]")
    await expect_texts(
        talk.here, f'42["error",{{"message":"{words}"}}]', f'4335[{{"ok":false,"error":"{why}"}}]')


async def test_in_a_group_there_is_no_receiver(server: Server) -> None:
    people = [server.person() for _ in range(3)]
    number = group(server, *people)
    async with linked(server, "websocket", people[1].token) as link:
        sent = post(server, people[0], f"/api/conversations/{number}/messages/", {"text": "to all"})
        await expect_texts(
            link,
            f'42["message_notification",{{"id":{answered(sent, 201)["id"]},"conversation_id":{number},'
            f'"sender_id":{people[0].id},"receiver_id":null,"content":"to all","is_read":false,'
            f'"created_at":"<time>","type":"new_message"}}{OFFSET}]')


@pytest.mark.parametrize("transport", LINKS)
async def test_a_token_that_expires(server: Server, transport: str) -> None:
    token = server.cli("token", "create", server.person().username, "--expires", "5s")
    async with linked(server, transport, token) as link:
        await expect_texts(link, "41")
        await link.expect_end()


@pytest.mark.parametrize("transport", LINKS)
async def test_without_recovery_there_are_neither_pids_nor_offsets(start: Start, transport: str) -> None:
    server = start("--recovery", "0s")
    aarav, bela = server.person(), server.person()
    async with linked(server, transport) as here, linked(server, transport) as there:
        for person, link in ((aarav, here), (bela, there)):
            await link.send(sign_in(person.token))
            await expect_texts(link, '40{"sid":"<sid>"}')
        talk = Talk(aarav, bela, direct(server, aarav, bela), here, there)
        await talk.join()
        await here.send(emitted("send_message", said("Hello world!", talk.number)))
        await expect_texts(there, *talk.said("Hello world!", offset=""))
        await here.send(emitted("typing_start", {"conversationId": talk.number}))
        await expect_texts(
            there, f'42["typing_start",{{"conversationId":{talk.number},"userId":{aarav.id}}}]')


async def test_no_offset_comes_twice(talk: Talk) -> None:
    offsets = []
    for count in range(50):
        await talk.here.send(emitted("send_message", said(str(count), talk.number)))
        offsets.append(json.loads(str(await talk.there.receive())[2:])[2])
    assert len(set(offsets)) == 50


async def test_ids_are_random(server: Server) -> None:
    person = server.person()
    seen: set[str] = set()
    for _ in range(30):
        async with opened(server) as client:
            await client.send(sign_in(person.token))
            answer = str(await client.receive())
            expect_text(answer, SIGNED_IN)
            seen |= set(json.loads(answer[2:]).values())
    assert len(seen) == 60
    # No two begin alike, or end alike.
    assert len({value[:8] for value in seen}) == len({value[-8:] for value in seen}) == 60


async def test_a_message_from_elsewhere(server: Server, talk: Talk) -> None:
    await talk.join()
    answered(post(server, talk.aarav, f"/api/conversations/{talk.number}/messages/", {"text": "Hello world!"}), 201)
    await expect_texts(talk.here, talk.said("Hello world!")[0])
    await expect_texts(talk.there, *talk.said("Hello world!"))
