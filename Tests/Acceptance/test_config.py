"""Settings from flags, variables and a file; help, version and exit codes."""

import json
from pathlib import Path

import pytest
from conftest import Start
from switchboard import command

COMMANDS = [
    [], ["serve"], ["user"], ["user", "add"], ["user", "list"], ["token"], ["token", "create"], ["token", "list"],
    ["token", "revoke"], ["token", "check"], ["notify"], ["health"], ["check-config"],
]


def check(
    folder: Path, *flags: object, file: dict | str | None = None, variables: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Runs check-config; a `file` that is no dictionary is written as it is."""
    if file is not None:
        text = file if isinstance(file, str) else json.dumps(file)
        (folder / "settings.json").write_text(text)
        flags += ("--config", folder / "settings.json")
    done = command("check-config", *flags, folder=folder, extra=variables)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_everywhere(tmp_path: Path, words: list[str]) -> None:
    done = command(*words, "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "switchboard" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_help_of_serve_names_its_flags(tmp_path: Path) -> None:
    text = command("serve", "--help", folder=tmp_path).stdout
    assert all(flag in text for flag in ("--listen", "--database", "--demo", "--config"))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_version_everywhere(tmp_path: Path, words: list[str]) -> None:
    done = command(*words, "--version", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert any(character.isdigit() for character in done.stdout)
    assert len(done.stdout.strip().splitlines()) == 1


@pytest.mark.parametrize("words", [["frobnicate"], ["--frobnicate"], ["serve", "--frobnicate"], ["serve", "extra"]])
def test_wrong_usage(tmp_path: Path, words: list[str]) -> None:
    done = command(*words, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words[-1] in done.stderr


def test_an_empty_configuration_is_fine(tmp_path: Path) -> None:
    status, shown, _ = check(tmp_path)
    assert status == 0
    assert "127.0.0.1:8000" in shown


def test_a_flag_beats_a_variable_beats_a_file(tmp_path: Path) -> None:
    flag, variable, file = ("--max-text", 41111), {"SWITCHBOARD_MAX_TEXT": "42222"}, {"max_text": 43333}
    for arguments, named, wanted in [
        (flag, {"variables": variable, "file": file}, "41111"), ((), {"variables": variable, "file": file}, "42222"),
        ((), {"file": file}, "43333"), (flag, {"file": file}, "41111"),
    ]:
        status, shown, complaint = check(tmp_path, *arguments, **named)
        assert status == 0, complaint
        assert [number in shown for number in ("41111", "42222", "43333")].count(True) == 1
        assert wanted in shown


@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_an_unknown_key_names_itself_and_its_source(tmp_path: Path, source: str) -> None:
    status, _, complaint = {
        "flag": lambda: check(tmp_path, "--rooms-speed", 5),
        "variable": lambda: check(tmp_path, variables={"SWITCHBOARD_ROOMS_SPEED": "5"}),
        "file": lambda: check(tmp_path, file={"rooms_speed": 5}),
    }[source]()
    name = {"flag": "--rooms-speed", "variable": "SWITCHBOARD_ROOMS_SPEED", "file": "rooms_speed"}[source]
    assert status == 2
    assert name in complaint
    assert source != "file" or "settings.json" in complaint


BAD_VALUES = [
    ("rooms_rate", "fast"), ("rooms_rate", "-1"), ("rooms_burst", "x"), ("listen", "nowhere"),
    ("listen", "1.2.3.4:99999"),
    ("log_level", "loud"), ("log_format", "xml"), ("loops", "-1"), ("ping_interval", "soon"), ("head_timeout", "-5s"),
    ("erp_offline_notice", "maybe"), ("anonymous", "erp"), ("max_body", "1.5"), ("send_queue", "99999999999999999999"),
]


@pytest.mark.parametrize("key, value", BAD_VALUES)
@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_a_bad_value_names_its_key_and_source(tmp_path: Path, source: str, key: str, value: str) -> None:
    flag, variable = "--" + key.replace("_", "-"), f"SWITCHBOARD_{key.upper()}"
    status, _, complaint = {
        "flag": lambda: check(tmp_path, flag, value),
        "variable": lambda: check(tmp_path, variables={variable: value}),
        "file": lambda: check(tmp_path, file={key: value}),
    }[source]()
    assert status == 2
    assert {"flag": flag, "variable": variable, "file": key}[source] in complaint
    assert source != "file" or "settings.json" in complaint


@pytest.mark.parametrize("key, value, allowed", [
    ("log_level", "loud", ["debug", "info", "warning", "error"]), ("log_format", "xml", ["auto", "text", "json"]),
    ("anonymous", "erp", ["rooms"]),
])
def test_a_bad_value_is_told_what_is_allowed(tmp_path: Path, key: str, value: str, allowed: list[str]) -> None:
    status, _, complaint = check(tmp_path, file={key: value})
    assert status == 2
    assert all(word in complaint for word in allowed)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"max_text":1000} x'])
def test_a_file_that_is_no_json_object(tmp_path: Path, text: str) -> None:
    status, _, complaint = check(tmp_path, file=text)
    assert status == 2
    assert "settings.json" in complaint


def test_a_missing_file(tmp_path: Path) -> None:
    status, _, complaint = check(tmp_path, "--config", tmp_path / "absent.json")
    assert status == 2
    assert "absent.json" in complaint


def test_types_of_a_file(tmp_path: Path) -> None:
    status, shown, complaint = check(tmp_path, file={
        "listen": "127.0.0.1:8123", "rooms_rate": 7, "erp_offline_notice": False, "ping_interval": "20s",
        "allowed_origins": ["https://app.example", "https://b.example"], "anonymous": ["rooms"], "max_body": 2048,
    })
    assert status == 0, complaint
    assert "127.0.0.1:8123" in shown and "https://app.example" in shown


def test_secrets_are_not_shown_and_not_taken_from_flags(tmp_path: Path) -> None:
    key = "k3y-of-forty-characters-for-the-back-end"
    for named in ({"variables": {"SWITCHBOARD_API_KEYS": key}}, {"file": {"api_keys": [key]}}):
        status, shown, complaint = check(tmp_path, **named)
        assert status == 0, complaint
        assert key not in shown + complaint
    status, shown, complaint = check(tmp_path, "--api-keys", key)
    assert status == 2
    assert "--api-keys" in complaint and key not in shown + complaint


def test_serve_refuses_what_check_config_refuses(tmp_path: Path) -> None:
    done = command("serve", "--listen", "127.0.0.1:0", "--rooms-rate", "fast", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--rooms-rate" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_server_takes_its_settings_from_the_file(start: Start, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"log_level": "debug", "loops": 1}))
    assert start("--config", settings).terminate() == 0


def test_logs_are_json_lines_where_nobody_watches(start: Start) -> None:
    server = start("--log-level", "debug")
    assert server.terminate() == 0
    assert all(isinstance(json.loads(line), dict) for line in server.log)
    assert all("level" in json.loads(line) for line in server.log)
