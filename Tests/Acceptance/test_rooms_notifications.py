"""The notification socket of `rooms` and its HTTP endpoint (specs/rooms.md, section 2 and HTTP API)."""

import pytest
from client import Client
from conftest import Connect, Start
from erp import notified, unread
from frames import ERP_TIME, ID, ROOMS_TIME, TEXT, matches, refusal
from raw import bearer, request
from switchboard import Server

NOTIFICATIONS = "/ws/notifications/"
SEND = "/api/notifications/send/"
CONNECTED = {
    "type": "connection_status", "status": "connected",
    "message": "Successfully connected to notifications", "timestamp": ROOMS_TIME,
}


def notification(title: str, message: str, priority: str = "normal") -> dict:
    return {
        "type": "notification", "title": title, "message": message, "priority": priority, "timestamp": ROOMS_TIME,
    }


async def listening(connect: Connect, server: Server, path: str = NOTIFICATIONS) -> Client:
    client = await connect(server, path)
    await client.expect(CONNECTED)
    return client


@pytest.mark.parametrize("path", [
    NOTIFICATIONS, "/ws/notifications", NOTIFICATIONS + "?token=", NOTIFICATIONS + "?token=null",
    NOTIFICATIONS + "?token=undefined",
])
async def test_the_first_frame_is_the_status(server: Server, connect: Connect, path: str) -> None:
    await (await listening(connect, server, path)).expect_nothing()


async def test_a_wrong_token_is_refused(server: Server, connect: Connect) -> None:
    await (await connect(server, NOTIFICATIONS, "wrong")).expect_close(4003)


async def test_the_example_of_the_specification(server: Server, connect: Connect) -> None:
    client = await listening(connect, server)
    body = {"title": "New Message", "message": "You have a new message from John", "priority": "normal"}
    response = request(server, "POST", SEND, body)
    assert (response.status, response.json) == (
        200, {"status": "success", "message": "Notification sent", "data": body},
    )
    await client.expect(notification("New Message", "You have a new message from John"))


@pytest.mark.parametrize("priority", ["low", "normal", "high"])
async def test_priorities(server: Server, connect: Connect, priority: str) -> None:
    client = await listening(connect, server)
    body = {"title": "Test", "message": "Hello!", "priority": priority}
    assert request(server, "POST", SEND, body).json["data"] == body
    await client.expect(notification("Test", "Hello!", priority))


async def test_the_default_priority_is_normal(server: Server, connect: Connect) -> None:
    client = await listening(connect, server)
    response = request(server, "POST", SEND.rstrip("/"), {"title": "T", "message": "M"})
    assert response.json["data"] == {"title": "T", "message": "M", "priority": "normal"}
    await client.expect(notification("T", "M"))


async def test_the_command_line_reaches_everybody_too(server: Server, connect: Connect) -> None:
    client = await listening(connect, server)
    server.cli("notify", "--everybody", "--title", "Fire drill", "--message", "Leave now", "--priority", "high")
    await client.expect(notification("Fire drill", "Leave now", "high"))


async def test_everybody_means_the_erp_sockets_as_well(server: Server, connect: Connect) -> None:
    anonymous, person = await listening(connect, server), server.person()
    erp = await notified(connect, server, person)
    request(server, "POST", SEND, {"title": "T", "message": "M", "category": "hr", "link": "/x"})
    await anonymous.expect(notification("T", "M"))
    await erp.expect({
        "type": "notification", "id": ID, "title": "T", "message": "M", "category": "hr", "link": "/x",
        "timestamp": ERP_TIME, "is_read": False,
    })
    await erp.expect(unread(1))


