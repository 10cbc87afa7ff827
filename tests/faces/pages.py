"""The pages of the one small app that is built in every framework, and what its views do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from track_middleware import identify, track
from track_middleware.tracking.inject import PLACEHOLDER

HTML = "text/html; charset=utf-8"
HOME = b"<!doctype html><html><head><title>Home</title></head><body><p>home</p></body></html>"


@dataclass(frozen=True)
class Page:
    """One answer of the app. A streamed one is sent in chunks, each with an event of its own."""

    chunks: tuple[bytes, ...] = (HOME,)
    status: int = 200
    type: str = HTML
    headers: tuple[tuple[str, str], ...] = ()
    streamed: bool = False
    view: Callable[[], object] | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def stream(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            track("Chunk Sent")
            yield chunk


def _raising() -> None:
    raise ValueError("the app's own error")


def _ordering() -> None:
    track("Order Completed", {"revenue": 39.5}, event_id="order-1001")


def _repeating() -> None:
    """Says what others might."""
    from tests.console.hostile import TEXTS

    for text in TEXTS:
        track(text[:200], {text[:200]: "name", "text": text[:31_000], "deep": {"er": [text[:200]]}})
        identify(text[:100], {"name": text})


def _buying() -> None:
    track("Bought", {"revenue": 39.5})


PAGES = {
    "/": Page(),
    "/form": Page((b"<html><head></head><body>thanks</body></html>",)),
    "/error": Page((b"<html><head></head><body>sorry</body></html>",), status=500),
    "/raises": Page(view=_raising),
    "/redirect": Page((), status=302, headers=(("Location", "/"),)),
    "/stream": Page((b"<html><he", b"ad></he", b"ad><body>", b"one</body></html>"), streamed=True),
    "/json": Page((b'{"a":1}',), type="application/json"),
    "/download": Page(headers=(("Content-Disposition", 'attachment; filename="a.html"'),)),
    "/own-cookie": Page(headers=(("Set-Cookie", "mine=1; Path=/"),)),
    "/shared": Page(headers=(("Cache-Control", "public, max-age=60"),)),
    "/order": Page(view=_ordering),
    "/buy": Page(view=_buying),
    "/hostile": Page(view=_repeating),
    "/etag": Page(headers=(("ETag", '"v1"'),)),
    "/upper": Page((b"<HTML><HEAD></HEAD><BODY></BODY></HTML>",)),
    "/headless": Page((b"<p>only a fragment</p>",)),
    "/utf-16": Page((HOME.decode().encode("utf-16"),), type="text/html; charset=utf-16"),
    "/packed": Page(headers=(("Content-Encoding", "identity"),)),
    "/digest": Page(headers=(("Content-Digest", "sha-256=:X48E9q:"),)),
    "/csp": Page(headers=(("Content-Security-Policy", "script-src 'self' 'nonce-r4nd0m'"),)),
    "/placed": Page((f"<html><body>{PLACEHOLDER}<p></p></body></html>".encode(),)),
    "/empty": Page((), status=204),
}  # fmt: skip


def page(path: str) -> Page:
    """The page at a path; another path is an order's."""
    return PAGES.get(path) or Page((f"<html><head></head><body>{path}</body></html>".encode(),))
