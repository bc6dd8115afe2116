#!/usr/bin/env python3
"""Measures direct messages over Socket.IO by long polling: every message is a POST, and a poll that brings it.

    polling.py [--pairs N] [--messages N]

Each sender of a pair sends the next message when the other has the last one. The server with all its threads runs on
core 0, this program on core 1. Prints the server's CPU seconds for 100,000 messages, and the latency from the POST to
the receiver's poll. Seeds a database as bench.py does.
"""
import argparse, asyncio, json, os, shutil, statistics, time

from bench import seed
from running import BUILD, cpu_seconds, server


class Wire:
    """One connection that is kept alive, for one request after the other."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, method: str, path: str, body: str = "") -> str:
        data = body.encode()
        self.writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 200 "), head
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        return (await self.reader.readexactly(length)).decode()


class Client:
    """A client of Socket.IO with a connection for its polls and one for what it sends."""

    def __init__(self, port: int, token: str) -> None:
        self.polls, self.posts, self.token = Wire(port), Wire(port), token

    async def open(self) -> None:
        await self.polls.open()
        await self.posts.open()
        self.path = "/socket.io/?EIO=4&transport=polling"
        self.path += "&sid=" + json.loads((await self.polls.ask("GET", self.path))[1:])["sid"]
        await self.send("40" + json.dumps({"token": self.token}))
        assert (await self.poll())[0].startswith("40")

    async def send(self, packet: str) -> None:
        assert await self.posts.ask("POST", self.path, packet) == "ok"

    async def poll(self) -> list[str]:
        packets = (await self.polls.ask("GET", self.path)).split("\x1e")
        if "2" in packets:
            await self.send("3")
        return [packet for packet in packets if packet != "2"]


async def talk(sender: Client, receiver: Client, pair: int, messages: int, times: list[float]) -> None:
    for number in range(messages):
        start = time.perf_counter()
        sending = asyncio.create_task(sender.send(
            f'42["send_message",{{"conversationId":{pair},"content":"{number:064}","toUserId":{2 * pair}}}]'))
        while not any(f"{number:064}" in packet for packet in await receiver.poll()):
            pass
        times.append(time.perf_counter() - start)
        await sending


async def measure(port: int, pid: int, pairs: int, messages: int) -> None:
    tokens = (BUILD / "state" / "tokens").read_text().split()[:2 * pairs]
    clients = [Client(port, token) for token in tokens]
    for client in clients:
        await client.open()
    times: list[float] = []
    before, start = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(
        talk(clients[2 * pair], clients[2 * pair + 1], pair + 1, messages // pairs, times) for pair in range(pairs)))
    cpu, wall, count = cpu_seconds(pid) - before, time.perf_counter() - start, len(times)
    quantiles = statistics.quantiles(times, n=100)
    print(f"Socket.IO by polling, {pairs} pairs, {count:,} messages: {count / wall:,.0f} a second,"
          f" {cpu / count * 100_000:.2f} CPU s / 100k, p50 {quantiles[49] * 1e3:.2f} ms, p99 {quantiles[98] * 1e3:.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--messages", type=int, default=20_000)
    arguments = parser.parse_args()
    seed()
    database = BUILD / "polling.db"
    for path in BUILD.glob("polling.db*"):
        path.unlink()
    shutil.copy(BUILD / "seed.db", database)
    os.sched_setaffinity(0, {1})
    with server(database, core=0) as (port, pid):
        asyncio.run(measure(port, pid, arguments.pairs, arguments.messages))


if __name__ == "__main__":
    main()
