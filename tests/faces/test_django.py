"""What is Django's own: users, transactions, sessions, checks, the template tag, order."""

from __future__ import annotations

import asyncio
import copy
import pickle
import unittest
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import alogin, get_user_model, login, logout
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.template import Context, Template, engines
from django.template.response import SimpleTemplateResponse
from django.test import RequestFactory, TestCase
from django.urls import ResolverMatch, include, path, re_path

from tests.faces import django_site, django_urls
from tests.faces.apps import NAVIGATION, SECRET, ASGISite, Site, WSGISite
from tests.faces.pages import HOME
from track_middleware import track
from track_middleware.django import TrackMiddleware, checks, cookies, person
from track_middleware.errors import SettingsError
from track_middleware.event import Entry
from track_middleware.http import Cookie, terms

Kept = list[Entry]

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def database() -> Iterator[None]:
    from django.db import connections

    call_command("migrate", verbosity=0)
    yield
    connections.close_all()


@pytest.fixture
def user() -> Any:
    found, _ = get_user_model().objects.get_or_create(username="ann")
    return found


def given(data_dir: Path, **more: Any) -> dict[str, Any]:
    return {"data_dir": str(data_dir), "deliver": "worker", "secret_key": SECRET, **more}


@pytest.fixture
def served(data_dir: Path) -> Iterator[Callable[..., Site]]:
    """Serves one view at every path, sync or async."""
    before = list(django_urls.urlpatterns)

    def serve(view: Any, *, is_async: bool = False, track: Any = None, **more: Any) -> Site:
        from django.urls import clear_url_caches

        django_urls.urlpatterns[:] = [path("<path:rest>", view), path("", view)]
        clear_url_caches()
        chosen = track or given(data_dir)
        if is_async:
            return ASGISite(django_site.asgi(chosen, **more))
        return WSGISite(django_site.wsgi(chosen, **more))

    yield serve
    django_urls.urlpatterns[:] = before


def users(kept: Kept, label: str) -> list[str | None]:
    return [entry.event.user_id for entry in kept if entry.event and entry.event.label == label]


def labels(kept: Kept) -> list[str]:
    return [entry.event.label for entry in kept if entry.event]


# Users.


def test_the_request_carries_its_exchange(served: Callable[..., Site]) -> None:
    seen: list[Any] = []

    def view(request: Any, **_path: str) -> HttpResponse:
        seen.append(request.track.anonymous_id)
        return HttpResponse(HOME)

    served(view).ask("/")
    assert len(seen[0]) == 36


def test_a_page_is_settled_in_one_step(served: Callable[..., Site], kept: Kept) -> None:
    seen: list[Any] = []

    def view(request: Any, **_path: str) -> HttpResponse:
        seen.append(request.track)
        return HttpResponse(HOME)

    answer = served(view).ask("/")
    assert seen[0].usual is not None, "the exchange's parts were made for nobody"
    assert b"m.js" in answer.body
    assert [entry.kind for entry in kept] == ["view"]


@pytest.mark.parametrize("kind", [HttpResponse, type("Own", (HttpResponse,), {})])
def test_a_page_that_was_measured_and_read_is_measured_and_read_anew(kind: Any) -> None:
    response = kind(HOME, headers={"Content-Length": len(HOME), "ETag": '"v1"'})
    assert "m.js" not in response.text
    response, opened = answered(response)
    assert opened.usual is not None, "the exchange's parts were made for nobody"
    assert "m.js" in response.text
    assert response.content == response.text.encode()
    assert response["Content-Length"] == str(len(response.content))
    assert response["ETag"] == 'W/"v1"'
    assert response["cache-control"] == "private"


def test_our_cookies_show_like_any_other() -> None:
    response, _ = answered(HttpResponse(HOME), secure=True)
    for name, line in response.cookies.items():
        other: Any = SimpleCookie(line.OutputString())[name]
        assert (line.key, line.value, line.coded_value) == (name, other.value, other.coded_value)
        assert {key: str(said) for key, said in line.items()} == dict(other, **flags(other))
        assert line.output(header="") == f" {line.OutputString()}"
        assert "; Secure" in line.OutputString()
    assert list(response.cookies) == ["_tm_v", "_tm_s"]


