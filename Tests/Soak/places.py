"""What a soak runs on: one server with a disk and a clock of its own, or a cluster."""

from __future__ import annotations

import json
import random
from pathlib import Path

from cluster import Cluster
from machine import free_port
from signed import SECRET
from switchboard import Server

from .host import Clock, Disk
from .reconcile import Stored

FLAGS = (
    "--ping-interval", "10s", "--ping-timeout", "10s", "--erp-offline-notice", "false", "--send-queue", 1 << 19,
    "--recovery-log", 4 << 20,
)
# People are made by their first token.
PEOPLE = {
    "SWITCHBOARD_JWT": json.dumps([{"name": "soak", "secret": SECRET, "algorithms": ["HS256"], "create_users": True}])}


class Place:
    """The servers, and what is known of them."""

    def __init__(self) -> None:
        self.servers: list[Server] = []
        # Those that are not meant to run at the moment, or to take newcomers.
        self.down: set[Server] = set()

    @property
    def server(self) -> Server:
        """One that takes newcomers; which one, chance decides, as with a load balancer."""
        return random.choice([server for server in self.servers if server not in self.down] or self.servers)

    @property
    def log(self) -> list[str]:
        return [line for server in self.servers for line in server.log]

    def start(self) -> None:
        raise NotImplementedError

    def stored(self) -> Stored:
        """What has been stored so far."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends all of it."""
        raise NotImplementedError


class Alone(Place):
    """One server on a small disk, which can be full, and with a clock that can be set."""

    def __init__(self, folder: Path, size: int, clock: str) -> None:
        super().__init__()
        disk = folder / "disk"
        disk.mkdir()
        self.disk = Disk(disk, size)
        self.clock = Clock(clock, folder / "clock")
        self.servers = [Server(
            disk, *FLAGS, listen=f"127.0.0.1:{free_port()}", prepare=self.disk.prepare,
            extra=PEOPLE | self.clock.environment)]

    def start(self) -> None:
        self.server.start()

    def stored(self) -> Stored:
        return Stored.of_sqlite(self.servers[0].database)

    def close(self) -> None:
        self.servers[0].close()
        self.disk.remove()


class Together(Place):
    """Nodes with a PostgreSQL and a Redis. Each connection, and each request, goes to any of them."""

    def __init__(self, folder: Path, count: int) -> None:
        super().__init__()
        self.cluster = Cluster(folder, count, *FLAGS, "--drain-time", "1s", extra=PEOPLE)
        self.servers = self.cluster.nodes

    def start(self) -> None:
        self.cluster.start()

    def stored(self) -> Stored:
        return Stored.of_postgresql(self.cluster.store)

    def close(self) -> None:
        self.cluster.close()
