"""The Python package for back ends when servers are away, lose answers or are busy: nothing is sent twice."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from time import monotonic
from types import SimpleNamespace
from typing import Any

import campus
import pytest
import rooms
from back_end import KEY, announced, notified, titles, to
from conftest import Connect, Start
from frames import ROOMS_TIME
from machine import free_port
from raw import bearer, request
from switchboard import PATIENCE, Server, eventually
from switchboard_client import Switchboard, SwitchboardError

COUNTER = "/ws/counter/"
ENDED = "No answer from the server: "
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), extra={"SWITCHBOARD_API_KEYS": KEY}).start()
    yield server
    server.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client wanted to wait before each retry, instead of waiting."""
    seconds: list[float] = []
    monkeypatch.setattr("switchboard_client._transport.time", SimpleNamespace(sleep=seconds.append))
    return seconds


# Servers that are away


class Proxy:
    """Forwards each connection's one request, and swallows the answers of the first few connections."""

    def __init__(self, server: Server, swallowed: int) -> None:
        self.requests: list[bytes] = []
        self._server, self._swallowed = server, swallowed
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            with here:
                self._serve(here)

    def _serve(self, here: socket.socket) -> None:
        here.settimeout(PATIENCE)
        asked = b""
        while b"\r\n\r\n" not in asked or len(asked) < self._length(asked):
            asked += here.recv(65536)
        self.requests.append(asked)
        with socket.create_connection(self._server.address, PATIENCE) as there:
            there.sendall(asked)
            answer = b""
            while part := there.recv(65536):
                answer += part
        if len(self.requests) > self._swallowed:
            here.sendall(answer)

    @staticmethod
    def _length(asked: bytes) -> int:
        head, _, _ = asked.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        return len(head) + 4 + int(fields[b"content-length"])

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)


@pytest.fixture
def losing(server: Server) -> Iterator[Callable[[int], Proxy]]:
    """`losing(2)` is a way to the server on which the first two answers get lost."""
    proxies: list[Proxy] = []

    def losing(swallowed: int) -> Proxy:
        proxies.append(Proxy(server, swallowed))
        return proxies[-1]

    yield losing
    for proxy in proxies:
        proxy.close()


async def test_a_lost_answer_doubles_no_notification(
    server: Server, connect: Connect, losing: Callable[[int], Proxy], waits: list[float]
) -> None:
    person, proxy = server.person(), losing(2)
    client = await connect(server, campus.NOTIFICATIONS, person.token)
    to(proxy).send_notification(person.id, "Once", "M")
    assert (len(proxy.requests), len(waits)) == (3, 2)
    assert len(set(proxy.requests)) == 1
    to(proxy).send_notification(person.id, "Once", "M")
    for _ in range(2):
        await client.expect(notified("Once", "M"))
    await client.expect_nothing()
    assert titles(server, person) == ["Once", "Once"]


async def test_a_lost_answer_doubles_no_notice_and_no_bulk_message(
    server: Server, connect: Connect, losing: Callable[[int], Proxy], waits: list[float]
) -> None:
    person = server.person(college=68)
    client = await connect(server, campus.NOTIFICATIONS, person.token)
    notice = to(losing(1)).publish_notice("Once", college_id=68)
    await client.expect(announced(notice))
    job = to(losing(1)).send_bulk_message("Bulk", "M", college_id=68)
    await client.expect(notified("Bulk", "M", "message", {"bulk_message_id": job["id"]}))
    path = f"/api/bulk-messages/{job['id']}/"
    eventually(lambda: request(server, "GET", path, headers=bearer(KEY)).json["status"] == "done", "the job is done")
    await client.expect_nothing()
    assert titles(server, person) == ["Bulk", "New Notice"]
    assert len(waits) == 2


