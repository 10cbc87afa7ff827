"""A plan's check, compiled once: a message in, its violations out.

No I/O happens here: a schema that names another document is refused, never fetched. The JSON Schema
engine is ``jsonschema-rs`` (the extra ``plan``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

from ..errors import PlanError
from ..event import CHECKED, REQUEST
from .parts import Event, Violation
from .schema import DRAFT, of_event

#: Labels of messages that have no name of their own, and of the events that we send by ourselves:
#: a plan need not know them.
KNOWN = frozenset((
    "Page", "Screen", "Identify", "Group", "Alias",
    "Page Left", "Link Clicked", "Button Clicked", "Form Submitted", "Web Vitals", "Script Error",
    "Consent Changed", REQUEST, CHECKED,
))  # fmt: skip

#: Who is nobody's app: no plan restricts them, and they may send key metrics.
_SERVERS = ("server", "backfill")

#: Violations that are told of one event: a hostile one may have thousands.
_MOST = 50

_DRAFTS = {
    "http://json-schema.org/draft-04/schema": "Draft4Validator",
    "http://json-schema.org/draft-06/schema": "Draft6Validator",
    "http://json-schema.org/draft-07/schema": "Draft7Validator",
    "https://json-schema.org/draft/2019-09/schema": "Draft201909Validator",
    "https://json-schema.org/draft/2020-12/schema": "Draft202012Validator",
    # Iglu's self-describing schemas are of draft 4.
    "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0":
        "Draft4Validator",
}  # fmt: skip


class _Error(Protocol):
    @property
    def message(self) -> str: ...
    @property
    def instance_path(self) -> list[str | int]: ...


class Validator(Protocol):
    """A compiled JSON Schema."""

    def is_valid(self, instance: Any) -> bool:
        """Whether a value keeps to it."""

    def iter_errors(self, instance: Any) -> Iterable[_Error]:
        """How it does not."""


def validator(schema: Mapping[str, Any], *, where: str) -> Validator:
    """A schema, compiled; PlanError when it is none, names another document, or the engine is not
    installed. ``where`` says in the error whose it is.

    Without a draft that is known it is one of draft 7. ``format`` describes and is not checked.
    """
    try:
        import jsonschema_rs as engine
    except ImportError as error:
        raise PlanError(
            "checking wants jsonschema-rs: pip install track-middleware[plan]"
        ) from error
    draft = str(schema.get("$schema") or DRAFT).rstrip("#")
    bare = {key: value for key, value in schema.items() if key != "$schema"}
    kind = getattr(engine, _DRAFTS.get(draft, "Draft7Validator"))
    try:
        made: Validator = kind(bare, validate_formats=False, retriever=_not_fetched)
    except (ValueError, engine.ReferencingError) as error:
        first = str(error).partition("\n")[0]
        raise PlanError(f"{where}: this is no JSON Schema that can be checked: {first}") from error
    return made


def label_of(message: Mapping[str, Any]) -> str:
    """The name by which a plan knows a message."""
    return str(message.get("event") or str(message.get("type") or "track").capitalize())


class EventCheck:
    """One event's check, in the parts that a worker needs; all of it is compiled when made."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.traits = event.kind in ("identify", "group")
        self._place = "traits" if self.traits else "properties"
        has_schema = event.schema is not None or (event.properties and event.message is None)
        self.properties = validator(of_event(event), where=event.name) if has_schema else None
        self.message = (
            validator(event.message, where=event.name) if event.message is not None else None
        )
        #: Whether who sends it matters.
        self.asks_who = bool(event.platforms) or event.server_only

    def violations(self, message: Mapping[str, Any]) -> Iterator[Violation]:
        """How a message of this event breaks the plan."""
        if self.asks_who:
            context = message.get("context")
            yield from self.who(context if isinstance(context, Mapping) else {})
        if self.properties is not None:
            said = message.get(self._place)
            yield from _told(self.properties, {} if said is None else said, self._place)
        if self.message is not None:
            yield from _told(self.message, message, "")

    def who(self, context: Mapping[str, Any]) -> Iterator[Violation]:
        """What the plan has against the platform, or the version of the app, that a context names;
        where it names none, nothing."""
        platform = str(context.get("platform") or "")
        if not platform:
            return
        if self.event.server_only and platform not in _SERVERS:
            yield Violation("context.platform", f"only the server may send it, not {platform}")
        elif self.event.platforms and platform != "backfill":
            yield from self._on(platform, context)

    def _on(self, platform: str, context: Mapping[str, Any]) -> Iterator[Violation]:
        if platform not in self.event.platforms:
            planned = ", ".join(self.event.platforms)
            yield Violation("context.platform", f"it is planned for {planned}, not for {platform}")
            return
        since, app = self.event.platforms[platform], context.get("app")
        version = app.get("version") if isinstance(app, Mapping) else None
        if since and isinstance(version, str) and _parts(version) < _parts(since):
            yield Violation(
                "context.app.version", f"{platform} sends it since {since}, this is {version[:40]}"
            )


class Check:
    """What ``Plan.check`` calls. ``events`` are the plan's, by label; ``common`` is a JSON Schema
    of every message."""

    def __init__(
        self, events: Mapping[str, Event], common: Mapping[str, Any] | None = None
    ) -> None:
        self._events = events
        self.by_label = {label: EventCheck(event) for label, event in events.items()}
        self.common = validator(common, where="common") if common is not None else None

    def __call__(self, message: Mapping[str, Any]) -> tuple[Violation, ...]:
        label = label_of(message)
        found = self.by_label.get(label)
        if found is None:
            return () if label in KNOWN else (self.unknown(label),)
        return self.of_known(found, message)

    def of_known(self, check: EventCheck, message: Mapping[str, Any]) -> tuple[Violation, ...]:
        """The violations of a message whose event the plan knows."""
        common = _told(self.common, message, "") if self.common is not None else ()
        return (*check.violations(message), *common)

    def unknown(self, label: str) -> Violation:
        """That the plan does not know an event, with the nearest name that it knows."""
        near = get_close_matches(label, self._names, n=1) or get_close_matches(
            label.casefold(), self._folded, n=1
        )
        hint = f"; did you mean {self._folded.get(near[0], near[0])!r}?" if near else ""
        return Violation("event", f"the plan does not know {label[:100]!r}{hint}")

    @cached_property
    def _names(self) -> list[str]:
        return list(self._events)

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {name.casefold(): name for name in self._events}


def _told(by: Validator, value: object, place: str) -> Iterator[Violation]:
    if by.is_valid(value):
        return
    for error in islice(by.iter_errors(value), _MOST):
        yield Violation(_path(place, error.instance_path), error.message[:300])


def _path(place: str, steps: Iterable[str | int]) -> str:
    text = place
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "message"


def _parts(version: str) -> tuple[int, ...]:
    """A version's leading numbers, to be compared: 2.10.1-beta is (2, 10, 1); trailing zeros say
    nothing."""
    matched = re.match(r"\d{1,9}(?:\.\d{1,9})*", version)
    found = [int(each) for each in matched[0].split(".")] if matched else []
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _not_fetched(uri: str) -> object:
    raise ValueError(f"{uri[:200]} is another document, and none is fetched")
