"""Numbers and values of a person's past events: count, sum, first, last, days since. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, Literal, get_args

from ..errors import SettingsError

Kind = Literal["count", "sum", "first", "last", "days_since"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Those that read a property.
_READING = ("sum", "first", "last")

_DAY = 86400.0
_LONGEST = 200
_MOST_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Tally:
    """One number or value, kept under ``key``: what it counts, whatever it is called.

    What is kept is JSON: a number of ``count`` and ``sum``, a moment of ``days_since``, a value and
    its moment of ``first`` and ``last``.
    """

    kind: Kind
    labels: re.Pattern[str]
    path: Sequence[str]
    key: str

    def concerns(self, label: str) -> bool:
        """Whether an event of this label counts."""
        return self.labels.match(label) is not None

    def told(self, kept: Any, at: float) -> Any:
        """What is said at a moment; None where there is nothing to say."""
        if self.kind in ("count", "sum"):
            return kept or 0
        if kept is None:
            return None
        if self.kind == "days_since":
            return max(0, int((at - kept) // _DAY))
        return kept[0]

    def after(self, kept: Any, values: Mapping[str, Any], at: float) -> Any:
        """What is kept once an event with these values has happened; None where it says nothing."""
        if self.kind == "count":
            return (kept or 0) + 1
        if self.kind == "days_since":
            return at if kept is None else max(kept, at)
        value = _found(values, self.path)
        if self.kind == "sum":
            return _plus(kept or 0, value) if _is_number(value) else kept
        if value is None or isinstance(value, (dict, list)):
            return kept
        value = value[:_LONGEST] if isinstance(value, str) else value
        return [value, at] if kept is None else self.joined(kept, [value, at])

    def joined(self, one: Any, other: Any) -> Any:
        """What two that are kept are together."""
        if self.kind in ("count", "sum"):
            return _plus(one, other)
        if self.kind == "days_since":
            return max(one, other)
        if self.kind == "first":
            return min(one, other, key=_moment)
        return max(other, one, key=_moment)


def tally(name: str, wanted: Any, *, plain: Sequence[str]) -> Tally:
    """The tally that a setting asks for: ``{"count": "Order*"}``, ``{"last": "Plan Changed.plan"}``
    or, of an event with a dot in its name, ``{"last": ["Plan v2.1", "plan"]}``."""
    if wanted is True:
        raise SettingsError("history", f"{name!r} is none of {', '.join(plain)}")
    if not isinstance(wanted, Mapping) or len(wanted) != 1:
        raise SettingsError("history", f"{name!r} wants True, or one of {', '.join(KINDS)}")
    ((kind, what),) = wanted.items()
    if kind not in KINDS:
        raise SettingsError("history", f"{name!r} knows {', '.join(KINDS)}, not {str(kind)[:40]!r}")
    label, path = _parts(name, kind, what)
    key = ":".join((kind, label, *path))
    return Tally(kind, re.compile(translate(label)), path, key)


def _parts(name: str, kind: str, what: Any) -> tuple[str, tuple[str, ...]]:
    if isinstance(what, str):
        what = what.split(".", 1) if kind in _READING else [what]
    wanted = 2 if kind in _READING else 1
    if not isinstance(what, (list, tuple)) or not all(isinstance(e, str) and e for e in what):
        raise SettingsError("history", f"{name!r}: {kind} wants the name of an event")
    if len(what) != wanted:
        shape = "Event Name.property" if wanted == 2 else "Event Name"
        raise SettingsError("history", f'{name!r}: write {{"{kind}": "{shape}"}}')
    return what[0], tuple(what[1].split(".")) if wanted == 2 else ()


def _found(values: Mapping[str, Any], path: Sequence[str]) -> Any:
    found: Any = values
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plus(one: Any, other: Any) -> Any:
    total = one + other
    return round(total, _MOST_DECIMALS) if isinstance(total, float) else total


def _moment(kept: Sequence[Any]) -> float:
    return float(kept[1])
