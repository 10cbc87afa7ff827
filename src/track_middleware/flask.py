"""The Flask face: ``Track(app)``, over the WSGI face.

Settings are read from ``app.config["TRACK"]`` at the app's first request, so that they may be set
after ``Track(app)``; what is there before is checked at once.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from flask import (
    Flask,
    current_app,
    got_request_exception,
    has_app_context,
    has_request_context,
    request,
    session,
)
from flask.cli import with_appcontext
from flask.globals import app_ctx
from markupsafe import Markup

from . import wiring as wirings
from .delivery import startup
from .errors import TrackError
from .http import by_name
from .proxy import slots
from .tracking.banner import banner
from .tracking.inject import PLACEHOLDER
from .wsgi import answer, ours

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from .tracking.exchange import Exchange
    from .tracking.identity import LoadedUser
    from .wiring import Wiring
    from .wsgi.boundary import Headers

logger = logging.getLogger("track_middleware")

#: Under which an app's site is kept: ``app.extensions[NAME]``.
NAME = "track_middleware"


class Track:
    """Tracks Flask apps: ``Track(app)``, or ``track = Track()`` and ``track.init_app(app)``."""

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Puts the tracker around an app; SettingsError for settings that are there and wrong."""
        settings = startup.loaded(app.config.get("TRACK", {}), {})
        for problem in slots.problems(settings.proxies):
            raise problem
        site = _Site(app)
        app.extensions[NAME] = site
        app.wsgi_app = site  # type: ignore[method-assign]
        app.add_template_global(_track_script, "track_script")
        app.add_template_global(_track_banner, "track_banner")
        app.cli.add_command(_command)
        app.app_ctx_globals_class = _with_track(app.app_ctx_globals_class)
        got_request_exception.connect(site.matched, app)  # it may come to no response
        if find_spec("flask_login"):
            site.follow_sign_ins()


