"""JWTs of other logins: which are accepted, which are refused and why, and when they end."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import campus
import conversations
import erp
import logins
import pytest
import rooms
from api import answered, get, post, refused, user
from conftest import Connect, Start
from frames import ERP_TIME, error
from logins import CERTIFIED, CURVE, FILED, RSA, SECRETS, SET_EC, SET_RSA, SHARED, WRITTEN, Login, jwks, public_pem
from raw import request
from signed import compact, hs256, part
from switchboard import Person, Server
from tokens import ME, WRONG_SIGNATURE, check, expect_nothing_of, expect_refused, is_accepted

Frame = dict[str, Any]
NOTIFY = {
    "type": "notify", "title": "T", "message": "M", "notification_type": "alert", "timestamp": ERP_TIME, "data": {},
}

# A path of each dialect; what it sends on connect, and a frame with its answer, where there are such.
PATHS: dict[str, tuple[list[Frame], Any, list[Frame]]] = {
    erp.CHAT: ([], "?", [error("Invalid message format")]),
    erp.NOTIFICATIONS: ([erp.unread(0)], None, []),
    "/ws/chat/?dialect=campus": ([], {}, [campus.error("receiver_id is required")]),
    conversations.PATH: ([], conversations.search(""), [conversations.found()]),
    campus.NOTIFICATIONS: ([], None, []),
    "/ws/chat/jwt/": ([], rooms.said("Hello"), [rooms.heard("Hello")]),
    "/ws/counter/": (
        [{"type": "counter_update", "counter": 0, "message": "Connected to counter"},
         {"type": "user_count_update", "count": 1}], None, []),
}


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return logins.settings(tmp_path_factory.mktemp("logins"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), extra=variables).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def person(server: Server) -> Person:
    return server.person("Aarav Sharma")


# Accepted

ALGORITHMS = [(SHARED, "HS256"), (SHARED, "HS384"), (SHARED, "HS512"), (RSA, "RS256"), (CURVE, "ES256")]


@pytest.mark.parametrize("login, algorithm", ALGORITHMS, ids=lambda value: getattr(value, "name", value))
async def test_every_algorithm_on_every_dialect(
    server: Server, connect: Connect, login: Login, algorithm: str
) -> None:
    person = server.person()
    token = login.token(person.id, algorithm)
    for path, (welcome, frame, answers) in PATHS.items():
        client = await connect(server, path, token)
        for expected in welcome:
            await client.expect(expected)
        if frame is not None:
            await client.send(frame)
        for expected in answers:
            await client.expect(expected)
        if path == campus.NOTIFICATIONS:
            # The dialect of people; without a token it would be the other one, which begins with a status.
            body = {"title": "T", "message": "M", "user_id": person.id}
            answered(post(server, None, "/api/notifications/send/", body))
            await client.expect(NOTIFY)
        await client.expect_nothing()
        await client.close()
    assert answered(get(server, token, ME)) == user(person) | {"is_admin": False}


@pytest.mark.parametrize("login", logins.LOGINS, ids=lambda login: f"{login.name} {login.algorithm}")
async def test_several_logins_at_once(
    server: Server, connect: Connect, variables: dict[str, str], login: Login
) -> None:
    person = server.person()
    for token in (login.token(person.id), login.token(str(person.id)), login.token(person.username)):
        assert answered(get(server, token, ME))["id"] == person.id
    await erp.online(connect, server, Person(**vars(person) | {"token": token}))
    status, text = check(server, variables, token)
    assert status == 0
    assert text.startswith(f"valid: a JWT accepted by {login.name}, of user {person.id} ({person.username}), until 20")


def test_an_issuer_that_is_not_looked_at(server: Server, person: Person) -> None:
    assert is_accepted(server, SHARED.token(person.id, iss="anybody", aud="anything"))
    assert is_accepted(server, CURVE.token(person.id, iss=None, aud=["a", "b"]))


@pytest.mark.parametrize("audience", ["web", "other", ["web"], ["x", "other"]])
def test_any_of_several_audiences(server: Server, person: Person, audience: Any) -> None:
    assert is_accepted(server, FILED.token(person.id, aud=audience))


def test_a_login_has_its_own_claim_for_the_person(server: Server, person: Person) -> None:
    other = server.person()
    assert answered(get(server, FILED.token(person.id, user_id=other.id), ME))["id"] == person.id
    assert answered(get(server, SHARED.token(person.id, sub=str(other.id)), ME))["id"] == person.id
    assert answered(get(server, SHARED.token(None, userId=other.id), ME))["id"] == other.id


def test_a_token_without_an_end(server: Server, variables: dict[str, str], person: Person) -> None:
    token = SHARED.token(person.id, exp=None)
    assert is_accepted(server, token)
    assert check(server, variables, token) == (
        0, f"valid: a JWT accepted by jwt_secret, of user {person.id} ({person.username}), for ever\n")


@pytest.mark.parametrize("end", [2**53, 2**63 - 1, 2**64 - 1, 1e18, 1e300], ids=str)
async def test_an_end_beyond_all_calendars(
    server: Server, connect: Connect, variables: dict[str, str], person: Person, end: float
) -> None:
    token = hs256(SECRETS["shared"], user_id=person.id, exp=end, nbf=-end if end < 2**63 else 0)
    await erp.online(connect, server, Person(**vars(person) | {"token": token}))
    assert is_accepted(server, token)
    assert check(server, variables, token)[0] == 0


def test_the_words_before_a_token(server: Server, person: Person) -> None:
    for word in ("Bearer", "Token", "bearer"):
        headers = {"Authorization": f"{word} {SHARED.token(person.id)}"}
        assert answered(request(server, "GET", ME, headers=headers))["id"] == person.id


def test_leeway(server: Server, person: Person) -> None:
    now = time.time()
    assert is_accepted(server, FILED.token(person.id, exp=now - 20, nbf=now - 20))
    assert is_accepted(server, FILED.token(person.id, nbf=now + 25))
    assert not is_accepted(server, FILED.token(person.id, exp=now - 30))
    assert not is_accepted(server, FILED.token(person.id, nbf=now + 40))
    assert not is_accepted(server, SHARED.token(person.id, exp=now))
    assert not is_accepted(server, SHARED.token(person.id, nbf=now + 10))
    assert is_accepted(server, SHARED.token(person.id, nbf=now))


# Refused

NONE = 'the token is not signed (alg "none")'
FORBIDDEN = "the algorithm {} is not allowed here, or there is no key for it"


def cut(token: str, place: int, text: str) -> str:
    """The token with another part in that place."""
    parts = token.split(".")
    parts[place] = text
    return ".".join(parts)


def unsigned(alg: str, person: Person, secret: str | None) -> str:
    return compact({"alg": alg, "typ": "JWT"}, {"user_id": person.id, "exp": int(time.time()) + 3600}, secret)


def hmac_with(key: bytes) -> Callable[[Person], str]:
    """Algorithm confusion: what everybody knows, taken for a secret."""
    return lambda person: hs256(key, user_id=person.id, iss="https://rsa.example")


def with_header(**members: Any) -> Callable[[Person], str]:
    return lambda person: compact(
        {"alg": "HS256"} | members, {"user_id": person.id, "exp": int(time.time()) + 3600}, SECRETS["shared"])


# How the token is made, who says why it is refused, and what.
REFUSED: dict[str, tuple[Callable[[Person], str], str, str]] = {
    **{f"alg {alg} {way}": (lambda person, alg=alg, secret=secret: unsigned(alg, person, secret), "jwt_secret", NONE)
       for alg in ("none", "None", "NONE", "nOnE")
       for way, secret in (("unsigned", None), ("signed", SECRETS["shared"]))},
    "public key as secret": (hmac_with(public_pem(RSA.key)), "rsa", FORBIDDEN.format("HS256")),
    "public key without line end": (hmac_with(public_pem(RSA.key).strip()), "jwt_secret", WRONG_SIGNATURE),
    "certificate as secret": (hmac_with(logins.certificate_pem(CERTIFIED.key)), "certified", FORBIDDEN.format("HS256")),
    "JWKS as secret": (hmac_with(jwks(r1=SET_RSA.key, e1=SET_EC.key).encode()), "set", FORBIDDEN.format("HS256")),
    "HS to an RSA key": (lambda person: SHARED.token(person.id, key=SECRETS["written"] + "!"), "rsa",
                         FORBIDDEN.format("HS256")),
    "RS to a curve": (lambda person: RSA.token(person.id, key=logins.rsa_key("else")), "curve",
                      FORBIDDEN.format("RS256")),
    "an algorithm off the list": (lambda person: FILED.token(person.id, "HS256"), "filed", FORBIDDEN.format("HS256")),
    "an unsupported algorithm": (lambda person: RSA.token(person.id, "PS256"), "rsa",
                                 'the algorithm "PS256" is not supported'),
    "an algorithm in other letters": (with_header(alg="hs256"), "jwt_secret", 'the algorithm "hs256" is not supported'),
    "no algorithm": (with_header(alg=None), "jwt_secret", "the header does not name its algorithm (alg)"),
    "another secret": (lambda person: SHARED.token(person.id, key=SECRETS["shared"] + "!"), "jwt_secret",
                       WRONG_SIGNATURE),
    "another RSA key": (lambda person: RSA.token(person.id, key=logins.rsa_key("else")), "rsa", WRONG_SIGNATURE),
    "another curve key": (lambda person: CURVE.token(person.id, key=logins.ec_key("else")), "curve", WRONG_SIGNATURE),
    "another login's key": (lambda person: RSA.token(person.id, key=CERTIFIED.key), "rsa", WRONG_SIGNATURE),
    "a changed payload": (lambda person: cut(
        SHARED.token(person.id), 1, part(json.dumps({"user_id": 1, "exp": 2**40}).encode())),
                          "jwt_secret", WRONG_SIGNATURE),
    "no signature": (lambda person: cut(SHARED.token(person.id), 2, ""), "jwt_secret", WRONG_SIGNATURE),
    "expired": (lambda person: SHARED.token(person.id, exp=1_700_000_000), "jwt_secret",
                "the token has expired (2023-11-14 22:13:20 UTC)"),
    "expired beyond the leeway": (lambda person: FILED.token(person.id, exp=1_700_000_000), "filed",
                                  "the token has expired (2023-11-14 22:13:50 UTC)"),
    "not yet valid": (lambda person: SHARED.token(person.id, exp=None, nbf=4_000_000_000), "jwt_secret",
                      "the token is not valid yet (before 2096-10-02 07:06:40 UTC)"),
    "an end that is no number": (lambda person: hs256(SECRETS["shared"], user_id=person.id, exp="tomorrow"),
                                 "jwt_secret", "exp is not a number"),
    "another issuer": (lambda person: RSA.token(person.id, iss="https://rsa.example/"), "rsa",
                       'the issuer (iss) is not "https://rsa.example"'),
    "no issuer": (lambda person: RSA.token(person.id, iss=None), "rsa",
                  'the issuer (iss) is not "https://rsa.example"'),
    "a refresh token": (lambda person: WRITTEN.token(person.id, token_type="refresh"), "written",
                        'the token is a "refresh" token (token_type), no access token'),
    "another audience": (lambda person: WRITTEN.token(person.id, aud="Chat"), "written",
                         'the audience (aud) does not include "chat"'),
    "several other audiences": (lambda person: FILED.token(person.id, aud=["chat", "webs"]), "filed",
                                'the audience (aud) does not include "other" or "web"'),
    "no audience": (lambda person: FILED.token(person.id, aud=None), "filed",
                    'the audience (aud) does not include "other" or "web"'),
    "an unknown kid": (lambda person: SET_RSA.token(person.id, header={"kid": "r2"}), "set",
                       'there is no key with the id "r2" (kid) for the token\'s algorithm'),
    "another key's kid": (lambda person: SET_RSA.token(person.id, header={"kid": "e1"}), "set",
                          'there is no key with the id "e1" (kid) for the token\'s algorithm'),
    "a kid that is no string": (with_header(kid=5), "jwt_secret", "the key id in the header (kid) is not a string"),
    "crit": (with_header(crit=["exp"]), "jwt_secret", "the header demands extensions (crit), and none is supported"),
    "an empty crit": (with_header(crit=[]), "jwt_secret",
                      "the header demands extensions (crit), and none is supported"),
    "b64": (with_header(b64=False), "jwt_secret",
            "the header speaks of an unencoded payload (b64), which is not supported"),
    "a token in a token": (with_header(cty="JWT"), "jwt_secret",
                           "the token holds another token (cty), which is not supported"),
    "a JWE": (lambda person: SHARED.token(person.id) + ".x.y", "jwt_secret",
              "the token is encrypted (a JWE); only signed tokens are accepted"),
    "two parts": (lambda person: SHARED.token(person.id).rpartition(".")[0], "jwt_secret",
                  "this is not a JWT: it has 2 parts instead of 3"),
    "four parts": (lambda person: SHARED.token(person.id) + ".x", "jwt_secret",
                   "this is not a JWT: it has 4 parts instead of 3"),
    "empty parts": (lambda person: "..", "jwt_secret", "the header is not a JSON object"),
    "a header that is no base64url": (lambda person: cut(SHARED.token(person.id), 0, "a+b/"), "jwt_secret",
                                      "the header is not valid base64url"),
    "a header that is no JSON": (lambda person: cut(SHARED.token(person.id), 0, part(b"{alg:HS256}")), "jwt_secret",
                                 "the header is not a JSON object"),
    "a signature that is no base64url": (lambda person: SHARED.token(person.id) + "=", "jwt_secret",
                                         "the signature is not valid base64url"),
    "a payload that is no object": (lambda person: compact({"alg": "HS256"}, [person.id], SECRETS["shared"]),
                                    "jwt_secret", "the payload is not a JSON object"),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_refused_tokens(
    server: Server, connect: Connect, variables: dict[str, str], person: Person, kind: str
) -> None:
    make, login, reason = REFUSED[kind]
    token = make(person)
    status, text = check(server, variables, token)
    assert status == 1
    head, *reasons = text.splitlines()
    assert head == "switchboard: refused"
    assert f"  by {login}: {reason}" in reasons
    assert [line.split(":")[0].removeprefix("  by ") for line in sorted(reasons)] == sorted(
        ["this server", "jwt_secret", "written", "filed", "rsa", "certified", "curve", "set"])
    await expect_refused(server, connect, token, conversations.PATH)


@pytest.mark.parametrize("path", [*PATHS, "/ws/chat/", "/ws/notifications/?dialect=rooms"])
async def test_a_refused_token_on_every_dialect(server: Server, connect: Connect, person: Person, path: str) -> None:
    await expect_refused(server, connect, SHARED.token(person.id, exp=1_700_000_000), path)
    await expect_refused(server, connect, "no.such.token", path)


def test_the_reason_of_the_login_that_knows_a_token_comes_first(
    server: Server, variables: dict[str, str], person: Person
) -> None:
    token = CURVE.token(person.id, exp=1_700_000_000)
    assert check(server, variables, token)[1].splitlines()[1].startswith("  by curve: the token has expired")


def test_a_token_that_is_too_long(server: Server, variables: dict[str, str], person: Person) -> None:
    def padded(length: int) -> str:
        """The token itself, as near as three bytes become four letters."""
        bare = SHARED.token(person.id, pad="")
        token = SHARED.token(person.id, pad="x" * ((length - len(bare)) * 3 // 4))
        assert length - 3 <= len(token) <= length
        return token

    longest, longer = padded(8192), padded(8196)
    assert is_accepted(server, longest)
    assert check(server, variables, longest)[0] == 0
    refused(get(server, longer, ME), 401)
    # In a query it is too long even for the line.
    refused(request(server, "GET", f"{erp.CHAT}?token={longer}"), 414)
    status, text = check(server, variables, longer)
    assert status == 1
    assert f"the token has {len(longer)} bytes; 8192 is the most that is accepted" in text


@pytest.mark.parametrize("claims", [{}, {"user_id": None}, {"user_id": True}, {"user_id": [1]}, {"user_id": {"id": 1}},
                                    {"user_id": 1.0}, {"user_id": 1e3}, {"user_id": 0}, {"user_id": -1},
                                    {"user_id": 2**53}, {"user_id": 2**53}, {"user_id": 2**64 - 1},
                                    {"user_id": str(2**53)}, {"user_id": "0"}, {"user_id": "9" * 30},
                                    {"user_id": ""}, {"user_id": "a b"}, {"user_id": "auth0|1"},
                                    {"user_id": True, "sub": "1"}], ids=json.dumps)
async def test_a_token_that_does_not_say_whose_it_is(
    server: Server, connect: Connect, variables: dict[str, str], claims: dict[str, Any]
) -> None:
    token = hs256(SECRETS["shared"], **claims)
    await expect_refused(server, connect, token, erp.CHAT)
    assert check(server, variables, token) == (
        1, "switchboard: refused: a JWT accepted by jwt_secret, but none of the claims user_id, sub, id, userId says "
        "whose it is\n")


@pytest.mark.parametrize("claim, named", [(999_999, "user 999999"), ("ghost", "user named ghost")])
async def test_people_without_an_account(
    server: Server, connect: Connect, variables: dict[str, str], claim: Any, named: str
) -> None:
    token = SHARED.token(claim)
    await expect_refused(server, connect, token, *PATHS)
    assert check(server, variables, token) == (
        1, f"switchboard: refused: a JWT accepted by jwt_secret, but there is no {named}, and create_users is off\n")


async def test_a_number_of_more_than_64_bits(
    server: Server, connect: Connect, variables: dict[str, str]
) -> None:
    token = hs256(SECRETS["shared"], user_id=2**64)
    await expect_refused(server, connect, token, erp.CHAT)
    assert check(server, variables, token)[0] == 1


def test_a_token_on_the_command_line(server: Server, variables: dict[str, str], person: Person) -> None:
    assert check(server, variables, SHARED.token(person.id), on_command_line=True)[0] == 0
    assert check(server, variables, SHARED.token(person.id, exp=1), on_command_line=True)[0] == 1
    assert check(server, variables, person.token)[0] == 0
    assert check(server, variables, "n" + person.token) == (
        1, "switchboard: refused: the token is unknown, revoked or expired, or its holder is switched off\n")


def test_no_token_to_check(server: Server, variables: dict[str, str]) -> None:
    for stdin in ("", "\n"):
        done = server.run("token", "check", stdin=stdin, extra=variables)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1


# Its end

async def test_a_connection_ends_with_its_token(server: Server, connect: Connect) -> None:
    people = {path: server.person() for path in [*PATHS, "/ws/v1/chat", "/ws/chat"]}
    # All have come by then.
    end = int(time.time()) + 6
    # A fraction of a second, and a leeway, count too.
    ends = {path: (SHARED, end, end) for path in PATHS} | {
        "/ws/v1/chat": (RSA, end + 0.5, end + 0.5), "/ws/chat": (CERTIFIED, end - 1, end + 1)}

    async def live(path: str) -> None:
        login, expiry, until = ends[path]
        client = await connect(server, path, login.token(people[path].id, exp=expiry))
        welcome = PATHS.get(path, ([], None, []))[0]
        for frame in welcome:
            await client.expect(frame)
        assert await client.expect_close(4003) == "Token expired"
        assert until <= time.time() <= until + 4

    await asyncio.gather(*map(live, ends))


# What is told

async def test_no_log_tells_a_token_or_a_secret(start: Start, connect: Connect, variables: dict[str, str]) -> None:
    server = start("--log-level", "debug", extra=variables)
    person = server.person()
    good = [login.token(person.id) for login in logins.LOGINS] + [server.jwt(person), person.token]
    bad = [make(person) for make, _, _ in REFUSED.values()] + [SHARED.token(999), "no-such-token-of-nobody"]
    for token, path in zip(good, itertools.cycle(PATHS)):
        await (await connect(server, path, token)).close()
        assert is_accepted(server, token)
    for token in bad:
        await expect_refused(server, connect, token, conversations.PATH)
        post(server, token, "/api/messages/", {"receiver_id": 1, "text": "x"})
    assert server.terminate() == 0
    log = "\n".join(server.log)
    assert '"level":"debug"' in log
    own = {part for token in good + bad for part in token.split(".") if len(part) >= 12}
    for secret in own | set(SECRETS.values()):
        expect_nothing_of(secret, log)
