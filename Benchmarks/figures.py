#!/usr/bin/env python3
"""Compares a run of the benchmark kit with the figures that are kept in the repository.

    figures.py RESULTS [--keep]

RESULTS is what bench.py leaves in .build/bench/results.jsonl. A figure is CPU seconds over those of the bare program that
was measured in the same rounds (of `echo`, where the workload has none of its own), so that it means the same on another
day, or bytes for each idle connection. Says which have moved by more than a tenth. `--keep` makes them the new ones.
"""
import argparse, json, pathlib, statistics

KEPT = pathlib.Path(__file__).resolve().parent / "figures.json"
TOLERANCE = 0.1


def figures(lines: list[str]) -> dict[str, float]:
    """The figure of each workload and peer; less is better."""
    runs: dict[tuple[str, str], list[float]] = {}
    for row in map(json.loads, lines):
        run = row["r"]
        if "failed_run" in run:
            continue
        if row["workload"] == "idle":
            value = run["pids"][0]["bytes_per_conn"]
        else:
            value = run["cpu_s_per_100k" if row["peer"] == "raw" else "server_cpu_s_per_100k"]
        runs.setdefault((row["workload"], row["peer"]), []).append(value)
    medians = {key: statistics.median(values) for key, values in runs.items()}
    found = {}
    for (workload, peer), median in medians.items():
        if peer == "raw":
            continue
        raw = 1.0 if workload == "idle" else medians.get((workload, "raw")) or medians.get(("echo", "raw"))
        if raw:
            found[f"{workload} {peer}"] = round(median / raw, 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    now = figures(arguments.results.read_text().splitlines())
    before = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    moved = 0
    print("\n### Against the figures that are kept (less is better)\n")
    for name, value in now.items():
        if (old := before.get(name)) is None:
            print(f"{name}: {value:g}, new")
        elif abs(value / old - 1) > TOLERANCE:
            moved += 1
            print(f"{name}: {old:g} before, {value:g} now: {value / old - 1:+.0%}")
    print(f"{moved} of {len(now)} have moved by more than {TOLERANCE:.0%}")
    if arguments.keep:
        KEPT.write_text(json.dumps(before | now, indent=1) + "\n")


if __name__ == "__main__":
    main()
