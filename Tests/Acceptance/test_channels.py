"""The Django channel layer as it is on the wire: `channels_redis` sends, Switchboard's clients hear it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import erp
import msgpack
import pytest
from campus import NOTIFICATIONS
from channel_layer import Layer, channel_of, joined, members
from client import Client
from conftest import Connect, Start
from frames import ROOMS_TIME
from metrics import Metrics
from raw import request
from redis_server import GUARDED, Redis, expect_refusals, refusal
from rooms import JOINED, heard
from switchboard import PATIENCE, Server, eventually

StartRedis = Callable[..., Redis]
ROOM = "/ws/chat/general/"


@pytest.fixture(scope="module")
def server(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), "--channels", redis.url).start()
    yield server
    server.close()


def said(text: str) -> dict[str, str]:
    return {"type": "chat_message", "message": text, "username": "System"}


def notification(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "notify", "title": text, "message": text} | more


async def titles(client: Client, count: int) -> list[str]:
    return [(await client.receive())["title"] for _ in range(count)]


def is_ready(server: Server) -> bool:
    return request(server, "GET", "/readyz").status == 200


async def until(check: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(eventually, check, what)


# Groups

async def test_a_server_is_in_a_group_once_while_anybody_is_there_to_hear_it(
    redis: Redis, start: Start, connect: Connect
) -> None:
    server = start("--channels", redis.url, "--channels-prefix", "own")
    person = server.person(college=5)
    clients = [await connect(server, NOTIFICATIONS, person.token) for _ in range(3)]
    rooms = await connect(server, ROOM)
    groups = [f"notifications_{person.id}", "college_notifications_5", "notifications", "chat_general", "global_counter"]
    await joined(redis, *groups, prefix="own")
    with redis.client() as client:
        assert 0 < client.ttl("own:group:chat_general") <= 86_400
        assert sorted(client.keys("own*")) == sorted(f"own:group:{group}".encode() for group in groups)
    clients[0].leave()
    clients[1].leave()
    await clients[2].expect_nothing()
    assert len(members(redis, groups[0], "own")) == 1
    clients[2].leave()
    await joined(redis, *groups[:3], count=0, prefix="own")
    await rooms.expect_nothing()
    assert await asyncio.to_thread(server.terminate) == 0
    with redis.client() as client:
        assert client.keys("own*") == []


async def test_groups_are_joined_anew_before_they_expire(redis: Redis, start: Start) -> None:
    start("--channels", redis.url, "--channels-prefix", "brief", "--channels-group-expiry", "6s")
    await joined(redis, "global_counter", prefix="brief")
    with redis.client() as client:
        (_, first), = client.zrange("brief:group:global_counter", 0, -1, withscores=True)
        await until(
            lambda: client.zrange("brief:group:global_counter", 0, -1, withscores=True)[0][1] > first, "joined anew")
        assert abs(first - time.time()) < 60


async def test_two_servers_hear_what_is_for_their_own_and_nobody_hears_it_twice(
    redis: Redis, start: Start, connect: Connect
) -> None:
    servers = [start("--channels", redis.url, "--channels-prefix", "two") for _ in range(2)]
    people = [server.person(college=5) for server in servers]
    others = [server.person() for server in servers]
    assert people[0].id == people[1].id
    clients = [await connect(server, NOTIFICATIONS, person.token) for server, person in zip(servers, people)]
    rooms = [await connect(server, ROOM) for server in servers for _ in range(2)]
    other = await connect(servers[1], NOTIFICATIONS, others[1].token)
    await joined(redis, f"notifications_{others[1].id}", prefix="two")
    groups = ["chat_general", f"notifications_{people[0].id}", "college_notifications_5"]
    await joined(redis, *groups, count=2, prefix="two")
    for room in rooms[::2]:
        await room.expect(JOINED)
    async with Layer(redis, prefix="two") as layer:
        await layer.group_send("college_notifications_5", notification("all"))
        await layer.group_send(f"notifications_{others[1].id}", notification("one"))
        await layer.group_send("chat_general", said("hi"))
    for client in clients:
        assert await titles(client, 1) == ["all"]
    assert await titles(other, 1) == ["one"]
    for room in rooms:
        await room.expect(heard("hi", "System"))
    for client in [*clients, *rooms, other]:
        await client.expect_nothing()


async def test_groups_and_channels_are_found_on_the_host_that_the_layer_takes(
    redis: Redis, start_redis: StartRedis, start: Start, connect: Connect
) -> None:
    hosts = [redis, start_redis()]
    server = start("--channels", ",".join(host.url for host in hosts), "--channels-prefix", "ring")
    person = server.person()
    client = await connect(server, NOTIFICATIONS, person.token)
    rooms = [await connect(server, f"/ws/chat/{name}/") for name in ("general", "a", "b", "c", "d")]
    await client.expect_nothing()
    names = [f"chat_{name}" for name in ("general", "a", "b", "c", "d")]
    await until(
        lambda: all(sum(len(members(host, name, "ring")) for host in hosts) == 1 for name in names), "all are joined")
    assert all(any(members(host, name, "ring") for name in names) for host in hosts)
    async with Layer(*hosts, prefix="ring") as layer:
        for name in names:
            await layer.group_send(name, said(name))
    for room, name in zip(rooms, names):
        await room.expect(heard(name, "System"))


async def test_what_is_sealed_is_opened_and_what_is_not_is_dropped(redis: Redis, start: Start, connect: Connect) -> None:
    server = start(
        "--channels", redis.url, "--channels-prefix", "sealed", extra={"SWITCHBOARD_CHANNELS_KEYS": "new,old"})
    room = await connect(server, ROOM)
    await joined(redis, "chat_general", prefix="sealed")
    async with Layer(redis, prefix="sealed", symmetric_encryption_keys=["old"]) as layer:
        await layer.group_send("chat_general", said("sealed"))
    for keys in (["other"], []):
        async with Layer(redis, prefix="sealed", symmetric_encryption_keys=keys) as layer:
            await layer.group_send("chat_general", said("not sealed"))
    await room.expect(heard("sealed", "System"))
    await until(lambda: Metrics.of(server)["channels_dropped_total", {"reason": "sealed"}] == 2, "dropped")
    await room.expect_nothing()


# What is too much, too old or no good

async def test_what_senders_may_have_dropped_is_counted_and_logged(
    redis: Redis, start: Start, connect: Connect
) -> None:
    server = start("--channels", redis.url, "--channels-prefix", "full")
    room = await connect(server, ROOM)
    await joined(redis, "chat_general", prefix="full")
    server.signal(signal.SIGSTOP)
    try:
        async with Layer(redis, prefix="full") as layer:
            for number in range(130):
                await layer.group_send("chat_general", said(str(number)))
    finally:
        server.signal(signal.SIGCONT)
    received = [(await room.receive())["message"] for _ in range(100)]
    # One was on its way to the server that stood still; what came behind the hundredth that waits was dropped.
    assert received == [str(number) for number in range(100)]
    await until(lambda: Metrics.of(server)["channels_full_total"] >= 1, "that the channel was full is counted")
    assert len(server.logged("the channel of this server was full")) == 1


async def test_what_has_expired_is_not_heard(redis: Redis, start: Start, connect: Connect) -> None:
    server = start("--channels", redis.url, "--channels-prefix", "old")
    room = await connect(server, ROOM)
    await joined(redis, "chat_general", prefix="old")
    server.signal(signal.SIGSTOP)
    try:
        async with Layer(redis, prefix="old", expiry=1) as layer, asyncio.timeout(PATIENCE):
            # The first is given to the command that waits.
            for text in ("on its way", "too old"):
                await layer.group_send("chat_general", said(text))
            with redis.client() as client:
                while client.keys("oldspecific.*"):
                    await asyncio.sleep(0.02)
        async with Layer(redis, prefix="old") as layer:
            await layer.group_send("chat_general", said("new"))
    finally:
        server.signal(signal.SIGCONT)
    assert [(await room.receive())["message"] for _ in range(2)] == ["on its way", "new"]
    await room.expect_nothing()


async def test_hostile_messages_are_counted_and_dropped_and_harm_nobody(
    redis: Redis, server: Server, connect: Connect
) -> None:
    person = server.person()
    client = await connect(server, NOTIFICATIONS, person.token)
    room = await connect(server, ROOM)
    group = f"notifications_{person.id}"
    await joined(redis, group, "chat_general")
    channel = members(redis, group)[0].decode()
    before = Metrics.of(server).by("reason", "channels_dropped_total")

    def packed(content: Any) -> bytes:
        return msgpack.packb(content | {"__asgi_channel__": [channel]} if isinstance(content, dict) else content)

    hostile = {
        "malformed": [
            b"", b"\xc1", b"\xdd\xff\xff\xff\xff", b"\x91" * 100_000, b"\x81\xa1a" * 50_000, packed([1]), packed({}),
            packed({"type": 5}), packed({"type": "notify"}), packed({"type": "notify", "message": ["x"]}),
            packed({"type": "notify", "message": "x", "data": {"a": b"\xff"}}), packed({"type": "notify", 5: "x"}),
            msgpack.packb({"type": "notify", "message": "x"}), packed({"type": "notify", "message": "x"})[:-3],
            msgpack.packb({"type": "notify", "message": "x", "__asgi_channel__": [5]}), b"\xa1\xff",
        ],
        "too_long": [packed(notification("x" * 20_000)), packed({"type": "notify", "message": "x", "a": "y" * 2**20})],
        "unknown_type": [packed({"type": "websocket.close"}), packed(said("x")), packed({"type": "x" * 1000})],
        "unknown_group": [
            msgpack.packb(notification("x") | {"__asgi_channel__": [channel.split("!")[0] + "!nobody", "specific.x!n0"]})],
        "sealed": [b"gAAAAABp" + b"A" * 100],
    }
    with redis.client() as client_of_redis:
        key = channel_of(channel.encode())
        number = 0
        for messages in hostile.values():
            for message in messages:
                number += 1
                client_of_redis.zadd(key, {b"%012d" % number + message: time.time()})
        # Without even the random bytes.
        client_of_redis.zadd(key, {b"x": time.time()})
    async with Layer(redis) as layer:
        await layer.group_send(group, notification("good"))
        await layer.group_send("chat_general", said("good"))
    assert await titles(client, 1) == ["good"]
    await room.expect(heard("good", "System"))
    await client.expect_nothing()
    after = Metrics.of(server).by("reason", "channels_dropped_total")
    expected = {reason: len(messages) for reason, messages in hostile.items()}
    expected["malformed"] += 1
    # One message for two that are nobody.
    expected["unknown_group"] += 1
    assert {reason: after[reason] - before[reason] for reason in after} == dict.fromkeys(after, 0) | expected
    # Each reason is logged once in ten seconds, and what was sent is not.
    assert sum("was dropped" in line for line in server.log) <= len(hostile)
    assert "xxxx" not in "".join(server.log)


# Redis goes and comes back

@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_all_heals_when_redis_comes_back(
    start_redis: StartRedis, start: Start, connect: Connect, ending: signal.Signals
) -> None:
    redis = start_redis()
    server = start("--channels", redis.url)
    person = server.person()
    client = await connect(server, NOTIFICATIONS, person.token)
    group = f"notifications_{person.id}"
    await joined(redis, group)
    assert is_ready(server)
    redis.stop(ending)
    await until(lambda: not is_ready(server), "/readyz says that Redis is gone")
    request(server, "GET", "/readyz").expect_refusal(503)
    assert "channel layer" in request(server, "GET", "/readyz").body.decode()
    # Clients are served as before.
    room = await connect(server, ROOM)
    await room.send({"type": "chat_message", "message": "hello"})
    await room.expect(heard("hello"))
    redis.start()
    await joined(redis, group, "chat_general", "global_counter")
    await until(lambda: is_ready(server), "/readyz says that Redis is back")
    async with Layer(redis) as layer:
        await layer.group_send(group, notification("back"))
    assert await titles(client, 1) == ["back"]
    assert len(server.logged("the channel layer is gone")) == 1
    assert len(server.logged("the channel layer is back")) == 1


async def test_groups_that_redis_forgot_are_joined_anew(start_redis: StartRedis, start: Start, connect: Connect) -> None:
    redis = start_redis()
    server = start("--channels", redis.url)
    room = await connect(server, ROOM)
    await joined(redis, "chat_general")
    with redis.client() as client:
        client.flushall()
    await joined(redis, "chat_general", "global_counter")
    async with Layer(redis) as layer:
        await layer.group_send("chat_general", said("hi"))
    await room.expect(heard("hi", "System"))


# What is refused at the start

RIGHTS = "user bridge on >secret ~asgi* +zadd +expire +zscore +zrem +zpopmin +bzpopmin"


@pytest.mark.parametrize("name", ["channels", "emitters"])
def test_what_cannot_work_is_refused_in_one_line(start_redis: StartRedis, tmp_path: Any, name: str) -> None:
    expect_refusals(tmp_path, start_redis(*GUARDED), name)


def test_what_is_no_redis_is_refused(server: Server, tmp_path: Any) -> None:
    assert "not a reply of Redis" in refusal(tmp_path, "channels", f"redis://127.0.0.1:{server.port}")


async def test_few_rights_are_enough_and_a_local_socket_will_do(
    start_redis: StartRedis, start: Start, connect: Connect
) -> None:
    redis = start_redis(RIGHTS)
    url = redis.socket_url.replace("unix://", "unix://bridge:secret@")
    server = start(extra={"SWITCHBOARD_CHANNELS": url})
    room = await connect(server, ROOM)
    await joined(redis, "chat_general")
    async with Layer(redis) as layer:
        await layer.group_send("chat_general", said("hi"))
    await room.expect(heard("hi", "System"))
    assert "secret" not in "".join(server.log)
    assert ":secret" not in server.run("check-config", extra={"SWITCHBOARD_CHANNELS": url}).stdout
