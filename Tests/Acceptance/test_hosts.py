"""Which hosts and pages are served, and what browsers are told: DNS rebinding, CORS, CSRF, the policies of answers."""

import base64
import json
import os

import pytest
from conftest import Start
from policies import expect_policies
from raw import RawConnection, Response, bearer, handshake, request
from switchboard import Server

SEND = "/api/notifications/send/"
POLLING = "/socket.io/?EIO=4&transport=polling"
NOTIFICATION = {"title": "T", "message": "M"}
KEY = base64.b64encode(os.urandom(16)).decode()


def shake(server: Server, host: str, origin: str | None = None, path: str = "/ws/counter/") -> Response:
    with RawConnection(server) as connection:
        connection.send(handshake(server, path, KEY, {"Host": host, "Origin": origin}))
        return connection.response()


def ask(server: Server, host: str, origin: str | None = None) -> list[Response]:
    """A handshake, a poll, a call of the API and one of its preflights, all for a host."""
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    return [
        shake(server, host, origin), shake(server, host, origin, "/socket.io/?EIO=4&transport=websocket"),
        request(server, "GET", POLLING, headers=headers), request(server, "POST", SEND, NOTIFICATION, headers),
    ]


# Hosts

@pytest.mark.parametrize("host", [
    "evil.example:{port}", "evil.example", "localhost.evil.example:{port}", "127.0.0.1.evil.example", "", "192.0.2.1",
    "localhost:99999", "[::1", "0x7f000001", "2130706433",
])
def test_a_name_that_was_made_to_lead_here_is_not_served(server: Server, host: str) -> None:
    host = host.format(port=server.port)
    for origin in (f"http://{host}", None):
        for response in ask(server, host, origin):
            response.expect_refusal(421)
            assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1", "127.1.2.3:{port}", "[::1]:{port}"])
def test_this_machine_is_served(server: Server, host: str) -> None:
    host = host.format(port=server.port)
    assert [response.status for response in ask(server, host)[:3]] == [101, 101, 200]


def test_the_target_says_which_host_is_meant(server: Server) -> None:
    for target, host, status in [
        ("http://evil.example/api/auth/me/", "localhost", 421), ("http://localhost/api/auth/me/", "evil.example", 401),
    ]:
        assert request(server, "GET", target, headers={"Host": host}).status == status


