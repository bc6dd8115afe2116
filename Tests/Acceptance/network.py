"""Machines on a wire that can be cut between any two of them: network namespaces, each with its end on one bridge.

Who may not make namespaces has none: then the tests are skipped. All of it goes with the process that made it, however
that ends, but for the bridge.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

from machine import Machine

# An address that nobody on the wire has: what is sent there is lost, and whoever sends it is not told.
NOWHERE = "02:00:00:00:00:00"


def _run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, f"{command}: {done.stderr}"


def why_not() -> str | None:
    """Why there can be no such network here; `None` where there can."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    if missing := [name for name in ("ip", "unshare", "nsenter") if shutil.which(name) is None]:
        return f"missing: {', '.join(missing)}"
    network = Network()
    try:
        network.machine()
    except AssertionError as error:
        return f"no network namespaces here: {error}"
    finally:
        network.close()
    return None


class Host(Machine):
    """A machine of its own. The tests reach it, too."""

    def __init__(self, bridge: str, number: int, subnet: str) -> None:
        self.host = f"{subnet}.{number + 2}"
        # It holds the namespace, until its input ends.
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        assert self._holder.stdout.readline() == b"\n", self._holder.stderr.read().decode()
        outside = f"{bridge}n{number}"
        _run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", self._holder.pid)
        _run("ip", "link", "set", outside, "master", bridge, "up")
        self._inside("ip", "address", "add", f"{self.host}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            self._inside("ip", "link", "set", link, "up")

    def _enter(self, *options: object) -> list[object]:
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *options]

    def _inside(self, *command: object) -> None:
        _run(*self._enter(*command))

    def run(self, command: list[object], user: str | None = None, **options: Any) -> subprocess.Popen[Any]:
        owner = []
        if user is not None:
            entry = pwd.getpwnam(user)
            owner = ["--setuid", entry.pw_uid, "--setgid", entry.pw_gid]
        return super().run(self._enter(*owner, *command), **options)

    def lose(self, other: Host) -> None:
        """What it sends to the other goes nowhere."""
        self._inside("ip", "neighbour", "replace", other.host, "lladdr", NOWHERE, "dev", "eth0", "nud", "permanent")

    def find(self, other: Host) -> None:
        self._inside("ip", "neighbour", "delete", other.host, "dev", "eth0")

    def close(self) -> None:
        """Everything of it that runs still has to be ended before."""
        with contextlib.suppress(BrokenPipeError):
            self._holder.stdin.close()
        self._holder.wait(5)
        self._holder.stdout.close()
        self._holder.stderr.close()


class Network:
    """A bridge with the machines on it."""

    def __init__(self) -> None:
        self._bridge = f"sb{os.getpid()}"
        used = subprocess.run(["ip", "-o", "-4", "address"], capture_output=True, encoding="utf-8").stdout
        self._subnet = next(
            subnet for number in range(os.getpid() % 200, 256) if f" {(subnet := f'10.213.{number}')}." not in used)
        self._hosts: list[Host] = []
        self._cuts: set[frozenset[Host]] = set()
        self._remove()
        _run("ip", "link", "add", self._bridge, "type", "bridge")
        _run("ip", "address", "add", f"{self._subnet}.1/24", "dev", self._bridge)
        _run("ip", "link", "set", self._bridge, "up")

    def machine(self) -> Host:
        self._hosts.append(Host(self._bridge, len(self._hosts), self._subnet))
        return self._hosts[-1]

    def cut(self, one: Host, *others: Host) -> None:
        """Nothing passes between it and the others any more, in either direction, and nobody is told."""
        for other in others:
            self._cuts.add(frozenset((one, other)))
            one.lose(other)
            other.lose(one)

    def heal(self) -> None:
        """All is as it was."""
        while self._cuts:
            one, other = self._cuts.pop()
            one.find(other)
            other.find(one)

    def close(self) -> None:
        for host in self._hosts:
            host.close()
        self._remove()

    def _remove(self) -> None:
        if Path(f"/sys/class/net/{self._bridge}").exists():
            _run("ip", "link", "delete", self._bridge)
