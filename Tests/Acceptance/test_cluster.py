"""Several nodes on one PostgreSQL and one Redis: what happens on one is heard on all, as if they were one."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator

import campus
import conversations
import erp
import pytest
import rooms
import socket_io
from api import API_KEY, CONVERSATIONS, KEYED, MESSAGES, answered, delete, direct, get, group, post
from client import Client
from cluster import Cluster, Node
from conftest import Connect
from crossing import COUNTER, at_counter, both_present, counted, heard_last, in_room, offline, until
from database import rows
from erp import notified, unread
from frames import ERP_TIME, ID, ROOMS_TIME, TEXT
from signed import SECRET, hs256
from switchboard import A_SECOND, PATIENCE, Person, eventually
from websockets.exceptions import ConnectionClosed

SEND = "/api/notifications/send/"
NOTICES = "/api/notices/"
BULK = "/api/bulk-messages/"
DIALECTS = ("erp", "campus", "conversations", "socketio")
# Of the nodes with limits.
CONNECTIONS, BURST, BULK_RATE = 3, 300, 30
VERIFIER = json.dumps([{"name": "crowd", "secret": SECRET, "algorithms": ["HS256"], "create_users": True}])

_rooms = (f"/ws/chat/crossing{number}/" for number in itertools.count(1))
_colleges = itertools.count(500)
_names = itertools.count(1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster.start()
    cluster.close()


@pytest.fixture(scope="module")
def nodes(cluster: Cluster) -> list[Node]:
    return cluster.nodes


@pytest.fixture(scope="module")
def limited(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Another cluster with narrow limits, on the same Redis and PostgreSQL."""
    limited = Cluster(
        tmp_path_factory.mktemp("limited"), 2, "--bus-prefix", "limited",
        "--message-rate", 0.01, "--message-burst", BURST, "--bulk-rate", BULK_RATE, beside=cluster,
        extra=KEYED | {"SWITCHBOARD_JWT": VERIFIER, "SWITCHBOARD_CONNECTIONS_PER_PERSON": str(CONNECTIONS)})
    yield limited.start()
    limited.close()


@pytest.fixture(scope="module")
def pair(cluster: Cluster) -> tuple[Person, Person]:
    return cluster.person("Aarav Sharma"), cluster.person("Bela Nováková")


@pytest.fixture
def room() -> str:
    return next(_rooms)


@pytest.fixture
def college() -> int:
    return next(_colleges)


# Direct messages

async def open_chat(connect: Connect, node: Node, dialect: str, person: Person) -> Client:
    match dialect:
        case "erp":
            return await connect(node, erp.CHAT, person.token)
        case "campus":
            return await connect(node, campus.CHAT, person.token)
        case "conversations":
            return await conversations.online(connect, node, person)
        case "socketio":
            return await socket_io.online(connect, node, person.token)
    raise ValueError(dialect)


async def say(client: Client, dialect: str, text: str, receiver: Person, conversation: int) -> None:
    match dialect:
        case "erp":
            await client.send(erp.said(text, receiver.id))
        case "campus":
            await client.send(campus.said(text, receiver.id))
        case "conversations":
            await client.send(conversations.said(text, conversation))
        case "socketio":
            await client.send(socket_io.said(text, conversation))


def heard(dialect: str, text: str, sender: Person, receiver: Person, conversation: int) -> object:
    match dialect:
        case "erp":
            return erp.heard(text, sender)
        case "campus":
            return campus.heard(text, sender)
        case "conversations":
            return conversations.heard(text, sender, conversation)
        case "socketio":
            return socket_io.notified(text, sender, receiver, conversation)
    raise ValueError(dialect)


