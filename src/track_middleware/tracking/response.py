"""What becomes of a response: tag, token, cookies, and the last entries of its request."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..event import Counting, Entry, Event, PageRef, iso
from ..http import Cookie, Request
from . import pageview
from .core import Core
from .identity import Identity
from .inject import Injector
from .scene import Scene
from .shareable import made_private, shareable
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


#: Statuses without a body of their own: passed untouched.
_BODILESS = frozenset((101, 204, 206, 304))

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


class Ending(msgspec.Struct, frozen=True, gc=False):
    """What a face does to a response: headers to set, cookies to add, the tag to put in."""

    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[Cookie, ...] = ()
    injector: Injector | None = None


NOTHING = Ending()


class Response:
    """The response of one exchange. ``view_kept`` is set when a verb has recorded the view."""

    __slots__ = (
        "_core", "_counting", "_identity", "_request", "_scene", "_shared", "_status", "_tagged",
        "_token", "_visit", "view_kept",
    )  # fmt: skip

    def __init__(
        self, core: Core, request: Request, identity: Identity, scene: Scene, visit: pageview.Visit
    ) -> None:
        self._core = core
        self._request = request
        self._identity = identity
        self._scene = scene
        self._visit = visit
        self._counting: Counting = "never"
        self._status = 0
        self._shared = self._tagged = self._token = self.view_kept = False

    def close(self, status: int, headers: Mapping[str, str]) -> Ending:
        """What a face does to the response that starts with this status and these headers."""
        self._status = status
        if status in _BODILESS or self._request.method == "HEAD":
            return NOTHING
        self._shared = self.is_shared(headers)
        if self._is_page(headers):
            self._counting = pageview.counting(self._visit, self._request.method, status)
            self._tagged = _EXACT.isdisjoint(headers)
        word = self._word() if self._tagged else None
        cookies = self._cookies()
        private = bool(cookies) or self._token
        return Ending(
            headers=(("Cache-Control", made_private(headers.get("cache-control", ""))),)
            if private
            else (),
            cookies=cookies,
            injector=self._injector(word, headers) if self._tagged else None,
        )

    def is_shared(self, headers: Mapping[str, str]) -> bool:
        """Whether a shared cache may store the response, by its headers or the settings."""
        listed = self._core.shared
        if listed is not None and listed.match(self._request.path):
            return True
        return shareable(headers, self._identity.at)

    def _is_page(self, headers: Mapping[str, str]) -> bool:
        """Whether it is a whole HTML document to be looked at."""
        if self._visit == "fragment" or not pageview.is_html(headers.get("content-type", "")):
            return False
        disposition = headers.get("content-disposition")
        return not (disposition and disposition.lstrip().lower().startswith("attachment"))

    def _word(self) -> str | None:
        """The page token; ``shared`` where the script must ask; None where it must be silent."""
        if self._shared:
            return SHARED
        if not self._identity.allowed:
            return None
        page_id = self._scene.page_id
        if page_id is None:
            return SHARED if self._visit == "speculative" else None
        if self._counting == "counted" and not self._core.settings.page_views:
            self._counting = "shown"
        self._token = True
        return self._core.tokens.make(page_id, self._identity.at, self._counting)

    def _cookies(self) -> tuple[Cookie, ...]:
        if self._shared or self._visit == "speculative":
            return ()
        return self._identity.cookies(arriving=self._visit == "navigation")

    def _injector(self, word: str | None, headers: Mapping[str, str]) -> Injector:
        core = self._core
        base = f"{self._request.root_path}/{core.prefix}"
        tag = core.snippet.tag(base, word, headers.get("content-security-policy", ""))
        return Injector(tag, headers["content-type"], everywhere=core.settings.inject)

    def last_entries(self) -> list[Entry]:
        """The page view or its mark, and the request event, once the body is done."""
        if self._shared and self._counting == "counted":
            return [Entry("served", self._identity.at, url=self._scene.path)]
        if not self._identity.allowed:
            return []
        entries: list[Entry] = []
        page_views = self._core.settings.page_views
        if self._counting == "counted" and page_views and not self.view_kept:
            entries.append(self._view())
        elif self._token and not self.view_kept:
            entries.append(self._mark())
        if self._is_recorded():
            entries.append(self._request_entry())
        return entries

    def _view(self) -> Entry:
        identity, scene = self._identity, self._scene
        page_id = scene.page_id or self._core.new_id()
        context = scene.described()
        if context.page is not None:
            context.page.status = self._status
            context.page.duration_ms = self._duration()
        visitor = identity.visitor
        event = Event(
            page_id,
            "page",
            iso(identity.at),
            anonymous_id=visitor.id if visitor else None,
            user_id=identity.user,
            context=context,
        )
        return Entry(
            "view",
            identity.at,
            event,
            person=identity.person(),
            page=PageRef(page_id, identity.at, self._counting, self._core.host),
            consent=identity.consent,
            facts=scene.facts,
            await_half=self._token,
        )

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
        event = self._core.event("track", "Request", None, now=identity.at)
        event.properties = {
            "method": self._request.method,
            "path": scene.path,
            "route": scene.route,
            "status": self._status,
            "durationMs": self._duration(),
        }
        event.anonymous_id = identity.visitor_id
        event.user_id = identity.user
        event.context = scene.context(None)
        return Entry("event", identity.at, event, consent=identity.consent, facts=scene.facts)

    def _duration(self) -> float:
        tenths = int((self._core.now() - self._identity.at) * 10_000)
        return tenths / 10 if tenths > 0 else 0.0
