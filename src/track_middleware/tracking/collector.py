"""Takes our script's beacons: which of their messages become entries.

A browser can claim neither a visitor nor, unless the cookie agrees, a user.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ..event import PARTING, Entry, Event, Kind, PageRef, Person, iso
from ..http import Reply, Request
from . import beacon, ids, origin
from .beacon import Message
from .campaign import campaign
from .context import language
from .core import Core
from .door import answer, full, refusal
from .identity import Identity
from .planned import SERVERS_OWN
from .privacy import kept_address

_KINDS: dict[str, Kind] = {
    "view": "page", "route": "page", "track": "track", "identify": "identify", "leave": "track",
}  # fmt: skip

#: How much of a User-Agent each message of a beacon repeats.
_AGENT = 1024


class Collector:
    """Takes one beacon."""

    __slots__ = ("_address", "_core", "_facts", "_identity", "_request", "at")

    def __init__(self, core: Core, request: Request, identity: Identity) -> None:
        self._core = core
        self._request = request
        self._identity = identity
        self.at = identity.at
        whole = origin.address(core, request)
        self._address = kept_address(whole, core.settings.ip) if whole else None
        self._facts = origin.facts(core, request, identity)

    def collect(self, body: bytes) -> Reply:
        """Every good message becomes an entry; a bad one is refused with its index and reason."""
        try:
            parcel = beacon.beacon(body)
        except beacon.UnreadableError as error:
            if self._identity.allowed:
                self._core.keep(self._refused(str(error), body))
            return refusal(400, str(error))
        if not self._identity.allowed:
            self._core.count("consent", len(parcel.events))
            return answer(200, {"ok": 0, "stop": "consent"})
        if not parcel.events:
            return answer(200, {"ok": 0})
        return self._kept(parcel)

    def _kept(self, parcel: beacon.Beacon) -> Reply:
        entries: list[Entry] = []
        refused: list[tuple[int, str]] = []
        for index, raw in enumerate(parcel.events):
            try:
                entries.append(self._entry(beacon.message(raw), parcel.sent))
            except beacon.UnreadableError as error:
                refused.append((index, str(error)))
                entries.append(self._refused(str(error), bytes(raw)))
        if not self._core.keep_last(entries):
            return full()
        if parcel.dropped:
            self._core.count("browser_dropped", parcel.dropped)
        good = len(entries) - len(refused)
        content: dict[str, Any] = {"ok": good}
        if refused:
            content["refused"] = refused
        return answer(200, content) if good else answer(400, {**content, "error": "refused"})

    def _refused(self, reason: str, raw: bytes) -> Entry:
        self._core.count("door_refused", 1)
        return Entry("door", self.at, reason=reason, raw=self._core.letter(raw))

    def _entry(self, message: Message, sent: float) -> Entry:
        if message.type == "track" and message.name in self._core.plan.server_only:
            raise beacon.UnreadableError(SERVERS_OWN)
        page = self._core.tokens.read(message.token) if message.token else None
        if message.token and page is None:
            raise beacon.UnreadableError("the page token is not ours")
        if page is not None:
            page.load, page.service_worker = message.load, message.sw
        person = self._person(message, has_page=page is not None)
        return Entry(
            kind="confirm" if message.type == "view" else "browser",
            at=self.at,
            event=self._event(message, page, person, corrected(message.at, sent, self.at)),
            origin=message.load,
            person=person,
            page=page,
            consent=self._identity.consent,
            facts=self._facts,
        )

    def _person(self, message: Message, *, has_page: bool) -> Person | None:
        """What the cookie says. A page from a shared cache, which has no token, gets its visitor
        here: from the load id, so that a repeated call makes the same one. So does what such a page
        has left to another document: whose cookie that one has, nobody can say."""
        identity = self._identity
        opens = message.type != "leave" and message.name not in PARTING
        if has_page:
            return identity.person(opens=opens)
        own = ids.uuid_text(self._core.load_mac.digest(message.load.encode()))
        if message.late:
            return Person(own, None, None)
        if identity.visitor is None:
            identity.mint(own, fresh=True)
        if message.type == "view":
            identity.landed(_query(message.url))
        return identity.person(opens=opens)

    def _event(
        self, message: Message, page: PageRef | None, person: Person | None, at: float
    ) -> Event:
        kind = _KINDS[message.type]
        name = "Page Left" if message.type == "leave" else message.name
        user, claimed = self._user(message, person)
        context = self._context(message, page)
        if claimed:
            context["claimedUserId"] = claimed
        return Event(
            message.id,
            kind,
            iso(at),
            event=name if kind == "track" else None,
            name=name if kind == "page" else None,
            anonymous_id=person.visitor if person else None,
            user_id=user,
            properties=self._core.kept_properties(message.properties),
            traits=self._core.kept_traits(message.traits),
            context=context,
            original_timestamp=_original(message.at),
            received_at=iso(self.at),
        )

    def _user(self, message: Message, person: Person | None) -> tuple[str | None, str | None]:
        """The user that counts, and the one that is only claimed."""
        known = person.user if person else None
        claimed = ids.user(message.user_id)
        if claimed is None or claimed == known:
            return known, None
        if self._core.settings.browser_identity != "trusted":
            return known, claimed
        if message.type == "identify" and person is not None and not message.late:
            self._identity.sign_in(claimed)
        return claimed, None

    def _context(self, message: Message, page: PageRef | None) -> dict[str, Any]:
        request, facts = self._request, message.facts
        locale = facts.language if facts and facts.language else language(request.language)
        context: dict[str, Any] = {
            "page": self._page(message, page),
            "campaign": self._campaign(message) if _arrives(message, page) else None,
            "userAgent": request.agent[:_AGENT],
            "ip": self._address,
            "locale": locale,
            "timezone": facts.timezone if facts else None,
            "screen": _screen(facts) if facts else None,
            "consent": self._identity.consent,
            "library": self._core.library,
            "platform": "web",
            "migrated": self._identity.migrated and self._identity.migrated.tool,
        }
        return {name: value for name, value in context.items() if value}

    def _campaign(self, message: Message) -> dict[str, str]:
        return campaign(self._core.redaction.query(_query(message.url)))

    def _page(self, message: Message, page: PageRef | None) -> dict[str, Any]:
        redacted = self._core.redaction.url
        own_view = ids.view_id(message.page) if message.page else None
        seen = {
            "id": own_view or (page.id if page else None),
            "url": (url := redacted(message.url)),
            "path": _path(url),
            "referrer": redacted(message.referrer),
            "title": self._core.redaction.title(message.title),
        }
        return {name: value for name, value in seen.items() if value}


def corrected(at: float, sent: float, received: float) -> float:
    """When it happened by the server's clock: ``received - (sent - at)``, never in the future.

    ``at`` and ``sent`` are the browser's milliseconds, the rest epoch seconds (Segment's rule,
    segment.com/docs/connections/spec/common).
    """
    return received - max(0.0, sent - at) / 1000 if sent else received


def _original(at: float) -> str:
    return iso(at / 1000)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _query(url: str) -> str:
    return url.partition("#")[0].partition("?")[2]


def _arrives(message: Message, page: PageRef | None) -> bool:
    """Whether a view has no half of the server's that would say its campaign."""
    return message.type == "view" and page is None


def _screen(facts: beacon.Facts) -> dict[str, str]:
    sizes = {"viewport": facts.viewport, "size": facts.screen}
    return {name: text for name, text in sizes.items() if text}
