"""Requests to `/socket.io/` that are refused: bad queries, methods and origins, and sessions that are not one's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from conftest import Dial, Start
from engine_io import Endpoint
from socketio_client import SocketIO, undisturbed
from socketio_raw import SIGNED_IN, PollingLink, emitted, engine, expect_text, expect_texts, have_read, linked, sign_in
from switchboard import Person, Server
from websockets.exceptions import InvalidStatus

POLLING, WEBSOCKET = "EIO=4&transport=polling", "EIO=4&transport=websocket"
FOREIGN = ["https://elsewhere.example", "null", "http://localhost.elsewhere.example", "http://192.0.2.1:3000", "x"]
AT_HOME = ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5173"]
FORBIDDEN = (4, "Forbidden", 403)


@pytest.fixture(scope="module", params=[1, 2], ids=["one loop", "two loops"])
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), "--loops", request.param).start()
    yield server
    server.close()


@pytest.fixture(autouse=True)
async def others(server: Server) -> AsyncIterator[None]:
    async with undisturbed(server):
        yield


@pytest.fixture(scope="module")
def person(server: Server) -> Person:
    return server.person()


async def session_of(server: Server, person: Person) -> PollingLink:
    """A polling session in the main namespace."""
    link = PollingLink(await engine(server).open_polling())
    await link.send(sign_in(person.token))
    await expect_texts(link, SIGNED_IN)
    return link


async def expect_alive(link: PollingLink) -> None:
    await link.send(emitted("nothing"))
    await expect_texts(link, '42["error",{"message":"Unknown event"}]')


async def refused_websocket(endpoint: Endpoint, query: str, **options: Any) -> tuple[int, Any]:
    """The status and the body of a handshake that must fail."""
    with pytest.raises(InvalidStatus) as refusal:
        async with endpoint.open_websocket(query, **options):
            pass
    response = refusal.value.response
    return response.status_code, json.loads(response.body)


# Queries and methods

@pytest.mark.parametrize(("query", "code", "message"), [
    ("", 0, "Transport unknown"),
    ("EIO=4", 0, "Transport unknown"),
    ("EIO=4&transport=", 0, "Transport unknown"),
    ("EIO=4&transport=POLLING", 0, "Transport unknown"),
    ("EIO=4&transport=webtransport", 0, "Transport unknown"),
    ("EIO=4&transport=flashsocket", 0, "Transport unknown"),
    ("EIO=4&transport=__proto__", 0, "Transport unknown"),
    ("EIO=4&transport=%00polling", 0, "Transport unknown"),
    ("EIO=4&transport=" + "x" * 5_000, 0, "Transport unknown"),
    ("transport=polling", 5, "Unsupported protocol version"),
    ("EIO=&transport=polling", 5, "Unsupported protocol version"),
    ("EIO=3&transport=polling", 5, "Unsupported protocol version"),
    ("EIO=3&transport=polling&b64=1", 5, "Unsupported protocol version"),
    ("EIO=5&transport=polling", 5, "Unsupported protocol version"),
    ("EIO=04&transport=polling", 5, "Unsupported protocol version"),
    ("EIO=4.0&transport=polling", 5, "Unsupported protocol version"),
    ("EIO=x&transport=polling", 5, "Unsupported protocol version"),
    ("EIO=" + "9" * 400 + "&transport=polling", 5, "Unsupported protocol version"),
    (f"{POLLING}&sid=unknown", 1, "Session ID unknown"),
    (WEBSOCKET, 3, "Bad request"),
])
async def test_a_bad_query(server: Server, query: str, code: int, message: str) -> None:
    (await engine(server).ask("GET", query)).expect_refusal(code, message)


@pytest.mark.parametrize(("query", "code", "message"), [
    ("EIO=4", 0, "Transport unknown"), ("EIO=4&transport=x", 0, "Transport unknown"),
    ("transport=websocket", 5, "Unsupported protocol version"),
    ("EIO=3&transport=websocket", 5, "Unsupported protocol version"),
    (f"{WEBSOCKET}&sid=unknown", 1, "Session ID unknown"),
])
async def test_a_websocket_with_a_bad_query(server: Server, query: str, code: int, message: str) -> None:
    assert await refused_websocket(engine(server), query) == (400, {"code": code, "message": message})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_only_a_get_opens_a_session(server: Server, method: str) -> None:
    (await engine(server).ask(method, POLLING, "")).expect_refusal(2, "Bad handshake method")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_another_method_changes_nothing(server: Server, person: Person, method: str) -> None:
    link = await session_of(server, person)
    (await engine(server).ask(method, link.session.query, "41")).expect_refusal(3, "Bad request")
    await expect_alive(link)


async def test_the_session_of_another_transport(server: Server, person: Person) -> None:
    async with engine(server).open_websocket() as client:
        sid = json.loads(str(await client.receive())[1:])["sid"]
        for method, body in (("GET", None), ("POST", "41")):
            (await engine(server).ask(method, f"{POLLING}&sid={sid}", body)).expect_refusal(3, "Bad request")
        await client.send(sign_in(person.token))
        await expect_texts(client, SIGNED_IN)


async def test_a_websocket_beside_the_one_that_the_session_has(server: Server, person: Person) -> None:
    async with engine(server).open_websocket() as client:
        sid = json.loads(str(await client.receive())[1:])["sid"]
        async with engine(server).open_websocket(f"{WEBSOCKET}&sid={sid}") as second:
            await second.expect_end()
        await client.send(sign_in(person.token))
        await expect_texts(client, SIGNED_IN)


# Sessions that are not one's own

async def test_no_session_is_guessed(server: Server, person: Person) -> None:
    link = PollingLink(await engine(server).open_polling())
    await link.send(sign_in(person.token))
    answer = await link.receive()
    expect_text(answer, SIGNED_IN)
    sid, gone = link.session.sid, await session_of(server, person)
    await gone.send("1")
    guesses = [
        *json.loads(answer[2:]).values(), gone.session.sid, sid[:-1], sid[1:], sid + "A", f" {sid}", sid.swapcase(),
        sid[::-1], f"{sid}/", f"{sid}\0", "\0", "0", "1", "-1", "x" * 5_000, "../../etc/passwd", "%", "é",
        "A" * len(sid),
        *(sid[:-1] + letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" if
          letter != sid[-1]),
    ]
    for guess in guesses:
        for method in ("GET", "POST"):
            body = "41" if method == "POST" else None
            refusal = await engine(server).ask(method, f"{POLLING}&sid={quote(guess)}", body)
            refusal.expect_refusal(1, "Session ID unknown")
    for guess in guesses[:8]:
        status, body = await refused_websocket(engine(server), f"{WEBSOCKET}&sid={quote(guess)}")
        assert (status, body["code"]) == (400, 1)
    await expect_alive(link)


async def test_session_ids_are_long_and_random(server: Server) -> None:
    ids = [(await engine(server).open_polling()).sid for _ in range(200)]
    assert len(set(ids)) == 200
    assert min(map(len, ids)) >= 20
    # 16 places at least, of 6 bits each, are anybody's guess.
    assert sum(len(set(letters)) > 40 for letters in zip(*ids)) >= 16
    assert len({sid[:10] for sid in ids}) == len({sid[-10:] for sid in ids}) == 200


async def test_a_session_belongs_to_its_path(server: Server, person: Person) -> None:
    link = await session_of(server, person)
    for path in ("/engine.io/", "/socket.io/x", "/socket.iox", "/ws/v1/chat/"):
        assert (await engine(server).ask("GET", link.session.query, path=path)).status in (404, 426)
    for path in ("/socket.io", "/socket.io/"):
        link.session.path = path
        await expect_alive(link)


# Two at once

async def test_a_second_get_ends_the_session(server: Server, person: Person) -> None:
    link = await session_of(server, person)
    first = await link.session.begin_get()
    await have_read(server)
    (await link.session.get()).expect_refusal(3, "Bad request")
    (await first.answer()).expect_payload("1")
    await link.expect_end()


async def test_a_second_post_ends_the_session(server: Server, person: Person) -> None:
    """On whichever loops the two arrive; several times, so that with two loops they arrive on both."""
    for _ in range(8):
        link = await session_of(server, person)
        first = await engine(server).begin("POST", link.session.query, "4", length=100)
        await have_read(server)
        (await link.session.post(emitted("nothing"))).expect_refusal(3, "Bad request")
        (await first.answer()).expect_refusal(3, "Bad request")
        await link.expect_end()


async def test_a_get_that_goes_away_ends_the_session(server: Server, person: Person) -> None:
    link = await session_of(server, person)
    get = await link.session.begin_get()
    await have_read(server)
    get.abort()
    await have_read(server)
    await link.expect_end()


@pytest.mark.parametrize("moment", ["before the probe", "after the probe", "after the upgrade", "all of them"])
async def test_a_second_websocket_is_closed(server: Server, person: Person, moment: str) -> None:
    link = await session_of(server, person)

    async def second(now: str) -> None:
        if moment in (now, "all of them"):
            async with engine(server).open_websocket(link.session.websocket_query) as other:
                await other.expect_end()

    async with engine(server).open_websocket(link.session.websocket_query) as client:
        await second("before the probe")
        await client.send("2probe")
        await client.expect("3probe")
        await second("after the probe")
        await client.send("5", emitted("nothing"))
        await client.expect('42["error",{"message":"Unknown event"}]')
        await second("after the upgrade")
        (await link.session.get()).expect_refusal(3, "Bad request")
        (await link.session.post("4")).expect_refusal(3, "Bad request")
        await client.send(emitted("nothing"))
        await client.expect('42["error",{"message":"Unknown event"}]')


@pytest.mark.parametrize("message", ["4hello", "42[\"nothing\"]", "5", "2", "x", "", b"2probe", "3probe", "2Probe"])
async def test_a_probe_that_is_none_leaves_polling_as_it_was(
    server: Server, person: Person, message: str | bytes
) -> None:
    link = await session_of(server, person)
    async with engine(server).open_websocket(link.session.websocket_query) as client:
        await client.send(message)
        await client.expect_end()
    await expect_alive(link)


async def test_an_upgrade_that_is_given_up_leaves_polling_as_it_was(server: Server, person: Person) -> None:
    link = await session_of(server, person)
    for _ in range(3):
        async with engine(server).open_websocket(link.session.websocket_query) as client:
            await client.send("2probe")
            await client.expect("3probe")
        await expect_alive(link)


# Origins

@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_from_elsewhere_is_refused(server: Server, person: Person, origin: str) -> None:
    headers = {"Origin": origin}
    link = await session_of(server, person)
    answers = [
        await engine(server).ask("GET", POLLING, headers=headers),
        await engine(server).ask("GET", link.session.query, headers=headers),
        await engine(server).ask("POST", link.session.query, "41", headers=headers),
    ]
    for answer in answers:
        answer.expect_refusal(*FORBIDDEN)
        assert "access-control-allow-origin" not in answer.headers
    preflight = await engine(server).ask("OPTIONS", POLLING, headers=headers | {
        "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
    assert preflight.status == 403
    assert "access-control-allow-origin" not in preflight.headers
    for query in (WEBSOCKET, link.session.websocket_query):
        assert await refused_websocket(engine(server), query, origin=origin) == (
            403, {"code": 4, "message": "Forbidden"})
    await expect_alive(link)


async def expect_allowed(server: Server, person: Person, origin: str) -> None:
    """A page from there may do everything, with a preflight before what needs one."""
    headers = {"Origin": origin}
    for method, wanted in (("GET", "authorization"), ("POST", "content-type"), ("POST", "authorization,content-type")):
        preflight = await engine(server).ask("OPTIONS", POLLING, headers=headers | {
            "Access-Control-Request-Method": method, "Access-Control-Request-Headers": wanted})
        assert preflight.status == 204, preflight
        assert preflight.headers["access-control-allow-origin"] == origin
        assert method in preflight.headers["access-control-allow-methods"]
        allowed = preflight.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
        assert set(wanted.split(",")) <= set(allowed)
    opened = await engine(server).ask("GET", POLLING, headers=headers)
    assert opened.headers["access-control-allow-origin"] == origin
    query = f"{POLLING}&sid={json.loads(opened.body[1:])['sid']}"
    posted = await engine(server).ask("POST", query, sign_in(person.token), headers=headers)
    polled = await engine(server).ask("GET", query, headers=headers)
    refused = await engine(server).ask("GET", f"{POLLING}&sid=unknown", headers=headers)
    expect_text(polled.body, SIGNED_IN)
    refused.expect_refusal(1, "Session ID unknown")
    for answer in (posted, polled, refused):
        assert answer.headers["access-control-allow-origin"] == origin
    async with engine(server).open_websocket(origin=origin) as client:
        assert str(await client.receive()).startswith("0{")


@pytest.mark.parametrize("origin", AT_HOME)
async def test_a_page_of_this_machine_is_let_in(server: Server, person: Person, origin: str) -> None:
    await expect_allowed(server, person, origin)


async def test_a_configured_origin_is_let_in(start: Start) -> None:
    server = start("--allowed-origins", "https://app.example.org,https://other.example.org")
    person = server.person()
    for origin in ("https://app.example.org", "https://other.example.org"):
        await expect_allowed(server, person, origin)
    for origin in ("http://app.example.org", "https://app.example.org:444", "https://x.app.example.org"):
        (await engine(server).ask("GET", POLLING, headers={"Origin": origin})).expect_refusal(*FORBIDDEN)


async def test_without_an_origin_nothing_is_said_of_it(server: Server) -> None:
    answer = await engine(server).ask("GET", POLLING)
    assert not any(name.startswith("access-control-") for name in answer.headers)


# Refusals as python-socketio sees them

async def test_python_socketio_is_told(server: Server, dial: Dial, person: Person) -> None:
    options = {"headers": {"Origin": "https://elsewhere.example"}}
    assert await SocketIO.refused(server, person.token, "polling", **options) == {"code": 4, "message": "Forbidden"}
    await SocketIO.refused(server, person.token, "websocket", **options)
    await (await dial(server, person, "upgrade", headers={"Origin": "http://localhost:3000"})).expect_nothing()
    async with linked(server, "polling", person.token) as link:
        assert isinstance(link, PollingLink)
        await expect_alive(link)