@pytest.mark.parametrize("dialect", [*DIALECTS, "api"])
async def test_a_message_reaches_every_dialect_on_every_node_once_and_in_order(
    cluster: Cluster, nodes: list[Node], connect: Connect, dialect: str
) -> None:
    aarav, bela = cluster.person("Aarav Sharma"), cluster.person("Bela Nováková")
    number = direct(nodes[0], aarav, bela)
    receivers = [(spoken, await open_chat(connect, node, spoken, bela)) for node in nodes for spoken in DIALECTS]
    texts = [str(count) for count in range(20)]
    if dialect == "api":
        for text in texts:
            answered(post(nodes[0], aarav, MESSAGES, {"receiver_id": bela.id, "text": text}), 201)
    else:
        sender = await open_chat(connect, nodes[0], dialect, aarav)
        for text in texts:
            await say(sender, dialect, text, bela, number)
    for text in texts:
        for spoken, client in receivers:
            await client.expect(heard(spoken, text, aarav, bela, number))
    # From another node, behind all of that.
    answered(post(nodes[2], aarav, MESSAGES, {"receiver_id": bela.id, "text": "last"}), 201)
    for spoken, client in receivers:
        await client.expect(heard(spoken, "last", aarav, bela, number))


async def test_all_hear_a_group_in_one_order(cluster: Cluster, nodes: list[Node], connect: Connect) -> None:
    people = [cluster.person() for _ in nodes]
    number = group(nodes[0], *people)
    clients = [await conversations.online(connect, node, person) for node, person in zip(nodes, people)]
    each = 60

    async def talk(client: Client) -> None:
        for count in range(each):
            await client.send(conversations.said(str(count), number))
            await asyncio.sleep(0)

    async def listen(client: Client) -> list[tuple[int, int, str]]:
        frames = [(await client.receive())["message"] for _ in range(each * len(clients))]
        return [(frame["id"], frame["sender"]["id"], frame["content"]) for frame in frames]

    *_, one, two, three = await asyncio.gather(*map(talk, clients), *map(listen, clients))
    assert one == two == three == sorted(one)
    for person in people:
        assert [text for _, sender, text in one if sender == person.id] == [str(count) for count in range(each)]


# Presence

async def test_who_is_on_another_node_is_there(cluster: Cluster, nodes: list[Node], connect: Connect) -> None:
    aarav, bela = cluster.person(), cluster.person()
    here, there = await both_present(connect, nodes[0], aarav, nodes[1], bela)
    for count in range(20):
        await here.send(erp.said(str(count), bela.id))
        await there.expect(erp.heard(str(count), aarav))
    await here.expect_nothing()
    await there.close()
    await offline(here, bela, within=A_SECOND)


async def test_typing_and_receipts_cross(cluster: Cluster, nodes: list[Node], connect: Connect) -> None:
    aarav, bela = cluster.person(), cluster.person()
    number = direct(nodes[0], aarav, bela)
    here, there = await both_present(connect, nodes[0], aarav, nodes[1], bela)
    talking = await conversations.online(connect, nodes[1], bela)
    joined = await socket_io.online(connect, nodes[2], bela.token, number)
    author = await conversations.online(connect, nodes[2], aarav)
    await here.send(erp.said("one more", bela.id))
    await there.expect(erp.heard("one more", aarav))
    await talking.expect(conversations.heard("one more", aarav, number))
    await joined.expect(socket_io.heard("one more", aarav, bela, number))
    await joined.expect(socket_io.notified("one more", aarav, bela, number))
    await here.send({"type": "typing", "recipient_id": bela.id})
    await there.expect({"type": "user_typing", "sender_id": aarav.id})
    await talking.expect(conversations.typing_of(aarav, True))
    await joined.expect(socket_io.typing_of(aarav, True, number))
    await there.send({"type": "mark_read", "sender_id": aarav.id})
    await here.expect(erp.read_by(bela))
    await author.expect(conversations.heard("one more", aarav, number))
    await author.expect(conversations.read_by(bela, number))


# Notifications and notices

def shown(title: str) -> dict:
    return {
        "type": "notification", "id": ID, "title": title, "message": "M", "category": TEXT, "link": TEXT,
        "timestamp": ERP_TIME, "is_read": False,
    }


