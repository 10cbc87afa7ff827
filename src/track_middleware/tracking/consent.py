"""What a visitor permits, per purpose, decided before anything else happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..errors import EventError
from ..http import Request
from ..settings import Settings

PURPOSES = ("analytics", "marketing")
GRANTED, DENIED, PENDING = "granted", "denied", "pending"

#: A state of every purpose: {"analytics": "granted", "marketing": "denied"}.
Consent = dict[str, str]


class Choice(msgspec.Struct, array_like=True, frozen=True):
    """What somebody chose, as the consent cookie holds it: no id, only states and the time.

    ``seen`` is what other banners' cookies said last, a word of each, with commas between.
    """

    states: dict[str, str]
    at: int
    seen: str = ""


class Rules:
    """The site's rules: its mode, and what GPC and DNT deny. ``usual`` is what holds without either
    and without a choice, ``usual_json`` says it."""

    __slots__ = ("_by_dnt", "_by_gpc", "_known", "usual", "usual_json")

    def __init__(self, settings: Settings) -> None:
        state = GRANTED if settings.consent == "opt_out" else PENDING
        self.usual: Consent = dict.fromkeys(PURPOSES, state)
        self.usual_json = as_json(self.usual)
        by_gpc = {"marketing": ("marketing",), "all": PURPOSES}
        self._by_gpc = by_gpc.get(str(settings.respect_gpc), ())
        self._by_dnt = PURPOSES if settings.dnt else ()
        self._known = {denied: self._decided(None, denied) for denied in ((), *by_gpc.values())}

    def denied(self, request: Request) -> tuple[str, ...]:
        """The purposes that a request's headers refuse (GPC, DNT), whatever was chosen."""
        if self._by_dnt and request.header("dnt") == "1":
            return self._by_dnt
        return self._by_gpc if request.gpc == "1" else ()

    def signal(self, request: Request) -> str:
        """Which header of a request refuses something: ``gpc``, ``dnt``, "" for none."""
        if self._by_dnt and request.header("dnt") == "1":
            return "dnt"
        return "gpc" if self._by_gpc and request.gpc == "1" else ""

    def decide(self, choice: Choice | None, denied: tuple[str, ...]) -> tuple[Consent, bool]:
        """What holds, and whether the visitor may be tracked at all. A refusal by the browser
        stands over any choice."""
        return self._known[denied] if choice is None else self._decided(choice, denied)

    def _decided(self, choice: Choice | None, denied: tuple[str, ...]) -> tuple[Consent, bool]:
        states = {**self.usual, **(choice.states if choice else {})}
        consent = {name: DENIED if name in denied else states[name] for name in PURPOSES}
        return consent, consent["analytics"] == GRANTED


def as_json(consent: Consent) -> str:
    """What holds, as JSON."""
    return f'{{"analytics":"{consent["analytics"]}","marketing":"{consent["marketing"]}"}}'


def any_granted(consent: Consent, purposes: Iterable[str]) -> bool:
    """Whether at least one of these purposes is granted."""
    return any(consent[purpose] == GRANTED for purpose in purposes)


def chosen(given: Mapping[str, Any], before: Choice | None, now: float) -> Choice:
    """The choice that ``given`` ({purpose: bool or state}) makes of the one before.

    A purpose that is not named stays as it was. EventError for an unknown purpose or value.
    """
    if not isinstance(given, Mapping):
        raise EventError(f"a choice is {{purpose: bool}}, not a {type(given).__name__}")
    states = dict(before.states) if before else {}
    for purpose, value in given.items():
        if purpose not in PURPOSES:
            raise EventError(f"consent knows {' and '.join(PURPOSES)}, not {str(purpose)[:40]!r}")
        states[purpose] = _state(value)
    return Choice(states, int(now), before.seen if before else "")


def _state(value: object) -> str:
    if value is True or value == GRANTED:
        return GRANTED
    if value is False or value == DENIED:
        return DENIED
    raise EventError("a consent is true, false, 'granted' or 'denied'")
