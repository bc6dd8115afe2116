"""Whether a server takes a token: by its API, its sockets and `token check`."""

from __future__ import annotations

from api import get, refused
from conftest import Connect
from logins import SECRETS
from switchboard import Server

ME = "/api/auth/me/"
WRONG_SIGNATURE = "the signature is wrong: the token was changed, or signed with another key"


def is_accepted(server: Server, token: str) -> bool:
    response = get(server, token, ME)
    if response.status == 200:
        return True
    refused(response, 401)
    return False


async def expect_refused(server: Server, connect: Connect, token: str, *paths: str) -> None:
    """By the API, and by the socket of each path."""
    refused(get(server, token, ME), 401)
    for path in paths:
        client = await connect(server, path, token)
        assert await client.expect_close(4003) == "Invalid or expired token"


def check(server: Server, variables: dict[str, str], token: str, on_command_line: bool = False) -> tuple[int, str]:
    """The exit status of `token check`, and what it says, which must be nothing of the token or a secret."""
    arguments, stdin = ([token], "") if on_command_line else ([], f"{token}\n")
    done = server.run("token", "check", *arguments, stdin=stdin, extra=variables)
    assert (done.stdout == "") == (done.returncode != 0) and (done.stderr == "") == (done.returncode == 0)
    text = done.stdout + done.stderr
    expect_nothing_of(token, text)
    for secret in SECRETS.values():
        expect_nothing_of(secret, text)
    return done.returncode, text


def expect_nothing_of(secret: str, text: str) -> None:
    """No part of 12 characters is there."""
    for start in range(len(secret) - 11):
        assert secret[start:start + 12] not in text, "a secret was told"
