"""Notifications of the `erp` dialect, over the socket and over HTTP (specs/erp.md, section 2)."""

import json

import pytest
from conftest import Connect, Start
from erp import NOTIFICATIONS, notified, unread
from frames import ANY_ERROR, ERP_TIME, ID, SOME_TEXT, TEXT, error, matches
from raw import bearer, request
from switchboard import Person, Server

LIST = "/api/notifications/"
LEAVE = {
    "title": "Leave Approved", "message": "Your leave request for Jan 10th has been approved.",
    "category": "hr", "link": "/hr/leave-applications/12",
}


def shown(**fields: object) -> dict:
    """The frame of a new notification."""
    return {"type": "notification", "id": ID, "timestamp": ERP_TIME, "is_read": False} | fields


def titled(title: str) -> dict:
    return shown(title=title, message="M", category=TEXT, link=TEXT)


def notify(server: Server, *target: object, title: str = "T", options: tuple = ()) -> int:
    return int(server.cli("notify", *target, "--title", title, "--message", "M", *options))


def to(person: Person) -> tuple[object, ...]:
    return ("--user", person.username)


async def test_the_examples_of_the_specification(server: Server, connect: Connect) -> None:
    person = server.person()
    client = await notified(connect, server, person)
    options = [part for name, value in LEAVE.items() for part in (f"--{name}", value)]
    number = int(server.cli("notify", "--user", person.id, *options))
    await client.expect(shown(**LEAVE) | {"id": number})
    await client.expect(unread(1))
    notify(server, *to(person))
    await client.expect(titled("T"))
    await client.expect(unread(2))


@pytest.mark.parametrize("path", [NOTIFICATIONS, NOTIFICATIONS.rstrip("/")])
async def test_the_count_comes_on_connect(server: Server, connect: Connect, path: str) -> None:
    person = server.person()
    for _ in range(3):
        notify(server, *to(person))
    client = await connect(server, path, person.token)
    await client.expect(unread(3))
    await client.expect_nothing()


async def test_every_device_is_told(server: Server, connect: Connect) -> None:
    person = server.person()
    devices = [await notified(connect, server, person) for _ in range(2)]
    number = notify(server, *to(person))
    for device in devices:
        await device.expect(titled("T"))
        await device.expect(unread(1))
    await devices[0].send({"type": "mark_read", "id": number})
    for device in devices:
        await device.expect(unread(0))


async def test_a_college_and_everybody(server: Server, connect: Connect) -> None:
    inside, outside = server.person(college=5), server.person(college=6)
    insider, outsider = await notified(connect, server, inside), await notified(connect, server, outside)
    notify(server, "--college", 5, title="college")
    notify(server, "--everybody", title="everybody")
    await insider.expect(titled("college"))
    await insider.expect(unread(1))
    await insider.expect(titled("everybody"))
    await insider.expect(unread(2))
    await outsider.expect(titled("everybody"))
    await outsider.expect(unread(1))


async def test_reading_is_everybodys_own(server: Server, connect: Connect) -> None:
    first, second = server.person(college=31), server.person(college=31)
    reader, other = await notified(connect, server, first), await notified(connect, server, second)
    notify(server, "--college", 31)
    read = (await reader.expect(titled("T")))["id"]
    await reader.expect(unread(1))
    await other.expect(titled("T"))
    await other.expect(unread(1))
    await reader.send({"type": "mark_read", "id": read})
    await reader.expect(unread(0))
    notify(server, "--college", 31, title="second")
    await other.expect(titled("second"))
    await other.expect(unread(2))


@pytest.mark.parametrize("target", ["user_id", "college_id"])
async def test_http_reaches_a_person_and_a_college(server: Server, connect: Connect, target: str) -> None:
    person = server.person(college=41)
    client = await notified(connect, server, person)
    number = {"user_id": str(person.id), "college_id": 41}[target]
    assert request(server, "POST", LIST + "send/", LEAVE | {target: number}).status == 200
    await client.expect(shown(**LEAVE))
    await client.expect(unread(1))


@pytest.mark.parametrize("form", [int, str], ids=["number", "digits"])
async def test_reading_with_the_frame(server: Server, connect: Connect, form: type) -> None:
    person = server.person()
    client = await notified(connect, server, person)
    numbers = [notify(server, *to(person)) for _ in range(2)]
    for count in (1, 2):
        await client.expect(titled("T"))
        await client.expect(unread(count))
    await client.send({"type": "mark_read", "id": form(numbers[0])})
    await client.expect(unread(1))
    await client.send({"type": "mark_read", "id": form(numbers[1])})
    await client.expect(unread(0))


async def test_reading_over_http(server: Server, connect: Connect) -> None:
    person = server.person()
    client = await notified(connect, server, person)
    number = notify(server, *to(person))
    await client.expect(titled("T"))
    await client.expect(unread(1))
    for scheme in ("Bearer", "Token"):
        headers = {"Authorization": f"{scheme} {person.token}"}
        response = request(server, "POST", f"{LIST}{number}/read/", headers=headers)
        assert (response.status, response.json) == (200, {"status": "success", "unread_count": 0})
    await client.expect(unread(0))
    await notified(connect, server, person, 0)


