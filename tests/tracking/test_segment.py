"""Segment's protocol: every spelling, whose events they are, what is refused and how it is said."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import msgspec
import pytest

from tests.tracking.site import Browser, Site
from track_middleware.errors import SettingsError
from track_middleware.event import Event, iso
from track_middleware.http import Reply, Request
from track_middleware.reading import load

KEYS = {"wk_ios": "ios", "wk_android": "android", "wk_node": "server", "wk_web": "web"}
NOW = 1_800_000_000.0
TRACK = {"type": "track", "event": "Order Completed", "userId": "42", "messageId": "m-1",
         "properties": {"revenue": 39.5}}  # fmt: skip
WEB = {"sec-fetch-site": "same-origin"}


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def site(**settings: Any) -> Site:
    return Site(write_keys=KEYS, **settings)


def ask(
    site: Site, path: str, content: Any = b"", method: str = "POST", query: str = "",
    peer: str = "203.0.113.77", **headers: str,
) -> Reply:  # fmt: skip
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(
        method, f"/prefix00/{path}", lambda name: sent.get(name, ""), query=query, peer=peer,
        host="shop.example", scheme="https", cookie=sent.get("cookie", ""),
        gpc=sent.get("sec-gpc", ""), agent=sent.get("user-agent", ""),
    )  # fmt: skip
    exchange = site.tracker.open(request)
    assert exchange.own is not None
    return exchange.reply(body)


def said(reply: Reply) -> Any:
    return msgspec.json.decode(reply.body)


def kept(site: Site) -> Event:
    """The only entry's event."""
    (entry,) = site.entries
    assert entry.event is not None
    return entry.event


def sent(site: Site, message: Any, *, key: str = "wk_node", **headers: str) -> Event:
    reply = ask(site, "v1/batch", {"batch": [message], "writeKey": key}, **headers)
    assert (reply.status, said(reply)) == (200, {"success": True})
    return kept(site)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("t", "track"), ("p", "page"), ("i", "identify"), ("s", "screen"), ("g", "group"),
        ("a", "alias"), ("track", "track"), ("page", "page"), ("identify", "identify"),
        ("screen", "screen"), ("group", "group"), ("alias", "alias"), ("track/", "track"),
    ],
)  # fmt: skip
def test_a_single_message_is_taken_at_every_spelling_of_its_path(path: str, kind: str) -> None:
    where = site()
    whole = {"userId": "42", "event": "e", "name": "n", "groupId": "g", "previousId": "v"}
    reply = ask(where, f"v1/{path}", whole, authorization=basic("wk_node"))
    assert (reply.status, said(reply)) == (200, {"success": True})
    event = kept(where)
    assert (event.type, event.user_id) == (kind, "42")
    assert event.event == ("e" if kind == "track" else None)
    assert event.group_id == ("g" if kind == "group" else None)
    assert event.previous_id == ("v" if kind == "alias" else None)


