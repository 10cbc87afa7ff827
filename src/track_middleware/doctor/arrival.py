"""Whether what the site was sent turns up in the data folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from ..delivery import segments
from ..delivery.store import Stored, opening
from ..delivery.store.whole import Store
from ..settings import Settings

T = TypeVar("T")

#: How often is looked, in seconds.
_LOOK = 0.1

#: ``stored``: it is in the log; ``waiting``: it lies in the spool; ``dropped``: the worker has read
#: it and kept nothing; ``nowhere``: it never came to this data folder.
Fate = Literal["stored", "waiting", "dropped", "nowhere"]


class Arrivals:
    """Made before the site is asked; then it knows where the log ended."""

    def __init__(self, settings: Settings, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._url = settings.store
        self._end = self._each(lambda store: store.end()) or 0
        self._was_here = False

    def fate(
        self, load: str, page: str, names: Sequence[str], patience: float
    ) -> tuple[Fate, Stored | None]:
        """What became of a page view: ``load`` is the id of its load, ``page`` its own ("" where
        the page had none), ``names`` the ids that its event may have. Waits at most so many seconds
        for the worker."""
        deadline = time.monotonic() + patience
        while True:
            found = self._stored(names)
            if found is not None:
                return "stored", found
            waits = self._in_spool(load)
            known = bool(self._each(lambda store: store.intake.pages([page]))) if page else False
            self._was_here = self._was_here or waits or known
            if not self._was_here and self._stored(names) is None:
                return "nowhere", None
            if time.monotonic() > deadline:
                return "waiting" if waits else "dropped", None
            time.sleep(_LOOK)

    def behind(self, position: int, destinations: Sequence[str], patience: float) -> list[str]:
        """Those of the destinations that do not come by a place of the log in so many seconds, and
        are not paused either."""
        deadline = time.monotonic() + patience
        while True:
            jobs = self._each(lambda store: list(store.jobs())) or []
            behind = [
                job.destination
                for job in jobs
                if job.end is None and job.destination in destinations
                if job.position < position and not (job.paused_until or job.pause_reason)
            ]
            if not behind or time.monotonic() > deadline:
                return behind
            time.sleep(_LOOK)

    def _stored(self, names: Sequence[str]) -> Stored | None:
        def look(store: Store) -> Stored | None:
            after = self._end
            while rows := store.read(after, 500):
                for row in rows:
                    if row.event_id in names:
                        return row
                after = rows[-1].position
            return None

        return self._each(look)

    def _in_spool(self, name: str) -> bool:
        offsets = dict(self._each(lambda store: store.intake.offsets()) or {})
        sought = name.encode()
        return any(sought in frame for frame in segments.unread(self._data_dir, offsets))

    def _each(self, look: Callable[[Store], T]) -> T | None:
        """What a look at the store gives; None while there is no store."""
        store = opening.to_read(self._url, self._data_dir)
        if store is None:
            return None
        try:
            return look(store)
        finally:
            store.close()
