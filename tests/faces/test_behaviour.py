"""One behaviour suite, run against every face."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.faces.apps import NAVIGATION, ORDER_ROUTES, Answer, Site
from tests.faces.pages import HOME, PAGES
from track_middleware.errors import SettingsError
from track_middleware.event import Entry, Event, decode_event, encode_event

Make = Callable[..., Site]
Kept = list[Entry]

SCRIPT = b"/m.js"
FETCH = {"Accept": "*/*", "Sec-Fetch-Dest": "empty"}


def events(kept: Kept) -> list[Event]:
    return [entry.event for entry in kept if entry.event is not None]


def labels(kept: Kept) -> list[str]:
    return [event.label for event in events(kept)]


def context(event: Event) -> dict[str, object]:
    found: dict[str, object] = decode_event(encode_event(event)).context
    return found


def prefix(answer: Answer) -> str:
    """Our own path, as the page's tag names it."""
    return answer.body.split(b'<script src="')[1].split(b"/m.js")[0].decode()


def token(answer: Answer) -> str:
    return answer.body.split(b'content="')[1].split(b'"')[0].decode()


# Page views and visitors.


def test_a_page_view_is_counted_once_with_visitor_session_and_campaign(
    site: Site, kept: Kept
) -> None:
    site.ask("/?utm_source=news&gclid=abc")
    (entry,) = kept
    assert entry.kind == "view"
    assert entry.event is not None
    assert entry.person is not None
    assert entry.event.anonymous_id == entry.person.visitor
    assert entry.person.session
    assert context(entry.event)["campaign"] == {"source": "news", "gclid": "abc"}


def test_the_second_request_is_the_same_visitor_in_the_same_session(site: Site, kept: Kept) -> None:
    site.ask("/")
    site.ask("/order")
    assert len({entry.person.visitor for entry in kept if entry.person}) == 1
    assert len({entry.person.session for entry in kept if entry.person}) == 1


def test_a_browser_that_lost_its_cookies_is_another_visitor(site: Site, kept: Kept) -> None:
    site.ask("/")
    site.forget()
    site.ask("/")
    assert len({event.anonymous_id for event in events(kept)}) == 2


def test_cookies_are_ours_alone_and_out_of_scripts_reach(site: Site) -> None:
    lines = site.ask("/").cookies
    assert [line.strip().split("=")[0] for line in lines] == ["_tm_v", "_tm_s"]
    for line in lines:
        attributes = {part.strip().lower() for part in line.split(";")[1:]}
        assert attributes == {"httponly", "max-age=31536000", "path=/", "samesite=lax"}


def test_a_returning_visitor_gets_no_cookie_again(site: Site) -> None:
    site.ask("/")
    assert site.ask("/").cookies == []


def test_the_apps_own_cookie_stays_beside_ours(site: Site) -> None:
    names = [line.strip().split("=")[0] for line in site.ask("/own-cookie").cookies]
    assert sorted(names) == ["_tm_s", "_tm_v", "mine"]


def test_an_api_client_gets_no_cookie_and_makes_no_page_view(site: Site, kept: Kept) -> None:
    answer = site.ask("/json", headers={"Accept": "application/json"})
    assert answer.cookies == []
    assert answer.body == b'{"a":1}'
    assert kept == []


def test_the_route_template_is_recorded(face: str, site: Site, kept: Kept) -> None:
    site.ask("/orders/7/")
    (event,) = events(kept)
    page = context(event)["page"]
    assert isinstance(page, dict)
    assert (page["path"], page.get("route")) == ("/orders/7/", ORDER_ROUTES.get(face))


def test_a_verb_in_a_view_comes_with_visitor_and_its_own_id(site: Site, kept: Kept) -> None:
    site.ask("/order")
    order, page = events(kept)
    assert (order.label, order.message_id) == ("Order Completed", "order-1001")
    assert order.anonymous_id == page.anonymous_id


def test_a_form_is_a_request_and_no_page_view(site: Site, kept: Kept) -> None:
    site.ask("/")
    kept.clear()
    answer = site.ask("/form", method="POST", body=b"a=1")
    assert answer.status == 200
    assert labels(kept) == ["Request"]
    assert events(kept)[0].properties["method"] == "POST"


def test_an_error_page_is_tagged_and_recorded_and_no_page_view(site: Site, kept: Kept) -> None:
    answer = site.ask("/error")
    assert (answer.status, answer.body.count(SCRIPT)) == (500, 1)
    assert labels(kept) == ["Request"]
    assert [entry.kind for entry in kept] == ["mark", "event"]


