"""Pages that a shop has only in these tests, under ``/x/``: the same for every framework."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LIBRARIES = Path(__file__).parents[1] / "node_modules"

#: What may be loaded from ``/x/lib/``.
_LIBRARIES = {
    "turbo.js": "@hotwired/turbo/dist/turbo.es2017-umd.js",
    "htmx2.js": "htmx-2/dist/htmx.js",
    "htmx4.js": "htmx-4/dist/htmx.js",
}

#: How long, in seconds, one of two waits for the other.
_PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Given:
    """What a page answers."""

    body: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/html; charset=utf-8"


def answer(path: str, headers: Mapping[str, str]) -> Given:
    """The answer to a GET of ``/x/<path>``; header names of the request are lower case."""
    library = path.removeprefix("lib/")
    if library in _LIBRARIES:
        text = (LIBRARIES / _LIBRARIES[library]).read_text()
        return Given(text, content_type="text/javascript; charset=utf-8")
    page = _PAGES.get(path)
    return page(headers) if page else Given(document("nothing here"), 404)


def document(title: str, body: str = "", *, head: str = "") -> str:
    """A whole document with links to every page that tests walk to."""
    links = "".join(f'<a id="{name}" href="/x/{name}">{name}</a>\n' for name in _LINKED)
    icon = '<link rel="icon" href="data:,">'
    whole = f"<head><title>{title}</title>{icon}{head}</head><body>{body}{links}</body>"
    return f"<!doctype html><html>{whole}</html>"


def _plain(title: str, body: str = "", *, head: str = "", **headers: str) -> Callable[..., Given]:
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Given(document(title, body, head=head), headers=kept)


def _asks_again(headers: Mapping[str, str]) -> Given:
    """A page that a browser keeps but asks about each time."""
    told = {"ETag": '"one"', "Cache-Control": "no-cache"}
    if '"one"' in headers.get("if-none-match", ""):
        return Given("", 304, told)
    return Given(document("asks again"), headers=told)


def _together(_: Mapping[str, str]) -> Given:
    """A page that is given to two who ask at once: neither gets it before both have asked."""
    file = Path(os.environ["SHOP_VAR"]) / "together"
    with file.open("ab") as asked:
        asked.write(b".")
    both = (file.stat().st_size + 1) // 2 * 2
    end = time.monotonic() + _PATIENCE
    while file.stat().st_size < both and time.monotonic() < end:
        time.sleep(0.01)
    return Given(document("together"))


def _ready(_: Mapping[str, str]) -> Given:
    """Whether the test wants the page that asks to go on."""
    ready = (Path(os.environ["SHOP_VAR"]) / "ready").exists()
    return Given("", 200 if ready else 404, content_type="text/plain")


def _worker(_: Mapping[str, str]) -> Given:
    return Given(_SERVICE_WORKER, content_type="text/javascript; charset=utf-8")


def _rules() -> str:
    rules = {"prerender": [{"urls": ["/x/shown", "/x/unseen"], "eagerness": "immediate"}]}
    return f'<script type="speculationrules">{json.dumps(rules)}</script>'


#: ``/x/kept`` from the cache alone, ``/x/renewed`` from the cache while a new one is fetched,
#: ``/x/fetched`` always from the server.
_SERVICE_WORKER = """
const kept = () => caches.open("kept");
oninstall = event => event.waitUntil(
  kept().then(cache => cache.addAll(["/x/kept", "/x/renewed"])).then(() => skipWaiting()));
onactivate = event => event.waitUntil(clients.claim());
onfetch = event => {
  if (event.request.mode != "navigate") return;
  const path = new URL(event.request.url).pathname;
  if (path == "/x/fetched") return event.respondWith(fetch(event.request));
  if (path == "/x/renewed") event.waitUntil(fetch(event.request)
    .then(answer => kept().then(cache => cache.put(path, answer))));
  if (path == "/x/kept" || path == "/x/renewed")
    event.respondWith(kept().then(cache => cache.match(path)));
};
"""

_REGISTERED = """<script>
  window.controlled = navigator.serviceWorker.register("/x/worker.js").then(() =>
    new Promise(done => navigator.serviceWorker.controller ? done()
      : navigator.serviceWorker.addEventListener("controllerchange", done)));
</script>"""

#: Tells the server that this document is prerendered, and when it has been shown.
_TELLS = """<script>
  if (document.prerendering) fetch("/x/note?prerendered");
  document.addEventListener("prerenderingchange", () => fetch("/x/note?shown"));
</script>"""
#: Nobody drives the browser of this page: it asks whether to go on.
_GOES_ON = """<script>
  const look = () => fetch("/x/ready").then(answer => answer.status == 404 ? setTimeout(look, 50)
    : location.assign("/x/shown"));
  look();
</script>"""

_LINKED = (
    "plain", "other", "cached", "asks-again", "shared", "spa", "kept", "renewed", "fetched",
    "htmx2/one", "htmx2/two", "htmx4/one", "htmx4/two", "turbo/one", "turbo/two",
)  # fmt: skip


def _boosted(library: str, attributes: str = "") -> dict[str, Callable[..., Given]]:
    head = f'<script src="/x/lib/{library}.js" defer></script>'
    name = library.removesuffix(".js")
    return {
        f"{name}/{page}": lambda _, page=page: Given(  # type: ignore[misc]
            document(f"{name} {page}", head=head).replace("<body>", f"<body {attributes}>")
        )
        for page in ("one", "two")
    }


_PAGES: dict[str, Callable[[Mapping[str, str]], Given]] = {
    "plain": _plain("plain"),
    "other": _plain("other"),
    "cached": _plain("cached", Cache_Control="private, max-age=600"),
    "asks-again": _asks_again,
    "shared": _plain("shared", Cache_Control="public, max-age=600"),
    "together": _together,
    "spa": _plain("spa"),
    "spa/two": _plain("spa"),
    "unloading": _plain("unloading", "<script>onunload = () => 0</script>"),
    "around": _plain("around", '<iframe id="inside" src="/x/plain"></iframe>'),
    "registers": _plain("registers", head=_REGISTERED),
    "worker.js": _worker,
    "kept": _plain("kept"),
    "renewed": _plain("renewed"),
    "fetched": _plain("fetched"),
    "rules": _plain("rules", head=_rules() + _GOES_ON),
    "shown": _plain("shown", head=_TELLS),
    "unseen": _plain("unseen", head=_TELLS),
    "ready": _ready,
    "note": lambda _: Given("", content_type="text/plain"),
    **_boosted("htmx2", 'hx-boost="true"'),
    **_boosted("htmx4", 'hx-boost:inherited="true"'),
    **_boosted("turbo"),
}
