"""Crossings: a followed link takes its visitor along to a linked domain.

A link to one of ``linked_domains`` is followed through ``/<prefix>/x?u=<address>``, which redirects
to linked hosts alone. The address gets one more parameter, whose name follows from the secret key
that both hosts share: a sealed word that holds visitor, session and campaign, good for one arrival
within 30 seconds at this host by this browser. Nobody can read it without the key, so that no id
stands in an address or an access log. The user comes along only to be told apart from another one:
nobody is signed in by it, and who is signed in there stays who they are.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import msgspec

from ..http import Request
from . import session as sessions
from .session import Session
from .signing import Mac, Seal
from .visitor import Visitor

#: Seconds that a word is good for; a clock that is behind makes it no younger than so many.
LIFE, SKEW = 30.0, 5.0

#: Longest address that is redirected to, and longest word that is looked at.
_LONGEST, _LONGEST_WORD = 4096, 3000

# Host and port without user information, as browsers write an address: ASCII, punycode, lower case.
_TARGET = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?)(?::[0-9]{1,5})?((?:[/?#][!-\[\]-~]*)?)",
    re.ASCII | re.IGNORECASE,
)
_HOST = re.compile(r"https?://([^/?#:@\\\[\]]+)(?::[0-9]{1,5})?(?:[/?#]|\Z)", re.ASCII)


class Target(NamedTuple):
    """Where a link leads; ``url`` as it was written, but for a word of ours."""

    url: str
    host: str
    secure: bool


class Passage(msgspec.Struct, array_like=True, frozen=True):
    """What the word holds. ``made`` is epoch seconds, ``agent`` a digest of the User-Agent."""

    made: float
    host: str
    agent: str
    visitor: Visitor
    session: Session | None = None


class Crossing:
    """Makes and takes words between linked hosts. ``keys`` run from the oldest to the newest.

    ``claim`` says once for every nonce that it is unused; it may wait for a disk, and is asked only
    about a word that is good in every other way.
    """

    __slots__ = ("_boxes", "_claim", "_linked", "names")

    def __init__(
        self, keys: Sequence[str], linked: Collection[str], claim: Callable[[str], bool]
    ) -> None:
        #: The parameter's names, the present one first: no recorded address holds one of them.
        self.names = tuple(parameter(key) for key in reversed(keys))
        self._boxes = tuple(_Box(key) for key in reversed(keys))
        self._linked = frozenset(linked)
        self._claim = claim

    def target(self, text: str) -> Target | None:
        """Where an address leads, when that is a linked host and nothing in it can be read in two
        ways; else None. A word that is in it already would be somebody else's: it is left out."""
        match = _TARGET.fullmatch(text) if len(text) <= _LONGEST else None
        if match is None or match[2].lower() not in self._linked:
            return None
        return Target(self._wordless(text), match[2].lower(), match[1].lower() == "https")

    def _wordless(self, url: str) -> str:
        front, hash_, fragment = url.partition("#")
        path, mark, query = front.partition("?")
        signs = tuple(f"{name}=" for name in self.names)
        pairs = query.split("&")
        kept = [pair for pair in pairs if not pair.startswith(signs)]
        if len(kept) == len(pairs):
            return url
        return f"{path}{mark if kept else ''}{'&'.join(kept)}{hash_}{fragment}"

    def decorated(
        self, target: Target, visitor: Visitor, session: Session | None, *,
        nonce: str, now: float, agent: str,
    ) -> str:  # fmt: skip
        """The address with the word in it. The whole touch goes along, or none of it fits."""
        word = ""
        for first, kept in ((visitor.first, session), (None, None)):
            who = msgspec.structs.replace(visitor, first=first, signed_in=False, fresh=False)
            passage = Passage(now, target.host, _digest(agent), who, kept)
            word = self._boxes[0].closed(nonce, msgspec.json.encode(passage))
            if len(word) <= _LONGEST_WORD:
                break
        url, hash_, fragment = target.url.partition("#")
        joint = "&" if "?" in url else "?"
        return f"{url}{joint}{self.names[0]}={word}{hash_}{fragment}"

    def taken(self, request: Request, now: float) -> Passage | None:
        """What a request's address brings along, taken for good; None when it brings nothing, or
        the word is another host's, another browser's, too old, used up, or of no linked page."""
        word = next(filter(None, (_value(request.query, name) for name in self.names)), None)
        if word is None or host_of(request.referrer) not in self._linked:
            return None
        nonce, passage = self._read(word)
        if passage is None or not -SKEW <= now - passage.made <= LIFE:
            return None
        if passage.host != bare(request.host) or passage.agent != _digest(request.agent):
            return None
        return passage if self._claim(nonce) else None

    def arrival(
        self, request: Request, before: Visitor | None, campaign: dict[str, str], *,
        now: float, idle: int, longest: int,
    ) -> tuple[Visitor, Session | None] | None:  # fmt: skip
        """The visitor and session as whom a request arrives, by what its address brings along; None
        when that is nothing new, or a user has signed in here before."""
        if before is not None and before.user is not None:
            return None
        passage = self.taken(request, now)
        if passage is None or (before is not None and before.id == passage.visitor.id):
            return None
        visitor = msgspec.structs.replace(passage.visitor, renewed=int(now))
        session = passage.session and sessions.current(
            passage.session, visitor.id, campaign, now=now, idle=idle, longest=longest
        )
        return visitor, session

    def _read(self, word: str) -> tuple[str, Passage | None]:
        opened = (box.opened(word) for box in self._boxes if len(word) <= _LONGEST_WORD)
        nonce, text = next(filter(None, opened), ("", b""))
        try:
            return nonce, _passages.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "", None


