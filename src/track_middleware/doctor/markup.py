"""What of ours stands in a page: the tag with its token, and links under our prefix. Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from html import unescape
from typing import NamedTuple

from ..tracking.console import owns
from ..tracking.routes import place
from ..tracking.snippet import SHARED

_TAG = re.compile(
    rb'(?:<meta name="track-page" content="([^"]*)">)?'
    rb'<script src="([^"]*)/m\.js"(?: id="[a-z-]*")? defer([^>]*)></script>'
)
_NONCE = re.compile(r'\bnonce="([^"]*)"')
_LINK = re.compile(rb"""\b(?:src|href|action)\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_HTML_END = re.compile(
    rb"</html\s*>\s*(?:<!--(?:(?!-->).)*-->\s*)*\Z",  # a comment can be read in one way alone
    re.IGNORECASE | re.DOTALL,
)

#: What asks for consent, on pages that have a banner: our own, our script's verb, other makers'.
_ASKS = re.compile(
    rb"data-track-banner|\.consent\s*\(|onetrust|cookiebot|klaro|didomi|usercentrics|sourcepoint|"
    rb"quantcast|cookieconsent|cookie-consent|consentmanager|axeptio|iubenda|tarteaucitron|"
    rb"__tcfapi|truste",
    re.IGNORECASE,
)


class Tag(NamedTuple):
    """The tag. ``token``: "" where it has none; ``base``: the path of our prefix."""

    token: str
    base: str
    nonce: str

    @property
    def signed(self) -> str:
        """The page token; "" where the page may be anybody's, or nobody is to be told of it."""
        return "" if self.token == SHARED else self.token

    @property
    def prefix(self) -> str:
        """The last segment of the base."""
        return self.base.rpartition("/")[2]


def tag(body: bytes) -> Tag | None:
    """The tag of a page; None where it has none."""
    found = _TAG.search(body)
    if found is None:
        return None
    word = _NONCE.search(_text(found[3]))
    return Tag(_text(found[1] or b""), _text(found[2]), word[1] if word else "")


def ends(body: bytes) -> bool:
    """Whether a document ends as documents do."""
    return _HTML_END.search(body[-4096:]) is not None


def asks_for_consent(body: bytes) -> bool:
    """Whether something in a page looks as if it asked its visitors."""
    return _ASKS.search(body) is not None


def strangers(body: bytes, base: str, slots: Container[str] = ()) -> Iterator[str]:
    """Links of a page to what lies under our prefix and is none of ours. ``slots``: the first
    segments there of vendors' own paths."""
    for found in _LINK.finditer(body):
        link = _text(found[1])
        rest = link.removeprefix(f"{base}/")
        rest = "" if rest == link else rest.partition("?")[0].partition("#")[0]
        if rest and not (place(rest) or owns(rest) or rest.partition("/")[0] in slots):
            yield link


def _text(raw: bytes) -> str:
    return unescape(raw.decode("utf-8", "replace"))