@pytest.mark.parametrize("path", ["v1/b", "v1/batch", "v1/import", "v1/batch/", "beacon/v1/batch"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_batch_is_taken_at_every_spelling_of_its_path(path: str, packed: bool) -> None:
    where = site()
    body = msgspec.json.encode({"batch": [TRACK, {**TRACK, "messageId": "m-2"}]})
    reply = ask(where, path, gzip.compress(body, mtime=0) if packed else body,
                authorization=basic("wk_node"))  # fmt: skip
    assert said(reply) == {"success": True}
    assert [entry.event.message_id for entry in where.entries if entry.event] == ["m-1", "m-2"]


@pytest.mark.parametrize(
    "how",
    [
        {"authorization": basic("wk_ios")},
        {"authorization": "basic " + basic("wk_ios").split()[1]},
        {"authorization": "Bearer wk_ios"},
        {"body": "wk_ios"},
        {"query": "writeKey=wk_ios"},
        {"authorization": "Bearer an.oauth.token", "body": "wk_ios"},
        {"authorization": "Basic !!", "body": "wk_ios"},
        {"authorization": basic("unknown"), "body": "wk_ios"},
    ],
)
def test_a_write_key_is_found_wherever_an_sdk_puts_it(how: dict[str, str]) -> None:
    where, more = site(), dict(how)
    content = {"batch": [TRACK], "writeKey": more.pop("body", None)}
    assert ask(where, "v1/b", content, **more).status == 200
    assert kept(where).context["platform"] == "ios"
    assert where.entries[0].origin == "wk_ios"


def test_a_servers_ids_are_of_one_origin_with_our_own() -> None:
    where = site()
    sent(where, TRACK)
    assert where.entries[0].origin == "server"


def test_a_key_that_nobody_knows_is_told_so_and_leaves_a_dead_letter() -> None:
    where = site()
    reply = ask(where, "v1/t", {**TRACK, "writeKey": "old"})
    assert (reply.status, said(reply)["error"]) == (401, "unknown write key")
    assert [(entry.kind, entry.reason) for entry in where.entries] == [
        ("door", "unknown write key")
    ]
    assert "Order Completed" in (where.entries[0].raw or "")
    assert where.counted == [("door_refused", 1)]


def test_without_write_keys_there_is_no_such_door() -> None:
    where = Site()
    assert ask(where, "v1/t", TRACK).status == 404
    assert where.entries == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({**TRACK, "userId": None}, "it has neither userId nor anonymousId"),
        ({**TRACK, "userId": "null", "anonymousId": "undefined"}, "it has neither"),
        ({**TRACK, "event": " "}, "it has no event"),
        ({"type": "group", "userId": "1"}, "it has no groupId"),
        ({"type": "alias", "userId": "1"}, "it has no previousId"),
        ({"type": "charge", "userId": "1"}, "a field has a wrong type or value"),
        ({"userId": "1"}, "a field has a wrong type or value"),
        ({**TRACK, "timestamp": "yesterday"}, "timestamp is no ISO 8601 time"),
        ({**TRACK, "timestamp": "0001-01-01T00:00:00Z"}, "timestamp is before 1970"),
        ({**TRACK, "timestamp": "2020-01-01T00:00:00Z", "sentAt": "9999-12-31T00:00:00Z"},
         "timestamp is before 1970"),
        ({**TRACK, "messageId": "x" * 101}, "Expected `str` of length <= 100"),
        ({**TRACK, "properties": {"a": "x" * 33_000}}, "a message has more than 32 KiB"),
        ({**TRACK, "context": {str(n): n for n in range(2001)}}, "more than 2000 keys"),
        ({**TRACK, "properties": "none"}, "Expected `object | null`"),
        (7, "a field has a wrong type or value"),
    ],
)  # fmt: skip
def test_a_bad_message_is_a_dead_letter_and_spoils_no_other(message: Any, reason: str) -> None:
    where = site()
    reply = ask(where, "v1/batch", {"batch": [message, TRACK], "writeKey": "wk_node"})
    ((index, why),) = said(reply)["refused"]
    assert (reply.status, index) == (200, 0)
    assert reason in why
    assert where.kinds() == ["door", "event"]
    assert where.entries[0].reason == why
    assert where.entries[0].raw
    assert where.counted == [("door_refused", 1)]


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("batch", b"", "not JSON"),
        ("batch", b"{", "not JSON"),
        ("batch", b'{"writeKey":"wk_node"}', "a field has a wrong type or value"),
        ("batch", b"[" * 60_000, ""),
        ("batch", b" " * (500 * 1024 + 1), "the body is too large"),
        ("batch", gzip.compress(b" " * 50_000_000, mtime=0), "the body is too large"),
        ("batch", gzip.compress(b"{}", mtime=0)[:-3], "the body is damaged gzip"),
        ("batch", gzip.compress(b"{}", mtime=0) * 2, "the body is damaged gzip"),
        ("batch", b"\x1f\x8bnot at all", "the body is damaged gzip"),
        ("t", b'{"writeKey":"wk_node","event":"' + b"x" * 33_000 + b'"}', "32 KiB"),
        ("t", b"[]", "a field has a wrong type or value"),
        ("b", msgspec.json.encode({"batch": [{}] * 200, "context": {"a": "x" * 30_000}}),
         "context is too large"),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_a_400_and_a_dead_letter(
    path: str, body: bytes, reason: str
) -> None:
    where = site()
    reply = ask(where, f"v1/{path}", body, authorization=basic("wk_node"))
    assert reply.status == 400
    assert reason in said(reply)["error"]
    assert said(reply)["code"] == "invalid_request"
    assert [(entry.kind, entry.reason) for entry in where.entries] == [
        ("door", said(reply)["error"])
    ]


