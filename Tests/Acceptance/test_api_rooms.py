"""Rooms and the counter over HTTP, and who may use them where."""

from __future__ import annotations

import pytest
from api import API_KEY, BEYOND_64_BITS, KEYED, answered, at_once, get, post, refused
from conftest import Connect, Start
from frames import ROOMS_TIME
from raw import request
from rooms import heard
from switchboard import Server

SETTINGS = KEYED
COUNTER = "/api/counter/"
SUCCESS = {"status": "success"}
MOST, LEAST = 2**63 - 1, -(2**63)


def speak(room: str) -> str:
    """The path to say something in the room with this path."""
    return f"/api/rooms/{room.split('/')[3]}/messages/"


async def test_everybody_in_the_room_hears_it(server: Server, connect: Connect, room: str) -> None:
    inside = [await connect(server, room) for _ in range(2)]
    outside = await connect(server, "/ws/chat/elsewhere/")
    await inside[0].receive()
    assert answered(post(server, None, speak(room), {"message": "The bus is late."})) == SUCCESS
    body = {"message": "Here it is.", "username": "Dean"}
    assert answered(post(server, None, speak(room).rstrip("/"), body)) == SUCCESS
    for socket in inside:
        await socket.expect(heard("The bus is late.", "System"))
        await socket.expect(heard("Here it is.", "Dean"))
        await socket.expect_nothing()
    await outside.expect_nothing()


def test_an_empty_room_is_no_error(server: Server) -> None:
    assert answered(post(server, None, "/api/rooms/empty/messages/", {"message": "Hello?"})) == SUCCESS


@pytest.mark.parametrize("name", ["a", "x" * 94, "A.b-c_9", "a%62c"])
async def test_names_of_rooms(server: Server, connect: Connect, name: str) -> None:
    socket = await connect(server, f"/ws/chat/{name}/")
    assert answered(post(server, None, f"/api/rooms/{name}/messages/", {"message": "Hello"})) == SUCCESS
    await socket.expect(heard("Hello", "System"))


@pytest.mark.parametrize("name", ["x" * 95, "a%20b", "%00", "%C3%A9", "a%2Fb", "a!", "%ff", "%zz"])
def test_what_names_no_room(server: Server, name: str) -> None:
    post(server, None, f"/api/rooms/{name}/messages/", {"message": "Hello"}).expect_refusal(400, 404)


@pytest.mark.parametrize("text", ["x" * 1000, "👋" * 1000, "é" * 1000, "a\0b", "\" \\ \n"],
                         ids=lambda text: repr(text)[:10])
async def test_the_longest_messages(server: Server, connect: Connect, room: str, text: str) -> None:
    socket = await connect(server, room)
    answered(post(server, None, speak(room), {"message": text}))
    await socket.expect(heard(text, "System"))


@pytest.mark.parametrize("body", [
    {}, {"message": ""}, {"message": None}, {"message": 5}, {"message": ["x"]}, {"message": "x" * 1001},
    {"message": "👋" * 1001}, {"message": "x", "username": 5}, {"message": "x", "username": ["x"]}, {"username": "x"},
], ids=lambda body: repr(body)[:40])
async def test_a_bad_message(server: Server, connect: Connect, room: str, body: dict) -> None:
    socket = await connect(server, room)
    refused(post(server, None, speak(room), body), 400)
    await socket.expect_nothing()


@pytest.mark.parametrize("path", ["/api/rooms/general/messages/", COUNTER])
def test_a_body_that_is_no_json_object(server: Server, path: str) -> None:
    half = b'{"message":"\\ud800","action":"\\ud800"}'
    for raw in (b"", b"x", b"[]", b"null", b'{"message":"\xff"}', half, b"{" * 50_000):
        refused(post(server, None, path, raw), 400)
    refused(request(server, "POST", path, b'{"message":"x"}', {"Content-Type": "text/plain"}), 415)
    refused(post(server, None, path, b'"' + b"x" * 2**20), 413)


def value(server: Server, action: str, by: int | None = None) -> int:
    """The counter after this."""
    answer = answered(post(server, None, COUNTER, {"action": action} | ({} if by is None else {"value": by})))
    assert answer.keys() == {"status", "counter"} and answer["status"] == "success"
    return answer["counter"]


async def test_the_counter(server: Server, connect: Connect) -> None:
    start = value(server, "reset")
    socket = await connect(server, "/ws/counter/")
    await socket.expect({"type": "counter_update", "counter": start, "message": "Connected to counter"})
    await socket.receive()
    for action, by, after, said in [
        ("increment", None, 1, 1), ("increment", 5, 6, 5), ("decrement", 2, 4, 2), ("decrement", None, 3, 1),
        ("increment", -3, 0, -3), ("increment", 0, 0, 0), ("increment", MOST, MOST, MOST), ("reset", 7, 0, 0),
    ]:
        assert value(server, action, by) == after
        await socket.expect({"type": "counter_update", "action": action, "value": said, "timestamp": ROOMS_TIME})
    await socket.send({"action": "increment", "value": 10})
    await socket.receive()
    assert value(server, "increment") == 11
    assert answered(post(server, None, COUNTER.rstrip("/"), {"action": "increment", "value": None}))["counter"] == 12


@pytest.mark.parametrize("body", [
    {}, {"action": None}, {"action": "multiply"}, {"action": 1}, {"action": ["increment"]}, {"value": 1},
    *[{"action": "increment", "value": bad} for bad in (1.5, "x", True, {})],
    {"action": "increment", "value": []}, {"action": "increment", "value": BEYOND_64_BITS},
    {"action": "decrement", "value": -BEYOND_64_BITS - 1}, {"action": "INCREMENT"},
], ids=repr)
def test_a_bad_action_changes_nothing(server: Server, body: dict) -> None:
    value(server, "reset")
    refused(post(server, None, COUNTER, body), 400)
    assert value(server, "increment", 0) == 0


@pytest.mark.parametrize("action, end", [("increment", MOST), ("decrement", LEAST)])
def test_no_sum_beyond_64_bits(server: Server, action: str, end: int) -> None:
    value(server, "reset")
    value(server, "increment", end)
    refused(post(server, None, COUNTER, {"action": action}), 400)
    assert value(server, "increment", 0) == end
    assert value(server, "reset") == 0


def test_all_at_once_count(server: Server) -> None:
    value(server, "reset")
    answers = at_once(20, lambda _: post(server, None, COUNTER, {"action": "increment"}))
    assert sorted(answered(answer)["counter"] for answer in answers) == list(range(1, 21))
    server.kill9()
    server.start()
    assert value(server, "increment") == 21


def test_off_loopback_both_are_for_administrators(start: Start) -> None:
    server = start("--anonymous", "rooms", listen="0.0.0.0:0", extra=KEYED)
    person, dean = server.person(), server.person(admin=True)
    for path, body in (("/api/rooms/general/messages/", {"message": "x"}), (COUNTER, {"action": "increment"})):
        refused(post(server, None, path, body), 401, "Authentication required")
        refused(post(server, "wrong", path, body), 401, "Authentication required")
        refused(post(server, person, path, body), 403, "This needs an administrator")
        for who in (API_KEY, dean):
            assert answered(post(server, who, path, body))["status"] == "success"


def test_wrong_methods(server: Server) -> None:
    for path in (COUNTER, "/api/rooms/general/messages/"):
        refused(get(server, API_KEY, path), 405)
