"""The collector's answers: JSON that nobody may store."""

from __future__ import annotations

from typing import Any

import msgspec

from ..http import Reply


def answer(status: int, content: dict[str, Any], *more: tuple[str, str]) -> Reply:
    """A JSON answer that nobody may store."""
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"), *more)
    return Reply(status, headers, msgspec.json.encode(content))


def refusal(status: int, reason: str, *more: tuple[str, str]) -> Reply:
    """A 4xx that says why, without an echo of what came in."""
    return answer(status, {"error": reason}, *more)


def full() -> Reply:
    """The answer when nothing more can be kept for now."""
    return answer(429, {"error": "full", "retry": 30}, ("Retry-After", "30"))
