#!/usr/bin/env python3
"""Measures how the cost of a message grows: with connections, rooms, stored messages and conversations a person.

    growth.py --kit FOLDER [--rounds N] [--messages N,N,…]

The server with all its threads runs on core 0, the kit's load generator on core 1. Prints the medians of the server's CPU
microseconds for a message, and draws them into docs/growth.svg. What a run leaves is in .build/bench.
"""
import argparse, json, math, pathlib, shutil, sqlite3, statistics, subprocess, time

from bench import direct, seed
from running import BINARY, BUILD, QUIET, ROOM, ROOT, build, load, raw_limit, server

DRAWING = ROOT / "docs" / "growth.svg"


def microseconds(result: dict) -> float:
    return result["server_cpu_s_per_100k"] * 10


def pairs(port: int, pid: int, count: int = 200) -> float:
    return microseconds(load("direct", port, pid, "-n", str(2 * count), "-t", "3", *direct("erp-erp")))


def fresh(name: str = "seed.db") -> pathlib.Path:
    """A copy of a database, which a run may change."""
    database = BUILD / "growth.db"
    for path in BUILD.glob("growth.db*"):
        path.unlink()
    shutil.copy(BUILD / name, database)
    return database


def with_connections(count: int) -> float:
    """Direct messages of 200 pairs, while so many others are connected and silent."""
    with server(fresh(), *QUIET, core=0) as (port, pid):
        silent = subprocess.Popen(
            ["taskset", "-c", "1", BUILD / "wsload", "idle", "-p", str(port), "-n", str(count - 400), "-u", "/ws/chat/silent%d/",
             "--hold", "8", "--pid", str(pid)], stdout=subprocess.DEVNULL)
        try:
            # All are there when the process holds as many descriptors.
            while len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())) < count - 400:
                assert silent.poll() is None, "the silent ones have left"
                time.sleep(0.1)
            return pairs(port, pid)
        finally:
            silent.kill()
            silent.wait()


def with_rooms(count: int) -> float:
    """One message at a time in each of so many rooms of two; a delivery."""
    with server(fresh(), *QUIET, core=0) as (port, pid):
        return microseconds(load(
            "fanout", port, pid, "-n", str(2 * count), "--rooms", str(count), "--pubs", "1", "-t", "3", *ROOM))


def bare(count: int) -> float:
    """One write to each of so many sockets, by a program that does nothing else: what the kernel's part grows by."""
    return raw_limit(["fanout", str(count)]) * 10


def with_messages(count: int) -> float:
    """Direct messages of 200 pairs, with so many stored before, in the conversations of 500 pairs."""
    name = f"growth-{count}.db"
    if not (BUILD / name).exists():
        shutil.copy(BUILD / "seed.db", BUILD / name)
        # The seed may be of an older version.
        subprocess.run([BINARY, "user", "list", "--database", BUILD / name], check=True, stdout=subprocess.DEVNULL)
        with sqlite3.connect(BUILD / name) as connection:
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO messages"
                " SELECT i, 1 + i % 500, 1 + 2 * (i % 500), 'This is message number ' || i || ' of a long talk.', i, NULL"
                " FROM n", (count,))
            # As the server files them, 64 a row.
            connection.execute(
                "INSERT INTO filed_messages SELECT conversation_id, max(id), json_group_array(id)"
                " FROM (SELECT * FROM messages ORDER BY conversation_id, id) GROUP BY conversation_id, id / 500 / 64")
            connection.execute("UPDATE filing SET message_id = ?", (count,))
            # All of it has arrived.
            connection.execute("UPDATE users SET delivered_id = ?", (count,))
        connection.close()
    with server(fresh(name), *QUIET, core=0) as (port, pid):
        return pairs(port, pid)


def with_conversations(count: int) -> float:
    """Direct messages of 200 pairs, each of whom is in so many conversations."""
    database = fresh()
    with sqlite3.connect(database) as connection:
        for number in range(count - 1):
            group = 1000 + number
            connection.execute("INSERT INTO conversations (id, created_at, is_group) VALUES (?, 0, 1)", (group,))
            connection.executemany(
                "INSERT INTO members (user_id, conversation_id) VALUES (?, ?)", [(user, group) for user in range(1, 401)])
    connection.close()
    with server(database, *QUIET, core=0) as (port, pid):
        return pairs(port, pid)


def draw(curves: dict[str, dict[int, float]]) -> str:
    """All curves as panels side by side: a logarithmic axis of what grows, microseconds from 0 up."""
    width, height, gap = 220, 150, 60
    parts = []
    for place, (name, points) in enumerate(curves.items()):
        left, top = 50 + place * (width + gap), 40
        ends = list(points)
        most = max(points.values()) * 1.25
        logarithm = {x: math.log10(x) for x in ends}
        low, high = logarithm[ends[0]], logarithm[ends[-1]]
        spots = [
            (left + width * (logarithm[x] - low) / (high - low or 1), top + height * (1 - y / most), x, y)
            for x, y in points.items()]
        line = " ".join(f"{x:.0f},{y:.0f}" for x, y, _, _ in spots)
        parts.append(
            f'<text x="{left}" y="{top - 14}">{name}</text>'
            f'<path d="M{left},{top} V{top + height} H{left + width}" fill="none" stroke="#888"/>'
            f'<polyline points="{line}" fill="none" stroke="#0072b2" stroke-width="2"/>')
        for x, y, number, value in spots:
            parts.append(
                f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="#0072b2"/>'
                f'<text x="{x:.0f}" y="{y - 8:.0f}" text-anchor="middle" font-size="10">{value:.1f}</text>'
                f'<text x="{x:.0f}" y="{top + height + 14}" text-anchor="middle" font-size="10">{number:,}</text>')
    whole = 50 + len(curves) * (width + gap)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} 230" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kit", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", default="10000,100000,1000000,10000000")
    arguments = parser.parse_args()
    seed()
    build(arguments.kit)
    workloads = {
        "connections: µs a direct message": (with_connections, [1000, 5000, 10_000, 19_000]),
        "rooms of two: µs a delivery": (with_rooms, [10, 100, 1000, 9000]),
        "sockets of a bare program: µs a write": (bare, [20, 200, 2000, 9000]),
        "messages stored: µs a direct message": (with_messages, [int(text) for text in arguments.messages.split(",")]),
        "conversations a person: µs a direct message": (with_conversations, [1, 10, 100, 500]),
    }
    curves = {name: {size: [] for size in sizes} for name, (_, sizes) in workloads.items()}
    for _ in range(arguments.rounds):
        for name, (measure, sizes) in workloads.items():
            for size in sizes:
                curves[name][size].append(measure(size))
    medians = {
        name: {size: statistics.median(values) for size, values in sizes.items()} for name, sizes in curves.items()}
    for name, points in medians.items():
        print(f"{name}: " + ", ".join(f"{size:,} {value:.1f}" for size, value in points.items()))
    DRAWING.write_text(draw(medians))


if __name__ == "__main__":
    main()