def told(title: str) -> dict:
    return {
        "type": "notify", "title": title, "message": "M", "notification_type": TEXT, "timestamp": ERP_TIME, "data": {},
    }


def announced(title: str) -> dict:
    return {"type": "notification", "title": title, "message": "M", "priority": "normal", "timestamp": ROOMS_TIME}


@pytest.mark.parametrize("audience", ["person", "college", "everybody"])
async def test_a_notification_reaches_its_audience_on_every_node(
    cluster: Cluster, nodes: list[Node], connect: Connect, college: int, audience: str
) -> None:
    person, stranger = cluster.person(college=college), cluster.person()
    bells = [await notified(connect, node, person) for node in nodes]
    campuses = [await connect(node, campus.NOTIFICATIONS, person.token) for node in nodes]
    sockets = [await socket_io.online(connect, node, person.token) for node in nodes]
    public = [await connect(node, campus.NOTIFICATIONS) for node in nodes]
    for client in public:
        assert (await client.receive())["type"] == "connection_status"
    others = [await notified(connect, node, stranger) for node in nodes]
    target = {"person": {"user_id": person.id}, "college": {"college_id": college}, "everybody": {}}[audience]
    for count, node in enumerate(nodes, 1):
        title = f"{audience} {count}"
        answered(post(node, API_KEY, SEND, {"title": title, "message": "M"} | target))
        for client in bells:
            await client.expect(shown(title))
            await client.expect(unread(count))
        for client in campuses:
            await client.expect(told(title))
        for client in sockets:
            event = await client.receive()
            assert event[0] == "new_notification" and event[1]["title"] == title, event
        for client in public:
            if audience == "everybody":
                await client.expect(announced(title))
        for client in others:
            if audience == "everybody":
                await client.expect(shown(title))
                await client.expect(unread(count))
    for client in (*bells, *campuses, *sockets, *public, *others):
        await client.expect_nothing()


async def test_unread_counts_are_told_on_every_node(cluster: Cluster, nodes: list[Node], connect: Connect) -> None:
    person = cluster.person()
    bells = [await notified(connect, node, person) for node in nodes]
    answered(post(nodes[2], API_KEY, SEND, {"title": "T", "message": "M", "user_id": person.id}))
    for client in bells:
        number = (await client.expect(shown("T")))["id"]
        await client.expect(unread(1))
    await bells[0].send({"type": "mark_read", "id": number})
    for client in bells:
        await client.expect(unread(0))


async def test_a_notice_is_heard_on_every_node(
    cluster: Cluster, nodes: list[Node], connect: Connect, college: int
) -> None:
    person = cluster.person(college=college)
    clients = [await connect(node, campus.NOTIFICATIONS, person.token) for node in nodes]
    body = {"title": "Exams", "college_id": college, "publish": False}
    number = answered(post(nodes[1], API_KEY, NOTICES, body), 201)["id"]
    answered(post(nodes[2], API_KEY, f"{NOTICES}{number}/publish/"))
    for client in clients:
        frame = await client.receive()
        assert (frame["title"], frame["data"]["notice_id"]) == ("New Notice", number)
        await client.expect_nothing()


# Rooms and the counter

async def test_a_room_is_one_on_all_nodes(nodes: list[Node], connect: Connect, room: str) -> None:
    clients = await in_room(connect, nodes, room)
    for number, speaker in enumerate(clients):
        for count in range(20):
            await speaker.send(rooms.said(str(count), username=f"node {number}"))
        for count in range(20):
            for client in clients:
                await client.expect(rooms.heard(str(count), f"node {number}"))
    newcomer = await connect(nodes[0], room)
    for client in clients:
        await client.expect(rooms.JOINED)
    await newcomer.close()
    for client in clients:
        await client.expect(rooms.LEFT)
        await client.expect_nothing()


