"""Forgetting what is past its time, in small steps between the turns of the drain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..settings import Settings
from . import counters, segments
from .salts import Agreement
from .store.whole import Store

#: How often the store is tidied, in seconds; while there is more to forget, at every turn.
EVERY = 10.0

_DAY = 86400.0

#: So many events go in one step.
_LET_GO_AT_ONCE = 500

#: Events of so many seconds ago are made small: whoever serves them has mostly done so.
_PACKED = 3600.0

#: So many days after its first view a session's last event may still come.
_LATE = 30

#: Page rows are kept a day longer than they are asked for.
_PAGES_KEPT = 8 * _DAY


class Retention:
    """Keeps one store and the counters beside it tidy, for the destinations of these names."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        data_dir: Path,
        *,
        names: Sequence[str],
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._settings = settings
        self._data_dir = data_dir
        self._names = names
        self._now = now
        self._monotonic = monotonic
        self._next = monotonic() + EVERY
        self._salts = Agreement(store, data_dir, wanted=settings.cookieless)
        self._traces: bool | None = None
        if settings.unstored:
            store.unstored.overwrite_freed()

    def begin(self) -> None:
        """What must not wait for a turn."""
        self._salts.tend(self._now())

    def let_go(self) -> bool:
        """Removes what the store does not keep and every destination has had, from everywhere in
        the data folder; True when there may be more. While somebody reads, a part stays for now."""
        store = self._store
        if self._traces is None:
            # An earlier worker may have been killed before it had overwritten all.
            self._traces = store.unstored.gone(0, store.end()) > 0
        if store.unstored.left():
            gone = store.unstored.drop(
                served_by=self._names, end=store.end(), now=self._now(), limit=_LET_GO_AT_ONCE
            )
            self._traces = self._traces or gone > 0
            if gone == _LET_GO_AT_ONCE:
                return True
        if self._traces:
            store.sync()
            segments.blank(self._data_dir, store.intake.offsets())
            self._traces = not store.unstored.empty_wal()
        return False

    def turn(self) -> None:
        """One step, when it is time to."""
        if self._monotonic() >= self._next:
            self._next = self._monotonic() + EVERY
            if self._step():
                self._next = self._monotonic()

    def _step(self) -> bool:
        """Forgets a little and sums up dead processes' counters; True when there may be more."""
        now, settings = self._now(), self._settings
        counters.fold(self._data_dir / counters.FOLDER)
        self._store.unstored.forget(now - settings.keep_days * _DAY)
        more = self.let_go()
        more |= self._store.forget(
            events=now - settings.keep_days * _DAY,
            ids=now - settings.dedupe_days * _DAY,
            pages=now - _PAGES_KEPT,
            served_by=self._names,
            counted=self._store.views.counted().position,
        )
        today = int(now // _DAY)
        more |= self._store.views.forget(
            visitors=today - settings.keep_days, sessions=today - _LATE, closed=today - 1,
            limit=_LET_GO_AT_ONCE,
        )  # fmt: skip
        self._store.looks.forget(today - settings.keep_days)
        more |= self._store.histories.forget(now - settings.dedupe_days * _DAY, _LET_GO_AT_ONCE)
        self._salts.tend(now)
        return self._store.pack(now - _PACKED) or more
