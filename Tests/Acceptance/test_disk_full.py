"""A store that can't write: the sender is told, the server goes on and recovers.

The disk is "full" where the kernel lets the server's files grow no further (RLIMIT_FSIZE).
"""

import resource
import signal

import pytest
import socket_io
from api import API_KEY, CONVERSATIONS, KEYED, MESSAGES, answered, direct, get, post, refused
from channel_layer import Layer, joined
from conftest import Connect, Start
from database import stored_texts
from erp import heard, notified, online, said, unread
from frames import ANY_ERROR
from raw import request
from redis_server import Redis
from switchboard import Server, eventually

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit, which Linux has")


def let_writes_fail() -> None:
    """A write past the limit shall answer EFBIG instead of ending the process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def set_file_limit(server: Server, limit: int) -> None:
    """How long, in bytes, a file may become by a write; what is there stays."""
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, hard))


def fill_disk(server: Server) -> None:
    set_file_limit(server, 1024)


def make_room(server: Server) -> None:
    set_file_limit(server, resource.prlimit(server.pid, resource.RLIMIT_FSIZE)[1])


def is_ready(server: Server) -> bool:
    return request(server, "GET", "/readyz").status == 200


@pytest.fixture
def server(start: Start) -> Server:
    return start(prepare=let_writes_fail)


async def test_a_full_disk(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    sender, receiver = await online(connect, server, aarav), await online(connect, server, bela)
    await sender.send(said("before", bela.id))
    await receiver.expect(heard("before", aarav))
    assert is_ready(server)

    fill_disk(server)
    for number in range(3):
        await sender.send(said(f"refused {number}", bela.id))
        await sender.expect(ANY_ERROR)
    await receiver.expect_nothing()
    eventually(lambda: not is_ready(server), "/readyz says that it can't write")
    request(server, "GET", "/readyz").expect_refusal(503)
    assert request(server, "GET", "/healthz").status == 200
    await sender.send({"type": "typing", "recipient_id": bela.id})
    await receiver.expect({"type": "user_typing", "sender_id": aarav.id})

    make_room(server)
    await sender.send(said("after", bela.id))
    await receiver.expect(heard("after", aarav))
    eventually(lambda: is_ready(server), "/readyz says that it can write again")
    assert stored_texts(server) == ["before", "after"]
    server.restart()
    assert stored_texts(server) == ["before", "after"]


async def test_the_server_gets_ready_again_without_a_message(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    sender = await online(connect, server, aarav)
    fill_disk(server)
    await sender.send(said("refused", bela.id))
    await sender.expect(ANY_ERROR)
    eventually(lambda: not is_ready(server), "/readyz says that it can't write")
    make_room(server)
    eventually(lambda: is_ready(server), "/readyz says that it can write again", within=15)


async def test_joining_a_room_writes_nothing_and_hides_no_full_disk(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    number = direct(server, aarav, bela)
    client = await socket_io.online(connect, server, aarav.token)
    fill_disk(server)
    await client.send(["send_message", {"conversationId": number, "content": "refused"}])
    assert (await client.receive())[0] == "error"
    eventually(lambda: not is_ready(server), "/readyz says that it can't write")
    for _ in range(3):
        await client.ask("join_conversation", number)
        assert not is_ready(server)


async def test_the_other_writers_are_told_too(server: Server, connect: Connect) -> None:
    person = server.person(password="correct horse battery staple")
    counter, room = await connect(server, "/ws/counter/"), await connect(server, "/ws/chat/general/")
    await counter.receive()
    await counter.receive()
    fill_disk(server)
    await counter.send({"action": "increment"})
    await counter.expect(ANY_ERROR)
    body = {"title": "T", "message": "M"}
    request(server, "POST", "/api/notifications/send/", body).expect_refusal(503)
    login = {"username": person.username, "password": "correct horse battery staple"}
    request(server, "POST", "/api/auth/login/", login).expect_refusal(503)
    await room.send({"type": "chat_message", "message": "rooms need no disk"})
    assert (await room.receive())["message"] == "rooms need no disk"
    make_room(server)
    newcomer = await connect(server, "/ws/counter/")
    assert (await newcomer.receive())["counter"] == 0
    await notified(connect, server, person, 0)


async def test_a_refused_message_may_be_sent_again_with_its_client_id(server: Server, connect: Connect) -> None:
    aarav, bela = server.person(), server.person()
    sender, receiver = await online(connect, server, aarav), await online(connect, server, bela)
    fill_disk(server)
    await sender.send(said("important", bela.id, client_id="c1"))
    await sender.expect(ANY_ERROR)
    make_room(server)
    await sender.send(said("important", bela.id, client_id="c1"))
    await receiver.expect(heard("important", aarav))


async def test_what_a_channel_layer_brings_waits_for_the_disk(start: Start, redis: Redis, connect: Connect) -> None:
    server = start("--channels", redis.url, prepare=let_writes_fail)
    person = server.person()
    client = await notified(connect, server, person)
    group = f"notifications_{person.id}"
    await joined(redis, group)
    fill_disk(server)
    async with Layer(redis) as layer:
        for number in range(3):
            await layer.group_send(group, {"type": "notify", "title": str(number), "message": "x"})
    eventually(lambda: not is_ready(server), "/readyz says that it can't write")
    await client.expect_nothing()
    make_room(server)
    for number in range(3):
        assert (await client.receive())["title"] == str(number)
        await client.expect(unread(number + 1))
    await client.expect_nothing()


def test_http_callers_are_told_to_come_again(start: Start) -> None:
    server = start(prepare=let_writes_fail, extra=KEYED)
    aarav, bela = server.person(), server.person()
    number = direct(server, aarav, bela)
    notice = answered(post(server, API_KEY, "/api/notices/", {"title": "draft"}), 201)["id"]
    answered(post(server, None, "/api/notifications/send/", {"title": "T", "message": "M"}))
    words = {"title": "T", "message": "M"}
    changes = [
        (bela, MESSAGES, {"receiver_id": aarav.id, "text": "x", "client_id": "c"}),
        (aarav, f"{CONVERSATIONS}{number}/messages/", {"text": "x"}),
        (aarav, CONVERSATIONS, {"user_ids": [bela.id], "title": "T"}),
        (aarav, "/api/notifications/read-all/", None), (API_KEY, "/api/notices/", {"title": "T"}),
        (API_KEY, f"/api/notices/{notice}/publish/", None),
        (API_KEY, "/api/bulk-messages/", words | {"everybody": True}),
        (None, "/api/notifications/send/", words), (None, "/api/counter/", {"action": "increment"}),
        (aarav, "/api/auth/logout/", None),
    ]
    fill_disk(server)
    for who, path, body in changes:
        answer = post(server, who, path, body)
        refused(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1, path
    assert answered(get(server, aarav, "/api/auth/me/"))["id"] == aarav.id
    make_room(server)
    eventually(lambda: is_ready(server), "/readyz says that it can write again", within=15)
    assert answered(get(server, aarav, f"{CONVERSATIONS}{number}/messages/"))["messages"] == []
    assert answered(get(server, aarav, "/api/notifications/unread-count/")) == {"unread_count": 1}
    for who, path, body in changes:
        assert post(server, who, path, body).status in (200, 201, 202), path
