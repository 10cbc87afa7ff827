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
from typing import TYPE_CHECKING, Any

import click
from flask import (
    Flask,
    Response,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    session,
)
from flask.cli import with_appcontext
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
        app.after_request_funcs.setdefault(None, []).insert(0, site.mirrored)
        app.add_template_global(_track_script, "track_script")
        app.add_template_global(_track_banner, "track_banner")
        app.cli.add_command(_command)
        app.app_ctx_globals_class = _with_track(app.app_ctx_globals_class)
        app.before_request_funcs.setdefault(None, []).insert(0, site.matched)
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
        look: LoadedUser | None = partial(_loaded_user, environ)
        if wiring.asks_user:
            look = wiring.user_look(partial(environ.get, _REQUEST), look)
        return answer(self._inner, wiring, environ, start_response, loaded_user=look)

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

    def matched(self) -> None:
        """Flask's first ``before_request`` function: a rule has matched, and nothing of the app has
        run yet. Flask-Login's user will lie in ``g``."""
        exchange, wiring = wirings.CURRENT.get(), self._wiring
        if exchange is None or wiring is None:
            return
        seen = request._get_current_object()  # type: ignore[attr-defined]
        rule = seen.url_rule
        exchange.route = rule.rule if rule is not None else None
        seen.environ[_G] = g._get_current_object()
        if wiring.asks_user:
            seen.environ[_REQUEST] = seen

    def mirrored(self, response: Response) -> Response:
        """Flask's last ``after_request`` function: its session is saved right after it."""
        exchange = wirings.CURRENT.get()
        if self._wiring is not None and exchange is not None and exchange.has_news:
            ours(self._wiring, self._mirror, exchange, response)
        return response

    def _mirror(self, exchange: Exchange, response: Response) -> None:
        name = self._app.config["SESSION_COOKIE_NAME"]
        # Most visitors have none, and Werkzeug takes long to read cookies.
        if name not in request.environ.get("HTTP_COOKIE", "") or name not in request.cookies:
            return
        campaign = exchange.mirror(by_name(response.headers))
        if campaign and not self._app.session_interface.is_null_session(session):
            session["track_campaign"] = campaign

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


#: Where a request's environ keeps Flask's own objects beyond their context.
_REQUEST, _G = "track_middleware.flask.request", "track_middleware.flask.g"


def _loaded_user(environ: WSGIEnvironment) -> str | None:
    """The id of the user that Flask-Login has loaded; "" for nobody, None for not loaded."""
    lying = environ.get(_G)
    user = None if lying is None else lying.get("_login_user")
    if user is None:
        return None
    return str(user.get_id()) if user.is_authenticated else ""


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
