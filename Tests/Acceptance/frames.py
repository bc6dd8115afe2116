"""Frames as the tests write them: JSON compared exactly, with patterns where a value can't be known."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any


@dataclass(frozen=True)
class Pattern:
    """Stands for any value that `accepts` says yes to."""

    name: str
    accepts: Callable[[Any], bool]

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _now_as(shape: str, layout: str) -> Callable[[Any], bool]:
    """Accepts a UTC time of about now, written exactly so."""
    def accepts(value: Any) -> bool:
        if not isinstance(value, str) or re.fullmatch(shape, value, re.ASCII) is None:
            return False
        age = datetime.now(timezone.utc) - datetime.strptime(value, layout).replace(tzinfo=timezone.utc)
        return abs(age.total_seconds()) < 120

    return accepts


_SECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
ROOMS_TIME = Pattern("rooms time", _now_as(_SECONDS + r"\.\d{6}", "%Y-%m-%dT%H:%M:%S.%f"))
CAMPUS_TIME = Pattern("campus time", _now_as(_SECONDS + r"\.\d{6}Z", "%Y-%m-%dT%H:%M:%S.%fZ"))
CONVERSATIONS_TIME = Pattern("conversations time", _now_as(_SECONDS + r"\.\d{3}Z", "%Y-%m-%dT%H:%M:%S.%fZ"))
ERP_TIME = Pattern("erp time", _now_as(_SECONDS + "Z", "%Y-%m-%dT%H:%M:%SZ"))
ID = Pattern("id", lambda value: type(value) is int and value > 0)
TEXT = Pattern("text", lambda value: isinstance(value, str))
SOME_TEXT = Pattern("some text", lambda value: isinstance(value, str) and value != "")

ANY_ERROR = {"type": "error", "message": SOME_TEXT}
REFUSAL = {"status": "error", "message": SOME_TEXT}


def error(message: str) -> dict[str, str]:
    """The error frame of `rooms` and `erp`."""
    return {"type": "error", "message": message}


def refusal(message: str) -> dict[str, str]:
    """The body of an HTTP error."""
    return {"status": "error", "message": message}


def matches(actual: Any, expected: Any) -> bool:
    """Equality that also compares types (1, 1.0 and true differ) and knows patterns."""
    if isinstance(expected, Pattern):
        return expected.accepts(actual)
    if type(actual) is not type(expected):
        return False
    if isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(matches(actual[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(actual) == len(expected) and all(map(matches, actual, expected))
    return actual == expected
