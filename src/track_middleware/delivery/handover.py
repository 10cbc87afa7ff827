"""``settings.json``: what a web process hands to the worker and to every verb."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from ..errors import SettingsError
from ..event import UNREADABLE
from ..reading import load
from ..settings import NAMES, Settings
from .files import private_folder, replace_file

FILE = "settings.json"

#: Settings that may be callables and that only requests need: they stay in the web process.
_FOR_REQUESTS = ("user_id", "console", "banners")

#: Settings that the worker acts on.
_FOR_WORKER = (
    "before_send", "consent", "dedupe_days", "destinations", "enricher_timeout", "enrichers",
    "geo_file", "history", "keep_days", "merge_window", "outbox", "plan", "redact_patterns",
    "repairs", "store", "time_zone", "unstored",
)  # fmt: skip


class Origin(msgspec.Struct, frozen=True):
    """Where a face's outbox is found: the dotted path of a function without arguments, and what
    must stand in the environment before it is called. No path: there is none."""

    path: str = ""
    environ: dict[str, str] = msgspec.field(default_factory=dict)


NO_OUTBOX = Origin()


class Handover(msgspec.Struct):
    """A web process's effective settings, and where its code and its outbox are found."""

    settings: dict[str, Any]
    sys_path: list[str]
    cwd: str
    outbox: Origin = NO_OUTBOX

    def loaded(self, data_dir: Path) -> Settings:
        """The settings, checked; those of a later release's names are left out."""
        known = {name: value for name, value in self.settings.items() if name in NAMES}
        return load({**known, "data_dir": str(data_dir)}, {})

    def enter(self) -> None:
        """Goes where the web process was, so that its modules are found as it found them."""
        for place in self.sys_path:
            if place not in sys.path:
                sys.path.append(place)
        if os.path.isdir(self.cwd):
            os.chdir(self.cwd)
        os.environ.update(self.outbox.environ)


def write(settings: Settings, data_dir: Path, outbox: Origin = NO_OUTBOX) -> None:
    """Writes the effective settings (mode 0600), unless they stand there already.

    Secrets are among them. OSError when the folder cannot be written.
    """
    values = {each.name: getattr(settings, each.name) for each in fields(settings)}
    for name in _FOR_REQUESTS:
        given = values[name]
        if any(map(callable, given)) if isinstance(given, list) else callable(given):
            del values[name]
    here = Handover(
        {name: _plain(name, value) for name, value in values.items()},
        sys.path,
        os.getcwd(),
        outbox,
    )
    content = msgspec.json.encode(here)
    path = private_folder(data_dir) / FILE
    if not path.exists() or path.read_bytes() != content:
        replace_file(path, content)


def digest(settings: Settings) -> str:
    """What tells settings apart that a worker would act on in another way; SettingsError for a hook
    that no other process can import."""
    values = {name: _plain(name, getattr(settings, name)) for name in _FOR_WORKER}
    return hashlib.sha256(msgspec.json.encode(values)).hexdigest()


def read(data_dir: Path) -> Handover | None:
    """What was last handed over; None when nobody has written to this folder.

    SettingsError when the file is damaged.
    """
    try:
        return msgspec.json.decode((data_dir / FILE).read_bytes(), type=Handover)
    except FileNotFoundError:
        return None
    except UNREADABLE as error:
        raise SettingsError(FILE, f"{data_dir / FILE} is damaged: {error}") from error


def resolved(name: str, given: str | Callable[..., Any] | None) -> Callable[..., Any] | None:
    """The callable that a setting names by a dotted path (``package.module.name``), or is."""
    if given is None or callable(given):
        return given
    found = imported(name, given)
    if not callable(found):
        raise SettingsError(name, f"{given} is not callable")
    return found


def imported(name: str, path: str) -> object:
    """What a setting names by a dotted path; SettingsError when nothing is there."""
    module, _, attribute = path.replace(":", ".").rpartition(".")
    try:
        found: object = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(name, f"{path} cannot be imported: {error}") from error
    return found


def _plain(name: str, value: Any) -> Any:
    if callable(value):
        return dotted_path(name, value)
    if isinstance(value, list):
        return [_plain(name, item) for item in value]
    return value


def dotted_path(name: str, function: Callable[..., Any]) -> str:
    """A function's dotted path; SettingsError when another process could not find it there."""
    module = getattr(function, "__module__", None)
    path = f"{module}.{getattr(function, '__qualname__', '')}"
    if module == "__main__" or "<" in path or path.count(".") < 1:
        raise SettingsError(
            name, f"{path} cannot be imported by the worker; give a function of a module"
        )
    return path
