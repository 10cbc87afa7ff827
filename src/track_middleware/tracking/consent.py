"""What a visitor permits, per purpose, decided before anything else happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import EventError
from ..settings import Settings

PURPOSES = ("analytics", "marketing")
GRANTED, DENIED, PENDING = "granted", "denied", "pending"

#: A state of every purpose: {"analytics": "granted", "marketing": "denied"}.
Consent = dict[str, str]


class Choice(msgspec.Struct, array_like=True, frozen=True):
    """What somebody chose, as the consent cookie holds it: no id, only states and the time."""

    states: dict[str, str]
    at: int


class Rules:
    """The site's rules: its mode, and what GPC and DNT deny."""

    __slots__ = ("_denied_by_dnt", "_denied_by_gpc", "_known", "default")

    def __init__(self, settings: Settings) -> None:
        state = GRANTED if settings.consent == "opt_out" else PENDING
        self.default: Consent = dict.fromkeys(PURPOSES, state)
        by_gpc = {"marketing": ("marketing",), "all": PURPOSES}
        self._denied_by_gpc = by_gpc.get(str(settings.respect_gpc), ())
        self._denied_by_dnt = PURPOSES if settings.dnt else ()
        self._known: dict[tuple[bool, bool], Consent] = {
            (gpc, dnt): self._decided(None, gpc, dnt)
            for gpc in (True, False)
            for dnt in (True, False)
        }

    def decide(self, choice: Choice | None, *, gpc: bool, dnt: bool) -> Consent:
        """What holds for a request. A refusal by GPC or DNT stands over any choice."""
        if choice is None:
            return self._known[gpc, dnt]
        return self._decided(choice, gpc, dnt)

    def _decided(self, choice: Choice | None, gpc: bool, dnt: bool) -> Consent:
        states = {**self.default, **(choice.states if choice else {})}
        denied = (*(self._denied_by_gpc if gpc else ()), *(self._denied_by_dnt if dnt else ()))
        return {name: DENIED if name in denied else states[name] for name in PURPOSES}


def chosen(given: Mapping[str, Any], before: Choice | None, now: float) -> Choice:
    """The choice that ``given`` ({purpose: bool or state}) makes of the one before.

    A purpose that is not named stays as it was. EventError for an unknown purpose or value.
    """
    states = dict(before.states) if before else {}
    for purpose, value in given.items():
        if purpose not in PURPOSES:
            raise EventError(f"consent knows {' and '.join(PURPOSES)}, not {str(purpose)[:40]!r}")
        states[purpose] = _state(value)
    return Choice(states, int(now))


def _state(value: object) -> str:
    if value is True or value == GRANTED:
        return GRANTED
    if value is False or value == DENIED:
        return DENIED
    raise EventError("a consent is true, false, 'granted' or 'denied'")