async def test_a_lost_answer_is_an_error_where_a_retry_could_double(
    server: Server, connect: Connect, losing: Callable[[int], Proxy], waits: list[float], room: str
) -> None:
    proxy, inside, counter = losing(2), await connect(server, room), await connect(server, COUNTER)
    start = (await counter.receive())["counter"]
    await counter.expect({"type": "user_count_update", "count": 1})
    name = room.removeprefix("/ws/chat/").removesuffix("/")
    for act in (
        lambda: to(proxy).send_chat_message(name, "once"), lambda: to(proxy).broadcast_counter_update("increment", 3),
    ):
        with pytest.raises(SwitchboardError) as caught:
            act()
        assert caught.value.status is None
        assert caught.value.message.startswith(ENDED)
        assert not any(secret in str(caught.value) for secret in (KEY, "once"))
    await inside.expect(rooms.heard("once", "System"))
    await inside.expect_nothing()
    await counter.expect({"type": "counter_update", "action": "increment", "value": 3, "timestamp": ROOMS_TIME})
    await counter.expect_nothing()
    assert (await (await connect(server, COUNTER)).receive())["counter"] == start + 3
    assert (len(proxy.requests), waits) == (2, [])


def test_a_server_that_is_away_and_comes_back_gets_it_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start(listen=f"127.0.0.1:{free_port()}")
    person = server.person()
    assert server.terminate() == 0
    monkeypatch.setattr("switchboard_client._transport.time", SimpleNamespace(sleep=lambda _: server.start()))
    to(server).send_notification(person.id, "Back again", "M")
    assert titles(server, person) == ["Back again"]
    # Nothing has reached the server, so that these are tried again as well.
    assert server.terminate() == 0
    assert to(server).broadcast_counter_update("increment", 7) == 7
    assert server.terminate() == 0
    to(server).send_chat_message("general", "hello")


def test_a_server_that_stays_away(waits: list[float]) -> None:
    away = SimpleNamespace(port=free_port())
    for act in (
        lambda switchboard: switchboard.send_notification(1, "T", "to nobody"),
        lambda switchboard: switchboard.send_chat_message("general", "to nobody"),
    ):
        waits.clear()
        with pytest.raises(SwitchboardError) as caught:
            act(to(away, retries=6, timeout=3.0))
        assert caught.value.status is None
        assert str(caught.value) == "No connection to the server: Connection refused"
        assert len(waits) == 6
        assert all(longest / 2 <= wait <= longest for wait, longest in zip(waits, [0.25, 0.5, 1, 2, 3, 3])), waits
    with pytest.raises(SwitchboardError):
        to(away, retries=0).send_notification(1, "T", "M")
    assert len(waits) == 6


# Answers of other servers


@dataclass
class Stub:
    """A server that gives these answers, one to each request: status, headers, body."""

    answers: list[Answer]
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    port: int = 0


GOOD: Answer = (200, {}, b'{"status":"success","counter":1}')


@pytest.fixture
def stub() -> Iterator[Callable[..., Stub]]:
    servers: list[http.server.HTTPServer] = []

    def stub(*answers: Answer) -> Stub:
        made = Stub(list(answers))

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                made.requests.append((self.path, dict(self.headers), body))
                status, headers, answer = made.answers.pop(0)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        servers.append(http.server.HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        made.port = servers[-1].server_port
        return made

    yield stub
    for server in servers:
        server.shutdown()
        server.server_close()


def refused(status: int, retry_after: str | None = None) -> Answer:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return status, headers, b'{"status":"error","message":"Not now"}'


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(stub: Callable[..., Stub], waits: list[float], status: int) -> None:
    soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=5), usegmt=True)
    busy = stub(refused(status, "2"), refused(status, soon), refused(status), GOOD)
    to(busy, retries=3).send_notification(1, "T", "M")
    assert waits[0] == 2 and 1 < waits[1] <= 5 and 0.5 <= waits[2] <= 1, waits
    first, *others = [(path, headers, body) for path, headers, body in busy.requests]
    assert others == [first] * 3
    assert len(first[1]["Idempotency-Key"]) == 32


