#!/usr/bin/env python3
"""Measures a mass reconnect: everybody loses the connection at once and comes back at once, with a token each.

    python3 Benchmarks/reconnect.py [--clients 5000] [--rates 0,500,1000,2000,4000]

The server with all its threads runs on core 0, this program on core 1. Who is refused comes back when `Retry-After` says.
Two people who were not cut off talk on meanwhile, one message every 2 ms, in a process with a higher priority. Prints for
each `--handshake-rate` the seconds until all are back, the refusals, the server's CPU seconds, and how long the two waited
for a message.
"""
import argparse, heapq, json, multiprocessing, os, pathlib, random, select, shutil, socket, struct, tempfile, time

from bench import BUILD, seed
from running import QUIET, cpu_seconds, server

MASK = b"\0\0\0\0"


def handshake(path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode()


def connected(port: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.connect(("127.0.0.1", port))
    return connection


def witness(port: int, go_on: "multiprocessing.Event", latencies: "multiprocessing.Queue") -> None:
    """Says something in a room and waits for it, again and again; when it began each time, and milliseconds."""
    try:
        os.nice(-15)
    except PermissionError:
        pass
    connection = connected(port)
    connection.sendall(handshake("/ws/chat/witness/"))
    assert b" 101 " in connection.recv(65536)
    text = json.dumps({"type": "chat_message", "message": "still here", "username": "w"}).encode()
    message = struct.pack("!BB", 0x81, 0x80 | len(text)) + MASK + text
    found: list[tuple[float, float]] = []
    while go_on.is_set():
        began = time.perf_counter()
        connection.sendall(message)
        connection.recv(65536)
        found.append((began, 1000 * (time.perf_counter() - began)))
        time.sleep(0.002)
    latencies.put(found)


class Crowd:
    """Clients that all want in, on one epoll."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self.port, self.tokens = port, tokens
        self.poll = select.epoll()
        self.inside: list[socket.socket] = []
        self.trying: dict[int, tuple[socket.socket, str]] = {}
        self.refused = 0

    def enter(self) -> float:
        """Seconds until all are in."""
        began = time.perf_counter()
        waiting = [(0.0, token) for token in self.tokens]
        while len(self.inside) < len(self.tokens):
            now = time.perf_counter() - began
            # So many at once that the kernel's queue takes them.
            while waiting and waiting[0][0] <= now and len(self.trying) < 4000:
                self.knock(heapq.heappop(waiting)[1])
            for number, _ in self.poll.poll(0.01):
                connection, token = self.trying.pop(number)
                self.poll.unregister(number)
                try:
                    answer = connection.recv(4096)
                except ConnectionResetError:
                    # The old connections still had all descriptors.
                    answer = b""
                if b" 101 " in answer[:16]:
                    self.inside.append(connection)
                    continue
                connection.close()
                self.refused += 1
                after = int(answer.lower().split(b"retry-after: ")[1].split(b"\r\n")[0]) if answer else 1
                heapq.heappush(waiting, (time.perf_counter() - began + after - random.random(), token))
        return time.perf_counter() - began

    def knock(self, token: str) -> None:
        connection = connected(self.port)
        connection.sendall(handshake(f"/ws/v1/chat/?token={token}"))
        self.trying[connection.fileno()] = (connection, token)
        self.poll.register(connection, select.EPOLLIN)

    def leave(self) -> None:
        for connection in self.inside:
            connection.close()
        self.inside = []


def measure(rate: float, burst: float, tokens: list[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        database = pathlib.Path(folder) / "switchboard.db"
        shutil.copy(BUILD / "seed.db", database)
        with server(database, *QUIET, "--handshake-rate", str(rate), "--handshake-burst", str(burst), core=0) as (
                port, pid):
            go_on, latencies = multiprocessing.Event(), multiprocessing.Queue()
            go_on.set()
            # Before there is a crowd: whoever is forked later would keep its connections open.
            process = multiprocessing.Process(target=witness, args=(port, go_on, latencies))
            process.start()
            crowd = Crowd(port, tokens)
            crowd.enter()
            time.sleep(0.5)
            before, crowd.refused, began = cpu_seconds(pid), 0, time.perf_counter()
            crowd.leave()
            seconds = crowd.enter()
            ended, cpu = time.perf_counter(), cpu_seconds(pid) - before
            go_on.clear()
            found = sorted(latency for moment, latency in latencies.get() if began <= moment <= ended)
            process.join()
            crowd.leave()
    return {
        "seconds": seconds, "refusals": crowd.refused, "cpu_s": cpu, "p50_ms": found[len(found) // 2],
        "p99_ms": found[int(len(found) * 0.99)], "max_ms": found[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--rates", default="0,500,1000,2000,4000")
    parser.add_argument("--burst", type=float, default=100)
    arguments = parser.parse_args()
    seed()
    people = (BUILD / "state" / "tokens").read_text().split()
    tokens = [people[number % len(people)] for number in range(arguments.clients)]
    os.sched_setaffinity(0, {1})
    for rate in arguments.rates.split(","):
        result = measure(float(rate), arguments.burst, tokens)
        print(f"rate {rate:>6}:", "  ".join(f"{name} {value:.2f}" for name, value in result.items()), flush=True)


if __name__ == "__main__":
    main()
