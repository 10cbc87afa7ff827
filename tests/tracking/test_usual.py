"""A usual page takes a way of its own, on which all comes out as on the way of all others."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.tracking.site import HTML, Site, requested
from track_middleware.http import Request
from track_middleware.tracking.exchange import Exchange
from track_middleware.tracking.whole import settled

BODY = b"<html><head><title>x</title></head><body></body></html>"
BROWSER = {
    "sec-fetch-dest": "document", "user-agent": 'A "browser" \u00e9', "accept-language": "de, en",
    "referer": "https://other.example/?token=abc&page=1",
}  # fmt: skip
DAY = 86400

Step = Callable[[Exchange], object]
Look = Callable[[Exchange], "str | None"]


def nothing(exchange: Exchange) -> None:
    """What most apps do with an exchange."""


def visit(
    site: Site,
    cookie: str,
    *,
    path: str = "/shop/1",
    query: str = "",
    method: str = "GET",
    status: int = 200,
    said: dict[str, str] = HTML,
    body: bytes = BODY,
    step: Step = nothing,
    look: Look | None = None,
    **headers: str,
) -> tuple[Any, bytes]:
    """One request by that cookie: the ending and the body."""
    sent = {**BROWSER, **{name.replace("_", "-"): each for name, each in headers.items()}}
    request: Request = requested(
        method, path, {**sent, "cookie": cookie}, query=query, scheme="https",
        host="shop.example", root_path="/app", peer="203.0.113.77",
    )  # fmt: skip
    opened: list[Exchange] = []
    exchange = site.tracker.open(request, None if look is None else lambda: look(opened[0]))
    opened.append(exchange)
    exchange.route = "/shop/<id>"
    step(exchange)
    ending, tagged = settled(exchange, status, said, body)
    assert exchange.finished
    return ending, tagged


def returned(after: float, before: Step, settings: dict[str, Any], **more: Any) -> list[Any]:
    """Everything that is seen of a visitor's second and third visit, ``after`` seconds later."""
    site = Site(**settings)
    first, _ = visit(site, "", step=before)
    cookie = "; ".join(f"{each.name}={each.value}" for each in first.cookies)
    second = visit(site, cookie)  # its cookies are verified, and known from then on
    site.now += after
    seen: list[Any] = [cookie, second]
    for _ in range(2):
        ending, tagged = visit(site, cookie, **more)
        seen += [ending.headers, ending.cookies, tagged]
    return [*seen, site.entries, site.counted, [str(each) for each in site.mistakes]]


def made(step: Step) -> Step:
    """The same step of an app that has looked at the exchange before."""

    def both(exchange: Exchange) -> None:
        assert exchange.consent
        step(exchange)

    return both


def same(after: float = 5, before: Step = nothing, **more: Any) -> None:
    """Both ways, side by side."""
    settings = more.pop("settings", {})
    step = more.pop("step", nothing)
    usual = returned(after, before, settings, step=step, **more)
    assert usual == returned(after, before, settings, step=made(step), **more)


def chosen(exchange: Exchange) -> None:
    exchange.set_consent({"analytics": True, "marketing": False})


def named(exchange: Exchange) -> None:
    exchange.identify("anna")


@pytest.mark.parametrize("before", [nothing, chosen, named])
@pytest.mark.parametrize("after", [0, 59.5, 61, 1801, DAY / 2 + 1, DAY - 1, DAY + 5, 40 * DAY])
def test_a_returning_visitors_page_says_the_same(before: Step, after: float) -> None:
    same(after, before)


@pytest.mark.parametrize(
    "more",
    [
        {"path": "/reset/abc123-0123456789abcdef0123456789abcdef/"},
        {"path": "/ü ber/"},
        {"path": "/prefix00/m.js"},
        {"path": "/left/out"},
        {"query": "utm_source=other"},
        {"query": "token=geheim&page=2"},
        {"method": "POST"},
        {"method": "HEAD"},
        {"status": 404},
        {"status": 201},
        {"said": {**HTML, "content-security-policy": "script-src 'nonce-abc'"}},
        {"said": {**HTML, "cache-control": "public, max-age=60"}},
        {"said": {**HTML, "cache-control": "no-cache"}},
        {"said": {**HTML, "content-encoding": "gzip"}},
        {"said": {"content-type": "application/json"}},
        {"said": {}},
        {"body": b"no place"},
        {"sec_gpc": "1"},
        {"dnt": "1"},
        {"sec_purpose": "prefetch"},
        {"sec_fetch_dest": "empty"},
        {"referer": ""},
    ],
    ids=str,
)
def test_every_other_page_says_the_same(more: dict[str, Any]) -> None:
    same(**more, settings={"exclude": ["/left/*"]})


