#!/usr/bin/env python3
"""Runs a command while its processes are stopped at random, each for a moment, as on a machine that is too busy.

    stalled.py SEED COMMAND…

Servers, clients and tests are hit alike: a test that fails by that waits for a time to pass, or for the wrong thing.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time

# Seconds for which a process stands still.
STALLS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7]
# Processes that stand still at the same time.
COUNT = 4
NAMES = ("switchboard", "python", "redis-server", "node")


def descendants(root: int) -> list[int]:
    """All processes that have come of one, but for those that do something else, or stand still already."""
    children: dict[int, list[int]] = {}
    hit: set[int] = set()
    for folder in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{folder}/stat") as file:
                name, state, parent = parse(file.read())
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder))
        if name.startswith(NAMES) and state != "T":
            hit.add(int(folder))
    found, left = [], [root]
    while left:
        left += children.get(process := left.pop(), [])
        if process in hit and process != root:
            found.append(process)
    return found


def parse(stat: str) -> tuple[str, str, int]:
    """The name, the state and the parent (proc(5))."""
    name, _, rest = stat.partition("(")[2].rpartition(") ")
    state, parent, *_ = rest.split()
    return name, state, int(parent)


def stall(process: subprocess.Popen[bytes], chance: random.Random) -> None:
    while process.poll() is None:
        if found := descendants(process.pid):
            victim = chance.choice(sorted(found))
            try:
                os.kill(victim, signal.SIGSTOP)
                time.sleep(chance.choice(STALLS))
                os.kill(victim, signal.SIGCONT)
            except ProcessLookupError:
                pass
        time.sleep(chance.random() / 10)


def main() -> int:
    seed, *command = sys.argv[1:]
    process = subprocess.Popen(command)
    for number in range(COUNT):
        threading.Thread(target=stall, args=(process, random.Random(f"{seed} {number}")), daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
