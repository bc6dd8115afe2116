#!/usr/bin/env python3
"""Measures what a cluster costs: CPU for each message and each notification, on one to three nodes.

    cluster.py [--rounds N] [--seconds N] [--pairs N] [--listeners N]

The nodes, Redis and PostgreSQL share core 0, the load comes from core 1, over loopback. Each sender of a pair sends its
next message when the last one is stored. Prints medians of the rounds, which take turns, in CPU microseconds by what
spends them. Runs in the tests' virtual environment, with their cluster.
"""
import argparse, asyncio, contextlib, json, os, pathlib, statistics, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "Acceptance"))
os.environ.setdefault("SWITCHBOARD_BIN", str(ROOT / ".build" / "release" / "switchboard"))

import aiohttp
from api import API_KEY, KEYED
from cluster import Cluster
from machine import Machine
from postgres import PostgreSQL
from running import cpu_seconds
from signed import SECRET, hs256
from switchboard import Server

TEXT = "This is one message of a long talk, and it has 64 bytes in all.."
EXTRA = KEYED | {
    "SWITCHBOARD_JWT": json.dumps([{"name": "load", "secret": SECRET, "algorithms": ["HS256"], "create_users": True}])}
FLAGS = ["--message-rate", 0]


class Core(Machine):
    """The one that everything under measurement shares."""

    def run(self, command: list[object], user: str | None = None, **options):
        return super().run(["taskset", "-c", "0", *command], user, **options)

    def machine(self) -> Machine:
        return self


