#!/usr/bin/env python3
"""Measures how long messages wait for their confirmation while a backup is made, and while none is.

    backup.py [--messages N] [--backups N] [--clients N]

A database of one long conversation, on the disk under .build/bench. Each client posts a message, waits until it is
confirmed, and posts the next 4 ms later. Periods with a backup and without one, equally long, take turns.
"""
import argparse, http.client, json, pathlib, shutil, statistics, subprocess, tempfile, threading, time

from history import TOKEN, seed
from running import BINARY, BUILD, QUIET, server


class Client(threading.Thread):
    """When each message was sent, and the milliseconds until it was confirmed."""

    def __init__(self, port: int, is_over: threading.Event) -> None:
        super().__init__()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.is_over = is_over
        self.confirmed: list[tuple[float, float]] = []

    def run(self) -> None:
        body = json.dumps({"text": "This is one more message of a long talk."})
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        while not self.is_over.is_set():
            began = time.perf_counter()
            self.connection.request("POST", "/api/conversations/1/messages/", body, headers)
            answer = self.connection.getresponse()
            assert answer.read() and answer.status == 201, answer.status
            self.confirmed.append((began, 1000 * (time.perf_counter() - began)))
            time.sleep(0.004)


def backup(database: pathlib.Path) -> None:
    target = database.with_suffix(".backup")
    subprocess.run([BINARY, "backup", target, "--overwrite", "--database", database], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--backups", type=int, default=5)
    parser.add_argument("--clients", type=int, default=4)
    arguments = parser.parse_args()
    seeded = seed(arguments.messages)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        database = pathlib.Path(folder) / "switchboard.db"
        shutil.copy(seeded, database)
        with server(database, *QUIET, "--message-rate", "0") as (port, _):
            is_over = threading.Event()
            clients = [Client(port, is_over) for _ in range(arguments.clients)]
            for client in clients:
                client.start()
            time.sleep(2)
            periods: dict[str, list[tuple[float, float]]] = {"no backup": [], "during a backup": []}
            for _ in range(arguments.backups):
                began = time.perf_counter()
                backup(database)
                ended = time.perf_counter()
                periods["during a backup"].append((began, ended))
                time.sleep(1)
                periods["no backup"].append((ended + 1, ended + 1 + ended - began))
                time.sleep(ended - began + 1)
            is_over.set()
            for client in clients:
                client.join()
    lengths = [end - start for start, end in periods["during a backup"]]
    print(f"a backup takes {min(lengths):.2f} to {max(lengths):.2f} s")
    for name, spans in periods.items():
        waits = sorted(
            wait for client in clients for moment, wait in client.confirmed
            if any(start <= moment <= end for start, end in spans))
        print(
            f"{name}: {len(waits)} confirmations, median {statistics.median(waits):.2f} ms, "
            f"99 % {waits[int(len(waits) * 0.99)]:.1f} ms, longest {waits[-1]:.1f} ms")


if __name__ == "__main__":
    main()
