"""JWTs that want to be taken for more than they are: keys of their own, ids of keys that are paths, claims said twice.

Algorithms, signatures and ends are in test_jwt.py."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import logins
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, RSAAlgorithm
from logins import RSA, SECRETS, SET_RSA, SHARED, public_pem
from signed import compact, part
from switchboard import Person, Server
from tokens import is_accepted

# The attacker's own.
SECRET = "a secret of the attacker's, and of more than 32 bytes"
KEY = logins.rsa_key("attacker")
JWK = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    variables = logins.settings(tmp_path_factory.mktemp("logins"))
    server = Server(tmp_path_factory.mktemp("server"), extra=variables).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def person(server: Server) -> Person:
    return server.person()


def claims(person: Person, **more: Any) -> dict[str, Any]:
    return {"user_id": person.id, "sub": str(person.id), "exp": int(time.time()) + 3600} | more


def signed_by_attacker(**header: Any) -> Callable[[Person], str]:
    return lambda person: jwt.encode(
        claims(person, iss="https://rsa.example"), KEY, "RS256", headers={"kid": "r1"} | header)


def written(header: str, payload: str, secret: str = SECRETS["shared"]) -> str:
    """Signed, and spelled as it is given."""
    text = f"{part(header.encode())}.{part(payload.encode())}"
    return f"{text}.{part(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


ATTACKS: dict[str, Callable[[Person], str]] = {
    # Keys that the token brings along.
    "jwk": signed_by_attacker(jwk=JWK),
    "jwk with the right kid": signed_by_attacker(jwk=JWK | {"kid": "r1"}),
    "x5c": signed_by_attacker(x5c=[base64.b64encode(logins.certificate_pem(KEY)).decode()]),
    "a secret as jwk": lambda person: compact(
        {"alg": "HS256", "jwk": HMACAlgorithm.to_jwk(SECRET, as_dict=True)}, claims(person), SECRET),
    "an empty secret": lambda person: compact({"alg": "HS256"}, claims(person), b""),
    "a secret of zeros": lambda person: compact({"alg": "HS256"}, claims(person), bytes(32)),
    # Ids of keys that lead elsewhere.
    **{f"kid {kid!r}": lambda person, kid=kid: compact({"alg": "HS256", "kid": kid}, claims(person), secret)
       for kid, secret in {
           "/dev/null": b"", "../../../../../../dev/null": b"", "../jwks.json": b"", "x' UNION SELECT 'key' --": b"key",
           "r1\0": SECRET, "| id": b"", "https://evil.example/key": SECRET}.items()},
    # Public keys as secrets, however they may be held.
    **{f"{name} as a secret": lambda person, key=key: compact(
        {"alg": "HS256", "kid": "r1"}, claims(person, iss="https://rsa.example"), key)
       for name, key in {
           "PEM": public_pem(RSA.key), "PEM with CR LF": public_pem(RSA.key).replace(b"\n", b"\r\n"),
           "DER": RSA.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
           "JWK": json.dumps(RSAAlgorithm.to_jwk(SET_RSA.key.public_key(), as_dict=True)).encode(),
           "modulus": SET_RSA.key.public_key().public_numbers().n.to_bytes(256)}.items()},
    # Signatures of another kind.
    "ES256 of zeros": lambda person: ".".join([
        part(b'{"alg":"ES256"}'), part(json.dumps(claims(person)).encode()), part(bytes(64))]),
    "an algorithm with a space": lambda person: written('{"alg":"HS256 "}', json.dumps(claims(person))),
    "an algorithm in a list": lambda person: written('{"alg":["HS256"]}', json.dumps(claims(person))),
    "alg none behind HS256": lambda person: written('{"alg":"HS256","alg":"none"}', json.dumps(claims(person))),
    "alg in escapes": lambda person: written('{"alg":"none","al\\u0067":"HS256"}', json.dumps(claims(person))),
    # Claims.
    "two users": lambda person: written('{"alg":"HS256"}', '{"user_id":%d,"user_id":1,"exp":9999999999}' % person.id),
    "two ends": lambda person: written('{"alg":"HS256"}', '{"user_id":%d,"exp":1,"exp":9999999999}' % person.id),
    "an end as text": lambda person: written('{"alg":"HS256"}', '{"user_id":%d,"exp":"9999999999"}' % person.id),
    "an end in a list": lambda person: written('{"alg":"HS256"}', '{"user_id":%d,"exp":[9999999999]}' % person.id),
    "an end that is null": lambda person: written('{"alg":"HS256"}', '{"user_id":%d,"exp":null}' % person.id),
    "a negative end": lambda person: written('{"alg":"HS256"}', '{"user_id":%d,"exp":-1}' % person.id),
    "a user in a list": lambda person: written('{"alg":"HS256"}', '{"user_id":[%d],"exp":9999999999}' % person.id),
    "a user as a fraction": lambda person: written('{"alg":"HS256"}', '{"user_id":%d.5,"exp":9999999999}' % person.id),
    "a user with a sign": lambda person: written('{"alg":"HS256"}', '{"user_id":"+%d","exp":9999999999}' % person.id),
    "a user with a space": lambda person: written('{"alg":"HS256"}', '{"user_id":" %d","exp":9999999999}' % person.id),
    "a user in other digits": lambda person: written('{"alg":"HS256"}', '{"user_id":"١","exp":9999999999}'),
    "an object": lambda person: written('{"alg":"HS256"}', '{"user_id":{"$gt":0},"exp":9999999999}'),
    "claims without an end": lambda person: written(
        '{"alg":"HS256"}', '{"user_id":%d,"x":%s' % (person.id, "[" * 1500)),
    "huge claims": lambda person: compact({"alg": "HS256"}, claims(person, x="y" * 7000), SECRETS["shared"]) + "A",
}


@pytest.mark.parametrize("make", ATTACKS.values(), ids=ATTACKS.keys())
def test_it_is_refused(server: Server, person: Person, make: Callable[[Person], str]) -> None:
    assert not is_accepted(server, make(person))
    assert is_accepted(server, SHARED.token(person.id))


def test_no_key_is_fetched(server: Server, person: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys.json"
        for header in ({"jku": url}, {"x5u": url}, {"jku": url, "x5u": url, "jwk": JWK, "kid": url}):
            assert not is_accepted(server, signed_by_attacker(**header)(person))
            # Of a genuine token such a header says nothing.
            assert is_accepted(server, SET_RSA.token(str(person.id), header=header | {"kid": "r1"}))
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_what_kind_of_token_it_says_it_is_changes_nothing(server: Server, person: Person) -> None:
    """Only `cty`, `crit` and `b64` would change how it is read; they are refused."""
    for kind in ("at+jwt", "jwt", "JOSE", "none", "", "x" * 500):
        assert is_accepted(server, SHARED.token(person.id, header={"typ": kind}))


def test_a_public_key_of_a_weak_curve_is_no_way_in(server: Server, person: Person) -> None:
    """Neither another key of the right curve, brought along, nor the right key for another algorithm."""
    key = logins.ec_key("attacker")
    header = {"jwk": ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "e1"}
    assert not is_accepted(server, jwt.encode(claims(person), key, "ES256", headers=header))
    assert not is_accepted(server, jwt.encode(claims(person), logins.rsa_key("rsa"), "RS512"))
