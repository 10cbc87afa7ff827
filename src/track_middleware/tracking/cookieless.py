"""Counting without cookies, before a choice: page views and events of nobody in particular.

Whose such an event is follows from the day (UTC), the host, the truncated address and the
User-Agent, under a key that is the day's salt and is gone with it: nobody can say afterwards who
that was, nor whether the same browser came on two days. The event has no address, user, traits or
vendor's id; its session is the worker's to find. After a refusal nothing is counted at all, and a
visitor that a later grant makes is another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..event import Entry, Event, iso
from ..http import Request
from . import ids, origin
from .arguments import is_context
from .consent import PENDING
from .context import Page
from .core import Core
from .crossing import bare
from .identity import Identity
from .privacy import kept_address
from .scene import Scene

#: Says of a page what its response was like.
Measure = Callable[[Page], None]

#: What is counted; the other kinds say who somebody is.
_COUNTED = ("track", "page", "screen")

#: Keys of a context that would say more than may be said; ``consent`` and ours stay what they are.
_SAYS_WHO = frozenset(("ip", "traits", "groupId", "consent", "cookieless"))

_DAY = 86400


def visitor(core: Core, request: Request, identity: Identity) -> str | None:
    """Whom a request's events are counted as; None where nothing is counted: by the settings, after
    a refusal, for a visitor, or while no salt can be kept."""
    if core.salt is None or identity.consent["analytics"] != PENDING:
        return None
    salt = core.salt(identity.at)
    if salt is None:
        return None
    address = kept_address(origin.address(core, request), "truncate") or ""
    said = (str(int(identity.at // _DAY)), bare(request.host), address, request.agent)
    text = "\0".join(said).encode("utf-8", "replace")
    return ids.uuid_text(hashlib.blake2b(text, key=salt, digest_size=16).digest())


class Cookieless(msgspec.Struct, frozen=True):
    """Keeps what one request without a visitor leaves for the count; ``scene`` describes it."""

    core: Core
    request: Request
    identity: Identity
    scene: Scene

    def keep(self, event: Event, more: Mapping[str, Any] | None) -> str | None:
        """Keeps a verb's event; its id, or None where it was not kept."""
        counted = event.type in _COUNTED
        entry = self._entry(event, self.core.now(), more=more) if counted else None
        if entry is None:
            self.core.count("consent", 1)
            return None
        return event.message_id if self.core.keep(entry) else None

    def last(self, event: Event, measure: Measure | None = None) -> list[Entry]:
        """The entry of the page view or the request event, once the body is done."""
        entry = self._entry(event, self.identity.at, measure=measure)
        return [entry] if entry is not None else []

    def view(self, measure: Measure) -> list[Entry]:
        """The entry of the page view, once the body is done; ``measure`` says of its page what the
        response was like."""
        page_id = self.scene.view_id
        if page_id is None:
            return []
        return self.last(Event(page_id, "page", iso(self.identity.at)), measure)

    def _entry(
        self,
        event: Event,
        at: float,
        *,
        measure: Measure | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Entry | None:
        who = visitor(self.core, self.request, self.identity)
        if who is None:
            return None
        event.anonymous_id, event.user_id = who, None
        event.context = self._context(measure, more)
        facts = origin.country(self.core, self.request)
        return Entry("counted", at, event, consent=self.identity.consent, facts=facts)

    def _context(self, measure: Measure | None, more: Mapping[str, Any] | None) -> Any:
        context = self.scene.counted()
        if measure is not None:
            measure(context.page)
        if not more or not is_context(more, self.core.mistaken):
            return context
        told = {name: value for name, value in more.items() if name not in _SAYS_WHO}
        return {**msgspec.json.decode(msgspec.json.encode(context)), **told}
