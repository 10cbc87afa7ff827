"""Cutting values to a vendor's limits, and packing encoded events under its sizes. Pure."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

import msgspec

_ATOMS = frozenset((int, float, bool, type(None)))

_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class Cutter:
    """Shortens values to limits and counts what it shortened.

    ``text``: longest string in characters; ``keys``: most keys of an object and most items of a
    list; ``depth``: deepest nesting, below which a value becomes its JSON text.
    """

    text: int | None = None
    keys: int | None = None
    depth: int = 40
    count: int = 0

    def cut(self, value: Any, level: int = 0) -> Any:
        """The value within the limits; the same object where nothing had to change."""
        if isinstance(value, str):
            return self.string(value)
        if not isinstance(value, (dict, list)) or (not value and level < self.depth):
            return value
        if level >= self.depth:
            self.count += 1
            return _encoder.encode(value).decode()[: self.text]
        if self.keys is not None and len(value) > self.keys:
            self.count += 1
        if isinstance(value, list):
            return [self.cut(each, level + 1) for each in value[: self.keys]]
        text = sys.maxsize if self.text is None else self.text
        # Most values are short or no text at all: they are looked at here, without a call.
        return {
            name if len(name) <= text else self.string(name): each
            if each.__class__ in _ATOMS or (each.__class__ is str and len(each) <= text)
            else self.cut(each, level + 1)
            for name, each in islice(value.items(), self.keys)
        }

    def string(self, value: str) -> str:
        if self.text is None or len(value) <= self.text:
            return value
        self.count += 1
        return value[: self.text]


Piece = tuple[str, bytes]


def packed(pieces: Iterable[Piece], *, most: int, size: int) -> Iterator[Sequence[Piece]]:
    """Runs of (id, JSON) pieces, in order, of at most ``most`` pieces and ``size`` bytes of JSON.

    Pieces of one event that follow each other stay in one run where they fit, so that an answer is
    about all of them. A piece that is larger by itself comes alone; its size must have been looked
    at before.
    """
    run: list[Piece] = []
    held = 0
    for piece in pieces:
        weight = len(piece[1]) + 1
        if run and (len(run) >= most or held + weight > size):
            begun = _begun(run, piece, size=size)
            yield run[: len(run) - len(begun)]
            run, held = begun, _weight(begun)
        run.append(piece)
        held += weight
    if run:
        yield run


def _begun(run: Sequence[Piece], piece: Piece, *, size: int) -> list[Piece]:
    """The end of a run that belongs to the next piece's event and goes with it."""
    begun = [*takewhile(lambda each: each[0] == piece[0], reversed(run))][::-1]
    fits = len(begun) < len(run) and _weight([*begun, piece]) <= size
    return begun if fits else []


def _weight(pieces: Sequence[Piece]) -> int:
    return sum(len(body) + 1 for _, body in pieces)


def routed(
    pieces: Iterable[tuple[str, str, Piece]], *, most: int, sizes: Mapping[str, int]
) -> list[tuple[str, list[Piece]]]:
    """Runs of pieces by road, as few as keep each visitor's pieces in order over all runs.

    ``pieces`` are (road, visitor, piece) in the order of the log; ``sizes`` are a road's most bytes
    of JSON, ``most`` is as in ``packed``. A piece joins its road's latest run unless an earlier
    piece of its visitor is in a later run.
    """
    runs: list[tuple[str, list[Piece]]] = []
    held: list[int] = []
    latest: dict[str, int] = {}
    reached: dict[str, int] = {}
    for road, visitor, piece in pieces:
        weight = len(piece[1]) + 1
        at = latest.get(road, -1)
        free = at >= reached.get(visitor, 0)
        if not free or len(runs[at][1]) >= most or held[at] + weight > sizes[road]:
            at = latest[road] = len(runs)
            runs.append((road, []))
            held.append(0)
        runs[at][1].append(piece)
        held[at] += weight
        reached[visitor] = at
    return runs


def listed(pieces: Sequence[Piece]) -> bytes:
    """The pieces as one JSON list."""
    return b"[" + b",".join([body for _, body in pieces]) + b"]"


def ids(pieces: Sequence[Piece]) -> tuple[str, ...]:
    """Whose pieces they are, in order."""
    return tuple([each for each, _ in pieces])
