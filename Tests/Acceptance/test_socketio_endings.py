"""Sessions that end, or should not go on: what nobody may hear any more, what nobody may lose, and what stays bounded."""

from __future__ import annotations

import asyncio
import json

import api
import campus
import socket_io
from conftest import Connect, Start
from database import held_up, stored_texts
from engine_io import WebSocket
from postgres import PostgreSQL
from raw import TEXT, RawWebSocket, frame
from socketio_raw import PollingLink, emitted, engine, have_read, sign_in
from switchboard import Person, Server, memory


async def signed_in(server: Server, person: Person) -> PollingLink:
    link = PollingLink(await engine(server).open_polling())
    await link.send(sign_in(person.token))
    assert (await link.receive()).startswith("40{")
    return link


async def test_who_was_removed_meanwhile_does_not_get_back_into_the_room(server: Server, connect: Connect) -> None:
    aarav, bela, chitra = (server.person() for _ in range(3))
    group = api.group(server, aarav, bela, chitra, title="Team")
    speaker = await socket_io.online(connect, server, chitra.token)
    lost = await socket_io.online(connect, server, bela.token, group)
    lost.drop()
    await have_read(server)
    assert api.delete(server, bela, f"{api.CONVERSATIONS}{group}/members/{bela.id}/").status == 200
    # Another connection learns an offset that is newer than the removal.
    other = await socket_io.online(connect, server, bela.token)
    await speaker.ask("send_message", {"toUserId": bela.id, "content": "hi"}, answer=socket_io.STORED)
    await other.receive()
    lost.offset = other.offset
    back = await socket_io.recovered(connect, server, bela.token, lost)
    await speaker.ask("send_message", {"conversationId": group, "content": "secret"}, answer=socket_io.STORED)
    await back.ask("leave_conversation", group)


async def test_a_session_that_is_being_closed_vouches_for_nothing(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    speaker = await socket_io.online(connect, server, aarav.token)
    link = await signed_in(server, bela)
    # No poll waits that could tell the client.
    await link.session.post("47bad")
    await have_read(server)
    await speaker.ask("send_message", {"toUserId": bela.id, "content": "Hello"}, answer=socket_io.STORED)
    receiver = await connect(server, campus.CHAT, bela.token)
    await receiver.expect(campus.heard("Hello", aarav))


async def test_a_payload_is_taken_in_as_fast_as_the_store_takes_it(server: Server) -> None:
    """More events than one client may have waiting: all are stored in order, and then the POST has its answer."""
    aarav, bela = server.person(), server.person()
    link = await signed_in(server, aarav)
    packets = [
        emitted("send_message", {"toUserId": bela.id, "content": f"{number}"}, ack=number) for number in range(900)]
    with held_up(server):
        answer = asyncio.create_task(link.session.post("\x1e".join(packets)))
        await asyncio.sleep(0.3)
        assert not answer.done()
    assert (await answer).status == 200
    for number in range(900):
        assert (await link.receive()).startswith(f'43{number}[{{"ok":true')
    assert stored_texts(server)[-900:] == [f"{number}" for number in range(900)]


async def test_a_websocket_is_not_read_for_a_session_that_is_not(start: Start, postgresql: PostgreSQL) -> None:
    # With SQLite, its writer waits for no more than a second.
    server = start(
        "--loops", 1, "--store-queue", 5, "--store-patience", "60s", "--store-retry", "60s",
        store=postgresql.new_store())
    aarav, bela = server.person(), server.person()
    link = await signed_in(server, bela)
    sent = [emitted("send_message", {"toUserId": aarav.id, "content": f"{number}"}) for number in range(60)]
    junk = json.dumps(["nothing", "x" * 30_000])
    with held_up(server):
        # There is no room for so many, so that the POST waits for its answer.
        post = await engine(server).begin("POST", link.session.query, "\x1e".join(sent))
        await have_read(server)
        async with engine(server).open_websocket(link.session.websocket_query) as client:
            await upgrade(client)
            before, blocked = memory(server), False
            for _ in range(2_000):
                try:
                    async with asyncio.timeout(0.2):
                        await client.send(f"42{junk}")
                except TimeoutError:
                    blocked = True
                    break
            assert blocked and memory(server) - before < 20 << 20
            client.abort()
    post.abort()


async def test_what_waited_for_a_poll_goes_on_with_a_websocket(start: Start, connect: Connect) -> None:
    server = start("--loops", 1, "--send-queue", 65_536)
    aarav, bela = server.person(), server.person()
    speaker = await socket_io.online(connect, server, aarav.token)
    link = await signed_in(server, bela)
    for _ in range(3):
        await speaker.ask(
            "send_message", {"toUserId": bela.id, "content": "m" * 16_000}, answer=socket_io.STORED)
    # With that much unread nothing is looked up, and all that is asked behind it waits, the POST's answer included.
    events = [emitted("typing_start", {"toUserId": aarav.id})] + [emitted("nothing")] * 300
    post = await engine(server).begin("POST", link.session.query, "\x1e".join(events))
    await have_read(server)
    async with engine(server).open_websocket(link.session.websocket_query) as client:
        await upgrade(client)
        for _ in range(3):
            assert "m" * 16_000 in str(await client.receive())
        for _ in range(300):
            await client.expect('42["error",{"message":"Unknown event"}]')
        (await post.answer()).expect_payload("ok")
        await client.send(emitted("nothing"))
        await client.expect('42["error",{"message":"Unknown event"}]')


async def upgrade(client: WebSocket) -> None:
    await client.send("2probe")
    await client.expect("3probe")
    await client.send("5")


def test_who_leaves_while_paused_is_read_again(start: Start) -> None:
    server = start("--loops", 1)
    aarav, bela = server.person(), server.person()
    sent = [emitted("send_message", {"toUserId": aarav.id, "content": f"{number}"}) for number in range(300)]
    with RawWebSocket(server, "/socket.io/?EIO=4&transport=websocket") as client:
        client.receive()
        client.send(frame(TEXT, sign_in(bela.token).encode()))
        client.receive()
        with held_up(server):
            client.send(b"".join(frame(TEXT, text.encode()) for text in [*sent, "41"]))
            client.send(frame(TEXT, sign_in(bela.token).encode()))
        while not client.receive().payload.startswith(b"40{"):
            pass