class _Site:
    """One Flask app's tracker, built at its first request."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._inner: WSGIApplication = app.wsgi_app
        self._wiring: Wiring | None = None
        self._error: TrackError | None = None
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        wiring = self._wiring or self._ready()
        if wiring is None:
            return self._inner(environ, start_response)
        look: LoadedUser | None = partial(self._loaded_user, environ)
        if wiring.asks_user:
            look = wiring.user_look(partial(self._asked_about, environ), look)
        return answer(
            self._inner, wiring, environ, start_response, loaded_user=look, starting=self._starts
        )

    def _ready(self) -> Wiring | None:
        """The wiring, or None where its settings cannot be used: an error in development, and one
        log line in production, where the pages go on without us."""
        try:
            return self.wiring
        except TrackError as error:
            if self._app.debug or self._app.testing:
                raise
            if self._error is None:
                self._error = error
                logger.error("nothing is tracked: %s", error)
            return None

    @property
    def wiring(self) -> Wiring:
        """The app's wiring, built when it is first asked for."""
        with self._lock:
            if self._wiring is None:
                self._wiring = wirings.build(
                    self.given, defaults=self.defaults, name=f"Flask app {self._app.name}"
                )
                self._wiring.console.about = self._about
                # Only Flask itself surely starts its response in its context.
                is_inmost = getattr(self._inner, "__self__", None) is self._app
                if self._wiring.settings.cookieless or not is_inmost:
                    self._app.before_request_funcs.setdefault(None, []).insert(0, self.matched)
            return self._wiring

    @contextmanager
    def _about(self, environ: Any) -> Iterator[Any]:
        """The request that the console's callable is asked about, in its context: with its session
        and its extensions."""
        with self._app.request_context(environ):
            yield request._get_current_object()  # type: ignore[attr-defined]

    def collisions(self) -> list[tuple[str, str]]:
        """The app's routes that lie under our own path and are never asked; for ``doctor``."""
        try:
            start = f"/{self.wiring.tracker.core.prefix}/"
        except TrackError:
            return []  # told as what cannot be used
        rules = [each.rule for each in self._app.url_map.iter_rules()]
        fix = "set path to a name that no route begins with"
        return [
            ("path", f"the route {rule} lies under our own path; {fix}")
            for rule in rules
            if rule.startswith(start)
        ]

    @property
    def given(self) -> Mapping[str, Any]:
        """What the app's configuration says."""
        return dict(self._app.config.get("TRACK", {}))

    @property
    def defaults(self) -> Mapping[str, Any]:
        """What the app itself says where its settings do not."""
        config = self._app.config
        former = config.get("SECRET_KEY_FALLBACKS") or ()
        return {
            "debug": bool(self._app.debug),
            "data_dir": str(Path(self._app.instance_path) / "track"),
            "secret_key": _text(config.get("SECRET_KEY")),
            "secret_key_fallbacks": [_text(key) for key in former],
        }

    def _starts(self, exchange: Exchange, environ: WSGIEnvironment, said: Headers | None) -> None:
        """Notes what Flask knows in the app's own context: the rule that has matched, where
        Flask-Login's user lies, and, when headers are said, a campaign, which a query brings."""
        try:
            context, seen = _APP.get(), _REQUESTED.get().request
        except (LookupError, RuntimeError):
            return
        if context.app is not self._app:
            return
        rule = seen.url_rule
        exchange.route = rule.rule if rule is not None else None
        environ[_G] = vars(context.g)
        if self._wiring is not None and self._wiring.asks_user:
            environ[_REQUEST] = seen
        if said is not None and environ.get("QUERY_STRING"):
            name = self._app.config["SESSION_COOKIE_NAME"]  # which most visitors have not
            if name in environ.get("HTTP_COOKIE", "") and exchange.has_news:
                self._mirror(exchange, said)

    def matched(self, *_app: Flask, **_more: Any) -> None:
        """Notes earlier than at the response's start: for a verb, when an exception has come to
        Flask, or as Flask's first ``before_request`` function."""
        exchange = wirings.CURRENT.get()
        if exchange is not None and self._wiring is not None and has_request_context():
            ours(self._wiring, self._starts, exchange, request.environ, None)

    def _loaded_user(self, environ: WSGIEnvironment) -> str | None:
        """The id of the user that Flask-Login has loaded; "" for nobody, None for not loaded."""
        if _G not in environ:
            self.matched()
        lying = environ.get(_G)
        user = None if lying is None else lying.get("_login_user")
        if user is None:
            return None
        return str(user.get_id()) if user.is_authenticated else ""

    def _asked_about(self, environ: WSGIEnvironment) -> Any:
        """What the ``user_id`` setting is asked about: Flask's own request, once it is there."""
        if _REQUEST not in environ:
            self.matched()
        return environ.get(_REQUEST)

    def _mirror(self, exchange: Exchange, headers: Headers) -> None:
        """Puts a campaign into the session that the request came with, which is saved anew."""
        app, name = self._app, self._app.config["SESSION_COOKIE_NAME"]
        if name not in request.cookies:
            return
        said = by_name(headers)
        campaign = exchange.mirror(said)
        if not campaign or app.session_interface.is_null_session(session):
            return
        session["track_campaign"] = campaign
        saved = app.response_class()
        app.session_interface.save_session(app, session._get_current_object(), saved)  # type: ignore[attr-defined]
        for header in list(headers):
            if header[0].lower() == "set-cookie" and header[1].startswith(f"{name}="):
                headers.remove(header)
        headers += [("Set-Cookie", line) for line in saved.headers.getlist("Set-Cookie")]
        if "cookie" in saved.vary and "cookie" not in said.get("vary", "").lower():
            headers.append(("Vary", "Cookie"))

    def follow_sign_ins(self) -> None:
        """Listens to Flask-Login."""
        from flask_login import user_logged_in, user_logged_out

        user_logged_in.connect(self._signed_in, self._app)
        user_logged_out.connect(self._signed_out, self._app)

    def _signed_in(self, _app: Flask, *, user: Any, **_more: Any) -> None:
        exchange = wirings.CURRENT.get()
        if exchange is not None and self._wiring is not None:
            ours(self._wiring, exchange.signed_in, str(user.get_id()))

    def _signed_out(self, _app: Flask, *, user: Any = None, **_more: Any) -> None:
        exchange = wirings.CURRENT.get()
        if exchange is not None and self._wiring is not None:
            known = user is not None and user.is_authenticated
            ours(self._wiring, exchange.signed_out, str(user.get_id()) if known else None)


def _with_track(globals_class: type[Any]) -> type[Any]:
    """The app's class of ``g`` with ``g.track``: the exchange of the request, None without one."""
    return type(globals_class.__name__, (globals_class,), {"track": property(_current)})


def _current(_g: object) -> Exchange | None:
    return wirings.CURRENT.get()


#: Where Flask keeps its contexts: what its proxies look up, by a call less.
_APP, _REQUESTED = cast(Any, app_ctx).__wrapped__, cast(Any, request).__wrapped__

#: Where a request's environ keeps Flask's own request, and what lies in ``g``, for later.
_REQUEST, _G = "track_middleware.flask.request", "track_middleware.flask.g"


def _text(key: str | bytes | None) -> str:
    return key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else key or ""


def _track_script() -> Markup:
    """``{{ track_script() }}``: where the tag goes."""
    return Markup(PLACEHOLDER)


def _track_banner(**words: Any) -> Markup:
    """``{{ track_banner(text=…, accept=…, reject=…, label=…, version=…, purposes=…) }}``: our own
    banner, the same bytes for everybody."""
    site: _Site = current_app.extensions[NAME]
    root = request.script_root if has_request_context() else ""
    return Markup(banner(site.wiring.tracker.core, root, **words))


def _wiring_of_current_app() -> Wiring | None:
    site = current_app.extensions.get(NAME) if has_app_context() else None
    return None if site is None else site.wiring


wirings.FINDERS.insert(0, _wiring_of_current_app)  # an app's context says more than a process


@click.command("track", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def _command(arguments: tuple[str, ...]) -> None:
    """The track-middleware verbs with this app's settings."""
    from . import cli

    site: _Site = current_app.extensions[NAME]
    status = cli.run(
        list(arguments), given=site.given, defaults=site.defaults, checks=site.collisions
    )
    sys.exit(status)
