"""Runs a soak: `python -m Soak --seconds 600 --seed 7`. Exits with 1 when a promise was broken."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

from .report import report
from .soak import Options, Soak

FAULTS = (
    "cuts", "goodbyes", "kill", "pause", "disk", "files", "clock", "slow", "redis", "postgresql", "rolling")


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description="Random traffic and faults, and a ledger that knows all.")
    parser.add_argument("--seconds", type=float, default=120, help="how long, from the first client on")
    parser.add_argument("--seed", type=int, help="of people, traffic and faults; random by default")
    parser.add_argument("--nodes", type=int, default=0, help="of a cluster with PostgreSQL and Redis; 0: one alone")
    parser.add_argument("--people", type=int, default=160, help="there are about twice as many connections")
    parser.add_argument("--rate", type=float, default=400, help="actions a second")
    parser.add_argument("--fault-every", type=float, default=3, help="seconds from one fault to the next")
    parser.add_argument("--cut-every", type=float, default=20, help="seconds from one cut of a network to its next")
    parser.add_argument("--without", action="append", choices=FAULTS, default=[], help="a fault that does not happen")
    parser.add_argument("--clock", default="", help="the library that shifts the server's clock")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 32)
    where = f" on {arguments.nodes} nodes" if arguments.nodes else ""
    heading = f"soak of {arguments.seconds:.0f} s{where}, seed {seed}"
    print(f"{heading}: {arguments.people} people, {arguments.rate:.0f} actions a second", flush=True)
    soak = Soak(Options(
        arguments.seconds, seed, arguments.people, arguments.rate, arguments.fault_every, arguments.cut_every,
        set(arguments.without), arguments.clock, arguments.nodes))
    asyncio.run(soak.run())
    print(report(soak.ledger, soak.memory, heading))
    return 1 if soak.ledger.wrong else 0


sys.exit(main())
