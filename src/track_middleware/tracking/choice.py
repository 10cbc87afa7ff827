"""The visitor's own choice, as ``POST /<prefix>/c`` brings it, and the record it leaves."""

from __future__ import annotations

from typing import Any

import msgspec

from ..event import Entry, Event, PageRef, Person, iso
from ..http import Reply
from .core import Core
from .door import answer, full, refusal
from .identity import Identity


def choose(core: Core, identity: Identity, body: bytes) -> Reply:
    """Stores a choice and answers with what holds now; where the page in view may be counted from
    now on, also with its token."""
    given = _choice(body)
    if given is None:
        return refusal(400, 'a choice is {"analytics": true, "marketing": false}')
    before = identity.person(opens=False)
    identity.choose(given)
    content: dict[str, Any] = {"consent": identity.consent}
    entries: list[Entry] = []
    if identity.allowed:
        content["token"] = _page_in_view(core, identity, entries)
    person = before or identity.person(opens=False)
    entries.insert(0, choice_entry(core, identity, person, identity.at))
    return answer(200, content) if core.keep_last(entries) else full()


def _page_in_view(core: Core, identity: Identity, entries: list[Entry]) -> str:
    """The token of the page in view, whose view will be the browser's; leaves its mark."""
    if identity.visitor is None:
        identity.mint(core.new_id(), fresh=True)
    page_id = core.new_id()
    entries.append(
        Entry(
            "mark", identity.at, person=identity.person(), consent=identity.consent,
            page=PageRef(page_id, identity.at, "shown", core.host),
        )
    )  # fmt: skip
    return core.tokens.make(page_id, identity.at, "shown")


def _choice(body: bytes) -> dict[str, bool] | None:
    try:
        given = msgspec.json.decode(body, type=dict[str, bool])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return given if given and given.keys() <= {"analytics", "marketing"} else None


def choice_entry(core: Core, identity: Identity, person: Person | None, at: float) -> Entry:
    """The record of a consent choice: what was chosen, when, by whom if anybody is known."""
    event = Event(
        core.new_id(), "track", iso(at), event="Consent Changed",
        anonymous_id=person.visitor if person else core.new_id(),
        user_id=person.user if person else None,
        properties=dict(identity.consent),
        context={"library": core.library, "platform": "server", "consent": identity.consent},
    )  # fmt: skip
    return Entry("choice", at, event, person=person, consent=identity.consent)
