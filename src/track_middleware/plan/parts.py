"""What a tracking plan consists of: events, their properties, and how a message breaks it.

Values only; no I/O happens here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

#: What becomes of an event that breaks the plan: it goes on and is counted; it waits among the dead
#: letters of stage ``plan``; it is counted and not kept.
Mode = Literal["warn", "quarantine", "refuse"]
MODES: tuple[Mode, ...] = ("warn", "quarantine", "refuse")

#: Why an event may be kept: the visitor's consent, or that a contract needs it (an order).
Basis = Literal["consent", "contract"]
BASES: tuple[Basis, ...] = ("consent", "contract")

#: What a property's value may be, by JSON Schema's names.
TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")

#: Which of Segment's messages an event is.
KINDS = ("track", "page", "screen", "identify", "group", "alias")

#: No entries.
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an event, or one member of a property that is an object.

    ``type``: the types that its value may have; empty: any; with ``"null"`` it may be null.
    ``format``: JSON Schema's (``date-time``, ``date``, ``uuid``, ``uri``, ``email``); it describes,
    and is not checked. ``pii``: what personal data it is (``email``, ``name``, …), ``unit`` what
    its number counts. ``destinations``: the only ones that get it (None: all that get the event).
    ``items`` is what an array holds, ``properties`` what an object holds. ``keywords`` are further
    keywords of JSON Schema (``{"minimum": 0}``).
    """

    name: str
    type: tuple[str, ...] = ()
    required: bool = False
    enum: tuple[Any, ...] | None = None
    pattern: str | None = None
    unit: str | None = None
    pii: str | None = None
    description: str = ""
    destinations: tuple[str, ...] | None = None
    format: str | None = None
    items: Property | None = None
    properties: tuple[Property, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the plan.

    ``platforms``: which send it, and since which version of the app (None: ever); empty: any may.
    ``destinations``: the names of the only ones that get it; None: all. ``sampling``: the share of
    visitors whose events go to destinations, 0 to 1. ``server_only``: a key metric, which only the
    server, or a write key of it, may send. ``mode`` None is the plan's. ``schema`` is a JSON Schema
    of the properties (of an identify's or group's traits), as imported: where there is one, it is
    what is checked, and ``properties`` are read from it. ``message`` is one of the whole message.
    ``source`` keeps what an imported file says besides.
    """

    name: str
    description: str = ""
    owner: str = ""
    platforms: Mapping[str, str | None] = field(default_factory=lambda: NOTHING)
    properties: tuple[Property, ...] = ()
    destinations: tuple[str, ...] | None = None
    sampling: float = 1.0
    server_only: bool = False
    mode: Mode | None = None
    basis: Basis = "consent"
    schema: Mapping[str, Any] | None = None
    message: Mapping[str, Any] | None = None
    kind: str = "track"
    source: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def property(self, name: str) -> Property | None:
        """The property of that name."""
        return next((each for each in self.properties if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Violation:
    """That an event breaks the plan: where (``properties.revenue``, ``event``), and how."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"
