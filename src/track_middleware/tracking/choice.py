"""The visitor's own choice, as ``POST /<prefix>/c`` brings it, and the record it leaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from ..errors import EventError
from ..event import Counting, Entry, Event, PageRef, Person, iso
from ..http import Reply, Request
from . import ids
from .consent import PENDING, PURPOSES
from .core import Core
from .crossing import bare, host_of
from .door import answer, full, refusal
from .identity import Identity

#: Longest version of a text, and what names who brought a choice.
VERSION_LENGTH = 100
_SOURCE = r"^[a-z][a-z0-9_.-]{0,39}\Z"

_Purpose = bool | msgspec.UnsetType


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    """A choice as a page sends it. What the server itself, or a browser's header, has said no page
    can claim."""

    analytics: _Purpose = msgspec.UNSET
    marketing: _Purpose = msgspec.UNSET
    version: Annotated[str, msgspec.Meta(max_length=VERSION_LENGTH)] = ""
    source: Annotated[str, msgspec.Meta(pattern=rf"^(?!(server|gpc|dnt)\Z){_SOURCE[1:]}")] = "api"

    @property
    def states(self) -> dict[str, bool]:
        """The purposes that it names."""
        named = {name: getattr(self, name) for name in PURPOSES}
        return {name: said for name, said in named.items() if said is not msgspec.UNSET}


def choose(core: Core, request: Request, identity: Identity, body: bytes) -> Reply:
    """Stores a choice and answers with what holds now; where the page in view may be counted from
    now on, also with its token."""
    given = _choice(body)
    if given is None:
        return refusal(400, 'a choice is {"analytics": true, "marketing": false}')
    before = identity.person(opens=False)
    counted = core.salt is not None and identity.consent["analytics"] == PENDING
    lets_go = core.holds and identity.undecided
    identity.choose(given.states)
    content: dict[str, Any] = {"consent": identity.consent}
    entries: list[Entry] = []
    if identity.allowed:
        content["token"] = _page_in_view(core, request, identity, entries, counted=counted)
        if lets_go:
            content["before"] = PENDING  # what the page has held meanwhile may be told of
    person = before or identity.person(opens=False)
    said = choice_entry(core, identity, person, version=given.version, source=given.source)
    entries.insert(0, said)
    return answer(200, content) if core.keep_last(entries) else full()


def _page_in_view(
    core: Core, request: Request, identity: Identity, entries: list[Entry], *, counted: bool
) -> str:
    """The token of the page in view, whose view will be the browser's, unless it has been counted
    without cookies; leaves its mark. The page's address, which came as the Referer, says with which
    campaign the visitor that is made here has come."""
    if identity.visitor is None:
        if host_of(request.referrer) == bare(request.host):
            identity.landed(request.referrer.partition("#")[0].partition("?")[2])
        identity.mint(core.new_id(), fresh=True)
    page_id = core.new_id()
    counting: Counting = "never" if counted else "shown"
    entries.append(
        Entry(
            "mark", identity.at, person=identity.person(), consent=identity.consent,
            page=PageRef(page_id, identity.at, counting, core.host),
        )
    )  # fmt: skip
    return core.tokens.make(page_id, identity.at, counting)


def _choice(body: bytes) -> _Given | None:
    try:
        given = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return given if given.states and _is_version(given.version) else None


_decoder = msgspec.json.Decoder(_Given)


def taken(
    core: Core, identity: Identity, given: Mapping[str, Any], *, version: str, source: str
) -> Entry:
    """Takes a choice that the app brings, and gives its record; EventError when it is none. A grant
    makes a visitor: it is theirs."""
    if not _is_version(version):
        raise EventError(f"a version is a printable text of up to {VERSION_LENGTH} characters")
    if not isinstance(source, str) or not re.match(_SOURCE, source):
        raise EventError("a source is a word of up to 40 small letters, such as 'banner'")
    before, allowed = identity.person(opens=False), identity.allowed
    identity.choose(given)
    if identity.allowed and not allowed:
        identity.mint(core.new_id(), fresh=True)
    person = before or identity.person(opens=False)
    return choice_entry(core, identity, person, version=version, source=source)


def _is_version(value: object) -> bool:
    """Whether it can name a text; it is shown on the operator's terminal."""
    return isinstance(value, str) and len(value) <= VERSION_LENGTH and value.isprintable()


def choice_entry(
    core: Core, identity: Identity, person: Person | None, *, version: str = "", source: str
) -> Entry:
    """The record of a consent choice: what holds from now on, when, to which version of the text,
    by whom if anybody is known, and which of the browser's signals stands over it."""
    about = {"version": version, "source": source, "signal": identity.signal}
    event = Event(
        core.new_id(), "track", iso(identity.at), event="Consent Changed",
        anonymous_id=person.visitor if person else core.new_id(),
        user_id=person.user if person else None,
        properties={**identity.consent, **{name: said for name, said in about.items() if said}},
        context={"library": core.library, "platform": "server", "consent": identity.consent},
    )  # fmt: skip
    return Entry("choice", identity.at, event, person=person, consent=identity.consent)


def record_heard(core: Core, identity: Identity) -> None:
    """Records a choice that another banner's cookie has brought, once our own cookie that remembers
    it is on its way. Of a known visitor, requests that bring it at once make one record."""
    heard, former = identity.heard, identity.former
    if heard is None:
        return
    person = former and Person(former.id, None, former.user if former.signed_in else None)
    person = person or identity.person(opens=False)
    entry = choice_entry(core, identity, person, source=heard.source)
    if former is not None and entry.event is not None:
        entry.event.message_id = ids.derived("heard", former.id, heard.once)
    core.keep_last((entry,))
