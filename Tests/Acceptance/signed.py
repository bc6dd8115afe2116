"""JWTs as somebody else's login would make them (RFC 7515, RFC 7519), for servers that share the secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

SECRET = "a secret that only tests know, of more than 32 bytes"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hs256(secret: str = SECRET, **claims: Any) -> str:
    """A token that is good for an hour, unless the claims say otherwise."""
    parts = [{"alg": "HS256", "typ": "JWT"}, {"exp": int(time.time()) + 3600} | claims]
    text = ".".join(_part(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_part(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"
