"""The tracking plan as the worker applies it: what passes, and what becomes of what does not.

Nearly everything passes, and is found to by a look at its name and properties; only what does not
is decoded as a whole.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from ..destinations import registry
from ..destinations.registry import Route
from ..errors import PlanError, SettingsError
from ..event import Entry, Event, lenient_encoder
from ..plan.compiled import KNOWN, EventCheck
from ..plan.load import load
from ..plan.model import Plan
from ..plan.parts import Mode, Violation
from ..seldom import Seldom
from ..settings import Settings
from . import routing
from .frames import Frame
from .splice import UNREADABLE, Said, several
from .store import DeadLetter

logger = logging.getLogger("track_middleware")

#: Letters of the plan that are kept, at most; the oldest go, and are counted.
MOST = 1_000_000

#: What of a context is no browser's and no campaign's.
_OF_A_CONTRACT = ("app", "library", "platform", "store")

#: Contexts of up to so many bytes come again and again: outside a request they say little.
_SHORT = 200

#: How long a letter's reason is.
_REASON = 500

_bags = msgspec.json.Decoder(list[Any])
_bag = msgspec.json.Decoder(Any)
_NOTHING = b"{}"


@dataclass(frozen=True, slots=True)
class Broken:
    """What becomes of an event, and why."""

    mode: Mode
    violations: tuple[Violation, ...]

    @property
    def reason(self) -> str:
        """The violations, in a line."""
        return "; ".join(map(str, self.violations))[:_REASON]


class PlanStage:
    """Applies a plan to the events of the drain. ``counts`` collects what broke it.

    ``again`` is asked before each batch: another plan from then on, or None.
    """

    def __init__(self, plan: Plan, *, again: Callable[[], Plan | None] = lambda: None) -> None:
        self._again = again
        self._seldom = Seldom(time.monotonic)
        self.counts: Counter[str] = Counter()
        self._take(plan)

    def _take(self, plan: Plan) -> None:
        self._plan = plan
        self._checks: Mapping[str, EventCheck] = plan.checker.by_label
        self._common = plan.checker.common
        self._contracts = frozenset(
            name for name, event in plan.events.items() if event.basis == "contract"
        )
        self._sent_by = lru_cache(maxsize=4096)(self._may_send)

    def begin(self) -> None:
        """Before a batch: what was counted of one that was undone is forgotten, and the plan is
        what it is now."""
        self.counts.clear()
        plan = self._again()
        if plan is not None:
            self._take(plan)

    def passes_all(self, says: Sequence[Said]) -> Sequence[bool]:
        """Of each event whether it passes; False also where all of it has to be looked at."""
        raws = [each.properties or _NOTHING for each in says]
        bags = several(raws, together=_bags, single=_bag)
        return [self._passes(each, bag) for each, bag in zip(says, bags, strict=True)]

    def passes(self, says: Said) -> bool:
        """``passes_all`` for one."""
        try:
            return self._passes(says, _bag.decode(says.properties or _NOTHING))
        except UNREADABLE:
            return False

    def _passes(self, says: Said, bag: object) -> bool:
        label = says.event or says.type.capitalize()
        check = self._checks.get(label)
        if self._common is not None:
            return False
        if check is None:
            return label in KNOWN
        if check.message is not None or check.traits:
            return False
        if check.asks_who and not self._who_passes(label, bytes(says.context)):
            return False
        # null, as nothing, is an object without members.
        return check.properties is None or check.properties.is_valid({} if bag is None else bag)

    def _who_passes(self, label: str, context: bytes) -> bool:
        asked = self._sent_by if len(context) <= _SHORT else self._may_send
        return asked(label, context)

    def _may_send(self, label: str, context: bytes) -> bool:
        try:
            said = _bag.decode(context or _NOTHING)
        except UNREADABLE:
            return False
        return not any(self._checks[label].who(said if isinstance(said, dict) else {}))

    def broken(self, event: Event) -> Broken | None:
        """How an event breaks the plan; None when it does not, or only a warning follows."""
        label = event.label
        check = self._checks.get(label)
        if check is None and label in KNOWN:
            return None
        found = self._violations(check, event, label)
        if not found:
            return None
        broken = Broken(self._plan.mode_of(label), found)
        self._tell(label, broken)
        return None if broken.mode == "warn" else broken

    def _violations(
        self, check: EventCheck | None, event: Event, label: str
    ) -> tuple[Violation, ...]:
        if check is None:
            # Without the nearest name: looking for it costs more than a hostile name may.
            return (Violation("event", f"the plan does not know {label[:100]!r}"),)
        return self._plan.checker.of_known(check, msgspec.to_builtins(event))

    def _tell(self, label: str, broken: Broken) -> None:
        words: Mapping[Mode, str] = {
            "warn": "plan_warned", "quarantine": "plan_quarantined", "refuse": "plan_refused",
        }  # fmt: skip
        self.counts[words[broken.mode]] += 1
        more = self._seldom.due(label)
        if more is not None:
            place = broken.violations[0].path
            logger.warning(
                "an event breaks the plan (%s): %r at %s%s", broken.mode, label, place, more
            )

    # What needs no consent.

    def is_contract(self, label: str) -> bool:
        """Whether an event is kept whatever the consent, because a contract needs it."""
        return label in self._contracts


def letter(event: Event, frame: Frame, *, event_id: str, reason: str) -> DeadLetter:
    """An event that waits for the plan: a frame that can go through the spool again, as it was and
    under the same id."""
    whole = msgspec.structs.replace(event, message_id=event_id)
    consent = frame.consent
    if consent is None and frame.kind != "event":
        said = event.context.get("consent") if isinstance(event.context, dict) else None
        consent = said if isinstance(said, dict) else {}
    again = Entry(
        "event", frame.at, whole, consent=consent, facts=frame.facts, how=frame.how,
        former=frame.former,
    )  # fmt: skip
    body = lenient_encoder.encode(again)
    return DeadLetter(0, "plan", "", event_id, event.label, frame.at, reason, body)


def of_a_contract(event: Event, states: Mapping[str, str], event_id: str) -> Event:
    """The event without ids of the browser and campaign, as it is kept without consent."""
    context = event.context if isinstance(event.context, dict) else {}
    kept = {name: context[name] for name in _OF_A_CONTRACT if name in context}
    return msgspec.structs.replace(
        event,
        anonymous_id=None if event.user_id else event_id,
        context={**kept, "consent": states, "basis": "contract"},
    )


def stage(named: str | None) -> PlanStage | None:
    """The stage of the plan that the setting names, read again when its file has changed; None
    without one. SettingsError when it cannot be used."""
    if not named:
        return None
    reader = _Reader(named)
    return PlanStage(loaded(named), again=reader.changed)


def loaded(named: str) -> Plan:
    """The plan that the setting names; SettingsError when it cannot be used."""
    try:
        return load(named)
    except PlanError as error:
        raise SettingsError("plan", str(error)) from error


def routes(settings: Settings) -> tuple[Route, ...]:
    """The destinations of the settings, with what the plan says of each. SettingsError as both."""
    found = registry.routes(settings.destinations)
    return routing.routed(found, loaded(settings.plan)) if settings.plan else found


def strangers(settings: Settings) -> Sequence[str]:
    """What the plan says of destinations that there are not. SettingsError as ``routes``."""
    if not settings.plan:
        return ()
    return routing.strangers(loaded(settings.plan), registry.routes(settings.destinations))


class _Reader:
    """Reads a plan's file when it is another than before."""

    def __init__(self, named: str) -> None:
        self._named = named
        self._seen = self._looks()

    def changed(self) -> Plan | None:
        """The plan, if its file has changed; one that cannot be used is told, and the former one
        holds."""
        now = self._looks()
        if now == self._seen or now is None:
            return None
        self._seen = now
        try:
            return load(self._named)
        except PlanError as error:
            logger.error("the plan has changed and cannot be used; the former one holds: %s", error)
            return None

    def _looks(self) -> tuple[int, int] | None:
        try:
            found = Path(self._named).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size