class _Box:
    """Closes texts under one key: a stream of HMACs over the nonce hides them, a signature over all
    keeps them whole. A nonce is used once."""

    __slots__ = ("_mac", "_seal")

    def __init__(self, key: str) -> None:
        self._seal = Seal([key], "track-middleware/crossing/1")
        self._mac = Mac(b"track-middleware/crossing/1\0" + key.encode())

    def closed(self, nonce: str, text: bytes) -> str:
        whole = nonce.encode() + b"." + self._hidden(nonce, text)
        return self._seal.sign(base64.urlsafe_b64encode(whole).rstrip(b"="))

    def opened(self, word: str) -> tuple[str, bytes] | None:
        """Nonce and text of a word; None when another key closed it, or nobody."""
        signed = self._seal.open(word)
        if signed is None:
            return None
        whole = base64.urlsafe_b64decode(signed + b"=" * (-len(signed) % 4))
        nonce, _, hidden = whole.partition(b".")
        return nonce.decode(), self._hidden(nonce.decode(), hidden)

    def _hidden(self, nonce: str, text: bytes) -> bytes:
        blocks = range((len(text) + 31) // 32)
        stream = b"".join(self._mac.digest(f"{nonce}/{number}".encode()) for number in blocks)
        return bytes(one ^ other for one, other in zip(text, stream, strict=False))


_passages = msgspec.json.Decoder(Passage)


def parameter(secret_key: str) -> str:
    """The name of the parameter: the same on every host with this secret, a letter at its front."""
    digest = hmac.new(secret_key.encode(), b"track-middleware/crossing/1", hashlib.sha256).digest()
    return "t" + base64.b32encode(digest)[:7].decode("ascii").lower()


def host_of(url: str) -> str:
    """The host that an absolute address names, without its port; "" when it is none."""
    match = _HOST.match(url)
    return match[1].lower() if match else ""


def bare(host: str) -> str:
    """A Host header without its port."""
    return host.partition(":")[0].lower()


def _digest(agent: str) -> str:
    return hashlib.blake2s(agent.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _value(query: str, name: str) -> str | None:
    sign = f"{name}="
    for pair in query.split("&"):
        if pair.startswith(sign):
            return pair[len(sign) :]
    return None