async def test_nobody_reads_what_is_not_theirs(server: Server, connect: Connect) -> None:
    owner, stranger = server.person(), server.person()
    number = notify(server, *to(owner))
    client = await notified(connect, server, stranger)
    for unknown in (number, 999_999, 0, -1):
        await client.send({"type": "mark_read", "id": unknown})
        await client.expect(error("Notification not found."))
        request(server, "POST", f"{LIST}{unknown}/read/", headers=bearer(stranger.token)).expect_refusal(404)
    assert request(server, "GET", LIST, headers=bearer(stranger.token)).json == {
        "notifications": [], "unread_count": 0,
    }
    await notified(connect, server, owner, 1)


@pytest.mark.parametrize("bad", [
    "hello", "[]", "{}", '{"type":"mark_read"}', '{"type":"mark_read","id":1.5}', '{"type":"mark_read","id":"x"}',
    '{"type":"mark_read","id":18446744073709551616}', '{"type":"dance"}', "[" * 100_000, b'{"type":"mark_read"}',
], ids=lambda bad: repr(bad)[:40])
async def test_a_bad_frame_gets_an_error(server: Server, connect: Connect, bad: str | bytes) -> None:
    person = server.person()
    client = await notified(connect, server, person)
    await client.send_text(bad)
    await client.expect(ANY_ERROR)
    notify(server, *to(person))
    await client.expect(titled("T"))
    await client.expect(unread(1))


def test_the_list_over_http(server: Server) -> None:
    person = server.person()
    first = notify(server, *to(person), title="first")
    extras = ("--category", "hr", "--type", "leave", "--link", "/x", "--priority", "high", "--data", '{"a":[1,"é"]}')
    second = notify(server, *to(person), title="second", options=extras)
    request(server, "POST", f"{LIST}{first}/read/", headers=bearer(person.token))
    answer = request(server, "GET", LIST, headers=bearer(person.token))
    assert answer.status == 200
    assert matches(answer.json, {
        "notifications": [
            {
                "id": second, "title": "second", "message": "M", "category": "hr", "type": "leave", "link": "/x",
                "priority": "high", "data": {"a": [1, "é"]}, "timestamp": SOME_TEXT, "is_read": False,
            },
            {
                "id": first, "title": "first", "message": "M", "category": TEXT, "type": TEXT, "link": None,
                "priority": "normal", "data": {}, "timestamp": SOME_TEXT, "is_read": True,
            },
        ],
        "unread_count": 1,
    }), answer.json


def test_the_list_in_pages(server: Server) -> None:
    person = server.person()
    newest_first = [notify(server, *to(person)) for _ in range(5)][::-1]

    def page(query: str) -> list[int]:
        answer = request(server, "GET", f"{LIST}?{query}", headers=bearer(person.token)).json
        assert answer["unread_count"] == 5
        return [item["id"] for item in answer["notifications"]]

    assert page("") == newest_first
    assert page("limit=2") == newest_first[:2]
    assert page(f"limit=2&before={newest_first[1]}") == newest_first[2:4]
    assert page(f"before={newest_first[4]}") == []


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}])
def test_http_needs_a_token(server: Server, headers: dict) -> None:
    for method, path in (("GET", LIST), ("POST", LIST + "1/read/")):
        answer = request(server, method, path, headers=headers)
        answer.expect_refusal(401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("query", ["", "?token=", "?token=null", "?token=undefined", "?token=wrong"])
async def test_the_socket_needs_a_token(server: Server, connect: Connect, query: str) -> None:
    assert await (await connect(server, NOTIFICATIONS + query)).expect_close(4003) != ""


async def test_notifications_are_kept_across_a_restart(start: Start, connect: Connect) -> None:
    server = start()
    person = server.person()
    read, _ = notify(server, *to(person)), notify(server, *to(person))
    request(server, "POST", f"{LIST}{read}/read/", headers=bearer(person.token))
    assert server.terminate() == 0
    notify(server, *to(person), title="while it was down")
    server.start()
    await notified(connect, server, person, 2)


def test_the_command_answers_in_json(server: Server) -> None:
    person = server.person()
    answer = json.loads(server.cli("notify", *to(person), "--title", "T", "--message", "M", "--json"))
    assert matches(answer, {"id": ID})
    listed = request(server, "GET", LIST, headers=bearer(person.token)).json["notifications"]
    assert [item["id"] for item in listed] == [answer["id"]]


@pytest.mark.parametrize("arguments, status", [
    (["--user", "nobody", "--title", "T", "--message", "M"], 1),
    (["--title", "T", "--message", "M"], 2),
    (["--everybody", "--message", "M"], 2),
    (["--everybody", "--title", "T"], 2),
    (["--everybody", "--title", "T", "--message", "M", "--priority", "urgent"], 2),
    (["--everybody", "--title", "T", "--message", "M", "--data", "{"], 2),
    (["--everybody", "--title", "T", "--message", "M", "--data", "[1]"], 2),
    (["--everybody", "--college", "5", "--title", "T", "--message", "M"], 2),
])
def test_a_wrong_notify_says_why(server: Server, arguments: list[str], status: int) -> None:
    done = server.run("notify", *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.strip() != ""


def test_wrong_methods(server: Server) -> None:
    answer = request(server, "DELETE", LIST)
    answer.expect_refusal(405)
    assert "GET" in answer.headers["allow"]
