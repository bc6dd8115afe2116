"""A cluster: nodes that share a PostgreSQL and a Redis, all of it real, and all of it mortal."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from api import KEYED
from machine import HERE, Machine
from network import Network
from postgres import PostgreSQL
from raw import request
from redis_server import Redis
from switchboard import PATIENCE, Person, Server, eventually

# After so many seconds without a sign of life, a node counts as gone; and what a busy machine adds.
LEASE = 3.0
HEALED = LEASE + 4.0


class Node(Server):
    """One server of a cluster. Its database path is only where its socket is."""

    def readiness(self) -> tuple[int, str]:
        """The status and the words of /readyz."""
        answer = request(self, "GET", "/readyz")
        return answer.status, answer.body.decode()

    @property
    def is_ready(self) -> bool:
        return self.readiness()[0] == 200

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        return self.status is None


class Cluster:
    """Nodes on this machine, or each of them, Redis and PostgreSQL on a machine of its own on a network."""

    def __init__(
        self, folder: Path, count: int = 3, *flags: object, network: Network | None = None,
        beside: Cluster | None = None, extra: dict[str, str] = KEYED,
    ) -> None:
        """With the flags and variables that each node has; `beside` another, it shares Redis and PostgreSQL with it."""
        machine: Callable[[], Machine] = network.machine if network else lambda: HERE
        self._owns = beside is None
        if beside is None:
            (folder / "redis").mkdir()
            self.postgresql = PostgreSQL("fsync=off", "full_page_writes=off", machine=machine())
            self.redis = Redis(folder / "redis", machine=machine())
        else:
            self.postgresql, self.redis = beside.postgresql, beside.redis
        self._folder, self._count, self._machine = folder, count, machine
        self._flags = flags
        self._extra = extra
        self.nodes: list[Node] = []

    def start(self) -> Cluster:
        """Returns once all nodes are ready."""
        if self._owns:
            self.postgresql.start()
            self.redis.start()
        self.store = self.postgresql.new_store()
        for number in range(self._count):
            self.add_node(f"node{number}")
        self.are_ready()
        return self

    def add_node(self, name: str) -> Node:
        """Another one, that has started."""
        folder, machine = self._folder / name, self._machine()
        folder.mkdir()
        node = Node(
            folder, "--bus", self.redis.url, "--node-address", f"{machine.host}:0", *self._flags,
            listen=f"{machine.host}:0", store=self.store, machine=machine, extra=self._extra)
        self.nodes.append(node)
        node.start()
        return node

    def are_ready(self, *nodes: Node, within: float = PATIENCE) -> None:
        for node in nodes or self.nodes:
            eventually(lambda: node.is_ready, f"{node.folder.name} is ready", within)

    def are_not_ready(self, why: str, *nodes: Node, within: float = PATIENCE) -> None:
        """Each says so, with these words."""
        for node in nodes or self.nodes:
            eventually(lambda: not node.is_ready, f"{node.folder.name} says that it is not ready", within)
            status, words = node.readiness()
            assert status == 503 and why in words, (status, words)

    def heal(self) -> None:
        """Whatever a test has stopped runs again."""
        for node in self.nodes:
            if node.runs:
                node.resume()
            else:
                node.start()
        self.are_ready()

    def person(self, name: str = "Aarav Sharma", **options: object) -> Person:
        return self.nodes[0].person(name, **options)

    def close(self) -> None:
        for node in self.nodes:
            node.close()
        if self._owns:
            self.redis.close()
            self.postgresql.close()
