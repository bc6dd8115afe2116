"""`verify` finds what doesn't fit together, while the server runs."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
from pathlib import Path

import pytest
from api import KEYED, direct, group, write
from switchboard import Server, command

SETTINGS = KEYED


@pytest.fixture(scope="module")
def populated(server: Server) -> Server:
    aarav, bela, chitra = (server.person() for _ in range(3))
    write(server, aarav, bela, "hello")
    group(server, aarav, bela, chitra)
    direct(server, bela, chitra)
    server.cli("notify", "--user", aarav.username, "--title", "T", "--message", "M")
    return server


def test_a_sound_database(populated: Server) -> None:
    assert populated.cli("verify") == f"{populated.database} is sound"
    assert json.loads(populated.cli("verify", "--json")) == {"findings": []}


def verified(database: Path) -> subprocess.CompletedProcess[str]:
    return command("verify", "--database", database, folder=database.parent)


DAMAGE = {
    "members": "INSERT INTO members VALUES (1, 99, 0, 0)",
    "direct": "DELETE FROM members WHERE conversation_id = 1 AND user_id = 2",
    "messages": "UPDATE messages SET sender_id = 99",
    "filing": "DELETE FROM filed_messages; UPDATE filing SET message_id = 1",
    "receipts": "UPDATE members SET last_read_id = 5000 WHERE user_id = 1",
    "notifications": "UPDATE notifications SET audience_id = 99 WHERE audience = 2",
    "bulk": "INSERT INTO bulk_recipients VALUES (1, 1)",
    "ids": "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'notifications'",
    "people": "UPDATE users SET state = 7 WHERE id = 3",
    "references": "INSERT INTO tokens (digest, user_id, created_at) VALUES (x'00', 99, 0)",
    "tables": "DELETE FROM counter",
    "version": "PRAGMA user_version = 3",
}


@pytest.mark.parametrize("check", DAMAGE)
def test_damage_is_named(populated: Server, check: str) -> None:
    """In a copy, so that the server's own stays sound."""
    copy = populated.folder / f"{check}.db"
    with contextlib.closing(sqlite3.connect(populated.database)) as source:
        with contextlib.closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.executescript(DAMAGE[check])
    done = verified(copy)
    assert done.returncode == 1
    findings = [line.partition(": ") for line in done.stdout.splitlines()]
    assert check in [name for name, _, _ in findings], done.stdout
    assert all(detail for _, _, detail in findings)
    assert done.stderr == f"switchboard: {copy} is not sound; findings: {len(findings)}\n"


def test_what_is_no_database(populated: Server) -> None:
    folder = populated.folder
    assert verified(folder / "none").stderr == f"switchboard: there is no database {folder / 'none'}\n"
    text = folder / "text"
    text.write_text("no database " * 1000)
    done = verified(text)
    assert done.returncode == 1 and "not a database" in done.stdout + done.stderr
    assert command("verify", "--fast", folder=folder).returncode == 2
    assert command("verify", "one", "two", folder=folder).returncode == 2
