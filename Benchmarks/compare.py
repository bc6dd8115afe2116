#!/usr/bin/env python3
"""Compares two builds of the server, or one with what the machine can do at all: CPU for each message.

    compare.py BINARY|raw|bare BINARY [--rounds N] [--workloads echo,fan1000,fan50x20,erp,campus,conversations,socketio]

Both run at once on core 0, each with a load of its own from core 1: what the machine takes from one, it takes from the
other. `raw` is the kit's program that only reads and writes, `bare` its smallest WebSocket server, in C, without JSON and
without checks (`echo` and the fan-outs). Prints the medians of the microseconds that a message costs, and of the second's
share of the first. Needs the programs that `make bench` compiles.
"""
import argparse, concurrent.futures, contextlib, functools, json, pathlib, shutil, socket, statistics
import subprocess, tempfile, time
from collections.abc import Callable

import running
from bench import BUILD, direct, seed
from running import QUIET, ROOM, load, server

# What the bare program does at the shape of a workload; of direct messages, all dialects have the same.
RAW = {
    "echo": ["echo", "200", "-s", "70"], "fan1000": ["fanout", "1000"], "fan50x20": ["fanout", "1000", "-w", "2"],
    "direct": ["direct", "1000", "-s", "93"],
}
# A run of the load generator takes as long, its connecting and warming up included.
SECONDS = "3"


def raw(name: str) -> float:
    """Microseconds of the bare program, which runs for as long as the load does."""
    done = subprocess.run(
        [BUILD / "raw_limit", *RAW.get(name, RAW["direct"]), "-t", SECONDS], capture_output=True, text=True, check=True)
    return 10 * json.loads(done.stdout)["cpu_s_per_100k"]


def loaded(port: int, pid: int, workloads: dict[str, tuple[str, list[str]]], name: str) -> float:
    """Microseconds of a server under load."""
    mode, flags = workloads[name]
    return 10 * load(mode, port, pid, "-t", "1", *flags)["server_cpu_s_per_100k"]


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port)).close()
        time.sleep(0.01)
    raise SystemExit("the bare server has ended")


@contextlib.contextmanager
def contender(kind: str, workloads: dict[str, tuple[str, list[str]]]):
    """How one of the two is measured, by the name of a workload."""
    if kind == "raw":
        yield raw
    elif kind == "bare":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(["taskset", "-c", "0", BUILD / "trivial_ws", str(port)], stdout=subprocess.DEVNULL)
        try:
            await_port(port, process)
            yield functools.partial(loaded, port, process.pid, workloads)
        finally:
            process.kill()
            process.wait()
    else:
        with tempfile.TemporaryDirectory() as folder:
            database = pathlib.Path(folder) / "switchboard.db"
            shutil.copy(BUILD / "seed.db", database)
            running.BINARY = kind
            with server(database, *QUIET, core=0) as (port, pid):
                yield functools.partial(loaded, port, pid, workloads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", nargs=2)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--workloads", default="echo,campus")
    arguments = parser.parse_args()
    # The first makes the database: the second may be newer and migrate it.
    running.BINARY = next((kind for kind in arguments.binaries if kind not in ("raw", "bare")), running.BINARY)
    seed()
    workloads = {"echo": ("echo", ["-n", "200", *ROOM[2:], "-u", "/ws/chat/e%d/"])}
    for name, rooms in (("fan1000", "1"), ("fan50x20", "50")):
        workloads[name] = ("fanout", ["-n", "1000", "--rooms", rooms, "--quiet-ms", "600", *ROOM])
    for name in ("erp", "campus", "conversations", "socketio"):
        workloads[name] = ("direct", ["-n", "1000", *direct(f"{name}-{name}")])
    with contextlib.ExitStack() as stack:
        contenders: list[Callable[[str], float]] = [
            stack.enter_context(contender(kind, workloads)) for kind in arguments.binaries]
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(2))
        for name in arguments.workloads.split(","):
            found: list[list[float]] = []
            for _ in range(arguments.rounds):
                runs = [pool.submit(measure, name) for measure in contenders]
                found.append([run.result() for run in runs])
            ratios = sorted(second / first for first, second in found)
            first, second = (statistics.median(costs) for costs in zip(*found))
            print(
                f"{name}: {first:.2f} µs, {second:.2f} µs; second / first {statistics.median(ratios):.3f} "
                f"({ratios[0]:.3f} to {ratios[-1]:.3f})", flush=True)


if __name__ == "__main__":
    main()
