"""From the hits of an access log to page views, as they would have been counted live.

A log knows no content type (Caddy's does), so the path says what was a page. No I/O happens here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote

import msgspec

from .. import __version__
from ..enrichment import arrival
from ..enrichment.agent import agent as agents
from ..event import Event, iso
from ..globs import matching
from ..patterns import Patterns
from ..settings import Settings
from ..tracking import context as contexts
from ..tracking import ids
from ..tracking.campaign import CLICK_IDS, campaign
from ..tracking.context import Context
from ..tracking.pageview import HTML
from ..tracking.privacy import kept_address
from ..tracking.redaction import Redaction
from ..tracking.session import Session
from .formats import Hit
from .visits import Ordinals, Sessions, Visitors

#: What a path may end in and be a page; a path without an ending is one.
PAGES = frozenset(
    {
        "html", "htm", "xhtml", "shtml", "php", "php3", "php4", "php5", "phtml", "asp", "aspx",
        "jsp", "jspx", "jsf", "do", "action", "cfm", "cgi", "pl",
    }
)  # fmt: skip

#: Last parts of paths that programs ask for, though they have no ending, or a page's.
NO_PAGES = frozenset({"feed", "rss", "atom", "xmlrpc.php", "wp-cron.php", "admin-ajax.php"})

#: The usual endings of what is none: most hits are told by them.
_FILES = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "woff2", "json"}
)

_ENDING = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,5})$")

#: What asks a page's path for something else than a page.
_FEED = re.compile(r"(?:^|&)(?:feed|flav|format|output|type)=(?:rss|atom|rdf|xml|json)", re.I)

#: Answers that hold no document: no content, a part of something.
_NO_DOCUMENT = frozenset({204, 205, 206})


@lru_cache(maxsize=1024)
def names_page(path: str) -> bool:
    """Whether a path looks like a page's."""
    last = path.rstrip("/").rpartition("/")[2].lower()
    if last in NO_PAGES or "/.well-known/" in path or "/wp-json/" in path:
        return False
    found = _ENDING.search(path.rpartition("/")[2])
    return found is None or found[1].lower() in PAGES


def is_page(hit: Hit, path: str, query: str) -> bool:
    """Whether a hit was the view of a page: ``GET``, answered 2xx with a document, not fetched
    ahead of a view."""
    if hit.method != "GET" or not 200 <= hit.status < 300 or hit.status in _NO_DOCUMENT:
        return False
    if not hit.content_type and path.rpartition(".")[2] in _FILES:
        return False
    if query and _FEED.search(query):
        return False
    if hit.purpose and ("prefetch" in hit.purpose or "prerender" in hit.purpose):
        return False
    return HTML[hit.content_type] if hit.content_type else names_page(path)


class View(msgspec.Struct, gc=False):
    """A page view that has no session yet. ``bot``: the class of the program that asked."""

    id: str
    hit: Hit
    host: str
    path: str
    query: str
    bot: str | None


