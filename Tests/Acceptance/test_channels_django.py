"""A Django project with `channels_redis`, unchanged: what it sends to groups reaches the clients of every dialect that has
words for it, beside its own consumers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import conversations
import erp
import pytest
from campus import CHAT, NOTIFICATIONS
from channel_layer import joined
from client import Client
from conftest import Connect, Dial
from frames import CAMPUS_TIME, CONVERSATIONS_TIME, ERP_TIME, ID, ROOMS_TIME, matches
from redis_server import Redis
from switchboard import Lines, Server, environment

PROJECT = Path(__file__).parent / "channels_project"
IMPORTS = """
from campus.models import Message, Notice
from campus.signals import group_send
"""


@pytest.fixture(scope="module")
def server(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), "--channels", redis.url, "--recovery", "0s").start()
    yield server
    server.close()


class Project:
    def __init__(self, redis: Redis, folder: Path) -> None:
        self._variables = environment({
            "DATABASE": str(folder / "django.sqlite3"), "REDIS_URL": redis.url,
            "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1",
        })
        self._listeners: list[subprocess.Popen[str]] = []
        self.manage("migrate", "--run-syncdb")

    def _start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
            stdin=subprocess.DEVNULL, cwd=PROJECT, env=self._variables)

    def manage(self, *words: str) -> None:
        process = self._start(*words)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors

    async def run(self, code: str) -> None:
        """Runs code in `manage.py shell`."""
        await asyncio.to_thread(self.manage, "shell", "--no-imports", "-c", IMPORTS + code)

    async def listen(self, *groups: str) -> Lines:
        """A consumer of the project's own in these groups; what it sends to its client."""
        process = self._start("listen", *groups)
        self._listeners.append(process)
        Lines(process.stderr)
        lines = Lines(process.stdout)
        await asyncio.to_thread(lines.first, "websocket.accept".__eq__, 20)
        return lines

    def close(self) -> None:
        for process in self._listeners:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def project(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project(redis, tmp_path_factory.mktemp("django"))
    yield project
    project.close()


def relayed(text: str) -> dict[str, object]:
    """What `campus` hears of a message of the project's."""
    return {
        "type": "chat_message", "id": ID, "sender_id": 4, "sender_name": "Bo", "message": text, "attachment": None,
        "timestamp": CAMPUS_TIME,
    }


async def quiet(client: Client) -> Client:
    """A campus client that has its seat."""
    await client.send({"receiver_id": 0, "message": "are you there?"})
    await client.receive()
    return client


async def test_what_the_project_sends_reaches_every_dialect_and_its_own_consumers(
    redis: Redis, server: Server, project: Project, connect: Connect, dial: Dial
) -> None:
    person = server.person(college=5)
    listening = asyncio.create_task(project.listen(
        f"notifications_{person.id}", "college_notifications_5", f"user_{person.id}", "chat_general", "global_counter"))
    campus = await connect(server, NOTIFICATIONS, person.token)
    reader = await erp.notified(connect, server, person)
    rooms = await connect(server, NOTIFICATIONS + "?dialect=rooms", person.token)
    socketio = await dial(server, person, has_offsets=False)
    chat = await quiet(await connect(server, CHAT, person.token))
    old = await erp.online(connect, server, person)
    talk = await connect(server, conversations.CHAT, person.token)
    room = await connect(server, "/ws/chat/general/")
    counter = await connect(server, "/ws/counter/")
    await rooms.receive()
    for _ in range(2):
        await counter.receive()
    own = await listening
    await joined(redis, f"user_{person.id}", f"notifications_{person.id}", "college_notifications_5", "chat_general")

    await project.run(f"""
Notice.objects.create(title="Exams", college_id=5, is_published=True)
group_send("notifications_{person.id}", {{
    "type": "send_notification", "title": "Order", "message": "Order #456", "priority": "high",
    "timestamp": "2025-01-27T12:30:45.123456", "category": "shop", "link": "/orders/456",
}})
Message.objects.create(sender_id=4, sender_name="Bo", receiver_id={person.id}, text="Hello")
group_send("user_{person.id}", {{"type": "chat.message", "message": {{
    "id": 78, "conversation_id": 123, "sender": {{"id": 4, "username": "bo"}}, "content": "In a conversation",
    "timestamp": "2025-07-07T12:34:56.789Z", "is_system": False, "attachment": None,
}}}})
group_send("chat_general", {{"type": "chat_message", "message": "Hello everyone!", "username": "System"}})
group_send("global_counter", {{"type": "counter_update", "action": "increment", "value": 3}})
""")

    await campus.expect({
        "type": "notify", "title": "New Notice", "message": "Exams", "notification_type": "notice",
        "timestamp": ERP_TIME, "data": {"notice_id": 1},
    })
    await campus.expect({
        "type": "notify", "title": "Order", "message": "Order #456", "notification_type": "alert",
        "timestamp": "2025-01-27T12:30:45Z", "data": {},
    })
    for number, (title, words, more) in enumerate([
        ("New Notice", "Exams", {"category": "", "link": "", "timestamp": ERP_TIME}),
        ("Order", "Order #456", {"category": "shop", "link": "/orders/456", "timestamp": "2025-01-27T12:30:45Z"}),
    ], 1):
        await reader.expect(
            {"type": "notification", "id": ID, "title": title, "message": words, "is_read": False} | more)
        await reader.expect(erp.unread(number))
    await rooms.expect({
        "type": "notification", "title": "New Notice", "message": "Exams", "priority": "normal", "timestamp": ROOMS_TIME,
    })
    await rooms.expect({
        "type": "notification", "title": "Order", "message": "Order #456", "priority": "high",
        "timestamp": "2025-01-27T12:30:45.123456",
    })
    await chat.expect(relayed("Hello"))
    await chat.expect(relayed("In a conversation") | {
        "id": 78, "sender_name": "bo", "timestamp": "2025-07-07T12:34:56.789000Z"})
    for number, name, words, moment in [(ID, "Bo", "Hello", ERP_TIME), (78, "bo", "In a conversation", "2025-07-07T12:34:56Z")]:
        await old.expect({
            "type": "chat_message", "id": number, "sender_id": 4, "sender_name": name, "message": words,
            "timestamp": moment})
    # Only what says in which conversation it is can be shown where there are conversations.
    await talk.expect({"type": "chat.message", "message": {
        "id": 78, "conversation_id": 123, "sender": {"id": 4, "username": "bo"}, "content": "In a conversation",
        "timestamp": "2025-07-07T12:34:56.789Z", "is_system": False, "attachment": None,
    }})
    # What is only passed on may come before what is stored first.
    events = sorted([await socketio.receive() for _ in range(3)], key=lambda event: event[0] != "new_notification")
    assert matches([list(event) for event in events], [
        ["new_notification", {
            "id": ID, "user_id": None, "title": "New Notice", "message": "Exams", "type": "notice",
            "created_at": CONVERSATIONS_TIME,
        }],
        ["new_notification", {
            "id": ID, "user_id": person.id, "title": "Order", "message": "Order #456", "type": "alert",
            "created_at": "2025-01-27T12:30:45.123Z",
        }],
        ["message_notification", {
            "id": 78, "conversation_id": 123, "sender_id": 4, "receiver_id": person.id, "content": "In a conversation",
            "is_read": False, "created_at": "2025-07-07T12:34:56.789Z", "type": "new_message",
        }],
    ]), events
    await room.expect({
        "type": "chat_message", "message": "Hello everyone!", "username": "System", "timestamp": ROOMS_TIME})
    await counter.expect({"type": "counter_update", "action": "increment", "value": 3, "timestamp": ROOMS_TIME})
    await asyncio.to_thread(own.first, lambda line: "counter_update" in line)
    heard = [json.loads(line)["type"] for line in own.all()[1:]]
    assert heard == ["notify", "send_notification", "chat_message", "chat.message", "chat_message", "counter_update"]
    for client in (campus, reader, rooms, chat, old, talk, room, counter):
        await client.expect_nothing()
    await socketio.expect_nothing()
    # The counter has been changed for good.
    await (await connect(server, "/ws/counter/")).expect(
        {"type": "counter_update", "counter": 3, "message": "Connected to counter"})


async def test_a_notification_without_an_id_is_stored_and_one_with_an_id_is_passed_on(
    redis: Redis, server: Server, project: Project, connect: Connect
) -> None:
    person = server.person()
    client = await erp.notified(connect, server, person)
    await joined(redis, f"notifications_{person.id}")
    await project.run(f"""
group_send("notifications_{person.id}", {{"type": "notify", "title": "Mine", "message": "x", "id": 501}})
group_send("notifications_{person.id}", {{"type": "notify", "title": "Yours", "message": "y"}})
""")
    frame = await client.receive()
    assert (frame["id"], frame["title"]) == (501, "Mine")
    await client.receive()
    frame = await client.receive()
    assert matches(frame["id"], ID) and frame["id"] != 501 and frame["title"] == "Yours"
    client.leave()
    again = await erp.notified(connect, server, person, 1)
    await again.send({"type": "mark_read", "id": frame["id"]})
    await again.expect(erp.unread(0))
