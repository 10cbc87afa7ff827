"""Small WSGI sites, one under each first path segment, most with one thing wrong.

``X-Site`` says which one is meant where a proxy stands for several. ``DOCTOR_ROOT`` is the folder
of their data folders, ``DOCTOR_TO`` the address of a destination that refuses every key.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from track_middleware.wsgi import TrackMiddleware

SECRET = "a secret that is long enough for tests"
ROOT = Path(os.environ["DOCTOR_ROOT"])

BANNER = '<button onclick="track.consent({analytics: true})">Yes</button>'

Headers = list[tuple[str, str]]
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def document(body: str = "") -> bytes:
    return f"<html><head><title>t</title></head><body>{'x' * 400}{body}</body></html>".encode()


def app(body: str = "", *headers: tuple[str, str]) -> App:
    """An app with one page."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        page = document(body)
        length = ("Content-Length", str(len(page)))
        start_response("200 OK", [("Content-Type", "text/html"), length, *headers])
        return [page]

    return answer


def with_policy(policy: str) -> App:
    return app("", ("Content-Security-Policy", policy))


def compressed(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A page that the app compresses itself, before anybody could put a tag into it."""
    page, headers = document(), [("Content-Type", "text/html"), ("Vary", "Accept-Encoding")]
    if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
        page = gzip.compress(page)
        headers.append(("Content-Encoding", "gzip"))
    start_response("200 OK", [*headers, ("Content-Length", str(len(page)))])
    return [page]


def site(name: str, inner: App | None = None, **settings: Any) -> TrackMiddleware:
    """A site with a data folder of its name, which is sound but for its settings or its app."""
    data_dir = ROOT / name
    given = {
        "data_dir": str(data_dir), "secret_key": SECRET, "deliver": "thread", "min_free": "1",
        "destinations": [f"jsonl://{ROOT}/{name}.jsonl"], "data_host": "one",
        "merge_window": 0.1,
    }  # fmt: skip
    made = {**given, **settings}
    (ROOT / f"{name}.json").write_text(json.dumps(made))  # what a framework would tell the doctor
    return TrackMiddleware(inner or app(), **made)


def stated(inner: App) -> App:
    """States the length that a page has without a tag, as what looks at the app's own headers."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            if environ["PATH_INFO"] == "/":
                headers = [each for each in headers if each[0].lower() != "content-length"]
                headers.append(("Content-Length", str(len(document()))))
            return start_response(status, headers)

        return inner(environ, start)

    return answer


def late(name: str) -> TrackMiddleware:
    """A site whose clock is ten minutes behind."""
    made = site(name)
    made.wiring.tracker.core.now = lambda: time.time() - 600
    return made


SITES: dict[str, App] = {
    "sound": site("sound", deliver="process", trusted_proxies=int(os.environ["DOCTOR_PROXIES"])),
    "banner": site("banner", app(BANNER), consent="opt_in"),
    "silent": site("silent", consent="opt_in"),
    "compressed": site("compressed", compressed),
    "cut": stated(site("cut")),
    "script-src": site(
        "script-src", with_policy("script-src 'self'; script-src-elem https://cdn.example")
    ),
    "connect-src": site(
        "connect-src", with_policy("default-src 'self'; connect-src https://api.example")
    ),
    "secure": site("secure", trusted_proxies=1),
    "plain": site("plain", trusted_proxies=1),
    "public": site("public", app("", ("Cache-Control", "public, max-age=60"))),
    "nonce": site("nonce", with_policy("script-src 'nonce-abc'")),
    "late": late("late"),
    "collision": site("collision", app('<a href="/collision/api/items">items</a>'), path="api"),
    "untracked": site("untracked") and app(),
    "idle": site("idle", deliver="worker"),
    "full": site("full", min_free="100%"),
    "refused": site("refused", destinations=[f"amplitude://KEY?endpoint={os.environ['DOCTOR_TO']}"]),
    "cached": site("cached", trusted_proxies=1),
    "hidden": site("hidden"),
    "deceived": site("deceived", trusted_proxies=2),
    "direct": site("direct", trusted_proxies=1),
    "renamed": site("renamed", trusted_proxies=1),
    "old-script": site("old-script", trusted_proxies=1),
    "no-script": site("no-script", trusted_proxies=1),
    "no-post": site("no-post", trusted_proxies=1),
    "taken": site("taken", trusted_proxies=1),
    "host1": site("host1", trusted_proxies=2),
    "host2": site("host2", trusted_proxies=2, data_host="two"),
    "secret1": site("secret1", trusted_proxies=2),
    "secret2": site("secret2", trusted_proxies=2, secret_key="another secret, made by its process"),
}  # fmt: skip


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    first = environ["PATH_INFO"].split("/")[1]
    environ["SCRIPT_NAME"] = f"/{first}"
    environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(f"/{first}")
    return SITES[environ.get("HTTP_X_SITE") or first](environ, start_response)
