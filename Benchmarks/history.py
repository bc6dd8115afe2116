#!/usr/bin/env python3
"""Measures pages of history out of one long conversation, from its newest message to its oldest.

    history.py [--messages N] [--pages N]

Asks over HTTP for pages of 50 at ten depths, in turns, and prints for each depth the server's CPU microseconds and the
median of the milliseconds that one page takes. What a run leaves is in .build/bench; nothing but loopback is used.
"""
import argparse, hashlib, http.client, json, pathlib, sqlite3, statistics, subprocess, time

from running import BINARY, BUILD, cpu_seconds, server

TOKEN = "bench-history-token"


def seed(messages: int) -> pathlib.Path:
    """A database of two people who wrote to each other that often."""
    database = BUILD / f"history-{messages}.db"
    if database.exists():
        return database
    BUILD.mkdir(parents=True, exist_ok=True)
    subprocess.run([BINARY, "user", "list", "--database", database], check=True)
    with sqlite3.connect(database) as connection:
        for number in (1, 2):
            connection.execute(
                "INSERT INTO users (id, username, name, created_at, notifications_after) VALUES (?, ?, ?, 0, 0)",
                (number, f"person{number}", f"Person {number}"))
        connection.execute(
            "INSERT INTO tokens (digest, user_id, created_at) VALUES (?, 1, 0)",
            (hashlib.sha256(TOKEN.encode()).digest(),))
        connection.execute("INSERT INTO conversations (id, created_at) VALUES (1, 0)")
        connection.execute("INSERT INTO direct_conversations VALUES (1, 2, 1)")
        connection.executemany("INSERT INTO members (user_id, conversation_id) VALUES (?, 1)", [(1,), (2,)])
        connection.executemany(
            "INSERT INTO messages (id, conversation_id, sender_id, text, created_at) VALUES (?, 1, ?, ?, ?)",
            ((n, 1 + n % 2, f"This is message number {n} of a long talk.", n * 1_000_000) for n in range(1, messages + 1)))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return database


def page(connection: http.client.HTTPConnection, before: int) -> list[int]:
    connection.request(
        "GET", f"/api/conversations/1/messages/?limit=50&before={before}",
        headers={"Authorization": f"Bearer {TOKEN}"})
    answer = json.load(connection.getresponse())
    return [message["id"] for message in answer["messages"]]


def measure(port: int, pid: int, messages: int, pages: int) -> None:
    depths = [messages + 1 - (messages - 50) * step // 9 for step in range(10)]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    cpu = {depth: 0.0 for depth in depths}
    times = {depth: [] for depth in depths}
    rounds = 5
    for _ in range(rounds):
        for depth in depths:
            before = cpu_seconds(pid)
            for _ in range(pages // rounds):
                start = time.perf_counter()
                ids = page(connection, depth)
                times[depth].append(time.perf_counter() - start)
                assert ids == list(range(depth - 50, depth)), "a wrong page"
            cpu[depth] += cpu_seconds(pid) - before
    print(f"{messages:,} messages, pages of 50, {pages} at each depth")
    print(f"{'before':>10} {'CPU µs/page':>12} {'p50 ms':>8}")
    for depth in depths:
        print(f"{depth:>10} {cpu[depth] / pages * 1e6:>12.0f} {statistics.median(times[depth]) * 1e3:>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=2000)
    arguments = parser.parse_args()
    database = seed(arguments.messages)
    with server(database) as (port, pid):
        measure(port, pid, arguments.messages, arguments.pages)


if __name__ == "__main__":
    main()
