"""`export` writes all there is, of one moment, and of one person when asked."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from api import API_KEY, KEYED, answered, direct, group, post, write
from raw import bearer, request
from switchboard import Person, Server, binary, command, environment

SETTINGS = KEYED
TEXT = 'He said: "ok"\n\t\u0000 — naïve 🙂 \\ </script>'


def lines(text: str) -> dict[str, list[dict[str, Any]]]:
    """The lines by kind; the last one counts them."""
    all_lines = [json.loads(line) for line in text.splitlines()]
    assert all_lines.pop() == {"kind": "end", "lines": len(all_lines)}
    kinds: dict[str, list[dict[str, Any]]] = {}
    for line in all_lines:
        kinds.setdefault(line.pop("kind"), []).append(line)
    return kinds


@pytest.fixture(scope="module")
def people(server: Server) -> tuple[Person, Person, Person]:
    aarav, bela, chitra = server.person(college=5, password="correct horse"), server.person(), server.person()
    write(server, aarav, bela, TEXT)
    number = group(server, aarav, bela, chitra, title="Team")
    for who in (aarav, bela, chitra):
        body = {"text": "to all", "attachment": "https://example.org/a"}
        answered(post(server, who, f"/api/conversations/{number}/messages/", body), 201)
    answered(post(server, chitra, f"/api/conversations/{number}/read/"))
    server.cli("notify", "--user", aarav.username, "--title", "Own", "--message", "M", "--data", '{"a": [1, 2.50]}')
    server.cli("notify", "--everybody", "--title", "All", "--message", "M")
    answered(post(server, bela, "/api/notifications/2/read/"))
    answered(post(server, API_KEY, "/api/notices/", {"title": "Draft", "content": "C"}), 201)
    answered(post(server, None, "/api/counter/", {"action": "increment", "value": 7}))
    direct(server, bela, chitra)
    return aarav, bela, chitra


def test_everything_is_there(server: Server, people: tuple[Person, Person, Person]) -> None:
    aarav, bela, chitra = people
    text = server.cli("export")
    for secret in (aarav.token, "argon2", "password"):
        assert secret not in text
    kinds = lines(text)
    assert [(user["id"], user["username"], user["college"]) for user in kinds["user"]] == [
        (person.id, person.username, person.college) for person in people]
    assert [(one["id"], one["is_group"], one["title"]) for one in kinds["conversation"]] == [
        (1, False, None), (2, True, "Team"), (3, False, None)]
    assert [(one["conversation_id"], one["user_id"]) for one in kinds["member"]] == [
        (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3)]
    assert [(one["id"], one["conversation_id"], one["sender_id"], one["text"], one["attachment"])
            for one in kinds["message"]] == [
        (1, 1, aarav.id, TEXT, None), *((2 + place, 2, person.id, "to all", "https://example.org/a")
                                        for place, person in enumerate(people))]
    assert kinds["receipt"] == [{"conversation_id": 2, "user_id": chitra.id, "last_read_message_id": 4}]
    assert [(one["audience"], one["audience_id"], one["title"], one["data"]) for one in kinds["notification"]] == [
        ("person", aarav.id, "Own", {"a": [1, 2.5]}), ("everybody", None, "All", {})]
    assert [(one["notification_id"], one["user_id"]) for one in kinds["notification_receipt"]] == [(2, bela.id)]
    assert [(one["title"], one["published_at"]) for one in kinds["notice"]] == [("Draft", None)]
    assert kinds["counter"] == [{"value": 7}]
    answer = request(server, "GET", "/api/conversations/1/messages/", headers=bearer(aarav.token)).json
    stored, exported = answer["messages"][0]["timestamp"], kinds["message"][0]["created_at"]
    assert exported.startswith(stored[:-1]) and len(exported) == len("2026-01-06T10:30:45.123456Z")


def test_what_is_of_one_person(server: Server, people: tuple[Person, Person, Person]) -> None:
    aarav, bela, chitra = people
    kinds = lines(server.cli("export", "--user", aarav.username))
    assert [user["id"] for user in kinds["user"]] == [aarav.id]
    assert [one["id"] for one in kinds["conversation"]] == [1, 2]
    assert {one["sender_id"] for one in kinds["message"]} == {aarav.id}
    assert [one["title"] for one in kinds["notification"]] == ["Own"]
    assert "notice" not in kinds and "counter" not in kinds
    assert lines(server.cli("export", "--user", str(aarav.id))) == kinds


def test_a_file(server: Server, people: tuple[Person, Person, Person]) -> None:
    file = server.folder / "export.jsonl"
    assert server.cli("export", "--output", file) == ""
    assert file.read_text("utf-8") == server.cli("export") + "\n"
    assert file.stat().st_mode & 0o777 == 0o600
    done = server.run("export", "--output", file)
    assert (done.returncode, done.stdout) == (1, "") and "--overwrite" in done.stderr
    server.cli("export", "--output", file, "--overwrite", "--user", people[0].id)
    assert len(lines(file.read_text("utf-8"))["user"]) == 1


def test_wrong_words(server: Server) -> None:
    for status, arguments in [
        (1, ["--user", "nobody"]), (2, ["--user"]), (2, ["word"]), (2, ["--overwrite"]),
        (1, ["--output", "no/folder"]),
    ]:
        done = server.run("export", *arguments)
        assert (done.returncode, done.stdout) == (status, ""), arguments
        assert done.stderr.startswith("switchboard: ") and done.stderr.count("\n") == 1
    done = command("export", "--database", "none.db", folder=server.folder)
    assert done.returncode == 1 and not (server.folder / "none.db").exists()
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [binary(), "export", *server.place], stdout=full, stderr=subprocess.PIPE,
            env=environment(), encoding="utf-8", timeout=30)
    assert done.returncode == 1 and "cannot write the export" in done.stderr