def tree(pid: int) -> list[int]:
    """A process and its children: PostgreSQL has one for each connection."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    return [pid, *(child for child, parent in parents.items() if parent == pid)]


class Meter:
    """Microseconds that the nodes, Redis and PostgreSQL have spent since it was made."""

    def __init__(self, servers: list[Server], redis: int | None, postgresql: int) -> None:
        self.groups = {
            "nodes": [server.pid for server in servers], "Redis": [redis] if redis else [],
            "PostgreSQL": tree(postgresql)}
        self.before = self.read()

    def read(self) -> dict[str, float]:
        return {name: sum(map(cpu_seconds, pids)) * 1e6 for name, pids in self.groups.items()}

    def passed(self) -> dict[str, float]:
        return {name: value - self.before[name] for name, value in self.read().items()}


class Setting:
    """Servers to measure: nodes of a cluster, or one without a bus."""

    def __init__(self, name: str, servers: list[Server], redis: int | None, postgresql: int) -> None:
        self.name, self.servers, self._redis, self._postgresql = name, servers, redis, postgresql
        self.results: dict[str, list[dict[str, float]]] = {}

    def meter(self) -> Meter:
        return Meter(self.servers, self._redis, self._postgresql)

    def note(self, what: str, spent: dict[str, float], count: float) -> None:
        self.results.setdefault(what, []).append({name: value / count for name, value in spent.items()})


def url(server: Server, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


async def person(http: aiohttp.ClientSession, server: Server, name: str) -> tuple[int, str]:
    """The id and the token of somebody who is made by the token."""
    token = hs256(sub=name, name=name, exp=2**33)
    async with http.get(url(server, "/api/auth/me/"), headers={"Authorization": f"Bearer {token}"}) as answer:
        return (await answer.json())["id"], token


async def messages(http: aiohttp.ClientSession, setting: Setting, pairs: int, seconds: float, step: int) -> None:
    """Direct messages of `campus`, to somebody so many nodes further; each is stored, confirmed and delivered."""
    chat = "/ws/chat/?dialect=campus&token="
    sockets, servers = [], setting.servers
    for number in range(pairs):
        one, other = servers[number % len(servers)], servers[(number + step) % len(servers)]
        sender, receiver = [await person(http, one, f"{side}{number}") for side in ("from", "to")]
        sockets.append((
            await http.ws_connect(url(one, chat + sender[1])), await http.ws_connect(url(other, chat + receiver[1])),
            receiver[0]))
    heard = 0

    async def listen(socket: aiohttp.ClientWebSocketResponse) -> None:
        nonlocal heard
        async for message in socket:
            heard += TEXT in message.data

    async def talk(socket: aiohttp.ClientWebSocketResponse, to: int, until: float) -> int:
        count, frame = 0, json.dumps({"receiver_id": to, "message": TEXT})
        while time.perf_counter() < until:
            await socket.send_str(frame)
            answer = json.loads((await socket.receive()).data)
            assert answer["type"] == "message_sent", answer
            count += 1
        return count

    async def all_talk(seconds: float) -> int:
        nonlocal heard
        heard, until = 0, time.perf_counter() + seconds
        count = sum(await asyncio.gather(*(talk(one, to, until) for one, _, to in sockets)))
        async with asyncio.timeout(10):
            while heard < count:
                await asyncio.sleep(0.005)
        assert heard == count, f"{count} sent, {heard} heard"
        return count

    listeners = [asyncio.create_task(listen(other)) for _, other, _ in sockets]
    # Until all nodes know who is where.
    await asyncio.sleep(1)
    await all_talk(0.5)
    meter, began = setting.meter(), time.perf_counter()
    count = await all_talk(seconds)
    spent, passed = meter.passed(), time.perf_counter() - began
    what = "message to another node" if step and len(servers) > 1 else "message on one node"
    setting.note(what, spent, count)
    print(f"  {setting.name}: {what}: {count / passed:,.0f} a second", file=sys.stderr)
    for one, other, _ in sockets:
        await one.close()
        await other.close()
    await asyncio.gather(*listeners)


async def notifications(http: aiohttp.ClientSession, setting: Setting, listeners: int, seconds: float) -> None:
    """A notification for everybody, one after the other, to so many clients spread over all nodes."""
    heard = 0

    async def listen(socket: aiohttp.ClientWebSocketResponse) -> None:
        nonlocal heard
        async for message in socket:
            heard += "everybody" in message.data

    sockets = [
        await http.ws_connect(url(setting.servers[number % len(setting.servers)], "/ws/notifications/"))
        for number in range(listeners)]
    tasks = [asyncio.create_task(listen(socket)) for socket in sockets]
    await asyncio.sleep(1)
    meter, until, count = setting.meter(), time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        async with http.post(
            url(setting.servers[count % len(setting.servers)], "/api/notifications/send/"),
            json={"title": "everybody", "message": TEXT}, headers={"Authorization": f"Bearer {API_KEY}"},
        ) as answer:
            assert answer.status == 200, await answer.text()
        count += 1
        async with asyncio.timeout(10):
            while heard < count * listeners:
                await asyncio.sleep(0.001)
    setting.note(f"notification to {listeners:,}", meter.passed(), count)
    await asyncio.gather(*(socket.close() for socket in sockets))
    await asyncio.gather(*tasks)


async def silence(setting: Setting, seconds: float) -> None:
    """What it costs that nothing happens, for each second."""
    meter = setting.meter()
    await asyncio.sleep(seconds)
    setting.note("a second of silence", meter.passed(), seconds)


async def measure(settings: list[Setting], arguments: argparse.Namespace) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        for _ in range(arguments.rounds):
            for setting in settings:
                await messages(http, setting, arguments.pairs, arguments.seconds, 0)
                if len(setting.servers) > 1:
                    await messages(http, setting, arguments.pairs, arguments.seconds, 1)
                await notifications(http, setting, arguments.listeners, arguments.seconds)
                await silence(setting, arguments.seconds)


def table(settings: list[Setting]) -> str:
    lines = [
        "| CPU µs for each | nodes | nodes' | Redis' | PostgreSQL's | all |", "| --- | --- | --: | --: | --: | --: |"]
    for what in dict.fromkeys(what for setting in settings for what in setting.results):
        for setting in settings:
            if rounds := setting.results.get(what):
                medians = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
                total = statistics.median(sum(one.values()) for one in rounds)
                cells = " | ".join(f"{value:,.0f}" for value in (*medians.values(), total))
                lines.append(f"| {what} | {setting.name} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--listeners", type=int, default=1000)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {1})
    core = Core()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = []
        alone = PostgreSQL("full_page_writes=off", "fsync=off", machine=core)
        stack.callback(alone.close)
        alone.start()
        (folder / "alone").mkdir()
        server = Server(folder / "alone", *FLAGS, machine=core, store=alone.new_store(), extra=EXTRA)
        stack.callback(server.close)
        settings.append(Setting("1, without a bus", [server.start()], None, alone.pid))
        for count in (1, 2, 3):
            (folder / str(count)).mkdir()
            cluster = Cluster(folder / str(count), count, *FLAGS, network=core, extra=EXTRA)
            stack.callback(cluster.close)
            cluster.start()
            settings.append(Setting(str(count), cluster.nodes, cluster.redis.pid, cluster.postgresql.pid))
        asyncio.run(measure(settings, arguments))
        print(table(settings))


if __name__ == "__main__":
    main()
