"""What of the settings can be found wrong before the first event: each problem with its setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from ..destinations import registry
from ..errors import SettingsError, StoreError
from ..reading import load
from ..settings import Settings
from . import parts
from .handover import dotted_path, resolved
from .store import opening


def loaded(
    given: Mapping[str, Any],
    env: Mapping[str, str],
    *,
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings as ``reading.load`` gives them, if a site can start with them; SettingsError
    for the first that it cannot."""
    settings = load(given, env, defaults=defaults)
    if settings.enabled:
        for problem in problems(settings):
            raise problem
    return settings


def problems(settings: Settings) -> Iterator[SettingsError]:
    """Every setting that the worker could not use. The site's hooks are imported for it."""
    hooks = [("before_send", settings.before_send)]
    hooks += [("enrichers", each) for each in settings.enrichers]
    steps: list[Callable[[], object]] = [
        partial(registry.routes, settings.destinations),
        partial(_store, settings.store),
        partial(parts.days, settings.time_zone),
        partial(parts.place, settings.geo_file),
        partial(_plan, settings),
        partial(_history, settings.history),
        partial(_repairs, settings.repairs),
        *[partial(_hook, name, hook, settings.deliver) for name, hook in hooks],
    ]
    for step in steps:
        try:
            step()
        except SettingsError as problem:
            yield problem


def _repairs(path: str | None) -> None:
    """A module that is just being imported cannot be asked yet; the worker asks it."""
    try:
        parts.mender(path)
    except SettingsError as problem:
        if "partially initialized" not in str(problem):
            raise


def _plan(settings: Settings) -> None:
    if settings.plan:
        from .plans import loaded  # with an engine that only sites with a plan have

        loaded(settings.plan)


def _history(wanted: Mapping[str, Any]) -> None:
    if wanted:
        from ..enrichment.history import history  # with tables that only the worker needs

        history(wanted)


def _store(url: str) -> None:
    try:
        opening.check(url)
    except StoreError as error:
        raise SettingsError("store", str(error)) from error


def _hook(name: str, hook: str | Callable[..., Any] | None, deliver: str) -> None:
    """Another process must be able to import it. A module that is just being imported, as the one
    that sets the tracker up may be, cannot be asked yet; the worker asks it."""
    if callable(hook):
        if deliver != "inline":
            dotted_path(name, hook)
        return
    if hook is not None and hook.replace(":", ".").startswith("__main__."):
        raise SettingsError(
            name, f"{hook} cannot be imported by the worker; give a function of a module"
        )
    try:
        resolved(name, hook)
    except SettingsError as problem:
        if "partially initialized" not in str(problem):
            raise
