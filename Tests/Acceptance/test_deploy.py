"""What docs/DEPLOY.md and the files in deploy/ say, run."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from certificates import Certificate
from client import Client
from conftest import Start
from erp import CHAT, heard, said
from machine import free_port
from nginx import Nginx
from socketio_client import TRANSPORTS, SocketIO
from switchboard import PATIENCE, Server, binary, command, eventually

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/DEPLOY.md").read_text()
# The public name on the page.
NAME = "chat.example.org"
# What is not the proxy's own address, and still this machine.
CLIENT = "127.0.0.2"
STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


def block(language: str, mark: str) -> str:
    """The block of the page in this language that has a text."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if mark in text]
    assert len(found) == 1, (language, mark)
    return found[0]


def replaced(text: str, *pairs: tuple[str, object]) -> str:
    """The text with other values, each of which must be there to be replaced."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, str(new))
    return text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("certificate"), NAME)


Run = Callable[[Nginx], Nginx]


@pytest.fixture
def run() -> Iterator[Run]:
    started: list[Nginx] = []

    def run(nginx: Nginx) -> Nginx:
        started.append(nginx.start())
        return nginx

    yield run
    for nginx in started:
        nginx.stop()


def settings(folder: Path, mark: str, *pairs: tuple[str, object]) -> tuple[str, ...]:
    """What the page's configuration says, as a file."""
    file = folder / "switchboard.json"
    file.write_text(replaced(block("json", mark), *pairs))
    return ("--config", str(file))


