"""`backup` while the server works, `restore` of it, and what either refuses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest
from conftest import Connect, Start
from database import rows
from erp import CHAT, heard, online, said
from switchboard import PATIENCE, Server, binary, command, environment, eventually
from test_disk_full import let_writes_fail


def backup(server: Server, name: str, *options: str) -> Path:
    file = server.folder / name
    server.cli("backup", file, *options)
    return file


def refused(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """An exit status, and one line that says why."""
    assert (done.returncode, done.stdout) == (status, ""), done
    assert done.stderr.startswith("switchboard: ") and done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


def grown(server: Server, megabytes: int) -> None:
    """Makes the database so big that a copy takes a while."""
    with contextlib.closing(sqlite3.connect(server.database, timeout=10)) as database, database:
        database.execute(
            "INSERT INTO notices (title, content, created_at) "
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "SELECT 'T', hex(randomblob(50000)), 0 FROM n", (megabytes * 10,))


def texts(database: Path) -> dict[int, str]:
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT id, text FROM messages").fetchall())


def begun(server: Server, file: Path) -> subprocess.Popen[bytes]:
    """A backup in the middle of its copy, where it stands still. Others go before it, so that it is not over before."""
    partial = file.with_name(f"{file.name}.partial")
    process = subprocess.Popen(
        [binary(), "backup", file, "--database", server.database], env=environment(), stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.nice(19))
    eventually(lambda: partial.exists() and partial.stat().st_size > 1 << 20, "the copy has begun")
    process.send_signal(signal.SIGSTOP)
    return process


async def test_a_backup_under_load_holds_every_message_that_was_acknowledged_before(
    start: Start, connect: Connect
) -> None:
    server = start()
    aarav, bela = server.person(), server.person()
    sender, receiver = await online(connect, server, aarav), await online(connect, server, bela)
    grown(server, 60)
    seen: dict[int, str] = {}
    moved = asyncio.Event()

    async def talk() -> None:
        number = 0
        while True:
            await sender.send(said(f"message {number}", bela.id))
            frame = await receiver.receive()
            seen[frame["id"]] = frame["message"]
            moved.set()
            number += 1

    talking = asyncio.create_task(talk())
    await moved.wait()
    before = dict(seen)
    file = server.folder / "backup"
    copying = await asyncio.to_thread(begun, server, file)
    count = len(seen)
    try:
        await asyncio.to_thread(eventually, lambda: len(seen) > count + 10, "the server goes on while a backup is made")
    finally:
        copying.send_signal(signal.SIGCONT)
    assert await asyncio.to_thread(copying.wait, PATIENCE) == 0
    talking.cancel()
    await asyncio.wait([talking])

    kept = texts(file)
    assert before.items() <= kept.items(), "what was acknowledged before the backup began is missing"
    assert kept.items() <= texts(server.database).items()
    # Of one moment: no gap.
    assert sorted(kept) == list(range(1, len(kept) + 1))
    assert server.cli("verify", file) == f"{file} is sound"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {path.name for path in server.folder.iterdir() if path.name.startswith("backup")} == {"backup"}

    restored = Server(server.folder / "elsewhere")
    restored.folder.mkdir()
    restored.cli("restore", file)
    assert texts(restored.database) == kept
    assert restored.cli("verify") == f"{restored.database} is sound"
    restored.start()
    try:
        # The secret and the tokens came along, and ids go on behind all that the other server may have given.
        newcomer = await online(connect, restored, aarav)
        await newcomer.send(said("after", bela.id))
        eventually(lambda: "after" in texts(restored.database).values(), "it is stored")
        assert max(texts(restored.database)) > max(texts(server.database)) + 1000
        assert restored.cli("verify").endswith("is sound")
    finally:
        restored.close()


def test_a_backup_does_not_replace_a_file_unasked(server: Server) -> None:
    file = backup(server, "kept")
    first = file.read_bytes()
    server.person()
    refused(server.run("backup", file), 1, "exists", "--overwrite")
    assert file.read_bytes() == first
    answer = json.loads(server.cli("backup", file, "--overwrite", "--json"))
    assert answer == {"file": str(file), "bytes": file.stat().st_size}
    assert file.read_bytes() != first
    refused(server.run("backup", server.database, "--overwrite"), 1, "the database itself")


def test_a_backup_that_is_killed_leaves_nothing_under_the_name(start: Start) -> None:
    server = start()
    grown(server, 100)
    file, partial = server.folder / "backup", server.folder / "backup.partial"
    process = begun(server, file)
    try:
        # Nobody else writes it meanwhile.
        refused(server.run("backup", file), 1, "another process is writing it")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not file.exists()
    backup(server, "backup")
    assert not partial.exists()
    assert server.cli("verify", file) == f"{file} is sound"


def test_a_full_disk_ends_a_backup_with_a_word_and_no_file(start: Start) -> None:
    server = start()
    grown(server, 4)
    file = server.folder / "backup"

    def limit() -> None:
        let_writes_fail()
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))

    done = subprocess.run(
        [binary(), "backup", file, "--database", server.database], env=environment(), preexec_fn=limit,
        capture_output=True, encoding="utf-8", timeout=30)
    refused(done, 1, "cannot copy")
    assert [path.name for path in server.folder.iterdir() if path.name.startswith("backup")] == []


@pytest.fixture(scope="module")
def backed_up(server: Server) -> Path:
    server.person()
    server.cli("notify", "--everybody", "--title", "A title to look for", "--message", "M")
    return backup(server, "whole")


@pytest.mark.parametrize("place", ["head", "text", "middle", "digest", "mark", "cut"])
def test_a_changed_backup_is_found_and_refused(server: Server, backed_up: Path, tmp_path: Path, place: str) -> None:
    content = bytearray(backed_up.read_bytes())
    offset = {
        "head": 0, "text": content.index(b"A title to look for"), "middle": len(content) // 2,
        "digest": len(content) - 2, "mark": len(content) - 80, "cut": 0,
    }[place]
    damaged = tmp_path / "damaged"
    if place == "cut":
        damaged.write_bytes(content[:len(content) // 2])
    else:
        content[offset] ^= 1
        damaged.write_bytes(content)
    found = server.run("verify", damaged, "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["findings"][0]["check"] == "seal"
    target = tmp_path / "new.db"
    refused(command("restore", damaged, "--database", target, folder=tmp_path), 1, "is not restored", "digest")
    assert not target.exists()


@pytest.mark.parametrize("pages", [range(0, 1), range(3, 12), range(12, 40)])
def test_damage_is_found_without_a_digest_too(
    server: Server, backed_up: Path, tmp_path: Path, pages: range
) -> None:
    """Whole pages that read back as something else, in a copy that nobody sealed."""
    content = bytearray(backed_up.read_bytes()[:-93])
    for page in pages:
        content[page * 4096:(page + 1) * 4096] = os.urandom(4096)
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content)
    target = tmp_path / "new.db"
    done = command("restore", damaged, "--unsealed", "--database", target, folder=tmp_path)
    assert done.returncode == 1, done
    assert "is not restored" in done.stderr or "cannot copy" in done.stderr
    assert not target.exists()
    assert command("verify", "--database", damaged, folder=tmp_path).returncode == 1


def test_restore_refuses_what_would_lose_something(server: Server, backed_up: Path, tmp_path: Path) -> None:
    refused(server.run("restore", backed_up), 1, "--replace")
    refused(server.run("restore", backed_up, "--replace"), 1, "a server runs on")
    refused(command("restore", tmp_path / "none", folder=tmp_path), 1, "there is no file")
    refused(command("restore", folder=tmp_path), 2, "FILE is missing")
    refused(command("restore", backed_up, "other", folder=tmp_path), 2, "too many words")
    refused(command("backup", tmp_path / "b", folder=tmp_path), 1, "there is no database")
    refused(command("backup", folder=tmp_path), 2, "FILE is missing")
    refused(server.run("backup", tmp_path / "no" / "folder"), 1, "cannot write")
    refused(server.run("backup", tmp_path / "b", "--fast"), 2, "--fast")
    assert list(tmp_path.iterdir()) == []


async def test_the_former_database_is_kept_when_it_is_replaced(start: Start, connect: Connect) -> None:
    server = start()
    aarav, bela = server.person(), server.person()
    sender = await online(connect, server, aarav)
    await sender.send(said("before", bela.id))
    eventually(lambda: texts(server.database), "it is stored")
    file = backup(server, "backup")
    receiver = await connect(server, CHAT, bela.token)
    await receiver.expect(heard("before", aarav))
    await sender.send(said("after", bela.id))
    after = await receiver.expect(heard("after", aarav))
    # Its last words are in the journal only.
    server.kill9()
    said_by_restore = server.cli("restore", file, "--replace")
    former = Path(said_by_restore.rpartition(" ")[2])
    assert former.parent == server.folder and ".before-" in former.name
    assert [*texts(former).values()] == ["before", "after"]
    assert [*texts(server.database).values()] == ["before"]
    server.start()
    sender, receiver = await online(connect, server, aarav), await connect(server, CHAT, bela.token)
    # The restored books say that it waits for her.
    await receiver.expect(heard("before", aarav))
    await sender.send(said("again", bela.id))
    # No client that knows the old ids takes it for a message that it has.
    assert (await receiver.expect(heard("again", aarav)))["id"] == after["id"] + 1


def test_a_backup_of_an_older_version_is_migrated(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    schema = Path(__file__).parents[2] / "Sources" / "Storage" / "SQLite" / "Migrations.swift"
    steps = schema.read_text("utf-8").split('"""')[1::2]
    with contextlib.closing(sqlite3.connect(old)) as database, database:
        for step in steps[:2]:
            database.executescript(step)
        database.execute("INSERT INTO users VALUES (7, 'élodie', 'Élodie', NULL, NULL, 0, 0, 0)")
        database.execute("PRAGMA user_version = 2")
    target = tmp_path / "new.db"
    assert command("restore", old, "--database", target, folder=tmp_path).returncode == 1
    done = command("restore", old, "--unsealed", "--database", target, folder=tmp_path)
    assert done.returncode == 0, done
    assert command("verify", "--database", target, folder=tmp_path).returncode == 0
    listed = command("user", "list", "--database", target, folder=tmp_path)
    assert listed.stdout == "7\télodie\tÉlodie\n"


def test_a_backup_can_be_restored_by_its_own_name_in_the_folder(start: Start) -> None:
    server = start()
    server.person()
    server.terminate()
    done = command("backup", "here", folder=server.folder)
    assert done.returncode == 0, done
    assert rows(server, "SELECT count(*) FROM users") == [(1,)]
    server.database.unlink()
    done = command("restore", "here", folder=server.folder)
    assert done.returncode == 0, done
    assert rows(server, "SELECT count(*) FROM users") == [(1,)]
