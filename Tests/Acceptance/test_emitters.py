"""Emitters of Socket.IO: what back ends publish on Redis reaches clients of `socketio`.

python-socketio's write-only manager is the real one. Of `@socket.io/redis-emitter`, which is no package of Debian's, this
writes what its documentation says that it publishes: MessagePack of `[uid, packet, options]`, and requests as JSON.
"""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgpack
import pytest
import socketio
from api import direct
from conftest import Connect, Dial, Start
from metrics import Metrics
from raw import request
from redis_server import Redis
from socketio_client import TRANSPORTS, SocketIO
from switchboard import PATIENCE, Server, eventually


@pytest.fixture(scope="module")
def server(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), "--emitters", redis.url).start()
    yield server
    server.close()


@pytest.fixture
async def manager(redis: Redis) -> AsyncIterator[socketio.AsyncRedisManager]:
    manager = socketio.AsyncRedisManager(redis.url, write_only=True)
    await manager.emit("hello", None, room="nobody")
    yield manager
    await manager.redis.aclose()


async def heard(client: SocketIO) -> tuple[Any, ...]:
    """The next event, with its arguments as they came."""
    async with asyncio.timeout(PATIENCE):
        return await client._received.get()


async def heard_nothing(*clients: SocketIO) -> None:
    for client in clients:
        await client.expect_nothing()


def sid(client: SocketIO) -> str:
    return client._client.get_sid()


async def publish(redis: Redis, channel: str, message: bytes) -> None:
    with redis.client() as client:
        assert client.publish(channel, message) > 0


async def emit(redis: Redis, *data: Any, rooms: list[str] = [], exceptions: list[str] = [], **packet: Any) -> None:
    """As `emitter.to(rooms).except(exceptions).emit(*data)` does."""
    channel = "socket.io#/#" + (f"{rooms[0]}#" if len(rooms) == 1 else "")
    await publish(redis, channel, msgpack.packb(
        ["emitter", {"type": 2, "data": data, "nsp": "/"} | packet, {"rooms": rooms, "flags": {}, "except": exceptions}]))


async def ask(redis: Redis, kind: int, whom: list[str], /, **more: Any) -> None:
    """As `emitter.in(rooms).socketsJoin(…)`, `.socketsLeave(…)` (3) and `.disconnectSockets()` (4) do."""
    await publish(redis, "socket.io-request#/#", json.dumps(
        {"type": kind, "opts": {"rooms": whom, "except": []}} | more).encode())


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_events_reach_everybody_and_rooms_with_their_arguments_unchanged(
    redis: Redis, server: Server, manager: socketio.AsyncRedisManager, dial: Dial, transport: str
) -> None:
    people = [server.person(), server.person()]
    number = direct(server, *people)
    one, other = [await dial(server, person, transport) for person in people]
    await one.join(number)
    value = {"a": [1, 2.5, None, True, "ü\"\\"], "b": {"c": -2**53}}

    await manager.emit("to everybody", value)
    await emit(redis, "to everybody", value)
    for client in (one, other):
        for _ in range(2):
            assert await heard(client) == ("to everybody", value)

    await manager.emit("to a person", (1, "two", [3]), room=f"user_{people[0].id}")
    await emit(redis, "to a person", 1, "two", [3], rooms=[f"user_{people[0].id}"])
    await emit(redis, "to a conversation", rooms=[f"conversation_{number}"])
    await emit(redis, "to both", rooms=[f"user_{people[0].id}", f"conversation_{number}", f"user_{people[1].id}"])
    for _ in range(2):
        assert await heard(one) == ("to a person", 1, "two", [3])
    assert await heard(one) == ("to a conversation",)
    for client in (one, other):
        assert await heard(client) == ("to both",)

    await manager.emit("bytes", {"file": b"\x00\xff", "more": [b"x"]}, room=f"user_{people[0].id}")
    await emit(redis, "bytes", {"file": b"\x00\xff"}, b"x", rooms=[f"user_{people[0].id}"])
    assert await heard(one) == ("bytes", {"file": b"\x00\xff", "more": [b"x"]})
    assert await heard(one) == ("bytes", {"file": b"\x00\xff"}, b"x")
    await heard_nothing(one, other)


async def test_who_is_left_out_hears_nothing(
    redis: Redis, server: Server, manager: socketio.AsyncRedisManager, dial: Dial
) -> None:
    person, stranger = server.person(), server.person()
    one, two, other = await dial(server, person), await dial(server, person), await dial(server, stranger)
    await manager.emit("a", None, room=f"user_{person.id}", skip_sid=sid(one))
    await manager.emit("b", None, room=sid(one))
    await emit(redis, "c", exceptions=[f"user_{person.id}"])
    await emit(redis, "d", rooms=[f"user_{person.id}", f"user_{stranger.id}"], exceptions=[sid(two)])
    assert [(await heard(one))[0] for _ in range(2)] == ["b", "d"]
    assert await heard(two) == ("a",)
    assert [(await heard(other))[0] for _ in range(2)] == ["c", "d"]
    await heard_nothing(one, two, other)


