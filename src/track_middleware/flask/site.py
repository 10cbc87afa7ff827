"""One Flask app's tracker: how its requests are answered, and what Flask knows of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, has_request_context, request, session
from flask.globals import app_ctx

from .. import wiring as wirings
from ..errors import TrackError
from ..http import by_name
from ..wsgi import KEY, answer, ours
from ..wsgi.head import renewed

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from ..tracking.exchange import Exchange
    from ..wiring import Wiring
    from ..wsgi.boundary import Headers

logger = logging.getLogger("track_middleware")

#: Where Flask keeps its contexts: what its proxies look up, by a call less.
_APP, _REQUESTED = cast(Any, app_ctx).__wrapped__, cast(Any, request).__wrapped__

#: Where a request's environ keeps Flask's own request, and what lies in ``g``, for later.
_REQUEST, _G = "track_middleware.flask.request", "track_middleware.flask.g"

#: Where Flask-Login keeps in ``g`` whom it has loaded.
_LOADED = "_login_user"


class Site:
    """One Flask app's tracker, built at its first request."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._inner: WSGIApplication = app.wsgi_app
        self._wiring: Wiring | None = None
        #: How a request is answered, and whether the ``user_id`` setting is asked in it.
        self._answer: WSGIApplication | None = None
        self._asks = False
        self._error: TrackError | None = None
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (self._answer or self._ready())(environ, start_response)

    def _ready(self) -> WSGIApplication:
        """How requests are answered. Settings that cannot be used are an error in development, and
        one log line in production, where the pages go on without us."""
        try:
            wiring = self.wiring
        except TrackError as error:
            if self._app.debug or self._app.testing:
                raise
            if self._error is None:
                self._error = error
                logger.error("nothing is tracked: %s", error)
            return self._inner
        self._asks = wiring.asks_user
        if self._asks:
            self._answer = partial(self._asked, wiring)
        else:
            self._answer = partial(answer, self._inner, wiring, self._seen, self._starts)
        return self._answer

    def _asked(
        self, wiring: Wiring, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """The answer where the ``user_id`` setting says who a user is."""
        asked, loaded = partial(self._asked_about, environ), partial(self._loaded_user, environ)
        look = wiring.user_look(asked, loaded)
        return answer(self._inner, wiring, look, self._notes, environ, start_response)

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

    def _starts(
        self, exchange: Exchange, environ: WSGIEnvironment, said: Headers | None
    ) -> Headers | None:
        """Notes what Flask knows in the app's own context: the rule that has matched, the user whom
        Flask-Login has loaded, and, when headers are said, a campaign, which a query brings; the
        headers that set its session anew."""
        try:  # the boundary, as ``ours`` is, by a call less
            context = _REQUESTED.get(None)
            if context is None or context.app is not self._app:
                return None
            rule = context.request.url_rule
            exchange.route = None if rule is None else rule.rule
            lying = _APP.get().g.__dict__
            if _LOADED in lying and not self._asks:
                exchange.loaded_user = partial(_user_in, lying)
            if said is not None and environ.get("QUERY_STRING"):
                name = self._app.config["SESSION_COOKIE_NAME"]
                if name in environ.get("HTTP_COOKIE", ""):  # which most visitors have not
                    return self._mirror(exchange, said)
        except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
            self.wiring.trouble(error)
        return None

    def _notes(
        self, exchange: Exchange, environ: WSGIEnvironment, said: Headers | None
    ) -> Headers | None:
        """Notes also whom the ``user_id`` setting is asked, and where Flask-Login's user lies."""
        changed = self._starts(exchange, environ, said)
        ours(self.wiring, self._note, environ)
        return changed

    def _note(self, environ: WSGIEnvironment) -> None:
        context = _REQUESTED.get(None)
        if context is not None and context.app is self._app:
            environ[_G], environ[_REQUEST] = vars(_APP.get().g), context.request

    def matched(self, *_app: Flask, **_more: Any) -> None:
        """Notes earlier than at the response's start: for a verb, when an exception has come to
        Flask, or as Flask's first ``before_request`` function."""
        exchange = wirings.CURRENT.get()
        if exchange is None or self._wiring is None or not has_request_context():
            return
        if not _is_here(exchange):
            return
        if self._asks:
            self._notes(exchange, request.environ, None)
        else:
            self._starts(exchange, request.environ, None)

    def _seen(self) -> str | None:
        """The user whom Flask-Login has loaded, in the request's context; ``_starts`` notes whom it
        has loaded there, for the time behind it."""
        if _REQUESTED.get(None) is None:
            return None
        self.matched()
        exchange = wirings.CURRENT.get()
        return _user_in(vars(_APP.get().g)) if exchange and _is_here(exchange) else None

    def _loaded_user(self, environ: WSGIEnvironment) -> str | None:
        """The same for the ``user_id`` setting, behind it."""
        if _G not in environ:
            self.matched()
        return _user_in(environ.get(_G, {}))

    def _asked_about(self, environ: WSGIEnvironment) -> Any:
        """What the ``user_id`` setting is asked about: Flask's own request, once it is there."""
        if _REQUEST not in environ:
            self.matched()
        return environ.get(_REQUEST)

    def _mirror(self, exchange: Exchange, given: Headers) -> Headers | None:
        """Puts a campaign into the session that the request came with, which is saved anew; the
        headers that say so. The given ones may lie in a cache, for everybody."""
        app, name = self._app, self._app.config["SESSION_COOKIE_NAME"]
        if not exchange.has_news or name not in request.cookies:
            return None
        said, headers = by_name(given), [*given]
        campaign = exchange.mirror(said)
        if not campaign or app.session_interface.is_null_session(session):
            return None
        session["track_campaign"] = campaign
        saved = app.response_class()
        app.session_interface.save_session(app, session._get_current_object(), saved)  # type: ignore[attr-defined]
        renewed(headers, name, saved.headers.getlist("Set-Cookie"))
        if "cookie" in saved.vary and "cookie" not in said.get("vary", "").lower():
            headers.append(("Vary", "Cookie"))
        return headers

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


def _is_here(exchange: Exchange) -> bool:
    """Whether Flask's context is this exchange's, not one within which its request is served."""
    return request.environ.get(KEY) is exchange


def _user_in(lying: Mapping[str, Any]) -> str | None:
    """The id of the user who lies in ``g``; "" for nobody, None for not loaded."""
    user = lying.get(_LOADED)
    if user is None:
        return None
    return str(user.get_id()) if user.is_authenticated else ""


def _text(key: str | bytes | None) -> str:
    return key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else key or ""