class ThisMachine(aiohttp.abc.AbstractResolver):
    """Whatever the name."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[aiohttp.abc.ResolveResult]:
        return [aiohttp.abc.ResolveResult(
            hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def expect_clients(server: Server, port: int, certificate: Certificate) -> None:
    """Clients of two kinds talk through a proxy on a port, and the log knows where one is."""
    aarav, bela = server.person("Aarav Sharma"), server.person("Bela Nováková")
    trust, base = certificate.trust(), f"{NAME}:{port}"
    here, there = [
        await Client.open(
            f"wss://{base}{CHAT}?token={person.token}", ssl=trust, origin=f"https://{base}", host="127.0.0.1",
            port=port)
        for person in (aarav, bela)]
    for text in ("Hello", "x" * 15_000):
        await here.send(said(text, bela.id))
        await there.expect(heard(text, aarav))
    await here.close()
    await there.close()

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(
            ssl=trust, local_addr=(CLIENT, 0), resolver=ThisMachine()))

    for transport in TRANSPORTS.values():
        async with session() as http:
            client = SocketIO()
            client._client.eio.http, client._client.eio.external_http = http, True
            await client._client.connect(f"https://{base}", auth={"token": aarav.token}, transports=transport)
            answer = await client._client.call(
                "send_message", {"toUserId": bela.id, "content": "Hello"}, timeout=PATIENCE)
            assert answer["ok"] is True
            await client.drop()
    async with session() as http:
        # What the client says of itself is not believed.
        forged = {"X-Forwarded-For": "203.0.113.9", "Origin": f"https://{base}"}
        async with http.ws_connect(f"wss://{base}{CHAT}?token=secret-token", headers=forged) as client:
            assert (await client.receive(PATIENCE)).data == 4003
        for origin in (f"http://{base}", "http://localhost:3000"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"wss://{base}{CHAT}", headers={"Origin": origin})
            assert refused.value.status == 403
        # A name that somebody else made to lead here.
        async with http.get(f"https://{base}/api/auth/me/", headers={"Host": f"evil.example:{port}"}) as answer:
            assert answer.status == 421

    def logged() -> list[str]:
        return [json.loads(line)["address"] for line in server.log if "a token was refused" in line]

    eventually(lambda: logged() == [CLIENT], "the log names the client")


async def test_nginx_that_ends_tls(start: Start, run: Run, certificate: Certificate, tmp_path: Path) -> None:
    server = start(
        *settings(tmp_path, '{"listen": "127.0.0.1:8000", "trusted_proxies"'), "--log-level", "debug", "--loops", 2)
    port = free_port()
    nginx = run(Nginx.http(tmp_path, port, replaced(
        block("nginx", "listen 443 ssl"), ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("127.0.0.1:8000", f"127.0.0.1:{server.port}"), ("/etc/letsencrypt/live/chat.example.org/fullchain.pem", certificate.file),
        ("/etc/letsencrypt/live/chat.example.org/privkey.pem", certificate.key), ("/var/log/nginx", tmp_path))))
    await expect_clients(server, port, certificate)
    log = tmp_path / "chat.log"
    # Of the one with the token, too, once its connection has ended.
    eventually(
        lambda: re.search(rf'^{CLIENT} \[.*"GET {CHAT}" 101', log.read_text(), re.MULTILINE) is not None,
        "nginx tells of the client")
    assert "secret-token" not in log.read_text() and "token" not in log.read_text()
    assert nginx.requests() == []


@pytest.mark.skipif(not STREAM_MODULE.exists(), reason="libnginx-mod-stream is not installed")
async def test_nginx_that_passes_tls_on(start: Start, run: Run, certificate: Certificate, tmp_path: Path) -> None:
    server = start(
        *settings(
            tmp_path, '"proxy_protocol": true,', ("/etc/switchboard/tls/fullchain.pem", certificate.file),
            ("/etc/switchboard/tls/privkey.pem", certificate.key)),
        "--log-level", "debug", "--loops", 2)
    port = free_port()
    run(Nginx(tmp_path, port, replaced(
        block("nginx", "stream {"), ("listen 443", f"listen 127.0.0.1:{port}"),
        ("127.0.0.1:8443", f"127.0.0.1:{server.port}")), STREAM_MODULE))
    await expect_clients(server, port, certificate)


def test_several_certificates_by_the_file_of_the_page(tmp_path: Path) -> None:
    pairs = []
    for name in ("chat", "campus"):
        made = Certificate.make(tmp_path, f"{name}.example.org")
        pairs += [(f"/etc/switchboard/tls/{name}.pem", made.file), (f"/etc/switchboard/tls/{name}.key", made.key)]
    done = command("check-config", *settings(tmp_path, "chat.pem", *pairs), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_hook_of_renewals(start: Start, tmp_path: Path) -> None:
    """With a systemctl that sends the signal itself."""
    lineage, used, tools = (tmp_path / name for name in ("lineage", "etc", "tools"))
    lineage.mkdir()
    tools.mkdir()

    def renew(name: str) -> None:
        made = Certificate.make(tmp_path, name)
        shutil.copy(made.file, lineage / "fullchain.pem")
        shutil.copy(made.key, lineage / "privkey.pem")
        hook = replaced(block("sh", "RENEWED_LINEAGE"), ("/etc/switchboard/tls", used), ("-g switchboard", ""))
        subprocess.run(
            ["sh", "-c", hook], check=True, timeout=PATIENCE,
            env=os.environ | {"RENEWED_LINEAGE": str(lineage), "PATH": f"{tools}:{os.environ['PATH']}"})

    systemctl = tools / "systemctl"
    systemctl.write_text("#!/bin/sh\n")
    systemctl.chmod(0o755)
    renew("one.example")
    server = start("--tls-certificate", used / "fullchain.pem", "--tls-key", used / "privkey.pem")
    assert not any("every user" in line for line in server.log)
    systemctl.write_text(f'#!/bin/sh\n[ "$*" = "reload switchboard" ] && kill -HUP {server.pid}\n')
    renew("two.example")
    eventually(lambda: any("was read again" in line for line in server.log), "the certificates are read again")


# systemd

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with the binary where it is."""
    unit = tmp_path / "switchboard.service"
    unit.write_text(replaced(
        (ROOT / "deploy/switchboard.service").read_text(), ("/usr/local/bin/switchboard", binary())))
    return unit


