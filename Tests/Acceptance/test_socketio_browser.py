"""The official JavaScript client where it belongs: on pages of a development server, in headless Chromium."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from api import answered, direct, post
from conftest import Start
from frames import matches
from javascript_client import TRANSPORTS, bundle, program
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from socketio_values import NOT_SENT, message, notice, notification, read_by
from switchboard import Person, Server, eventually

FOREIGN = "foreign.test"
JOINED = ["join", {"ok": True}]


class PageServer(BaseHTTPRequestHandler):
    """Serves the page and the script that it loads."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        files = {"/": Path(__file__).with_name("socketio_page.html"), "/socket.io.min.js": bundle()}
        self.send_response(200 if path in files else 404)
        self.send_header("Content-Type", "text/html" if path == "/" else "text/javascript")
        self.end_headers()
        if path in files:
            self.wfile.write(files[path].read_bytes())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Standard error is for what matters."""


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """The port that the pages are served on."""
    with ThreadingHTTPServer(("127.0.0.1", 0), PageServer) as server:
        threading.Thread(target=partial(server.serve_forever, poll_interval=0.05), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    if sys.platform == "darwin" and shutil.which("chromedriver") is None:
        pytest.skip("Chromium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    # As root, Chromium runs without its sandbox only; where /dev/shm is small, it uses files.
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage", f"host-resolver-rules=MAP {FOREIGN} 127.0.0.1"):
        options.add_argument(f"--{flag}")
    with webdriver.Chrome(options, Service(program("chromedriver"))) as browser:
        yield browser


class Page:
    """The chat in a tab of its own; what it shows is compared in order."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self._browser = browser
        self._seen = 0
        browser.switch_to.new_window("tab")
        self._tab = browser.current_window_handle
        browser.get(url)

    def run(self, script: str) -> Any:
        self._browser.switch_to.window(self._tab)
        return self._browser.execute_script(script)

    def cdp(self, command: str, **parameters: Any) -> None:
        self._browser.switch_to.window(self._tab)
        self._browser.execute_cdp_cmd(command, parameters)

    def next(self) -> list[Any]:
        eventually(lambda: self.run("return seen.length") > self._seen, "something new on the page")
        self._seen += 1
        return self.run(f"return seen[{self._seen - 1}]")

    def expect(self, *expected: list[Any]) -> None:
        """The next things seen."""
        for each in expected:
            seen = self.next()
            assert matches(seen, each), f"expected {each!r}, saw {seen!r}"

    def expect_nothing(self) -> None:
        """Whatever the server had already sent would be here before the answer to a message that it refuses."""
        self.run("socket.emit('send_message')")
        self.expect(["error", {"message": NOT_SENT}])

    def expect_transport(self, name: str) -> None:
        eventually(lambda: self.run("return socket.io.engine.transport.name") == name, f"{name} in use")

    def close(self) -> None:
        self._browser.switch_to.window(self._tab)
        self._browser.close()
        self._browser.switch_to.window(self._browser.window_handles[0])


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: webdriver.Chrome, pages: int) -> Iterator[Visit]:
    """Opens pages: `visit(server, person, conversation, host=…, **options of the client)`."""
    opened: list[Page] = []

    def visit(server: Server, person: Person, number: int, host: str = "127.0.0.1", **options: Any) -> Page:
        chat = {
            "server": f"http://127.0.0.1:{server.port}", "token": person.token, "conversationId": number,
            "options": {"reconnectionDelay": 50} | options,
        }
        opened.append(Page(browser, f"http://{host}:{pages}/?{urlencode({'chat': json.dumps(chat)})}"))
        return opened[-1]

    yield visit
    for page in opened:
        page.close()


