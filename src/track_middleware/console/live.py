"""The stream of Live: server-sent events, which go on where somebody may wait, and are a poll's
answer where nobody may.

Where waiting would hold a worker (WSGI), the answer says what is new and ends; the browser asks
again after ``_RETRY`` (html.spec.whatwg.org/multipage/server-sent-events.html, "retry").
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable
from typing import Any

import msgspec

from ..errors import TrackError
from ..http import Head, Reply
from . import render
from .answer import headers
from .desk import Desk
from .feed import Feed, Row, filter_of
from .pages import live
from .reads import Reads
from .stream import Stream

#: Milliseconds after which a browser asks again: after a poll's answer, and after a stream's end.
_RETRY, _AGAIN = 250, 50

#: Seconds between two looks, and that a stream lasts: a server that ends waits for it, and its
#: permission is looked at anew when it is asked for again.
_LOOK, _LIFE = 0.2, 8.0

#: Rows of one look, and rows whose fate may still change; it is looked at for so many seconds.
_MOST, _RECENT, _CHANGES = 200, 40, 20.0

#: Streams of one process: each keeps a thread.
_STREAMS = 8
_open: set[_Live] = set()
_lock = threading.Lock()


def _forget() -> None:
    """In a child: its parent's streams are not its own, nor is a lock that another thread held."""
    global _lock
    _lock = threading.Lock()
    _open.clear()


os.register_at_fork(after_in_child=_forget)


def streamed(desk: Desk, _rest: str) -> Reply | Stream:
    """Events behind the one that was seen last, as they come."""
    if desk.request.method == "HEAD":
        return Reply(200, _HEAD)
    after = _after(desk)
    with _lock:
        if desk.may_last and len(_open) < _STREAMS:
            made = _Live(desk, after)
            _open.add(made)
            return made
    look = _Look(desk, after)
    body = f"retry: {_RETRY}\n".encode() + (look.news(desk.reads, recent=True) or b"\n")
    return Reply(200, _HEAD, body)


def _after(desk: Desk) -> int:
    """The position of the event that was seen last."""
    said = desk.request.header("last-event-id")
    if said.isascii() and said.isdecimal() and len(said) < 17:
        return int(said)
    return desk.query().number("after", 0)


_HEAD = headers("text/event-stream; charset=utf-8", ("X-Accel-Buffering", "no"))


class _Look:
    """What is new since the last look, as a server-sent event."""

    def __init__(self, desk: Desk, after: int) -> None:
        self._wanted = filter_of(desk.query(), desk.reads.visitor)
        self._context = desk.context(live.PAGE)
        self._after = after
        self._sent: dict[str, bytes] = {}

    def news(self, reads: Reads, *, recent: bool) -> bytes | None:
        """One event for the browser; None when nothing is new. ``recent``: also where the fate of
        a row has changed that was there before."""
        if reads.store is None:
            return None
        feed = Feed(reads.store, reads.routes)
        end = feed.end()
        before = self._after
        start = max(before, end - _MOST)
        rows = feed.waiting(self._wanted, _RECENT)[::-1]
        if recent:
            former = feed.since(max(0, start - _RECENT), self._wanted, _RECENT, until=start)
            rows += [row for row in former if reads.now - row.at < _CHANGES]
        rows += feed.since(start, self._wanted, _MOST) if end > start else []
        self._after = max(end, before)
        told = list(self._changed(rows))
        if not told and end <= before:
            return None
        said = msgspec.json.encode({"rows": told, "missed": start - before})
        return b"id: %d\ndata: %b\n\n" % (self._after, said)

    def _changed(self, rows: Iterable[Row]) -> Iterable[dict[str, Any]]:
        for row in rows:
            html = render.rendered("row.html", {**self._context, "row": row})
            digest = hashlib.blake2b(html, digest_size=8).digest()
            if self._sent.get(row.id) == digest:
                continue
            self._sent.pop(row.id, None)
            self._sent[row.id] = digest
            if len(self._sent) > 2 * _MOST:
                del self._sent[next(iter(self._sent))]
            yield {"id": row.id, "html": html.decode()}


class _Live:
    """A stream that goes on (``stream.Stream``)."""

    def __init__(self, desk: Desk, after: int) -> None:
        self._look = _Look(desk, after)
        self._former = desk.reads
        self._closed = threading.Event()
        self._ends = time.monotonic() + _LIFE
        self._is_first = True

    @property
    def head(self) -> Head:
        return Head(200, _HEAD)

    def piece(self) -> bytes:
        """What is new; b"" once it is closed or has lasted long enough."""
        first, self._is_first = self._is_first, False
        if first:
            return b"retry: %d\n: here\n\n" % _AGAIN
        former, looks = self._former, 0
        reads = Reads(former.settings, former.data_dir, now=time.time(), visitor=former.visitor)
        try:
            while not self._closed.is_set() and time.monotonic() < self._ends:
                # What is new is looked for each time, what has changed once a second.
                news = self._look.news(reads, recent=looks % 5 == 0)
                if news is not None:
                    return news
                looks += 1
                self._closed.wait(_LOOK)
        except TrackError:  # the page itself says what is wrong with the store
            return b""
        finally:
            reads.close()
        return b""

    def close(self) -> None:
        """Ends it; whoever waits in ``piece`` is told at once."""
        self._closed.set()
        with _lock:
            _open.discard(self)
