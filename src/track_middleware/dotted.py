"""Callables named in the settings: given as such, or by dotted path."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from .errors import SettingsError


def resolved(setting: str, named: str | Callable[..., Any] | None) -> Callable[..., Any] | None:
    """The callable that a setting names; SettingsError when there is none at that path."""
    if named is None or callable(named):
        return named
    module, _, name = named.rpartition(".")
    try:
        found = getattr(import_module(module), name) if module else None
    except (ImportError, AttributeError) as error:
        raise SettingsError(setting, f"{named!r} cannot be imported: {error}") from error
    if not callable(found):
        raise SettingsError(setting, f"{named!r} is no dotted path to a callable")
    return found  # type: ignore[no-any-return]


def path_of(setting: str, named: str | Callable[..., Any] | None) -> str | None:
    """The dotted path by which another process finds a callable; SettingsError for a lambda, a
    local function, or one of the script that was started (``__main__``)."""
    if named is None or isinstance(named, str):
        return named
    module, name = getattr(named, "__module__", ""), getattr(named, "__qualname__", "")
    if module in ("", "__main__") or "<" in name:
        raise SettingsError(
            setting, "runs in the worker, which must import it: give a function of a module"
        )
    return f"{module}.{name}"
