"""A dict as the broker that keeps the bodies of a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from track_middleware.delivery.store import sqlite
from track_middleware.delivery.store.bodies import Held, Parcel
from track_middleware.delivery.store.parcelled import Parcelled
from track_middleware.delivery.store.shelf import Shelf
from track_middleware.delivery.store.whole import Store
from track_middleware.errors import StoreError


class Memory:
    """``Bodies`` in a dict."""

    name = "memory"

    def __init__(self, *, together: int = 0) -> None:
        self.together = together
        self.put_here: list[Parcel] = []
        self.contents: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.asked_to_forget: list[list[str]] = []
        self.is_down = False
        self.users = 0

    def make(self, keep_days: int) -> bool:
        return False

    def put(self, parcels: Iterable[Parcel]) -> Sequence[str]:
        self._check()
        first = len(self.put_here)
        made = list(parcels)
        self.put_here += made
        places = [str(number) for number in range(first, len(self.put_here))]
        self.contents.update(zip(places, [each.content for each in made], strict=True))
        return places

    def get(self, places: Sequence[str]) -> Mapping[str, bytes]:
        self._check()
        self.asked += places
        return {place: self.contents[place] for place in places if place in self.contents}

    def forget(self, oldest: Sequence[str]) -> None:
        self._check()
        self.asked_to_forget.append(list(oldest))

    def held(self) -> Held:
        self._check()
        return Held(len(self.contents), 7, None, None, 1, 1)

    def close(self) -> None:
        self.users -= 1

    def _check(self) -> None:
        if self.is_down:
            raise StoreError("the broker is down")


def opened(data_dir: Path, memory: Memory, *, clock: Sequence[float] = (0.0,)) -> Store:
    """As a process opens it that remembers nothing yet."""
    memory.users += 1
    shelf = Shelf(memory, monotonic=lambda: clock[-1])
    return sqlite.open(
        data_dir / "events.db", broker="memory", around=lambda ledger: Parcelled(ledger, shelf)
    )
