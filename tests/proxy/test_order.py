"""What is asked of a vendor: an allow-list of paths, methods, headers; names hidden and found."""

from __future__ import annotations

import pytest

from tests.tracking.site import requested
from track_middleware.errors import SettingsError
from track_middleware.http import Errand, Reply
from track_middleware.proxy import slots
from track_middleware.proxy.order import Order, Proxied
from track_middleware.tracking.relay import Ask

BROWSER = {
    "user-agent": "Mozilla/5.0", "accept": "*/*", "accept-encoding": "gzip, br",
    "accept-language": "de", "content-type": "text/plain", "content-length": "2",
    "cookie": "sessionid=s3cret", "authorization": "Bearer s3cret", "referer": "http://h/?token=1",
    "origin": "http://h", "x-forwarded-for": "6.6.6.6", "x-csrftoken": "s3cret", "host": "h",
}  # fmt: skip


def behind(proxy: str, key: str = "key") -> Proxied:
    (there,) = slots.proxied([proxy], key)
    return there


def asked(
    proxy: str | Proxied, path: str, *, method: str = "POST", query: str = "",
    address: str | None = "1.2.3.0", **more: str,
) -> Reply | Errand:  # fmt: skip
    there = behind(proxy) if isinstance(proxy, str) else proxy
    sent = {**BROWSER, **{name.replace("_", "-"): value for name, value in more.items()}}
    request = requested(method, f"/p/s/{path}", sent, query=query, host="h", scheme="https")
    return there.asked(Ask(request, path, "/p/s", address))


def order(*given: object, **more: object) -> Order:
    errand = asked(*given, **more)  # type: ignore[arg-type]
    assert isinstance(errand, Errand)
    assert isinstance(errand.order, Order)
    return errand.order


def status(*given: object, **more: object) -> int:
    reply = asked(*given, **more)  # type: ignore[arg-type]
    assert isinstance(reply, Reply)
    return reply.status


def test_only_listed_headers_leave_and_the_address_as_the_vendor_documents_it() -> None:
    assert dict(order("mixpanel", "track/").headers) == {
        "accept": "*/*",
        "accept-encoding": "gzip, br",
        "accept-language": "de",
        "content-type": "text/plain",
        "user-agent": "Mozilla/5.0",
        "X-Forwarded-For": "1.2.3.0",
        "X-Real-IP": "1.2.3.0",
    }


def test_an_address_that_is_not_kept_does_not_leave() -> None:
    names = {name.lower() for name, _ in order("mixpanel", "track/", address=None).headers}
    assert not names & {"x-forwarded-for", "x-real-ip"}


def test_a_script_is_asked_for_as_nobody_in_particular() -> None:
    made = order("posthog", "static/array.js", method="GET", query="v=1.449.2&_=17&t=x")
    assert dict(made.headers) == {
        "accept": "*/*", "accept-encoding": "gzip", "user-agent": "Mozilla/5.0",
    }  # fmt: skip
    assert made.url == "https://us-assets.i.posthog.com/static/array.js?v=1.449.2"


@pytest.mark.parametrize(
    ("proxy", "path", "url"),
    [
        ("posthog", "e/", "https://us.i.posthog.com/e/"),
        ("posthog://?region=eu", "i/v0/e/", "https://eu.i.posthog.com/i/v0/e/"),
        ("posthog://?endpoint=https://ph.example", "flags/", "https://ph.example/flags/"),
        ("mixpanel://?endpoint=https://api-eu.mixpanel.com", "track/",
         "https://api-eu.mixpanel.com/track/"),
        ("amplitude://?region=eu", "2/httpapi", "https://api.eu.amplitude.com/2/httpapi"),
        ("segment", "v1/t", "https://api.segment.io/v1/t"),
        ("plausible", "api/event", "https://plausible.io/api/event"),
        ("heap", "h", "https://heapanalytics.com/h"),
    ],
)  # fmt: skip
def test_calls_go_to_the_vendors_own_host_or_the_one_that_is_set(
    proxy: str, path: str, url: str
) -> None:
    assert order(proxy, path).url == url


@pytest.mark.parametrize("vendor", ["amplitude", "heap", "mixpanel", "plausible", "posthog"])
@pytest.mark.parametrize(
    "path",
    ["", "/", "..", "../e/", "static/../e/", "e/../../x", "api/projects", "project/1", "admin/",
     "//evil.example/x.js", "@evil.example/", "e/\n", "e/\r\nHost: evil", "static/a.js/x",
     "static/ä.js", "http://evil.example/a.js", "decide/x", "static/..%2f..%2fe"],
)  # fmt: skip
def test_any_other_path_is_refused(vendor: str, path: str) -> None:
    assert status(vendor, path, method="GET") == 404


