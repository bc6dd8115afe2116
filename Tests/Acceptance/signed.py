"""JWTs as somebody else's login would make them (RFC 7515, RFC 7519), for servers that share the secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

SECRET = "a secret that only tests know, of more than 32 bytes"


def part(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header: Any, payload: Any, secret: str | bytes | None = SECRET) -> str:
    """A token with any header and payload and an HMAC with SHA-256; without a secret, the signature is empty."""
    text = ".".join(part(json.dumps(value).encode()) for value in (header, payload))
    if secret is None:
        return f"{text}."
    key = secret if isinstance(secret, bytes) else secret.encode()
    return f"{text}.{part(hmac.digest(key, text.encode(), hashlib.sha256))}"


def hs256(secret: str | bytes = SECRET, **claims: Any) -> str:
    """A token that is good for an hour, unless the claims say otherwise."""
    return compact({"alg": "HS256", "typ": "JWT"}, {"exp": int(time.time()) + 3600} | claims, secret)
