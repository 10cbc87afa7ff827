"""What becomes of one message of Segment's protocol: an app's or a server's word, or a browser's
claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard

from ..errors import EventError
from ..event import Entry, Event, iso
from ..http import Request
from . import ids, origin, segment
from .beacon import UnreadableError
from .consent import DENIED, GRANTED, Consent
from .context import language
from .core import Core
from .identity import Identity
from .planned import SERVERS_OWN
from .privacy import kept_address
from .segment import Message

_NAME_LENGTH, _AGENT = 200, 1024

#: What only the server or the worker says of a browser's event.
_NOT_A_BROWSERS = (
    "basis", "bot", "channel", "claimedUserId", "consent", "cookieless", "firstCampaign", "ga",
    "location", "session", "store", "vendorIds",
)  # fmt: skip
#: What of a page is an address, or a part of one.
_ADDRESSES = frozenset(("initial_referrer", "path", "referrer", "tab_url", "url"))
#: What the server says of a page view.
_NOT_OF_A_PAGE = ("confirmed", "durationMs", "id", "route", "status")


class Speaker(Protocol):
    """Who speaks with a write key."""

    def entry(self, message: Message) -> Entry | None:
        """The message's entry; None where consent does not allow one, UnreadableError where it
        lacks what it must have."""


class Apps:
    """Apps and servers: believed. Whose consent it is, the worker knows, unless the message says
    so itself."""

    __slots__ = ("_at", "_core", "_facts", "_key", "_peer", "_platform")

    def __init__(self, core: Core, request: Request, at: float, key: str, platform: str) -> None:
        self._core = core
        self._at = at
        self._key = key
        self._platform = platform
        self._peer = origin.address(core, request)
        self._facts = origin.country(core, request)

    def entry(self, message: Message) -> Entry | None:
        context = message.context or {}
        choice = segment.choice(context)
        for name in ("basis", "consent", "cookieless"):
            context.pop(name, None)
        consent = None
        if choice is not None:
            consent, allowed = self._core.rules.decide(choice, ())
            if not allowed:
                return None
            context["consent"] = consent
        is_direct = context.pop("direct", None) is True or self._platform != "server"
        _keep_address(context, self._core, self._peer if is_direct else "")
        user, visitor = _id(message.user_id), _id(message.anonymous_id)
        if user is None and visitor is None:
            raise UnreadableError("it has neither userId nor anonymousId")
        event = _event(self._core, message, context, self._platform, self._at)
        event.user_id, event.anonymous_id = user, visitor
        event.previous_id = _id(message.previous_id) if message.type == "alias" else None
        return Entry(
            "event", self._at, event, consent=consent,
            origin="server" if self._platform == "server" else self._key,
            facts=self._facts if is_direct else None,
        )  # fmt: skip


class Web:
    """A browser: its visitor, session and user are what the signed cookies say. Where there are
    none, the visitor follows from what it calls itself and where it is, so that a repeated call
    makes the same one, and nobody becomes another by saying so."""

    __slots__ = ("_core", "_identity", "_key", "_peer", "_request")

    def __init__(self, core: Core, request: Request, identity: Identity, key: str) -> None:
        self._core = core
        self._request = request
        self._identity = identity
        self._key = key
        self._peer = origin.address(core, request)

    def entry(self, message: Message) -> Entry | None:
        identity, core = self._identity, self._core
        consent = self._consent(message)
        if consent["analytics"] != GRANTED:
            return None
        self._mint(message)
        user, claimed = self._user(message)
        if message.type == "alias" and user is None:
            raise UnreadableError("a browser's alias wants the user that is signed in")
        context = {**self._context(message), "consent": consent}
        if claimed:
            context["claimedUserId"] = claimed
        event = _event(core, message, context, "web", identity.at)
        event.anonymous_id, event.user_id = identity.visitor_id, user
        event.previous_id = identity.visitor_id if message.type == "alias" else None
        return Entry(
            "event", identity.at, event, origin=self._key, consent=consent,
            facts=origin.facts(core, self._request, identity, consent),
        )  # fmt: skip

    def _consent(self, message: Message) -> Consent:
        """What holds: the cookie's word, but for what the message itself refuses."""
        given, said = self._identity.consent, segment.choice(message.context or {})
        if said is None:
            return given
        refused = {name: DENIED for name, state in said.states.items() if state == DENIED}
        return {**given, **refused}

    def _mint(self, message: Message) -> None:
        if self._identity.visitor is None:
            called = _id(message.anonymous_id) or self._core.new_id()
            said = "\0".join((self._key, called, self._peer, self._request.agent))
            digest = self._core.load_mac.digest(said.encode("utf-8", "replace"))
            self._identity.mint(ids.uuid_text(digest), fresh=True)

    def _user(self, message: Message) -> tuple[str | None, str | None]:
        """The user that counts, and the one that is only claimed."""
        known, claimed = self._identity.user, _id(message.user_id)
        if claimed is None or claimed == known:
            return known, None
        if self._core.settings.browser_identity != "trusted":
            return known, claimed
        if message.type == "identify":
            self._identity.sign_in(claimed)
        return claimed, None

    def _context(self, message: Message) -> dict[str, Any]:
        request, context = self._request, message.context or {}
        for name in _NOT_A_BROWSERS:
            context.pop(name, None)
        page = context.get("page")
        if isinstance(page, dict):
            for name in _NOT_OF_A_PAGE:
                page.pop(name, None)
        for name in ("direct", "ip"):
            context.pop(name, None)
        _keep_address(context, self._core, self._peer)
        context["userAgent"] = request.agent[:_AGENT] or None
        context.setdefault("locale", language(request.language))
        return {**self._identity.whose().standing(), **context}