def said(response: HttpResponse) -> list[set[str]]:
    """What the Set-Cookie lines say, which a server gets as Django puts them out."""
    lines = [line.output(header="") for line in response.cookies.values()]
    return [{word.strip() for word in line.split(";")} for line in lines]


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda response: pickle.loads(pickle.dumps(response))]
)
def test_a_copied_response_sets_our_cookies(copied: Callable[[Any], Any]) -> None:
    response, _ = answered(HttpResponse(HOME), secure=True)
    assert all("SameSite=Lax" in words for words in said(response))
    assert said(copied(response)) == said(response)


@pytest.mark.parametrize(
    "harden",
    [
        lambda cookie: cookie.__setitem__("samesite", "Strict"),
        lambda cookie: cookie.update({"samesite": "Strict"}),
    ],
)
def test_who_hardens_every_cookie_hardens_ours(harden: Callable[[Any], Any]) -> None:
    response, _ = answered(HttpResponse(HOME))
    before = said(response)
    for cookie in response.cookies.values():
        harden(cookie)
    assert said(response) == [{*words, "SameSite=Strict"} - {"SameSite=Lax"} for words in before]


@pytest.mark.parametrize(
    "soften",
    [
        lambda cookie: cookie.__delitem__("max-age"),
        lambda cookie: cookie.pop("max-age"),
        lambda cookie: cookie.__ior__({"max-age": ""}),
        lambda cookie: cookie.clear(),
    ],
)
def test_who_makes_every_cookie_the_sessions_makes_ours_so(soften: Callable[[Any], Any]) -> None:
    response, _ = answered(HttpResponse(HOME))
    for cookie in response.cookies.values():
        soften(cookie)
    assert not [word for words in said(response) for word in words if word.startswith("Max-Age")]


@pytest.mark.parametrize(
    "give",
    [
        lambda given: given,
        copy.copy,
        lambda given: HttpResponseRedirect("/there"),
        lambda given: JsonResponse({}),
    ],
)
def test_one_response_for_everybody_gives_nobody_what_another_was_given(
    give: Callable[[HttpResponse], HttpResponse],
) -> None:
    one = give(HttpResponse(HOME))
    before = one.serialize()
    sent = [answered(give(one) if one.status_code == 200 else one)[0] for _ in range(3)]
    assert one.serialize() == before
    assert not one.cookies
    visitors = {response.cookies["_tm_v"].value for response in sent}
    assert len(visitors) == 3
    assert [len(response.cookies) for response in sent] == [2, 2, 2]
    pages = [response.content.count(b"track-page") for response in sent]
    assert pages == [before.count(b"<head>")] * 3


def test_what_another_middleware_has_yet_to_render_gets_its_tag() -> None:
    one = SimpleTemplateResponse(engines["django"].from_string(HOME.decode()))
    sent, _ = answered(one)
    assert not sent.is_rendered
    assert sent.render().content.count(b"track-page") == 1
    assert b"track-page" not in one.render().content
    assert "_tm_v" in sent.cookies


def test_a_match_without_a_route_loses_no_page(kept: Kept) -> None:
    def match(request: Any) -> HttpResponse:
        request.resolver_match = ResolverMatch(match, (), {})
        return HttpResponse(HOME)

    request = RequestFactory().get("/", headers=NAVIGATION)
    sent: Any = TrackMiddleware(match)(request)
    assert b"track-page" in sent.content
    assert [entry.kind for entry in kept] == ["view"]


