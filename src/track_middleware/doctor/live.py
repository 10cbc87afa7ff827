"""The live examination: a visit, and whether it turns up where it should."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

from ..destinations import registry
from ..errors import SettingsError, StoreError
from ..event import wire_id
from ..facts import state
from ..places import scripts
from ..proxy import slots
from ..settings import Settings
from . import asked, document, markup, site, way
from .arrival import Arrivals
from .client import Answer, Unreachable
from .finding import Finding
from .markup import Tag
from .visit import Visit

#: Seconds that a worker has to take up what the site was sent, and each destination to pass it.
PATIENCE = 30.0

#: The same where nobody seems to be there for it.
_SOON = 1.0

#: What only follows from something else that was found.
_CAUSES = {
    "full": ("folder", "preload"), "beacon": ("host", "path"), "path": ("path",),
    "elsewhere": ("elsewhere",), "worker": ("threads",),
}  # fmt: skip


class Visited(NamedTuple):
    """What a visit has found. ``asks``: the page asks for consent; ``is_stored``: the worker has
    taken the view, and so is alive."""

    findings: Sequence[Finding]
    asks: bool = False
    is_stored: bool = False


NOTHING = Visited(())


def visited(settings: Settings, data_dir: Path, url: str, *, patience: float = PATIENCE) -> Visited:
    """What a visit of the running site shows to be wrong. Its events are of a class of their own,
    ``doctor``: no figure of people has them, and no destination gets them."""
    secret = settings.secret_key or asked.made(data_dir)
    visit = Visit(url, [*reversed(settings.secret_key_fallbacks), *filter(None, [secret])])
    found: list[Finding] = []
    try:
        for each in _seen(visit, settings, data_dir, patience):
            if not _follows(each, found):
                found.append(each)
    except Unreachable as error:
        fix = "start the site, and give the doctor the address that browsers use"
        found.append(Finding("reach", "error", str(error), fix))
    asks = bool(visit.pages) and markup.asks_for_consent(visit.page.body)
    return Visited(found, asks, visit.is_stored)


def _follows(finding: Finding, found: list[Finding]) -> bool:
    """Whether it only follows from what was found already."""
    causes = _CAUSES.get(finding.id, ())
    return any(each.id in causes for each in found)


def _seen(visit: Visit, settings: Settings, data_dir: Path, patience: float) -> Iterator[Finding]:
    arrivals: Arrivals | None = None
    with suppress(StoreError):  # told as what cannot be used
        arrivals = Arrivals(settings, data_dir)
    visit.arrive()
    page = [*document.answered(visit)] or [*document.cut(visit)]
    tag = visit.tag
    if page or tag is None:
        yield from page or document.untagged(visit, settings)
        return
    yield from document.permitted(visit, tag)
    yield from document.cached(visit, settings)
    refs = visit.refs() if visit.keys else []
    strange = [*site.keys(visit, settings, refs)]
    apart = [*site.hosts(settings, refs)]
    yield from strange or apart
    if not strange:
        visit.skew = _skew(visit)
        yield from site.clock(visit.skew)
        yield from _asked(visit, tag, settings)
        wait = patience if _may_deliver(visit, settings, data_dir) else min(patience, _SOON)
        yield from _told(visit, tag, settings, None if apart else arrivals, wait)


def _may_deliver(visit: Visit, settings: Settings, data_dir: Path) -> bool:
    """Whether a worker is there, or one may be started by the site."""
    if visit.site is not None and not visit.site["threads"]:
        return False
    return settings.deliver != "worker" or bool(state(settings, data_dir)["worker"]["alive"])


def _skew(visit: Visit) -> float | None:
    """Seconds by which the site's clock is before ours: by its token, else by its Date header; both
    know whole seconds alone."""
    page = visit.page
    ref = next(filter(None, visit.refs()), None)
    made = ref.made if ref is not None else _date(page)
    if made is None:
        return None
    began, came = page.at
    return min(0.0, made + 1 - began) + max(0.0, made - came)


def _date(answer: Answer) -> float | None:
    try:
        return parsedate_to_datetime(answer.header("date")).timestamp()
    except (TypeError, ValueError):
        return None


def _asked(visit: Visit, tag: Tag, settings: Settings) -> Iterator[Finding]:
    """What the script's way and the site's own word show."""
    visit.look(tag)
    yield from site.script(visit, tag, scripts()["script"].body)
    yield from site.collisions(visit, tag, _slots(settings, visit.keys[-1]))
    if visit.asked is not None and visit.site is not None:
        yield from way.origin(visit.asked.url, visit.site)
        yield from way.client(visit.asked, visit.site, settings)
        yield from site.process(visit.site, settings)


def _slots(settings: Settings, key: str) -> list[str]:
    try:
        return [each.names.slot for each in slots.proxied(settings.proxies, key)]
    except SettingsError:
        return []  # told as what cannot be used


def _told(
    visit: Visit, tag: Tag, settings: Settings, arrivals: Arrivals | None, patience: float
) -> Iterator[Finding]:
    """What becomes of a beacon."""
    if settings.consent == "opt_in" and not tag.token:
        visit.choose(tag)
    visit.confirm(tag)
    assert visit.beacon is not None
    refused = [*site.beacon(visit.beacon, tag)]
    yield from refused
    if refused or arrivals is None:
        return
    yield from _arrived(visit, tag, settings, arrivals, patience)


def _arrived(
    visit: Visit, tag: Tag, settings: Settings, arrivals: Arrivals, patience: float
) -> Iterator[Finding]:
    page = visit.page_id(visit.token or tag.signed)
    own = wire_id(visit.load, "view")  # of a load without a token
    fate, stored = arrivals.fate(visit.load, page, [page, own] if page else [own], patience)
    if fate == "nowhere":
        where = visit.site["dataDir"] if visit.site else "another one"
        message = f"the site has taken a view, and not into this data folder but {where}"
        yield Finding("elsewhere", "error", message, "run the doctor with that --data-dir")
    elif fate == "waiting":
        message = f"a view waits in the spool, and no worker has taken it in {patience:.0f} s"
        yield Finding("worker", "error", message, "run `worker`, and read its log")
    elif fate == "dropped":
        yield _dropped(settings)
    elif stored is not None:
        visit.is_stored = True
        yield from _passed(stored.position, settings, arrivals, patience)


def _dropped(settings: Settings) -> Finding:
    message = "the worker has read the site's view and kept nothing of it"
    if settings.before_send or settings.plan or settings.repairs:
        return Finding("dropped", "note", f"{message}: before_send, plan or repairs dropped it")
    return Finding("dropped", "warning", message, "read the worker's log")


def _passed(
    position: int, settings: Settings, arrivals: Arrivals, patience: float
) -> Iterator[Finding]:
    names = [route.name for route in registry.routes(settings.destinations)]
    for name in arrivals.behind(position, names, patience):
        message = f"{name} does not move: it has not come by the visit in {patience:.0f} s"
        yield Finding("lag", "warning", message, "read the worker's log")
