"""No cache ever holds a visitor: the frameworks' own caches, read by several visitors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import flask_caching
import pytest
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import clear_url_caches, path
from django.views.decorators.cache import cache_page

from tests.faces import django_site, django_urls
from tests.faces.apps import SECRET, Answer, ASGISite, Site, WSGISite
from track_middleware.event import Entry
from track_middleware.flask import Track

Kept = list[Entry]

CACHED = """<html><head>{% load cache track_middleware %}
{% cache 60 head %}<meta name="rendered" content="{{ count }}">{% track_script %}{% endcache %}
</head><body></body></html>"""

UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"


@pytest.fixture
def rendered() -> list[int]:
    """How often a view has run."""
    return []


@pytest.fixture
def page(rendered: list[int]) -> Callable[[], str]:
    def page() -> str:
        rendered.append(1)
        return f"<html><head></head><body>{len(rendered)}</body></html>"

    return page


def ours(answer: Answer) -> set[str]:
    """All that a visitor could be known by: cookies' values and the page token."""
    cookies = {line.split(";")[0].strip() for line in answer.cookies}
    return cookies | set(re.findall(r'content="([\w-]{20,})"', answer.body.decode()))


def visits(site: Site) -> list[Answer]:
    """Two visitors, one after the other, twice each."""
    answers = []
    for _visitor in range(2):
        site.forget()
        answers += [site.ask("/"), site.ask("/")]
    return answers


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def django(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[Callable[..., Site]]:
    before = list(django_urls.urlpatterns)
    given = {"data_dir": str(data_dir), "deliver": "worker", "secret_key": SECRET}

    def serve(view: Any, **more: Any) -> Site:
        django_urls.urlpatterns[:] = [path("", view)]
        clear_url_caches()
        if request.param:
            return ASGISite(django_site.asgi(given, **more))
        return WSGISite(django_site.wsgi(given, **more))

    cache.clear()
    yield serve
    django_urls.urlpatterns[:] = before


def test_djangos_per_site_cache_keeps_no_visitor(
    django: Callable[..., Site], page: Callable[[], str], rendered: list[int]
) -> None:
    first, *rest = django_site.MIDDLEWARE
    site = django(
        lambda request: HttpResponse(page()), MIDDLEWARE=[first, rest[0], UPDATE, *rest[1:], FETCH]
    )
    answers = visits(site)
    assert len(rendered) == 1
    assert all(answer.body.count(b"/m.js") == 1 for answer in answers)
    assert len({answer.body for answer in answers}) == 1
    assert [ours(answer) for answer in answers[1:]] == [set()] * 3


def test_cache_page_keeps_no_visitor(
    django: Callable[..., Site], page: Callable[[], str], rendered: list[int]
) -> None:
    answers = visits(django(cache_page(60)(lambda request: HttpResponse(page()))))
    assert len(rendered) == 1
    assert len({answer.body for answer in answers}) == 1
    assert not set.union(*map(ours, answers))


def test_a_cached_fragment_around_the_template_tag_keeps_no_token(
    django: Callable[..., Site], rendered: list[int]
) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        rendered.append(1)
        template = engines["django"].from_string(CACHED)
        return HttpResponse(template.render({"count": len(rendered)}, request))

    answers = visits(django(view))
    assert len(rendered) == 4
    assert all(b'content="1"' in answer.body for answer in answers)
    tokens = [ours(answer) for answer in answers]
    assert all(tokens)
    for one in range(4):
        for other in range(one):
            assert not tokens[one] & tokens[other]


@pytest.fixture
def cached_flask(tmp_path: Path) -> tuple[flask.Flask, flask_caching.Cache]:
    app = flask.Flask("cached", instance_path=str(tmp_path))
    app.config.update(SECRET_KEY=SECRET, TRACK={"deliver": "worker"}, CACHE_TYPE="SimpleCache")
    cache = flask_caching.Cache(app)
    Track(app)
    return app, cache


def test_flask_caching_keeps_no_visitor(
    cached_flask: tuple[flask.Flask, flask_caching.Cache],
    page: Callable[[], str],
    rendered: list[int],
    kept: Kept,
) -> None:
    app, cache = cached_flask
    app.add_url_rule("/", view_func=cache.cached(timeout=60)(page), endpoint="home")
    answers = visits(WSGISite(app))
    assert len(rendered) == 1
    found = [ours(answer) for answer in answers]
    for one in range(4):
        for other in range(one):
            assert not found[one] & found[other]
    assert len({entry.event.anonymous_id for entry in kept if entry.event}) == 2