@pytest.mark.parametrize(
    "path", ["static/../array.js", "static/./array.js", "static/../../static/array.js"]
)
def test_no_path_leads_off_the_list_by_its_dots(path: str) -> None:
    assert order("posthog", "static/1.2.3/array.js", method="GET")
    assert status("posthog", path, method="GET") == 404


def test_a_slot_takes_its_methods_alone() -> None:
    assert status("mixpanel", "libs/mixpanel-2-latest.min.js", method="POST") == 405
    assert status("mixpanel", "track/", method="DELETE") == 405
    assert status("segment", "v1/t", method="GET") == 405


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes() -> None:
    assert status("mixpanel", "track/", content_length=str(2**21 + 1)) == 413
    assert order("mixpanel", "track/", content_length=str(2**21)).length == 2**21
    assert order("mixpanel", "track/", content_length="").length is None
    assert order("mixpanel", "track/", content_length="²").length is None


def test_a_query_goes_along_as_it_was_sent_and_a_hostile_one_is_refused() -> None:
    assert order("mixpanel", "track/", query="verbose=1&ip=1").url.endswith("?verbose=1&ip=1")
    assert status("mixpanel", "track/", query="a=1\r\nHost: evil") == 400
    assert status("mixpanel", "track/", query="a" * 9000) == 400


def test_a_hidden_name_is_the_vendors_again_on_the_way_up() -> None:
    there = behind("mixpanel")
    hidden = there.names.neutral("track/")
    assert "track" not in hidden
    assert order(there, hidden, query="verbose=1").url == (
        "https://api-js.mixpanel.com/track/?verbose=1"
    )
    assert "mixpanel" not in there.script
    assert order(there, there.script, method="GET").url == (
        "https://cdn.mxpnl.com/libs/mixpanel-2-latest.min.js"
    )


def rewritten(proxy: str, script: str) -> str:
    names = behind(proxy).names
    given = names.rewritten(script.encode(), base="/p/s", scheme="https", host="h:8000")
    return given.decode()


def test_a_scripts_addresses_and_hidden_names_lead_here() -> None:
    token = behind("mixpanel").names.tokens
    text = 'a={track:"track/"},b="https://api-js.mixpanel.com",c="https://cdn.mxpnl.com/libs/"'
    assert rewritten("mixpanel", text) == (
        f'a={{track:"{token["track/"]}"}},b="/p/s",c="/p/s/libs/"'
    )


def test_what_only_looks_like_a_name_stays() -> None:
    text = 'x="a track/ b";lazy-recorder;y="my-lazy-recorder"'
    assert rewritten("posthog", text) == text


def test_a_script_that_wants_a_host_is_told_the_pages_own() -> None:
    settings = '{"Segment.io":{"apiHost":"api.segment.io/v1"}}'
    assert rewritten("segment", settings) == (
        '{"Segment.io":{"protocol":"https","apiHost":"h:8000/p/s/v1"}}'
    )


def test_names_hang_on_key_and_vendor_alone() -> None:
    assert behind("posthog").names.slot == behind("posthog://?region=eu").names.slot
    assert behind("posthog").names.slot != behind("posthog", "other").names.slot
    assert behind("posthog").names.slot != behind("posthog://?name=second").names.slot


@pytest.mark.parametrize(
    ("proxies", "word"),
    [
        (["posthig"], "amplitude, heap, mixpanel, plausible, posthog, segment"),
        (["gtag"], "ga4"),
        (["posthog", "posthog"], "twice"),
        (["posthog://KEY"], "no keys here"),
        (["posthog://?regin=eu"], "'regin'"),
        (["posthog://?region=mars"], "us, eu"),
        (["posthog://?purpose=fun"], "analytics or marketing"),
        (["posthog://?endpoint=ftp://x"], "https://host"),
        (["posthog://?endpoint=https://u:p@x"], "https://host"),
        (["posthog://?endpoint=https://x:99999"], "https://host"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(proxies: list[str], word: str) -> None:
    (problem,) = slots.problems(proxies)
    assert word in str(problem)
    with pytest.raises(SettingsError, match="proxies"):
        list(slots.proxied(proxies, "key"))
