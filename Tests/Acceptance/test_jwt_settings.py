"""Verifiers that are configured wrongly: the server says so in one line, without a secret, and does not start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import logins
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from logins import jwks, public_pem, write
from switchboard import command

HUSH = "hush-hush-hush"
LONG = HUSH * 5
ENCRYPTED = logins.rsa_key("rsa").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass"))
NOT_A_KEY = f"-----BEGIN PUBLIC KEY-----\n{HUSH}\n-----END PUBLIC KEY-----\n"
ENCRYPTION_KEY = json.loads(jwks(k=logins.rsa_key("rsa")))["keys"][0] | {"use": "enc"}


def start(folder: Path, **settings: Any) -> tuple[int, str]:
    """How the server ends that must not start, and the line that says why."""
    extra = {f"SWITCHBOARD_{key.upper()}": value if isinstance(value, str) else json.dumps(value)
             for key, value in settings.items()}
    done = command("serve", "--listen", "127.0.0.1:0", folder=folder, extra=extra)
    assert done.stdout == ""
    assert HUSH not in done.stderr and "BEGIN" not in done.stderr
    text, = done.stderr.splitlines()
    return done.returncode, text


@pytest.mark.parametrize("secret", [HUSH, "x" * 31, ""])
def test_a_short_secret(tmp_path: Path, secret: str) -> None:
    status, text = start(tmp_path, jwt_secret=secret)
    assert status == 2
    assert text == "switchboard: SWITCHBOARD_JWT_SECRET (environment): the value is not allowed; " \
        "allowed is 32 bytes or more"
    assert not list(tmp_path.iterdir())


SOURCE = "one of secret, secret_file, key_file and jwks_file is needed"
WRONG: dict[str, tuple[Any, str]] = {
    "no JSON": ("[{", "not a JSON array"),
    "no list": ({"secret": LONG}, "not a JSON array"),
    "no object": ([LONG], "verifier 1 is not an object"),
    "a short secret": ([{"name": "a", "secret": HUSH}], "a: a secret needs 32 bytes or more, this one has 14"),
    "no source": ([{"name": "a"}], f"a: {SOURCE}"),
    "two sources": ([{"name": "a", "secret": LONG, "secret_file": "/s"}], f"a: {SOURCE}"),
    "an unknown member": ([{"name": "a", "secret": LONG, "issuers": "x"}], 'a: there is no "issuers"'),
    "an unknown algorithm": ([{"name": "a", "secret": LONG, "algorithms": ["none"]}],
                             'a: the algorithm "none" is none of HS256, HS384, HS512, RS256, ES256'),
    "leeway": ([{"name": "a", "secret": LONG, "leeway": "soon"}], "a: leeway is a duration such as 30s"),
    "create_users": ([{"name": "a", "secret": LONG, "create_users": 1}], "a: create_users is true or false"),
    "a wrong type": ([{"secret": LONG}, {"secret": [LONG]}], "verifier 2: secret is a text"),
    "a key as a secret": ([{"name": "a", "secret": NOT_A_KEY}], "a: this is the text of a key file, not a secret"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_verifier(tmp_path: Path, kind: str) -> None:
    value, reason = WRONG[kind]
    assert start(tmp_path, jwt=value) == (2, f"switchboard: SWITCHBOARD_JWT (environment): {reason}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["no list", "two sources", "a short secret"])
def test_a_wrong_verifier_in_the_file(tmp_path: Path, kind: str) -> None:
    value, reason = WRONG[kind]
    path = write(tmp_path, "settings.json", json.dumps({"jwt": value}))
    for name in ("serve", "check-config"):
        done = command(name, "--config", path, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert HUSH not in done.stderr
        text, = done.stderr.splitlines()
        assert text.startswith("switchboard: jwt (") and "settings.json" in text
        assert kind == "no list" or text.endswith(reason)


FILES: dict[str, tuple[str, str | bytes | None, str]] = {
    "a missing secret": ("secret_file", None, "cannot read"),
    "a missing key": ("key_file", None, "cannot read"),
    "missing keys": ("jwks_file", None, "cannot read"),
    "a short secret": ("secret_file", HUSH + "\n", "a secret needs 32 bytes or more, this one has 14"),
    "a short secret with many line ends": ("secret_file", HUSH + "\r\n" * 20,
                                           "a secret needs 32 bytes or more, this one has 14"),
    "a key as a secret": ("secret_file", public_pem(logins.rsa_key("rsa")), "this is the text of a key file"),
    "no PEM": ("key_file", LONG, "there is no PEM block with a key or a certificate"),
    "an empty file": ("key_file", "", "there is no PEM block with a key or a certificate"),
    "PEM that is no key": ("key_file", NOT_A_KEY, "the PEM block can't be read"),
    "an encrypted key": ("key_file", ENCRYPTED, "the private key is encrypted"),
    "RSA of 1024 bits": ("key_file", public_pem(logins.rsa_key("short", 1024)),
                         "an RSA key needs 2048 to 16384 bits, this one has 1024"),
    "another curve": ("key_file", public_pem(logins.ec_key("large", ec.SECP384R1)),
                      "the key is neither RSA nor EC with the curve P-256"),
    "keys that are no JSON": ("jwks_file", LONG, "this is no JWK Set"),
    "keys that are a list": ("jwks_file", "[]", "this is no JWK Set"),
    "no keys": ("jwks_file", '{"keys": []}', "the JWK Set has no keys"),
    "a weak key": ("jwks_file", jwks(weak=logins.rsa_key("short", 1024)),
                   'none of its keys can be used: key "weak": an RSA key needs 2048 to 16384 bits'),
    "a key for encryption": ("jwks_file", json.dumps({"keys": [ENCRYPTION_KEY]}),
                             'none of its keys can be used: key "k": it is not meant for verifying'),
    "a key with a short secret": ("jwks_file", '{"keys": [{"kty": "oct", "k": "aHVzaC1odXNoLWh1c2g"}]}',
                                  "none of its keys can be used: key number 1: a secret needs 32 bytes or more"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_will_not_do(tmp_path: Path, kind: str) -> None:
    member, text, reason = FILES[kind]
    path = str(tmp_path / "missing") if text is None else write(tmp_path, "key", text)
    status, line = start(tmp_path, jwt=[{"name": "login", member: path}])
    assert status == 2
    assert line.startswith("switchboard: jwt: login: ") and path in line and reason in line, line


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    status, line = start(tmp_path, jwt=[{"name": "login", "key_file": str(tmp_path)}])
    assert (status, line) == (2, f"switchboard: jwt: login: cannot read {tmp_path}")


def test_allowing_registration_beside_another_login_is_refused(tmp_path: Path) -> None:
    for extra in ({"SWITCHBOARD_JWT_SECRET": LONG}, {"SWITCHBOARD_JWT": json.dumps([{"secret": LONG}])}):
        done = command("check-config", "--allow-registration", "true", folder=tmp_path, extra=extra)
        assert done.returncode == 2 and "exclude each other" in done.stderr and HUSH not in done.stderr
    assert command("check-config", "--allow-registration", "true", folder=tmp_path).returncode == 0


def test_check_config_reads_the_files_of_keys(tmp_path: Path) -> None:
    extra = {"SWITCHBOARD_JWT": json.dumps([{"key_file": write(tmp_path, "key", "x" * 32)}])}
    assert command("check-config", folder=tmp_path, extra=extra).returncode == 2


def test_check_config_shows_no_secret(tmp_path: Path) -> None:
    pem = logins.public_pem(logins.rsa_key("rsa")).decode()
    verifiers = [{"name": "login", "secret": LONG}, {"key_file": write(tmp_path, "key", pem)}]
    extra = {"SWITCHBOARD_JWT": json.dumps(verifiers), "SWITCHBOARD_JWT_SECRET": LONG}
    for options in ([], ["--json"]):
        done = command("check-config", *options, folder=tmp_path, extra=extra)
        assert done.returncode == 0 and HUSH not in done.stdout
        assert "login, verifier 2" in done.stdout or "login,verifier 2" in done.stdout