async def test_a_back_end_has_rooms_of_its_own_and_sends_clients_away(
    redis: Redis, server: Server, manager: socketio.AsyncRedisManager, dial: Dial
) -> None:
    person = server.person()
    one, two = await dial(server, person), await dial(server, person)
    await manager.enter_room(sid(one), "/", "news")
    await ask(redis, 2, [f"user_{person.id}"], rooms=["sports", "weather"])
    await manager.emit("a", None, room="news")
    await emit(redis, "b", rooms=["sports", "news", "weather"])
    await ask(redis, 3, [sid(two)], rooms=["sports"])
    await emit(redis, "c", rooms=["sports"])
    await manager.close_room("sports")
    await emit(redis, "d", rooms=["sports"])
    await manager.leave_room(sid(one), "/", "news")
    await manager.emit("e", None, room="news")
    await manager.emit("f", None, room="weather")
    assert [(await heard(one))[0] for _ in range(4)] == ["a", "b", "c", "f"]
    assert [(await heard(two))[0] for _ in range(2)] == ["b", "f"]
    await heard_nothing(one, two)
    await manager.can_disconnect(sid(one), "/")
    await one.expect_disconnect()
    await ask(redis, 4, [f"user_{person.id}"], close=True)
    await two.expect_disconnect()


async def test_only_clients_of_socket_io_hear_emitters(
    redis: Redis, server: Server, dial: Dial, connect: Connect
) -> None:
    person = server.person()
    client = await dial(server, person)
    others = [await connect(server, path, person.token) for path in ("/ws/chat/", "/ws/notifications/")]
    await emit(redis, "a", rooms=[f"user_{person.id}"])
    await emit(redis, "b")
    assert [(await heard(client))[0] for _ in range(2)] == ["a", "b"]
    for other in others:
        await other.expect_nothing()


async def test_two_servers_bring_an_event_to_each_client_once(redis: Redis, start: Start, dial: Dial) -> None:
    servers = [start("--emitters", redis.url, "--emitters-key", "pair", "--emitters-channel", "pair") for _ in range(2)]
    clients = [await dial(server, server.person()) for server in servers for _ in range(2)]
    manager = socketio.AsyncRedisManager(redis.url, channel="pair", write_only=True)
    await manager.emit("a", None)
    await publish(redis, "pair#/#", msgpack.packb(["emitter", {"type": 2, "data": ["b"], "nsp": "/"}, {"rooms": []}]))
    for client in clients:
        assert {(await heard(client))[0] for _ in range(2)} == {"a", "b"}
    await heard_nothing(*clients)
    await manager.redis.aclose()


class Evil:
    """A pickle that would run a command."""

    def __reduce__(self) -> Any:
        return (eval, ("__import__('os').abort()",))


async def test_what_is_no_event_is_counted_and_dropped(redis: Redis, server: Server, dial: Dial) -> None:
    client = await dial(server, server.person())
    before = Metrics.of(server).by("reason", "emitters_dropped_total")
    hostile = {
        "malformed": [
            ("socketio", b""), ("socketio", b"\xff"), ("socketio", b"[" * 100_000), ("socketio", b'{"method":5}'),
            ("socket.io#/#", b"\x91" * 100_000), ("socket.io#/#", b"\xdd\xff\xff\xff\xff"), ("socket.io#/#", b"{}"),
            ("socket.io-request#/#", b"\xc1"),
        ],
        "pickle": [("socketio", pickle.dumps({"method": "emit", "event": "x", "data": Evil()}))],
        "unknown_namespace": [("socketio", b'{"method":"emit","event":"x","data":[],"namespace":"/admin"}')],
        "unknown_method": [("socketio", b'{"method":"shutdown"}')],
        "too_long": [("socketio", b'{"method":"emit","event":"x","data":["' + b"x" * 2**20 + b'"]}')],
    }
    for messages in hostile.values():
        for channel, message in messages:
            await publish(redis, channel, message)
    # What servers ask one another is none of ours.
    await publish(redis, "socketio", b'{"method":"callback","host_id":"x","sid":"x","id":1,"args":[]}')
    await publish(redis, "socket.io-request#/#", b'{"uid":"x","type":1,"requestId":"x"}')
    await emit(redis, "good")
    assert await heard(client) == ("good",)
    after = Metrics.of(server).by("reason", "emitters_dropped_total")
    assert {reason: after[reason] - before[reason] for reason in after} == dict.fromkeys(after, 0) | {
        reason: len(messages) for reason, messages in hostile.items()}
    await heard_nothing(client)


async def test_servers_of_node_js_do_not_wait_for_answers_of_ours(redis: Redis, server: Server) -> None:
    # They count whom to wait for with this.
    with redis.client() as client:
        assert client.pubsub_numsub("socket.io-request#/#") == [(b"socket.io-request#/#", 0)]


async def test_few_rights_are_enough(start_redis: Callable[..., Redis], start: Start, dial: Dial) -> None:
    redis = start_redis("user emitters on >hush resetchannels &socketio &socket.io#/#* &socket.io-request#/# +subscribe +psubscribe +ping")
    server = start(extra={"SWITCHBOARD_EMITTERS": redis.url.replace("//", "//emitters:hush@")})
    client = await dial(server, server.person())
    await emit(redis, "hi")
    assert await heard(client) == ("hi",)
    assert "hush" not in "".join(server.log)


async def test_emitters_are_heard_again_after_redis_was_gone(
    start_redis: Callable[..., Redis], start: Start, dial: Dial
) -> None:
    redis = start_redis()
    server = start("--emitters", redis.url)
    client = await dial(server, server.person())
    redis.stop()

    def is_ready() -> bool:
        return request(server, "GET", "/readyz").status == 200

    await asyncio.to_thread(eventually, lambda: not is_ready(), "/readyz says that Redis is gone")
    assert "emitters" in request(server, "GET", "/readyz").body.decode()
    redis.start()
    await asyncio.to_thread(eventually, is_ready, "/readyz says that Redis is back")
    await emit(redis, "back")
    assert await heard(client) == ("back",)
    assert len(server.logged("the emitters are not heard")) == 1
