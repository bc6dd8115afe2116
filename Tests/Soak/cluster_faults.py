"""What goes wrong in a cluster while people talk."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator

from cluster import LEASE, Node
from switchboard import Server

from .faults import Faults
from .front_end import FrontEnd
from .ledger import Ledger, now
from .places import Together
from .socketio import PollingSocketIO
from .traffic import Traffic

# After so long all nodes know again of each other, and of whom each has clients for.
SETTLED = LEASE + 2


class ClusterFaults(Faults):
    """One node, Redis or PostgreSQL at a time; and sometimes two of them."""

    def __init__(
        self, ledger: Ledger, place: Together, fronts: list[FrontEnd], traffic: Traffic, seed: int, without: set[str],
    ) -> None:
        super().__init__(ledger, place, fronts, traffic, seed, without)
        self.cluster = place.cluster
        ledger.settling = 1.0

    def server_faults(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "kill": self._kill_node, "pause": self._pause_node, "redis": self._stop_redis,
            "postgresql": self._restart_postgresql, "rolling": self._restart_all, "files": self._use_up_files,
            "slow": self._read_slowly,
        }

    @contextlib.contextmanager
    def _away(self, node: Server) -> Iterator[None]:
        """While it is not meant to run. Its clients lose their connections, and sessions that poll lose their node."""
        self.place.down.add(node)
        for front in self.fronts:
            if isinstance(front, PollingSocketIO) or any(link.server is node for link in front.way.links):
                front.wire.breaks()
        with self._unsure():
            yield
        self.place.down.discard(node)

    @contextlib.contextmanager
    def _unsure(self) -> Iterator[None]:
        """What is kept nowhere may not be heard on all nodes, until they know of each other again."""
        began = now()
        doubt = (began - 1, float("inf"))
        self.ledger.doubts.append(doubt)
        try:
            yield
        finally:
            self.ledger.doubts.remove(doubt)
            self.ledger.doubts.append((began - 1, now() + SETTLED))

    def _any_node(self) -> Node:
        return self.random.choice(self.cluster.nodes)

    async def _kill_node(self) -> None:
        """At any moment; now and then one that stands still. It comes back soon, or after its lease."""
        node = self._any_node()
        self.ledger.figures["nodes killed"] += 1
        if self.random.random() < 0.2:
            node.pause()
            await asyncio.sleep(0.5)
        with self._away(node):
            await asyncio.to_thread(node.kill9)
            await asyncio.sleep(self.random.choice((0, 0.5, LEASE + 1)))
            await asyncio.to_thread(node.start)

    async def _pause_node(self) -> None:
        """For longer than its lease: the others take it for gone."""
        node = self._any_node()
        self.ledger.figures["nodes paused"] += 1
        with self._unsure():
            node.pause()
            await asyncio.sleep(self.random.choice((1, LEASE + 1, LEASE + 2)))
            node.resume()

    async def _stop_redis(self) -> None:
        """Now and then a node is killed while it is away."""
        self.ledger.figures["Redis stopped"] += 1
        with self._unsure():
            await asyncio.to_thread(self.cluster.redis.stop, self.random.choice((signal.SIGTERM, signal.SIGKILL)))
            await asyncio.sleep(self.random.choice((0, 1, LEASE + 1)))
            if self.random.random() < 0.3:
                node = self._any_node()
                self.ledger.figures["nodes killed without Redis"] += 1
                with self._away(node):
                    await asyncio.to_thread(node.kill9)
                    await asyncio.to_thread(self.cluster.redis.start)
                    await asyncio.to_thread(node.start)
            else:
                await asyncio.to_thread(self.cluster.redis.start)
            await asyncio.to_thread(self.cluster.are_ready)

    async def _restart_postgresql(self) -> None:
        self.ledger.figures["PostgreSQL restarted"] += 1
        database = self.cluster.postgresql
        with self._unsure():
            await asyncio.to_thread(database.stop, self.random.choice((signal.SIGINT, signal.SIGQUIT)))
            await asyncio.sleep(self.random.choice((0, 1, 2)))
            await asyncio.to_thread(database.start)
            await asyncio.to_thread(self.cluster.are_ready)

    async def _restart_all(self) -> None:
        """One after the other, as for a new version."""
        self.ledger.figures["rolling restarts"] += 1
        for node in [*self.cluster.nodes]:
            with self._away(node):
                status = await asyncio.to_thread(node.terminate)
                if status != 0:
                    self.ledger.blame("a node did not stop as it should", (status, node.log[-3:]))
                await asyncio.to_thread(node.start)
                await asyncio.to_thread(self.cluster.are_ready, node)