async def test_the_counter_is_one_on_all_nodes(nodes: list[Node], connect: Connect) -> None:
    value, clients = await at_counter(connect, nodes)
    each = 20
    total = sum(range(1, 1 + 3 * each))

    async def count(number: int, client: Client) -> None:
        for step in range(each):
            await client.send({"action": "increment", "value": 1 + number + 3 * step})

    async def listen(client: Client) -> list[int]:
        """What all have added, with each change: what comes late from another node is told as one."""
        sums = [0]
        while sums[-1] < total:
            sums.append(sums[-1] + (await client.receive())["value"])
        return sums[1:]

    *_, one, two, three = await asyncio.gather(
        *(count(number, client) for number, client in enumerate(clients)), *map(listen, clients))
    assert one[-1] == two[-1] == three[-1] == total
    # In one order: there are no more sums than changes.
    assert len({*one, *two, *three}) <= 3 * each
    for client in clients:
        await client.expect_nothing()
    for node in nodes:
        late = await connect(node, COUNTER)
        assert (await late.receive())["counter"] == value + total
        await counted(late, len(nodes) + 1)
        await late.close()
        for client in clients:
            await counted(client, len(nodes) + 1)
            await counted(client, len(nodes))


async def test_the_last_that_clients_hear_of_the_counter_s_users_is_right(nodes: list[Node], connect: Connect) -> None:
    """Who comes and goes on several nodes at once is counted by each as it hears of them."""
    _, watchers = await at_counter(connect, nodes)
    for _ in range(10):
        newcomers = await asyncio.gather(*(connect(node, COUNTER) for node in nodes))
        await asyncio.gather(*(heard_last(client, 2 * len(nodes)) for client in [*watchers, *newcomers]))
        await asyncio.gather(*(client.close() for client in newcomers))
        await asyncio.gather(*(heard_last(client, len(nodes)) for client in watchers))


# Tokens, people, limits

