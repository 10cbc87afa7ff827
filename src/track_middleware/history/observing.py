"""What the log's events really look like, platform by platform."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

import msgspec

from ..delivery.splice import several
from ..delivery.store.replays import Part
from ..delivery.store.whole import Store
from ..plan.observed import Looked, Observed

_AT_ONCE = 1000

_one = msgspec.json.Decoder(Looked)
_many = msgspec.json.Decoder(list[Looked])


def observed(
    store: Store,
    *,
    since: float = 0.0,
    after: int | None = None,
    globs: Sequence[str] = (),
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Observed:
    """The events that were accepted since a moment, or stand behind a position (``after``), without
    bots; ``globs``: only those names. ``progress`` is told how many of how many."""
    found = Observed()
    begin, end = after, store.end()
    if begin is None:
        begin, end = store.replays.bounds(Part(since, None, ()), end)
    at = begin
    while rows := [each for each in store.read(at, _AT_ONCE) if each.position <= end]:
        at = rows[-1].position
        progress(at - begin, end - begin)
        wanted = [
            each for each in rows if each.accepted_at >= since and is_named(each.label, globs)
        ]
        looks = several([each.body for each in wanted], together=_many, single=_one)
        for row, looked in zip(wanted, looks, strict=True):
            if looked is not None and row.bot is None:
                found.add(looked, row.label, row.accepted_at)
    return found


def is_named(label: str, globs: Sequence[str]) -> bool:
    """Whether an event is one of those; without globs every one is."""
    return not globs or any(fnmatchcase(label, each) for each in globs)