@pytest.mark.parametrize("answers, options", [
    ([refused(503, "6")], {}), ([refused(429, "3600")], {}), ([refused(503, "4")], {"timeout": 3.5}),
    ([refused(503), refused(429), refused(503)], {}), ([refused(500)], {}), ([refused(502)], {}), ([refused(409)], {}),
    ([refused(503)], {"retries": 0}),
])
def test_when_it_is_not_asked_again(
    stub: Callable[..., Stub], waits: list[float], answers: list[Answer], options: dict
) -> None:
    busy = stub(*answers)
    with pytest.raises(SwitchboardError) as caught:
        to(busy, **options).send_notification(1, "T", "M")
    assert (caught.value.status, caught.value.message) == (answers[-1][0], "Not now")
    assert len(waits) == len(answers) - 1


def test_what_has_no_key_is_not_asked_again(stub: Callable[..., Stub], waits: list[float]) -> None:
    busy = stub(refused(503, "0"), refused(429, "0"))
    for act in (
        lambda: to(busy).send_chat_message("general", "M"), lambda: to(busy).broadcast_counter_update("increment", 1),
    ):
        with pytest.raises(SwitchboardError):
            act()
    assert waits == []
    assert all("Idempotency-Key" not in headers for _, headers, _ in busy.requests)


def test_each_call_has_a_key_of_its_own(stub: Callable[..., Stub]) -> None:
    there = stub(*[GOOD] * 10)
    shared = to(there)
    for switchboard in (shared, shared, to(there)):
        for act in (
            lambda: switchboard.send_notification(1, "T", "M"), lambda: switchboard.publish_notice("T"),
            lambda: switchboard.send_bulk_message("T", "M", user_ids=iter([1])),
        ):
            act()
    assert len({headers["Idempotency-Key"] for _, headers, _ in there.requests}) == 9


@pytest.mark.parametrize("act", [
    lambda switchboard: switchboard.send_notification(1, "T", "M"), lambda switchboard: switchboard.publish_notice("T"),
    lambda switchboard: switchboard.send_bulk_message("T", "M", everybody=True),
], ids=["notification", "notice", "bulk"])
def test_a_retry_has_the_key_of_its_call(
    stub: Callable[..., Stub], waits: list[float], act: Callable[[Switchboard], Any]
) -> None:
    busy = stub(refused(503), refused(429), GOOD, refused(503), GOOD)
    shared = to(busy)
    act(shared)
    act(shared)
    keys = [headers["Idempotency-Key"] for _, headers, _ in busy.requests]
    assert keys == [keys[0]] * 3 + [keys[3]] * 2
    assert keys[0] != keys[3]


def test_a_server_under_a_path(stub: Callable[..., Stub]) -> None:
    there = stub(GOOD)
    Switchboard(f"http://127.0.0.1:{there.port}/chat/", "").send_chat_message("a.b-c", "M")
    path, headers, body = there.requests[0]
    assert path == "/chat/api/rooms/a.b-c/messages/"
    assert "Authorization" not in headers
    assert body == {"message": "M", "username": "System"}


@pytest.mark.parametrize("answer", [
    (200, {}, b""), (200, {}, b"<html>"), (200, {}, b"[]"), (200, {}, b"\xff"), (404, {}, b"<html>"),
    (400, {}, b'{"message":5}'), (200, {}, b"[" * 100_000), (200, {}, b'{"a":' * 100_000), (503, {}, b"[" * 100_000),
    (302, {"Location": "http://127.0.0.1:1/"}, b""), (204, {}, b""),
])
def test_an_answer_that_is_not_switchboards(stub: Callable[..., Stub], answer: Answer) -> None:
    there = stub(answer)
    with pytest.raises(SwitchboardError) as caught:
        to(there, retries=0).send_notification(1, "T", "M")
    assert caught.value.status == answer[0]
    assert caught.value.message.endswith("without a word from Switchboard")
    assert len(there.requests) == 1


def test_an_answer_that_breaks_off_is_a_lost_one(stub: Callable[..., Stub], waits: list[float]) -> None:
    broken: Answer = (200, {"Content-Length": "1000"}, b'{"status"')
    there = stub(broken, GOOD, broken)
    to(there).send_notification(1, "T", "M")
    with pytest.raises(SwitchboardError) as caught:
        to(there).send_chat_message("general", "M")
    assert (caught.value.status, str(caught.value)) == (None, ENDED + "IncompleteRead")
    assert (len(there.requests), len(waits)) == (3, 1)


