"""Certificates that the tests make with `openssl`, and clients that trust them."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from conftest import Start
from raw import RawConnection
from switchboard import PATIENCE, Server


@dataclass(frozen=True)
class Certificate:
    """One that nobody signed but itself."""

    file: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, *names: str, kind: str = "ec", passphrase: str | None = None) -> Certificate:
        """For the first name and this machine's, or for all of the names."""
        made = cls(folder / f"{names[0].strip('*.')}.pem", folder / f"{names[0].strip('*.')}.key")
        algorithm = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[kind]
        alternative = ",".join(f"DNS:{name}" for name in names) + ("" if len(names) > 1 else ",IP:127.0.0.1")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", *algorithm, "-days", "2", "-subj", f"/CN={names[0]}",
             "-addext", f"subjectAltName={alternative}", "-out", made.file, "-keyout", made.key,
             *(["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"])],
            check=True, capture_output=True, timeout=20)
        return made

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--tls-certificate", str(self.file), "--tls-key", str(self.key))

    def replace(self, other: Certificate) -> None:
        """Another one takes its place, as a renewal does."""
        for new, old in ((other.file, self.file), (other.key, self.key)):
            aside = old.with_suffix(".new")
            shutil.copyfile(new, aside)
            os.replace(aside, old)

    def trust(self) -> ssl.SSLContext:
        """What a client needs that trusts this one only."""
        return ssl.create_default_context(cafile=str(self.file))


class SecureConnection(RawConnection):
    """HTTP and WebSocket by hand, over TLS."""

    def __init__(self, server: Server, trust: ssl.SSLContext, receive_buffer: int | None = None) -> None:
        super().__init__(server, receive_buffer=receive_buffer)
        # An end without a closing alert is an error.
        self.socket = trust.wrap_socket(self.socket, server_hostname="127.0.0.1", suppress_ragged_eofs=False)


def start_secure(start: Start, certificate: Certificate, *flags: object, **options: object) -> Server:
    return start(*certificate.flags, *flags, **options)


def secure(server: Server, path: str, token: str | None = None) -> str:
    return server.url(path, token).replace("ws://", "wss://")


def s_client(server: Server, *options: str, sent: str = "") -> str:
    """What `openssl s_client` says of a connection."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", *options], input=sent,
        capture_output=True, text=True, timeout=PATIENCE, errors="replace")
    return done.stdout + done.stderr
