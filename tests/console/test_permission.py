"""Who may open the console: nobody, a token, a callable's choice, Django's staff, a developer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import flask_login
import pytest
from django.conf import settings as django_settings

from tests.faces import django_site
from tests.faces.apps import FACES, SECRET, Answer, ASGISite, Site, WSGISite, build, flask_app
from track_middleware.console import live
from track_middleware.errors import SettingsError
from track_middleware.tracking import routes
from track_middleware.wsgi import TrackMiddleware

BASE = f"/{routes.prefix(SECRET)}/console"
PAGE = f"{BASE}/delivery/"
#: Our own middleware stands where it stands in a project; WebTest says where a request comes from.
ELSEWHERE = {"Host": "shop.example"}

PLAIN = sorted(set(FACES) - {"django-sync", "django-async"})
DJANGO = ("django-sync", "django-async")


@pytest.fixture(autouse=True)
def django_as_it_was() -> Iterator[None]:
    names = ("TRACK", "MIDDLEWARE", "DEBUG", "LOGIN_URL")
    before: dict[str, Any] = {name: getattr(django_settings, name) for name in names}
    yield
    django_site._with(before.pop("TRACK"), **before)


def ask(site: Site, path: str = PAGE, **headers: str) -> Answer:
    return site.ask(path, headers={"Accept": "text/html", **headers})


def is_refused(answer: Answer) -> bool:
    """Whether nothing is shown; Django leads those who are not signed in to where they may be."""
    if answer.status == 302:
        return answer.header("Location").startswith("/accounts/login/?next=") and not answer.body
    return answer.status == 403


@pytest.mark.parametrize("face", PLAIN)
def test_there_is_no_console_in_production_until_one_is_set(face: str, data_dir: Path) -> None:
    answer = ask(build(face, data_dir))
    assert answer.status == 404
    assert answer.body == b'{"error":"nothing here"}'


@pytest.mark.parametrize("face", sorted(FACES))
@pytest.mark.parametrize("headers", [
    ELSEWHERE, {"X-Forwarded-For": "8.8.8.8"}, {"Host": "localhost.evil.example"},
])  # fmt: skip
def test_in_development_a_stranger_is_refused(
    face: str, headers: dict[str, str], data_dir: Path
) -> None:
    site = build(face, data_dir, debug=True)
    if face in DJANGO:
        django_site._with(django_settings.TRACK, DEBUG=True)
    assert is_refused(ask(site, **headers))


@pytest.mark.parametrize("face", ["wsgi", "flask", "django-sync"])
def test_in_development_who_sits_at_this_machine_gets_in(face: str, data_dir: Path) -> None:
    site = build(face, data_dir, debug=True)
    if face in DJANGO:
        django_site._with(django_settings.TRACK, DEBUG=True)
    assert isinstance(site, WSGISite)
    there = WSGISite(site.app, REMOTE_ADDR="127.0.0.1", HTTP_HOST="localhost:8000")
    assert ask(there).status == 200
    assert is_refused(ask(WSGISite(site.app, REMOTE_ADDR="10.0.0.7", HTTP_HOST="localhost")))


@pytest.mark.parametrize("face", sorted(FACES))
def test_a_callable_decides_by_the_frameworks_own_request(face: str, data_dir: Path) -> None:
    asked: list[Any] = []

    def may(request: Any) -> bool:
        asked.append(request)
        return bool(asked[1:])

    site = build(face, data_dir, console=may)
    assert ask(site).status == 403
    assert ask(site).status == 200
    name = type(asked[0]).__name__
    assert name == {
        "wsgi": "dict", "asgi": "dict", "flask": "Request", "starlette": "Request",
        "fastapi": "Request", "django-sync": "WSGIRequest", "django-async": "ASGIRequest",
    }[face]  # fmt: skip


@pytest.mark.parametrize("face", sorted(FACES))
@pytest.mark.parametrize("path", ["delivery/", "live/stream", "metrics"])
def test_a_callable_that_fails_permits_nobody(face: str, path: str, data_dir: Path) -> None:
    def fails(request: Any) -> bool:
        raise RuntimeError("the directory of operators does not answer")

    answer = ask(build(face, data_dir, console=fails), f"{BASE}/{path}")
    assert answer.status in (400, 403)
    assert b"metrics" not in answer.body


def test_who_tries_to_sign_in_too_often_is_not_even_read(data_dir: Path) -> None:
    site = build("wsgi", data_dir, console="a token of these tests")
    answers = [site.ask(f"{BASE}/sign-in", method="POST", body=b"csrf=x") for _ in range(11)]
    assert [each.status for each in answers] == [403] * 10 + [429]


def test_a_page_of_another_host_uses_up_nobodys_tries(data_dir: Path) -> None:
    site = build("wsgi", data_dir, console="a token of these tests")
    foreign = {"Sec-Fetch-Site": "cross-site"}
    for _ in range(12):
        answer = site.ask(f"{BASE}/sign-in", method="POST", headers=foreign, body=b"csrf=x")
        assert answer.status == 403


def test_who_asks_for_a_streams_head_waits_for_no_event(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_LIFE", 300.0)
    token = "a token of these tests"
    site, begun = build("asgi", data_dir, console=token), time.monotonic()
    sent = {"Authorization": f"Bearer {token}"}
    answer = site.ask(f"{BASE}/live/stream", method="HEAD", headers=sent)
    assert answer.header("Content-Type").startswith("text/event-stream")
    assert time.monotonic() - begun < live._LIFE / 2


@pytest.mark.parametrize("root", ["/läden", "/店"])
def test_below_a_root_of_other_letters_the_console_is_led_to_as_addresses_are_written(
    root: str, data_dir: Path
) -> None:
    token = "a token of these tests"
    app = build("asgi", data_dir, console=token).app
    answer = ask(ASGISite(app, root), f"{root}{BASE}/", Authorization=f"Bearer {token}")
    assert answer.header("Location") == f"{quote(root)}{BASE}/live/"


def test_a_callable_of_flask_sees_who_is_signed_in(data_dir: Path) -> None:
    app = flask_app(
        data_dir=str(data_dir), deliver="worker", secret_key=SECRET,
        console=lambda request: flask_login.current_user.get_id() == "boss",
    )  # fmt: skip
    manager = flask_login.LoginManager(app)

    class User(flask_login.UserMixin):  # type: ignore[misc]  # it ships no types
        def __init__(self, number: str) -> None:
            self.id = number

    manager.user_loader(User)
    app.add_url_rule("/in/<who>", view_func=lambda who: str(flask_login.login_user(User(who))))
    site = WSGISite(app)
    assert ask(site).status == 403
    site.ask("/in/ann")
    assert ask(site).status == 403
    site.ask("/in/boss")
    assert ask(site).status == 200


@pytest.mark.parametrize("given", ["short", "no.such.module.function", 7])
def test_a_setting_that_cannot_be_used_is_told_at_start(given: Any, data_dir: Path) -> None:
    with pytest.raises(SettingsError, match="console"):
        TrackMiddleware(lambda environ, start: [], data_dir=str(data_dir), console=given)


def test_a_callable_that_must_be_awaited_is_told_at_start(data_dir: Path) -> None:
    async def may(request: Any) -> bool:
        return True

    with pytest.raises(SettingsError, match="plain function"):
        TrackMiddleware(lambda environ, start: [], data_dir=str(data_dir), console=may)


# Django: through the whole chain.


@pytest.fixture(scope="module")
def people() -> Callable[[str], dict[str, str]]:
    """The session cookies of a staff member and of a customer."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)

    def cookies(name: str) -> dict[str, str]:
        user, _ = get_user_model().objects.get_or_create(username=name, is_staff=name == "boss")
        client = Client()
        client.force_login(user)
        return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}

    return cookies