def test_a_campaign_survives_a_redirect(site: Site, kept: Kept) -> None:
    answer = site.ask("/redirect?utm_source=mail")
    assert (answer.status, answer.header("Location")) == (302, "/")
    site.ask("/")
    (event,) = events(kept)
    assert context(event)["campaign"] == {"source": "mail"}


def test_the_apps_exception_goes_on_its_way_and_closes_as_500(site: Site, kept: Kept) -> None:
    try:
        status = site.ask("/raises").status  # Django answers by itself
    except ValueError as error:
        status = 500 if str(error) == "the app's own error" else 0
    assert status == 500
    assert [event.properties["status"] for event in events(kept)] == [500]


def test_a_prefetched_page_is_tagged_and_not_counted(site: Site, kept: Kept) -> None:
    site.ask("/")
    kept.clear()
    answer = site.ask("/", headers={**NAVIGATION, "Sec-Purpose": "prefetch"})
    assert answer.body.count(SCRIPT) == 1
    assert answer.cookies == []
    assert [entry.kind for entry in kept] == ["mark"]


def test_gpc_denies_marketing_and_all_when_the_site_says_so(make: Make, kept: Kept) -> None:
    objecting = {**NAVIGATION, "Sec-GPC": "1"}
    make().ask("/", headers=objecting)
    assert kept[0].consent == {"analytics": "granted", "marketing": "denied"}
    kept.clear()
    answer = make(respect_gpc="all").ask("/", headers=objecting)
    assert (answer.cookies, kept) == ([], [])
    assert b"track-page" not in answer.body


def test_before_consent_the_page_has_the_constant_tag_and_nothing_else(
    make: Make, kept: Kept
) -> None:
    answer = make(consent="opt_in").ask("/")
    assert (answer.cookies, kept) == ([], [])
    assert answer.header("Cache-Control") == ""
    assert b"track-page" not in answer.body
    assert answer.body.count(SCRIPT) == 1


def test_switched_off_nothing_is_tracked_tagged_or_answered(make: Make, kept: Kept) -> None:
    answer = make(enabled=False).ask("/order")
    assert (answer.status, answer.body, answer.cookies) == (200, HOME, [])
    assert events(kept) == [] or labels(kept) == []


# The tag.


@pytest.mark.parametrize("path", ["/", "/upper", "/etag", "/csp", "/placed", "/stream"])
def test_a_document_is_tagged_once_and_its_length_is_right(site: Site, path: str) -> None:
    answer = site.ask(path)
    assert answer.body.count(SCRIPT) == 1
    assert answer.header("Content-Length") in ("", str(len(answer.body)))


def test_the_tag_stands_before_the_heads_end(site: Site) -> None:
    assert b"defer></script></head>" in site.ask("/").body


def test_the_template_tag_chooses_the_place(make: Make) -> None:
    assert b'<body><meta name="track-page"' in make(inject=False).ask("/placed").body
    assert make(inject=False).ask("/").body == HOME


def test_utf_16_is_tagged_in_utf_16(site: Site) -> None:
    answer = site.ask("/utf-16")
    assert answer.body.decode("utf-16").count("/m.js") == 1


@pytest.mark.parametrize("path", ["/headless", "/packed", "/digest", "/download", "/json"])
def test_what_cannot_be_tagged_passes_byte_for_byte(site: Site, path: str) -> None:
    answer = site.ask(path)
    assert answer.body == PAGES[path].body
    assert answer.header("Content-Length") == str(len(PAGES[path].body))


def test_a_strong_etag_becomes_weak_with_the_tag_only(make: Make) -> None:
    assert make().ask("/etag").header("ETag") == 'W/"v1"'
    assert make(inject=False).ask("/etag").header("ETag") == '"v1"'


def test_the_nonce_of_the_responses_own_policy_is_on_the_script(site: Site) -> None:
    assert b'defer nonce="r4nd0m"></script>' in site.ask("/csp").body


def test_a_head_request_passes_untouched(site: Site) -> None:
    answer = site.ask("/json", method="HEAD")
    assert answer.cookies == []
    assert answer.header("Cache-Control") == ""


def test_a_response_with_our_cookie_is_private(site: Site) -> None:
    assert site.ask("/").header("Cache-Control") == "private"


# What a shared cache may store.


