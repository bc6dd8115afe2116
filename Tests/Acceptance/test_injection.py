"""Header injection, path traversal and log injection: what clients name stays a name."""

import json
import re
from urllib.parse import quote

import pytest
from api import answered, get, post
from conftest import Start
from raw import TEXT, RawConnection, RawWebSocket, bearer, frame, handshake, request
from rooms import LEFT
from switchboard import Server
from test_hosts import KEY

SETTINGS = {"SWITCHBOARD_ALLOW_REGISTRATION": "true"}

# Ends of lines, what turns a terminal's colours and direction, and quotes of JSON.
EVIL = "a\r\nSet-Cookie: evil=1\r\n\r\n\x1b[31m\x9b31m\x85\u2028\u202e\x7f\0\",\"level\":\"error"
LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warning|error) [^\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]*")


# Headers

@pytest.mark.parametrize("path", [
    "/ws/chat/a%0d%0aSet-Cookie:%20evil=1/", "/%0d%0aSet-Cookie:%20evil=1", "/healthz?x=%0d%0aSet-Cookie:%20evil=1",
    "/ws/chat/?dialect=%0d%0aSet-Cookie:%20evil=1", "/socket.io/?EIO=4&transport=%0d%0aSet-Cookie:%20evil=1",
    "/socket.io/?EIO=4&transport=polling&sid=%0d%0aSet-Cookie:%20evil=1", "/api/users/%0d%0aSet-Cookie:%20evil=1/",
    "/ws/chat/%E5%98%8A%E5%98%8DSet-Cookie:%20evil=1/",
])
def test_a_url_sets_no_header(server: Server, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        response = request(server, method, path, headers={"Origin": "http://localhost:3000"})
        assert "set-cookie" not in response.headers
        assert not any("evil" in value for value in response.headers.values())
        assert b"evil" not in response.body


@pytest.mark.parametrize("field", ["Origin", "Host", "Idempotency-Key", "Authorization", "Sec-WebSocket-Protocol"])
@pytest.mark.parametrize("end", ["\r", "\n", "\0"])
def test_a_field_that_ends_early_is_refused(server: Server, field: str, end: str) -> None:
    response = request(server, "GET", "/healthz", headers={field: f"localhost{end}Set-Cookie: evil=1"})
    response.expect_refusal(400)
    assert "set-cookie" not in response.headers


def test_what_a_handshake_names_is_not_sent_back(server: Server) -> None:
    fields = {
        "Sec-WebSocket-Protocol": "evil", "Sec-WebSocket-Extensions": "evil; evil=1", "Origin": "http://localhost:3000",
    }
    with RawConnection(server) as connection:
        connection.send(handshake(server, "/ws/chat/room/", KEY, fields))
        response = connection.response()
        assert response.status == 101
        assert set(response.headers) == {"upgrade", "connection", "sec-websocket-accept"}


@pytest.mark.parametrize("username", [
    "a\r\nb", "a\nb", "a b", "a\0b", "a\x1b[31m", "a\u2028b", "a\u202eb", "../a", "<b>",
])
def test_a_username_is_a_word(server: Server, username: str) -> None:
    body = {"username": username, "password": "correct horse"}
    request(server, "POST", "/api/auth/register/", body).expect_refusal(400)


@pytest.mark.parametrize("name", ["a\r\nb", "a\x1b[31m", "a\u2028b", "a\x9bb", "a\0b"])
def test_a_name_is_one_line(server: Server, name: str) -> None:
    body = {"username": "somebody", "password": "correct horse", "name": name}
    request(server, "POST", "/api/auth/register/", body).expect_refusal(400)


@pytest.mark.parametrize("attachment", [
    "https://a.example/\r\nSet-Cookie: evil=1", "https://a.example/\x1b[31m", "javascript:alert(1)", "data:text/html,x",
    "file:///etc/passwd", " https://a.example/", "https://", "//a.example/",
])
def test_an_attachment_is_a_url_of_the_web(server: Server, attachment: str) -> None:
    one, other = server.person(), server.person()
    body = {"receiver_id": other.id, "text": "x", "attachment": attachment}
    post(server, one, "/api/messages/", body).expect_refusal(400)


def test_text_stays_text(server: Server) -> None:
    """Markup, ends of lines and formulas reach the other as they are, in JSON that no browser takes for a page."""
    one, other = server.person(), server.person()
    text = "<script>alert(1)</script>\r\n=1+1\u2028\u202e\"}"
    made = answered(post(server, one, "/api/messages/", {"receiver_id": other.id, "text": text}), 201)
    response = get(server, other, f"/api/conversations/{made['conversation_id']}/messages/")
    assert response.json["messages"][0]["text"] == text
    assert response.headers["content-type"] == "application/json"
    assert b"\n" not in response.body and b"\r" not in response.body


# Paths

@pytest.mark.parametrize("path", [
    "/../etc/passwd", "/../../../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
    "/%252e%252e/%252e%252e/etc/passwd", "/..%252f..%252fetc/passwd", "/..%5c..%5cetc/passwd", "//etc/passwd",
    "/healthz/../switchboard.db", "/switchboard.db", "/switchboard.db-wal", "/.git/config", "/%c0%ae%c0%ae/etc/passwd",
    "/healthz%00.html", "/healthz/..", "/healthz/.", "/healthz%2f", "/healthz;x=1", "/healthz%20", "/HEALTHZ",
    "/healthz//",
    "//healthz", "/./healthz", "/api/../healthz", "/api//auth/me/", "/api/auth%2fme/", "/api/auth/me/..;/",
])
def test_a_path_leads_nowhere_else(server: Server, path: str) -> None:
    request(server, "GET", path).expect_refusal(404)


@pytest.mark.parametrize("path", [
    "/api/users/..%2f..%2fhealthz/", "/api/users/%2e%2e/", "/api/conversations/1%2fmessages/",
    "/api/conversations/1%00/",
    "/api/notifications/..%2fsend/read/", "/api/conversations/%252e%252e/", "/api/notices/1;2/", "/api/notices/0x1/",
])
def test_a_path_of_the_api_leads_to_no_other(server: Server, path: str) -> None:
    person = server.person()
    method = "POST" if path.endswith("read/") else "GET"
    request(server, method, path, headers=bearer(person.token)).expect_refusal(404)


@pytest.mark.parametrize("name", [
    "..%2fcounter", "..%2f..%2fetc%2fpasswd", "%252e%252e", "a%00b", "a%0ab", "a%2fb", "a%5cb", "%c0%ae", "%ff",
    "a%20b",
    "x" * 95, "%1b%5b31m", "a%3fb", "a%23b",
])
def test_a_room_of_such_a_name_there_is_not(server: Server, name: str) -> None:
    with RawWebSocket(server, f"/ws/chat/{name}/") as client:
        client.expect_close(4004)
    post(server, None, f"/api/rooms/{name}/messages/", {"message": "x"}).expect_refusal(404)


@pytest.mark.parametrize("name", ["..", ".", "%2e%2e", "...", "-", "con", "socket.io"])
def test_dots_are_a_name_and_nothing_else(server: Server, name: str) -> None:
    with RawWebSocket(server, f"/ws/chat/{name}/") as client:
        answered(post(server, None, f"/api/rooms/{name}/messages/", {"message": "here"}))
        # Two of these names are one: whoever was in that room before may be leaving it only now.
        while (heard := client.expect_json()) == LEFT:
            pass
        assert heard["message"] == "here"


# Logs

@pytest.mark.parametrize("format", ["text", "json"])
def test_nothing_that_clients_say_makes_a_line_of_the_log(start: Start, format: str) -> None:
    server = start("--log-level", "debug", "--log-format", format, "--token-failures", 3)
    person = server.person()
    evil = quote(EVIL)
    for path in (f"/ws/v1/chat/?token={evil}", f"/ws/chat/{evil}/", f"/ws/chat/?dialect={evil}&token={evil}"):
        RawWebSocket(server, path).socket.close()
    for method, path in [("GET", f"/{evil}"), ("GET", f"/api/users/{evil}/"), ("POST", f"/api/rooms/{evil}/messages/")]:
        request(server, method, path, headers={"Origin": f"http://{evil}", "User-Agent": evil, "X-Forwarded-For": evil})
    for number in range(5):
        request(server, "GET", "/api/auth/me/", headers=bearer(f"{evil}{number}"))
    for body in ({"username": EVIL, "password": EVIL}, {"username": person.username, "password": EVIL}):
        request(server, "POST", "/api/auth/login/", body)
    with RawWebSocket(server, "/ws/chat/room/") as client:
        client.send(frame(TEXT, json.dumps({"type": "chat_message", "message": EVIL, "username": EVIL}).encode()))
        assert client.expect_json()["username"] == EVIL
    server.terminate()
    assert any("slowed down" in line for line in server.log)
    for line in server.log:
        assert "evil" not in line and "level\":\"error" not in line
        if format == "json":
            assert set(json.loads(line)) >= {"time", "level", "message"} and line.isprintable()
        else:
            assert LINE.fullmatch(line), line

