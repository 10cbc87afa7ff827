"""The ids that a vendor's own cookies gave a visitor, read from a request's raw facts. Pure.

Google documents neither form of its session cookie; read here are the one before May 2025
(``GS1.1.<session>.<number>.<engaged>.<last hit>…``) and the one since
(``GS2.1.s<session>$o<number>$g<engaged>$t<last hit>…``, in any order). What looks like neither says
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..event import Event, epoch

#: Cookies are named ``_ga`` (the client) and ``_ga_<STREAM>`` (the session of one stream).
CLIENT = "_ga"
SESSION = "_ga_"

#: Google's own sessions end after so many idle seconds, so a cookie may name one that is over.
IDLE = 1800.0

_MOST = 400
_CLIENT = re.compile(r"GA1\.[0-9-]{1,8}\.([0-9]{1,20}\.[0-9]{1,20})", re.ASCII)
_OLD = re.compile(
    r"GS1\.[0-9-]{1,8}\.([1-9][0-9]{0,19})\.([0-9]{1,9})(?:\.[0-9]*\.([0-9]{1,20}))?(?:\..*)?",
    re.ASCII,
)
_NEW = re.compile(r"GS2\.[0-9-]{1,8}\.(.*)", re.ASCII)


def ga(event: Event, facts: Mapping[str, str]) -> dict[str, Any]:
    """``clientId``, and, of a session that was not over when the event happened, ``sessionId``,
    ``sessionNumber`` and the ``stream`` that it is of (G-…); {} without such cookies."""
    client = _CLIENT.fullmatch(_bounded(facts.get(CLIENT)))
    if client is None:
        return {}
    found: dict[str, Any] = {"clientId": client[1]}
    for name, value in facts.items():
        if name.startswith(SESSION) and (told := _session(event, _bounded(value))):
            return {**found, **told, "stream": "G-" + name.removeprefix(SESSION)}
    return found


def _session(event: Event, value: str) -> dict[str, Any]:
    read = _old(value) or _new(value)
    if read is None or _is_over(event, read[2]):
        return {}
    return {"sessionId": read[0], "sessionNumber": int(read[1])}


def _old(value: str) -> tuple[str, str, str] | None:
    match = _OLD.fullmatch(value)
    return (match[1], match[2], match[3] or "") if match else None


def _new(value: str) -> tuple[str, str, str] | None:
    match = _NEW.fullmatch(value)
    if match is None:
        return None
    said = {part[:1]: part[1:] for part in match[1].split("$")}
    session, number = said.get("s", ""), said.get("o", "")
    if not _is_number(session) or session.startswith("0") or not _is_number(number, most=9):
        return None
    last = said.get("t", "")
    return session, number, last if _is_number(last) else ""


def _is_over(event: Event, last: str) -> bool:
    """Whether the session's last hit was too long before the event. Without it nobody knows."""
    if not last:
        return False
    try:
        return epoch(event.timestamp) - int(last) > IDLE
    except ValueError:
        return False


def _is_number(text: str, *, most: int = 20) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= most


def _bounded(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _MOST else ""
