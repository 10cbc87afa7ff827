"""The console's answers: nobody may store, frame or sniff them, and nothing in them may run."""

from __future__ import annotations

from ..http import Reply

#: All that an answer of the console may load, run and send forms to is the console itself.
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)

HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
JSON = "application/json"
CSV = "text/csv; charset=utf-8"
TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
         "svg": "image/svg+xml"}  # fmt: skip


def headers(kind: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """What every answer of the console says."""
    return (
        ("Content-Type", kind),
        ("Cache-Control", "private, no-store"),
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("X-Robots-Tag", "noindex"),
        *more,
    )


def answer(status: int, kind: str, body: bytes, *more: tuple[str, str]) -> Reply:
    """A whole answer."""
    return Reply(status, headers(kind, *more), body)


def elsewhere(address: str, *more: tuple[str, str]) -> Reply:
    """A page that is to be asked for instead."""
    return Reply(303, headers(PLAIN, ("Location", address), *more))
