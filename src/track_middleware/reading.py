"""From keyword arguments, a face's dict and ``TRACK_*`` variables to checked settings.

No I/O happens here but reading the mapping one is given.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import msgspec

from .address import address
from .errors import SettingsError
from .patterns import Patterns
from .settings import BANNERS, BRIDGED, NAMES, PLATFORMS, Settings, free_bytes

logger = logging.getLogger("track_middleware")

_HINTS = get_type_hints(Settings)


def load(
    given: Mapping[str, Any], env: Mapping[str, str], *, defaults: Mapping[str, Any] | None = None
) -> Settings:
    """The settings that ``given`` and the ``TRACK_*`` variables name, over a face's ``defaults``.

    SettingsError for an unknown key (naming the nearest known one) or a value that cannot be used;
    an unknown variable is only warned of, since others use the prefix too.
    """
    for name in given:
        if name not in NAMES:
            raise SettingsError(str(name), f"no such setting{_nearest(str(name))}")
    values = {**(defaults or {}), **_variables(env), **given}
    checked = {name: _checked(name, value) for name, value in values.items()}
    settings = Settings(**checked)
    _check_together(settings)
    return settings


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), NAMES, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else "; docs/settings.md lists them all"


def _variables(env: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, text in env.items():
        if not variable.startswith("TRACK_"):
            continue
        name = variable[len("TRACK_") :].lower()
        if name in NAMES:
            found[name] = _parsed(name, text)
        else:
            logger.warning(
                "%s is set, but there is no setting %r%s", variable, name, _nearest(name)
            )
    return found


def _parsed(name: str, text: str) -> Any:
    """A variable's text as the setting's own type; lists by white space, or JSON."""
    kinds = _kinds(name)
    if text.lstrip()[:1] in ("[", "{") and (list in kinds or dict in kinds):
        try:
            return msgspec.json.decode(text.encode())
        except msgspec.DecodeError as error:
            raise SettingsError(name, f"is no JSON: {error}") from error
    if list in kinds:
        return text.split()
    if bool in kinds and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError as error:
                raise SettingsError(name, f"{text!r} is no number") from error
    return text


_TRUTH = {"1": True, "true": True, "yes": True, "on": True,
          "0": False, "false": False, "no": False, "off": False}  # fmt: skip


def _kinds(name: str) -> tuple[type, ...]:
    hint = _HINTS[name]
    parts = get_args(hint) if not hasattr(hint, "__origin__") and get_args(hint) else (hint,)
    return tuple(getattr(part, "__origin__", part) for part in parts)


def _checked(name: str, value: Any) -> Any:
    kinds = _kinds(name)
    meta = next(each.metadata for each in fields(Settings) if each.name == name)
    if isinstance(value, tuple) and list in kinds:
        value = list(value)
    if type(value) is int and float in kinds:
        value = float(value)
    if name in ("data_dir", "geo_file", "plan") and hasattr(value, "__fspath__"):
        value = str(value)
    if isinstance(value, bool) and bool not in kinds:
        raise SettingsError(name, f"must be {_shape(kinds)}, not {value!r}")
    if not (isinstance(value, kinds if kinds else object) or (callable(value) and _callable(name))):
        raise SettingsError(name, f"must be {_shape(kinds)}, not {value!r}")
    if meta["one_of"] and value not in meta["one_of"]:
        raise SettingsError(
            name, f"must be one of {', '.join(map(repr, meta['one_of']))}, not {value!r}"
        )
    if type(value) in (int, float) and value < meta["low"]:
        raise SettingsError(name, f"must be at least {meta['low']}, not {value!r}")
    if isinstance(value, list) and not all(
        isinstance(item, str) or callable(item) for item in value
    ):
        raise SettingsError(name, "must be a list of strings")
    return value


def _callable(name: str) -> bool:
    return name in ("user_id", "console", "before_send")


def _shape(kinds: tuple[type, ...]) -> str:
    names = [kind.__name__ for kind in kinds if isinstance(kind, type) and kind is not type(None)]
    return " or ".join(names) or "a value of its type"


def _check_together(settings: Settings) -> None:
    if settings.cookie_max_age > 400 * 86400:
        raise SettingsError("cookie_max_age", "browsers cut it at 400 days (34560000 s); give less")
    if not settings.cookie_name.replace("_", "a").replace("-", "a").isalnum():
        raise SettingsError("cookie_name", "may hold letters, digits, - and _ only")
    path = settings.path
    if path and not path.replace("-", "a").replace("_", "a").isalnum():
        raise SettingsError(
            "path", "is one path segment of letters, digits, - and _, without slashes"
        )
    if isinstance(settings.bait, str) and not _BAIT(settings.bait):
        raise SettingsError("bait", "is True, or the https:// address of a tracker")
    if settings.client_global and not settings.client_global.isidentifier():
        raise SettingsError("client_global", "must be a JavaScript identifier")
    _check_write_keys(settings.write_keys)
    _check_reconcile(settings.reconcile)
    if settings.min_free:
        free_bytes(settings.min_free, total=1)
    Patterns(settings.redact_patterns)
    for url in settings.destinations:
        address(url)
    for host in settings.linked_domains:
        if not _HOST.fullmatch(host):
            raise SettingsError(
                "linked_domains", f"holds hosts such as shop.example.com, not {host[:60]!r}"
            )
    for banner in settings.banners:
        name = banner.partition("?")[0] if isinstance(banner, str) else "."
        if name not in BANNERS and "." not in name:
            raise SettingsError(
                "banners", f"knows {', '.join(BANNERS)} and dotted paths, not {name[:40]!r}"
            )
    for vendor in settings.bridge:
        if vendor not in BRIDGED:
            raise SettingsError("bridge", f"knows {', '.join(BRIDGED)}, not {str(vendor)[:40]!r}")


def _check_write_keys(keys: Mapping[Any, Any]) -> None:
    for key, platform in keys.items():
        # "server" is the origin of our own ids; SDKs send keys as a user name, which has no colon.
        if not isinstance(key, str) or not _WRITE_KEY(key) or key == "server":
            raise SettingsError(
                "write_keys",
                "a write key has 1 to 100 letters, digits, - . and _, and is not server",
            )
        if platform not in PLATFORMS:
            raise SettingsError(
                "write_keys", f"a key's platform is one of {', '.join(PLATFORMS)}, not {platform!r}"
            )


def _check_reconcile(rules: Mapping[Any, Any]) -> None:
    for event, rule in rules.items():
        if not isinstance(rule, Mapping) or not all(
            isinstance(said, str) for said in rule.values()
        ):
            raise SettingsError("reconcile", f"{event!r} wants a dict of texts")
        lacking = [name for name in ("source", "id", "time") if not rule.get(name)]
        if lacking:
            raise SettingsError("reconcile", f"{event!r} does not say its {lacking[0]}")
        for name in rule:
            if name not in RULE:
                raise SettingsError(
                    "reconcile", f"{event!r}: it knows {', '.join(RULE)}, not {name!r}"
                )


#: What ``reconcile`` may say of an event.
RULE = ("source", "sql", "id", "time", "sum", "user", "anonymous", "time_zone")

_WRITE_KEY = re.compile(r"[A-Za-z0-9._-]{1,100}").fullmatch

#: Loopback is for tests.
_BAIT = re.compile(r"https://[^\s/]+\S*|http://(?:127\.0\.0\.1|localhost)[:/]\S*").fullmatch

#: A host as a browser names it: letters (of other scripts in punycode), digits, hyphens, dots.
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII | re.IGNORECASE)