def test_a_server_that_says_nothing(waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = SimpleNamespace(port=listener.getsockname()[1])
        with pytest.raises(SwitchboardError) as caught:
            to(there, timeout=0.1, retries=1).send_notification(1, "T", "M")
    assert caught.value.status is None
    assert caught.value.message.startswith(ENDED)
    assert len(waits) == 1


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_a_host_whose_name_cannot_exist(waits: list[float], host: str) -> None:
    with pytest.raises(SwitchboardError, match="has a name that cannot exist") as caught:
        Switchboard(f"http://{host}").send_notification(1, "T", "M")
    assert (caught.value.status, waits) == (None, [])


# Servers that are slow


TRY = 0.3


@pytest.fixture
def lone() -> Iterator[Callable[[Callable[[socket.socket, threading.Event], None]], SimpleNamespace]]:
    """`lone(serve)` is a server that hands each connection to `serve`, with an event that the test's end sets."""
    over, listeners, threads = threading.Event(), [], []

    def lone(serve: Callable[[socket.socket, threading.Event], None]) -> SimpleNamespace:
        def run() -> None:
            while True:
                try:
                    here, _ = listener.accept()
                except OSError:
                    return
                with here, contextlib.suppress(OSError):
                    serve(here, over)

        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return SimpleNamespace(port=listener.getsockname()[1])

    yield lone
    over.set()
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(PATIENCE)


def dripping(head: bytes, drop: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def serve(here: socket.socket, over: threading.Event) -> None:
        here.sendall(head)
        # Each drop comes long before a limit on single reads would end.
        for _ in range(200):
            if over.wait(TRY / 10):
                return
            here.sendall(drop)

    return serve


@pytest.mark.parametrize("head, drop", [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
], ids=["body", "chunks", "header", "continue"])
def test_a_server_that_drips(lone: Callable[..., SimpleNamespace], head: bytes, drop: bytes) -> None:
    there = lone(dripping(head, drop))
    before = monotonic()
    with pytest.raises(SwitchboardError) as caught:
        to(there, timeout=TRY, retries=0).send_notification(1, "T", "M")
    assert TRY <= monotonic() - before < 15 * TRY
    assert caught.value.status is None
    assert caught.value.message.startswith(ENDED)


def test_a_server_that_reads_slowly(lone: Callable[..., SimpleNamespace]) -> None:
    def serve(here: socket.socket, over: threading.Event) -> None:
        while not over.wait(TRY / 10) and here.recv(65536):
            pass

    there = lone(serve)
    before = monotonic()
    with pytest.raises(SwitchboardError) as caught:
        to(there, timeout=TRY, retries=0).send_notification(1, "T", "M" * (1 << 25))
    assert TRY <= monotonic() - before < 30 * TRY
    assert caught.value.message.startswith(ENDED)


def test_each_try_has_the_whole_time(lone: Callable[..., SimpleNamespace], waits: list[float]) -> None:
    tries: list[socket.socket] = []

    def serve(here: socket.socket, over: threading.Event) -> None:
        tries.append(here)
        if len(tries) < 3:
            dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n")(here, over)
        else:
            here.recv(65536)
            here.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    # Enough for a third try that has to wait: for the end of the second, and for its turn.
    to(lone(serve), timeout=8 * TRY).send_notification(1, "T", "M")
    assert (len(tries), len(waits)) == (3, 2)


def test_a_host_of_which_one_address_is_dead(stub: Callable[..., Stub], monkeypatch: pytest.MonkeyPatch) -> None:
    there, dead, looked_up = stub(GOOD), free_port(), socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *values, **named: [
        address for each in (dead, port) for address in looked_up(host, each, *values, **named)])
    to(there, retries=0).send_notification(1, "T", "M")
    assert len(there.requests) == 1
