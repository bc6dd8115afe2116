#!/usr/bin/env python3
"""Measures what the kit's table has no line for: a busy room, and two loops on two cores against one.

    crowds.py --kit FOLDER [--rounds N]

The busy room has 1,000 people, of whom 20 talk as fast as it goes; its share is that of a plain write for each delivery.
Loops are compared by CPU seconds, in turns; with two, the load generator shares a core with the server. Appends its
results to .build/bench/results.jsonl, in the kit's form: what each figure is divided by is called raw.
"""
import argparse, json, pathlib, shutil, statistics

from bench import direct, seed
from running import BUILD, QUIET, ROOM, build, load, raw_limit, server

TALK = ["-n", "1000", "-t", "3", "--warm", "1", "--quiet-ms", "600", *ROOM]


def workloads() -> dict[str, tuple[str, list[str]]]:
    """How the load generator is called."""
    return {
        "echo": ("echo", ["-n", "200", "-t", "3", "--warm", "1", *ROOM[2:], "-u", "/ws/chat/e%d/"]),
        "fan1000": ("fanout", ["--rooms", "1", *TALK]),
        "direct": ("direct", ["-n", "1000", "-t", "3", "--warm", "1", *direct("erp-erp")]),
    }


def cost(mode: str, arguments: list[str], loops: int) -> float:
    """CPU seconds for 100,000 messages or deliveries."""
    database = BUILD / "crowds.db"
    for path in BUILD.glob("crowds.db*"):
        path.unlink()
    shutil.copy(BUILD / "seed.db", database)
    with server(database, *QUIET, "--loops", str(loops), core="0" if loops == 1 else "0,1") as (port, pid):
        return load(mode, port, pid, *arguments)["server_cpu_s_per_100k"]


def keep(workload: str, limit: float, own: float) -> None:
    """Notes a figure, and what it is divided by."""
    with (BUILD / "results.jsonl").open("a") as file:
        for peer, result in (("raw", {"cpu_s_per_100k": limit}), ("switchboard", {"server_cpu_s_per_100k": own})):
            file.write(json.dumps({"workload": workload, "peer": peer, "r": result}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kit", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    build(arguments.kit)
    seed()
    shares = []
    for _ in range(arguments.rounds):
        limit = raw_limit(["fanout", "1000"], ["fanout", "1000", "--spin", "1"], ["fanout", "1000", "-w", "0"])
        own = cost("fanout", ["--rooms", "1", "--pubs", "20", *TALK], 1)
        keep("busy", limit, own)
        shares.append(limit / own)
    print(f"busy room: share {statistics.median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})")
    for name, (mode, load_arguments) in workloads().items():
        ratios = []
        for number in range(arguments.rounds):
            # In either order: what comes second finds another machine.
            costs = {loops: cost(mode, load_arguments, loops) for loops in ((1, 2) if number % 2 == 0 else (2, 1))}
            one, two = costs[1], costs[2]
            keep(f"{name} by two loops", one, two)
            ratios.append(two / one)
        print(f"{name}: two loops / one {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
