"""What the running site is and does: keys, hosts, clock, script, process, beacon. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ..event import PageRef
from ..settings import Settings
from ..tracking import routes
from ..tracking.token import host_id
from . import markup
from .client import Answer
from .finding import Finding, Level
from .markup import Tag
from .visit import Visit

#: Seconds by which clocks may differ; from ``_WRONG`` on sessions and windows come out wrong.
_DIFFER, _WRONG = 5.0, 60.0


def keys(visit: Visit, settings: Settings, refs: Sequence[PageRef | None]) -> Iterator[Finding]:
    """Whether every process that answers has the secret key of these settings."""
    if not visit.keys:
        message = "the site's secret_key is not known here: what it signs cannot be read"
        fix = "run the doctor by manage.py or flask, or with the site's --data-dir"
        yield Finding("secret", "error", message, fix)
        return
    prefix = settings.path or routes.prefix(visit.keys[-1])
    tags = [markup.tag(each.body) for each in visit.pages]
    if None in refs or any(tag.prefix != prefix for tag in tags if tag is not None):
        yield Finding(
            "secret", "error",
            "pages are signed with another secret key than these settings have: each process makes "
            "its own, or the doctor was given another app's settings",
            "set secret_key to one text, the same on every host and in every process",
        )  # fmt: skip


def hosts(settings: Settings, refs: Sequence[PageRef | None]) -> Iterator[Finding]:
    """Whether all that answer share this data folder, where each has a store of its own."""
    if settings.store and not settings.store.startswith("sqlite:"):
        return
    seen = {ref.host for ref in refs if ref is not None}
    if len(seen) > 1:
        yield Finding(
            "hosts", "error",
            f"{len(seen)} hosts answer, each with a data folder and a store of its own: a page and "
            "what its browser sends come apart, and visitors are counted on each",
            "let all hosts drain into one store, or a balancer send a visitor to one host",
        )  # fmt: skip
    elif seen and seen != {host_id(settings.data_host)}:
        yield Finding(
            "elsewhere", "error",
            "the site that answers has the data folder of another host, not the one looked at here",
            "run the doctor on that host, or with its --data-dir",
        )  # fmt: skip


def clock(skew: float | None) -> Iterator[Finding]:
    """Whether the site's clock is right; ``skew``: seconds before ours."""
    if skew is None or abs(skew) < _DIFFER:
        return
    level: Level = "error" if abs(skew) >= _WRONG else "warning"
    way = "ahead of" if skew > 0 else "behind"
    message = f"the site's clock is {abs(skew):.0f} s {way} the doctor's"
    yield Finding("clock", level, message, "let every host set its clock by NTP")


def script(visit: Visit, tag: Tag, ours: bytes) -> Iterator[Finding]:
    """Whether the browser gets the script of this release."""
    path, got = f"{tag.base}/m.js", visit.script
    if got is None or (got.status == 200 and got.body == ours):
        return
    if got.status == 200 and b"track-page" in got.body:
        aged = f", {got.header('age')} s old" if got.header("age") else ""
        yield Finding(
            "script", "error",
            f"{path} is an old browser script, out of a cache or a folder{aged}",
            "purge it there, and let the cache heed its Cache-Control",
        )  # fmt: skip
    elif visit.site is not None:
        yield Finding(
            "script", "error",
            f"{path} is answered with {got.status} by something before the app",
            f"let everything under {tag.base}/ through to the app (nginx: a location for .js files "
            "comes before it)",
        )  # fmt: skip
    else:
        yield Finding(
            "path", "error", f"what lies under {tag.base}/ is answered by something else ({path}: "
            f"{got.status})",
            "take that route or location away, or set path to a name that nothing else has",
        )  # fmt: skip


def collisions(visit: Visit, tag: Tag, slots: Container[str]) -> Iterator[Finding]:
    """Whether the page links to what we take from its app."""
    links = list(dict.fromkeys(markup.strangers(visit.page.body, tag.base, slots)))
    if links:
        yield Finding(
            "path", "error",
            f"the page links to {links[0][:100]}, and TrackMiddleware answers all that lies under "
            f"{tag.base}/",
            "set path to a name that no route of the app begins with",
        )  # fmt: skip


def process(site: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    """Whether what serves the site can keep and deliver events."""
    if not site["threads"] and settings.deliver in ("process", "thread"):
        yield Finding(
            "threads", "error",
            "uWSGI runs without threads: none of its processes can keep a worker",
            'start it with --enable-threads, or run `worker` as a service (deliver="worker")',
        )  # fmt: skip
    if site["writable"]:
        return
    user, owner, folder = site["user"], site["owner"], site["dataDir"]
    if site["loadedBy"] != site["pid"] and owner != user:
        yield Finding(
            "preload", "error",
            f"the app was loaded as user {owner} before the server forked and gave that user up: "
            f"its processes, user {user}, cannot write {folder}",
            f"chown -R {user} {folder}, or make it with `init` as that user before the start",
        )  # fmt: skip
    else:
        yield Finding(
            "folder", "error",
            f"the site's processes, user {user}, cannot write {folder}: no event is kept",
            f"give the folder to user {user}",
        )  # fmt: skip


def beacon(answer: Answer, tag: Tag) -> Iterator[Finding]:
    """Whether what a browser sends is taken."""
    told = _json(answer.body)
    if answer.status == 200 and told.get("ok"):
        return
    if told.get("stop") == "consent":
        message = "consent lets nothing through, not even after it was granted"
        yield Finding("consent", "error", message, "look at what banners and respect_gpc say")
    elif told.get("error") == "full":
        message = "the site cannot keep events: its disk is full, or the data folder not writable"
        yield Finding("full", "error", message, "make room, or give the folder to the app's user")
    else:
        said = str(told.get("error", ""))[:100]
        yield Finding(
            "beacon", "error",
            f"POST {tag.base}/q is answered with {answer.status}{f' ({said})' if said else ''}: "
            "what browsers send is lost",
            f"let POST under {tag.base}/ through to the app, and the Host header with it",
        )  # fmt: skip


def _json(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