def _event(
    core: Core, message: Message, context: dict[str, Any], platform: str, received: float
) -> Event:
    """The event of a message, still nobody's."""
    is_track = message.type == "track"
    has_traits = message.type in ("identify", "group")
    name = (message.event or "")[:_NAME_LENGTH]
    if platform != "server" and is_track and name in core.plan.server_only:
        raise UnreadableError(SERVERS_OWN)
    properties = dict(core.kept_properties(message.properties) or {})
    if message.type == "page":
        properties = _redacted(core, properties)
    if message.category and not has_traits:
        properties.setdefault("category", message.category)
    if isinstance(page := context.get("page"), dict):
        context["page"] = _redacted(core, page)
    if isinstance(traits := context.get("traits"), dict):
        context["traits"] = core.kept_traits(traits)
        if message.type == "identify" and not message.traits:
            message.traits = context.pop("traits")  # where RudderStack's SDKs have them
    context.setdefault("library", core.library)
    context["platform"] = platform
    original = message.original_timestamp or message.timestamp
    return Event(
        message.message_id or core.new_id(),
        message.type,
        iso(segment.happened(message, received)),
        event=name if is_track else None,
        name=(message.name or "")[:_NAME_LENGTH] or None if not is_track else None,
        group_id=_id(message.group_id) if message.type == "group" else None,
        properties=properties or None,
        traits=core.kept_traits(message.traits) if has_traits else None,
        context={name: value for name, value in context.items() if value is not None},
        integrations=message.integrations or None,
        original_timestamp=original,
        received_at=iso(received),
    )


def _id(value: object) -> str | None:
    try:
        return ids.user(value)
    except EventError:
        return None


def _keep_address(context: dict[str, Any], core: Core, peer: str) -> None:
    """Puts what is kept of an address into a context: of the one that the message names, else of
    the connection's."""
    named = context.pop("ip", None)
    kept = kept_address(named, core.settings.ip) if isinstance(named, str) else None
    kept = kept or (kept_address(peer, core.settings.ip) if peer else None)
    if kept is not None:
        context["ip"] = kept


def _redacted(core: Core, page: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a page, without secrets in its addresses."""
    said = {
        name: core.redaction.url(value) if _is_address(name, value) else value
        for name, value in page.items()
    }
    search = said.get("search")
    if isinstance(search, str):
        said["search"] = core.redaction.url(f"?{search.removeprefix('?')}") if search else ""
    if isinstance(title := said.get("title"), str):
        said["title"] = core.redaction.title(title)
    return said


def _is_address(name: str, value: object) -> TypeGuard[str]:
    """Whether it may have a query: also what a page says of itself without its host."""
    return isinstance(value, str) and ("://" in value or name in _ADDRESSES)
