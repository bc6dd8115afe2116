"""The Python package for back ends (clients/python) against a real server: what it sends, what it refuses."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import campus
import erp
import pytest
import rooms
import switchboard_client
from back_end import KEY, announced, notified, titles, to
from conftest import Connect
from database import rows
from frames import ERP_TIME, ID, ROOMS_TIME, SOME_TEXT, matches
from raw import bearer, request
from switchboard import Person, Server
from switchboard_client import Switchboard, SwitchboardError

COUNTER = "/ws/counter/"
Act = Callable[[Switchboard, Person], Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that wants a key, as it would beyond this machine, but lets anybody into rooms."""
    server = Server(
        tmp_path_factory.mktemp("server"), "--anonymous", "rooms", "--bulk-rate", 10_000, listen="0.0.0.0:0",
        extra={"SWITCHBOARD_API_KEYS": KEY},
    ).start()
    yield server
    server.close()


# What the functions do


async def test_a_notification_reaches_every_socket_of_its_person(server: Server, connect: Connect) -> None:
    person, other = server.person(), server.person()
    on_campus = await connect(server, campus.NOTIFICATIONS, person.token)
    elsewhere = await connect(server, campus.NOTIFICATIONS, other.token)
    on_erp = await erp.notified(connect, server, person)
    to(server).send_notification(user_id=person.id, title="Alert", message="Your request approved")
    await on_campus.expect(notified("Alert", "Your request approved"))
    await on_erp.expect({
        "type": "notification", "id": ID, "title": "Alert", "message": "Your request approved", "category": "",
        "link": "", "timestamp": ERP_TIME, "is_read": False,
    })
    await on_erp.expect(erp.unread(1))
    to(server).send_notification(str(person.id), "Für Sie 👋", "“2”", "grade", {"course": 7, "tags": ["a", None]})
    await on_campus.expect(notified("Für Sie 👋", "“2”", "grade", {"course": 7, "tags": ["a", None]}))
    await elsewhere.expect_nothing()


async def test_data_may_hold_what_models_hold(server: Server, connect: Connect) -> None:
    person = server.person()
    client = await connect(server, campus.NOTIFICATIONS, person.token)
    number = uuid.uuid4()
    data = {"at": datetime(2026, 1, 6, 14, tzinfo=timezone.utc), "fee": Decimal("12.50"), "id": number}
    to(server).send_notification(person.id, "T", "M", data=data)
    plain = {"at": "2026-01-06T14:00:00+00:00", "fee": "12.50", "id": str(number)}
    await client.expect(notified("T", "M", data=plain))


async def test_a_college(server: Server, connect: Connect) -> None:
    inside = await connect(server, campus.NOTIFICATIONS, server.person(college=61).token)
    outside = await connect(server, campus.NOTIFICATIONS, server.person(college=62).token)
    to(server).broadcast_college_notification(college_id=61, title="Urgent", message="Classes suspended")
    await inside.expect(notified("Urgent", "Classes suspended"))
    await outside.expect_nothing()


async def test_priorities(server: Server, connect: Connect) -> None:
    person = server.person()
    client = await connect(server, campus.NOTIFICATIONS, person.token)
    to(server).send_user_notification(
        user_id=person.id, title="New Order", message="Order #456 has been received", priority="high")
    await client.expect(notified("New Order", "Order #456 has been received"))
    to(server).send_user_notification(person.id, "Old Order", "M")
    stored = request(server, "GET", "/api/notifications/", headers=bearer(person.token)).json["notifications"]
    assert [notification["priority"] for notification in stored] == ["normal", "high"]


async def test_a_room(server: Server, connect: Connect, room: str) -> None:
    inside, elsewhere = await connect(server, room), await connect(server, room.replace("room", "other-room"))
    name = room.removeprefix("/ws/chat/").removesuffix("/")
    to(server).send_chat_message(name, "Hello everyone!")
    await inside.expect(rooms.heard("Hello everyone!", "System"))
    to(server).send_chat_message(name, "Doors close at 9", username="Porter")
    await inside.expect(rooms.heard("Doors close at 9", "Porter"))
    await elsewhere.expect_nothing()


