"""Vendors' scripts: fetched with validators, kept, rewritten, served while the vendor is down."""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
import time
from collections.abc import Mapping

import msgspec

from ..http import Reply
from ..tracking.door import refusal
from .cache import Cache, Kept
from .names import Names
from .order import Order, Place
from .upstream import Call, Unanswered, Upstream

#: On every answer: a browser must not guess its type, nor show it as a page of this host.
PROTECTED = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
)

#: Bytes of a script, unpacked.
_MOST = 4 * 2**20

#: Seconds: the shortest, usual and longest time that a script is believed unasked, and how long
#: one is served that the vendor could not be asked about.
_FRESH, _LONGEST, _STALE = 60, 86400, 30 * 86400
_USUAL = 3600

#: Rewritten scripts that a process remembers.
_REMEMBERED = 64

_SCRIPT, _JSON = "text/javascript; charset=utf-8", "application/json"
_KINDS = {
    "application/javascript": _SCRIPT, "application/x-javascript": _SCRIPT,
    "text/javascript": _SCRIPT, "application/json": _JSON, "text/json": _JSON,
}  # fmt: skip

MAX_AGE = re.compile(r"\bmax-age=(\d{1,9})")


class _Served(msgspec.Struct, frozen=True):
    """One script as pages get it."""

    kind: str
    tag: str
    fresh: int
    body: bytes
    packed: bytes


class Scripts:
    """The scripts of one site. One thread at a time asks the vendor about a script; others are
    served what is kept meanwhile."""

    def __init__(self, cache: Cache, upstream: Upstream, names: Mapping[str, Names]) -> None:
        self._cache = cache
        self._upstream = upstream
        self._names = names
        self._served: dict[tuple[str, float, str, Place], _Served] = {}
        self._asking: dict[str, threading.Lock] = {}

    def reply(self, order: Order, call: Call) -> Reply:
        """A script as pages get it; a refusal where there is none."""
        served, is_fresh = self._kept(order)
        if served is not None and is_fresh:
            return _reply(order, served)
        lock = self._asking.setdefault(order.url, threading.Lock())
        if served is not None:
            is_mine = lock.acquire(blocking=False)
        else:
            is_mine = lock.acquire(timeout=self._upstream.bounds.idle)
        try:
            return self._asked(order, call) if is_mine else _reply_or_none(order, served)
        finally:
            if is_mine:
                lock.release()
                self._asking.pop(order.url, None)

    def _kept(self, order: Order) -> tuple[_Served | None, bool]:
        """What is kept of a script, rewritten, and whether the vendor need not be asked."""
        now, checked = time.time(), self._cache.checked(order.url)
        if checked is None or now - checked > _STALE:
            return None, False
        served = self._served.get((order.url, checked, order.slot, order.place))
        if served is None:
            kept = self._cache.read(order.url)
            served = None if kept is None else self._prepared(order, kept, checked)
        return served, served is not None and 0 <= now - checked < served.fresh

    def _asked(self, order: Order, call: Call) -> Reply:
        """What the vendor says now; where it says nothing usable, what is kept."""
        served, is_fresh = self._kept(order)  # somebody may have asked meanwhile
        if served is not None and is_fresh:
            return _reply(order, served)
        kept, now = self._cache.read(order.url) if served is not None else None, time.time()
        try:
            answer = self._fetched(order, call, kept)
        except Unanswered:
            return _reply_or_none(order, served)
        if answer is None:
            self._cache.touch(order.url, now=now)
            return _reply_or_none(order, served)
        self._cache.keep(order.url, answer, now=now)
        return _reply(order, self._prepared(order, answer, now))

    def _fetched(self, order: Order, call: Call, kept: Kept | None) -> Kept | None:
        """The vendor's script; None when it is still the one that is kept."""
        if self._upstream.rests(order.url):
            raise Unanswered("it was silent a moment ago")
        headers = dict(order.headers)
        if kept is not None and kept.etag:
            headers["if-none-match"] = kept.etag
        if kept is not None and kept.modified:
            headers["if-modified-since"] = kept.modified
        self._upstream.call(call, "GET", order.url, headers)
        status, said = call.answer.status, call.answer.headers
        if status == 304 and kept is not None:
            return None
        served_as = _KINDS.get(kind(said.get("content-type", "")))
        if status != 200 or served_as is None:
            raise Unanswered("it gave no script")
        return Kept(
            kind=served_as,
            etag=said.get("etag", "")[:200],
            modified=said.get("last-modified", "")[:200],
            fresh=_fresh(said.get("cache-control", "")),
            body=_body(call),
        )

    def _prepared(self, order: Order, kept: Kept, checked: float) -> _Served:
        place = order.place
        body = self._names[order.slot].rewritten(
            kept.body, base=place.base, scheme=place.scheme, host=place.host
        )
        tag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
        served = _Served(kept.kind, tag, kept.fresh, body, gzip.compress(body, 6, mtime=0))
        if len(self._served) >= _REMEMBERED:
            self._served.clear()
        self._served[order.url, checked, order.slot, place] = served
        return served


def kind(content_type: str) -> str:
    """A content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _reply_or_none(order: Order, served: _Served | None) -> Reply:
    return refusal(424, "the vendor is not there") if served is None else _reply(order, served)


def _reply(order: Order, served: _Served) -> Reply:
    """``private``: whether somebody gets it hangs on what they permit."""
    headers = (
        ("ETag", served.tag),
        ("Cache-Control", f"private, max-age={min(served.fresh, _USUAL)}"),
        ("Vary", "Accept-Encoding"),
        *PROTECTED,
    )
    if served.tag in order.known:
        return Reply(304, headers)
    typed = ("Content-Type", served.kind)
    if order.takes_gzip:
        return Reply(200, (typed, *headers, ("Content-Encoding", "gzip")), served.packed)
    return Reply(200, (typed, *headers), served.body)


def _fresh(cache_control: str) -> int:
    if "no-store" in cache_control or "no-cache" in cache_control:
        return _FRESH
    found = MAX_AGE.search(cache_control)
    return min(max(int(found[1]), _FRESH), _LONGEST) if found else _USUAL


def _body(call: Call) -> bytes:
    body = bytearray()
    while piece := call.piece(decoded=True):
        body += piece
        if len(body) > _MOST:
            raise Unanswered("it is too large")
    return bytes(body)
