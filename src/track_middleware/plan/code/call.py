"""What is read of a source file: its calls of the verbs, their names and properties.

Values only; no I/O happens here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Where a verb takes its name and its properties, by position, and by which keywords.
Shape = tuple[int | None, int]

#: Verb -> where a name and the properties stand, in the order that our own verbs and Segment's SDKs
#: for browsers and apps take them. A verb without a name has None.
SHAPES: Mapping[str, Shape] = {
    "track": (0, 1), "page": (0, 1), "screen": (0, 1), "identify": (None, 1), "group": (None, 1),
}  # fmt: skip

#: Deeper literals are not read.
DEPTH = 20

#: The first line of what ``plan types`` writes says so: its functions are the calls then.
TYPED = "track-middleware plan types"


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that only the running program knows. ``type``: by JSON Schema's name, where the
    source tells it (an f-string is a string)."""

    type: str | None = None


UNREAD = Unread()


@dataclass(frozen=True, slots=True)
class Members:
    """An object as far as the source tells it; ``complete``: it has no further members."""

    known: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = True


NO_MEMBERS = Members()
UNREAD_MEMBERS = Members(complete=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a verb, or one element with ``data-track``.

    ``name`` None: it cannot be read, and ``said`` is what stands in its place. Values among the
    properties are JSON's, ``Unread``, or ``Members`` and lists of them. ``line`` and ``column``
    count from 1. ``platform``: whose SDK it is, where that tells it.
    """

    kind: str
    name: str | None
    properties: Members
    line: int
    column: int = 1
    said: str = ""
    platform: str | None = None

    @property
    def label(self) -> str | None:
        """The name by which a plan knows the event; None where it cannot be read."""
        return self.name if self.kind == "track" else self.kind.capitalize()


@dataclass(frozen=True, slots=True)
class Source:
    """What one file says. ``functions`` are the names of whatever it calls; ``typed``: it was
    written by ``plan types``. ``trouble`` are (line, what could not be read) pairs."""

    calls: Sequence[Call] = ()
    functions: frozenset[str] = frozenset()
    typed: bool = False
    trouble: Sequence[tuple[int, str]] = ()


def short(text: str) -> str:
    """A piece of source in a message: one line, 60 characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


def joined(sources: Iterable[Source]) -> Source:
    """Several pieces of one file, as one."""
    parts = tuple(sources)
    return Source(
        calls=tuple(call for each in parts for call in each.calls),
        functions=frozenset().union(*(each.functions for each in parts)),
        typed=any(each.typed for each in parts),
        trouble=tuple(line for each in parts for line in each.trouble),
    )