@pytest.mark.parametrize("name", ["x", "...", "A-z_0.9", "x" * 94])
def test_a_name_that_a_room_may_have(server: Server, name: str) -> None:
    to(server).send_chat_message(name, "Hello")


@pytest.mark.parametrize("name", ["a room", "a/b", "", "ä", "x" * 95, ".", "..", "%2e", "../messages", "a\n", "١"])
def test_a_name_that_no_room_may_have(server: Server, name: str) -> None:
    with pytest.raises(ValueError, match="^room_name must be 1 to 94 of"):
        to(server).send_chat_message(name, "Hello")


@pytest.mark.parametrize("name", [None, 5, b"general"])
async def test_a_room_that_is_none_is_not_the_room_none(server: Server, connect: Connect, name: Any) -> None:
    inside = await connect(server, f"/ws/chat/{name}/") if name is None else None
    with pytest.raises(TypeError, match="^room_name must be a string"):
        to(server).send_chat_message(name, "Hello")
    if inside is not None:
        await inside.expect_nothing()


async def test_the_counter(server: Server, connect: Connect) -> None:
    client = await connect(server, COUNTER)
    start = (await client.receive())["counter"]
    await client.expect({"type": "user_count_update", "count": 1})
    for action, value, heard, total in [
        ("increment", 5, 5, start + 5), ("decrement", 2, 2, start + 3), ("reset", 0, 0, 0), ("increment", -1, -1, -1),
    ]:
        assert to(server).broadcast_counter_update(action, value) == total
        await client.expect({"type": "counter_update", "action": action, "value": heard, "timestamp": ROOMS_TIME})


async def test_a_notice_reaches_its_college_once_it_is_made(server: Server, connect: Connect) -> None:
    inside = await connect(server, campus.NOTIFICATIONS, server.person(college=63).token)
    outside = await connect(server, campus.NOTIFICATIONS, server.person(college=64).token)
    notice = to(server).publish_notice("Mid-term exams", "They begin on Monday.", college_id=63)
    assert matches(notice, {
        "id": ID, "title": "Mid-term exams", "content": "They begin on Monday.", "college": 63, "is_published": True,
        "created_at": SOME_TEXT, "published_at": SOME_TEXT,
    }), notice
    await inside.expect(announced(notice))
    await outside.expect_nothing()
    everybodys = to(server).publish_notice("Holiday")
    assert (everybodys["college"], everybodys["content"]) == (None, "")
    for client in (inside, outside):
        await client.expect(announced(everybodys))


async def test_bulk_messages(server: Server, connect: Connect) -> None:
    people = [server.person(college=65), server.person(college=65), server.person(college=66)]
    clients = [await connect(server, campus.NOTIFICATIONS, person.token) for person in people]
    job = to(server).send_bulk_message("Fees", "are due", user_ids=[people[0].id, str(people[2].id)])
    assert matches(job, job | {"id": ID, "title": "Fees", "message": "are due", "total": 2}), job
    for client in (clients[0], clients[2]):
        await client.expect(notified("Fees", "are due", "message", {"bulk_message_id": job["id"]}))
    job = to(server).send_bulk_message("Trip", "on Friday", college_id=65)
    for client in clients[:2]:
        await client.expect(notified("Trip", "on Friday", "message", {"bulk_message_id": job["id"]}))
    job = to(server).send_bulk_message("Maintenance", "at noon", everybody=True)
    for client in clients:
        await client.expect(notified("Maintenance", "at noon", "message", {"bulk_message_id": job["id"]}))
        await client.expect_nothing()


async def test_threads_share_an_instance(server: Server) -> None:
    person, shared = server.person(), to(server)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: shared.send_notification(person.id, f"T{number}", "M"), range(80)))
    query = "SELECT count(*), count(DISTINCT title) FROM notifications WHERE audience = 2 AND audience_id = ?"
    assert rows(server, query, person.id) == [(80, 80)]


