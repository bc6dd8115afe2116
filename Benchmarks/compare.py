#!/usr/bin/env python3
"""Compares two builds of the server: CPU for each message.

    compare.py BINARY BINARY [--rounds N] [--workloads echo,fan1000,fan50x20,erp,campus,conversations,socketio]

Both run at once on core 0, each with a load of its own from core 1: what the machine takes from one, it takes from the
other. Prints the medians of the microseconds that a message costs, and of the second's share of the first. Needs the
load generator that `make bench` compiles.
"""
import argparse, concurrent.futures, contextlib, pathlib, shutil, statistics, tempfile

import running
from bench import BUILD, direct, seed
from running import QUIET, ROOM, load, server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", nargs=2)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--workloads", default="echo,campus")
    arguments = parser.parse_args()
    # The first makes the database: the second may be newer and migrate it.
    running.BINARY = arguments.binaries[0]
    seed()
    workloads = {"echo": ("echo", ["-n", "200", *ROOM[2:], "-u", "/ws/chat/e%d/"])}
    for name, rooms in (("fan1000", "1"), ("fan50x20", "50")):
        workloads[name] = ("fanout", ["-n", "1000", "--rooms", rooms, "--quiet-ms", "600", *ROOM])
    for name in ("erp", "campus", "conversations", "socketio"):
        workloads[name] = ("direct", ["-n", "200", *direct(f"{name}-{name}")])
    with contextlib.ExitStack() as stack:
        servers = []
        for binary in arguments.binaries:
            database = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())) / "switchboard.db"
            shutil.copy(BUILD / "seed.db", database)
            running.BINARY = binary
            servers.append(stack.enter_context(server(database, *QUIET, core=0)))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(2))
        for name in arguments.workloads.split(","):
            mode, flags = workloads[name]
            found: list[list[float]] = []
            for _ in range(arguments.rounds):
                runs = [pool.submit(load, mode, port, pid, "-t", "1", *flags) for port, pid in servers]
                found.append([10 * run.result()["server_cpu_s_per_100k"] for run in runs])
            ratios = sorted(second / first for first, second in found)
            first, second = (statistics.median(costs) for costs in zip(*found))
            print(
                f"{name}: {first:.2f} µs, {second:.2f} µs; second / first {statistics.median(ratios):.3f} "
                f"({ratios[0]:.3f} to {ratios[-1]:.3f})", flush=True)


if __name__ == "__main__":
    main()
