"""The Flask face: ``Track(app)``, over the WSGI face.

Settings are read from ``app.config["TRACK"]`` at the app's first request, so that they may be set
after ``Track(app)``; what is there before is checked at once.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click
from flask import (
    Flask,
    current_app,
    got_request_exception,
    has_app_context,
    has_request_context,
    request,
)
from flask.cli import with_appcontext
from markupsafe import Markup

from .. import wiring as wirings
from ..delivery import startup
from ..proxy import slots
from ..tracking.banner import banner
from ..tracking.inject import PLACEHOLDER
from ..wsgi import KEY
from .site import Site

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange
    from ..wiring import Wiring

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
        site = Site(app)
        app.extensions[NAME] = site
        app.wsgi_app = site  # type: ignore[method-assign]
        app.add_template_global(_track_script, "track_script")
        app.add_template_global(_track_banner, "track_banner")
        app.cli.add_command(_command)
        app.app_ctx_globals_class = _with_track(app.app_ctx_globals_class)
        got_request_exception.connect(site.matched, app)  # it may come to no response
        if find_spec("flask_login"):
            site.follow_sign_ins()


def _with_track(globals_class: type[Any]) -> type[Any]:
    """The app's class of ``g`` with ``g.track``: the exchange of the request, None without one."""
    return type(globals_class.__name__, (globals_class,), {"track": property(_current)})


def _current(_g: object) -> Exchange | None:
    exchange = wirings.CURRENT.get()
    if exchange is None and has_request_context():  # behind the end of its page
        exchange = request.environ.get(KEY)
    return exchange


def _track_script() -> Markup:
    """``{{ track_script() }}``: where the tag goes."""
    return Markup(PLACEHOLDER)


def _track_banner(**words: Any) -> Markup:
    """``{{ track_banner(text=…, accept=…, reject=…, label=…, version=…, purposes=…) }}``: our own
    banner, the same bytes for everybody."""
    site: Site = current_app.extensions[NAME]
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
    from .. import cli

    site: Site = current_app.extensions[NAME]
    status = cli.run(
        list(arguments), given=site.given, defaults=site.defaults, checks=site.collisions
    )
    sys.exit(status)
