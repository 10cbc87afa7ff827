"""Deriving again: what today's enrichment, repairs and hooks make of an event of the log.

The body as accepted stays what it is; what stands beside it (what was derived, what repairs and
hooks made of it) is replaced. Ids, times and places in the log do not change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..delivery import emission
from ..delivery.batch import MISTAKES
from ..delivery.finish import Finisher
from ..delivery.store import Stored
from ..delivery.store.replays import Beside, Part
from ..delivery.store.whole import Store
from ..destinations.fields import Fields
from ..enrichment import FOLLOWING
from ..event import Event, decode_event, encode_event

_AT_ONCE = 500

#: Paths of which changes are counted; what changes besides is only in the samples.
_PATHS = 200

_encode = msgspec.json.Encoder(decimal_format="number").encode
_derived = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Sample:
    """An event that changes: by path, what is sent today and what would be sent (``None``:
    nothing)."""

    id: str
    label: str
    timestamp: str
    changes: Mapping[str, tuple[Any, Any]]


@dataclass(slots=True)
class Derived:
    """How many events were looked at, and how many change; ``paths``: where, how often;
    ``dropped``: so many ``before_send`` would drop now, ``split``: so many would be split off by
    repairs; both stay as they are. ``broken``: so many cannot be read."""

    events: int = 0
    changed: int = 0
    dropped: int = 0
    split: int = 0
    broken: int = 0
    paths: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)


class Derivation:
    """Derives a part of the log again. ``fields``: what the destination's URL leaves of an event,
    as samples show it. ``samples``: so many are kept."""

    def __init__(
        self, store: Store, finisher: Finisher, *, fields: Fields | None, samples: int
    ) -> None:
        self._store = store
        self._finisher = finisher
        self._fields = fields
        self._samples = samples

    def preview(self, part: Part, bounds: tuple[int, int]) -> Derived:
        """What would change, between two positions (behind the first, up to the second)."""
        found = Derived()
        for piece in self._pieces(bounds):
            self._again(piece, part, found)
        return found

    def write(self, part: Part, bounds: tuple[int, int]) -> Iterator[Derived]:
        """Changes it, a piece in each transaction; how far that has come, after each."""
        found = Derived()
        for piece in self._pieces(bounds):
            changed = self._again(piece, part, found)
            with self._store.batch():
                self._store.replays.put_beside(changed)
            yield found

    def _pieces(self, bounds: tuple[int, int]) -> Iterator[Sequence[Beside]]:
        after, end = bounds
        while rows := self._store.replays.beside(after, end, _AT_ONCE):
            yield rows
            after = rows[-1].position

    def _again(self, piece: Sequence[Beside], part: Part, found: Derived) -> list[Beside]:
        """Those of a piece that change; of the part is also what only repairs make part of it."""
        changed = []
        for each in piece:
            was_part = part.covers(each.accepted_at, each.label)
            try:
                again, others = self._one(each)
            except MISTAKES:
                found.events += was_part
                found.broken += was_part
                continue
            if not was_part and (again is None or not part.covers(each.accepted_at, again.label)):
                continue
            found.events += 1
            found.split += others
            found.dropped += again is None
            if again is not None and again != each:
                self._tell(each, again, found)
                changed.append(again)
        return changed

    def _one(self, row: Beside) -> tuple[Beside | None, int]:
        """The row as it would be stored today, None where ``before_send`` drops it; and how many
        further events it would be split into."""
        event = decode_event(row.body)
        first, *others = self._finisher.versions(event, row.event_id, row.body)
        derived = self._derived(first.event, row.derived)
        made = self._finisher.row(
            first.event,
            event_id=row.event_id,
            at=row.accepted_at,
            derived=derived,
            body=first.body,
            original=row.body,
        )
        if made is None:
            return None, len(others)
        repaired, beside = made.repaired or row.body, made.derived
        if derived and beside is None:  # a hook has changed the event, and it is in there
            repaired, beside = _apart(repaired, derived)
        again = msgspec.structs.replace(
            row,
            kind=made.kind,
            label=made.label,
            derived=beside,
            bot=made.bot,
            derived_version=self._finisher.version if beside else 0,
            repaired=None if repaired == row.body else repaired,
        )
        return again, len(others)

    def _derived(self, event: Event, before: bytes | None) -> dict[str, Any]:
        """What follows from the event's own words today. What followed from what the log does not
        keep (a request's headers, what was known of the person then) stays."""
        new = self._finisher.derived(event, None)
        if not before:
            return new
        former = _derived.decode(before)
        left = {k: new.get(k, v) for k, v in former.items() if k in new or k not in FOLLOWING}
        return {**left, **new}

    def _tell(self, before: Beside, after: Beside, found: Derived) -> None:
        one, other = self._sent(before), self._sent(after)
        changes = dict(differences(_flat(one), _flat(other)))
        if not changes:
            return
        found.changed += 1
        for path in changes:
            if path in found.paths or len(found.paths) < _PATHS:
                found.paths[path] += 1
        if len(found.samples) < self._samples:
            found.samples.append(Sample(before.event_id, before.label, one.timestamp, changes))

    def _sent(self, row: Beside) -> Event:
        event = emission.event(_stored(row))
        return event if self._fields is None else self._fields.of(event)


def _apart(body: bytes, derived: Mapping[str, Any]) -> tuple[bytes, bytes | None]:
    """An event without what was derived, and that beside it, so that it can be derived again; what
    a hook has changed or taken out stays as the hook left it."""
    event = decode_event(body)
    context = event.context if isinstance(event.context, dict) else {}
    same = {key: value for key, value in derived.items() if context.get(key) == value}
    event.context = {key: value for key, value in context.items() if key not in same}
    return encode_event(event), _encode(same) if same else None


def differences(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The paths at which two flat values differ, in order, with both."""
    for path in sorted(one.keys() | other.keys()):
        if one.get(path) != other.get(path):
            yield path, (one.get(path), other.get(path))


def _flat(event: Event) -> dict[str, Any]:
    return dict(_paths("", msgspec.to_builtins(event)))


def _paths(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _paths(f"{path}.{name}" if path else str(name), each)
    else:
        yield path, value


def _stored(row: Beside) -> Stored:
    return Stored(
        row.position, row.event_id, "", row.accepted_at, row.kind, row.label,
        row.repaired or row.body, row.derived, row.bot,
    )  # fmt: skip
