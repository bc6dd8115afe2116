"""What browsers are told in every answer, whoever reads it (docs/SECURITY.md, "Answers")."""

from __future__ import annotations

_POLICIES = {
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}
_CONTENT = {"default-src 'none'", "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"}


def expect_policies(status: int, headers: dict[str, str]) -> None:
    """All are there, each once; an interim answer has none, as there is nothing to sniff, keep or run."""
    if status < 200:
        assert not headers.keys() & {*_POLICIES, "content-security-policy"}, (status, headers)
        return
    for name, value in _POLICIES.items():
        assert headers.get(name) == value, (name, status, headers)
    assert _CONTENT <= set(headers.get("content-security-policy", "").split("; ")), (status, headers)