@pytest.fixture
def people(server: Server) -> tuple[Person, Person]:
    return server.person("Aarav Sharma"), server.person("Bela Nováková")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_conversation_of_two_pages(
    server: Server, visit: Visit, people: tuple[Person, Person], transport: str
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    here, there = [visit(server, person, number, **TRANSPORTS[transport]) for person in people]
    for page in (here, there):
        page.expect(["connect", False], JOINED)
        page.expect_transport("polling" if transport == "polling" else "websocket")
        assert page.run("return began") == ("websocket" if transport == "websocket" else "polling")
    here.run("isTyping(true)")
    there.expect(["typing_start", aarav.id])
    here.run("isTyping(false)")
    there.expect(["typing_stop", aarav.id])
    for sender, receiver, page, other, text in (
        (aarav, bela, here, there, "Hello world!"), (bela, aarav, there, here, "ü€😀"),
    ):
        page.run(f"sendMessage({json.dumps(text)}, {receiver.id})")
        for each in (page, other):
            each.expect(["new_message", message(text, sender, receiver, number)])
        other.expect(["message_notification", notice(text, sender, receiver, number)])
    there.run("markRead()")
    here.expect(["messages_read", read_by(bela, number)])
    body = {"user_id": bela.id, "title": "Project Update", "message": "You joined it.", "type": "project_assigned"}
    answered(post(server, None, "/api/notifications/send/", body))
    there.expect(["new_notification", notification(bela, body["title"], body["message"], body["type"])])
    for page in (here, there):
        page.expect_nothing()
        page.run("leave()")
        page.expect(["disconnect", "io client disconnect"])


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_page_that_was_offline_shows_what_it_missed(
    server: Server, visit: Visit, people: tuple[Person, Person], transport: str
) -> None:
    aarav, bela = people
    number = direct(server, aarav, bela)
    page = visit(server, bela, number, **TRANSPORTS[transport])
    page.expect(["connect", False], JOINED)
    page.expect_transport("polling" if transport == "polling" else "websocket")

    def write(text: str) -> None:
        answered(post(server, aarav, f"/api/conversations/{number}/messages/", {"text": text}), 201)

    def expect(text: str) -> None:
        page.expect(
            ["new_message", message(text, aarav, bela, number)],
            ["message_notification", notice(text, aarav, bela, number)])

    def connect(to: bool) -> None:
        speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        page.cdp("Network.emulateNetworkConditions", offline=not to, **speed)

    write("before")
    expect("before")
    connect(False)
    # It is told so, or its poll fails, whichever comes first.
    assert page.next() in (["disconnect", "transport close"], ["disconnect", "transport error"])
    write("missed")
    connect(True)
    while (seen := page.next())[0] == "connect_error":
        pass
    assert seen == ["connect", True]
    expect("missed")
    write("live")
    expect("live")
    page.expect_nothing()


def test_a_wrong_token_is_told(server: Server, visit: Visit, people: tuple[Person, Person]) -> None:
    page = visit(server, people[0], 1, auth={"token": "nobody's"})
    page.expect(["connect_error", "Authentication error"])


@pytest.mark.parametrize(("transport", "words"), [
    ("websocket", "websocket error"), ("polling", "xhr poll error"), ("upgrade", "xhr poll error"),
])
def test_a_page_of_elsewhere_is_refused(
    server: Server, visit: Visit, people: tuple[Person, Person], transport: str, words: str
) -> None:
    page = visit(server, people[0], direct(server, *people), FOREIGN, **TRANSPORTS[transport])
    page.expect(["connect_error", words])
    assert all(name == "connect_error" for name, _ in page.run("return seen"))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_page_of_elsewhere_that_is_allowed_is_let_in(
    start: Start, visit: Visit, pages: int, transport: str
) -> None:
    server = start("--allowed-origins", f"http://{FOREIGN}:{pages}")
    person = server.person()
    page = visit(server, person, direct(server, person, server.person()), FOREIGN, **TRANSPORTS[transport])
    page.expect(["connect", False], JOINED)
    page.expect_transport("polling" if transport == "polling" else "websocket")


# What a page tries with the server that it was loaded from, as it is or by a name that leads to it.
TRIES = """
const done = arguments[arguments.length - 1];
const socket = new Promise((resolve) => {
    const room = new WebSocket(`ws://${location.host}/ws/chat/general/`);
    room.onopen = () => resolve("open");
    room.onerror = () => resolve("refused");
});
const get = (path) => fetch(path).then((response) => response.status, () => "refused");
Promise.all([socket, get("/api/auth/me/"), get("/socket.io/?EIO=4&transport=polling")]).then(done);
"""


@pytest.mark.parametrize(("host", "answers"), [
    ("127.0.0.1", ["open", 401, 200]), ("localhost", ["open", 401, 200]), (FOREIGN, ["refused", 421, 421]),
])
def test_a_page_whose_name_leads_here_gets_nothing(
    server: Server, browser: webdriver.Chrome, host: str, answers: list[Any]
) -> None:
    browser.switch_to.new_window("tab")
    browser.get(f"http://{host}:{server.port}/healthz")
    assert browser.execute_async_script(TRIES) == answers
