"""A cluster on a network that is cut: each node, Redis and PostgreSQL on a machine of its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import campus
import network
import pytest
from cluster import LEASE, Cluster
from conftest import Connect
from crossing import Talk, both_present, in_room
from network import Network
from postgres import rows
from rooms import said

pytestmark = pytest.mark.skipif(network.why_not() is not None, reason=str(network.why_not()))

# How long what is known by the store alone may take.
BY_THE_STORE = 5.0

_rooms = (f"/ws/chat/divided{number}/" for number in itertools.count(1))


@pytest.fixture(scope="module")
def wire() -> Iterator[Network]:
    wire = Network()
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, wire: Network) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), 3, "--anonymous", "rooms", network=wire)
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture
def cluster(shared: Cluster, wire: Network) -> Iterator[Cluster]:
    shared.heal()
    yield shared
    wire.heal()


@pytest.fixture
def room() -> str:
    return next(_rooms)


def lost(cluster: Cluster, what: str) -> list[network.Host]:
    """What the first node is cut off from."""
    parts = {
        "Redis": [cluster.redis.machine], "PostgreSQL": [cluster.postgresql.machine],
        "the other nodes": [node.machine for node in cluster.nodes[1:]],
    }
    return [host for name, hosts in parts.items() if name in what or what == "everything" for host in hosts]


@pytest.mark.parametrize("what", ["Redis", "the other nodes", "Redis and the other nodes"])
async def test_nothing_is_lost_and_all_is_heard_while_a_node_is_cut_off(
    cluster: Cluster, wire: Network, connect: Connect, what: str
) -> None:
    nodes = cluster.nodes
    people = [cluster.person() for _ in range(4)]
    async with (
        Talk(connect, (nodes[0], people[0]), people[1], *nodes, pause=0.03) as inside,
        Talk(connect, (nodes[1], people[2]), people[3], *nodes, pause=0.03) as outside,
    ):
        wire.cut(nodes[0].machine, *lost(cluster, what))
        if "Redis" in what:
            await asyncio.to_thread(cluster.are_not_ready, "bus", nodes[0])
        else:
            # The nodes hear each other by Redis; what they need each other's addresses for can wait.
            await asyncio.sleep(LEASE + 1)
        assert [node.is_ready for node in nodes] == ["Redis" not in what, True, True]
        for talk in (inside, outside):
            await talk.goes_on(10)
            await talk.caught_up(within=BY_THE_STORE)
        wire.heal()
        await asyncio.to_thread(cluster.are_ready)
        for talk in (inside, outside):
            await talk.goes_on(10)


@pytest.mark.parametrize("what", ["PostgreSQL", "everything"])
async def test_nothing_is_lost_while_a_node_is_cut_off_from_the_store(
    cluster: Cluster, wire: Network, connect: Connect, what: str
) -> None:
    """Its clients stay, and have everything when it is back; what they said meanwhile is stored, or refused."""
    nodes = cluster.nodes
    people = [cluster.person() for _ in range(4)]
    speaker = await connect(nodes[0], campus.CHAT, people[2].token)
    async with Talk(connect, (nodes[1], people[0]), people[1], *nodes, pause=0.03) as talk:
        wire.cut(nodes[0].machine, *lost(cluster, what))
        for number in range(10):
            await speaker.send(campus.said(str(number), people[3].id))
        await asyncio.to_thread(cluster.are_not_ready, "store" if what == "PostgreSQL" else "", nodes[0], within=15)
        assert [node.is_ready for node in nodes] == [False, True, True]
        await talk.goes_on(10)
        wire.heal()
        await asyncio.to_thread(cluster.are_ready)
        await talk.goes_on(10)
    answers = [(await speaker.receive())["type"] for _ in range(10)]
    stored = rows(cluster.store, "SELECT text FROM messages WHERE sender_id = ? ORDER BY id", people[2].id)
    assert stored == [(str(number),) for number, answer in enumerate(answers) if answer == "message_sent"]


async def test_all_is_one_again_when_the_cut_is_healed(
    cluster: Cluster, wire: Network, connect: Connect, room: str
) -> None:
    nodes = cluster.nodes
    people = [cluster.person() for _ in range(2)]
    for client in await both_present(connect, nodes[0], people[0], nodes[1], people[1]):
        client.leave()
    clients = await in_room(connect, nodes, room)
    wire.cut(nodes[0].machine, *lost(cluster, "Redis and the other nodes"))
    await asyncio.to_thread(cluster.are_not_ready, "bus", nodes[0])
    # Those who can hear each other still do.
    await clients[1].send(said("two of us", username="1"))
    for client in clients[1:]:
        # What each said before may still be on its way.
        while (frame := await client.receive())["message"].startswith("hello?"):
            pass
        assert frame["message"] == "two of us"
    wire.heal()
    await asyncio.to_thread(cluster.are_ready)
    for client in clients:
        client.leave()
    people = [cluster.person() for _ in range(2)]
    await both_present(connect, nodes[0], people[0], nodes[1], people[1])
    await in_room(connect, nodes, room)