@pytest.mark.parametrize("face", DJANGO)
def test_djangos_staff_gets_in_and_nobody_else(
    face: str, data_dir: Path, people: Callable[[str], dict[str, str]]
) -> None:
    site = build(face, data_dir)
    for path in (PAGE, f"{BASE}/live/stream", f"{BASE}/live/events.json", f"{BASE}/console.js"):
        assert is_refused(ask(site, path))
        assert ask(site, path, **people("ann")).status == 403
    assert ask(site, **people("boss")).status == 200


def test_who_is_not_signed_in_is_led_to_the_projects_own_sign_in(data_dir: Path) -> None:
    site = build("django-sync", data_dir)
    django_site._with(django_settings.TRACK, LOGIN_URL="/orders/1/")
    answer = ask(site)
    assert answer.status == 302
    assert answer.header("Location") == f"/orders/1/?next={PAGE}"


def test_a_middleware_of_the_project_holds_for_the_console_too(
    data_dir: Path, people: Callable[[str], dict[str, str]]
) -> None:
    guard = "tests.console.guard.allow_list"
    build("django-sync", data_dir)
    django_site._with(django_settings.TRACK, MIDDLEWARE=[*django_site.MIDDLEWARE, guard])
    site = WSGISite(django_site.wsgi(django_settings.TRACK))
    assert ask(site, **people("boss")).status == 418


def test_the_projects_own_urls_and_handlers_stay_what_they_are(data_dir: Path) -> None:
    site = build("django-sync", data_dir)
    assert site.ask("/orders/1/").status == 200
    assert b"<body>/other/console/live/" in ask(site, "/other/console/live/").body


def test_nothing_of_a_request_for_the_console_is_tracked(
    data_dir: Path, people: Callable[[str], dict[str, str]]
) -> None:
    from track_middleware.testing import captured_events

    site = build("django-sync", data_dir)
    with captured_events() as events:
        answer = ask(site, **people("boss"), **{"Sec-Fetch-Dest": "document"})
    assert answer.status == 200
    assert not [each for each in answer.cookies if each.startswith(("_tm_v", "_tm_s"))]
    assert not events


def test_a_stream_under_django_begins_at_once_and_ends_with_its_reader(
    data_dir: Path, people: Callable[[str], dict[str, str]]
) -> None:
    build("django-async", data_dir)
    app = django_site.asgi(django_settings.TRACK)
    sent: list[dict[str, Any]] = []
    cookie = people("boss")["Cookie"].encode()

    async def read() -> None:
        begun = asyncio.Event()
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in asked:
                return message
            await begun.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if message.get("body"):
                begun.set()

        scope = {
            "type": "http", "method": "GET", "path": f"{BASE}/live/stream", "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"cookie", cookie)], "scheme": "http",
            "client": ("10.0.0.7", 1), "server": ("localhost", 80), "root_path": "",
        }  # fmt: skip
        await asyncio.wait_for(app(scope, receive, send), 60)

    asyncio.run(read())
    assert sent[0]["status"] == 200
    assert b"retry:" in sent[1]["body"]
