"""What the verbs are given: an event's name, its moment and its context, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

from ..errors import EventError
from ..event import epoch, iso

_NAME_LENGTH = 200


def checked_name(name: object) -> str:
    """An event's name, cut to its length; EventError when it is none."""
    if not isinstance(name, str) or not name.strip():
        raise EventError(f"an event's name is a text such as 'Order Completed', not {name!r:.60}")
    return name if len(name) <= _NAME_LENGTH else name[:_NAME_LENGTH]


def moment(given: datetime | date | float | str) -> str:
    """A timestamp as an event has it; EventError when it is no moment (a NaN, say, which JSON of
    others may bring)."""
    try:
        return iso(epoch(given)) if isinstance(given, str) else iso(given)
    except (ValueError, OverflowError, AttributeError, TypeError) as error:
        said = repr(given[:40]) if isinstance(given, str) else f"a {type(given).__name__}"
        raise EventError(f"timestamp {said} is no ISO 8601 time, nor another moment") from error


def is_context(given: object, mistaken: Callable[[EventError], None]) -> bool:
    """Whether a caller's context is one; what is none is told, and the event goes without it."""
    if isinstance(given, Mapping):
        return True
    mistaken(EventError(f"a context is a dict, not a {type(given).__name__}"))
    return False
