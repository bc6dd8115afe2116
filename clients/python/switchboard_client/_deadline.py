"""Connections that end by a deadline, however slowly the other side goes on."""

from __future__ import annotations

import io
import socket
import ssl
import time
from typing import Any


class TimedSocket:
    """As much of a socket as `http.client` uses. Each operation gets the time that is left, and raises
    `socket.timeout` when none is.
    """

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._deadline = deadline

    @classmethod
    def connect(cls, host: str, port: int, tls: ssl.SSLContext | None, timeout: float) -> TimedSocket:
        """Connects, within `timeout` seconds; so long may also last, all together, whatever is done afterwards.

        The look-up of the host's name counts, but the system offers no way to end it early.
        """
        deadline = time.monotonic() + timeout
        connected = _first_connected(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), deadline)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                connected.settimeout(_left(deadline))
                connected = tls.wrap_socket(connected, server_hostname=host)
        except BaseException:
            connected.close()
            raise
        return cls(connected, deadline)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(_left(self._deadline))
            rest = rest[self._socket.send(rest) :]

    def recv_into(self, buffer: Any) -> int:
        self._socket.settimeout(_left(self._deadline))
        return self._socket.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Does nothing: `http.client` calls it before it has read the answer. Leaving the `with` block closes."""

    def __enter__(self) -> TimedSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class _Reader(io.RawIOBase):
    def __init__(self, source: TimedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.recv_into(buffer)


def _first_connected(addresses: list[Any], deadline: float) -> socket.socket:
    """Connects to one of the addresses; those yet to be tried share the time, so that a dead one leaves some."""
    failure = OSError("The host has no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        made = None
        try:
            made = socket.socket(family, kind, protocol)
            made.settimeout(_left(deadline) / (len(addresses) - index))
            made.connect(address)
            return made
        except OSError as error:
            failure = error
            if made is not None:
                made.close()
    raise failure


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    return left
