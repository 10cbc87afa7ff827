"""Which site a verb is about, and how verbs print."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from .. import places
from ..delivery import handover, startup
from ..delivery.handover import NO_OUTBOX, Origin
from ..delivery.store import opening
from ..delivery.store.connection import CACHE
from ..delivery.store.whole import Store
from ..errors import SettingsError
from ..event import epoch
from ..history.source import Models
from ..reading import load
from ..settings import Settings

WELL, FINDING, WRONG_CALL = 0, 1, 2

_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Place:
    """A site: its settings, its data folder, and what its face finds wrong in its framework.

    ``outbox``: where its face's outbox is found; None where no face has given the settings.
    ``models``: how its face finds a model or queryset by name.
    """

    settings: Settings
    data_dir: Path
    checks: Callable[[], Sequence[tuple[str, str]]]
    outbox: Origin | None = None
    models: Models | None = None

    @property
    def store_name(self) -> str:
        """How the store is called where people read it."""
        return opening.shown(self.settings.store, self.data_dir)

    @property
    def stranger(self) -> str:
        """Why this may be no site's folder; "" where a site has written, or a face gives its own
        settings."""
        if self.outbox is not None or (self.data_dir / handover.FILE).exists():
            return ""
        if self.data_dir.exists():
            return f"no app has written its settings to {self.data_dir} yet"
        return (
            f"{self.data_dir} is not there: no app has written to it yet, or it is not its folder"
        )

    def store(self) -> Store | None:
        """The store, to read from; None before there is one. The caller closes it."""
        return opening.to_read(self.settings.store, self.data_dir)

    def ledger(self) -> Store | None:
        """The store, to write to, also beside a worker; None before there is one. The caller
        closes it."""
        return self.opened() if opening.is_there(self.settings.store, self.data_dir) else None

    def opened(self, *, cache: int = CACHE) -> Store:
        """The store, to write to, made where there is none; ``cache`` is in KiB. The caller closes
        it."""
        return opening.opened(self.settings.store, self.data_dir, cache=cache)


def found(
    data_dir: Path | None,
    *,
    given: Mapping[str, Any] | None,
    defaults: Mapping[str, Any] | None,
    checks: Callable[[], Sequence[tuple[str, str]]],
    outbox: Origin = NO_OUTBOX,
) -> Place:
    """The site of a data folder, of a face's settings, or of the ``TRACK_*`` variables.

    SettingsError when they cannot be used.
    """
    if given is not None and data_dir is None:
        settings = load(given, os.environ, defaults=defaults)
        there = _placed(settings, Path(settings.data_dir or ".track"), checks)
        return replace(there, outbox=outbox)
    settings = load({}, os.environ)
    folder = (data_dir or Path(settings.data_dir or ".track")).absolute()
    try:
        handed = handover.read(folder)
    except OSError as error:
        raise SettingsError("data_dir", f"{folder}: {error.strerror}") from error
    if handed is not None:
        settings = handed.loaded(folder)
    return _placed(settings, folder, checks)


def _placed(
    settings: Settings, folder: Path, checks: Callable[[], Sequence[tuple[str, str]]]
) -> Place:
    folder = folder.absolute()
    host = settings.data_host or socket.gethostname()
    return Place(replace(settings, data_dir=str(folder), data_host=host), folder, checks)


def hand_over(where: Place) -> None:
    """The worker that starts next takes the app's own settings, where a face has given them.

    SettingsError when it could not use them, or the folder cannot be written.
    """
    if where.outbox is None:
        return
    for problem in startup.problems(where.settings):
        raise problem
    origin = where.outbox if where.settings.outbox else NO_OUTBOX
    try:
        secret = where.settings.secret_key or places.secret(where.data_dir)
        handover.write(replace(where.settings, secret_key=secret), where.data_dir, origin)
    except OSError as error:
        raise SettingsError("data_dir", f"{where.data_dir}: {error.strerror}") from error


def moment(text: str) -> float:
    """Epoch seconds of what was typed: ISO 8601 (without a zone: UTC), or ``90m``, ``2h``, ``3d``
    ago. ValueError for anything else."""
    ago = _AGO.fullmatch(text)
    return time.time() - float(ago[1]) * _SECONDS[ago[2]] if ago else epoch(text)


def globs(text: str) -> list[str]:
    """A list of names, as a destination's ``?events=`` takes it. ValueError for an empty one."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found:
        raise ValueError(text)
    return found


def say(value: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Prints a value as one line of JSON, or as its lines of text."""
    if as_json:
        print(msgspec.json.encode(value).decode())
    else:
        for line in lines:
            print(plain(line))
    sys.stdout.flush()


def plain(line: str) -> str:
    """A line as a terminal may have it: an event's name comes from anybody's browser, and could
    hold escape sequences or the look of further lines."""
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else "\ufffd" for each in line)