# The default instance


def test_the_functions_take_their_instance_from_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = server.person(college=67)
    monkeypatch.setattr(switchboard_client, "_default", None)
    monkeypatch.setenv("SWITCHBOARD_URL", f"http://127.0.0.1:{server.port}/")
    monkeypatch.setenv("SWITCHBOARD_API_KEY", KEY + "\n")
    switchboard_client.send_notification(person.id, "first", "M")
    switchboard_client.broadcast_college_notification(67, "second", "M")
    switchboard_client.send_user_notification(person.id, "third", "M")
    assert titles(server, person) == ["third", "second", "first"]
    monkeypatch.setenv("SWITCHBOARD_API_KEY", "another-key-entirely")
    switchboard_client.send_notification(person.id, "the key is read once", "M")
    switchboard_client.configure(api_key="a-wrong-key-of-configure")
    with pytest.raises(SwitchboardError):
        switchboard_client.send_notification(person.id, "never", "M")
    switchboard_client.configure(api_key=KEY)
    switchboard_client.send_notification(person.id, "last", "M")
    assert titles(server, person)[:2] == ["last", "the key is read once"]


def test_what_is_given_is_not_taken_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    person = server.person()
    monkeypatch.setattr(switchboard_client, "_default", None)
    monkeypatch.setenv("SWITCHBOARD_URL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("SWITCHBOARD_API_KEY", KEY)
    switchboard_client.configure(api_key="")
    with pytest.raises(SwitchboardError) as caught:
        switchboard_client.send_notification(person.id, "never", "M")
    assert caught.value.status == 401
    with pytest.raises(ValueError, match="^url must"):
        switchboard_client.configure(url="")
    switchboard_client.configure()
    switchboard_client.send_notification(person.id, "with the environment's key", "M")
    assert titles(server, person) == ["with the environment's key"]


def test_the_functions_and_the_methods_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple] = []

    class Spy:
        def __getattr__(self, name: str) -> Callable[..., int]:
            def call(*values: Any, **named: Any) -> int:
                calls.append((name, *values, *sorted(named.items())))
                return len(calls)

            return call

    monkeypatch.setattr(switchboard_client, "_default", Spy())
    switchboard_client.send_notification(1, "T", "M", notification_type="grade", data={"a": 1})
    switchboard_client.broadcast_college_notification(2, "T", "M")
    switchboard_client.send_user_notification(3, "T", "M", priority="low")
    switchboard_client.send_chat_message("general", "M")
    assert switchboard_client.broadcast_counter_update("increment", 2) == 5
    assert switchboard_client.publish_notice("T", college_id=4) == 6
    assert switchboard_client.send_bulk_message("T", "M", everybody=True) == 7
    assert calls == [
        ("send_notification", 1, "T", "M", "grade", {"a": 1}),
        ("broadcast_college_notification", 2, "T", "M", "alert", None),
        ("send_user_notification", 3, "T", "M", "low"),
        ("send_chat_message", "general", "M", "System"),
        ("broadcast_counter_update", "increment", 2),
        ("publish_notice", "T", "", 4),
        ("send_bulk_message", "T", "M", ("college_id", None), ("everybody", True), ("user_ids", None)),
    ]


# What is refused


@pytest.mark.parametrize("key, status", [("not-the-key-of-the-server", 401), (None, 401), ("", 401)])
@pytest.mark.parametrize("act", [
    lambda switchboard, person: switchboard.send_notification(person.id, "T", "to nobody"),
    lambda switchboard, person: switchboard.send_chat_message("general", "to nobody"),
    lambda switchboard, person: switchboard.broadcast_counter_update("increment", 1),
    lambda switchboard, person: switchboard.publish_notice("T", "to nobody"),
    lambda switchboard, person: switchboard.send_bulk_message("T", "to nobody", user_ids=[person.id]),
], ids=["notification", "room", "counter", "notice", "bulk"])
def test_a_wrong_key(server: Server, act: Act, key: str | None, status: int) -> None:
    person = server.person()
    with pytest.raises(SwitchboardError) as caught:
        act(to(server, key), person)
    assert caught.value.status == status
    assert caught.value.message and caught.value.message in str(caught.value)
    assert titles(server, person) == []
    for secret in (key, "to nobody"):
        assert not secret or secret not in repr(caught.value) + str(caught.value)