def test_what_stands_around_a_batch_counts_for_each_messages_size() -> None:
    where = site()
    around = {"context": {"a": "x" * 20_000}, "around": 0, "writeKey": "wk_node"}
    small, large = TRACK, {**TRACK, "properties": {"b": "x" * 20_000}}
    reply = ask(where, "v1/batch", {"batch": [small, large], **around})
    assert said(reply)["refused"] == [[1, "a message has more than 32 KiB"]]


def test_more_than_2500_messages_are_refused_all_together() -> None:
    where = site()
    reply = ask(where, "v1/batch", {"batch": [{}] * 2501, "writeKey": "wk_node"})
    assert reply.status == 200
    assert where.kinds() == ["door"]
    assert where.counted == [("door_refused", 2501)]


def test_what_stands_around_a_batch_holds_for_each_message_that_says_nothing_else() -> None:
    where = site()
    content = {
        "writeKey": "wk_ios", "sentAt": "2027-01-15T08:00:00.000Z",
        "context": {"library": {"name": "analytics-kotlin"}, "app": {"name": "outer"}},
        "integrations": {"All": False},
        "batch": [{**TRACK, "context": {"app": {"name": "own"}}, "integrations": {"Mixpanel": True},
                   "originalTimestamp": "2027-01-15T07:59:50.000Z"}],
    }  # fmt: skip
    assert ask(where, "v1/b", content).status == 200
    event = kept(where)
    assert event.context["library"] == {"name": "analytics-kotlin"}
    assert event.context["app"] == {"name": "own"}
    assert event.integrations == {"All": False, "Mixpanel": True}
    assert event.timestamp == iso(NOW - 10)


@pytest.mark.parametrize(
    ("times", "at"),
    [
        ({}, NOW),
        ({"timestamp": iso(NOW + 3600 - 10), "sentAt": iso(NOW + 3600)}, NOW - 10),
        ({"originalTimestamp": iso(90), "timestamp": iso(95), "sentAt": iso(100)}, NOW - 10),
        ({"timestamp": iso(NOW + 50), "sentAt": iso(NOW)}, NOW),
        ({"timestamp": iso(NOW + 50)}, NOW),
        ({"timestamp": iso(NOW - 50)}, NOW - 50),
    ],
)
def test_a_clients_clock_is_corrected_and_never_in_the_future(
    times: dict[str, str], at: float
) -> None:
    event = sent(site(), {**TRACK, **times}, key="wk_android")
    assert (event.timestamp, event.received_at) == (iso(at), iso(NOW))
    assert event.original_timestamp == times.get("originalTimestamp", times.get("timestamp"))


@pytest.mark.parametrize(
    ("key", "context", "address"),
    [
        ("wk_node", {}, None),
        ("wk_node", {"direct": True}, "203.0.113.0"),
        ("wk_node", {"ip": "198.51.100.7"}, "198.51.100.0"),
        ("wk_node", {"ip": "not one"}, None),
        ("wk_ios", {}, "203.0.113.0"),
        ("wk_ios", {"ip": "198.51.100.7"}, "198.51.100.0"),
        ("wk_web", {"ip": "198.51.100.7"}, "203.0.113.0"),
    ],
)
def test_an_address_is_the_clients_and_never_a_whole_one(
    key: str, context: Any, address: str | None
) -> None:
    event = sent(site(), {**TRACK, "context": context}, key=key)
    assert event.context.get("ip") == address
    assert "direct" not in event.context


