"""SIGHUP: what changes while the server runs, and what the log says of it."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificate
from conftest import Connect, Start
from raw import RawConnection, bearer, request
from rooms import heard, said
from switchboard import Server, eventually
from test_throttling import knock

PAGE = Path(__file__).parents[2] / "docs/OPERATION.md"
READ, WAITING, FAILED = "was read again", "wait for a restart", "could not be read again"
# Another value of each setting that changes while the server runs, but for certificates.
LIVE: dict[str, Any] = {
    "hsts": "1d", "trusted_proxies": ["127.0.0.1"], "proxy_protocol": True, "log_level": "debug",
    "allowed_origins": ["https://a.example"], "allowed_hosts": ["a.example"], "dialect_rules": ["a.example=campus"],
    "anonymous": ["rooms"], "anonymous_notifications": False, "api_keys": ["0123456789abcdef"], "token_failures": 7,
    "metrics": False, "bulk_rate": 7, "rooms_rate": 7, "rooms_burst": 7, "erp_offline_notice": False,
    "head_timeout": "7s", "body_timeout": "7s", "keepalive_timeout": "7s", "connect_timeout": "7s",
    "recovery_log": 700, "drain_time": "7s", "shutdown_timeout": "7s", "max_body": 7000, "max_unconnected": 7,
    "max_text": 700, "history_limit": 7, "max_connections": 7, "connections_per_address": 7, "limit_loopback": True,
    "connections_per_person": 7, "handshake_rate": 7, "handshake_burst": 7, "message_rate": 7, "message_burst": 7,
    "store_patience": "7s",
}
FIXED: dict[str, Any] = {
    "listen": "127.0.0.1:1", "database": "other.db", "loops": 7, "log_format": "text", "jwt_secret": "x" * 32,
    "ping_interval": "7s", "ping_timeout": "7s", "recovery": "7s", "max_payload": 7000, "max_message": 7000,
    "deflate": False, "deflate_threshold": 7, "deflate_level": 7, "deflate_context": True, "deflate_window_bits": 12,
    "send_queue": 70_000, "store_queue": 7000, "retain_messages": "7d",
    "retain_notifications": "7d", "allow_registration": False,
    "jwt": [{"name": "other", "secret": "y" * 32}],
}


class Configured:
    """A server with a configuration file that the test rewrites."""

    def __init__(self, start: Start, folder: Path, **settings: Any) -> None:
        self._file = folder / "switchboard.json"
        self._file.write_text(json.dumps(settings))
        self.server: Server = start("--config", self._file)

    def lines(self, text: str) -> list[dict[str, str]]:
        return [line for line in map(json.loads, self.server.log) if text in line["message"]]

    def hang_up(self, settings: dict[str, Any] | str, expected: str = READ) -> dict[str, str]:
        """Rewrites the file and sends the signal; returns the line that says what became of it."""
        self._file.write_text(settings if isinstance(settings, str) else json.dumps(settings))
        before = len(self.lines(READ) + self.lines(FAILED))
        self.server.signal(signal.SIGHUP)
        eventually(lambda: len(self.lines(READ) + self.lines(FAILED)) > before, "a line that says so")
        assert len(self.lines(READ) + self.lines(FAILED)) == before + 1
        return self.lines(expected)[-1]


@pytest.fixture
def configured(start: Start, tmp_path: Path) -> Configured:
    return Configured(start, tmp_path, allowed_hosts=["old.example"])


def test_the_log_names_what_changed(configured: Configured) -> None:
    assert configured.hang_up({"allowed_hosts": ["old.example"]})["changed"] == "nothing"
    assert configured.lines(WAITING) == []
    assert configured.hang_up({"max_text": 5, "loops": 7})["changed"] == "allowed_hosts,max_text"
    (line,) = configured.server.logged(WAITING)
    assert json.loads(line)["settings"] == "loops"


def test_the_document_names_what_can_change(start: Start, tmp_path: Path) -> None:
    listed = re.search(r"change while the server runs:\n\n(.*?)\n\n", PAGE.read_text(), re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed[1])) == set(LIVE) | {"tls_certificate", "tls_key"}
    configured = Configured(start, tmp_path)
    line = configured.hang_up(LIVE | FIXED)
    # Flags and variables of the tests win over the file.
    assert set(line["changed"].split(",")) == set(LIVE) - {"token_failures", "drain_time", "connections_per_person"}
    line = json.loads(*configured.server.logged(WAITING))
    same = {"listen", "database", "deflate_window_bits", "allow_registration"}
    assert set(line["settings"].split(",")) == set(FIXED) - same
    assert not any(secret in line for line in configured.server.log for secret in ("x" * 32, "y" * 32))


def test_hosts_origins_and_proxies(configured: Configured) -> None:
    def status(host: str, **headers: str) -> int:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return request(configured.server, "GET", "/api/auth/me/", headers={"Host": host} | fields).status

    assert (status("old.example"), status("new.example")) == (401, 421)
    assert status("old.example", Origin="https://page.example") == 403
    configured.hang_up({"allowed_hosts": ["new.example"], "allowed_origins": ["https://page.example"]})
    # On every loop.
    for _ in range(12):
        assert (status("old.example"), status("new.example")) == (421, 401)
        assert status("new.example", Origin="https://page.example") == 401


def test_keys_and_limits(configured: Configured) -> None:
    server, key = configured.server, "a-key-that-is-long-enough"
    message = {"title": "T", "message": "m" * 100}
    send = "/api/notifications/send/"

    def status(**headers: str) -> int:
        return request(server, "POST", send, message, headers | {"X-Forwarded-For": "192.0.2.1"}).status

    assert status(**bearer(key)) == 401
    configured.hang_up({"api_keys": [key]})
    assert status(**bearer(key)) == 200
    configured.hang_up({"api_keys": [key], "max_text": 50})
    assert status(**bearer(key)) == 400
    configured.hang_up({})
    assert status(**bearer(key)) == 401


async def test_connections_stay_open(configured: Configured, connect: Connect, room: str) -> None:
    client = await connect(configured.server, room)
    configured.hang_up({"rooms_rate": 0, "allowed_hosts": ["elsewhere.example"]})
    await client.send(said("still here"))
    await client.expect(heard("still here"))


def test_the_level_of_the_log(configured: Configured) -> None:
    server = configured.server

    def refusals() -> int:
        knock(server, "wrong")
        return len(configured.lines("a token was refused"))

    assert refusals() == 0
    configured.hang_up({"log_level": "debug"})
    eventually(lambda: refusals() > 0, "lines of that level")
    # A stricter level still says that it was taken over.
    configured.hang_up({"log_level": "error"})
    eventually(lambda: refusals() == refusals(), "no more lines of that level")
    count = refusals()
    assert refusals() == count


@pytest.mark.parametrize("broken", [
    "{", "[]", '{"no_such_setting": 1}', '{"max_text": 0}', '{"allowed_hosts": ["a b"]}', '{"proxy_protocol": true}',
    '{"tls_certificate": "a.pem"}', '{"jwt": [{"key_file": "/nowhere/key.pem"}]}',
])
def test_a_broken_file_changes_nothing(configured: Configured, broken: str) -> None:
    line = configured.hang_up(broken, FAILED)
    assert line["level"] == "error" and line["reason"]
    assert configured.lines(READ) == configured.lines(WAITING) == []
    assert request(configured.server, "GET", "/api/auth/me/", headers={"Host": "old.example"}).status == 401


def test_a_file_that_is_gone_changes_nothing(configured: Configured) -> None:
    configured._file.unlink()
    configured.server.signal(signal.SIGHUP)
    eventually(lambda: len(configured.lines(FAILED)) == 1, "a line that says so")
    assert request(configured.server, "GET", "/api/auth/me/", headers={"Host": "old.example"}).status == 401


def test_certificates_and_settings_change_together_or_not_at_all(start: Start, tmp_path: Path) -> None:
    used = Certificate.make(tmp_path, "localhost")
    files = {"tls_certificate": str(used.file), "tls_key": str(used.key)}
    configured = Configured(start, tmp_path, **files)
    used.key.write_text("no key")
    line = configured.hang_up(files | {"max_text": 50}, FAILED)
    assert line["reason"].startswith("tls_key: ")
    other = Certificate.make(tmp_path, "other.example")
    line = configured.hang_up({"tls_certificate": str(other.file), "tls_key": str(other.key), "max_text": 50})
    assert line["changed"] == "tls_certificate,tls_key,max_text"
    with RawConnection(configured.server) as connection:
        secure = other.trust().wrap_socket(connection.socket, server_hostname="other.example")
        secure.close()
