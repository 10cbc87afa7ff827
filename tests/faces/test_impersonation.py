"""Operators who log in as somebody else in Django, by what the usual packages leave in its session,
each in the order of its own steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.core.signing import TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.faces import django_site, django_urls
from tests.faces.apps import SECRET, ASGISite, Site, WSGISite
from tests.faces.pages import HOME
from track_middleware import track
from track_middleware.event import Entry

Kept = list[Entry]


@pytest.fixture(scope="module", autouse=True)
def database() -> Iterator[None]:
    from django.db import connections

    call_command("migrate", verbosity=0)
    yield
    connections.close_all()


def person(name: str) -> Any:
    return get_user_model().objects.get_or_create(username=name)[0]


def hijack(request: HttpRequest, other: Any) -> None:
    """django-hijack 3.7, views.AcquireUserView."""
    history = [*request.session.get("hijack_history", []), str(request.user.pk)]
    login(request, other)
    request.session["hijack_history"] = history


def unhijack(request: HttpRequest) -> None:
    history = request.session["hijack_history"]
    login(request, get_user_model().objects.get(pk=history.pop()))
    request.session["hijack_history"] = history


def su(request: HttpRequest, other: Any) -> None:
    """django-su 1.0, views.login_as_user."""
    pair = (request.session["_auth_user_id"], request.session["_auth_user_backend"])
    login(request, other)
    request.session["exit_users_pk"] = [pair]


def unsu(request: HttpRequest) -> None:
    ((operator, _),) = request.session["exit_users_pk"]
    login(request, get_user_model().objects.get(pk=operator))
    request.session["exit_users_pk"] = []


def loginas(request: HttpRequest, other: Any) -> None:
    """django-loginas 0.3, utils.login_as."""
    operator = request.user.pk
    login(request, other)
    request.session["loginas_from_user"] = TimestampSigner().sign(operator)


def unloginas(request: HttpRequest) -> None:
    operator = TimestampSigner().unsign(request.session["loginas_from_user"])
    logout(request)
    login(request, get_user_model().objects.get(pk=operator))


def impersonate(request: HttpRequest, other: Any) -> None:
    """django-impersonate 1.9, views.impersonate; ``Impersonated`` is its middleware."""
    request.session["_impersonate"] = other.pk


def unimpersonate(request: HttpRequest) -> None:
    del request.session["_impersonate"]


class Impersonated:
    """What django-impersonate does to each request."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        if "_impersonate" in request.session and request.user.is_authenticated:
            request.impersonator = request.user
            request.user = get_user_model().objects.get(pk=request.session["_impersonate"])
        return self._get_response(request)


WAYS: dict[str, tuple[Callable[..., None], Callable[[HttpRequest], None]]] = {
    "hijack": (hijack, unhijack),
    "su": (su, unsu),
    "loginas": (loginas, unloginas),
    "impersonate": (impersonate, unimpersonate),
}


@pytest.fixture(params=[f"{way} {face}" for way in WAYS for face in ("sync", "async")])
def served(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[Callable[[str], Site]]:
    way, face = request.param.split()
    begin, end = WAYS[way]

    def answered(request: HttpRequest, rest: str) -> HttpResponse:
        if rest == "in":
            login(request, person("staff"))
        elif rest == "as":
            begin(request, person("ann"))
        elif rest == "back":
            end(request)
        else:
            assert request.user != AnonymousUser()
            assert request.user.is_authenticated
            track("Seen")
        return HttpResponse(HOME)

    async def awaited(request: HttpRequest, rest: str) -> HttpResponse:
        return await sync_to_async(answered)(request, rest)

    def serve(setting: str) -> Site:
        from django.urls import clear_url_caches

        view = awaited if face == "async" else answered
        django_urls.urlpatterns[:] = [path("<path:rest>", view)]
        clear_url_caches()
        chosen = {"data_dir": str(data_dir), "deliver": "worker", "secret_key": SECRET}
        middleware = [*django_site.MIDDLEWARE, f"{__name__}.Impersonated"]
        build, site = (
            (django_site.asgi, ASGISite) if face == "async" else (django_site.wsgi, WSGISite)
        )
        return site(build({**chosen, "impersonation": setting}, MIDDLEWARE=middleware))

    before = list(django_urls.urlpatterns)
    yield serve
    django_urls.urlpatterns[:] = before


def whose(kept: Kept, *labels: str) -> set[tuple[str | None, str | None]]:
    """(visitor, user) of what was kept."""
    found = [entry.event for entry in kept if entry.event]
    return {
        (event.anonymous_id, event.user_id)
        for event in found
        if not labels or event.label in labels
    }


def test_what_an_operator_does_as_somebody_else_is_suspended(
    served: Callable[[str], Site], kept: Kept
) -> None:
    site = served("suspend")
    for step in ("in", "page"):
        site.ask(f"/{step}")
    operator = whose(kept, "Seen")
    kept.clear()
    assert site.ask("/as").status == 200
    assert whose(kept) <= operator, "the request that begins it is at most the operator's own"
    kept.clear()
    for _ in range(2):
        assert site.ask("/page").status == 200
    assert kept == []
    for step in ("back", "page"):
        site.ask(f"/{step}")
    assert whose(kept) == whose(kept, "Seen") == operator


def test_what_an_operator_does_as_somebody_else_is_kept_apart(
    served: Callable[[str], Site], kept: Kept
) -> None:
    site = served("separate")
    for step in ("in", "page"):
        site.ask(f"/{step}")
    ((visitor, operator),) = whose(kept, "Seen")
    kept.clear()
    assert site.ask("/as").status == 200
    assert {user for _, user in whose(kept)} == {operator}
    kept.clear()
    for _ in range(2):
        assert site.ask("/page").status == 200
    ((apart, user),) = whose(kept)
    assert user == operator == str(person("staff").pk)
    assert apart not in (None, visitor)
    kept.clear()
    for step in ("back", "page"):
        site.ask(f"/{step}")
    assert whose(kept, "Seen") == {(visitor, operator)}
    assert "Identify" not in [entry.event.label for entry in kept if entry.event]
