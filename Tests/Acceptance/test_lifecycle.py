"""Starting, refusing to start, stopping, and the demonstration."""

import asyncio
import contextlib
import json
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import campus
import pytest
import socket_io
from client import Client
from conftest import Connect, Start
from database import stored_texts
from erp import CHAT, NOT_FOUND_OR_OFFLINE, online, said
from frames import error, matches
from raw import RawConnection, RawWebSocket, request
from switchboard import Server, command, eventually
from websockets.exceptions import ConnectionClosed


def refused(folder: Path, *arguments: object) -> str:
    """The one line of a server that could not start."""
    done = command("serve", *arguments, folder=folder)
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, len(lines)) == (1, 1), done.stderr
    return lines[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_signal_closes_everything_with_1012(
    start: Start, connect: Connect, room: str, number: signal.Signals
) -> None:
    server = start("--drain-time", "500ms")
    person = server.person()
    clients = [await connect(server, room)]
    clients += [await connect(server, CHAT, person.token) for _ in range(3)]
    idle = RawConnection(server)
    server.signal(number)
    for client in clients:
        await client.expect_close(1012)
    idle.expect_end()
    assert server.wait(within=10) == 0
    with pytest.raises(ConnectionRefusedError):
        RawConnection(server)


def test_a_client_that_never_answers_cannot_hold_it_up(start: Start, room: str) -> None:
    server = start("--drain-time", "0s", "--shutdown-timeout", "2s")
    with RawWebSocket(server, room) as silent, RawConnection(server) as halfway:
        halfway.send(b"GET /healthz HTTP/1.1\r\nHost:")
        server.signal(signal.SIGTERM)
        assert server.wait(within=10) == 0
        assert silent.receive().payload[:2] == b"\x03\xf4"


async def test_sigterm_keeps_what_was_delivered(start: Start, connect: Connect) -> None:
    server = start()
    aarav, bela = server.person(), server.person()
    sender, receiver = await online(connect, server, aarav), await online(connect, server, bela)
    for number in range(500):
        await sender.send(said(str(number), bela.id))
    seen = [(await receiver.receive())["message"]]
    server.signal(signal.SIGTERM)
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                seen.append(json.loads(await receiver.socket.recv())["message"])
    assert server.wait() == 0
    stored = stored_texts(server)
    assert stored[: len(seen)] == seen
    assert len(set(stored)) == len(stored)


def test_an_existing_database_is_ready_within_a_second(start: Start) -> None:
    server = start()
    durations = []
    for _ in range(3):
        assert server.terminate() == 0
        began = time.monotonic()
        server.start()
        durations.append(time.monotonic() - began)
        assert request(server, "GET", "/readyz").status == 200
    assert min(durations) < 1, durations


def test_a_port_in_use(server: Server, tmp_path: Path) -> None:
    line = refused(tmp_path, "--listen", f"127.0.0.1:{server.port}", "--database", tmp_path / "other.db")
    assert str(server.port) in line
    assert request(server, "GET", "/healthz").status == 200


def test_a_second_server_on_one_database(start: Start, tmp_path: Path) -> None:
    server = start()
    line = refused(tmp_path, "--listen", "127.0.0.1:0", "--database", server.database)
    assert str(server.database) in line.replace("\\/", "/")
    assert request(server, "GET", "/readyz").status == 200
    server.cli("user", "add", "still", "--name", "Works")


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        directory = Path("/proc/self")  # Not even root makes files there.
        if not directory.exists():
            pytest.skip("root may write to every directory here")
    else:
        directory = tmp_path / "locked"
        directory.mkdir(mode=0o500)
    line = refused(tmp_path, "--listen", "127.0.0.1:0", "--database", directory / "switchboard.db")
    assert "switchboard.db" in line or str(directory) in line.replace("\\/", "/")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    database = tmp_path / "poem.db"
    database.write_text("no database, " * 1000)
    line = refused(tmp_path, "--listen", "127.0.0.1:0", "--database", database)
    assert "poem.db" in line
    assert database.read_text() == "no database, " * 1000


# A URL, and the frame that follows it before another URL does.
PASTE = re.compile(r"(ws://[^\s\"'`]+)(?:(?!ws://)[^{])*(\{.*\})")


def demo_lines(server: Server) -> list[tuple[str, dict]]:
    """The URLs that the demonstration printed, each with the frame to send first."""
    server.stdout.first(lambda line: "/ws/v1/chat" in line)
    found: list[tuple[str, dict]] = []

    def collect() -> bool:
        text = "\n".join(server.stdout.all())
        found[:] = [(url, json.loads(sent)) for url, sent in PASTE.findall(text)]
        return any("/ws/v1/chat" in url for url, _ in found) and any("/ws/chat/" in url for url, _ in found)

    eventually(collect, "lines to paste for rooms and erp")
    return found


async def test_the_lines_of_the_demonstration_work(start: Start) -> None:
    server = start("--demo")
    people = json.loads(server.cli("user", "list", "--json"))
    assert len(people) >= 2
    for url, sent in demo_lines(server):
        assert f":{server.port}/" in url
        client = await Client.open(url)
        await client.send(sent)
        if "/ws/v1/chat" in url:
            eventually(lambda: sent["message"] in stored_texts(server), "the message in the store")
            await client.send_text("and now?")
            # Before it may come what waited for this person, and that the other one is away.
            while (answer := await client.receive()) != error("Invalid JSON format"):
                assert answer == NOT_FOUND_OR_OFFLINE or answer["type"] == "chat_message"
        elif "dialect=conversations" in url:
            assert (await client.receive())["type"] == "chat.conversation_started"
        elif "/ws/chat/?token" in url:
            while (answer := await client.receive())["type"] == "chat_message":
                pass
            assert matches(answer, campus.SENT), answer
        elif "/ws/chat/" in url:
            assert (await client.receive())["message"] == sent["message"]
        await client.close()


SOCKET_IO = re.compile(r'io\("http://([^"]+)", {auth: {token: "([^"]+)"}}\)\s+socket\.emit\("(\w+)", ({.*})\)')


async def test_what_the_demonstration_says_of_socketio_works(start: Start, connect: Connect) -> None:
    server = start("--demo")

    def found() -> list[tuple[str, str, str, str]]:
        return SOCKET_IO.findall("\n".join(server.stdout.all()))

    eventually(lambda: len(found()) == 3, "lines to paste for each of the three")
    for address, token, event, payload in found():
        assert address.endswith(f":{server.port}")
        client = await socket_io.online(connect, server, token)
        await client.ask(event, json.loads(payload), answer=socket_io.STORED)


def test_the_demonstration_fills_an_empty_database_only(start: Start) -> None:
    server = start("--demo")
    people = server.cli("user", "list", "--json")
    server.restart()
    assert server.cli("user", "list", "--json") == people


@pytest.fixture
def far_away() -> Iterator[tuple[Server, Path]]:
    """A server whose database's path is too long for a socket beside it, and its short folder for temporary files."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        deep = Path(folder, "deep" * 30)
        deep.mkdir()
        server = Server(deep, extra={"TMPDIR": folder}).start()
        yield server, Path(folder)
        server.close()


def test_nothing_is_left_of_the_local_socket(start: Start, far_away: tuple[Server, Path]) -> None:
    near, (far, folder) = start(), far_away
    for server in (near, far):
        name = server.database.with_name(server.database.name + ".sock")
        assert name.exists()
        assert server.terminate() == 0
        assert not name.exists()
    assert [path.name for path in folder.iterdir()] == [far.folder.name]


def test_stopping_deletes_nothing_that_is_not_the_servers(far_away: tuple[Server, Path]) -> None:
    server, folder = far_away
    precious = folder / "precious" / "kept"
    precious.parent.mkdir()
    precious.write_text("kept")
    name = server.database.with_name(server.database.name + ".sock")
    for path in (precious.parent, precious.parent / "sock"):
        name.write_text(str(path))
        assert server.terminate() == 0
        assert precious.read_text() == "kept"
        assert not name.exists()
        server.start()
