"""A cluster while its parts fail, one after the other: nothing acknowledged is lost, and all heals by itself."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import campus
import erp
import msgpack
import pytest
import rooms
from api import CONVERSATIONS, MESSAGES, answered, get, post
from cluster import HEALED, LEASE, Cluster, Node
from conftest import Connect
from crossing import Talk, at_counter, both_present, counted, in_room, offline, present, until
from database import rows
from metrics import Metrics
from raw import PING, PONG, RawWebSocket, frame
from redis_server import GUARDED, Redis, expect_refusals, refusal
from switchboard import A_SECOND, PATIENCE, Person, command, eventually

StartRedis = Callable[..., Redis]
DOCUMENT = Path(__file__).parents[2] / "docs" / "CLUSTER.md"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster.start()
    cluster.close()


@pytest.fixture
def cluster(shared: Cluster) -> Iterator[Cluster]:
    """With all of its nodes, whatever the test before has done to them."""
    shared.heal()
    yield shared


@pytest.fixture
def nodes(cluster: Cluster) -> list[Node]:
    return cluster.nodes


@pytest.fixture
def people(cluster: Cluster) -> tuple[Person, Person]:
    return cluster.person("Aarav Sharma"), cluster.person("Bela Nováková")


@pytest.fixture
def others(cluster: Cluster) -> tuple[Person, Person]:
    return cluster.person("Chen Wei"), cluster.person("Diya Patel")


# Nodes

async def test_when_a_node_dies_presence_and_the_counter_heal(
    cluster: Cluster, nodes: list[Node], people: tuple[Person, Person], connect: Connect
) -> None:
    here, _ = await both_present(connect, nodes[0], people[0], nodes[2], people[1])
    _, counters = await at_counter(connect, nodes)
    nodes[2].kill9()
    for client in counters[:2]:
        await counted(client, 2, within=HEALED)
    await offline(here, people[1], within=HEALED)
    cluster.heal()
    there = await connect(nodes[2], erp.CHAT, people[1].token)
    while (await there.receive())["message"] != "are you there?":
        pass
    await there.arrived()
    await present(here, people[0], there, people[1])


def farewells(node: Node) -> list[str]:
    return [line for line in node.log if "it has stopped" in line]


async def test_a_node_that_stops_is_gone_at_once(
    nodes: list[Node], people: tuple[Person, Person], others: tuple[Person, Person], connect: Connect
) -> None:
    here, _ = await both_present(connect, nodes[0], people[0], nodes[2], people[1])
    async with Talk(connect, (nodes[0], others[0]), others[1], nodes[1]) as talk:
        before = len(farewells(nodes[0]))
        assert await asyncio.to_thread(nodes[2].terminate) == 0
        # Of one that is only silent, the log says something else.
        await until(lambda: len(farewells(nodes[0])) > before, "its farewell is heard")
        await offline(here, people[1], within=HEALED)
        await talk.goes_on(5)


async def test_a_node_that_stood_still_for_longer_than_its_lease_catches_up(
    nodes: list[Node], people: tuple[Person, Person], connect: Connect
) -> None:
    aarav, bela = people
    here, there = await both_present(connect, nodes[0], aarav, nodes[1], bela)
    async with Talk(connect, (nodes[0], aarav), bela, nodes[1], nodes[2]) as talk:
        nodes[1].pause()
        try:
            await asyncio.sleep(LEASE + 2)
            await talk.goes_on(5)
        finally:
            nodes[1].resume()
        await talk.heard()
    for text in talk.acknowledged:
        frame = await there.receive()
        assert frame["message"] == text
    await present(here, aarav, there, bela)


async def test_what_was_acknowledged_by_a_node_that_was_killed_is_heard(
    cluster: Cluster, nodes: list[Node], people: tuple[Person, Person], connect: Connect
) -> None:
    """It may have been stored, and not told yet."""
    aarav, bela = people
    client = await connect(nodes[1], campus.CHAT, bela.token)
    sender = await connect(nodes[0], campus.CHAT, aarav.token)
    acknowledged = []
    killer = threading.Timer(0.4, nodes[0].kill9)
    try:
        for number in range(100_000):
            await sender.send(campus.said(str(number), bela.id))
            await sender.expect(campus.SENT)
            acknowledged.append(str(number))
            if number == 0:
                killer.start()
    except Exception:
        assert nodes[0].wait() == -signal.SIGKILL
    assert acknowledged
    answered(post(nodes[2], aarav, MESSAGES, {"receiver_id": bela.id, "text": "last"}), 201)
    texts = []
    while (text := (await client.receive())["message"]) != "last":
        texts.append(text)
    assert texts in (acknowledged, [*acknowledged, str(len(acknowledged))])


# Redis

@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_without_redis_chats_go_on_and_readiness_says_why(
    cluster: Cluster, nodes: list[Node], people: tuple[Person, Person], others: tuple[Person, Person],
    connect: Connect, ending: signal.Signals,
) -> None:
    aarav, bela = people
    chen, diya = others
    async with Talk(connect, (nodes[0], aarav), bela, *nodes, pause=0.03) as talk:
        await asyncio.to_thread(cluster.redis.stop, ending)
        await asyncio.to_thread(cluster.are_not_ready, "bus")
        await talk.goes_on(10)
        # Through the store: with a delay.
        late = await connect(nodes[2], campus.CHAT, chen.token)
        answered(post(nodes[1], diya, MESSAGES, {"receiver_id": chen.id, "text": "without a bus"}), 201)
        await late.expect(campus.heard("without a bus", diya), within=A_SECOND + 4)
        await asyncio.to_thread(cluster.redis.start)
        await asyncio.to_thread(cluster.are_ready)
        await talk.goes_on(10)
    for node in nodes:
        node.logged("the bus is back")


@pytest.mark.parametrize("blow", [
    ("FLUSHALL",), ("CLIENT", "KILL", "TYPE", "pubsub"), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
], ids=["forgets all", "loses the subscriptions", "loses the publishers"])
async def test_nothing_is_lost_when_redis_loses_what_it_has(
    cluster: Cluster, nodes: list[Node], people: tuple[Person, Person], connect: Connect, blow: tuple[str, ...],
) -> None:
    async with Talk(connect, (nodes[0], people[0]), people[1], *nodes) as talk:
        with cluster.redis.client() as redis:
            for _ in range(5):
                redis.execute_command(*blow)
                await talk.goes_on(10)
    await asyncio.to_thread(cluster.are_ready)


async def test_all_is_known_again_after_redis_was_away(
    cluster: Cluster, nodes: list[Node], people: tuple[Person, Person], connect: Connect, room: str
) -> None:
    here, there = await both_present(connect, nodes[0], people[0], nodes[1], people[1])
    await asyncio.to_thread(cluster.redis.stop)
    await asyncio.sleep(LEASE + 0.5)
    await asyncio.to_thread(cluster.redis.start)
    await asyncio.to_thread(cluster.are_ready)
    await present(here, people[0], there, people[1])
    for client in await in_room(connect, nodes, room):
        await client.expect_nothing()
    await at_counter(connect, nodes)


# PostgreSQL

@pytest.mark.parametrize("end", ["in order", "at once"])
async def test_nothing_is_lost_when_postgresql_restarts(
    cluster: Cluster, nodes: list[Node], people: tuple[Person, Person], connect: Connect, end: str
) -> None:
    database = cluster.postgresql
    async with Talk(connect, (nodes[0], people[0]), people[1], *nodes) as talk:
        await asyncio.to_thread(database.stop, signal.SIGINT if end == "in order" else signal.SIGQUIT)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(database.start)
        await talk.goes_on()
    await asyncio.to_thread(cluster.are_ready)
    # Each reader tries again for itself, within a second.
    for node in nodes * 4:
        await until(lambda: get(node, people[0], CONVERSATIONS).status == 200, "histories can be read again")


# Two devices of one person that can't ask for what they missed

def first_has_arrived(node: Node, person: Person) -> bool:
    """Whether the store knows that the person's first message is on all of their devices."""
    query = """
        SELECT delivered_id >= (SELECT min(messages.id) FROM messages JOIN members USING (conversation_id)
            WHERE user_id = users.id) FROM users WHERE id = ?"""
    return rows(node, query, person.id) == [(True,)]


