"""What comes into the core from outside: clock, ids, keys, files of the script, and the sinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..event import Sink
from .planned import NOTHING as UNPLANNED
from .planned import Planned
from .relay import Slot


@dataclass(frozen=True, slots=True)
class Script:
    """A file of the browser script as it is served: its bytes and their hash."""

    body: bytes
    digest: str


class NewId(Protocol):
    """Makes the id of something."""

    def __call__(self, millisecond: int = ..., /) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """What comes in from outside the core.

    ``sink`` takes what verbs say (it may wait for a commit), ``last_sink`` what a request leaves
    when it is over; ``keep`` and ``last_keep`` are the same for one entry that is JSON already,
    where there is a shorter way. ``new_id`` makes the id of what happens now, or in a millisecond
    since 1970 that is known already. ``count`` adds to a refusal counter; ``trouble`` takes a
    mistake: raises it in development, counts it and logs it once in production. ``keys`` run
    from the oldest to the newest, ``prefixes`` begin with the present one. ``scripts`` are the
    browser script's files by their purpose in ``routes.OWN``. ``domain_of`` says the Domain of
    our cookies for a host, ``site_of`` that of the vendors' cookies that we write. ``claim``
    says once for every id, in all processes, that nobody has claimed it yet. ``slots``: the
    vendors behind our own paths. ``resolved`` finds the function that a setting names. ``salt``
    gives the salt of a moment's day (UTC), the same in every process; None while none can be
    kept. ``plan``: what it reserves. ``serving``: what the process that serves the site says of
    itself to its doctor.
    """

    now: Callable[[], float]
    new_id: NewId
    sink: Sink
    last_sink: Sink
    count: Callable[[str, int], None]
    trouble: Callable[[Exception], None]
    keys: Sequence[str]
    prefixes: Sequence[str]
    scripts: Mapping[str, Script]
    version: str
    domain_of: Callable[[str], str | None] = lambda host: None
    site_of: Callable[[str], str | None] = lambda host: None
    claim: Callable[[str], bool] = lambda nonce: False
    slots: Mapping[str, Slot] = field(default_factory=dict)
    resolved: Callable[[str, Any], Callable[..., Any] | None] = lambda setting, named: None
    salt: Callable[[float], bytes | None] = lambda at: None
    plan: Planned = UNPLANNED
    keep: Callable[[bytes], bool] | None = None
    last_keep: Callable[[bytes], bool] | None = None
    serving: Callable[[], Mapping[str, Any]] = dict
