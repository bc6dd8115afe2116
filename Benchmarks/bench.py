#!/usr/bin/env python3
"""Measures the release build with the benchmark kit: the server and all its threads on core 0, the load on core 1.

    bench.py --kit FOLDER [--rounds N] [--workloads a,b] [--pairs erp-campus,…]

`--pairs` names senders' and receivers' dialects of direct messages; `none` leaves them out. Prints the kit's tables. What a run leaves is in .build/bench; nothing but loopback is used.
"""
import argparse, hashlib, json, os, pathlib, sqlite3, subprocess, sys

from running import BINARY, BUILD, ROOT

PEOPLE = 20_000
WORKLOADS = "echo,fan1000,fan50x20,direct,direct200,idle,connect,connect-auth"

# How each dialect is connected to, and how it sends a direct message; see the kit's templates.
PATHS = {
    "erp": "ws/v1/chat/?token={token}",
    "campus": "ws/chat/?token={token}&dialect=campus",
    "conversations": "ws/chat/?token={token}&dialect=conversations",
    "socketio": "socket.io/?EIO=4&transport=websocket&token={token}",
}
SENDS = {
    "erp": ["-m", '{"type":"chat_message","message":"%m","recipient_id":%p}'],
    "campus": ["-m", '{"receiver_id":%p,"message":"%m"}', "--ack", '"message_sent"'],
    "conversations": [
        "-m", '{"type":"chat.message","conversation_id":%r,"content":"%m"}', "--room-base", "1", "--match", '"W~'],
    # Both of a pair join their conversation, so that a message is three frames: two new_message, one notification.
    "socketio": [
        "-m", '42["send_message",{"conversationId":%r,"content":"%m","toUserId":%p}]', "--room-base", "1",
        "--expect", "0{", "--send", "40", "--expect", "40{", "--send", '420["join_conversation",%r]', "--expect", "430[",
        "--match", '["new_message"', "--reply", "2=3"],
}
PAIRS = "campus-campus,conversations-conversations,socketio-socketio,erp-conversations,conversations-erp,campus-erp"


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
        # The conversation of each pair of the kit has the pair's number.
        for pair in range(1, 501):
            first, second = 2 * pair - 1, 2 * pair
            connection.execute("INSERT INTO conversations (id, created_at) VALUES (?, 0)", (pair,))
            connection.execute("INSERT INTO direct_conversations VALUES (?, ?, ?)", (first, second, pair))
            connection.executemany(
                "INSERT INTO members (user_id, conversation_id) VALUES (?, ?)", [(first, pair), (second, pair)])
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    (BUILD / "state" / "tokens").write_text("".join(token + "\n" for token in tokens))


def direct(pair: str) -> list[str]:
    """What the kit does for direct messages from one dialect to another: every second connection sends."""
    sender, receiver = pair.split("-")
    file = BUILD / "state" / f"tokens-{pair}"
    tokens = (BUILD / "state" / "tokens").read_text().split()
    file.write_text("".join(
        PATHS[receiver if number % 2 else sender].format(token=token) + "\n" for number, token in enumerate(tokens)))
    return ["-u", "/%t", "--tokens", str(file), *SENDS[sender], "-s", "64", "--err", '"error"']


def peers(pairs: list[str]) -> dict:
    """How the kit starts this server, on a fresh copy of the database, and what it sends."""
    database = BUILD / "run.db"
    start = (
        f"rm -f {database}* && cp {BUILD}/seed.db {database} && exec {BINARY} serve --listen 127.0.0.1:{{port}}"
        f" --database {database} --rooms-rate 0 --log-level warning")
    room = ["-m", '{"type":"chat_message","message":"%m","username":"user%d"}', "-s", "64", "--err", '"error"']
    server = {"proto": "s3s0", "cmd": ["sh", "-c", start], "services": []}
    every = {"switchboard": {**server, "note": "this server", "sections": {"echo": ["-u", "/ws/chat/e%d/", *room]}}}
    for pair in pairs:
        every[pair] = {**server, "note": pair, "only": ["direct", "direct200"], "sections": {"direct": direct(pair)}}
    return {"peers": every}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kit", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", default="3")
    parser.add_argument("--workloads", default=WORKLOADS)
    parser.add_argument("--pairs", default=PAIRS)
    arguments = parser.parse_args()
    pairs = [] if arguments.pairs == "none" else arguments.pairs.split(",")
    kit = (ROOT / arguments.kit / "bench.py").resolve()
    if not kit.exists():
        sys.exit(f"there is no benchmark kit at {arguments.kit}; give its folder with KIT=")
    seed()
    extra, results = BUILD / "switchboard.json", BUILD / "results.jsonl"
    extra.write_text(json.dumps(peers(pairs)))
    results.unlink(missing_ok=True)
    environment = {**os.environ, "BENCH_BUILD": str(BUILD)}
    subprocess.run(
        [sys.executable, kit, "run", "--rounds", arguments.rounds, "--peers", ",".join(["switchboard", *pairs]),
         "--workloads", arguments.workloads, "--extra", extra, "--out", results], check=True, env=environment, cwd=BUILD)
    subprocess.run([sys.executable, kit, "report", results], check=True, env=environment)


if __name__ == "__main__":
    main()