@pytest.mark.parametrize("end", ["its network breaks", "its node is killed", "its node is killed, long ago"])
async def test_a_device_on_another_node_does_not_hide_what_the_first_one_missed(
    nodes: list[Node], people: tuple[Person, Person], connect: Connect, end: str
) -> None:
    aarav, bela = people
    sender = await connect(nodes[2], erp.CHAT, aarav.token)
    desk = await connect(nodes[1], erp.CHAT, bela.token)
    texts: list[str] = []

    async def say(text: str) -> None:
        texts.append(text)
        await sender.send(erp.said(text, bela.id))
        await desk.expect(erp.heard(text, aarav))

    # This device answers pings when it is told to.
    with RawWebSocket(nodes[0], f"{erp.CHAT}?token={bela.token}") as phone:
        while len(texts) < 3 or not first_has_arrived(nodes[1], bela):
            assert len(texts) < 50, "neither device's pongs are stored"
            await say(str(len(texts)))
            asked = [phone.receive()]
            while asked[-1].opcode != PING:
                asked.append(phone.receive())
            phone.send(frame(PONG, asked[-1].payload))
            # The desk's pong, and what the nodes tell each other of both, which they know with a later message.
            await asyncio.sleep(0.3)
        if end != "its network breaks":
            nodes[0].signal(signal.SIGSTOP)
        await say("missed")
        await asyncio.sleep(0.3)
        if end != "its network breaks":
            nodes[0].kill9()
    if end.endswith("long ago"):
        await asyncio.sleep(HEALED)
    again = await connect(nodes[1], erp.CHAT, bela.token)
    await say("newer")
    heard = [(await again.receive())["message"]]
    while heard[-1] != "newer":
        heard.append((await again.receive())["message"])
    # Nothing is missing, and little comes twice.
    assert heard[-2:] == ["missed", "newer"] and heard == texts[-len(heard):], heard
    assert texts[0] not in heard


