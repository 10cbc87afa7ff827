"""System checks: what is wrong in a project is told before it loses an event."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_resolver

from ..delivery import startup
from ..errors import SettingsError
from ..proxy import slots
from ..reading import load
from ..settings import Settings
from ..tracking import routes
from . import outbox, site

if TYPE_CHECKING:
    from ..doctor.finding import Finding

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
    checks.register(check_paths)
    checks.register(check_set_up)
    checks.register(check_place, deploy=True)
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


#: What the doctor finds in the settings alone -> the number of its check; what is left out has one
#: above.
_SET_UP = {
    "enabled": "W001", "cookieless": "W002", "path": "W003", "bridge": "W004", "plan": "W005",
    "reserved": "W006", "file": "E013", "linked": "E014",
}  # fmt: skip

#: The same of the machine; Django asks for these with ``--deploy`` alone.
_PLACE = {"folder": "E015", "network": "E016", "disk": "E017", "layer": "W011"}


def check_set_up(**_given: Any) -> list[checks.CheckMessage]:
    """``track.W001`` … ``track.W006``, ``track.E013`` and ``track.E014``: what settings say beside
    each other."""
    loaded = _loaded()
    if loaded is None:
        return []
    from ..doctor import asked  # which no process needs that only serves

    found = [*asked.settled(loaded), *asked.linked(loaded, _data_dir(loaded))]
    return list(_numbered(found, _SET_UP))


def check_place(**_given: Any) -> list[checks.CheckMessage]:
    """``track.E015`` … ``track.E017`` and ``track.W011``: where the data folder lies; with
    ``--deploy``."""
    loaded = _loaded()
    if loaded is None:
        return []
    from ..doctor.folder import location  # as above

    return list(_numbered(location(loaded, _data_dir(loaded)), _PLACE))


def _data_dir(loaded: Settings) -> Path:
    return Path(loaded.data_dir or ".track")


def _numbered(
    found: Iterable[Finding], numbers: Mapping[str, str]
) -> Iterator[checks.CheckMessage]:
    for each in found:
        number = numbers.get(each.id)
        if number is not None:
            kind = checks.Error if each.level == "error" else checks.Warning
            yield kind(f"TRACK: {each.message}", each.fix or None, id=f"track.{number}")


def _loaded() -> Settings | None:
    """The settings; None where another check says what is wrong with them."""
    track = getattr(settings, "TRACK", {})
    try:
        return load(track, os.environ, defaults=site.defaults())
    except (SettingsError, AttributeError, TypeError):
        return None


def check_paths(**_given: Any) -> list[checks.CheckMessage]:
    """``track.E012`` a route of the project lies under our path, and would never be asked."""
    loaded = _loaded()
    if loaded is None or not (loaded.enabled and hasattr(settings, "ROOT_URLCONF")):
        return []
    prefix = loaded.path or routes.prefix(loaded.secret_key)
    try:
        taken = [each for each in _routes(get_resolver().url_patterns) if _is_under(each, prefix)]
    except (ImportError, ImproperlyConfigured):
        return []  # Django's own checks say so
    hint = "Set TRACK['path'] to a name that no route begins with."
    return [
        checks.Error(f"TRACK: the route {each!r} lies under our own path", hint, id="track.E012")
        for each in taken
    ]


def _routes(patterns: Iterable[Any]) -> Iterator[str]:
    """The beginnings of all routes, through includes without one of their own."""
    for each in patterns:
        route = str(each.pattern).removeprefix("^").removeprefix("\\A")
        if route:
            yield route
        elif hasattr(each, "url_patterns"):
            yield from _routes(each.url_patterns)


def _is_under(route: str, prefix: str) -> bool:
    return route.startswith(f"{prefix}/")


def check_outbox(*, databases: Iterable[str] | None = None, **_given: Any) -> list[Any]:
    """``track.E010`` a database that should hold the outbox cannot."""
    if not getattr(settings, "TRACK", {}).get("outbox"):
        return []
    hint = "Run migrate for it, or keep track_middleware out of it with a database router."
    return [
        checks.Error(f"outbox: the database {alias!r} {why}", hint, id="track.E010")
        for alias, why in outbox.troubles(databases or ())
    ]