@pytest.mark.parametrize("target", ["user_id", "college_id"])
async def test_what_is_addressed_stays_from_the_others(server: Server, connect: Connect, target: str) -> None:
    person = server.person(college=71)
    anonymous, other = await listening(connect, server), await notified(connect, server, server.person(college=72))
    addressed = await notified(connect, server, person)
    number = {"user_id": person.id, "college_id": 71}[target]
    assert request(server, "POST", SEND, {"title": "Yours", "message": "M", target: number}).status == 200
    frame = await addressed.receive()
    assert (frame["type"], frame["title"]) == ("notification", "Yours")
    request(server, "POST", SEND, {"title": "For all", "message": "M"})
    await anonymous.expect(notification("For all", "M"))
    assert (await other.receive())["title"] == "For all"


@pytest.mark.parametrize("body", [
    {}, {"title": "T"}, {"message": "M"}, {"title": "", "message": "M"}, {"title": "T", "message": ""},
    {"title": 5, "message": "M"}, {"title": "T", "message": None}, {"title": ["T"], "message": "M"},
])
def test_title_and_message_are_required(server: Server, body: dict) -> None:
    response = request(server, "POST", SEND, body)
    assert (response.status, response.json) == (400, refusal("Title and message are required"))


@pytest.mark.parametrize("body", [b"", b"hello", b"{", b'{"title":"T","message":"M"} x', b"\xff"])
def test_a_body_that_is_not_json(server: Server, body: bytes) -> None:
    response = request(server, "POST", SEND, body)
    assert (response.status, response.json) == (400, refusal("Invalid JSON format"))


@pytest.mark.parametrize("wrong", [
    {"priority": "urgent"}, {"priority": 1}, {"data": [1]}, {"data": "x"}, {"user_id": "x"}, {"college_id": 1.5},
])
async def test_a_bad_member_sends_nothing(server: Server, connect: Connect, wrong: dict) -> None:
    client = await listening(connect, server)
    request(server, "POST", SEND, {"title": "T", "message": "M"} | wrong).expect_refusal(400)
    request(server, "POST", SEND, {"title": "Good", "message": "M"})
    await client.expect(notification("Good", "M"))


def test_an_unknown_person(server: Server) -> None:
    request(server, "POST", SEND, {"title": "T", "message": "M", "user_id": 999_999}).expect_refusal(404)


@pytest.mark.parametrize("content_type, status", [
    ("application/json", 200), ("application/json; charset=utf-8", 200), ("Application/JSON", 200),
    ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/jsonx", 415),
])
def test_content_types(server: Server, content_type: str, status: int) -> None:
    body = b'{"title":"T","message":"M"}'
    response = request(server, "POST", SEND, body, {"Content-Type": content_type})
    assert response.status == status
    if status != 200:
        response.expect_refusal(415)


def test_off_loopback_sending_needs_a_key(start: Start) -> None:
    key = "k3y-of-forty-characters-for-the-back-end"
    server = start(listen="0.0.0.0:0", extra={"SWITCHBOARD_API_KEYS": key})
    body = {"title": "T", "message": "M"}
    refused = request(server, "POST", SEND, body)
    refused.expect_refusal(401)
    assert refused.headers["www-authenticate"].startswith("Bearer")
    request(server, "POST", SEND, body, bearer("another")).expect_refusal(401)
    request(server, "POST", SEND, body, bearer(server.person().token)).expect_refusal(401, 403)
    accepted = request(server, "POST", SEND, body, bearer(key))
    assert accepted.status == 200
    assert matches(accepted.json, {"status": "success", "message": TEXT, "data": body | {"priority": "normal"}})
    assert key not in "\n".join(server.log)


async def test_off_loopback_the_socket_needs_a_name_in_the_configuration(start: Start, connect: Connect) -> None:
    server = start(listen="0.0.0.0:0")
    await (await connect(server, NOTIFICATIONS)).expect_close(4003)
    await listening(connect, start("--anonymous", "rooms", listen="0.0.0.0:0"))


async def test_notifications_without_a_token_can_be_refused(start: Start, connect: Connect, room: str) -> None:
    server = start("--anonymous-notifications", "false")
    await (await connect(server, NOTIFICATIONS)).expect_close(4003)
    await (await connect(server, room)).expect_nothing()
