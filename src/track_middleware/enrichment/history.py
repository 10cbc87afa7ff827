"""What is known of a person when an event happens: first touch, sessions, and numbers of its past.

Pure: a person's past is one small value, ``Known``, that each event reads and moves on. What an
event says of itself counts for the ones behind it: the first order comes with no orders so far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..event import iso
from .tallies import Tally, tally

DAY = 86400.0

#: An event that happened so long before another of its person, in seconds, is part of the past, but
#: says nothing of it: what is known includes what came later.
LATE = DAY

#: Sessions whose ids are remembered, so that two that run side by side count as two.
_SESSIONS = 8

#: Names of events of which is remembered what they count for.
_LABELS = 4096

#: Characters that are kept of a text.
LONGEST = 200


class Known(msgspec.Struct, rename="camel", omit_defaults=True):
    """A person's past. Moments are epoch seconds; ``tallies`` are by what they count."""

    first: float
    seen: float
    sessions: int = 0
    recent: list[str] = []
    touch: dict[str, str] | None = None
    touched: float = 0.0
    tallies: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Happening:
    """What a past needs of an event. ``values`` reads its properties (of an identify or group: its
    traits); ``touch`` where it came from, None where it does not say."""

    label: str
    at: float
    session: str | None = None
    touch: Callable[[], Mapping[str, str] | None] = lambda: None
    values: Callable[[], Mapping[str, Any]] = dict


#: What ``True`` may stand beside in the setting, and what it then tells.
_PLAIN: Mapping[str, Callable[[Known, float, float | None], Any]] = {
    "first_seen": lambda known, at, before: iso(known.first),
    "days_since_first_seen": lambda known, at, before: _days(at - known.first),
    "days_since_last_seen": lambda known, at, before: _days(at - (at if before is None else before)),
    "session_number": lambda known, at, before: known.sessions or None,
    "first_touch": lambda known, at, before: known.touch,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class History:
    """What a site wants told, by the names of its setting: plain facts, and tallies of events."""

    plain: Sequence[str]
    tallies: Mapping[str, Tally]
    _labels: dict[str, Sequence[Tally]] = field(default_factory=dict, compare=False, repr=False)

    def told(self, known: Known | None, event: Happening) -> tuple[dict[str, Any], Known]:
        """What an event is told of its person's past, and that past with the event in it. Nothing
        is told to an event that happened long before others."""
        before = known.seen if known else None
        is_late = before is not None and event.at < before - LATE
        moved = _moved(known, event, touches="first_touch" in self.plain)
        said = {} if is_late else self._said(moved, event.at, before)
        return said, self._tallied(moved, event)

    def _said(self, known: Known, at: float, before: float | None) -> dict[str, Any]:
        said = {name: _PLAIN[name](known, at, before) for name in self.plain}
        for name, each in self.tallies.items():
            said[name] = each.told(known.tallies.get(each.key), at)
        return {name: value for name, value in said.items() if value is not None}

    def _tallied(self, known: Known, event: Happening) -> Known:
        wanted = self._concerned(event.label)
        if not wanted:
            return known
        values = event.values() if any(each.path for each in wanted) else {}
        tallies = dict(known.tallies)
        for each in wanted:
            after = each.after(tallies.get(each.key), values, event.at)
            if after is not None:
                tallies[each.key] = after
        return msgspec.structs.replace(known, tallies=tallies)

    def _concerned(self, label: str) -> Sequence[Tally]:
        known = self._labels.get(label)
        if known is None:
            known = [each for each in self.tallies.values() if each.concerns(label)]
            if len(self._labels) < _LABELS:
                self._labels[label] = known
        return known

    def joined(self, one: Known, other: Known) -> Known:
        """Two pasts that turned out to be one person's: each event counts once in it."""
        early, late = sorted((one, other), key=lambda each: each.first)
        touches = [each for each in (early, late) if each.touch]
        first = min(touches, key=lambda each: each.touched, default=early)
        shared = len(set(one.recent) & set(other.recent))
        tallies = {**one.tallies, **other.tallies}
        for each in self.tallies.values():
            if each.key in one.tallies and each.key in other.tallies:
                tallies[each.key] = each.joined(one.tallies[each.key], other.tallies[each.key])
        return Known(
            early.first,
            max(one.seen, other.seen),
            one.sessions + other.sessions - shared,
            list(dict.fromkeys((*early.recent, *late.recent)))[-_SESSIONS:],
            first.touch,
            first.touched,
            tallies,
        )


def history(setting: Mapping[str, Any]) -> History | None:
    """What the setting ``history`` asks for, None for nothing; SettingsError says what is wrong."""
    plain = [name for name, wanted in setting.items() if wanted is True and name in _PLAIN]
    tallies = {
        name: tally(name, wanted, plain=tuple(_PLAIN))
        for name, wanted in setting.items()
        if wanted is not False and name not in plain
    }
    return History(plain, tallies) if plain or tallies else None


def touch(event: Mapping[str, Any]) -> dict[str, str] | None:
    """Where somebody came from, of an event's context (``channel``, ``campaign``, ``referrer``,
    ``page``): short texts; None where it does not say."""
    campaign, page, came = (_mapping(event.get(key)) for key in ("campaign", "page", "referrer"))
    channel = event.get("channel")
    if not channel and not campaign:
        return None
    found = {
        "channel": channel,
        **{key: campaign.get(key) or came.get(key) for key in ("source", "medium", "term")},
        **{key: campaign.get(key) for key in ("name", "content")},
        "path": page.get("path"),
    }
    return {
        key: value[:LONGEST] for key, value in found.items() if isinstance(value, str) and value
    }


def _moved(known: Known | None, event: Happening, *, touches: bool) -> Known:
    if known is None:
        known = Known(event.at, event.at)
    changes: dict[str, Any] = {
        "first": min(known.first, event.at), "seen": max(known.seen, event.at),
    }  # fmt: skip
    if event.session and event.session not in known.recent:
        changes["sessions"] = known.sessions + 1
        changes["recent"] = [*known.recent, event.session][-_SESSIONS:]
    if touches and (known.touch is None or event.at < known.touched):
        came = event.touch()
        if came:
            changes |= {"touch": dict(came), "touched": event.at}
    return msgspec.structs.replace(known, **changes)


def _days(seconds: float) -> int:
    return max(0, int(seconds // DAY))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
