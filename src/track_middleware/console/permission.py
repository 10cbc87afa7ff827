"""Who may see the console: a token, a callable's word, or whoever sits at a developer's machine.

What changes something also needs the form's own token, which only a page of the console can have.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import ipaddress
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .. import dotted
from ..errors import SettingsError
from ..http import Request
from ..settings import Settings
from ..tracking.cookies import value_of
from ..tracking.signing import Seal

#: How long somebody stays signed in, in seconds.
LIFE = 12 * 3600

#: Fewest characters of a token: one that is shorter can be guessed.
SHORTEST = 16

#: Says whether a request (the framework's own) is an operator's.
Says = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Pass:
    """What one request may do. ``form``: what its forms must hold, with the cookie that they stand
    on; ``cookie`` is None where the browser has it already. ``is_bearer``: no browser sends its
    header by itself, so that no form is needed. ``signed_in``: by the token, and may sign out."""

    allowed: bool
    form: str
    cookie: str | None = None
    is_bearer: bool = False
    signed_in: bool = False


class Permission:
    """The setting ``console``, ready to be asked. ``keys`` run from the oldest to the newest.

    SettingsError for a token that is too short, or a path where no callable is.
    """

    def __init__(
        self, settings: Settings, keys: Sequence[str], *, now: Callable[[], float]
    ) -> None:
        given = settings.console
        self.token = given if isinstance(given, str) and not is_path(given) else ""
        self._says = said_by(given)
        self._is_development = settings.debug and given is None
        self._now = now
        self.cookie = f"{settings.cookie_name}_op"
        self._seal = Seal(keys, "track-middleware/console/1")
        self._forms = Seal(keys, "track-middleware/console-form/1")

    def asked(self, request: object) -> bool | None:
        """What the callable says of the framework's own request; None without one."""
        return None if self._says is None else bool(self._says(request))

    def given(self, request: Request, said: bool | None) -> Pass:
        """What a request may do. ``said``: the callable's word."""
        value = self._held(request)
        cookie = None
        if value is None:
            value = cookie = self._fresh("")
        form = self._forms.sign(value.encode()).rpartition(".")[2]
        if said is not None:
            return Pass(said, form, cookie)
        if self._is_development:
            return Pass(is_developers(request), form, cookie)
        bearer = request.header("authorization")
        if self.token and bearer[:7].lower() == "bearer ":
            return Pass(self.is_token(bearer[7:].strip()), form, cookie, is_bearer=True)
        signed_in = bool(self.token) and value.split(".")[2] == self._mark()
        return Pass(signed_in, form, cookie, signed_in=signed_in)

    def is_token(self, said: str) -> bool:
        """Whether somebody knows the token."""
        return bool(self.token) and _same(said, self.token)

    def signed_in(self) -> str:
        """The cookie of somebody who has shown the token."""
        return self._fresh(self._mark())

    def _fresh(self, mark: str) -> str:
        text = f"{int(self._now())}.{secrets.token_urlsafe(12)}.{mark}"
        return self._seal.sign(text.encode())

    def _held(self, request: Request) -> str | None:
        """The cookie's value, if it is one of ours and not too old."""
        value = value_of(request.cookie, self.cookie)
        text = self._seal.open(value) if value else None
        if text is None:
            return None
        at = text.partition(b".")[0]
        age = self._now() - int(at) if at.isdigit() else LIFE
        return value if -60 < age < LIFE else None

    def _mark(self) -> str:
        """Which token it was: a new one signs everybody out."""
        return hashlib.sha256(b"track-middleware/console/" + self.token.encode()).hexdigest()[:24]


def is_path(given: str) -> bool:
    """Whether a text names a callable (``package.module.function``) and is no token."""
    parts = given.replace(":", ".").split(".")
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


def said_by(given: str | Says | None) -> Says | None:
    """The callable of the setting; None for a token. SettingsError for what can be neither."""
    if given is None or (isinstance(given, str) and not is_path(given)):
        if given is not None and len(given) < SHORTEST:
            raise SettingsError("console", f"a token has {SHORTEST} characters or more")
        return None
    path = given.replace(":", ".") if isinstance(given, str) else given
    says = dotted.resolved("console", path)
    if inspect.iscoroutinefunction(says):
        raise SettingsError("console", "is asked in a thread that may wait: give a plain function")
    return says


def is_developers(request: Request) -> bool:
    """Whether it comes from this machine and was meant for it: no proxy between, and no page of a
    stranger's that calls this machine by another name (DNS rebinding)."""
    forwarded = any(map(request.header, ("x-forwarded-for", "forwarded", "x-real-ip", "via")))
    return not forwarded and _is_loopback(request.peer) and _is_loopback(_name(request.host))


def is_own(request: Request) -> bool:
    """Whether a browser says that a form was sent by a page of this host. One that says nothing has
    the form's token as its only witness."""
    site = request.header("sec-fetch-site")
    if site:
        return site == "same-origin"
    origin = request.header("origin")
    try:
        return not origin or urlsplit(origin).netloc.lower() == request.host.lower()
    except ValueError:
        return False


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def is_form(said: str, expected: str) -> bool:
    """Whether a form holds the token of its page."""
    return _same(said, expected)


def _name(host: str) -> str:
    """A Host header without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
