"""TLS in the server itself, with clients that are not ours."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from certificates import Certificate, SecureConnection, s_client, secure
from client import Client
from conftest import Start
from database import all_acknowledged
from erp import CHAT, heard, said
from metrics import Metrics
from raw import TEXT, RawConnection, frame, handshake, request
from rooms import JOINED, LEFT
from rooms import heard as heard_in_room
from rooms import said as said_in_room
from socketio_client import TRANSPORTS, SocketIO
from switchboard import PATIENCE, Lines, Person, Server, command, eventually, memory
from test_slow_reader import flood_until_one_left


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("certificate"), "localhost")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("server"), *certificate.flags, "--loops", 2, "--rooms-rate", 0,
        "--max-text", 1 << 20, "--max-message", 2 << 20, "--log-level", "debug").start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def people(server: Server) -> tuple[Person, Person]:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


async def opened(server: Server, certificate: Certificate, path: str, person: Person | None = None) -> Client:
    return await Client.open(secure(server, path, person and person.token), ssl=certificate.trust())


KEY = "AAAAAAAAAAAAAAAAAAAAAA=="


# Clients

@pytest.mark.parametrize("length", [1, 16_384, 16_385, 1_000_000], ids=str)
async def test_messages_of_any_length_pass_both_ways(
    server: Server, certificate: Certificate, people: tuple[Person, Person], length: int
) -> None:
    aarav, bela = people
    there = await opened(server, certificate, CHAT, bela)
    here = await opened(server, certificate, CHAT, aarav)
    assert "permessage-deflate" in there.socket.response.headers["Sec-WebSocket-Extensions"]
    # Nothing that deflate makes small: each character is one of 64.
    text = "".join(chr(48 + (number * number * 7919 >> 7) % 64) for number in range(length)).replace("\\", "/")
    await here.send(said(text, bela.id))
    await there.expect(heard(text, aarav))
    await there.send(said(text, aarav.id))
    await here.expect(heard(text, bela))
    # Else the next connections are given it again.
    for person in people:
        await all_acknowledged(server, person)
    await here.close()
    await there.close()


async def test_many_frames_keep_their_order(server: Server, certificate: Certificate, room: str) -> None:
    talker, listener = [await opened(server, certificate, room) for _ in range(2)]
    await talker.expect(JOINED)
    texts = [str(number) * (1 + number % 40) for number in range(2000)]
    for text in texts:
        await talker.send(said_in_room(text))
    for client in (talker, listener):
        for text in texts:
            await client.expect(heard_in_room(text))
        await client.close()


async def test_aiohttp(server: Server, certificate: Certificate, people: tuple[Person, Person]) -> None:
    aarav, bela = people
    connector = aiohttp.TCPConnector(ssl=certificate.trust())
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(f"https://127.0.0.1:{server.port}/healthz") as answer:
            assert answer.status == 200
            assert "Strict-Transport-Security" not in answer.headers
        async with (
            session.ws_connect(secure(server, CHAT, aarav.token)) as here,
            session.ws_connect(secure(server, CHAT, bela.token)) as there,
        ):
            await here.send_json(said("Hello", bela.id))
            assert (await there.receive_json(timeout=PATIENCE))["message"] == "Hello"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_socketio(
    server: Server, certificate: Certificate, people: tuple[Person, Person], transport: str
) -> None:
    aarav, bela = people
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=certificate.trust())) as session:
        client = SocketIO()
        client._client.eio.http = session
        client._client.eio.external_http = True
        await client._client.connect(
            f"https://127.0.0.1:{server.port}", auth={"token": aarav.token}, transports=TRANSPORTS[transport])
        answer = await client._client.call("send_message", {"toUserId": bela.id, "content": "Hello"}, timeout=PATIENCE)
        assert answer["ok"] is True
        await client.drop()


def test_a_session_moves_with_its_connection_to_another_loop(server: Server, certificate: Certificate) -> None:
    """Requests of a client come on connections that either loop accepted; one loop has the client."""
    def connection() -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", server.port, timeout=PATIENCE, context=certificate.trust())

    def ask(one: http.client.HTTPSConnection, method: str, query: str, body: str | None = None) -> str:
        one.request(method, f"/socket.io/?EIO=4&transport=polling{query}", body)
        answer = one.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, text
        return text

    connections = [connection() for _ in range(16)]
    sid = json.loads(ask(connections[0], "GET", "")[1:])["sid"]
    for _ in range(3):
        for one in connections:
            assert ask(one, "POST", f"&sid={sid}", "3") == "ok"
    for one in connections:
        one.close()


# The protocol

@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_old_versions_are_refused(server: Server, version: str) -> None:
    said = s_client(server, f"-{version}", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in said, said
    assert "Cipher is (NONE)" in said


@pytest.mark.parametrize("version, name", [("tls1_2", "TLSv1.2"), ("tls1_3", "TLSv1.3")])
def test_new_versions_with_their_parameters(server: Server, version: str, name: str) -> None:
    said = s_client(server, f"-{version}", "-alpn", "h2,http/1.1")
    assert f"New, {name}, Cipher is" in said
    assert "ALPN protocol: http/1.1" in said
    assert "Compression: NONE" in said
    assert "Server Temp Key: X25519" in said


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"])
def test_weak_ciphers_are_refused(server: Server, cipher: str) -> None:
    assert "handshake failure" in s_client(server, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")


def test_a_client_without_http11_is_refused(server: Server) -> None:
    assert "no application protocol" in s_client(server, "-alpn", "h2")


def test_no_renegotiation(server: Server) -> None:
    assert "no renegotiation" in s_client(server, "-tls1_2", sent="R\n")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_a_session_is_resumed_with_a_ticket(server: Server, certificate: Certificate, version: ssl.TLSVersion) -> None:
    """Several times, so that each loop gets a connection that another one sealed the ticket of."""
    trust = certificate.trust()
    trust.minimum_version = trust.maximum_version = version
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with SecureConnection(server, trust) as first:
        first.send(request)
        assert first.response().status == 200
        session = first.socket.session
    for _ in range(8):
        again = RawConnection(server)
        with trust.wrap_socket(again.socket, server_hostname="127.0.0.1", session=session) as socket:
            assert socket.session_reused
            socket.sendall(request)
            assert socket.recv(100).startswith(b"HTTP/1.1 200")


def test_the_end_is_announced(server: Server, certificate: Certificate) -> None:
    with SecureConnection(server, certificate.trust()) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.response().status == 200
        connection.expect_end()


async def test_who_is_cut_off_has_left(server: Server, certificate: Certificate, room: str) -> None:
    """Whether or not the end was announced."""
    listener = await opened(server, certificate, room)
    for is_announced in (True, False):
        with SecureConnection(server, certificate.trust()) as other:
            other.send(handshake(server, room, KEY))
            await listener.expect(JOINED)
            assert other.response().status == 101
            if is_announced:
                other.socket.unwrap()
        await listener.expect(LEFT)
    await listener.close()


def test_browsers_are_told_to_stay_with_tls(start: Start, certificate: Certificate) -> None:
    server = start(*certificate.flags, "--hsts", "180d")
    with SecureConnection(server, certificate.trust()) as connection:
        for target in (b"/healthz", b"/nothing", b"/ws/chat/", b"/socket.io/?EIO=3", b"/healthz nonsense"):
            connection.send(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = connection.response()
            assert answer.headers["strict-transport-security"] == "max-age=15552000"
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in request(start("--hsts", "180d"), "GET", "/healthz").headers


# Certificates

def shown(server: Server, name: str | None) -> str:
    """Whose certificate a client gets that asks for a name."""
    said = s_client(server, *(["-servername", name] if name else ["-noservername"]))
    return re.search(r"subject=CN = (\S+)", said)[1]


def test_the_name_decides_which_certificate_is_shown(start: Start, tmp_path: Path) -> None:
    made = [
        Certificate.make(tmp_path, "chat.example.org"),
        Certificate.make(tmp_path, "erp.example.org", "www.erp.example.org", kind="rsa"),
        Certificate.make(tmp_path, "*.campus.example.org"),
    ]
    server = start(
        "--tls-certificate", ",".join(str(one.file) for one in made),
        "--tls-key", ",".join(str(one.key) for one in made))
    for name, common in [
        (None, "chat.example.org"), ("chat.example.org", "chat.example.org"), ("erp.example.org", "erp.example.org"),
        ("WWW.ERP.example.org", "erp.example.org"), ("a.campus.example.org", "*.campus.example.org"),
        ("campus.example.org", "chat.example.org"), ("a.b.campus.example.org", "chat.example.org"),
        ("nobody.example", "chat.example.org"),
    ]:
        assert shown(server, name) == common


async def test_new_certificates_take_over_while_connections_go_on(start: Start, tmp_path: Path, room: str) -> None:
    used = Certificate.make(tmp_path, "old.example")
    server = start(*used.flags)
    listener = await opened(server, used, room)
    assert shown(server, None) == "old.example"

    used.replace(Certificate.make(tmp_path, "new.example"))
    server.signal(1)
    eventually(lambda: any("configuration was read again" in line for line in server.log), "a line says so")
    assert shown(server, None) == "new.example"
    other = await opened(server, used, room)
    await listener.expect(JOINED)
    await listener.send(said_in_room("still here"))
    for client in (listener, other):
        await client.expect(heard_in_room("still here"))

    secret = "bm90IGEga2V5IGF0IGFsbA=="
    used.key.write_text(f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n")
    server.signal(1)
    (line,) = server.logged("could not be read again")
    assert json.loads(line)["reason"] == f"tls_key: {used.key}: no private key in PEM"
    assert shown(server, None) == "new.example"
    await other.send(said_in_room("and here"))
    for client in (listener, other):
        await client.expect(heard_in_room("and here"))
        await client.close()
    assert not any(secret in line for line in server.log)


def test_a_hang_up_without_certificates_changes_nothing(start: Start) -> None:
    server = start()
    server.signal(1)
    with RawConnection(server) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.response().status == 200
    assert server.terminate() == 0


# Whoever does not play along

def refusals(server: Server, certificate: Certificate) -> dict[str, float]:
    with SecureConnection(server, certificate.trust()) as connection:
        connection.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return Metrics(connection.response().body.decode()).by("reason", "refusals_total")


def test_plain_http_is_told_to_use_tls(server: Server, certificate: Certificate) -> None:
    before = refusals(server, certificate)
    for method in ("GET", "POST", "OPTIONS"):
        with RawConnection(server) as connection:
            connection.send(f"{method} /healthz HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = connection.response()
            answer.expect_refusal(400)
            assert "https" in answer.json["message"]
            connection.expect_end()
    eventually(lambda: refusals(server, certificate)["not_tls"] == before["not_tls"] + 3, "they are counted")


@pytest.mark.parametrize("sent", [
    b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"\x01" * 100, b"\x80\x2e\x01\x00\x02" + b"x" * 44, b"\r\n\r\n\x00" * 9,
    b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03\x00\x10" + b"y" * 16, bytes(range(1, 40)) * 5000,
    # A hello that never ends, in whole records.
    b"\x16\x03\x01\x40\x00\x01\x01\xff\xff" + b"z" * 16_380 + (b"\x16\x03\x01\x40\x00" + b"z" * 16_384) * 9,
], ids=range(8))
def test_garbage_is_closed(server: Server, certificate: Certificate, sent: bytes) -> None:
    before = refusals(server, certificate)
    with RawConnection(server) as connection:
        try:
            connection.send(sent)
            while connection.socket.recv(65536):
                pass  # An alert.
        except (ConnectionResetError, BrokenPipeError):
            pass
    # And others get in.
    eventually(lambda: refusals(server, certificate)["tls_failed"] == before["tls_failed"] + 1, "it is counted")


def test_garbage_within_a_session_is_closed(server: Server, certificate: Certificate) -> None:
    raw = RawConnection(server)
    # A copy of the descriptor goes around the session.
    with raw.socket.dup() as around, certificate.trust().wrap_socket(raw.socket, server_hostname="127.0.0.1") as socket:
        around.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            socket.recv(100)
    eventually(lambda: any("TLS failed" in line for line in server.log), "the log tells why")


def hello(trust: ssl.SSLContext) -> bytes:
    """What a client sends first."""
    outgoing = ssl.MemoryBIO()
    session = trust.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("part", [0, 1, 100, None], ids=str)
def test_a_slow_handshake_is_cut_off(start: Start, certificate: Certificate, part: int | None) -> None:
    server = start(*certificate.flags, "--head-timeout", "500ms", "--keepalive-timeout", "60s")
    with RawConnection(server) as connection:
        connection.send(hello(certificate.trust())[:part])
        # All the server says before it ends the connection is its part of the handshake.
        while connection.socket.recv(65536):
            pass


def test_half_open_connections_cost_little(server: Server, certificate: Certificate) -> None:
    sent = hello(certificate.trust())
    connections = [RawConnection(server) for _ in range(200)]
    before = memory(server)
    for connection in connections:
        connection.send(sent)
    for connection in connections:
        assert connection.has_answer(within=PATIENCE)
    assert (memory(server) - before) / len(connections) < 60_000
    for connection in connections:
        connection.socket.close()


async def test_a_slow_reader_is_closed(start: Start, certificate: Certificate, room: str) -> None:
    server = start(*certificate.flags, "--send-queue", 65536, "--rooms-rate", 0)
    talker, listener = [await opened(server, certificate, room) for _ in range(2)]
    await talker.expect(JOINED)
    with SecureConnection(server, certificate.trust(), receive_buffer=65536) as slow:
        slow.send(handshake(server, room, KEY))
        for client in (talker, listener):
            await client.expect(JOINED)
        await flood_until_one_left(talker, listener)
        received = b""
        while data := slow.socket.recv(65536):
            received += data
        # The code comes last, and is followed by a reason.
        assert b"\x03\xf5Too slow to read" in received[-40:]
    for client in (talker, listener):
        await client.close()


def test_a_long_answer_arrives_whole_through_a_narrow_way(
    server: Server, certificate: Certificate, people: tuple[Person, Person]
) -> None:
    """The kernel takes little at a time, so that most of it waits."""
    aarav, bela = people

    def ask(method: str, path: str, body: dict[str, object] | None = None, receive_buffer: int | None = None) -> object:
        data = json.dumps(body).encode() if body else b""
        with SecureConnection(server, certificate.trust(), receive_buffer) as connection:
            connection.send(
                f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {aarav.token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
            return connection.response().json

    text = "".join(map(str, range(180_000)))
    sent = ask("POST", "/api/messages/", {"receiver_id": bela.id, "text": text})
    page = ask("GET", f"/api/conversations/{sent['conversation_id']}/messages/?limit=1", receive_buffer=65536)
    assert [message["text"] for message in page["messages"]] == [text]


def test_keys_are_renewed_on_request(server: Server) -> None:
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_3"], encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = Lines(process.stdout)

    def said(text: str) -> int:
        return sum(text in line for line in lines.all())

    try:
        eventually(lambda: said("verify return") > 0, "the handshake")
        for count in range(1, 11):
            process.stdin.write("K\n")
            process.stdin.flush()
            eventually(lambda: said("KEYUPDATE") == count, "the client asks for new keys, and has its own")
        process.stdin.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        process.stdin.flush()
        eventually(lambda: said("HTTP/1.1 200") == 1, "the answer")
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def test_a_frame_in_pieces(server: Server, certificate: Certificate, room: str) -> None:
    """Records of one byte each."""
    with SecureConnection(server, certificate.trust()) as connection:
        connection.send(handshake(server, room, KEY))
        assert connection.response().status == 101
        connection.send_bytewise(frame(TEXT, json.dumps(said_in_room("bit by bit")).encode()))
        assert b"bit by bit" in connection.read(60)


# Settings

def broken(folder: Path, kind: str) -> tuple[str, ...]:
    good, other = Certificate.make(folder, "good.example"), Certificate.make(folder, "other.example")
    certificate, key = str(good.file), str(good.key)
    match kind:
        case "missing certificate":
            certificate = str(folder / "absent.pem")
        case "missing key":
            key = str(folder / "absent.key")
        case "another's key":
            key = str(other.key)
        case "encrypted key":
            key = str(Certificate.make(folder, "locked.example", passphrase="open sesame").key)
        case "no certificate":
            certificate = key
        case "no key":
            key = certificate
        case "broken chain":
            good.file.write_text(good.file.read_text() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        case "two keys":
            return ("--tls-certificate", certificate, "--tls-key", f"{key},{key}")
        case "only a certificate":
            return ("--tls-certificate", certificate)
    return ("--tls-certificate", certificate, "--tls-key", key)


@pytest.mark.parametrize("kind, complaint", [
    ("missing certificate", "absent.pem: No such file"), ("missing key", "absent.key: No such file"),
    ("another's key", "other.example.key: the key is not that of the certificate"),
    ("encrypted key", "locked.example.key: the key is encrypted"),
    ("no certificate", "good.example.key: no certificate"), ("no key", "good.example.pem: no private key"),
    ("broken chain", "good.example.pem: "), ("two keys", "there are 1 and 2"), ("only a certificate", "are 1 and 0"),
])
def test_what_is_wrong_is_said_at_the_start(tmp_path: Path, kind: str, complaint: str) -> None:
    flags = broken(tmp_path, kind)
    for words in (["check-config"], ["serve", "--listen", "127.0.0.1:0"]):
        done = command(*words, *flags, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "switchboard.db").exists()


def test_a_key_that_everybody_can_read_is_warned_of(start: Start, tmp_path: Path) -> None:
    certificate = Certificate.make(tmp_path, "localhost")
    certificate.key.chmod(0o644)
    done = command("check-config", *certificate.flags, folder=tmp_path)
    assert done.returncode == 0
    assert "warning" in done.stderr and str(certificate.key) in done.stderr
    server = start(*certificate.flags)
    assert any(json.loads(line)["level"] == "warning" for line in server.logged(str(certificate.key)))
    assert shown(server, None) == "localhost"