# Strangers on the bus

def dropped(node: Node) -> float:
    return sum(Metrics.of(node).by("reason", "bus_dropped_total").values())


async def test_foreign_bytes_are_counted_and_dropped(
    cluster: Cluster, nodes: list[Node], people: tuple[Person, Person], connect: Connect
) -> None:
    hostile = [
        b"", b"\0", b"\xc1" * 16, b"\0" * 15, b"\0" * 17, b"\xff" * 100_000,
        b"\0" * 16 + msgpack.packb([1, 1, [0, "x", 1]]), b"\0" * 16 + b"\xdd\xff\xff\xff\xff",
        b"\0" * 16 + b"\x91" * 100_000, b'{"type": "heartbeat"}',
    ]
    before = [dropped(node) for node in nodes]
    with cluster.redis.client() as redis:
        own = [channel for channel in redis.pubsub_channels("switchboard:bus:*")]
        assert len(own) == len(nodes)
        async with Talk(connect, (nodes[0], people[0]), people[1], *nodes) as talk:
            for message in hostile:
                assert redis.publish("switchboard:bus", message) == len(nodes)
                for channel in own:
                    assert redis.publish(channel, message) == 1
            await talk.goes_on(10)
    for node, count in zip(nodes, before):
        await until(lambda: dropped(node) == count + 2 * len(hostile), "all of them are counted")
        lines = node.logged("dropped")
        assert 0 < len(lines) <= 3, lines


