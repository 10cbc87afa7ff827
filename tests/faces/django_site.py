"""The small app in Django, sync and async."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import django
from django.conf import settings as django_settings

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "track_middleware.django.TrackMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


def _configured() -> None:
    if django_settings.configured:
        return
    folder = Path(tempfile.mkdtemp(prefix="track-django-"))
    django_settings.configure(
        ALLOWED_HOSTS=["*"],
        BASE_DIR=folder,
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db.sqlite3"},
            "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "other.sqlite3"},
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "track_middleware.django",
        ],
        MIDDLEWARE=MIDDLEWARE,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF="tests.faces.django_urls",
        SECRET_KEY="a Django secret key that is long enough",
        SESSION_ENGINE="django.contrib.sessions.backends.db",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        TRACK={"deliver": "worker"},
        USE_TZ=True,
    )
    django.setup()


_configured()


def _with(track: dict[str, Any], **more: Any) -> None:
    """Sets settings for the test that is running; the fixture ``django_as_it_was`` undoes it."""
    from django.test.signals import setting_changed

    for name, value in {"TRACK": track, **more}.items():
        setattr(django_settings, name, value)
        setting_changed.send(sender=None, setting=name, value=value, enter=True)


def wsgi(track: dict[str, Any], **more: Any) -> Any:
    """The app as Django's WSGI handler."""
    from django.core.handlers.wsgi import WSGIHandler

    _with(track, **more)
    return WSGIHandler()


def asgi(track: dict[str, Any], **more: Any) -> Any:
    """The app as Django's ASGI handler."""
    from django.core.handlers.asgi import ASGIHandler

    _with(track, **more)
    return ASGIHandler()