def test_apps_and_servers_are_believed() -> None:
    for key in ("wk_ios", "wk_android", "wk_node"):
        event = sent(site(), {**TRACK, "userId": 42, "anonymousId": "a"}, key=key)
        assert (event.user_id, event.anonymous_id) == ("42", "a")
        assert event.context["platform"] == KEYS[key]


def test_a_category_and_secrets_of_a_page_go_where_they_belong() -> None:
    page = {"type": "page", "userId": "1", "name": "Home", "category": "Docs",
            "properties": {"url": "https://x/?token=hush", "search": "?token=hush&a=1"},
            "context": {"page": {"url": "https://u:p@x/?token=hush"}}}  # fmt: skip
    event = sent(site(), page)
    assert event.properties["category"] == "Docs"
    assert event.properties["search"] == "?token=redacted&a=1"
    assert "hush" not in repr(event)
    assert "u:p" not in repr(event)


def test_an_address_without_a_host_keeps_no_secret_either() -> None:
    said_of_page = {"url": "/a?token=hush", "path": "/a?token=hush", "referrer": "//x/?token=hush",
                    "title": "Why? token=1"}  # fmt: skip
    page = {"type": "page", "userId": "1", "properties": said_of_page,
            "context": {"page": said_of_page}}  # fmt: skip
    event = sent(site(), page)
    assert "hush" not in repr(event)
    assert event.properties["title"] == "Why? token=1"


def test_traits_are_found_where_rudderstacks_sdks_have_them() -> None:
    message = {"type": "identify", "userId": "1", "context": {"traits": {"plan": "pro", "x": 1}}}
    event = sent(site(traits=["plan"]), message)
    assert event.traits == {"plan": "pro"}
    assert "traits" not in event.context


@pytest.mark.parametrize(
    ("consent", "said_by_app", "kinds"),
    [
        ("opt_out", {"analytics": "denied"}, []),
        ("opt_out", {"categoryPreferences": {"Analytics": False}}, []),
        ("opt_out", {"categoryPreferences": {"Advertising": False}}, ["event"]),
        ("opt_in", {"categoryPreferences": {"analytics": True}}, ["event"]),
        ("opt_in", {"categoryPreferences": {"marketing": True}}, []),
    ],
)
def test_an_apps_own_word_on_consent_holds(consent: str, said_by_app: Any, kinds: Any) -> None:
    where = site(consent=consent)
    message = {**TRACK, "context": {"consent": said_by_app}}
    assert ask(where, "v1/b", {"batch": [message], "writeKey": "wk_ios"}).status == 200
    assert where.kinds() == kinds
    assert where.counted == ([] if kinds else [("consent", 1)])


def test_where_an_app_says_nothing_the_worker_decides_on_consent() -> None:
    where = site(consent="opt_in")
    sent(where, TRACK, key="wk_ios")
    assert where.entries[0].consent is None


def test_before_anybody_said_yes_a_dead_letter_holds_only_its_reason() -> None:
    where = site(consent="opt_in")
    ask(where, "v1/b", {"batch": [{**TRACK, "userId": None}], "writeKey": "wk_ios"})
    assert where.entries[0].raw in (None, "")
    assert where.entries[0].reason


def test_a_browser_is_its_cookies_visitor_whatever_it_says() -> None:
    where = site()
    browser = Browser(where)
    browser.open("/").signed_in("42")
    browser.close()
    where.entries.clear()
    context = {"session": {"id": "x"}, "consent": {"analytics": "granted"}, "bot": {"class": "x"},
               "page": {"id": "p", "url": "https://shop/"}}  # fmt: skip
    hostile = {**TRACK, "userId": "boss", "anonymousId": "somebody", "context": context}
    assert browser.post("v1/t", {**hostile, "writeKey": "wk_web"}).status == 200
    event = kept(where)
    assert browser.exchange is not None
    assert event.anonymous_id == browser.open("/").anonymous_id
    assert (event.user_id, event.context["claimedUserId"]) == ("42", "boss")
    assert event.context["session"]["id"] != "x"
    assert event.context["page"] == {"url": "https://shop/"}
    assert event.context["platform"] == "web"
    assert "bot" not in event.context


