"""Requests to one server: a connection each, with retries that never send a thing twice."""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import socket
import ssl
import time
from datetime import datetime, timezone
from typing import Any, cast
from urllib.parse import urlsplit

from switchboard_client._deadline import TimedSocket

_RETRIED = (429, 503)
# No answer to what this package asks is nearly as long.
_LONGEST_ANSWER = 1 << 24


class SwitchboardError(Exception):
    """A call that failed.

    `status` is the HTTP status of the server's answer, None where none came; `message` says why, in the server's
    words if it had any. Neither holds the key or what was to be sent.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message if status is None else f"{status}: {message}")
        self.message = message
        self.status = status


class _Failure(Exception):
    """An attempt that failed but may be repeated: the error, and how long the server wants us to wait."""

    def __init__(self, error: SwitchboardError, has_reached_server: bool, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.has_reached_server = has_reached_server
        self.wait = wait


class Transport:
    """Holds nothing that changes, so that threads may share it."""

    def __init__(self, url: str, api_key: str | None, timeout: float, retries: int) -> None:
        url = url.strip()
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must be http://HOST or https://HOST")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("url must have no credentials, query or fragment")
        if not _is_unbroken(parts.hostname):
            raise ValueError("url must name a host without spaces or control characters")
        if not (parts.path.isascii() and _is_unbroken(parts.path)):
            raise ValueError("url must have a path of ASCII without spaces; write others as %20 and the like")
        if timeout <= 0 or retries < 0:
            raise ValueError("timeout must be more than 0, retries 0 or more")
        self.url = url
        self._host: str = parts.hostname
        self._port: int = (443 if parts.scheme == "https" else 80) if parts.port is None else parts.port
        self._path = parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._timeout = timeout
        self._retries = retries
        # Keys read from files end in a newline.
        self._api_key = (api_key or "").strip()
        if not (self._api_key.isascii() and self._api_key.isprintable()):
            raise ValueError("api_key must be of printable ASCII characters")

    def post(self, path: str, body: bytes, idempotency_key: str | None) -> dict[str, Any]:
        """Sends JSON and returns the JSON object of the answer.

        With an Idempotency-Key the server does a thing once however often it is asked; without one, a request
        that may have reached it is not repeated.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Connection": "close"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        attempt = 0
        while True:
            try:
                return self._attempt(self._path + path, body, headers)
            except _Failure as failure:
                if attempt == self._retries or (failure.has_reached_server and idempotency_key is None):
                    raise failure.error from failure.__cause__
                wait = self._backoff(attempt) if failure.wait is None else failure.wait
                if wait > self._timeout:
                    raise failure.error from failure.__cause__
            time.sleep(wait)
            attempt += 1

    def _backoff(self, attempt: int) -> float:
        """Doubles from a quarter of a second, and differs between callers that failed together."""
        return min(self._timeout, 0.25 * 2.0**attempt) * random.uniform(0.5, 1)

    def _attempt(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        try:
            connected = TimedSocket.connect(self._host, self._port, self._tls, self._timeout)
        except ssl.SSLCertVerificationError as error:
            raise SwitchboardError(f"The server's certificate is not trusted: {error.verify_message}") from error
        except UnicodeError as error:
            raise SwitchboardError("No connection to the server: its host has a name that cannot exist") from error
        except OSError as error:
            raise _Failure(_without_answer("No connection to the server", error), False) from error
        with connected:
            connection = self._connection(connected)
            try:
                connection.request("POST", path, body, headers)
                response = connection.getresponse()
                text = response.read(_LONGEST_ANSWER)
                # A read with a limit returns what there is when the connection ends early.
                if response.length and len(text) < _LONGEST_ANSWER:
                    raise http.client.IncompleteRead(b"", response.length)
            except (OSError, http.client.HTTPException) as error:
                raise _Failure(_without_answer("No answer from the server", error), True) from error
            return _read(response, text)

    def _connection(self, connected: TimedSocket) -> http.client.HTTPConnection:
        if self._tls is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port)
        connection.sock = cast(socket.socket, connected)
        return connection


def _is_unbroken(text: str) -> bool:
    return text.isprintable() and " " not in text


def _without_answer(what: str, error: Exception) -> SwitchboardError:
    # An OSError's words are the system's; those of other exceptions could quote what was sent or received.
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return SwitchboardError(f"{what}: {reason}")


def _read(response: http.client.HTTPResponse, text: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        decoded = None
    answer: dict[str, Any] | None = decoded if isinstance(decoded, dict) else None
    if answer is not None and 200 <= response.status < 300:
        return answer
    words = (answer or {}).get("message")
    message = words if isinstance(words, str) else f"{response.reason or 'Failed'}, without a word from Switchboard"
    error = SwitchboardError(message, response.status)
    if response.status in _RETRIED:
        raise _Failure(error, True, _seconds(response.getheader("Retry-After")))
    raise error


def _seconds(retry_after: str | None) -> float | None:
    """How long a Retry-After says to wait: seconds, or until a date (RFC 9110, section 10.2.3)."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())