def test_a_request_of_http_1_0_without_a_host_is_not_served(server: Server) -> None:
    for path, status in [("/api/auth/me/", 421), ("/healthz", 200)]:
        with RawConnection(server) as connection:
            connection.send(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            assert connection.response().status == status


def test_health_may_be_asked_by_any_name(server: Server) -> None:
    for path in ("/healthz", "/readyz"):
        assert request(server, "GET", path, headers={"Host": "probe.internal:80"}).status == 200
        # It is no page's own host for that.
        response = request(server, "GET", path, headers={"Host": "evil.example", "Origin": "http://evil.example"})
        response.expect_refusal(403)


def test_hosts_are_allowed_by_name(start: Start) -> None:
    server = start(
        "--allowed-hosts", "Chat.example.org,192.0.2.7", "--allowed-origins", "https://app.example",
        "--dialect-rules", "old.example:8000=campus")
    for host in ("chat.example.org", "192.0.2.7:8000", "app.example:444", "old.example", "localhost:1"):
        assert [response.status for response in ask(server, host, f"http://{host}")[:3]] == [101, 101, 200], host
    for host in ("example.org", "x.chat.example.org", "evil.example"):
        assert [response.status for response in ask(server, host, "https://app.example")] == [421] * 4, host


def test_beyond_loopback_any_name_is_served_until_some_are_named(start: Start) -> None:
    server = start("--anonymous", "rooms", listen="0.0.0.0:0")
    assert [response.status for response in ask(server, "chat.example")[:3]] == [101, 101, 200]
    server.logged("allowed_hosts")
    named = start("--anonymous", "rooms", "--allowed-hosts", "chat.example", listen="0.0.0.0:0")
    assert [response.status for response in ask(named, "chat.example")[:3]] == [101, 101, 200]
    assert [response.status for response in ask(named, "evil.example")] == [421] * 4
    assert not any("allowed_hosts" in line for line in named.log)


def test_every_host_can_be_allowed(start: Start) -> None:
    server = start("--allowed-hosts", "*")
    assert shake(server, "any.example", "http://any.example").status == 101


@pytest.mark.parametrize("value", ["https://a.example", "a.example:80", "a b", "*.example", "[::1"])
def test_a_host_that_is_none_is_no_setting(start: Start, value: str) -> None:
    with pytest.raises(AssertionError, match="allowed_hosts|missing"):
        start("--allowed-hosts", value)


# Pages of other sites

def test_a_page_of_another_site_reads_nothing(server: Server) -> None:
    person = server.person()
    for origin in ("https://elsewhere.example", "null", "http://localhost:3000, http://evil.example"):
        headers = {"Origin": origin} | bearer(person.token)
        for method, path in [("GET", "/api/auth/me/"), ("GET", "/healthz"), ("POST", SEND), ("GET", POLLING)]:
            response = request(server, method, path, NOTIFICATION if method == "POST" else None, headers)
            assert response.status == 403, (origin, path)
            assert "access-control-allow-origin" not in response.headers
        preflight = headers | {"Access-Control-Request-Method": "POST"}
        for path in (SEND, "/socket.io/"):
            refused = request(server, "OPTIONS", path, headers=preflight)
            assert refused.status >= 400 and "access-control-allow-origin" not in refused.headers


def test_what_a_page_embeds_opens_no_session(server: Server) -> None:
    for site, status in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]:
        assert request(server, "GET", POLLING, headers={"Sec-Fetch-Site": site}).status == status
    cors = {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:3000"}
    assert request(server, "GET", POLLING, headers=cors).status == 200


def test_what_a_browser_adds_by_itself_signs_nobody_in(server: Server) -> None:
    """No session, no cookie: nothing that a foreign page could have a browser send is worth anything."""
    person = server.person(password="correct horse")
    basic = base64.b64encode(f"{person.username}:correct horse".encode()).decode()
    for headers in (
        {"Cookie": f"token={person.token}; sessionid={person.token}"}, {"Authorization": f"Basic {basic}"},
        {"Authorization": person.token}, {"Proxy-Authorization": f"Bearer {person.token}"},
    ):
        refused = request(server, "GET", "/api/auth/me/", headers=headers)
        refused.expect_refusal(401)
        assert refused.headers["www-authenticate"] == "Bearer"
    login = request(server, "POST", "/api/auth/login/", {"username": person.username, "password": "correct horse"})
    assert login.status == 200
    assert "set-cookie" not in login.headers


def test_a_form_of_another_page_posts_nothing(server: Server) -> None:
    """Also where a browser left `Origin` out: forms can't send JSON."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        request(server, "POST", SEND, json.dumps(NOTIFICATION).encode(), {"Content-Type": kind}).expect_refusal(415)


def test_cors_names_the_page_and_no_credentials(start: Start) -> None:
    server = start("--allowed-origins", "https://app.example")
    for origin in ("https://app.example", f"http://127.0.0.1:{server.port}"):
        headers = {"Origin": origin}
        for response in (
            request(server, "OPTIONS", SEND, headers=headers | {"Access-Control-Request-Method": "POST"}),
            request(server, "POST", SEND, NOTIFICATION, headers), request(server, "GET", POLLING, headers=headers),
            request(server, "GET", "/api/auth/me/", headers=headers),
            request(server, "GET", "/nothing", headers=headers),
        ):
            assert response.headers["access-control-allow-origin"] == origin
            assert "access-control-allow-credentials" not in response.headers
            assert response.headers["vary"] == "Origin"


# Policies

def test_every_answer_has_its_policies(server: Server) -> None:
    """And so has each one that any test reads by hand: all of them are read by `raw.py` and `engine_io.py`."""
    person = server.person()
    answers = [
        request(server, "GET", "/healthz"), request(server, "GET", "/nothing"), request(server, "GET", "/ws/chat/"),
        request(server, "GET", "/api/auth/me/", headers=bearer(person.token)), request(server, "GET", POLLING),
        request(server, "GET", POLLING + "&sid=nobody"), request(server, "PUT", SEND),
        request(server, "HEAD", "/healthz"), request(server, "GET", "/metrics"), request(server, "GET", "/readyz"),
        request(server, "OPTIONS", SEND, headers={"Origin": "http://localhost:3000"}),
        request(server, "GET", "/healthz", headers={"Content-Length": "x"}), shake(server, "evil.example"),
        shake(server, "localhost", "https://evil.example"),
    ]
    for answer in answers:
        expect_policies(answer.status, answer.headers)
    switched = shake(server, "localhost")
    assert switched.status == 101
    expect_policies(101, switched.headers)


def test_an_answer_without_policies_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="nosniff|x-content-type-options"):
        expect_policies(503, {"content-type": "application/json"})
    with pytest.raises(AssertionError):
        expect_policies(101, {"referrer-policy": "no-referrer"})