def test_a_browser_without_a_cookie_gets_one_visitor_for_what_it_calls_itself() -> None:
    where = site()
    first, again, elsewhere = Browser(where), Browser(where), Browser(where, user_agent="Other")
    for browser in (first, again, elsewhere):
        message = {**TRACK, "anonymousId": "same", "writeKey": "wk_web"}
        assert browser.post("v1/t", message).status == 200
        assert set(browser.cookies) == {"_tm_v", "_tm_s"}
    one, two, other = (entry.event.anonymous_id for entry in where.entries if entry.event)
    assert one == two != "same"
    assert other != one


def test_a_browser_joins_nobody() -> None:
    where = site()
    browser = Browser(where)
    join = {"userId": "boss", "previousId": "victim", "writeKey": "wk_web"}
    assert said(browser.post("v1/a", join))["refused"]
    assert where.kinds() == ["door"]
    where.entries.clear()
    browser.open("/").signed_in("boss")
    browser.close()
    where.entries.clear()
    assert said(browser.post("v1/a", join)) == {"success": True}
    assert kept(where).previous_id == kept(where).anonymous_id


def test_a_trusted_browser_signs_in_by_itself() -> None:
    browser = Browser(site(browser_identity="trusted"))
    browser.post("v1/i", {"userId": "42", "writeKey": "wk_web"})
    assert browser.open("/").user_id == "42"


@pytest.mark.parametrize("key", ["wk_web", "wk_ios", "wk_node"])
def test_no_page_of_another_host_speaks_with_any_key(key: str) -> None:
    where = site()
    message = {**TRACK, "writeKey": key}
    reply = ask(where, "v1/t", message, sec_fetch_site="cross-site", origin="https://evil.example")
    assert reply.status == 403
    assert where.kinds() == ["door"]
    assert not [name for name, _ in reply.headers if name.startswith("Access-Control")]


def test_a_linked_domains_page_may_speak_and_read_the_answer() -> None:
    where = site(linked_domains=["linked.example"])
    origin = {"sec_fetch_site": "cross-site", "origin": "https://linked.example"}
    preflight = dict(ask(where, "v1/t", method="OPTIONS", **origin).headers)
    assert "authorization" in preflight["Access-Control-Allow-Headers"]
    assert preflight["Access-Control-Allow-Origin"] == "https://linked.example"
    reply = ask(where, "v1/t", {**TRACK, "writeKey": "wk_web"}, **origin)
    assert (reply.status, dict(reply.headers)["Vary"]) == (200, "Origin")


def test_a_browser_that_refused_leaves_nothing() -> None:
    where = site(respect_gpc="all")
    browser = Browser(where, sec_gpc="1")
    assert browser.post("v1/t", {**TRACK, "writeKey": "wk_web"}).status == 200
    assert (where.entries, browser.cookies) == ([], {})
    assert where.counted == [("consent", 1)]


@pytest.mark.parametrize(
    ("consent", "said_itself", "kept_as"),
    [
        ("opt_out", {"analytics": False, "marketing": True}, None),
        ("opt_out", {"analytics": True, "marketing": False}, ("granted", "denied")),
        ("opt_out", {"analytics": True}, ("granted", "granted")),
        ("opt_in", {"analytics": True, "marketing": True}, None),
    ],
)
def test_a_browsers_message_may_refuse_by_itself_and_never_permit(
    consent: str, said_itself: dict[str, bool], kept_as: tuple[str, str] | None
) -> None:
    where = site(consent=consent)
    browser = Browser(where)
    context = {"consent": {"categoryPreferences": said_itself}}
    browser.post("v1/t", {**TRACK, "context": context, "writeKey": "wk_web"})
    if kept_as is None:
        assert (where.entries, browser.cookies) == ([], {})
        assert where.counted == [("consent", 1)]
    else:
        expected = dict(zip(("analytics", "marketing"), kept_as, strict=True))
        assert where.entries[0].consent == kept(where).context["consent"] == expected


