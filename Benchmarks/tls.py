#!/usr/bin/env python3
"""Measures what TLS costs: messages with and without it, handshakes, and the memory of connections that rest.

    tls.py --kit FOLDER [--rounds N] [--connections N] [--handshakes N]

The load generator of the kit speaks no TLS. nginx (with its stream module) stands in front of the server and speaks it
for the generator, or passes plain bytes on: the way is the same but for the TLS. The server with all its threads runs on
core 0, nginx and the load on core 1. Needs openssl, and on Debian libnginx-mod-stream.
"""
import argparse, asyncio, contextlib, os, pathlib, shutil, socket, ssl, statistics, subprocess, tempfile, time
from collections.abc import Iterator

from running import QUIET, ROOM, build, cpu_seconds, load, server

STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"
WORKLOADS = {
    "echo": ("echo", ["-n", "200", "-t", "3", "--warm", "1", *ROOM[2:], "-u", "/ws/chat/e%d/"]),
    "fan1000": ("fanout", ["--rooms", "1", "-n", "1000", "-t", "3", "--warm", "1", "--quiet-ms", "600", *ROOM]),
}


def certificate(folder: pathlib.Path, kind: str) -> tuple[pathlib.Path, list[str]]:
    """The certificate, and the flags that have the server show it."""
    made, key = folder / f"{kind}.pem", folder / f"{kind}.key"
    algorithm = {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[kind]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-out", made, "-keyout", key], check=True, capture_output=True)
    return made, ["--tls-certificate", str(made), "--tls-key", str(key)]


@contextlib.contextmanager
def in_front(folder: pathlib.Path, upstream: int, speaks_tls: bool) -> Iterator[int]:
    """The port of an nginx on core 1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "nginx.conf").write_text(f"""
        load_module {STREAM};
        daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
        {"user root root;" if os.geteuid() == 0 else ""}
        events {{ worker_connections 8192; }}
        stream {{ server {{
            listen 127.0.0.1:{port} backlog=4096; proxy_pass 127.0.0.1:{upstream}; proxy_ssl {"on" if speaks_tls else "off"};
        }} }}""")
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    process = subprocess.Popen(["taskset", "-c", "1", nginx, "-p", folder, "-c", "nginx.conf", "-e", "stderr"])
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def messages(folder: pathlib.Path, flags: list[str], workload: str) -> float:
    """CPU seconds of the server for 100,000."""
    mode, arguments = WORKLOADS[workload]
    with server(folder / "switchboard.db", *QUIET, *flags, core=0) as (port, pid):
        with in_front(folder, port, bool(flags)) as front:
            return load(mode, front, pid, *arguments)["server_cpu_s_per_100k"]


def handshakes(folder: pathlib.Path, flags: list[str], count: int, trust: ssl.SSLContext | None, resumes: bool) -> float:
    """CPU microseconds of the server for a connection that begins and ends."""
    with server(folder / "switchboard.db", *QUIET, *flags, core=0) as (port, pid):
        def connect(session: ssl.SSLSession | None) -> ssl.SSLSession | None:
            with socket.create_connection(("127.0.0.1", port)) as plain:
                if trust is None:
                    plain.sendall(b"x")
                    return None
                with trust.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as secure:
                    # A ticket comes behind the handshake.
                    secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                    secure.recv(4096)
                    assert secure.session_reused == (session is not None)
                    return secure.session

        session = connect(None) if resumes else None
        before = cpu_seconds(pid)
        for _ in range(count):
            connect(session)
        time.sleep(0.1)
        return (cpu_seconds(pid) - before) / count * 1e6


async def resting(port: int, pid: int, count: int, trust: ssl.SSLContext | None) -> float:
    """Bytes of memory for one of many WebSockets that have said something once."""
    def resident() -> int:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    async def one(number: int) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        writer.write(
            f"GET /ws/chat/m{number}/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'\x81\x9b\0\0\0\0{"type":"x","message":"abc"}'[:6 + 0x1b])
        await reader.readexactly(2)
        return writer

    held = [await one(-1 - number) for number in range(100)]
    before = resident()
    for number in range(count):
        held.append(await one(number))
    await asyncio.sleep(1)
    bytes_each = (resident() - before) / count
    for writer in held:
        writer.transport.abort()
    return bytes_each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kit", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--handshakes", type=int, default=1000)
    options = parser.parse_args()
    build(options.kit)
    os.sched_setaffinity(0, {1})
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        made = {kind: certificate(folder, kind) for kind in ("ecdsa", "rsa")}
        trust = {kind: ssl.create_default_context(cafile=str(file)) for kind, (file, _) in made.items()}
        flags = {kind: flags for kind, (_, flags) in made.items()}

        def show(title: str, unit: str, measure) -> None:
            values = [measure() for _ in range(options.rounds)]
            print(f"{title}: {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f}) {unit}", flush=True)

        for workload in WORKLOADS:
            for title, used in (("plain", []), ("TLS", flags["ecdsa"])):
                show(f"{workload}, {title}", "CPU s / 100k", lambda: messages(folder, used, workload))
        for title, kind, resumes in (
            ("plain connection", None, False), ("ECDSA P-256", "ecdsa", False), ("RSA 2048", "rsa", False),
            ("resumed", "ecdsa", True),
        ):
            show(title, "CPU µs / handshake", lambda: handshakes(
                folder, flags.get(kind, []), options.handshakes, trust.get(kind), resumes))
        for title, used, client in (("plain", [], None), ("TLS", flags["ecdsa"], trust["ecdsa"])):
            def memory() -> float:
                with server(folder / "switchboard.db", *QUIET, "--ping-interval", "1h", *used, core=0) as (port, pid):
                    return asyncio.run(resting(port, pid, options.connections, client))

            show(f"resting, {title}", "bytes", memory)


if __name__ == "__main__":
    main()