async def test_what_was_overheard_and_is_said_again_does_nothing(
    cluster: Cluster, nodes: list[Node], people: tuple[Person, Person], connect: Connect, room: str
) -> None:
    clients = await in_room(connect, nodes, room)
    with cluster.redis.client() as redis:
        overheard = []
        with redis.pubsub() as tap:
            tap.psubscribe("switchboard:bus*")
            while tap.get_message(timeout=PATIENCE)["type"] != "psubscribe":
                pass
            async with Talk(connect, (nodes[0], people[0]), people[1], *nodes) as talk:
                await clients[0].send(rooms.said("once"))
                for client in clients:
                    await client.expect(rooms.heard("once"))
                await talk.heard()
            while (message := tap.get_message(timeout=0.05)) is not None:
                overheard.append((message["channel"], message["data"]))
        assert len(overheard) > 10
        own = redis.pubsub_channels("switchboard:bus:*")
        for channel, data in overheard:
            redis.publish(channel, data)
            # Nor on another channel than its own.
            for other in {*own, b"switchboard:bus"} - {channel}:
                redis.publish(other, data)
    await clients[0].send(rooms.said("twice"))
    for client in clients:
        await client.expect(rooms.heard("twice"))
    for client in (*clients, *talk.listeners):
        await client.expect_nothing()
    assert all(node.is_ready for node in nodes)


# What is refused at the start

def test_a_bus_that_cannot_work_is_refused_in_one_line(
    shared: Cluster, start_redis: StartRedis, tmp_path: Path
) -> None:
    store = ["--store", shared.postgresql.new_store()]
    expect_refusals(tmp_path, start_redis(*GUARDED), "bus", *store)
    nobody = f"redis://127.0.0.1:{shared.nodes[0].port}"
    assert "not a reply of Redis" in refusal(tmp_path, "bus", nobody, *store)


def test_the_rights_in_the_document_are_enough(shared: Cluster, start_redis: StartRedis, tmp_path: Path) -> None:
    rights = re.search(r"^user nodes .*$", DOCUMENT.read_text(), re.MULTILINE)[0]
    redis = start_redis("user default off", rights.replace("PASSWORD", "secret"))
    node = Node(
        tmp_path, "--node-address", "127.0.0.1:0", store=shared.postgresql.new_store(),
        extra={"SWITCHBOARD_BUS": f"redis://nodes:secret@127.0.0.1:{redis.port}"})
    try:
        node.start()
        assert node.is_ready
        # Longer than it goes without a sign of itself, and than its claim is renewed.
        eventually(lambda: Metrics.of(node)["bus_published_total"] >= 8, "it has been there for a while")
        assert node.is_ready
    finally:
        node.close()


@pytest.mark.parametrize("store", [None, "sqlite:switchboard.db"])
def test_a_bus_needs_a_store_that_is_shared(shared: Cluster, tmp_path: Path, store: str | None) -> None:
    place = [] if store is None else ["--store", store]
    done = command("serve", "--listen", "127.0.0.1:0", *place, "--bus", shared.redis.url, folder=tmp_path)
    assert done.returncode == 2 and "PostgreSQL" in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_two_clusters_on_one_prefix_are_refused(cluster: Cluster, tmp_path: Path) -> None:
    store = cluster.postgresql.new_store()
    line = refusal(tmp_path, "bus", cluster.redis.url, "--store", store)
    assert "bus_prefix" in line or "--bus-prefix" in line, line
    # Nor where Redis had forgotten whose it is.
    with cluster.redis.client() as redis:
        redis.flushall()
        eventually(lambda: redis.exists("switchboard:cluster"), "the cluster says again that it is there")
    assert "prefix" in refusal(tmp_path, "bus", cluster.redis.url, "--store", store)
    assert all(node.is_ready for node in cluster.nodes)


async def test_another_prefix_is_another_cluster(
    cluster: Cluster, people: tuple[Person, Person], connect: Connect, tmp_path: Path
) -> None:
    other = Cluster(tmp_path, 2, "--bus-prefix", "other", beside=cluster)
    try:
        other.start()
        before = [dropped(node) for node in (*cluster.nodes, *other.nodes)]
        strangers = other.person(), other.person()
        async with (
            Talk(connect, (cluster.nodes[0], people[0]), people[1], *cluster.nodes) as one,
            Talk(connect, (other.nodes[0], strangers[0]), strangers[1], *other.nodes) as two,
        ):
            await one.goes_on()
            await two.goes_on()
        assert [dropped(node) for node in (*cluster.nodes, *other.nodes)] == before
    finally:
        other.close()
