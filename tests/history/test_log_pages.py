"""Page views of an access log: what is one, whose it is, and in which session."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from track_middleware.event import encode_event, iso
from track_middleware.history.formats import Hit
from track_middleware.history.pages import Views, bot_class, is_page, names_page
from track_middleware.history.tally import Distinct
from track_middleware.history.visits import InOrder, Ordinals, Sessions, Visitors
from track_middleware.reading import load
from track_middleware.tracking.ids import derived

NOON = 1_700_000_000.0
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
GRANTED = {"analytics": "granted", "marketing": "granted"}
PENDING = {"analytics": "pending", "marketing": "pending"}


def hit(target: str = "/", *, time: float = NOON, **more: Any) -> Hit:
    given = {"address": "203.0.113.77", "method": "GET", "status": 200, "agent": FIREFOX, **more}
    return Hit(time=time, target=target, **given)


def views(consent: dict[str, str] = GRANTED, *, daily: bool = False, **settings: Any) -> Views:
    rules = load({"data_dir": "/nowhere", **settings}, {})
    visitors = Visitors("a key", ip=rules.ip, daily=daily)
    return Views(rules, host="shop.example", scheme="https", visitors=visitors, consent=consent)


def events(made: Views, *hits: Hit) -> list[dict[str, Any]]:
    found = [made.view(each, repr(each).encode()) for each in hits]
    return [json.loads(encode_event(made.event(view)[0])) for view in found if view is not None]


# What is a page view.


@pytest.mark.parametrize(
    "path", ["/", "/blog/", "/a/b", "/index.html", "/x.PHP", "/v1.2", "/wiki/a.b-c", "/a.b/c"]
)
def test_a_path_without_an_ending_or_with_a_pages_is_a_pages(path):
    assert names_page(path)


@pytest.mark.parametrize(
    "path",
    ["/logo.png", "/app.js", "/robots.txt", "/favicon.ico", "/feed/", "/blog/rss", "/sitemap.xml",
     "/xmlrpc.php", "/.well-known/acme-challenge/x", "/wp-json/wp/v2/posts", "/a.tar.gz"],
)  # fmt: skip
def test_a_file_and_what_programs_ask_for_is_none(path):
    assert not names_page(path)


@pytest.mark.parametrize(
    "more",
    [{"method": "POST"}, {"method": "HEAD"}, {"status": 304}, {"status": 404}, {"status": 302},
     {"status": 206}, {"status": 204}, {"content_type": "application/json"},
     {"purpose": "prefetch;prerender"}],
)  # fmt: skip
def test_other_methods_answers_and_types_are_no_page_views(more):
    assert not is_page(hit(**more), "/", "")


def test_a_content_type_says_more_than_a_path():
    assert is_page(hit(content_type="text/html; charset=utf-8"), "/a.py", "")


@pytest.mark.parametrize("query", ["flav=rss20", "a=1&feed=atom", "format=json"])
def test_a_feed_under_a_pages_path_is_none(query):
    assert not is_page(hit(), "/", query)
    assert is_page(hit(), "/", query.replace("=", "x="))


def test_what_the_site_excludes_is_left_out():
    assert events(views(exclude=["/admin/*"]), hit("/admin/users"), hit("/a")) != []
    assert views(exclude=["/admin/*"]).view(hit("/admin/users"), b"line") is None


# What an event says.


def test_an_event_says_what_the_log_said_with_its_own_time():
    came = hit("/caf%C3%A9?a=1", referrer="https://news.example/x", duration=0.25)
    (event,) = events(views(), came)
    context = event["context"]
    assert (event["type"], event["timestamp"]) == ("page", iso(NOON))
    assert context["page"] == {
        "url": "https://shop.example/caf%C3%A9?a=1", "path": "/café", "id": event["messageId"],
        "referrer": "https://news.example/x", "status": 200, "durationMs": 250.0,
    }  # fmt: skip
    assert (context["platform"], context["userAgent"]) == ("backfill", FIREFOX)
    assert context["consent"] == GRANTED


def test_a_log_that_names_host_and_scheme_is_believed():
    (event,) = events(views(), hit("/a", host="other.example", scheme="http"))
    assert event["context"]["page"]["url"] == "http://other.example/a"
    (event,) = events(views(), hit("http://third.example:80/b?c=1"))
    assert event["context"]["page"]["url"] == "https://third.example:80/b?c=1"


def test_an_address_is_kept_as_the_site_keeps_it():
    (event,) = events(views(), hit())
    assert event["context"]["ip"] == "203.0.113.0"
    (event,) = events(views(ip="full"), hit())
    assert event["context"]["ip"] == "203.0.113.77"
    (event,) = events(views(ip="none"), hit())
    assert "ip" not in event["context"]


def test_secrets_leave_page_and_referrer():
    came = hit("/reset?token=abc&a=1", referrer="https://shop.example/?password=pw")
    (event,) = events(views(), came)
    assert "abc" not in json.dumps(event)
    assert "pw" not in json.dumps(event["context"]["page"]["referrer"].partition("=")[2])


def test_of_whom_nobody_was_asked_no_address_is_kept():
    (event,) = events(views(PENDING, daily=True), hit())
    context = event["context"]
    assert context["cookieless"] is True
    assert context["consent"] == PENDING
    assert "ip" not in context


def test_times_of_minutes_that_come_again_are_exact():
    times = [NOON + number * 7.37 for number in range(2000)] + [-12.5, 59.9996, 1_700_000_039.999]
    found = events(views(), *(hit(f"/{number}", time=time) for number, time in enumerate(times)))
    assert [each["timestamp"] for each in found] == [iso(time) for time in times]


# Ids.


def ids(made: Views, *lines: bytes) -> list[str]:
    found = [made.view(hit(), line) for line in lines]
    return [view.id for view in found if view is not None]


def test_the_same_lines_have_the_same_ids_in_every_import():
    assert ids(views(), b"one", b"two") == ids(views(), b"one", b"two")


def test_two_hits_within_one_second_are_two_views():
    first, second, third = ids(views(), b"same", b"same", b"other")
    assert len({first, second, third}) == 3
    assert ids(views(), b"same", b"other", b"same") == [first, third, second]


def test_a_line_that_two_files_share_is_one_view():
    made = views()
    first = ids(made, b"same", b"same")
    made.new_file()
    assert ids(made, b"same", b"same") == first


def test_a_line_far_behind_its_like_is_its_copy():
    ordinals = Ordinals(most=10)
    assert [ordinals.of(b"a"), ordinals.of(b"a"), ordinals.of(b"a")] == [0, 1, 2]
    for number in range(25):
        ordinals.of(b"%d" % number)
    assert ordinals.of(b"a") == 0


# Visitors and sessions.


def test_a_visitor_is_an_address_as_far_as_it_is_kept_and_a_user_agent():
    visitors = Visitors("a key", ip="truncate", daily=False)
    one = visitors.visitor("203.0.113.77", FIREFOX, NOON)
    assert visitors.visitor("203.0.113.9", FIREFOX, NOON + 9e6) == one
    assert visitors.visitor("203.0.114.77", FIREFOX, NOON) != one
    assert visitors.visitor("203.0.113.77", "another", NOON) != one
    assert Visitors("another key", ip="truncate", daily=False).visitor(
        "203.0.113.77", FIREFOX, NOON
    ) != one  # fmt: skip
    full = Visitors("a key", ip="full", daily=False)
    assert full.visitor("203.0.113.77", FIREFOX, NOON) != full.visitor("203.0.113.9", FIREFOX, NOON)


def test_a_daily_visitor_is_another_one_tomorrow():
    visitors = Visitors("a key", ip="truncate", daily=True)
    today, later, tomorrow = (
        visitors.visitor("203.0.113.77", FIREFOX, time) for time in (0.0, 86399.0, 86400.0)
    )
    assert today == later != tomorrow


def numbers(*visits: tuple[float, dict[str, str]]) -> list[int]:
    sessions = Sessions(idle=1800, longest=86400)
    found = [sessions.at("v", NOON + minutes * 60, campaign)[0] for minutes, campaign in visits]
    return [session.number for session in found]


def test_thirty_silent_minutes_end_a_session():
    assert numbers((0, {}), (30, {}), (60, {}), (90.1, {})) == [1, 1, 1, 2]


def test_a_session_lasts_a_day_at_most():
    steps = [(20.0 * step, {}) for step in range(80)]
    assert numbers(*steps)[72:74] == [1, 2]


def test_another_campaign_begins_one_and_none_does_not():
    mail, ads = {"source": "mail"}, {"source": "ads"}
    assert numbers((0, mail), (1, {}), (2, mail), (3, ads), (4, {})) == [1, 1, 1, 2, 2]


def test_an_earlier_log_begins_anew_and_has_the_same_sessions_again():
    sessions = Sessions(idle=1800, longest=86400)
    times = [NOON, NOON + 9000, NOON + 20_000]
    first = [sessions.at("v", time, {})[0].id for time in times]
    assert [sessions.at("v", time, {})[0].id for time in times] == first
    assert len(set(first)) == 3


def test_only_so_many_visitors_are_remembered():
    sessions = Sessions(idle=1800, longest=86400, most=100)
    for number in range(1000):
        sessions.at(f"v{number}", NOON + number, {})
    assert sessions.at("v999", NOON + 5000, {})[0].number == 2
    assert sessions.at("v0", NOON + 5000, {})[0].number == 1
    assert len(sessions._known) <= 100


def test_a_campaign_is_said_by_every_page_of_its_session():
    found = events(views(), hit("/?utm_source=mail", time=NOON), hit("/a", time=NOON + 60))
    assert [each["context"]["campaign"] for each in found] == [{"source": "mail"}] * 2


# Order.


def ordered(times: Sequence[float], **given: Any) -> list[float]:
    order: InOrder[float] = InOrder(**given)
    return [*(due for time in times for due in order.put(time, time)), *order.rest()]


def test_lines_that_were_written_late_take_their_place():
    times = [float(number) for number in range(1000)]
    shuffled = sorted(times, key=lambda time: time + random.Random(time).random() * 60)
    assert shuffled != times
    assert ordered(shuffled) == times


def test_no_more_than_so_many_wait():
    order: InOrder[int] = InOrder(most=10)
    waiting = 0
    for number in range(100):
        waiting += 1 - len(list(order.put(5.0, number)))
        assert waiting <= 10
    assert len(list(order.rest())) == waiting


def test_a_log_that_begins_again_is_put_in_order_too():
    times = [float(number) for number in range(0, 10_000, 10)]
    swapped = [time for pair in zip(times[1::2], times[::2], strict=True) for time in pair]
    assert ordered(swapped * 2) == times * 2


# Counting.


def test_distinct_ids_are_counted_exactly_and_beyond_a_number_nearly():
    distinct = Distinct(most=1000)
    for number in range(1000 - 1):
        distinct.add(derived(str(number)))
        distinct.add(derived(str(number)))
    assert (distinct.number, distinct.is_estimate) == (999, False)
    for number in range(20_000):
        distinct.add(derived(str(number)))
    assert distinct.is_estimate
    assert distinct.number == pytest.approx(20_000, rel=0.1)


def test_who_does_not_name_itself_is_a_bot():
    assert bot_class("") == "other"
    assert bot_class(FIREFOX) is None
    assert bot_class("Mozilla/5.0 (compatible; Googlebot/2.1)") == "search-engine"
