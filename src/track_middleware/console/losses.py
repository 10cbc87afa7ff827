"""The loss meter's arithmetic: pages served to people against pages confirmed by a browser, and why
the others were not. Pure; docs/loss-meter.md says what each number means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: The classes of visitors' days, summed (``delivery/visits.py``).
Classes = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Loss:
    """Views. ``served`` is ``confirmed`` and its causes: ``left`` before the script ran, ``silent``
    (no JavaScript, or the script was blocked), ``odd`` (more like a program than like a browser),
    and ``unclear``. ``estimated``: so many of ``left`` and ``silent`` are of visitors who were
    served one page, and are told apart by what others did."""

    served: int = 0
    confirmed: int = 0
    left: int = 0
    silent: int = 0
    odd: int = 0
    unclear: int = 0
    estimated: int = 0

    @property
    def missing(self) -> int:
        """Views that no browser's script told of."""
        return self.served - self.confirmed

    @property
    def people(self) -> int:
        """Views served to what looks like people."""
        return self.served - self.odd

    @property
    def share(self) -> float | None:
        """The share of people's views that no script told of; None without any."""
        return (self.missing - self.odd) / self.people if self.people > 0 else None


def loss(served: int, confirmed: int, classes: Classes) -> Loss:
    """The causes of what is missing.

    Of a visitor in whose browser the script ran on some page of a day, what is missing was left
    before. Of one who was served several pages and none of whose browser's scripts ran, there runs
    none. Of one who was served a single page, both may be: they are divided by ``silent_once``.
    """
    once = classes.get("once_silent", 0)
    silent_once = _silent_once(classes)
    silent = classes.get("noscript_views", 0) + classes.get("silent_views", 0) + silent_once
    left = classes.get("left", 0) + once - silent_once
    odd = classes.get("odd", 0)
    unclear = served - confirmed - silent - left - odd
    return Loss(served, confirmed, left, silent, odd, unclear, once)


def _silent_once(classes: Classes) -> int:
    """How many visitors who were served one page, and whose script did not run, have none.

    Whether a browser runs scripts does not change how many of its visitors look at one page only.
    So of all who looked at one (``ran`` + ``once``) as many have no script as of all who looked at
    several (``silent`` of ``several``).
    """
    once, silent = classes.get("once_silent", 0), classes.get("more_silent", 0)
    several = classes.get("more_run", 0) + silent
    if not several:
        return 0
    return min(once, round(silent * (classes.get("once_run", 0) + once) / several))


@dataclass(frozen=True, slots=True)
class Blockers:
    """What the bait found: of how many visitors' days, how many had a blocker (``share``); and of
    the views that browsers told of, how many a script of another host would not have told of
    (``kept``), all visitors being like those that were asked."""

    asked: int
    blocked: int
    share: float | None
    kept: int | None


def blockers(classes: Classes) -> Blockers:
    """What the bait found on days with these classes."""
    asked, blocked = classes.get("baited", 0), classes.get("blocked", 0)
    views = classes.get("baited_views", 0)
    kept = (
        round(classes.get("kept", 0) * classes.get("blocked_views", 0) / views) if views else None
    )
    return Blockers(asked, blocked, blocked / asked if asked else None, kept)


def summed(days: Iterable[Classes]) -> dict[str, int]:
    """The classes of several days together."""
    found: dict[str, int] = {}
    for classes in days:
        for name, count in classes.items():
            found[name] = found.get(name, 0) + count
    return found
