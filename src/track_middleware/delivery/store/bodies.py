"""The seam of a log at a broker: what keeps the bodies of events while the ledger keeps the rest.

The ledger alone decides what is stored, where it stands and who serves it. A broker is a durable,
replicated place for contents: nothing at it says whose they are, and whoever has not the row cannot
read them (``sealing.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

#: So many shards a broker's log has; ``shard`` is from 0 up to it.
SHARDS = 8


class Parcel(msgspec.Struct, frozen=True, gc=False):
    """A content on its way to the broker: the sealed bodies of some events, mostly of at most some
    hundred KiB.

    ``id`` is random, 16 hex digits; the same while one parcel is put again and again, another once
    its events are sealed anew. It says nothing of them, and may stand at the broker for ever.
    ``shard`` is that of the events' visitors: contents of one shard lie in the order of the log.
    """

    id: str
    shard: int
    content: bytes


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a broker's set-up; ``is_grave``: events are lost by it, or refused."""

    is_grave: bool
    problem: str
    fix: str


class Held(msgspec.Struct, frozen=True):
    """What a broker says of itself, for ``status`` and ``doctor``: messages and bytes that it
    keeps (None: it does not say), the moment of the oldest (None: empty), for how many seconds it
    keeps any (None: for ever), how many copies there are of each, and of how many it should be."""

    messages: int
    size: int | None
    oldest: float | None
    max_age: float | None
    copies: int
    replicas: int
    faults: Sequence[Fault] = ()


class Bodies(Protocol):
    """Contents at a broker. Any thread may use it, several at once; it connects when it is first
    asked for something, and again when the connection was lost. Nothing of it survives a fork.

    ``name`` is how the place is called where people read it (without a password), and by which the
    ledger knows it again: the same broker's addresses may change, the name may not. ``together``:
    bytes of bodies that are best put as one parcel, 0: each alone; whoever wants one reads all.
    """

    name: str
    together: int

    def make(self, keep_days: int) -> bool:
        """Makes the log at the broker unless it is there; whether it was not. It keeps contents at
        least so many days. StoreError when it cannot."""
        ...

    def put(self, parcels: Iterable[Parcel]) -> Sequence[str]:
        """Keeps contents; when it returns they are durable, on as many copies as were asked for.
        Their places, in the order of the parcels, of at most 60 ASCII characters. Parcels may be
        made while the first are on their way.

        StoreError when the broker did not take all of them in a few seconds: some may lie there,
        which no row will ever name; the drain comes again with new parcels."""
        ...

    def get(self, places: Sequence[str]) -> Mapping[str, bytes]:
        """The contents at these places, which mostly are neighbours and in order; those that the
        broker keeps no more are left out. StoreError when it cannot be asked."""
        ...

    def forget(self, oldest: Sequence[str]) -> None:
        """Places that the oldest rows name, those of some puts: what was put before all of them may
        go. StoreError when the broker cannot be asked."""
        ...

    def held(self) -> Held:
        """What the broker says of itself. StoreError when it cannot be asked."""
        ...

    def close(self) -> None:
        """Lets the connection go. It may be used again."""
        ...
