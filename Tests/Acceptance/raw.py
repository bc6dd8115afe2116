"""HTTP and WebSocket by hand on a plain socket, for what well-behaved clients never send."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import select
import socket
import struct
from dataclasses import dataclass
from typing import Any

from frames import REFUSAL, matches
from policies import expect_policies
from switchboard import PATIENCE, Server

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Ended(AssertionError):
    """The connection was closed or reset where the test wants to read on."""


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def expect_refusal(self, *statuses: int) -> None:
        """One of these statuses, with the small JSON body that every error has."""
        assert self.status in statuses, (self.status, self.body)
        assert self.headers["content-type"].startswith("application/json")
        assert matches(self.json, REFUSAL), self.json


class RawConnection:
    def __init__(
        self, server: Server, source: str | None = None, receive_buffer: int | None = None, segment: int | None = None,
    ) -> None:
        """Small segments have the server's system keep little of what it sends, as on a real network.

        A buffer that holds no segment of loopback's (64 kB) now and then gets all in drops of 2 kB a fifth of a second.
        """
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if segment is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.settimeout(PATIENCE)
        self.socket.connect(server.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server = server
        self._buffer = b""

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_bytewise(self, data: bytes) -> None:
        for byte in data:
            self.socket.sendall(bytes([byte]))

    def has_answer(self, within: float) -> bool:
        """Whether anything, or the end, arrives in that many seconds."""
        return bool(self._buffer) or bool(select.select([self.socket], [], [], within)[0])

    def read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def response(self, to_head: bool = False) -> Response:
        """The next response, with the policies that all have; `to_head` says that the request was a HEAD."""
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("ascii").split("\r\n")
        version, status, *_ = status_line.split(" ")
        assert version == "HTTP/1.1", status_line
        fields = [line.split(":", 1) for line in lines]
        headers = {name.lower(): value.strip() for name, value in fields}
        assert len(headers) == len(fields), f"a header twice: {lines}"
        expect_policies(int(status), headers)
        bodiless = to_head or int(status) < 200 or status == "204"
        body = b"" if bodiless else self.read(int(headers["content-length"]))
        return Response(int(status), headers, body)

    def expect_end(self) -> None:
        """The server closes the connection and says nothing more."""
        try:
            rest = self._buffer + self.socket.recv(65536)
        except ConnectionResetError:
            rest = self._buffer
        assert rest == b"", rest

    def _fill(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Ended(f"the connection ended after {self._buffer!r}")
        self._buffer += data


def request(
    server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None,
    source: str | None = None,
) -> Response:
    """One request on a connection of its own; a body that isn't bytes goes as JSON."""
    fields = {"Host": "%s:%d" % server.address, "Connection": "close"}
    if body is None:
        data = b""
    else:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
    fields |= headers or {}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    with RawConnection(server, source) as connection:
        connection.send("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        return connection.response(to_head=method == "HEAD")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def handshake(server: Server, path: str, key: str, changes: dict[str, str | None] | None = None) -> bytes:
    """The opening request; a change to None leaves a header out."""
    fields: dict[str, str | None] = {
        "Host": f"127.0.0.1:{server.port}", "Upgrade": "websocket", "Connection": "Upgrade",
        "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13",
    }
    fields |= changes or {}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


_MASK = b"\x37\xfa\x21\x3d"


def frame(opcode: int, payload: bytes = b"", fin: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """A client's frame (RFC 6455, section 5.2); `reserved` is the three bits after FIN."""
    head = frame_head(opcode, len(payload), fin, reserved, masked)
    return head + (masked_part(payload) if masked else payload)


def frame_head(opcode: int, length: int, fin: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """Everything before the payload, of which `masked_part` may then send a beginning only."""
    first, mask_bit = fin << 7 | reserved << 4 | opcode, masked << 7
    if length < 126:
        head = struct.pack("!BB", first, mask_bit | length)
    elif length < 65536:
        head = struct.pack("!BBH", first, mask_bit | 126, length)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, length)
    return head + (_MASK if masked else b"")


def masked_part(payload: bytes) -> bytes:
    """The beginning of a frame's payload as it goes over the wire."""
    repeated = (_MASK * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return struct.pack("!H", code) + reason


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True


class RawWebSocket(RawConnection):
    """A connection after its handshake."""

    def __init__(
        self, server: Server, path: str, receive_buffer: int | None = None,
        changes: dict[str, str | None] | None = None, segment: int | None = None,
    ) -> None:
        super().__init__(server, receive_buffer=receive_buffer, segment=segment)
        key = base64.b64encode(os.urandom(16)).decode()
        self.send(handshake(server, path, key, changes))
        response = self.response()
        assert response.status == 101, response
        accepted = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
        assert response.headers["sec-websocket-accept"] == accepted

    def receive(self) -> Frame:
        first, second = self.read(2)
        assert not first & 0x70, "reserved bits"
        assert not second & 0x80, "a masked frame from a server"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.read(8))
        return Frame(first & 0x0F, self.read(length), bool(first & 0x80))

    def expect(self, opcode: int, payload: bytes) -> None:
        received = self.receive()
        assert received == Frame(opcode, payload), received

    def send_json(self, value: Any) -> None:
        self.send(frame(TEXT, json.dumps(value).encode()))

    def expect_json(self) -> Any:
        received = self.receive()
        assert received.opcode == TEXT and received.fin, received
        return json.loads(received.payload)

    def expect_close(self, *codes: int) -> None:
        """The next frame closes with one of these codes; once answered, the connection ends."""
        received = self.receive()
        assert received.opcode == CLOSE, received
        code = struct.unpack("!H", received.payload[:2])[0]
        assert code in codes, (code, received.payload[2:])
        received.payload[2:].decode()
        try:
            self.send(frame(CLOSE, received.payload[:2]))
        except OSError:
            pass  # A server that failed the connection need not wait for this.
        self.expect_end()
