"""Persons that were erased, told from others by keyed hashes: their stragglers are dropped.

A visitor and a page are dropped for ever, a user for what happened up to the erasure: whoever signs
up again under the same id is counted again, from a browser that forgot the old visitor.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..errors import StoreError
from ..event import epoch
from .persons import Held, Names, entry

#: The file of the data folder whose content keys the hashes.
SECRET = "secret"


class Graves(Protocol):
    """Where the hashes are kept."""

    def any_tombstone(self) -> bool: ...

    def tombstones(self, names: Iterable[str]) -> Mapping[str, float | None]: ...


def name(key: bytes, kind: str, id_: str) -> str:
    """The keyed hash under which a ``user``, ``visitor`` or ``page`` is remembered."""
    return hmac.digest(key, f"{kind}:{id_}".encode(), "sha256").hex()[:40]


class Tombstones:
    """Says which frames are of an erased person. Asks for nothing while nobody was erased."""

    def __init__(self, graves: Graves, data_dir: Path) -> None:
        self._graves = graves
        self._path = data_dir / SECRET
        self._key = b""

    def dropped(self, frames: Sequence[bytes]) -> frozenset[int]:
        """The indices of frames that may not be kept. Call it in the transaction that keeps the
        others. StoreError without the folder's secret."""
        if not frames or not self._graves.any_tombstone():
            return frozenset()
        return self.erased([entry(raw) for raw in frames])

    def erased(self, pieces: Sequence[Held]) -> frozenset[int]:
        """The indices of those that are an erased person's. StoreError without the folder's
        secret."""
        if not pieces or not self._graves.any_tombstone():
            return frozenset()
        named = [self._names(each) for each in pieces]
        known = self._graves.tombstones({each for names in named for each in names})
        if not known:
            return frozenset()
        return frozenset(
            index
            for index, names in enumerate(named)
            if any(each in known and _covers(known[each], at) for each, at in names.items())
        )

    def _names(self, held: Held) -> dict[str, float]:
        """The hashes of what a frame names, each with the moment at which that happened."""
        found: dict[str, float] = {}
        for each in held.names:
            at = _happened(each, held.at)
            for kind, id_ in (
                ("user", each.user_id), ("user", each.claimed), ("user", each.previous_id),
                ("visitor", each.anonymous_id), ("visitor", each.previous_id),
            ):  # fmt: skip
                if id_:
                    name = self._hash(kind, id_)
                    found[name] = min(at, found.get(name, at))
        if held.page is not None:
            found[self._hash("page", held.page.id)] = held.at
        return found

    def _hash(self, kind: str, id_: str) -> str:
        if not self._key:
            try:
                self._key = self._path.read_bytes().strip()
            except OSError as error:
                raise StoreError(
                    f"{self._path} cannot be read, by which erased persons are known: {error}"
                ) from error
        return name(self._key, kind, id_)


def _happened(names: Names, at: float) -> float:
    try:
        return min(at, epoch(names.timestamp)) if names.timestamp else at
    except ValueError:
        return at


def _covers(until: float | None, at: float) -> bool:
    return until is None or at <= until
