"""What never leaves a request, whichever door it came in by."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.site import Browser, Site, token_of
from track_middleware.patterns import REDACTED, Patterns
from track_middleware.settings import PATTERNS
from track_middleware.tracking.redaction import Redaction

NAMES = ["token", "api key", "pin"]
NAME = st.sampled_from(
    ["token", "TOKEN", "%74oken", "api+key", "api%20key", "pin", "page", "q", ""]
)
PAIR = st.builds(
    "".join, st.tuples(NAME, st.sampled_from(["=", ""]), st.sampled_from(["1", "", "a=b"]))
)

#: Named, so that it must not leave the request; and what is found by its looks.
NAMED = "?token=hush"
MAIL = "ann@example.com"
LOAD = "a" * 32


def redaction(*names: str) -> Redaction:
    return Redaction(names, patterns=Patterns(PATTERNS, ids=["epik"]))


@given(st.lists(PAIR, max_size=5).map("&".join))
def test_a_query_loses_the_values_of_every_named_pair_and_nothing_else(query: str) -> None:
    wanted = []
    for pair in query.split("&"):
        name = pair.partition("=")[0]
        named = unquote_plus(name).lower() in NAMES
        wanted.append(f"{name}={REDACTED}" if named else pair)
    made = Redaction(NAMES)
    assert made.query(query) == "&".join(wanted)
    assert made.query(query) == "&".join(wanted)  # also when it is remembered


@pytest.mark.parametrize(
    ("given_url", "left"),
    [
        ("https://a/u/ann@example.com/orders", "https://a/u/redacted/orders"),
        ("https://a/u/ann%40example.com?x=1", "https://a/u/redacted?x=1"),
        ("https://a/?q=ann%40example.com&page=2", "https://a/?q=redacted&page=2"),
        ("https://a/?q=see+ann@example.com", "https://a/?q=redacted"),
        ("https://a/#/users/ann@example.com", "https://a/#/users/redacted"),
        ("https://a/#access_token=x&b=1", "https://a/#access_token=redacted&b=1"),
        ("https://a/reset/MQ/d8abcd-" + "0123456789abcdef" * 2, "https://a/reset/MQ/redacted"),
        ("https://ann:pw@a/b", "https://a/b"),
        ("https://a/pay/4111 1111 1111 1111/", "https://a/pay/redacted/"),
        ("/u/ann@example.com", "/u/redacted"),
        ("https://a/?gclid=" + "EAIaIQobChMI8ZKxq9yN" * 3, None),
        ("https://a/?epik=" + "EAIaIQobChMI8ZKxq9yN" * 3, None),
        ("https://a/?utm_content=ann@example.com", "https://a/?utm_content=redacted"),
        ("https://a/orders/1795435200123/", None),
        ("https://a/", None),
    ],
)
def test_an_address_loses_what_looks_like_a_secret(given_url: str, left: str | None) -> None:
    made = redaction("access_token")
    for _ in range(2):  # also when it is remembered
        assert made.url(given_url) == (left or given_url)


@pytest.mark.parametrize("mark", ["/", "&"])
def test_an_address_of_very_many_parts_keeps_no_secret_either(mark: str) -> None:
    parts = ["n=1"] * 198 + [f"q={MAIL}", "pin=hush", "n=2", f"q={MAIL}", "pin=hush", "n=3"]
    made = redaction("pin")
    left = made.path(mark.join(parts)) if mark == "/" else made.query(mark.join(parts))
    assert MAIL not in left
    assert left.split(mark)[-1] == "n=3"
    assert left.count(mark) == len(parts) - 1
    assert ("hush" in left) is (mark == "/")


@pytest.mark.parametrize("name", ["accessToken", "access_token", "ACCESS-TOKEN", "Access Token"])
def test_a_name_is_the_same_however_it_is_written(name: str) -> None:
    assert redaction("access_token").bag({name: "hush", "a": 1}) == {name: REDACTED, "a": 1}


def test_properties_are_looked_at_in_all_their_depth_and_the_callers_own_stay() -> None:
    own: dict[str, Any] = {
        "items": [{"pin": 1, "sku": "A"}], "to": {"more": {"pin": {"x": 1}}}, "n": 2.5,
        "href": "https://a/?pin=1&b=2", "stack": "at f (https://a/x.js?b=1&pin=hush:1:2)\n",
    }  # fmt: skip
    before = json.dumps(own)
    assert redaction("pin").bag(own) == {
        "items": [{"pin": REDACTED, "sku": "A"}], "to": {"more": {"pin": REDACTED}}, "n": 2.5,
        "href": "https://a/?pin=redacted&b=2",
        "stack": "at f (https://a/x.js?b=1&pin=redacted\n",
    }  # fmt: skip
    assert json.dumps(own) == before


def test_properties_with_nothing_named_are_the_callers_own() -> None:
    own = {"order_id": "1001", "revenue": 39.5, "is_new": True}
    assert redaction("pin").bag(own) is own
    assert Redaction([]).bag(own) is own


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        ({"pin": 1, "a": 2}, {"pin": REDACTED, "a": 2}),
        ({"a": {"pin": 1}}, {"a": {"pin": REDACTED}}),
        ({"a": [{"pin": 1}]}, {"a": [{"pin": REDACTED}]}),
        ({"a": "/?pin=1"}, {"a": "/?pin=redacted"}),
        ({"a": "https://me:word@host/"}, {"a": "https://host/"}),
        ({"a": "{", "b": None, "c": [1, 2]}, {"a": "{", "b": None, "c": [1, 2]}),
    ],
)
def test_a_verbs_properties_lose_what_is_named_each_time(
    own: dict[str, Any], kept: dict[str, Any]
) -> None:
    site = Site(redact=["pin"])
    for _ in range(2):
        site.tracker.track("Paid", own, user_id="42")
    assert [each.event and each.event.properties for each in site.entries] == [kept, kept]


def test_properties_that_hold_themselves_are_a_mistake_and_no_event() -> None:
    site = Site()
    own: dict[str, Any] = {"a": 1}
    own["self"] = own
    Browser(site).open("/").track("Paid", own)
    assert "hold not themselves" in str(site.mistakes)
    assert site.entries == []


def test_nobody_keeps_what_was_taken_out() -> None:
    made = redaction("token")
    made.url(f"https://a/{MAIL}{NAMED}")
    made.path(f"/{MAIL}")
    made.query(NAMED[1:])
    for known in (made._urls, made._paths, made._queries):
        assert list(known) == []


def message(**more: Any) -> dict[str, Any]:
    return {"id": "1", "type": "track", "name": "x", "load": LOAD, "at": 1, "url": "", **more}


def told(browser: Browser, *messages: Any) -> None:
    browser.post("q", {"v": 1, "sent": 1, "events": messages})


PLACE = f"https://shop.example/u/{MAIL}{NAMED}"
PROPERTIES = {
    "password": "hush", "deep": [{"Token": "hush"}], "href": f"/next{NAMED}",
    "message": f"failed at https://shop.example/x.js{NAMED}",
}  # fmt: skip


def server_view(browser: Browser) -> None:
    browser.visit(f"/u/{MAIL}{NAMED}&utm_source=mail&utm_content={MAIL}", referer=PLACE)


def server_event(browser: Browser) -> None:
    browser.open(f"/u/{MAIL}{NAMED}", "POST", referer=PLACE).track("Paid", PROPERTIES)
    browser.close(500)


def browser_view(browser: Browser) -> None:
    ending = browser.visit("/")
    view = message(type="view", token=token_of(ending), url=PLACE, referrer=PLACE, title=MAIL)
    told(browser, view)


def route_view(browser: Browser) -> None:
    own = "6f1c4f0e-3a5e-4e0b-9a67-2f9f0b7a4d11"
    told(browser, message(type="route", page=own, url=PLACE, referrer=PLACE, title=f"of {MAIL}"))


def browser_event(browser: Browser) -> None:
    told(browser, message(url=PLACE, properties=PROPERTIES))


def browser_refused(browser: Browser) -> None:
    told(browser, message(at="no number", properties={**PROPERTIES, "to": MAIL}, url=PLACE))


def body_refused(browser: Browser) -> None:
    browser.post(
        "q", b'{"v":1,"events":[{"email":"%b","url":"%b"' % (MAIL.encode(), PLACE.encode())
    )


def pixel(browser: Browser) -> None:
    token = token_of(browser.visit("/"))
    sent = {"sec_fetch_dest": "image", "sec_fetch_site": "same-origin", "accept": "image/*"}
    browser.open(f"/prefix00/n.png?k={token}", referer=PLACE, **sent).reply(b"")


def segment(browser: Browser, kind: str, **more: Any) -> None:
    basic = base64.b64encode(b"wk:").decode()
    browser.post(f"v1/{kind}", {"anonymousId": "a1", **more}, authorization=f"Basic {basic}")


def segment_page(browser: Browser) -> None:
    page = {"url": PLACE, "referrer": PLACE, "path": f"/u/{MAIL}", "search": NAMED, "title": MAIL}
    segment(browser, "page", properties=page, context={"page": page})


def segment_event(browser: Browser) -> None:
    segment(browser, "track", event="Paid", properties=PROPERTIES)


def segment_refused(browser: Browser) -> None:
    segment(browser, "track", event=["Paid"], properties={**PROPERTIES, "to": MAIL})


DOORS = [
    server_view, server_event, browser_view, route_view, browser_event, browser_refused,
    body_refused, pixel, segment_page, segment_event, segment_refused,
]  # fmt: skip


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_no_door_lets_a_named_value_or_an_address_with_a_mail_address_through(door: Any) -> None:
    site = Site(write_keys={"wk": "ios"}, noscript=True)
    browser = Browser(site)
    door(browser)
    kept = msgspec.json.encode(site.entries).decode() + repr(browser.cookies)
    assert site.entries
    assert "redacted" in kept
    for secret in ("hush", MAIL, "ann%40example.com"):
        assert secret not in kept


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
@pytest.mark.parametrize(("ip", "kept"), [("truncate", "203.0.113.0"), ("none", None)])
def test_no_door_lets_a_whole_address_through(door: Any, ip: str, kept: str | None) -> None:
    site = Site(write_keys={"wk": "ios"}, noscript=True, ip=ip)
    door(Browser(site, x_forwarded_for="198.51.100.23"))
    said = msgspec.json.encode(site.entries).decode()
    assert "203.0.113.77" not in said
    assert "198.51.100" not in said
    addresses = {entry.event.context.get("ip") for entry in site.entries if entry.event}
    assert addresses <= {kept}


def test_an_sdk_that_sends_an_address_does_not_get_it_kept_whole() -> None:
    site = Site(write_keys={"wk": "server"})
    segment(Browser(site), "track", event="Paid", context={"ip": "198.51.100.23"})
    (entry,) = site.entries
    assert entry.event is not None
    assert entry.event.context["ip"] == "198.51.100.0"


@pytest.mark.parametrize(("ip", "left"), [("truncate", "198.51.100.0"), ("none", None)])
def test_a_caller_that_names_an_address_does_not_get_it_kept_whole(
    ip: str, left: str | None
) -> None:
    site = Site(ip=ip)
    Browser(site).open("/").track("Paid", context={"ip": "198.51.100.23"})
    site.tracker.track("Paid", context={"ip": "198.51.100.23"}, user_id="42")
    kept = [entry.event.context["ip"] for entry in site.entries if entry.event]
    assert kept == [left, left]


@pytest.mark.parametrize("body", [{"event": ["x"]}, {"type": "nothing"}])
@pytest.mark.parametrize(("ip", "left"), [("truncate", "198.51.100.0"), ("none", "")])
def test_a_refused_message_names_no_whole_address(body: Any, ip: str, left: str) -> None:
    site = Site(write_keys={"wk": "server"}, ip=ip)
    segment(Browser(site), "track", context={"ip": "198.51.100.23"}, **body)
    told = Browser(site)
    told.post("q", b'{"v":1,"events":[{"context":{"ip" : "198.51.100.23"')
    letters = [entry.raw or "" for entry in site.entries]
    assert len(letters) == 2
    for letter in letters:
        assert "198.51.100.23" not in letter
        assert f'"{left}' in letter


def test_only_who_is_believed_says_that_an_event_is_not_to_be_stored() -> None:
    site = Site(write_keys={"wk": "web"})
    segment(Browser(site), "track", event="Paid", context={"store": False})
    other = Site(write_keys={"wk": "ios"})
    segment(Browser(other), "track", event="Paid", context={"store": False})
    (browsers,), (apps,) = site.entries, other.entries
    assert browsers.event is not None
    assert apps.event is not None
    assert "store" not in browsers.event.context
    assert apps.event.context["store"] is False


def test_traits_are_the_callers_own_will() -> None:
    site = Site(write_keys={"wk": "ios"})
    browser = Browser(site)
    browser.open("/").identify("42", {"email": MAIL})
    segment(browser, "identify", userId="42", traits={"email": MAIL})
    told(browser, message(type="identify", name=None, traits={"email": MAIL}))
    traits = [entry.event.traits for entry in site.entries if entry.event]
    assert traits == [{"email": MAIL}] * 3


def test_nothing_is_replaced_where_nothing_is_asked_for() -> None:
    site = Site(redact=[], redact_patterns=[])
    browser = Browser(site)
    browser.open(f"/u/{MAIL}{NAMED}").track("Paid", PROPERTIES)
    (entry,) = site.entries
    assert entry.event is not None
    assert entry.event.properties == PROPERTIES
    assert entry.event.context["page"]["url"] == PLACE


def test_the_servers_half_and_the_browsers_say_the_same_address() -> None:
    """They find each other by it where a service worker delivers the page."""
    site = Site()
    browser = Browser(site)
    ending = browser.visit("/u/änne b+ann@example.com/x")
    encoded = "https://shop.example/u/%C3%A4nne%20b+ann%40example.com/x"
    told(browser, message(type="view", token=token_of(ending), url=encoded))
    urls = {entry.event.context["page"]["url"] for entry in site.entries if entry.event}
    assert urls == {"https://shop.example/u/redacted/x"}


def test_long_names_are_not_remembered_however_little_they_say() -> None:
    redaction = Redaction(["token"])
    for number in range(20):
        redaction.query(f"{'_' * 5000}{'%5F' * number}=1")
    assert not redaction._named
    assert redaction.query(f"{'_' * 5000}token=1") == f"{'_' * 5000}token=redacted"