async def ended(client: Client, within: float) -> int:
    """The code that it is closed with, whatever comes before."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await client.receive(within)
    return closed.value.rcvd.code


async def test_a_revoked_token_ends_its_connections_on_every_node(
    cluster: Cluster, nodes: list[Node], connect: Connect
) -> None:
    person = cluster.person()
    clients = [await connect(node, campus.CHAT, person.token) for node in nodes]
    for client in clients:
        await client.arrived()
    answered(post(nodes[0], person, "/api/auth/logout/"))
    for client in clients:
        assert await ended(client, A_SECOND) == 4003
    for node in nodes:
        assert await ended(await connect(node, campus.CHAT, person.token), PATIENCE) == 4003


async def test_who_is_deleted_is_out_on_every_node(cluster: Cluster, nodes: list[Node], connect: Connect) -> None:
    person, other = cluster.person(), cluster.person()
    clients = [await connect(node, campus.CHAT, person.token) for node in nodes]
    for client in clients:
        await client.arrived()
    answered(delete(nodes[0], API_KEY, f"/api/users/{person.id}/"), 202)
    for client in clients:
        assert await ended(client, A_SECOND) == 4003
    for node in nodes:
        post(node, other, MESSAGES, {"receiver_id": person.id, "text": "x"}).expect_refusal(404)


async def test_who_is_put_out_of_a_group_hears_no_more_on_any_node(
    cluster: Cluster, nodes: list[Node], connect: Connect
) -> None:
    people = [cluster.person() for _ in nodes]
    number = group(nodes[0], *people, cluster.person())
    clients = [
        await socket_io.online(connect, node, person.token, number) for node, person in zip(nodes, people)]
    answered(delete(nodes[0], people[2], f"{CONVERSATIONS}{number}/members/{people[2].id}/"))
    # Behind it from the same node: the other has heard of both then.
    answered(post(nodes[0], people[1], MESSAGES, {"receiver_id": people[2].id, "text": "you left"}), 201)
    await clients[2].expect(socket_io.notified("you left", people[1], people[2]))
    answered(post(nodes[1], people[1], f"{CONVERSATIONS}{number}/messages/", {"text": "they left"}), 201)
    await clients[0].expect(socket_io.heard("they left", people[1], None, number))
    answered(post(nodes[1], people[0], MESSAGES, {"receiver_id": people[2].id, "text": "just you"}), 201)
    await clients[2].expect(socket_io.notified("just you", people[0], people[2]))


async def test_connections_of_a_person_are_counted_over_all_nodes(limited: Cluster, connect: Connect) -> None:
    person, other = limited.person(), limited.person()
    clients = []
    for count in range(CONNECTIONS):
        clients.append(await connect(limited.nodes[count % 2], campus.CHAT, person.token))
        await clients[-1].arrived()
    # Within a heartbeat both nodes know.
    deadline = time.monotonic() + PATIENCE
    for node in limited.nodes:
        while True:
            client = await connect(node, campus.CHAT, person.token)
            try:
                await client.arrived()
            except ConnectionClosed:
                break
            await client.close()
            assert time.monotonic() < deadline, "one too many is let in"
    await (await connect(limited.nodes[0], campus.CHAT, other.token)).arrived()
    await clients.pop().close()
    while True:
        client = await connect(limited.nodes[1], campus.CHAT, person.token)
        try:
            await client.arrived()
            break
        except ConnectionClosed:
            assert time.monotonic() < deadline, "nobody is let in any more"


async def test_the_rate_of_a_persons_messages_holds_over_all_nodes(limited: Cluster, connect: Connect) -> None:
    aarav, bela = limited.person(), limited.person()
    one, two = [await connect(node, campus.CHAT, aarav.token) for node in limited.nodes]
    for _ in range(BURST - 5):
        await one.send(campus.said("x", bela.id))
    for _ in range(BURST - 5):
        await one.expect(campus.SENT)
    # What one node let through, the other knows soon.
    body = {"receiver_id": bela.id, "text": "y"}
    await until(lambda: post(limited.nodes[1], aarav, MESSAGES, body).status == 429, "the other node refuses", 4)
    (sent,), = rows(limited.nodes[0], "SELECT count(*) FROM messages WHERE sender_id = ?", aarav.id)
    assert sent <= 1.5 * BURST, "the limit is one for both, but for what one does not know yet of the other"
    await two.send(campus.said("x", bela.id))
    assert (await two.receive())["type"] == "error"
    answered(post(limited.nodes[1], bela, MESSAGES, {"receiver_id": aarav.id, "text": "others are not meant"}), 201)


def bulk_state(node: Node, number: int) -> dict:
    return answered(get(node, API_KEY, f"{BULK}{number}/"))


def crowd(node: Node, count: int) -> list[int]:
    """The ids of so many new people, who are made by their first token."""
    names = [f"crowd{next(_names)}" for _ in range(count)]
    return [answered(get(node, hs256(sub=name, name=name, exp=2**33), "/api/auth/me/"))["id"] for name in names]


@pytest.mark.parametrize("is_killed", [False, True], ids=["both live", "its node is killed"])
def test_a_bulk_message_has_one_rate_and_goes_once_to_each(limited: Cluster, is_killed: bool) -> None:
    one, two = limited.nodes
    people = crowd(two, 3 * BULK_RATE)
    title, began = f"bulk, killed {is_killed}", time.monotonic()
    body = {"title": title, "message": "M", "user_ids": people}
    number = answered(post(one, API_KEY, BULK, body), 202)["id"]
    if is_killed:
        eventually(lambda: bulk_state(two, number)["sent"] > 0, "it has begun")
        one.kill9()
    try:
        eventually(lambda: bulk_state(two, number)["status"] == "done", "all have it", 20)
        assert time.monotonic() - began > len(people) / BULK_RATE - 1.5, "faster than one node may"
        found = rows(two, "SELECT audience_id FROM notifications WHERE title = ?", title)
        assert sorted(person for (person,) in found) == sorted(people)
    finally:
        limited.heal()
