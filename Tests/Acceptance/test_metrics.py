"""/metrics: who may read it, and that it counts what happened."""

from __future__ import annotations

import subprocess

import pytest
import rooms
from api import API_KEY, KEYED, refused
from conftest import Connect, Start
from metrics import PATH, Metrics, scrape
from raw import bearer, request
from switchboard import Server, eventually

SETTINGS = KEYED


def test_promtool_finds_nothing_to_say_about_it(server: Server) -> None:
    text = scrape(server).body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=30)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_it_is_the_text_format(server: Server) -> None:
    answer = scrape(server)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


# MARK: Who may read it

def test_whoever_asks_through_a_proxy_or_by_another_name_needs_a_key(server: Server) -> None:
    for headers in ({"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"Host": "chat.example.org"}):
        refused(scrape(server, headers), 401, "Authentication required")
        assert scrape(server, headers | bearer(API_KEY)).status == 200


def test_a_person_who_is_no_administrator_is_refused(server: Server) -> None:
    far = {"Host": "chat.example.org"}
    refused(scrape(server, far | bearer(server.person().token)), 403, "This needs an administrator")
    refused(scrape(server, far | bearer("wrong")), 401, "Authentication required")
    assert scrape(server, far | bearer(server.person(admin=True).token)).status == 200


def test_it_can_be_turned_off(start: Start) -> None:
    server = start("--metrics", "false", extra=KEYED)
    refused(scrape(server), 404, "Not found")
    refused(scrape(server, bearer(API_KEY)), 404, "Not found")


def test_only_get_and_head(server: Server) -> None:
    assert request(server, "HEAD", PATH).status == 200
    refused(request(server, "POST", PATH, {}), 405)


# MARK: What it counts

async def test_connections_and_handshakes(start: Start, connect: Connect, room: str) -> None:
    server = start()
    clients = [await connect(server, room) for _ in range(3)]
    metrics = Metrics.of(server)
    assert metrics["connections", {"dialect": "rooms"}] == 3
    assert metrics["handshakes_total", {"dialect": "rooms"}] == 3
    await clients[0].close()
    eventually(lambda: Metrics.of(server)["connections", {"dialect": "rooms"}] == 2, "one has left")
    assert Metrics.of(server)["handshakes_total", {"dialect": "rooms"}] == 3
