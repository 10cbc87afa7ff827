"""System checks: what is wrong in a project is told before it loses an event."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core import checks

from ..delivery import startup
from ..errors import SettingsError
from ..proxy import slots
from ..reading import load
from ..settings import Settings
from . import outbox, site

MIDDLEWARE = "track_middleware.django.TrackMiddleware"

#: Must stand before ours: what they make of a response, we cannot undo.
OUTSIDE = {
    "GZipMiddleware": ("track.E002", "inside it a compressed body cannot be tagged"),
    "BrotliMiddleware": ("track.E002", "inside it a compressed body cannot be tagged"),
    "CompressionMiddleware": ("track.E002", "inside it a compressed body cannot be tagged"),
    "SecurityMiddleware": ("track.E004", "redirects to https must come before anything is counted"),
}

#: Must stand behind ours.
INSIDE = {
    "UpdateCacheMiddleware": ("track.E003", "outside it the cache would keep visitors' cookies"),
    "CSPMiddleware": ("track.E005", "the tag takes its nonce from the header that it sets"),
    "ContentSecurityPolicyMiddleware": (
        "track.E005", "the tag takes its nonce from the header that it sets",
    ),
}  # fmt: skip

#: A secret key of our own that is shorter than this can be guessed.
SHORTEST_SECRET = 16


def register() -> None:
    """Registers the checks with Django."""
    checks.register(check_middleware)
    checks.register(check_settings)
    checks.register(check_outbox, checks.Tags.database)


def check_middleware(**_given: Any) -> list[checks.CheckMessage]:
    """``track.E001`` the middleware is missing, ``track.E002`` … ``track.E005`` its place."""
    paths = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in paths:
        hint = f"Add {MIDDLEWARE!r} to MIDDLEWARE, behind SecurityMiddleware and GZipMiddleware."
        return [checks.Error("nothing is tracked: no middleware does it", hint, id="track.E001")]
    return list(_misplaced(paths, paths.index(MIDDLEWARE)))


def _misplaced(paths: list[str], ours: int) -> Iterator[checks.CheckMessage]:
    for index, path in enumerate(paths):
        rules, is_wrong = (OUTSIDE, index > ours) if index > ours else (INSIDE, index < ours)
        name = path.rpartition(".")[2]
        if is_wrong and name in rules:
            number, why = rules[name]
            where = "behind" if rules is OUTSIDE else "before"
            yield checks.Error(f"TrackMiddleware must stand {where} {name}: {why}", id=number)


def check_settings(**_given: Any) -> list[checks.CheckMessage]:
    """``track.E006`` TRACK is no dict, ``track.E007`` a setting is unknown or cannot be used,
    ``track.E008`` the secret key is too short, ``track.E009`` no worker can find the outbox,
    ``track.E011`` a site cannot start with a setting's value."""
    track = getattr(settings, "TRACK", {})
    if not isinstance(track, Mapping):
        return [checks.Error("TRACK must be a dict of settings", id="track.E006")]
    try:
        loaded = load(track, os.environ, defaults=site.defaults())
    except SettingsError as error:
        return [checks.Error(f"TRACK: {error}", id="track.E007")]
    if len(loaded.secret_key) < SHORTEST_SECRET:
        message = f"the secret key has fewer than {SHORTEST_SECRET} characters"
        return [checks.Error(message, id="track.E008")]
    return [*_unusable(loaded), *_unfindable(loaded)]


def _unusable(loaded: Settings) -> Iterator[checks.CheckMessage]:
    found = (*startup.problems(loaded), *slots.problems(loaded.proxies))
    for problem in found if loaded.enabled else ():
        yield checks.Error(f"TRACK: {problem}", id="track.E011")


def _unfindable(loaded: Settings) -> Iterator[checks.CheckMessage]:
    if not loaded.outbox or loaded.deliver not in ("process", "worker"):
        return
    if not outbox.Keeping().origin.environ:
        message = "outbox: the worker finds this project by its settings module, and it has none"
        hint = "Set DJANGO_SETTINGS_MODULE instead of calling settings.configure()."
        yield checks.Error(message, hint, id="track.E009")


def check_outbox(*, databases: Iterable[str] | None = None, **_given: Any) -> list[Any]:
    """``track.E010`` a database that should hold the outbox cannot."""
    if not getattr(settings, "TRACK", {}).get("outbox"):
        return []
    hint = "Run migrate for it, or keep track_middleware out of it with a database router."
    return [
        checks.Error(f"outbox: the database {alias!r} {why}", hint, id="track.E010")
        for alias, why in outbox.troubles(databases or ())
    ]
