"""What a broker keeps of events, and what stands in an event's row instead of its body.

The bodies of a parcel are sealed together (AES-256-GCM) with a key that each of their rows keeps
beside the place: once no row names a parcel, nobody can read what the broker still has. A key seals
one parcel, so that there is nothing to count or draw for a nonce. Inside, beside the bodies, stands
the distance of their rows in the log, so that from one of them all are found (``parting.py``).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...errors import StoreError
from .bundles import MOST
from .home import MARK

#: Bytes of a key, and of a parcel's id.
_KEY, _ID = 32, 8

#: So many keys are drawn at once.
_DRAWN = 64

#: A note is the mark, the body's number in its parcel (two bytes), and what names the parcel: the
#: key and the place.
_NUMBER = len(MARK)
_NAME = _NUMBER + 2

_ONCE = bytes(12)


class Sealed(NamedTuple):
    """What is sealed: the numbers of the rows among all of their put, and their bodies."""

    numbers: Sequence[int]
    bodies: Sequence[bytes]


#: How the notes of a parcel's bodies begin.
_FRONTS = [MARK + number.to_bytes(2, "big") for number in range(MOST)]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Sealed)


def drawn() -> Iterator[tuple[str, bytes]]:
    """Random ids and keys for parcels, without an end."""
    size = _ID + _KEY
    while True:
        some = secrets.token_bytes(size * _DRAWN)
        for at in range(0, len(some), size):
            yield some[at : at + _ID].hex(), some[at + _ID : at + size]


def sealed(bodies: Sealed, key: bytes, room: bytearray) -> bytes:
    """What a key, which has sealed nothing yet, seals bodies as. They are written to the room,
    which is the faster the more it has had before."""
    _encoder.encode_into(bodies, room)
    return AESGCM(key).encrypt(_ONCE, room, None)


def name(key: bytes, place: str) -> bytes:
    """What names a parcel that is sealed with this key and lies there."""
    return key + place.encode("ascii")


def notes(name: bytes, bodies: Sealed) -> list[bytes]:
    """What stands in the rows of a parcel's bodies instead of them."""
    return [front + name for front in _FRONTS[: len(bodies.bodies)]]


def named(notes: Iterable[bytes]) -> list[bytes]:
    """What names the parcels in which the bodies of some notes lie."""
    return [note[_NAME:] for note in notes]


def number(note: bytes) -> int:
    """Which of its parcel's bodies a note stands for."""
    return note[_NUMBER] << 8 | note[_NUMBER + 1]


def bodies(
    notes: Sequence[bytes], names: Sequence[bytes], parcels: Mapping[bytes, Sealed]
) -> list[bytes | None]:
    """The bodies of notes that have these names; None where the parcel is not among these."""
    lists = {name: parcel.bodies for name, parcel in parcels.items()}
    return [
        None if (one := lists.get(name)) is None else one[note[_NUMBER] << 8 | note[_NUMBER + 1]]
        for note, name in zip(notes, names, strict=True)
    ]


def place(name: bytes) -> str:
    """Where a parcel lies."""
    return name[_KEY:].decode("ascii")


def opened(name: bytes, content: bytes) -> Sealed:
    """What was sealed in a parcel. StoreError when the content is another's, or damaged."""
    try:
        return _decoder.decode(AESGCM(name[:_KEY]).decrypt(_ONCE, content, None))
    except InvalidTag:
        raise StoreError(
            f"the broker has something else at {place(name)} than was put there: was its log made "
            "anew, or does store name another one?"
        ) from None
