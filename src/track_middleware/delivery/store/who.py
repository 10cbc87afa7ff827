"""What the merge journal says of visitors and users: values only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

#: ``sign_in`` a framework's signal or loaded user · ``identify`` the verb, a browser's or an app's
#: message · ``alias`` two ids said to be one person's · ``join`` two tabs of one browser's first
#: visit · ``crossing`` a linked domain's visitor · ``migrated`` a former tool's.
How = Literal["sign_in", "identify", "alias", "join", "crossing", "migrated"]


class Merge(NamedTuple):
    """One line of the journal: ``visitor`` is ``user``, or the visitor ``same_as``; the other is
    empty. ``event_id`` is the event that said so ("" where none did), ``at`` and ``undone_at`` are
    epoch seconds; ``undone_from``: behind which position of the log it no longer holds."""

    visitor: str
    user: str
    same_as: str
    at: float
    event_id: str
    how: How
    undone_at: float | None = None
    undone_from: int | None = None


class Undone(NamedTuple):
    """From behind ``position`` on, ``visitor`` is not ``user``."""

    visitor: str
    user: str
    position: int


#: A visitor and a user.
Pair = tuple[str, str]


class Merges(Protocol):
    """What serving asks of the journal and writes there."""

    def undone(self) -> Sequence[Undone]:
        """Every merge that was undone."""
        ...

    def told(self, destination: str, visitors: Iterable[str]) -> Mapping[Pair, str]:
        """Which event told a destination that these visitors are some users."""
        ...

    def taken(self, destination: str, pairs: Collection[Pair]) -> Collection[Pair]:
        """Those of these merges of which no other worker tells the destination at this moment, nor
        will until the present step's end. What was told before is seen by a later ``told``."""
        ...

    def tell(self, destination: str, told: Mapping[Pair, str], *, at: float) -> None:
        """A destination was told of these merges, each by this event. One transaction."""
        ...
