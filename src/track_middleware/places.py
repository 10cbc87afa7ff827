"""What lies on the disk before the first event: the secret, the served prefixes, the plan."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from pathlib import Path

import msgspec

from .delivery.files import private_folder, replace_file
from .delivery.salts import Salts
from .errors import SettingsError
from .event import UNREADABLE
from .settings import Settings
from .tracking import routes
from .tracking.planned import NOTHING, Planned, of
from .tracking.seams import Script

_DAY = 86400
#: Seconds that a claim is remembered: longer than what is claimed is good for.
_CLAIMED = 60.0
#: How a plan's file ends; what ends otherwise is a module's name.
SUFFIXES = (".py", ".json", ".yaml", ".yml")
#: Claims that each new one looks at, to forget those that are over: a page waits meanwhile.
_LOOKED_AT = 100


def folder(data_dir: Path) -> Path:
    """The data folder; one made here is left out of git, because its secret must not get there.

    A folder that is already there may be somebody's project, so its ``.gitignore`` stays as it is.
    OSError as the system says.
    """
    if not data_dir.exists():
        private_folder(data_dir)
        (data_dir / ".gitignore").write_text("*\n", "ascii")
    return data_dir


def secret(data_dir: Path) -> str:
    """The data folder's own secret key; made once, by whoever comes first (mode 0600)."""
    path = data_dir / "secret"
    try:
        folder(data_dir)
        _make_once(path)
        return path.read_text("ascii").strip()
    except OSError as error:
        raise SettingsError(
            "secret_key", f"none is given, and none can be kept in {data_dir}: {error.strerror}"
        ) from error


def _make_once(path: Path) -> None:
    if path.exists():
        return
    hidden = path.with_name(f".secret-{secrets.token_hex(4)}")
    hidden.touch(mode=0o600)
    hidden.write_text(secrets.token_urlsafe(48), "ascii")
    try:
        os.link(hidden, path)
    except FileExistsError:
        return
    finally:
        hidden.unlink()


def claims(data_dir: Path) -> Callable[[str], bool]:
    """Says once for every id that nobody has claimed it, in whatever process of this data folder;
    for about a minute. A disk that keeps no claim grants none."""
    folder = data_dir / "claims"

    def claim(name: str) -> bool:
        mine = folder / hashlib.sha256(name.encode()).hexdigest()[:32]
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            _forget(folder, before=time.time() - _CLAIMED)
            os.close(os.open(mine, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError:
            return False
        return True

    return claim


def _forget(folder: Path, *, before: float) -> None:
    with os.scandir(folder) as entries:
        for entry in islice(entries, _LOOKED_AT):
            try:
                if entry.stat().st_mtime < before:
                    os.unlink(entry)
            except FileNotFoundError:  # another process was quicker
                continue


def salts(data_dir: Path) -> Callable[[float], bytes | None]:
    """Gives the salt of a moment's day to whoever counts without cookies."""
    return Salts(data_dir)


def prefixes(settings: Settings, keys: Sequence[str], data_dir: Path, *, now: float) -> list[str]:
    """The path prefixes that answer, the present one first.

    Former ones answer for ``path_grace_days`` after they were last served (``paths.json`` keeps
    their dates), those of fallback keys always. A data folder that cannot be written remembers
    none; the spool will say so at the first event.
    """
    present = settings.path or routes.prefix(keys[-1])
    former = [routes.prefix(key) for key in reversed(keys[:-1])]
    remembered = _remembered(data_dir, present, now)
    grace = settings.path_grace_days * _DAY
    recent = [each for each, at in remembered.items() if now - at <= grace]
    return list(dict.fromkeys((present, *former, *recent)))


def _remembered(data_dir: Path, present: str, now: float) -> dict[str, float]:
    path = data_dir / "paths.json"
    try:
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, float])
    except (OSError, *UNREADABLE):
        known = {}
    if now - known.get(present, 0.0) > _DAY:
        known[present] = now
        try:
            folder(data_dir)
            replace_file(path, msgspec.json.encode(known))
        except OSError:
            return known
    return known


def planned(settings: Settings) -> Planned:
    """What the web process needs of the tracking plan; SettingsError when it cannot be used."""
    if not (settings.plan and settings.enabled):
        return NOTHING
    from .delivery.plans import loaded  # with an engine that only sites with a plan have

    return of(loaded(settings.plan), debug=settings.debug)


def whole_plan(named: str | None) -> str | None:
    """A plan's file by its whole path: the verbs are called elsewhere; a module's name as it is."""
    return str(Path(named).absolute()) if named and Path(named).suffix in SUFFIXES else named


@lru_cache(maxsize=1)
def scripts() -> dict[str, Script]:
    """The built files of the browser script, by their purpose."""
    return {"script": _built("m.js"), "extras": _built("m2.js")}


def _built(name: str) -> Script:
    body = files("track_middleware").joinpath("static", name).read_bytes()
    return Script(body, hashlib.sha256(body).hexdigest()[:16])
