"""Which events a destination is given: ``?events=``, ``?bots=`` and ``?purpose=`` of its URL.

No I/O happens here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from ..address import Address
from ..event import CHECKED, DOCTOR, REQUEST
from ..globs import matching
from .options import choice, flag, wrong

#: What is delivered only where it is asked for.
_OURS = frozenset((REQUEST, CHECKED))

#: What a visitor is asked about.
PURPOSES = ("analytics", "marketing")


class Logged(Protocol):
    """An event as the log tells of it."""

    @property
    def label(self) -> str: ...

    @property
    def bot(self) -> str | None: ...

    @property
    def order_key(self) -> str: ...

    @property
    def body(self) -> bytes: ...


E = TypeVar("E", bound=Logged)


@dataclass(frozen=True, slots=True)
class Filter:
    """Says whether an event goes to a destination.

    ``labels`` matches the labels asked for (None: all but ours). A ``purpose`` that is named
    must be granted in the event's ``context.consent``; an event that does not say so is not given.
    ``planned``: what the tracking plan says of a label and a visitor; None: nothing.

    Analytics must be granted in any case. Three things in the log lack it: the record of a choice
    that does not grant it, which nobody is given, what was counted without cookies before a choice,
    and what a contract needs (an order). The latter two are given where no purpose is named: by
    ``cookieless``, or the plan's ``basis``, the site has said that it counts them, and such an
    event has no id of the browser and no address. Who wants none of it at a destination names
    ``?purpose=analytics`` there.
    """

    labels: re.Pattern[str] | None = None
    bots: bool = False
    purpose: str | None = None
    planned: Callable[[str, str], bool] | None = None

    def wants(self, label: str, *, bot: str | None, whom: str = "") -> bool:
        """By what the log says beside the body; ``bot`` is the bot's name or class, ``whom`` the
        visitor, else the user. The doctor's own visits are nobody's."""
        if bot is not None and (not self.bots or bot == DOCTOR):
            return False
        if self.planned is not None and not self.planned(label, whom):
            return False
        if self.labels is None:
            return label not in _OURS
        return self.labels.match(label) is not None

    def of(self, events: Sequence[E]) -> Sequence[E]:
        """Those of some events that the destination is given; many of them are alike."""
        kinds = {(each.label, each.bot) for each in events}
        if self.planned or not all(self.wants(label, bot=bot) for label, bot in kinds):
            events = [
                each for each in events if self.wants(each.label, bot=each.bot, whom=each.order_key)
            ]
        if self.permits_all([each.body for each in events]):
            return events
        return [each for each in events if self.permitted(each.body)]

    def permitted(self, body: bytes) -> bool:
        """By the consent in the body, which is only read where something in it can matter."""
        if self.purpose is None and b'"denied"' not in body and b'"pending"' not in body:
            return True
        try:
            said = _decoder.decode(body).context
        except msgspec.DecodeError:
            return False
        is_exempt = said.cookieless or said.basis == "contract"
        if not is_exempt and said.consent.get("analytics", "granted") != "granted":
            return False
        return self.purpose is None or said.consent.get(self.purpose) == "granted"

    def permits_all(self, bodies: Sequence[bytes]) -> bool:
        """Whether all are permitted and none has to be read for it: of many, two searches cost far
        less than two through each."""
        whole = b"".join(bodies)
        return self.purpose is None and b'"denied"' not in whole and b'"pending"' not in whole


class _Context(msgspec.Struct):
    consent: dict[str, str] = {}
    cookieless: bool = False
    basis: str = ""


class _Consented(msgspec.Struct):
    context: _Context = msgspec.field(default_factory=_Context)


_decoder = msgspec.json.Decoder(_Consented)


def of(address: Address) -> Filter:
    """The filter that a destination's URL asks for."""
    if address.options.get("purpose") == "":
        raise wrong(address, "has an empty purpose; write for example ?purpose=marketing")
    purpose = choice(address, "purpose", PURPOSES)
    return Filter(labels=_labels(address), bots=flag(address, "bots"), purpose=purpose)


def _labels(address: Address) -> re.Pattern[str] | None:
    text = address.options.get("events")
    if text is None:
        return None
    globs = [part.strip() for part in text.split(",") if part.strip()]
    if not globs:
        raise wrong(address, "has an empty list of events; write for example ?events=Order*,Signup")
    return matching(globs)
