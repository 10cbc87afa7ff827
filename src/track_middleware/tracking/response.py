"""What becomes of a response: tag, token, cookies, and the last entries of its request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..event import DOCTOR_AGENT, REQUEST, Counting, Entry, Event, Last, PageRef
from ..http import Cookie, Request
from . import pageview
from .choice import record_heard
from .context import Page
from .cookieless import Cookieless
from .core import Core
from .identity import Identity
from .inject import Injector
from .scene import Scene, took
from .shareable import PRIVATE, SPEAKING, made_private, shareable
from .snippet import SHARED

#: Responses with one of these describe exact bytes: a tag would make them lie.
_EXACT = frozenset(
    [
        "content-encoding",
        "content-range",
        "digest",
        "repr-digest",
        "content-digest",
        "content-md5",
        "signature",
        "signature-input",
    ]
)

#: A response without any of these has nothing to say but what it is.
TELLING = SPEAKING | _EXACT | {"content-disposition", "content-security-policy"}

#: Statuses without a body of their own: passed untouched.
_BODILESS = frozenset((101, 204, 206, 304))

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


class Ending(msgspec.Struct, frozen=True, gc=False):
    """What a face does to a response: headers to set, cookies to add, the tag to put in."""

    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[Cookie, ...] = ()
    injector: Injector | None = None


NOTHING = Ending()


class Response(msgspec.Struct):
    """The response of one exchange. ``view_kept`` is set when a verb has recorded the view."""

    _core: Core
    _request: Request
    _identity: Identity
    _scene: Scene
    _visit: pageview.Visit
    _counting: Counting = "never"
    _status: int = 0
    _shared: bool = False
    _token: bool = False
    view_kept: bool = False

    def close(self, status: int, headers: Mapping[str, str]) -> Ending:
        """What a face does to the response that starts with this status and these headers."""
        self._status = status
        visit, method = self._visit, self._request.method
        if (
            visit == "navigation" and status == 200 and self._core.is_usual
            and self._identity.visitor is not None and TELLING.isdisjoint(headers)
        ):  # fmt: skip
            return self._usual(headers)
        if status in _BODILESS or method == "HEAD":
            return NOTHING
        plain = TELLING.isdisjoint(headers)
        if not plain or self._core.shared is not None:
            self._shared = self.is_shared(headers)
        injector = None
        if visit != "fragment" and _is_page(headers):
            self._counting = pageview.counting(visit, method, status)
            if plain or _EXACT.isdisjoint(headers):
                injector = self._injector(headers)
        if self._shared or visit == "speculative":
            return Ending((), (), injector)
        cookies = self._identity.cookies(arriving=visit == "navigation")
        if self._identity.heard is not None:
            record_heard(self._core, self._identity)
        if not cookies and not self._token:
            return Ending((), (), injector)
        return Ending(made_private(headers.get("cache-control")), cookies, injector)

    def _usual(self, headers: Mapping[str, str]) -> Ending:
        """The same for what most responses are: pages to somebody who may be tracked, that say
        nothing but their type."""
        identity, core, scene, injector = self._identity, self._core, self._scene, None
        content_type = headers.get("content-type")
        if content_type is not None and pageview.HTML[content_type]:
            page_id = scene.known_page_id
            if page_id is None:
                page_id = scene.known_page_id = core.new_id()
            token = core.tokens.make(page_id, identity.at, "counted")
            tag = core.snippet.tag(self._request.root_path, token, "")
            injector = Injector(tag, content_type, core.settings.inject)
            self._counting, self._token = "counted", True
        cookies = identity.cookies(arriving=True)
        if identity.heard is not None:
            record_heard(core, identity)
        if injector is None and not cookies:
            return NOTHING
        return Ending(PRIVATE, cookies, injector)

    def is_shared(self, headers: Mapping[str, str]) -> bool:
        """Whether a shared cache may store the response, by its headers or the settings."""
        listed = self._core.shared
        if listed is not None and listed.match(self._request.path):
            return True
        return shareable(headers, self._identity.at)

    def _word(self) -> str | None:
        """The page token; ``shared`` where the script must ask; None where it must be silent."""
        if self._shared:
            return SHARED
        if not self._identity.allowed:
            return None
        page_id = self._scene.known_page_id or self._scene.named()
        if page_id is None:
            return SHARED if self._visit == "speculative" else None
        if self._counting == "counted" and not self._core.settings.page_views:
            self._counting = "shown"
        self._token = True
        return self._core.tokens.make(page_id, self._identity.at, self._counting)

    def _injector(self, headers: Mapping[str, str]) -> Injector:
        core = self._core
        policy = headers.get("content-security-policy", "")
        tag = core.snippet.tag(self._request.root_path, self._word(), policy)
        return Injector(tag, headers["content-type"], everywhere=core.settings.inject)

    def last_entries(self) -> list[Last]:
        """The page view or its mark, and the request event, once the body is done."""
        identity, settings = self._identity, self._core.settings
        counted = self._counting == "counted"
        if counted and self._token and self._core.is_usual and identity.allowed:
            return [] if self.view_kept else [self._view()]
        if counted and self._shared:
            if DOCTOR_AGENT in self._request.agent:
                return []  # nobody was served
            return [Entry("served", identity.at, url=self._scene.path)]
        if not identity.allowed:
            return [] if self._core.salt is None else self._counted()
        entries: list[Last] = []
        if not self.view_kept:
            if counted and settings.page_views:
                entries.append(self._view())
            elif self._token:
                entries.append(self._mark())
        if self._is_recorded():
            entries.append(self._request_entry())
        return entries

    def unpermitted(
        self, event: Event, more: Mapping[str, Any] | None, *, excluded: bool
    ) -> str | None:
        """What becomes of a verb's event where nobody may be tracked: its id where it is counted
        without cookies, or is a user's in the request of a program (a payment's webhook), who has
        no choice to make: then the user's own holds, as outside a request. Else None."""
        if excluded:
            self._core.count("excluded", 1)
            return None
        if event.event in self._core.plan.contracts:
            return self._of_contract(event)
        if event.user_id is not None and self._is_a_programs():
            return self._core.keep_outside(event, more, now=self._core.now())
        return self._cookieless.keep(event, more)

    def _of_contract(self, event: Event) -> str | None:
        """Keeps what a contract needs (an order), with the user that it was given and nothing of
        the browser, its visitor and campaign; the context says on what basis."""
        core, consent = self._core, self._identity.consent
        event.anonymous_id = None if event.user_id else core.new_id()
        event.context = {
            "library": core.library, "platform": "server", "consent": consent,
            "basis": "contract",
        }  # fmt: skip
        entry = Entry("event", core.now(), event, consent=consent)
        return event.message_id if core.keep(entry) else None

    def _is_a_programs(self) -> bool:
        """Whether no person has asked: a browser says where it asks from (W3C Fetch Metadata),
        opens a document, or has a cookie."""
        request = self._request
        if request.cookie or request.destination or self._visit != "other" or request.gpc:
            return False
        return not request.header("sec-fetch-site") and not request.header("dnt")

    @property
    def _cookieless(self) -> Cookieless:
        return Cookieless(self._core, self._request, self._identity, self._scene)

    def _counted(self) -> list[Last]:
        """What is counted without cookies, before a choice."""
        counting = self._cookieless
        entries: list[Last] = []
        if self._counting == "counted" and self._core.settings.page_views and not self.view_kept:
            entries += counting.view(self._measure)
        if self._is_recorded():
            entries += counting.last(self._request_event())
        return entries

    def _view(self) -> bytes:
        duration = took(self._core.now() - self._identity.at)
        measured = f',"status":{self._status},"durationMs":{duration}'
        return self._scene.view(measured, awaits_half=self._token)

    def _measure(self, page: Page) -> None:
        page.status, page.duration_ms = self._status, self._duration()

    def _mark(self) -> Entry:
        identity = self._identity
        return Entry(
            "mark",
            identity.at,
            person=identity.person(opens=self._visit == "navigation"),
            page=PageRef(self._scene.page_id or "", identity.at, self._counting, self._core.host),
            consent=identity.consent,
            url=self._scene.path,
        )

    def _is_recorded(self) -> bool:
        wanted = self._core.settings.requests
        if wanted == "changes":
            return self._request.method not in _SAFE_METHODS or self._status >= 500
        return wanted == "all"

    def _request_entry(self) -> Entry:
        identity, scene = self._identity, self._scene
        event = self._request_event()
        event.anonymous_id = identity.visitor_id
        event.user_id = identity.user
        event.context = scene.context(None)
        return Entry("event", identity.at, event, consent=identity.consent, facts=scene.facts)

    def _request_event(self) -> Event:
        event = self._core.event("track", REQUEST, None, self._identity.at)
        event.properties = {
            "method": self._request.method,
            "path": self._scene.path,
            "route": self._scene.route,
            "status": self._status,
            "durationMs": self._duration(),
        }
        return event

    def _duration(self) -> float:
        return float(took(self._core.now() - self._identity.at))


def _is_page(headers: Mapping[str, str]) -> bool:
    """Whether it is a whole HTML document to be looked at."""
    if not pageview.HTML[headers.get("content-type", "")]:
        return False
    disposition = headers.get("content-disposition")
    return not (disposition and disposition.lstrip().lower().startswith("attachment"))
