"""Before an event goes for good, nothing may name the parcel that it shares with others.

The key of a parcel stands in the rows of all its events. So those that stay get their bodies back,
into their own rows and letters, in the transaction in which the first one goes. Before its end all
of the parcel can be read, and behind it nobody can read what the broker still has of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

from ...errors import StoreError
from . import sealing
from .database import Database
from .home import MARK, is_note
from .sealing import Sealed
from .shelf import Shelf

#: Among so many of the oldest events are those that stay beyond their time.
_OLDEST = 10_000


def part(
    ledger: Database, shelf: Shelf, leaving: Iterable[tuple[int, bytes]], *, letters: bool = False
) -> None:
    """These are about to go: positions, and what stands there as bodies. Of ``letters`` the event
    may stay in the log, which then gets its own body as its neighbours do. Call inside ``batch``.
    StoreError when the broker cannot be asked, without which nobody knows what stays."""
    notes = {at: note for at, note in leaving if is_note(note)} if shelf.bodies.together else {}
    if not notes:
        return
    parcels = shelf.parcels(sealing.named(notes.values()))
    whole = _whole(notes, parcels)
    _go_home(ledger, parcels, whole if letters else whole - notes.keys())


def settle(ledger: Database, shelf: Shelf, before: float) -> None:
    """Events of before a moment, at which their time was over, stay all the same: they and their
    neighbours get their bodies, since some of these may be gone, of which nobody finds anything any
    more; and so do letters. Where the broker cannot be asked, or has them no more, they keep their
    notes. Call inside ``batch``."""
    if not shelf.bodies.together:
        return
    asked = {"limit": _OLDEST, "before": before, "mark": MARK}
    overdue = [position for (position,) in ledger.all("log_overdue", asked)]
    ledger.unpack(overdue)
    notes = dict(ledger.all("log_noted", (ledger.listed(overdue),)))
    letters = dict(ledger.all("dead_noted", {"mark": MARK}))
    with suppress(StoreError):
        parcels = shelf.parcels(sealing.named((*notes.values(), *letters.values())))
        _go_home(ledger, parcels, _whole(notes, parcels))


def _go_home(ledger: Database, parcels: Mapping[bytes, Sealed], positions: Collection[int]) -> None:
    """Events at these positions, and all letters, that name these parcels get their bodies. It is
    all of a parcel's events or none: by one that names it, the others are found."""
    staying = sorted(positions)
    ledger.unpack(staying)
    rows = ledger.all("log_noted", (ledger.listed(staying),))
    ledger.change_each("log_body", _home(rows, parcels))
    noted = ledger.all("dead_noted", {"mark": MARK})
    ledger.change_each("dead_body", _home(noted, parcels))


def _whole(notes: Mapping[int, bytes], parcels: Mapping[bytes, Sealed]) -> set[int]:
    """The positions of all events in the parcels of some: rows of a put stand in the log as they
    were put."""
    found = set[int]()
    for (at, note), name in zip(notes.items(), sealing.named(notes.values()), strict=True):
        if (parcel := parcels.get(name)) is not None:
            first = at - parcel.numbers[sealing.number(note)]
            found.update(first + number for number in parcel.numbers)
    return found


def _home(
    rows: Iterable[tuple[int, bytes]], parcels: Mapping[bytes, Sealed]
) -> list[tuple[bytes, int]]:
    """The bodies of those rows that name one of these parcels, and the rows' keys."""
    noted = [(key, note) for key, note in rows if is_note(note)]
    notes = [note for _, note in noted]
    bodies = sealing.bodies(notes, sealing.named(notes), parcels)
    both = zip(bodies, noted, strict=True)
    return [(body, key) for body, (key, _) in both if body is not None]