def test_an_error_has_the_servers_words(server: Server) -> None:
    for act, status, message in [
        (lambda: to(server).send_notification(999_999, "T", "M"), 404, "User not found"),
        (lambda: to(server).send_notification(1, "", "M"), 400, "Title and message are required"),
        (lambda: to(server).send_user_notification(1, "T", "M", "urgent"), 400, "priority must be low, normal or high"),
    ]:
        with pytest.raises(SwitchboardError) as caught:
            act()
        assert (caught.value.status, caught.value.message) == (status, message)
        assert str(caught.value) == f"{status}: {message}"


@pytest.mark.parametrize("wrong", [None, True, 1.0, "", "x", "١", "1 ", b"1", [1]])
def test_an_id_that_is_none_never_means_everybody(server: Server, wrong: Any) -> None:
    before = rows(server, "SELECT count(*) FROM notifications")
    for act in (
        lambda: to(server).send_notification(wrong, "T", "M"),
        lambda: to(server).send_user_notification(wrong, "T", "M"),
        lambda: to(server).broadcast_college_notification(wrong, "T", "M"),
        lambda: to(server).send_bulk_message("T", "M", user_ids=[wrong]),
    ):
        with pytest.raises(TypeError, match="must be a number or a string of digits"):
            act()
    assert rows(server, "SELECT count(*) FROM notifications") == before


@pytest.mark.parametrize("audience", [
    {}, {"user_ids": [1], "college_id": 1}, {"user_ids": [], "everybody": True}, {"college_id": 1, "everybody": True},
    {"everybody": False},
])
def test_a_bulk_message_has_one_audience(server: Server, audience: dict) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        to(server).send_bulk_message("T", "M", **audience)


@pytest.mark.parametrize("wrong", ["12", "", b"12", bytearray(b"12")])
def test_people_are_not_the_characters_of_a_string(server: Server, wrong: Any) -> None:
    jobs = rows(server, "SELECT count(*) FROM bulk_messages")
    with pytest.raises(TypeError, match="^user_ids must be an iterable of ids"):
        to(server).send_bulk_message("T", "M", user_ids=wrong)
    assert rows(server, "SELECT count(*) FROM bulk_messages") == jobs


@pytest.mark.parametrize("data", [{"a": b"x"}, {"a": {1}}, {"a": float("nan")}])
def test_data_that_json_has_no_words_for(server: Server, data: dict) -> None:
    with pytest.raises((TypeError, ValueError)):
        to(server).send_notification(1, "T", "M", data=data)


@pytest.mark.parametrize("url", [
    "", "127.0.0.1:8000", "ws://127.0.0.1", "http://", "http://me:secret@host", "http://host:port", "http://h?q",
    "file:///x", "http://h/a b", "http://h/a\x7fb", "http://h/ä", "http://a b", "http://a\x00b", "http://a\u3000b",
])
def test_a_bad_url(url: str) -> None:
    with pytest.raises(ValueError, match="^url must|[Pp]ort") as caught:
        Switchboard(url, KEY)
    assert "secret" not in str(caught.value)


def test_a_key_that_no_header_can_hold_is_not_shown() -> None:
    for key in ("secret\r\nX-Injected: 1", "secrét", "secret\x00key"):
        with pytest.raises(ValueError) as caught:
            Switchboard("http://127.0.0.1", key)
        assert "secr" not in str(caught.value)
    assert KEY not in repr(Switchboard("http://127.0.0.1", KEY))
