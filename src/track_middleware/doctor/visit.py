"""The doctor's visit: a page, its script and a beacon, as a browser asks, and one question."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

from .. import __version__
from ..event import DOCTOR_AGENT, PageRef
from ..tracking.probe import HEADER, Probe
from ..tracking.probed import DOOR
from ..tracking.token import Tokens
from . import markup
from .client import Answer, ask, parted
from .markup import Tag

#: An address that nobody has (RFC 5737): who believes it would believe anybody.
MARKER = "203.0.113.77"

AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    f"Safari/537.36 {DOCTOR_AGENT}/{__version__}"
)

_PERSON = {"User-Agent": AGENT, "Accept-Language": "en", "Accept-Encoding": "gzip"}
_NAVIGATION = {
    **_PERSON, "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Upgrade-Insecure-Requests": "1",
}  # fmt: skip
_FETCH_NAVIGATION = {
    "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none",
    "Sec-Fetch-User": "?1",
}  # fmt: skip

#: As often is the page asked for, by somebody new each time.
_TIMES = 4
_MOST_REDIRECTS = 5


class _Seen(msgspec.Struct, rename="camel"):
    """What the site answers; whatever else is there instead is none."""

    now: float
    host: str
    scheme: str
    peer: str
    forwarded_for: str
    forwarded_proto: str
    other_addresses: list[str]
    address: str
    pid: int
    loaded_by: int
    user: int
    owner: int | None
    data_dir: str
    writable: bool
    threads: bool


class _Granted(msgspec.Struct):
    token: str = ""


@dataclass(slots=True)
class Visit:
    """One visit. ``keys``: the site's, as the settings give them, the newest last. ``pages``: the
    answers to the same question, each asked without a cookie; ``site``: what the site says that it
    sees; ``skew``: so many seconds its clock is before ours; ``is_stored``: its view has come."""

    url: str
    keys: Sequence[str]
    pages: list[Answer] = field(default_factory=list)
    plain: Answer | None = None
    head: Answer | None = None
    script: Answer | None = None
    asked: Answer | None = None
    site: dict[str, Any] | None = None
    beacon: Answer | None = None
    token: str = ""
    skew: float | None = None
    is_stored: bool = False
    load: str = field(default_factory=lambda: secrets.token_hex(16))
    message: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def page(self) -> Answer:
        """The first answer."""
        return self.pages[0]

    @property
    def tag(self) -> Tag | None:
        """The tag of the first page."""
        return markup.tag(self.page.body)

    def arrive(self) -> None:
        """Asks for the page, several times under an address that nobody has asked for yet, so that
        no cache gives the doctor's page to anybody. Unreachable when nobody answers."""
        mark = f"track-doctor={secrets.token_hex(8)}"
        parts = parted(self.url)
        query = f"{parts.query}&{mark}" if parts.query else mark
        first = self._followed(parts._replace(query=query, fragment="").geturl())
        self.pages = [first, *(self._get(first.url) for _ in range(_TIMES - 1))]
        self.head = self._get(first.url, method="HEAD")
        if self.tag is None and first.header("content-encoding"):
            self.plain = self._get(first.url, accept_encoding="identity")

    def _followed(self, url: str) -> Answer:
        for _ in range(_MOST_REDIRECTS):
            answer = self._get(url)
            there = answer.header("location")
            if not (300 <= answer.status < 400 and there):
                break
            parted(there)
            url = urljoin(url, there)
        return answer

    def _get(self, url: str, *, method: str = "GET", accept_encoding: str = "gzip") -> Answer:
        headers = {**_NAVIGATION, "Accept-Encoding": accept_encoding}
        if _is_secure(url):
            headers |= _FETCH_NAVIGATION
        return ask(url, method=method, headers=headers)

    def refs(self) -> list[PageRef | None]:
        """What the pages' tokens say; None for a token that these keys have not signed."""
        found = [markup.tag(each.body) for each in self.pages]
        tokens = Tokens(self.keys, "")
        return [tokens.read(tag.signed) for tag in found if tag is not None and tag.signed]

    def page_id(self, token: str) -> str:
        """Of which page view a token is; "" where it is none of these keys'."""
        ref = Tokens(self.keys, "").read(token) if token and self.keys else None
        return ref.id if ref is not None else ""

    def look(self, tag: Tag) -> None:
        """Asks for the script, and the site for what it sees."""
        self.script = ask(self._at(tag, "m.js"), headers={**_PERSON, "Accept": "*/*"})
        word = Probe(self.keys).word(time.time() + (self.skew or 0.0), secrets.token_hex(8))
        told = {**_PERSON, HEADER: word, "X-Forwarded-For": MARKER, "Cache-Control": "no-cache"}
        self.asked = ask(self._at(tag, DOOR), headers=told)
        if self.asked.status == 200:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                told = msgspec.json.decode(self.asked.body, type=_Seen)
                self.site = msgspec.to_builtins(told)

    def choose(self, tag: Tag) -> None:
        """Grants everything, where nothing is let through before somebody does."""
        answer = self._post(tag, "c", {"analytics": True, "marketing": True, "source": "doctor"})
        self.pages[0] = _with_cookies_of(self.page, answer)
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            self.token = msgspec.json.decode(answer.body, type=_Granted).token

    def confirm(self, tag: Tag) -> None:
        """What the script tells of a page in view."""
        now = time.time() * 1000
        view = {
            "id": self.message, "type": "view", "load": self.load, "at": now,
            "token": self.token or tag.signed, "url": self.page.url, "title": "doctor",
            "facts": {"viewport": "800x600", "language": "en", "timezone": "UTC"},
        }  # fmt: skip
        self.beacon = self._post(tag, "q", {"v": 1, "sent": now, "events": [view]})

    def _post(self, tag: Tag, rest: str, content: Mapping[str, Any]) -> Answer:
        parts = urlsplit(self.page.url)
        headers = {
            **_PERSON, "Accept": "*/*", "Content-Type": "text/plain;charset=UTF-8",
            "Origin": f"{parts.scheme}://{parts.netloc}", "Referer": self.page.url,
        }  # fmt: skip
        if cookies := _cookies(self.page):
            headers["Cookie"] = cookies
        if _is_secure(self.page.url):
            headers |= {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
        body = msgspec.json.encode(content)
        return ask(self._at(tag, rest), method="POST", headers=headers, body=body)

    def _at(self, tag: Tag, rest: str) -> str:
        return urljoin(self.page.url, f"{tag.base}/{rest}")


def _is_secure(url: str) -> bool:
    """Whether a browser says from where it asks (W3C Secure Contexts)."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname == "localhost"


def _cookies(page: Answer) -> str:
    """The Cookie header of who was given that page."""
    pairs = (line.partition(";")[0].partition("=") for line in page.lines("set-cookie"))
    found = {name.strip(): value for name, _, value in pairs}
    return "; ".join(f"{name}={value}" for name, value in found.items())


def _with_cookies_of(page: Answer, answer: Answer) -> Answer:
    more = tuple(("set-cookie", line) for line in answer.lines("set-cookie"))
    return Answer(
        page.url, page.status, (*page.headers, *more), page.body, page.length, page.whole,
        page.own, page.at,
    )  # fmt: skip