@pytest.mark.parametrize("is_usual", [True, False])
def test_a_page_that_takes_no_content_sets_its_visitors_cookie(is_usual: bool) -> None:
    class Fixed(HttpResponse):
        content = property(lambda self: HOME)  # type: ignore[assignment]

        def __init__(self) -> None:
            HttpResponseBase.__init__(self, content_type="text/html")

    def view(request: Any) -> HttpResponse:
        assert is_usual or request.track.page_id  # asked for more, it takes the way of all others
        return Fixed()

    sent: Any = TrackMiddleware(view)(RequestFactory().get("/", headers=NAVIGATION))
    assert sent.content == HOME
    assert {"_tm_v", "_tm_s"} <= sent.cookies.keys()


def test_any_middleware_may_set_every_cookie_anew_where_ours_end_twice() -> None:
    response = HttpResponse(HOME)
    ends = (terms(0, True, domain) for domain in ("shop.example", None))
    cookies.add(response, tuple(Cookie("_tm_v", "", each) for each in ends))
    assert sorted("Domain=shop.example" in words for words in said(response)) == [False, True]
    for name in list(response.cookies):
        response.set_cookie(name, "signed anew")
    assert len(response.cookies) == 2


def test_who_deletes_our_cookie_before_it_is_sent_deletes_it() -> None:
    response, _ = answered(HttpResponse(HOME))
    response.delete_cookie("_tm_v")
    visitor, session = said(response)
    assert {'_tm_v=""', "Max-Age=0"} <= visitor
    assert "Max-Age=0" not in session


def flags(morsel: Any) -> dict[str, str]:
    return {name: str(morsel[name]) for name in ("secure", "httponly")}


def answered(response: Any, **more: Any) -> tuple[Any, Any]:
    """What goes out for a page's request to which an app without other middleware answers so, and
    its exchange."""
    request = RequestFactory().get("/", headers=NAVIGATION, **more)
    sent = TrackMiddleware(lambda request: response)(request)
    return sent, request.track