def test_a_fleet_behind_one_address_is_not_cut_short_and_a_browser_is() -> None:
    where = site()
    fleet = {ask(where, "v1/t", {**TRACK, "writeKey": "wk_ios"}).status for _ in range(900)}
    assert fleet == {200}
    browser = [ask(where, "v1/t", {**TRACK, "writeKey": "wk_web"}, peer="198.51.100.1")
               for _ in range(130)]  # fmt: skip
    assert {reply.status for reply in browser} == {200, 429}
    headers = dict(browser[-1].headers)
    assert headers["Retry-After"] == headers["X-RateLimit-Reset"]


def test_long_bodies_count_as_several_calls() -> None:
    where = site()
    body = gzip.compress(b'{"writeKey":"wk_ios","batch":[' + b" " * 490_000 + b"]}", mtime=0)
    statuses = [ask(where, "v1/b", body).status for _ in range(40)]
    assert set(statuses[:30]) == {200}
    assert statuses[-1] == 429
    assert ask(where, "v1/b", body, peer="198.51.100.1").status == 200


@pytest.mark.parametrize("around", ["", "x" * 1_500])
def test_many_small_messages_count_as_several_calls(around: str) -> None:
    where = site()
    content = {"writeKey": "wk_ios", "context": {"a": around}, "batch": [TRACK] * 2_500}
    where.full = True
    statuses = [ask(where, "v1/b", content).body.count(b'"rate"') for _ in range(10)]
    assert statuses[0] == 0
    assert statuses[-1] > 0


def test_a_full_spool_asks_an_sdk_to_come_again() -> None:
    where = site()
    where.full = True
    reply = ask(where, "v1/t", {**TRACK, "writeKey": "wk_ios"})
    assert (reply.status, dict(reply.headers)["Retry-After"]) == (429, "30")


def test_settings_are_given_for_known_keys_only() -> None:
    where = site()
    reply = ask(where, "v1/projects/wk_ios/settings", method="GET")
    content = said(reply)
    assert content["integrations"]["Segment.io"]["apiKey"] == "wk_ios"
    assert content["metrics"] == {"sampleRate": 0}
    assert all(isinstance(content[name], dict) for name in ("plan", "edgeFunction"))
    assert ask(where, "v1/projects/other/settings", method="GET").status == 404
    rudder = ask(where, "v1/sourceConfig/", method="GET", query="writeKey=wk_web")
    assert said(rudder)["source"]["enabled"] is True
    assert ask(where, "v1/sourceConfig", method="GET").status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "v1/t", 405), ("PUT", "v1/t", 405), ("POST", "v1/x", 404), ("POST", "v1/", 404),
     ("GET", "v1/projects/wk_ios", 404), ("HEAD", "v1/projects/wk_ios/settings", 200)],
)  # fmt: skip
def test_the_rest_says_what_is_wrong(method: str, path: str, status: int) -> None:
    assert ask(site(), path, TRACK, method).status == status


def test_an_sdks_figures_on_itself_are_answered_and_dropped() -> None:
    where = site()
    reply = ask(where, "v1/m", b'{"series":[{"type":"Counter"}]}')
    assert (reply.status, where.entries) == (200, [])


@pytest.mark.parametrize(
    "keys", [{"k": "windows"}, {"": "ios"}, {"a:b": "ios"}, {"server": "ios"}, {"k": 1}]
)
def test_a_write_key_that_cannot_be_used_is_told_at_start(keys: Any) -> None:
    with pytest.raises(SettingsError, match="write_keys"):
        load({"write_keys": keys}, {})