@needs_systemd
def test_systemd_knows_every_line_of_the_unit(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_unit_exposes_little(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=14", unit], capture_output=True, text=True,
        timeout=30)
    assert done.returncode == 0, done.stdout


def test_the_command_of_the_unit_is_one(unit: Path, tmp_path: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    program, serve, *flags = line.split()
    assert (program, serve) == (binary(), "serve")
    (tmp_path / "s.json").write_text("{}")
    known = [flag if flag.startswith("--") else flag.replace("/etc/switchboard/switchboard", str(tmp_path / "s"))
             for flag in flags]
    done = command("check-config", *known, folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_there_is_time_to_drain(unit: Path, tmp_path: Path) -> None:
    shown = json.loads(command("check-config", "--json", folder=tmp_path).stdout)
    drain, rest = (int(shown[name].removesuffix("s")) for name in ("drain_time", "shutdown_timeout"))
    # What containers are given by default.
    assert drain + rest < 10
    (limit,) = re.findall(r"^TimeoutStopSec=(\d+)s$", unit.read_text(), re.MULTILINE)
    assert drain + rest < int(limit)
    assert "STOPSIGNAL SIGTERM" in lines_of_dockerfile()
    assert "ExecReload=/bin/kill -HUP $MAINPID" in unit.read_text()


# Containers

def lines_of_dockerfile() -> list[str]:
    return (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ").splitlines()


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="the packages are Debian's")
def test_the_image_has_the_libraries_that_the_server_needs() -> None:
    installed = [line for line in lines_of_dockerfile() if "apt-get install" in line][-1].split()
    linked = subprocess.run(["ldd", binary()], capture_output=True, text=True, check=True, timeout=10).stdout
    # Swift's own are in the binary there.
    names = [Path(path).name for path in re.findall(r"=> (/\S+)", linked) if "swift" not in path.lower()]
    # What a library needs in turn its own package brings.
    needed = subprocess.run(["readelf", "-d", binary()], capture_output=True, text=True, check=True, timeout=10).stdout
    names = [name for name in names if f"[{name}]" in needed]
    assert any(name.startswith("libssl") for name in names) and any(name.startswith("libpq") for name in names)
    found = subprocess.run(
        ["dpkg", "-S", *(f"*/{name}" for name in names)], capture_output=True, text=True, timeout=20).stdout
    for name in names:
        owners = {line.split(":")[0] for line in found.splitlines() if line.endswith(f"/{name}")}
        assert owners & {*installed, "libc6", "libgcc-s1"}, (name, owners)


def test_the_image_runs_without_rights_and_keeps_its_data() -> None:
    lines = lines_of_dockerfile()
    (user,) = [line.split()[1] for line in lines if line.startswith("USER")]
    assert any("useradd --system --uid 10001" in line and user in line for line in lines)
    (volume,) = [line.split()[1] for line in lines if line.startswith("VOLUME")]
    (variables,) = [dict(pair.split("=") for pair in line.split()[1:]) for line in lines if line.startswith("ENV")]
    assert Path(variables["SWITCHBOARD_DATABASE"]).parent == Path(volume)


@pytest.mark.skipif(shutil.which("swift") is None, reason="the server was built elsewhere")
def test_the_image_is_built_from_what_is_copied(tmp_path: Path) -> None:
    """Nothing is missing of what the package is made of, and of what builds it."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    copied = [line.split()[1:-1] for line in lines_of_dockerfile() if re.match("COPY (?!--from)", line)]
    for name in itertools.chain(*copied):
        assert name in let_in
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name)
        else:
            shutil.copy(ROOT / name, tmp_path)
    described = subprocess.run(
        ["swift", "package", "--package-path", tmp_path, "describe"], capture_output=True, text=True, timeout=200)
    assert described.returncode == 0 and "Name: switchboard" in described.stdout, described.stderr
    built = subprocess.run(["make", "-n", "build"], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert built.returncode == 0
    for script in re.findall(r"scripts/\S+", built.stdout + "\n".join(lines_of_dockerfile())):
        assert (tmp_path / script).exists()


def test_the_settings_and_the_health_check_of_the_image(tmp_path: Path) -> None:
    lines = lines_of_dockerfile()
    (variables,) = [dict(pair.split("=") for pair in line.split()[1:]) for line in lines if line.startswith("ENV")]
    variables |= {"SWITCHBOARD_LISTEN": "127.0.0.1:0", "SWITCHBOARD_DATABASE": str(tmp_path / "data.db")}
    (check,) = [json.loads(line.partition(" CMD ")[2]) for line in lines if line.startswith("HEALTHCHECK")]
    assert check[0] == "switchboard"

    done = command(*check[1:], folder=tmp_path, extra=variables)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no server runs" in done.stderr
    server = subprocess.Popen(
        [binary(), "serve"], env={"PATH": os.environ["PATH"], **variables}, cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        assert any(b"listening" in line for line in server.stderr)
        done = command(*check[1:], folder=tmp_path, extra=variables)
        assert (done.returncode, done.stdout, done.stderr) == (0, "ready\n", "")
    finally:
        server.terminate()
        assert server.wait(PATIENCE) == 0
        server.stderr.close()
