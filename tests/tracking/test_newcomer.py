"""A newcomer's page is made in one step; all comes out as on the way of all others."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.tracking.site import HTML, Site
from tests.tracking.test_usual import (
    Look,
    Step,
    acts,
    chosen,
    denies,
    leaves,
    looks,
    made,
    named,
    nothing,
    tracks,
    visit,
)  # fmt: skip
from track_middleware.tracking.exchange import Exchange

CAMPAIGN = "utm_source=google&utm_medium=cpc&utm_campaign=spring&gclid=Cj0KCQjw_abcDEF-123"


def came(settings: dict[str, Any], visits: list[dict[str, Any]], *, is_plain: bool) -> list[Any]:
    """Everything that is seen of somebody's first visits by what their responses have brought, each
    ``after`` seconds after the last. ``is_plain`` False: on the way of all others."""
    site, seen, brought = Site(**settings), list[Any](), dict[str, str]()
    if not is_plain:
        site.tracker.core.is_plain = site.tracker.core.greets = False
    for each in visits:
        more = {**each}
        site.now += more.pop("after", 1)
        cookie = "; ".join([more.pop("cookie", "a=b"), *(f"{n}={v}" for n, v in brought.items())])
        ending, tagged = visit(site, cookie, **more)
        brought |= {each.name: each.value for each in ending.cookies}
        seen += [ending.headers, ending.cookies, tagged]
    return [*seen, site.entries, site.counted, [str(each) for each in site.mistakes]]


def same(settings: dict[str, Any] | None = None, **more: Any) -> None:
    """The one step, the parts made amid it, and the way of all others, side by side."""
    again = {**more, "step": nothing}  # of the second of these the cookies are known
    visits = [more, {}, again, again]
    asked = [{**each, "step": made(each.get("step", nothing))} for each in visits]
    long = came(settings or {}, visits, is_plain=False)
    assert came(settings or {}, visits, is_plain=True) == long
    assert came(settings or {}, asked, is_plain=True) == long


@pytest.mark.parametrize(
    "query",
    [
        "", CAMPAIGN, CAMPAIGN.upper(), "page=2", "gclid", "gclid=", "=", "&", "&&=&", "utm_=x",
        "gclid=a%2Bb+c&utm_term=red+shoes%21", "utm_source=%zz%&utm_medium=%ff%00",
        "utm_source=\u00e9\u00fc\"\\\x7f\x00&fbclid=</script>", "UTM_Source=a&utm_source=b",
        "mtm_campaign=a&utm_campaign=b&pk_kwd=c", "utm_campaign=b&mtm_campaign=a", "_gl=1*abc",
        "si=1&utm_source=x", "token=secret&utm_source=x", "email=anna@example.com&gclid=1",
        "&".join(f"utm_{number}={number}" for number in range(300)),
        "utm_source=" + "x" * 5000, "gclid=" + "%41" * 2000 + "&utm_medium=" + "y" * 99,
        "utm_source=a;utm_medium=b", "utm_source=a#b?c=d", "utm_" + "n" * 90 + "=v",
        "utm_" + "\x01" * 36 + "=" + "\x02" * 100, "utm_source=" + "\U0001f600" * 90,
    ],
    ids=lambda query: query[:30].encode("ascii", "backslashreplace").decode(),
)  # fmt: skip
def test_a_newcomer_with_any_query_is_said_the_same(query: str) -> None:
    same(query=query)


PIECES = [
    *["utm_source", "UTM_MEDIUM", "utm_x", "gclid", "GCLID", "mtm_source", "pk_cid", "token"],
    *["=", "&", "=", "&", ";", "+", "%", "%2", "%20", "%C3%A9", "%ff", "\x00", "\u00ff", "a", '"'],
    *["\\", "<", "'", "null", "x" * 120, "1", " ", "\t", "utm_", "=google&utm_medium=cpc&gclid=1"],
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_newcomers_with_queries_out_of_pieces_are_said_the_same(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        same(query="".join(chance.choices(PIECES, k=chance.randrange(1, 24))))


@pytest.mark.parametrize(
    "more",
    [
        {"path": "/ü ber/anna@example.com"}, {"path": "/prefix00/m.js"}, {"path": "/left/out"},
        {"path": ""}, {"path": "\x00\"'<"}, {"method": "POST"}, {"method": "HEAD"},
        {"status": 404}, {"status": 302}, {"status": 304}, {"said": {}}, {"body": b"no place"},
        {"said": {**HTML, "content-security-policy": "script-src 'nonce-abc'"}},
        {"said": {**HTML, "cache-control": "public, max-age=60"}},
        {"said": {"content-type": "application/json"}}, {"sec_gpc": "1"}, {"sec_gpc": "0"},
        {"dnt": "1"}, {"sec_purpose": "prefetch"}, {"sec_fetch_dest": "empty"}, {"referer": ""},
        {"sec_fetch_dest": "", "accept": "text/html"}, {"cookie": ""}, {"cookie": "_tm_v=x"},
        {"cookie": "_tm_s=x.y"}, {"cookie": "a=_tm_"}, {"cookie": "_tm_c=x; _tm_v="},
        {"cookie": ";;=;\x00"}, {"user_agent": ""}, {"referer": "https://a:b@c/?token=x#y=z"},
    ],
    ids=lambda more: repr(more).encode("ascii", "backslashreplace").decode(),
)  # fmt: skip
def test_every_other_first_request_is_said_the_same(more: dict[str, Any]) -> None:
    same({"exclude": ["/left/*"]}, query=CAMPAIGN, **more)


@pytest.mark.parametrize(
    "settings",
    [
        {"dnt": True}, {"requests": "all"}, {"page_views": False}, {"shared": ["/shop/*"]},
        {"inject": False}, {"trusted_proxies": 1}, {"noscript": True}, {"session_timeout": 20},
        {"respect_gpc": "all"}, {"ip": "none"}, {"redact_patterns": ["email"]}, {"mirror": False},
        {"consent": "opt_in"}, {"banners": ["cookiebot"]}, {"cookieless": True}, {"redact": []},
        {"consent": "opt_in", "cookieless": True}, {"linked_domains": ["other.example"]},
        {"migrate_cookies": ["ga4"]}, {"destinations": ["ga4://G-1?api_secret=x"]},
        {"enabled": False}, {"redact": ["gclid"]},
    ],
    ids=str,
)  # fmt: skip
def test_newcomers_are_said_the_same_by_every_setting(settings: dict[str, Any]) -> None:
    same(settings, query=CAMPAIGN)
    same(settings, query=CAMPAIGN, cookie="_ga=GA1.2.123456789.1700000000", dnt="1")
    same(settings, cookie="_fbp=fb.1.2.3", cf_ipcountry="nl", x_forwarded_for="198.51.100.9, x")


def looks_around(exchange: Exchange) -> None:
    """Asks for everything that an exchange tells, and says it in an event."""
    told = [exchange.has_news, exchange.campaign, exchange.first_campaign, exchange.session_id]
    exchange.track("Told", {"all": str([*told, exchange.anonymous_id, exchange.mirror(HTML)])})


@pytest.mark.parametrize("step", [tracks, leaves, denies, acts, named, chosen, looks_around])
@pytest.mark.parametrize("query", ["", CAMPAIGN])
def test_what_the_app_does_for_a_newcomer_is_said_the_same(step: Step, query: str) -> None:
    same({"impersonation": "separate"}, step=step, query=query)


@pytest.mark.parametrize("look", [looks(acts, None), looks(nothing, ""), looks(nothing, "anna")])
def test_whom_the_app_has_loaded_for_a_newcomer_says_the_same(look: Look) -> None:
    same(look=look, query=CAMPAIGN)


@pytest.mark.parametrize(
    "settings", [{}, {"trusted_proxies": 1}, {"destinations": ["ga4://G-1?api_secret=x"]}], ids=str
)
def test_a_newcomers_page_makes_none_of_the_parts_and_brings_two_cookies(
    settings: dict[str, Any],
) -> None:
    """Without this, the tests above would hold where there is one way only."""
    site, opened = Site(**settings), list[Exchange]()
    ending, _ = visit(site, "a=b", query=CAMPAIGN, step=opened.append)
    assert opened[0].usual is not None
    assert [each.name for each in ending.cookies] == ["_tm_v", "_tm_s"]
    assert site.entries[0].event.context["campaign"]["source"] == "google"


@pytest.mark.parametrize(("query", "is_news"), [("", False), ("page=1", False), (CAMPAIGN, True)])
def test_a_newcomers_campaign_is_news_without_the_parts(query: str, is_news: bool) -> None:
    opened: list[Exchange] = []
    visit(Site(), "", query=query, step=lambda each: opened.append(each) or each.has_news)
    assert opened[0].usual is not None
    assert opened[0].has_news is is_news


def test_what_is_said_behind_a_newcomers_page_is_the_newcomers() -> None:
    """A task that runs behind the response may still hold the exchange."""
    site, opened = Site(), list[Exchange]()
    visit(site, "", query=CAMPAIGN, step=opened.append)
    shown = site.entries[-1]
    opened[0].track("Sent")
    sent = site.entries[-1].event
    assert sent.anonymous_id == shown.event.anonymous_id == shown.person.visitor
    assert sent.context["session"] == shown.event.context["session"]
    assert sent.context["page"]["id"] == shown.event.message_id


DAY = 86400


@pytest.mark.parametrize(
    "settings",
    [{}, {"session_timeout": 20}, {"session_max": 100}, {"keys": ("former", "key")}, {"dnt": True},
     {"consent": "opt_in"}, {"cookie_max_age": 60}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("before", [nothing, chosen, denies, named])
def test_every_visit_after_the_first_says_the_same(settings: dict[str, Any], before: Step) -> None:
    """Each comes with what the last one has brought, and is known by that for the first time."""
    gaps = [
        0,
        5,
        60,
        60.5,
        61,
        3,
        1700,
        1799.9,
        1800,
        1801,
        DAY / 2 + 1,
        DAY,
        61,
        DAY + 1,
        40 * DAY,
    ]
    visits: list[dict[str, Any]] = [{"step": before}, *({"after": gap} for gap in gaps)]
    asked = [visits[0], *({**each, "step": made(nothing)} for each in visits[1:])]
    long = came(settings, visits, is_plain=False)
    assert came(settings, visits, is_plain=True) == long
    assert came(settings, asked, is_plain=True) == long


def test_cookies_that_are_not_ours_say_the_same_for_the_first_time_and_ever_after() -> None:
    site = Site()
    ending, _ = visit(site, "")
    told = {each.name: each.value for each in ending.cookies}
    for visitor in (told["_tm_v"], told["_tm_v"][:-2], told["_tm_s"], "", "x" * 2000):
        for session in (told["_tm_s"], told["_tm_s"] + "A", told["_tm_v"], ""):
            same(cookie=f"_tm_v={visitor}; _tm_s={session}")
            same(cookie=f"_tm_s={session}; _tm_v={visitor};_tm_v=x")


@pytest.mark.parametrize("settings", [{}, {"consent": "opt_in"}], ids=str)
@pytest.mark.parametrize("step", [denies, chosen])
def test_a_choice_beside_a_visitors_cookies_says_the_same(
    settings: dict[str, Any], step: Step
) -> None:
    """A browser may send what another of our hosts has set, and a refusal stands over it."""
    site = Site()
    one, _ = visit(site, "")
    other, _ = visit(site, "", step=step)
    told = {each.name: each.value for each in (*other.cookies, *one.cookies)}
    cookie = "; ".join(f"{name}={value}" for name, value in told.items())
    assert told.keys() == {"_tm_c", "_tm_v", "_tm_s"}
    same(settings, cookie=cookie)
    visit(site, cookie)
    assert (cookie in site.tracker.core.cookies.known) is (step is chosen)


def chosen_before(settings: dict[str, Any], step: Step) -> str:
    """The cookie of a choice that such a site has set."""
    ending, _ = visit(Site(**settings), "", step=step)
    return next(f"{each.name}={each.value}" for each in ending.cookies if each.name == "_tm_c")


@pytest.mark.parametrize(
    "settings",
    [{}, {"consent": "opt_in"}, {"consent": "opt_in", "cookieless": True}, {"dnt": True},
     {"keys": ("former", "key")}, {"linked_domains": ["other.example"]}, {"requests": "all"},
     {"migrate_cookies": ["ga4"]}, {"banners": ["cookiebot"]}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("step", [denies, chosen])
def test_a_newcomer_who_has_chosen_is_said_the_same(settings: dict[str, Any], step: Step) -> None:
    choice = chosen_before(settings, step)
    for cookie in (choice, f"{choice}; _ga=GA1.2.123456789.1700000000", f"{choice};_tm_v=x",
                   f"{choice}; _tm_c=x", f"{choice}; {choice}", f"{choice};   _tm_s=",
                   choice[:-1]):  # fmt: skip
        same(settings, cookie=cookie, query=CAMPAIGN)
    former = chosen_before({**settings, "keys": ("former",)}, step)
    same(settings, cookie=former)
    same(settings, cookie=former, sec_gpc="1")
    same(settings, cookie=former, look=looks(nothing, "anna"))


def test_a_newcomer_who_has_consented_makes_none_of_the_parts() -> None:
    settings: dict[str, Any] = {"consent": "opt_in"}
    choice, site, opened = chosen_before(settings, chosen), Site(**settings), list[Exchange]()
    ending, _ = visit(site, choice, query=CAMPAIGN, step=opened.append)
    assert not opened[0]._made
    assert [each.name for each in ending.cookies] == ["_tm_v", "_tm_s"]
    assert site.entries[-1].consent == {"analytics": "granted", "marketing": "denied"}


@pytest.mark.parametrize("query", ["", "page=2&q=utm_source"])
@pytest.mark.parametrize("after", [1, 61, 1700])
def test_a_page_whose_visitor_is_known_for_the_first_time_makes_none_of_the_parts(
    after: float, query: str
) -> None:
    site, opened = Site(), list[Exchange]()
    first, _ = visit(site, "a=b")
    site.now += after
    cookie = "; ".join(f"{each.name}={each.value}" for each in first.cookies)
    ending, _ = visit(site, cookie, query=query, step=opened.append)
    assert opened[0].usual is not None
    assert [each.name for each in ending.cookies] == (["_tm_s"] if after > 60 else [])
