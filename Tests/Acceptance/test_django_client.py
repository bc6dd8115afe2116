"""A real Django project whose `post_save` signal notifies through `switchboard_client` (specs/campus.md)."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import socket as Socket

import pytest
from campus import NOTIFICATIONS
from client import Client
from conftest import Connect
from database import rows
from frames import ERP_TIME
from switchboard import Server, environment

HERE = Path(__file__).parent
PROJECT = HERE / "django_project"
KEY = "k3y-of-the-django-project"

_colleges = itertools.count(500)

Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that wants a key, as it would beyond this machine."""
    server = Server(
        tmp_path_factory.mktemp("server"), listen="0.0.0.0:0", extra={"SWITCHBOARD_API_KEYS": KEY}).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def manage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Manage:
    """Runs `manage.py`; the tables exist."""
    database = tmp_path_factory.mktemp("django") / "django.sqlite3"

    def manage(*words: str, url: str = f"http://127.0.0.1:{server.port}") -> subprocess.CompletedProcess[str]:
        variables = {
            "DATABASE": str(database), "SWITCHBOARD_URL": url, "SWITCHBOARD_API_KEY": KEY,
            "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, "manage.py", *words], capture_output=True, encoding="utf-8", timeout=60, cwd=PROJECT,
            env=environment(variables))
        assert done.returncode == 0, done.stderr
        return done

    manage("migrate", "--run-syncdb")
    return manage


def shell(manage: Manage, code: str, **options: str) -> subprocess.CompletedProcess[str]:
    imports = "from django.db import transaction\nfrom notices.models import Notice\n"
    return manage("shell", "--no-imports", "-c", imports + code, **options)


def printed(manage: Manage, code: str) -> str:
    """What the code prints in `manage.py shell`."""
    return shell(manage, code).stdout.strip()


@pytest.fixture
def college() -> int:
    """One that no other test speaks of."""
    return next(_colleges)


@pytest.fixture
async def socket(server: Server, connect: Connect, college: int) -> Client:
    """A campus socket of somebody of the college."""
    client = await connect(server, NOTIFICATIONS, server.person(college=college).token)
    await client.expect_nothing()
    return client


def announced(title: str, number: int) -> dict:
    return {
        "type": "notify", "title": "New Notice", "message": title, "notification_type": "notice",
        "timestamp": ERP_TIME, "data": {"notice_id": number, "url": f"/notices/{number}"},
    }


def test_the_project_has_the_signals_of_the_clients_readme() -> None:
    readme = (HERE / "../../clients/python/README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    signals = (PROJECT / "notices/signals.py").read_text()
    assert signals.partition("\n\n")[2] in blocks


async def test_a_published_notice_reaches_its_college_and_no_other(
    server: Server, manage: Manage, connect: Connect, college: int, socket: Client
) -> None:
    other = await connect(server, NOTIFICATIONS, server.person(college=next(_colleges)).token)
    number = printed(
        manage, f"print(Notice.objects.create(title='Term “A”', college_id={college}, is_published=True).pk)")
    await socket.expect(announced("Term “A”", int(number)))
    await socket.expect_nothing()
    await other.expect_nothing()


async def test_saving_again_sends_nothing(server: Server, manage: Manage, college: int, socket: Client) -> None:
    number = printed(manage, f"""
notice = Notice.objects.create(title='Holiday', college_id={college}, is_published=True)
notice.save()
with transaction.atomic():
    notice.title = 'Holidays'
    notice.save()
    Notice.objects.get(pk=notice.pk).save()
print(notice.pk)
""")
    await socket.expect(announced("Holiday", int(number)))
    printed(manage, f"Notice.objects.get(pk={number}).save()")
    await socket.expect_nothing()
    assert rows(server, "SELECT count(*) FROM notifications WHERE message LIKE 'Holiday%'") == [(1,)]


async def test_a_draft_is_announced_when_it_is_published(manage: Manage, college: int, socket: Client) -> None:
    number = printed(manage, f"print(Notice.objects.create(title='Draft', college_id={college}).pk)")
    await socket.expect_nothing()
    printed(manage, f"notice = Notice.objects.get(pk={number}); notice.is_published = True; notice.save()")
    await socket.expect(announced("Draft", int(number)))
    await socket.expect_nothing()


async def test_a_transaction_rolled_back_sends_nothing(
    server: Server, manage: Manage, college: int, socket: Client
) -> None:
    assert printed(manage, f"""
try:
    with transaction.atomic():
        Notice.objects.create(title='Never', college_id={college}, is_published=True)
        raise RuntimeError
except RuntimeError:
    print(Notice.objects.filter(title='Never').count())
""") == "0"
    await socket.expect_nothing()
    assert rows(server, "SELECT count(*) FROM notifications WHERE message = 'Never'") == [(0,)]


def test_a_notice_is_stored_though_switchboard_is_away(manage: Manage, college: int) -> None:
    with Socket() as away:
        # Nobody else gets the port, and nobody listens there.
        away.bind(("127.0.0.1", 0))
        done = shell(manage, f"""
Notice.objects.create(title='Alone', college_id={college}, is_published=True)
print(Notice.objects.filter(title='Alone').count())
""", url=f"http://127.0.0.1:{away.getsockname()[1]}")
    assert done.stdout.strip() == "1"
    assert "SwitchboardError: No connection to the server: Connection refused" in done.stderr
    assert KEY not in done.stderr
