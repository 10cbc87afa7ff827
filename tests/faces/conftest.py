"""What the tests of the faces share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from tests.faces import django_site
from tests.faces.apps import FACES, Site, build
from track_middleware import wiring
from track_middleware.event import Entry


@pytest.fixture(params=sorted(FACES))
def face(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(face: str, data_dir: Path) -> Callable[..., Site]:
    """Builds the small app in the face under test, with settings."""
    return lambda **settings: build(face, data_dir, **settings)


@pytest.fixture
def site(make: Callable[..., Site]) -> Site:
    """The small app in the face under test."""
    return make()


@pytest.fixture
def kept() -> Iterator[list[Entry]]:
    """Every entry that this test's apps hand to the spool."""
    entries: list[Entry] = []
    with wiring.captured(entries.extend):
        yield entries


PROXIED = ("USE_X_FORWARDED_HOST", "SECURE_PROXY_SSL_HEADER")


@pytest.fixture(autouse=True)
def django_as_it_was() -> Iterator[None]:
    """Gives Django's settings back as they were before the test."""
    names = ("TRACK", "MIDDLEWARE", "DEBUG", "SESSION_ENGINE", *PROXIED)
    before: dict[str, Any] = {name: getattr(django_settings, name) for name in names}
    yield
    django_site._with(before.pop("TRACK"), **before)
