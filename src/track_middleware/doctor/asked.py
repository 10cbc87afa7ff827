"""What is wrong in the settings themselves, wherever the site runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..address import address
from ..delivery import handover, plans, startup
from ..delivery.handover import Origin
from ..errors import SettingsError
from ..proxy import slots
from ..settings import Settings, reserved
from .finding import Finding

#: A shorter secret key can be guessed.
SHORTEST_SECRET = 16


def settled(settings: Settings) -> Iterator[Finding]:
    """What no app, data folder or machine has to be looked at for."""
    if not settings.enabled:
        message = "enabled is off: nothing is tracked"
        yield Finding("enabled", "warning", message, "take enabled=False out of the settings")
    yield from _secret(settings)
    yield from _unusable(settings)
    yield from _cookieless(settings)
    yield from _apps(settings)
    yield from _bridge(settings)


def _secret(settings: Settings) -> Iterator[Finding]:
    secret = settings.secret_key
    fix = "set secret_key to a long random text, the same on every host and in every process"
    if not secret:
        message = "no secret_key is given: the data folder makes its own, which other hosts lack"
        yield Finding("secret", "note", message, fix)
    elif len(secret) < SHORTEST_SECRET:
        message = f"secret_key has fewer than {SHORTEST_SECRET} characters and can be guessed"
        yield Finding("secret", "error", message, fix)
    elif secret.startswith("django-insecure-") and not settings.debug:
        yield Finding("secret", "warning", "secret_key is the one that startproject made", fix)


def _unusable(settings: Settings) -> Iterator[Finding]:
    for problem in (*startup.problems(settings), *slots.problems(settings.proxies)):
        yield Finding(problem.setting, "error", str(problem))
    for each in map(address, settings.destinations):
        if each.scheme == "jsonl" and Path(each.path).is_dir():
            message = f"{each.path} is a folder: no event can be written there"
            yield Finding("file", "error", message, "name a file in it")
        elif each.scheme == "jsonl" and not Path(each.path).parent.is_dir():
            message = f"the folder of {each.path} is not there"
            yield Finding("file", "error", message, "make the folder")
    if not settings.destinations:
        yield Finding("destinations", "note", "no destinations: events are only stored")
    yield from _planned(settings)
    for name in reserved(settings):
        message = f"{name} is set, and this release does not act on it"
        yield Finding("reserved", "warning", message, f"take {name} out of the settings")


def _planned(settings: Settings) -> Iterator[Finding]:
    try:
        found = plans.strangers(settings)
        known = ", ".join(sorted(route.name for route in plans.routes(settings))) or "none"
    except SettingsError:
        return  # told as what cannot be used
    for each in found:
        yield Finding("plan", "warning", f"{each}; there are: {known}")


def _cookieless(settings: Settings) -> Iterator[Finding]:
    if settings.cookieless and settings.consent != "opt_in":
        message = "cookieless counts before a choice, and with consent=opt_out nobody has to choose"
        fix = "set consent to opt_in, or take cookieless out"
        yield Finding("cookieless", "warning", message, fix)


def _apps(settings: Settings) -> Iterator[Finding]:
    if not settings.path and {"ios", "android"} & set(settings.write_keys.values()):
        message = "apps have write keys and path is not pinned: another secret key moves their door"
        fix = "set path to what `path` prints today"
        yield Finding("path", "warning", message, fix)


def _bridge(settings: Settings) -> Iterator[Finding]:
    """Vendors' scripts on the same pages."""
    # Segment's cookie has one name for all sources.
    named = {"segment", *(address(url).scheme for url in settings.destinations)}
    for vendor in settings.bridge:
        if vendor not in named:
            message = f"bridge names {vendor}, and no {vendor}:// destination names its cookie"
            fix = f"add its {vendor}:// destination, or take it out of bridge"
            yield Finding("bridge", "warning", message, fix)


def linked(settings: Settings, data_dir: Path) -> Iterator[Finding]:
    """What linked hosts need of each other."""
    if settings.linked_domains and settings.secret_key in ("", made(data_dir)):
        message = "secret_key is this data folder's own, and linked_domains need the same one each"
        yield Finding("linked", "error", message, "set the same secret_key on every linked host")


def made(data_dir: Path) -> str:
    """The secret key that the data folder has made for itself; "" where there is none."""
    try:
        return (data_dir / "secret").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def outbox(settings: Settings, data_dir: Path, origin: Origin | None) -> Iterator[Finding]:
    """Whether there is an outbox where one is asked for."""
    if not settings.outbox:
        return
    try:
        handed = handover.read(data_dir)
    except (OSError, SettingsError):
        handed = None  # what else is asked says so
    if origin is None and handed is not None:
        origin = handed.outbox
    if origin is not None and not origin.path:
        message = "outbox is on, and this app has none: only Django keeps one"
        yield Finding("outbox", "warning", message, "take outbox out of the settings")
