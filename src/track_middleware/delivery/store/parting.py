"""Before an event goes for good, nothing may name the parcel that it shares with others.

The key of a parcel stands in the rows of all its events. So those that stay get their bodies back,
into their own rows and letters, in the transaction in which the first one goes. Before its end all
of the parcel can be read, and behind it nobody can read what the broker still has of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import sealing
from .database import Database
from .home import MARK, is_note
from .sealing import Sealed
from .shelf import Shelf


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
    staying = sorted(whole if letters else whole - notes.keys())
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