def test_a_shareable_response_is_the_same_bytes_for_everybody(site: Site, kept: Kept) -> None:
    first = site.ask("/shared")
    site.ask("/")
    others = [
        site.ask("/shared"),
        site.ask("/shared?utm_source=x"),
        site.ask("/shared", headers={**NAVIGATION, "Sec-GPC": "1"}),
        site.ask("/shared", headers={**NAVIGATION, "Sec-Purpose": "prefetch"}),
        site.ask("/shared", headers={**NAVIGATION, "Cookie": "_tm_c=broken; _tm_v=broken"}),
    ]
    for other in others:
        assert (other.body, other.cookies) == (first.body, [])
        assert sorted(other.lines) == sorted(first.lines)
    assert token(first) == "shared"
    assert first.header("Vary") == ""
    assert first.header("Cache-Control") == "public, max-age=60"
    assert "view" not in [entry.kind for entry in kept if entry.url == "/shared"]


def test_a_listed_path_is_shareable_whatever_its_headers_say(make: Make, kept: Kept) -> None:
    answer = make(shared=["/"]).ask("/")
    assert (token(answer), answer.cookies) == ("shared", [])
    assert [entry.kind for entry in kept] == ["served"]


# Streams.


def test_verbs_in_a_streamed_body_belong_to_its_request(site: Site, kept: Kept) -> None:
    answer = site.ask("/stream")
    assert answer.status == 200
    assert labels(kept) == ["Chunk Sent"] * 4 + ["Page"]
    assert len({event.anonymous_id for event in events(kept)}) == 1


# Our own paths.


def test_the_script_is_served_and_the_app_never_asked(site: Site, kept: Kept) -> None:
    start = prefix(site.ask("/"))
    kept.clear()
    answer = site.ask(f"{start}/m.js", headers={})
    assert (answer.status, answer.header("Content-Length")) == (200, str(len(answer.body)))
    assert answer.header("Content-Type").startswith("text/javascript")
    assert kept == []


def beacon(page: Answer) -> bytes:
    message = {
        "id": "1", "type": "view", "load": "0" * 32, "token": token(page), "at": 1,
        "url": "http://localhost/",
    }  # fmt: skip
    return json.dumps({"v": 1, "sent": 1, "events": [message]}).encode()


SAME = {"Content-Type": "text/plain", "Sec-Fetch-Site": "same-origin"}


def test_a_beacon_confirms_the_page_for_its_visitor(site: Site, kept: Kept) -> None:
    page = site.ask("/")
    answer = site.ask(f"{prefix(page)}/q", method="POST", headers=SAME, body=beacon(page))
    assert (answer.status, json.loads(answer.body)) == (200, {"ok": 1})
    view, confirmation = kept
    assert confirmation.kind == "confirm"
    assert view.page is not None
    assert confirmation.page is not None
    assert view.page.id == confirmation.page.id


def test_a_beacon_that_is_too_large_is_refused_and_not_read_to_its_end(site: Site) -> None:
    start = prefix(site.ask("/"))
    answer = site.ask(f"{start}/q", method="POST", headers=SAME, body=b"x" * 200_000)
    assert (answer.status, json.loads(answer.body)) == (413, {"error": "the body is too large"})


def test_a_consent_choice_sets_its_cookie_and_is_kept(site: Site, kept: Kept) -> None:
    start = prefix(site.ask("/"))
    answer = site.ask(
        f"{start}/c", method="POST", headers=SAME, body=b'{"analytics":false,"marketing":false}'
    )
    assert json.loads(answer.body)["consent"]["analytics"] == "denied"
    gone = sorted(line.split("=")[0].strip() for line in answer.cookies if "Max-Age=0" in line)
    assert gone == ["_tm_s", "_tm_v"]
    kept.clear()
    assert b"track-page" not in site.ask("/").body
    assert kept == []


# Bad input.


@pytest.mark.parametrize(
    "cookie",
    [
        "_tm_v=",
        "_tm_v=AAAA.BBBB; _tm_s=....; _tm_c==",
        "_tm_v=" + "x" * 5000,
        '_tm_v="unclosed; =; ;;;',
        "_tm_v=\xff\xfe; _tm_c=\xe9",
    ],
)
def test_a_broken_cookie_is_a_new_visitor_and_changes_nothing_else(
    site: Site, kept: Kept, cookie: str
) -> None:
    answer = site.ask("/headless", headers={**NAVIGATION, "Cookie": cookie})
    assert (answer.status, answer.body) == (200, PAGES["/headless"].body)
    assert len([entry for entry in kept if entry.kind == "door"]) == 0


def test_a_very_long_query_is_kept_within_limits(site: Site, kept: Kept) -> None:
    answer = site.ask("/?utm_source=" + "a" * 60_000)
    assert answer.status == 200
    assert sum(map(len, answer.cookies)) < 4000
    assert labels(kept) == ["Page"]


def test_an_unknown_setting_is_an_error_that_names_the_nearest(make: Make) -> None:
    with pytest.raises(SettingsError, match="did you mean 'destinations'"):
        make(destination=[]).ask("/")
