"""From an accepted event to its row in the log: enrichment, the site's own hooks, order key.

``before_send`` and enrichers run here, once, before the event is stored: what they take out is
never kept, and every destination, file and replay sees the same event.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import msgspec

from ..event import Event, decode_event, encode_event
from ..patterns import Patterns
from ..seldom import Seldom
from .bare import Bares
from .enrichers import Failed, TooLong, asked
from .splice import Said
from .store import NewRow

if TYPE_CHECKING:
    from ..plan.repairs import Repairs

logger = logging.getLogger("track_middleware")

#: The raw facts and the event -> the context keys that follow from them.
Enrich = Callable[[Event, dict[str, str]], dict[str, Any]]

#: The site's own hook: an event as it shall be stored, None to drop it.
Hook = Callable[[Event], Event | None]

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Version(msgspec.Struct, frozen=True):
    """One of the events that an event is stored as. ``body`` is its JSON where that is known;
    ``original`` the event as accepted, where repairs have made this one of it."""

    id: str
    event: Event
    body: bytes | None = None
    original: bytes | None = None


class Finisher:
    """Makes rows. ``counts`` collects what went wrong or was dropped, by reason.

    ``patterns``: what is taken out of properties before anybody sees them; ``repairs``: what is
    put right before the plan and the hooks see it.
    ``reads``: the keys of a context that ``enrich`` looks at, where it looks at nothing else but
    the event's type and the facts. Without any of them there is nothing to derive.
    """

    def __init__(
        self,
        *,
        enrich: Enrich,
        version: int = 0,
        reads: Set[str] | None = None,
        enrichers: Sequence[Hook] = (),
        before_send: Hook | None = None,
        patterns: Patterns | None = None,
        repairs: Repairs | None = None,
    ) -> None:
        self._enrich = enrich
        #: Which enrichment it is.
        self.version = version
        self._reads = reads or frozenset()
        self._hooks = (*enrichers, *((before_send,) if before_send else ()))
        #: Whether a row can be made of what an event says, without decoding all of it.
        self.is_plain = reads is not None and not self._hooks
        self._patterns = patterns or None
        #: What is put right.
        self.repairs = repairs
        self._seldom = Seldom(time.monotonic)
        self.counts: Counter[str] = Counter()

    def derived(self, event: Event, facts: dict[str, str] | None) -> dict[str, Any]:
        """What enrichment makes of an event; {} and a count when it fails."""
        try:
            return self._enrich(event, facts or {})
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self._trouble("enrichment", error)
            return {}

    def row(
        self,
        event: Event,
        *,
        event_id: str,
        at: float,
        derived: dict[str, Any],
        body: bytes | None = None,
        original: bytes | None = None,
    ) -> NewRow | None:
        """The event's row; None when the site's ``before_send`` drops it.

        ``body`` is the event as accepted, where it need not be encoded again; ``original`` is the
        event as accepted where this one is what repairs have made of it.
        """
        if self._patterns is not None and event.properties:
            event, body = self._redacted(event, body, self._patterns)
        changed = self._hooked(event, derived) if self._hooks else event
        if changed is None:
            return None
        bot = _bot(derived)
        if changed is not event:
            event, body, derived = changed, None, {}
        body = encode_event(event) if body is None else body
        return NewRow(
            event_id,
            event.anonymous_id or event.user_id or event_id,
            at,
            event.type,
            event.event or event.type.capitalize(),
            body if original is None else original,
            _encode(derived) if derived else None,
            bot,
            self.version if derived else 0,
            None if original is None else body,
        )

    def versions(self, event: Event, event_id: str, body: bytes | None) -> Sequence[Version]:
        """What an event is stored as: itself, or what repairs make of it."""
        if self.repairs is None or not self.repairs.concerns(event.label):
            return (Version(event_id, event, body),)
        if self._patterns is not None and event.properties:
            event, body = self._redacted(event, body, self._patterns)
        mended = self.repairs.of(event, event_id)
        if mended is None:
            return (Version(event_id, event, body),)
        self.counts["repaired"] += 1
        original = encode_event(event) if body is None else body
        return [Version(name, each, None, original) for name, each in mended.events]

    def suspects(self, properties: bytes | msgspec.Raw) -> bool:
        """Whether properties, as JSON, may hold something that is not to be stored."""
        patterns, raw = self._patterns, bytes(properties)
        if patterns is None or not patterns.suspects(raw):
            return False
        # Of an escape (\n) the letter would seem to belong to what follows it.
        return b"\\" in raw or patterns.found(raw.decode())

    def suspects_any(self, several: Sequence[bytes | msgspec.Raw]) -> bool:
        """Whether the properties of any event are worth a look by ``suspects``: of many, one look
        at all costs far less than one at each. No pattern goes over a zero byte."""
        return self._patterns is not None and self._patterns.suspects(b"\0".join(several))

    def _redacted(
        self, event: Event, body: bytes | None, patterns: Patterns
    ) -> tuple[Event, bytes | None]:
        """The event without what its properties must not hold, and its body if it stands."""
        if not patterns.suspects(_encode(event.properties)):
            return event, body
        left = patterns.within(event.properties)
        if left == event.properties:
            return event, body
        return msgspec.structs.replace(event, properties=left), None

    def plain_row(
        self,
        says: Said,
        known: Set[str],
        event_id: str,
        at: float,
        body: bytes,
        *,
        facts: dict[str, str] | None = None,
    ) -> NewRow:
        """The row of an event of which only ``says`` was decoded, and ``known`` are its context's
        keys; where ``is_plain``."""
        row = NewRow(
            event_id, says.anonymous_id or says.user_id or event_id, at, says.type,
            says.event or says.type.capitalize(), body,
        )  # fmt: skip
        if not facts and known.isdisjoint(self._reads):
            return row
        derived = self.derived(_in_outline(says), facts)
        if not derived:
            return row
        return msgspec.structs.replace(
            row, derived=_encode(derived), bot=_bot(derived), derived_version=self.version
        )

    def plain_rows(self, frames: Bares, member: bytes) -> list[NewRow] | None:
        """``plain_row`` of many events that say alike where they come from, with one more member in
        their contexts; None where they do not, or where something follows from it."""
        alike = frames.with_member(member, "consent")
        if alike is None or "store" in alike[1] or not alike[1].isdisjoint(self._reads):
            return None
        return [
            NewRow(
                event_id, says.anonymous_id or says.user_id or event_id, at, says.type,
                says.event or says.type.capitalize(), body,
            )
            for says, event_id, at, body in zip(
                frames.says, frames.ids, frames.moments, alike[0], strict=True
            )
        ]  # fmt: skip

    def _hooked(self, event: Event, derived: dict[str, Any]) -> Event | None:
        """What the site's hooks make of an event; a hook that fails, or whose answer is no event,
        changes nothing."""
        context = event.context if isinstance(event.context, dict) else {}
        changed = msgspec.structs.replace(event, context={**context, **derived})
        for hook in self._hooks:
            before = encode_event(changed)
            try:
                answer = asked(hook, changed)
            except TooLong:
                self._too_late()
                continue
            if answer is None:
                self.counts["before_send"] += 1
                return None
            if isinstance(answer, Failed):
                self._trouble("before_send", answer.error)
                answer = decode_event(before)
            changed = answer
        return changed

    def _too_late(self) -> None:
        self.counts["enricher_timeout"] += 1
        more = self._seldom.due("enricher")
        if more is not None:
            logger.warning("an enricher takes too long; events go on without it, counted%s", more)

    def _trouble(self, what: str, error: Exception) -> None:
        self.counts["trouble"] += 1
        more = self._seldom.due(what)
        if more is not None:
            logger.error("%s failed and is counted from now on%s", what, more, exc_info=error)


def _in_outline(says: Said) -> Event:
    """An event without what enrichment does not look at."""
    context = msgspec.json.decode(says.context) if says.context else None
    return Event(says.message_id, says.type, says.timestamp, event=says.event, context=context)


def _bot(derived: Mapping[str, Any]) -> str | None:
    bot = derived.get("bot")
    return (bot.get("class") or bot.get("name")) if bot else None