class Views:
    """Makes page views of one site's hits. ``host`` and ``scheme`` are those of hits which name
    none. ``consent`` is what held for everybody; where it did not permit it, nobody is known for
    longer than a day (``daily`` visitors), and no address is kept."""

    def __init__(
        self,
        settings: Settings,
        *,
        host: str,
        scheme: str,
        visitors: Visitors,
        consent: Mapping[str, str],
    ) -> None:
        patterns = Patterns(settings.redact_patterns, ids=CLICK_IDS)
        self._redaction = Redaction(settings.redact, patterns=patterns)
        self._excluded = matching(settings.exclude)
        self._consent = dict(consent)
        self._cookieless = consent["analytics"] != "granted"
        self._ip = "none" if self._cookieless else settings.ip
        self._host = host
        self._scheme = scheme
        self._visitors = visitors
        self._ordinals = Ordinals()
        self.sessions = Sessions(idle=settings.session_timeout, longest=settings.session_max)

    def view(self, hit: Hit, line: bytes) -> View | None:
        """The page view that a line tells of; None when it tells of none.

        Its id follows from the line: the same log imported twice is imported once.
        """
        if hit.method != "GET" or not 200 <= hit.status < 300:
            return None  # most lines; what follows costs more
        target = hit.target
        host = hit.host or self._host
        if target[:1] != "/":
            _, found, rest = target.partition("://")
            named, _, target = rest.partition("/")
            if not found:
                return None
            host, target = named or host, "/" + target
        path, _, query = target.partition("?")
        if not is_page(hit, path, query):
            return None
        if self._excluded is not None and self._excluded.match(path):
            return None
        name = hashlib.blake2b(line, key=self._host.encode()[:64], digest_size=16).digest()
        if ordinal := self._ordinals.of(name):
            name = hashlib.blake2b(name + b"%d" % ordinal, digest_size=16).digest()
        return View(ids.uuid_text(name), hit, host, path, query, bot_class(hit.agent))

    def new_file(self) -> None:
        """What follows is another log: a line that it shares with the former is the same one."""
        self._ordinals = Ordinals()

    def event(self, view: View) -> tuple[Event, str, bool]:
        """Its event, its session, and whether that begins with it. Views come in the order of
        time."""
        hit = view.hit
        visitor = self._visitors.visitor(hit.address, hit.agent, hit.time)
        came = campaign(view.query) if "=" in view.query else {}
        session, begins = self.sessions.at(visitor, hit.time, came)
        return Event(
            view.id, "page", _iso(hit.time), anonymous_id=visitor,
            context=self._context(view, session),
        ), session.id, begins  # fmt: skip

    def _context(self, view: View, session: Session) -> Context:
        hit, redaction = view.hit, self._redaction
        path = redaction.path(unquote(view.path) if "%" in view.path else view.path)
        page = contexts.Page(
            contexts.url(hit.scheme or self._scheme, view.host, path, redaction.query(view.query)),
            path,
            view.id,
            referrer=redaction.url(hit.referrer) or None,
            status=hit.status,
            duration_ms=None if hit.duration is None else round(hit.duration * 1000, 3),
        )
        return Context(
            page,
            _LIBRARY,
            "backfill",
            self._consent,
            user_agent=hit.agent or None,
            ip=kept_address(hit.address, self._ip),
            session=_session(session),
            campaign=msgspec.Raw(_encode(session.campaign)) if session.campaign else None,
            cookieless=self._cookieless,
        )


_encode = msgspec.json.Encoder().encode

_LIBRARY = msgspec.Raw(_encode({"name": "track-middleware", "version": __version__}))


def _session(session: Session) -> msgspec.Raw:
    start = _iso(session.start)
    return msgspec.Raw(_encode({"id": session.id, "number": session.number, "start": start}))


def _iso(time: float) -> str:
    """As ``iso``: a log's seconds are all different, but its minutes come again and again."""
    minute, second = divmod(time, 60)
    if minute < 0 or second >= 59.9995:
        return iso(time)
    return _minute(minute) + (_SECONDS.get(second) or f"{second:06.3f}Z")


#: How whole seconds end: most logs know no finer ones.
_SECONDS: Mapping[float, str] = {second: f"{second:02}.000Z" for second in range(60)}


@lru_cache(maxsize=1024)
def _minute(minute: float) -> str:
    return iso(minute * 60)[:17]


def bot_class(agent: str) -> str | None:
    """The class of the program that a User-Agent names, as the worker finds it; None for a
    person's browser. Every browser names itself."""
    if not agent:
        return "other"
    bot = agents(agent).bot
    return bot.class_ if bot else None


def channel(context: Context) -> str:
    """The channel of the session that begins with a page view, as the worker finds it; ``Internal``
    where it comes from the same site, after a longer silence or from a file that is no page."""
    page = context.page
    site = page.url[: page.url.find("/", page.url.find("://") + 3)]
    came = page.referrer or ""
    return _channel(site[:_LONGEST], came[:_LONGEST], bytes(context.campaign or b"{}"))


#: More of an address is not looked at, and not remembered.
_LONGEST = 4096


@lru_cache(maxsize=1024)
def _channel(site: str, referrer: str, campaign: bytes) -> str:
    page = {"url": site, "referrer": referrer}
    found = arrival({"page": page, "campaign": msgspec.json.decode(campaign)}).get("channel")
    return found if isinstance(found, str) else "Internal"
