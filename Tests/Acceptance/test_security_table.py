"""docs/SECURITY.md: each threat has its tests, and they exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOCUMENT = (TESTS.parent / "docs" / "SECURITY.md").read_text("utf-8")
ROWS = [line.strip("| \n").split(" | ") for line in DOCUMENT.splitlines() if line.startswith("| ")][2:]
NAMED = re.compile(r"`([\w.]+)::(\w+)`")
# All of what is in these is about attacks.
FILES = ["test_hosts.py", "test_throttling.py", "test_smuggling.py", "test_floods.py", "test_injection.py",
         "test_id_probing.py", "test_jwt_confusion.py", "test_socketio_attacks.py", "test_token_secrecy.py"]


def test_every_threat_has_a_defence_and_a_test() -> None:
    threats = [row for row in ROWS if not row[0].startswith("**")]
    assert len(threats) > 30
    for row in threats:
        assert len(row) == 3 and row[1] and NAMED.search(row[2]), row


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(DOCUMENT)
    assert len(named) > 50
    for file, name in named:
        (path,) = TESTS.rglob(file)
        assert re.search(rf"\b(def|func) {name}\(", path.read_text("utf-8")), f"{file}::{name}"


def test_every_file_of_attacks_is_named() -> None:
    assert set(FILES) <= {file for file, _ in NAMED.findall(DOCUMENT)}