@pytest.mark.parametrize("is_streamed", [False, True])
def test_an_error_of_ours_leaves_the_response_as_it_was(
    served: Callable[..., Site], data_dir: Path, caplog: pytest.LogCaptureFixture, is_streamed: bool
) -> None:
    seen: list[Any] = []

    def view(request: Any, **_path: str) -> Any:
        seen.append(request.track)
        return StreamingHttpResponse([HOME, HOME]) if is_streamed else HttpResponse(HOME)

    answer = served(view, track=given(data_dir, user_id=lambda request: 1 // 0)).ask("/")
    assert answer.body == (HOME * 2 if is_streamed else HOME)
    assert (answer.cookies, answer.header("Cache-Control")) == ([], "")
    assert seen[0].finished
    assert "tracking failed; the response is unchanged" in caplog.text


def test_whom_a_proxy_has_asked_for_is_told_where_django_believes_it(
    served: Callable[..., Site], kept: Kept
) -> None:
    told = {"X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https"}
    for believed in (True, False):
        site = served(
            lambda request, **_path: HttpResponse(HOME),
            USE_X_FORWARDED_HOST=believed,
            SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https") if believed else None,
        )
        answer = site.ask("/", headers={**NAVIGATION, **told})
        assert ["; Secure" in line for line in answer.cookies] == [believed] * 2
        site.forget()
    pages = [entry.event.context["page"]["url"] for entry in kept if entry.event]
    assert [url.startswith("https://shop.example/") for url in pages] == [True, False]


def test_a_page_never_loads_the_user_and_stays_without_vary(served: Callable[..., Site]) -> None:
    seen: list[HttpRequest] = []

    def view(request: HttpRequest, **_path: str) -> HttpResponse:
        seen.append(request)
        track("Something")
        return HttpResponse(HOME)

    answer = served(view).ask("/")
    assert answer.header("Vary") == ""
    assert person.seen(seen[0]) is None
    assert not seen[0].session.accessed


def test_signing_in_names_the_user_from_that_event_on(
    served: Callable[..., Site], user: Any, kept: Kept
) -> None:
    def view(request: HttpRequest, **_path: str) -> HttpResponse:
        track("Before")
        login(request, user)
        track("After")
        return HttpResponse(HOME)

    served(view).ask("/")
    assert labels(kept) == ["Before", "Identify", "After", "Page"]
    assert users(kept, "Before") == [None]
    assert users(kept, "After") == users(kept, "Page") == [str(user.pk)]


def test_signing_out_starts_a_new_visitor(
    served: Callable[..., Site], user: Any, kept: Kept
) -> None:
    def view(request: HttpRequest, rest: str = "") -> HttpResponse:
        login(request, user) if rest == "in" else logout(request)
        return HttpResponse(HOME)

    site = served(view)
    site.ask("/in")
    site.ask("/out")
    first, second = (entry.person for entry in kept if entry.kind == "view")
    assert first is not None
    assert second is not None
    assert first.visitor != second.visitor
    assert second.user is None


def test_a_user_that_the_app_has_loaded_is_looked_at(
    served: Callable[..., Site], user: Any, kept: Kept
) -> None:
    def view(request: Any, rest: str = "") -> HttpResponse:
        if rest == "in":
            login(request, user)
            request.track.reset()
        else:
            assert request.user.is_authenticated
        return HttpResponse(HOME)

    site = served(view)
    site.ask("/in")
    kept.clear()
    site.ask("/page")
    assert users(kept, "Page") == [str(user.pk)]


def test_async_sign_in_needs_no_database_of_ours(
    served: Callable[..., Site], user: Any, kept: Kept
) -> None:
    async def view(request: Any, rest: str = "") -> HttpResponse:
        if rest == "in":
            await alogin(request, user)
        else:
            await request.auser()
        track("Seen")
        return HttpResponse(HOME)

    site = served(view, is_async=True)
    assert site.ask("/in").status == 200
    assert site.ask("/page").status == 200
    assert users(kept, "Seen") == [str(user.pk)] * 2


def test_the_user_id_setting_is_asked_about_djangos_request(
    served: Callable[..., Site], data_dir: Path, kept: Kept
) -> None:
    wanted = given(data_dir, user_id=lambda request: request.GET.get("who"))
    site = served(lambda request, **_path: HttpResponse(HOME), track=wanted)
    for query in ("who=bob", "", "who="):  # bob, not known, nobody
        site.ask(f"/?{query}")
    assert users(kept, "Page") == ["bob", "bob", None]


# Transactions.


def stored(data_dir: Path) -> list[str]:
    from track_middleware.delivery import segments
    from track_middleware.event import decode_entry

    with segments.open_all(data_dir) as found:
        entries = [decode_entry(frame) for each in found for frame in each.read(0, 100).frames]
    return [entry.event.label for entry in entries if entry.event]


def test_an_event_of_a_transaction_is_kept_at_its_commit_and_not_before(
    served: Callable[..., Site], data_dir: Path
) -> None:
    seen: list[list[str]] = []

    def view(request: HttpRequest, **_path: str) -> HttpResponse:
        with transaction.atomic():
            assert track("Order Completed")
            seen.append(stored(data_dir))
        seen.append(stored(data_dir))
        return HttpResponse(HOME)

    served(view).ask("/")
    assert seen == [[], ["Order Completed"]]


def test_a_rollback_leaves_no_event(served: Callable[..., Site], data_dir: Path) -> None:
    def view(request: HttpRequest, **_path: str) -> HttpResponse:
        with suppress(LookupError), transaction.atomic():
            track("Order Completed")
            raise LookupError("no such product")
        return HttpResponse(HOME)

    served(view).ask("/")
    assert stored(data_dir) == ["Page"]


def test_a_choice_is_kept_though_the_apps_transaction_is_rolled_back(
    served: Callable[..., Site], data_dir: Path
) -> None:
    def view(request: Any, **_path: str) -> HttpResponse:
        with suppress(LookupError), transaction.atomic():
            request.track.set_consent({"analytics": False})
            raise LookupError("no such product")
        return HttpResponse(HOME)

    served(view).ask("/")
    assert stored(data_dir) == ["Consent Changed"]


def test_a_test_cases_own_block_does_not_hold_events_back(
    served: Callable[..., Site], data_dir: Path
) -> None:
    site = served(lambda request, **_path: HttpResponse(HOME))

    class InATest(TestCase):
        def runTest(self) -> None:  # noqa: N802  unittest's name
            site.ask("/")

    result = unittest.TestSuite([InATest()]).run(unittest.TestResult())
    assert result.wasSuccessful(), result.errors
    assert stored(data_dir) == ["Page"]


def test_a_verb_outside_a_request_finds_djangos_tracker(data_dir: Path, kept: Kept) -> None:
    django_site.wsgi(given(data_dir))
    assert track("Invoice Paid", user_id="42")
    assert users(kept, "Invoice Paid") == ["42"]


# The session's mirror.


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    "engine",
    ["django.contrib.sessions.backends.db", "django.contrib.sessions.backends.signed_cookies"],
)
def test_a_new_campaign_is_mirrored_into_a_session_that_is_there(
    served: Callable[..., Site], engine: str, is_async: bool
) -> None:
    def view(request: HttpRequest, rest: str = "") -> HttpResponse:
        if rest == "begin":
            request.session["mine"] = 1
        if rest == "read":
            return HttpResponse(str(dict(request.session)))
        return HttpResponse(HOME)

    site = served(view, is_async=is_async, SESSION_ENGINE=engine)
    no_session = site.ask("/?utm_source=a")
    assert "sessionid" not in str(no_session.cookies)
    assert no_session.header("Vary") == ""
    site.ask("/begin")
    site.ask("/?utm_source=b")
    assert b"{'mine': 1, 'track_campaign': {'source': 'b'}}" in site.ask("/read").body


def test_the_mirror_leaves_a_shareable_response_alone(served: Callable[..., Site]) -> None:
    def view(request: HttpRequest, rest: str = "") -> HttpResponse:
        if rest == "begin":
            request.session["mine"] = 1
            return HttpResponse(HOME)
        return HttpResponse(HOME, headers={"Cache-Control": "public"})

    site = served(view)
    site.ask("/begin")
    answer = site.ask("/?utm_source=b")
    assert (answer.cookies, answer.header("Vary")) == ([], "")


# The template tag and caches.


def test_the_template_tag_prints_the_same_for_everybody() -> None:
    page = Template("{% load track_middleware %}<head>{% track_script %}</head>")
    assert page.render(Context()) == "<head><!--track_middleware:script--></head>"


# Streams.


def test_an_async_stream_is_not_held_back(served: Callable[..., Site]) -> None:
    from django.http import StreamingHttpResponse

    made: list[int] = []

    async def pieces() -> Any:
        for number, piece in enumerate((b"<html><head></head>", b"<body>", b"</body>")):
            made.append(number)
            yield piece

    async def view(request: HttpRequest, **_path: str) -> Any:
        return StreamingHttpResponse(pieces())

    site: Any = served(view, is_async=True)
    seen: list[tuple[int, bytes]] = []

    async def call() -> None:
        requests = [{"type": "http.request"}]

        async def receive() -> Any:
            if not requests:
                await asyncio.Event().wait()
            return requests.pop()

        async def send(message: Any) -> None:
            seen.append((len(made), message.get("body", b"")))

        scope = {
            "type": "http", "method": "GET", "path": "/", "query_string": b"",
            "headers": [(b"accept", b"text/html")],
        }  # fmt: skip
        await site.app(scope, receive, send)

    asyncio.run(call())
    assert seen[1][0] == 1
    assert b"/m.js" in seen[1][1]


def test_a_sync_stream_in_async_django_warns_as_it_does_without_us(
    served: Callable[..., Site], kept: Kept
) -> None:
    from django.http import StreamingHttpResponse

    site = served(
        lambda request, **_path: StreamingHttpResponse([HOME[:20], HOME[20:]]), is_async=True
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        answer = site.ask("/")
    assert answer.body.count(b"/m.js") == 1
    assert any("must consume synchronous iterators" in str(each.message) for each in told)


# Checks and settings.

OURS = "track_middleware.django.TrackMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
UPDATE = "django.middleware.cache.UpdateCacheMiddleware"


@pytest.mark.parametrize(
    ("middleware", "found"),
    [
        ([], ["track.E001"]),
        ([SECURITY, GZIP, OURS, UPDATE], []),
        ([OURS, GZIP], ["track.E002"]),
        ([UPDATE, OURS], ["track.E003"]),
        ([OURS, SECURITY], ["track.E004"]),
        (["csp.middleware.CSPMiddleware", OURS], ["track.E005"]),
    ],
)
def test_a_middleware_out_of_place_is_a_system_check_error(
    middleware: list[str], found: list[str]
) -> None:
    settings.MIDDLEWARE = middleware
    assert [each.id for each in checks.check_middleware()] == found


@pytest.mark.parametrize(
    ("track_setting", "found"),
    [
        ({}, []),
        (["destinations"], ["track.E006"]),
        ({"destination": []}, ["track.E007"]),
        ({"secret_key": "short"}, ["track.E008"]),
        ({"destinations": ["amplitud://KEY"], "time_zone": "Mars"}, ["track.E011", "track.E011"]),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_system_check_error(
    track_setting: Any, found: list[str]
) -> None:
    settings.TRACK = track_setting
    assert [each.id for each in checks.check_settings()] == found


@pytest.mark.parametrize(
    ("track_setting", "found"),
    [
        ({"enabled": False}, ["track.W001"]),
        ({"cookieless": True}, ["track.W002"]),
        ({"write_keys": {"k": "ios"}}, ["track.W003"]),
        ({"bridge": ["heap"]}, ["track.W004"]),
        ({"destinations": ["jsonl:///nowhere/out.jsonl"]}, ["track.E013"]),
        ({"destinations": ["amplitud://KEY"]}, []),  # what another check says
    ],
)
def test_what_the_doctor_finds_in_the_settings_is_a_system_check(
    track_setting: Any, found: list[str]
) -> None:
    settings.TRACK = track_setting
    assert [each.id for each in checks.check_set_up()] == found


def test_a_machine_is_looked_at_only_before_it_is_deployed_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.TRACK = {"data_dir": str(tmp_path / "file" / "track"), "min_free": "1"}
    (found,) = [each for each in checks.check_place() if each.id == "track.E015"]
    assert "no event can be kept" in found.msg
    told = run_checks()
    assert "track.E015" not in {each.id for each in told}
    told = run_checks(include_deployment_checks=True)
    assert "track.E015" in {each.id for each in told}


@pytest.mark.parametrize(
    ("prefix", "found"),
    [("html", ["track.E012"]), ("nobody", []), ("", [])],
)
def test_a_route_under_our_own_path_is_a_system_check_error(
    prefix: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRACK = {"path": prefix}
    routes = [
        path("", include([path("html/items", lambda request: None)])),
        re_path("^other/", lambda request: None),
        path("<path:rest>", lambda request: None),
    ]
    monkeypatch.setattr(settings, "ROOT_URLCONF", tuple(routes), raising=False)
    assert [each.id for each in checks.check_paths()] == found


def test_a_wrong_setting_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="did you mean 'destinations'"):
        django_site.wsgi({"destination": []})


def test_what_django_says_elsewhere_holds_where_track_does_not() -> None:
    from track_middleware.django import site

    django_site.wsgi({"deliver": "worker"})
    chosen = site.wiring().settings
    assert chosen.secret_key == settings.SECRET_KEY
    assert chosen.data_dir == str(settings.BASE_DIR / ".track")
    assert chosen.debug is settings.DEBUG


@pytest.mark.parametrize(
    ("pattern", "template"),
    [
        ("orders/<int:pk>/", "/orders/<int:pk>/"),
        ("", "/"),
        (r"^shop/^item/(?P<id>[^/]+)$", r"/shop/item/(?P<id>[^/]+)"),
        (r"^price/\$\Z", r"/price/\$"),
    ],
)
def test_a_pattern_reads_as_a_route_template(pattern: str, template: str) -> None:
    assert person.route(pattern) == template
