"""The shared counter of the `rooms` dialect (specs/rooms.md, section 3)."""

import asyncio
import random

import pytest
from client import Client
from conftest import Connect, Start
from frames import ANY_ERROR, ROOMS_TIME, error
from switchboard import Server

COUNTER = "/ws/counter/"
MOST, LEAST = 2**63 - 1, -(2**63)


@pytest.fixture
def server(start: Start) -> Server:
    """One per test: the counter is one for the whole server."""
    return start("--rooms-rate", 0)


def users(count: int) -> dict:
    return {"type": "user_count_update", "count": count}


def updated(action: str, value: int) -> dict:
    return {"type": "counter_update", "action": action, "value": value, "timestamp": ROOMS_TIME}


async def join(connect: Connect, server: Server, counter: int, count: int = 1) -> Client:
    """Connects and checks the first two frames."""
    client = await connect(server, COUNTER)
    await client.expect({"type": "counter_update", "counter": counter, "message": "Connected to counter"})
    await client.expect(users(count))
    return client


async def act(client: Client, action: str, value: int) -> None:
    await client.send({"action": action, "value": value})
    await client.expect(updated(action, value))


async def test_everybody_hears_how_many_there_are(server: Server, connect: Connect) -> None:
    first = await join(connect, server, 0, 1)
    second = await join(connect, server, 0, 2)
    await first.expect(users(2))
    third = await join(connect, server, 0, 3)
    await first.expect(users(3))
    await second.expect(users(3))
    third.drop()
    await first.expect(users(2))
    await second.expect(users(2))
    await second.close()
    await first.expect(users(1))


async def test_the_examples_of_the_specification(server: Server, connect: Connect) -> None:
    first, second = await join(connect, server, 0, 1), await join(connect, server, 0, 2)
    await first.expect(users(2))
    for action, value in [("increment", 1), ("decrement", 1), ("increment", 5), ("reset", 0)]:
        await act(first, action, value)
        await second.expect(updated(action, value))


@pytest.mark.parametrize("sent, value, total", [
    ({"action": "increment"}, 1, 11), ({"action": "decrement"}, 1, 9), ({"action": "reset"}, 0, 0),
    ({"action": "reset", "value": 7}, 0, 0), ({"action": "increment", "value": -3}, -3, 7),
])
async def test_what_an_action_means(
    server: Server, connect: Connect, sent: dict, value: int, total: int
) -> None:
    client = await join(connect, server, 0)
    await act(client, "increment", 10)
    await client.send(sent)
    await client.expect(updated(sent["action"], value))
    await join(connect, server, total, 2)


@pytest.mark.parametrize("frame, answer", [
    ("increment", error("Invalid JSON format")),
    ("{", error("Invalid JSON format")),
    (b'{"action":"increment"}', error("Invalid JSON format")),
    ('{"action":"double"}', error("Invalid message format")),
    ('{"value":1}', error("Invalid message format")),
    ('{"action":5}', error("Invalid message format")),
    ("[]", error("Invalid message format")),
    ('{"action":"increment","value":1.5}', error("Invalid message format")),
    ('{"action":"increment","value":"x"}', error("Invalid message format")),
    ('{"action":"increment","value":true}', error("Invalid message format")),
    ('{"action":"increment","value":[1]}', error("Invalid message format")),
    ('{"action":"increment","value":9223372036854775808}', ANY_ERROR),
    ('{"action":"increment","value":1e400}', ANY_ERROR),
])
async def test_a_bad_frame_changes_nothing(
    server: Server, connect: Connect, frame: str | bytes, answer: dict
) -> None:
    client = await join(connect, server, 0)
    await act(client, "increment", 7)
    await client.send_text(frame)
    await client.expect(answer)
    await act(client, "increment", 1)
    await join(connect, server, 8, 2)


@pytest.mark.parametrize("before, action, value", [
    (("increment", MOST), "increment", 1), (("increment", MOST), "decrement", -1),
    (("increment", LEAST), "decrement", 1), (("increment", LEAST), "increment", -1),
    (("increment", 0), "decrement", LEAST), (("increment", MOST), "increment", MOST),
])
async def test_overflow_is_an_error(
    server: Server, connect: Connect, before: tuple[str, int], action: str, value: int
) -> None:
    client = await join(connect, server, 0)
    await act(client, *before)
    await client.send({"action": action, "value": value})
    await client.expect(error("Counter overflow"))
    await join(connect, server, before[1], 2)


async def test_the_value_survives_a_restart(server: Server, connect: Connect) -> None:
    await act(await join(connect, server, 0), "increment", 41)
    server.restart()
    client = await join(connect, server, 41)
    await act(client, "increment", 1)
    await join(connect, server, 42, 2)


async def test_what_was_broadcast_survives_kill_9(server: Server, connect: Connect) -> None:
    total = 0
    for value in [3, 40, -1]:
        await act(await join(connect, server, total), "increment", value)
        server.kill9()
        server.start()
        total += value
    await join(connect, server, total)


async def test_all_clients_agree_on_the_sum(server: Server, connect: Connect) -> None:
    clients = []
    for number in range(1, 7):
        clients.append(await join(connect, server, 0, number))
        for earlier in clients[:-1]:
            await earlier.expect(users(number))
    each, choices = 100, random.Random(1)
    actions = ["increment"] * 8 + ["decrement"] * 8 + ["reset"]

    async def play(client: Client) -> None:
        for _ in range(each):
            await client.send({"action": choices.choice(actions), "value": choices.randint(1, 1000)})

    async def sum_up(client: Client) -> int:
        total = 0
        for _ in range(each * len(clients)):
            frame = await client.receive()
            sign = {"increment": 1, "decrement": -1, "reset": 0}[frame["action"]]
            total = total * (frame["action"] != "reset") + sign * frame["value"]
        return total

    _, *sums = await asyncio.gather(asyncio.gather(*map(play, clients)), *map(sum_up, clients))
    assert len(set(sums)) == 1
    await join(connect, server, sums[0], len(clients) + 1)


async def test_tokens(server: Server, connect: Connect) -> None:
    await (await connect(server, COUNTER, "wrong")).expect_close(4003)
    client = await connect(server, "/ws/counter", server.person().token)
    await client.expect({"type": "counter_update", "counter": 0, "message": "Connected to counter"})