@pytest.mark.parametrize(
    "settings",
    [
        {"dnt": True}, {"requests": "all"}, {"page_views": False}, {"shared": ["/shop/*"]},
        {"inject": False}, {"trusted_proxies": 1}, {"session_timeout": 20}, {"noscript": True},
        {"session_max": 30}, {"respect_gpc": "all"}, {"ip": "none"}, {"redact_patterns": ["email"]},
        {"consent": "opt_in"}, {"banners": ["cookiebot"]}, {"cookieless": True},
        {"destinations": ["ga4://G-1?api_secret=x"], "trusted_proxies": 2},
    ],
    ids=str,
)  # fmt: skip
def test_every_setting_says_the_same(settings: dict[str, Any]) -> None:
    same(before=chosen, settings=settings)
    same(25, settings=settings, dnt="1", sec_gpc="1", path="/shop/anna@example.com")
    same(settings=settings, cf_ipcountry="nl", x_forwarded_for="198.51.100.9, 10.0.0.1")


def tracks(exchange: Exchange) -> None:
    exchange.track("Seen")


def leaves(exchange: Exchange) -> None:
    exchange.reset()


def denies(exchange: Exchange) -> None:
    exchange.set_consent({"analytics": False})


def acts(exchange: Exchange) -> None:
    exchange.impersonating("operator")


@pytest.mark.parametrize("step", [tracks, leaves, denies, acts, named])
@pytest.mark.parametrize("setting", ["suspend", "separate"])
def test_what_the_app_does_says_the_same(step: Step, setting: str) -> None:
    same(before=named, step=step, settings={"impersonation": setting})


def looks(step: Step, found: str | None) -> Look:
    def look(exchange: Exchange) -> str | None:
        step(exchange)
        return found

    return look


@pytest.mark.parametrize("step", [nothing, acts])
@pytest.mark.parametrize("found", [None, "", "anna", "berta"])
def test_whom_the_app_has_loaded_says_the_same(step: Step, found: str | None) -> None:
    same(before=named, look=looks(step, found))


@pytest.mark.parametrize("settings", [{}, {"session_max": 100}, {"session_max": 30}], ids=str)
@pytest.mark.parametrize("found", ["", "anna", "berta"])
@pytest.mark.parametrize("before", [nothing, named])
def test_a_user_who_is_to_be_confirmed_again_says_the_same(
    settings: dict[str, Any], found: str, before: Step
) -> None:
    for after in (0, 29, 50, 51, 60, 61, 101):
        same(after, before, look=looks(nothing, found), settings=settings)


@pytest.mark.parametrize(("before", "found"), [(nothing, ""), (named, "anna")])
def test_a_page_of_whom_the_cookie_knows_makes_none_of_the_parts(before: Step, found: str) -> None:
    site, opened = Site(), list[Exchange]()
    first, _ = visit(site, "", step=before)
    cookie = "; ".join(f"{each.name}={each.value}" for each in first.cookies)
    visit(site, cookie, look=looks(nothing, found), step=opened.append)
    assert not opened[0]._made
    assert site.entries[-1].event.user_id == (found or None)


def test_a_usual_page_makes_none_of_the_parts() -> None:
    """Without this, the tests above would hold where there is one way only."""
    site, opened = Site(), list[Exchange]()
    first, _ = visit(site, "")
    cookie = "; ".join(f"{each.name}={each.value}" for each in first.cookies)
    visit(site, cookie)
    visit(site, cookie, step=opened.append)
    assert opened[0].usual is not None
    visit(site, cookie, step=lambda exchange: opened.append(exchange) or exchange.session_id)
    assert opened[1].usual is None
    with pytest.raises(AttributeError):
        _ = opened[0].unknown


@pytest.mark.parametrize("before", [nothing, made(nothing)], ids=["usual", "not"])
def test_what_is_said_behind_a_page_is_said_of_that_page(before: Step) -> None:
    """A task that runs behind the response may still hold the exchange."""
    site, opened = Site(), list[Exchange]()
    first, _ = visit(site, "")
    cookie = "; ".join(f"{each.name}={each.value}" for each in first.cookies)
    visit(site, cookie)
    visit(site, cookie, step=lambda exchange: (opened.append(exchange), before(exchange)))
    shown = site.entries[-1]
    assert shown.kind == "view"
    assert opened[0].page("Named") == shown.event.message_id, "one page is one view"
    opened[0].track("Sent")
    assert site.entries[-1].event.context["page"]["id"] == shown.event.message_id
    assert opened[0].page_id == shown.event.message_id


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(exchange: Exchange) -> None:
    """Two threads ask for something."""
    assert exchange.usual is not None
    seen, both = list[object](), threading.Barrier(2)

    def ask() -> None:
        both.wait()
        seen.append(exchange._identity)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert seen[0] is seen[1] is exchange._identity


@pytest.mark.usefixtures("hasty")
def test_threads_that_ask_one_exchange_at_once_are_told_of_one_view() -> None:
    site = Site()
    first, _ = visit(site, "")
    cookie = "; ".join(f"{each.name}={each.value}" for each in first.cookies)
    visit(site, cookie)
    for _ in range(300):
        visit(site, cookie, step=at_once)
