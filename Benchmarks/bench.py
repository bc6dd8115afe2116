#!/usr/bin/env python3
"""Measures the release build with the benchmark kit: the server and all its threads on core 0, the load on core 1.

    bench.py --kit FOLDER [--rounds N] [--workloads a,b]

Prints the kit's tables. What a run leaves is in .build/bench; nothing but loopback is used.
"""
import argparse, hashlib, json, os, pathlib, sqlite3, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build" / "bench"
BINARY = ROOT / ".build" / "release" / "switchboard"
PEOPLE = 20_000
WORKLOADS = "echo,fan1000,fan50x20,direct,direct200,idle,connect,connect-auth"


def seed() -> None:
    """A database with people, and a file with a token for each of them."""
    database = BUILD / "seed.db"
    if database.exists():
        return
    (BUILD / "state").mkdir(parents=True, exist_ok=True)
    subprocess.run([BINARY, "user", "list", "--database", database], check=True)
    tokens = [f"bench-token-{number:06}" for number in range(1, PEOPLE + 1)]
    with sqlite3.connect(database) as connection:
        for number, token in enumerate(tokens, 1):
            connection.execute(
                "INSERT INTO users (id, username, name, created_at, notifications_after) VALUES (?, ?, ?, 0, 0)",
                (number, f"person{number}", f"Person {number}"))
            connection.execute(
                "INSERT INTO tokens (digest, user_id, created_at) VALUES (?, ?, 0)",
                (hashlib.sha256(token.encode()).digest(), number))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    (BUILD / "state" / "tokens").write_text("".join(token + "\n" for token in tokens))


def peer() -> dict:
    """How the kit starts this server, on a fresh copy of the database, and what it sends."""
    database = BUILD / "run.db"
    start = (
        f"rm -f {database}* && cp {BUILD}/seed.db {database} && exec {BINARY} serve --listen 127.0.0.1:{{port}}"
        f" --database {database} --rooms-rate 0 --log-level warning")
    room = ["-m", '{"type":"chat_message","message":"%m","username":"user%d"}', "-s", "64", "--err", '"error"']
    return {"peers": {"switchboard": {
        "proto": "s3s0", "cmd": ["sh", "-c", start], "services": [], "note": "this server",
        "sections": {"echo": ["-u", "/ws/chat/e%d/", *room]},
    }}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kit", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", default="3")
    parser.add_argument("--workloads", default=WORKLOADS)
    arguments = parser.parse_args()
    kit = (ROOT / arguments.kit / "bench.py").resolve()
    if not kit.exists():
        sys.exit(f"there is no benchmark kit at {arguments.kit}; give its folder with KIT=")
    seed()
    extra, results = BUILD / "switchboard.json", BUILD / "results.jsonl"
    extra.write_text(json.dumps(peer()))
    results.unlink(missing_ok=True)
    environment = {**os.environ, "BENCH_BUILD": str(BUILD)}
    subprocess.run(
        [sys.executable, kit, "run", "--rounds", arguments.rounds, "--peers", "switchboard", "--workloads",
         arguments.workloads, "--extra", extra, "--out", results], check=True, env=environment, cwd=BUILD)
    subprocess.run([sys.executable, kit, "report", results], check=True, env=environment)


if __name__ == "__main__":
    main()
