"""Settings become a tracker, a spool and a keeper; and which tracker a verb means."""

from __future__ import annotations

import os
import socket
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from . import __version__, domains, dotted
from .console.site import Console
from .delivery import startup
from .delivery.counters import Counters
from .delivery.handover import NO_OUTBOX
from .delivery.keeper import Keeper
from .delivery.outbox import Outbox
from .delivery.spool import Spool
from .errands import Errands
from .errors import NoTracker, TrackError
from .event import Entry, Last, decode_entry, encoded
from .places import claims, planned, prefixes, salts, scripts, secret, whole_plan
from .proxy.slots import Proxies
from .serving import Serving
from .settings import NAMES, Settings
from .stock import Stock
from .tracking import ids
from .tracking.exchange import Exchange
from .tracking.identity import LoadedUser
from .tracking.seams import Seams
from .tracking.tracker import Tracker
from .trouble import Refusals, Trouble

#: The exchange of the request that is being served in this context.
CURRENT: ContextVar[Exchange | None] = ContextVar("track_middleware_exchange", default=None)

#: Takes an append to run later (at a transaction's commit) and says whether it did.
Defer = Callable[[Callable[[], None]], bool]


class Wiring:
    """One site's parts, put together: what a face and the verbs need."""

    def __init__(
        self,
        settings: Settings,
        *,
        defer: Defer | None = None,
        outbox: Outbox | None = None,
        name: str = "",
    ) -> None:
        data_dir = Path(settings.data_dir)
        keys = [*reversed(settings.secret_key_fallbacks), settings.secret_key or secret(data_dir)]
        settings = replace(settings, secret_key=keys[-1])
        self.settings = settings
        #: Whether this process delivers by itself, after each response.
        self.is_inline = settings.deliver == "inline"
        self.name = name or str(data_dir)
        self.data_dir = data_dir
        self.counters = Counters(data_dir / "counters")
        self._outbox = outbox if settings.outbox else None
        origin = self._outbox.origin if self._outbox else NO_OUTBOX
        self.keeper = Keeper(settings, data_dir=data_dir, outbox=origin)
        self.spool = Spool(
            data_dir,
            now=time.time,
            min_free=settings.min_free,
            on_first=self._first_event,
            count=Refusals(self.counters.add, clock=time.monotonic),
        )
        self._defer = defer
        self._user_id = dotted.resolved("user_id", settings.user_id)
        #: Whether ``user_look`` has anybody to ask but the face's own ``look``.
        self.asks_user = self._user_id is not None
        #: The one boundary's verdict on an error of ours.
        self.trouble = Trouble(
            raises=settings.debug or settings.strict, count=self.counters.add, clock=time.monotonic
        )
        self.proxies = Proxies(settings, keys, data_dir / "cache")
        self.console = Console(settings, keys, data_dir, now=time.time)
        self.errands = Errands({"proxy": self.proxies.begin, "console": self.console.begin})
        self.tracker = Tracker(settings, self._seams(keys))
        #: As the tracker's, by one call less.
        self.open = partial(Exchange, self.tracker.core)
        _built.add(self)

    def _seams(self, keys: Sequence[str]) -> Seams:
        direct = self._defer is None and self._outbox is None and not self.is_inline
        plan = planned(self.settings)
        return Seams(
            now=time.time,
            new_id=Stock().new_id,
            sink=plan.checked(self.last_sink if direct else self.sink),
            last_sink=self.last_sink,
            keep=self._keep if direct and self.settings.enabled and not plan.checks else None,
            last_keep=self._keep if self.settings.enabled else None,
            count=self.counters.add,
            trouble=self.trouble,
            keys=keys,
            prefixes=prefixes(self.settings, keys, self.data_dir, now=time.time()),
            scripts=scripts(),
            version=__version__,
            domain_of=domains.rule(self.settings.cookie_domain),
            claim=claims(self.data_dir),
            site_of=domains.rule("auto" if self.settings.bridge else ""),
            slots=self.proxies.slots,
            resolved=dotted.resolved,
            salt=salts(self.data_dir),
            plan=plan,
            serving=Serving(self.data_dir),
        )

    def user_look(
        self, request: Callable[[], object], look: LoadedUser | None
    ) -> LoadedUser | None:
        """How an exchange learns its user: the ``user_id`` setting is asked about the framework's
        own request; where it has no answer, or is not set, the face's ``look`` decides."""
        ask = self._user_id
        if ask is None:
            return look

        def asked() -> str | None:
            about = request()
            answer = None if about is None else ask(about)
            user = answer if answer == "" else ids.user(answer)
            return look() if user is None and look is not None else user

        return asked

    def _first_event(self) -> None:
        """Before a process's first frame: its counters have their file, somebody delivers."""
        self.counters.prepare()
        self.keeper.first_event()

    def sink(self, entries: Sequence[Last]) -> bool:
        """Where the verbs' entries go: the outbox, a transaction's end where one is open, else as
        the last."""
        kept = None if _captures else self._to_outbox(entries)
        if kept is None and self._defer is not None and not _captures:
            deferred = self._deferred(entries, self._defer)
            if deferred is not None:
                return deferred
        if kept is None:
            kept = self.last_sink(entries)
        if not _captures and CURRENT.get() is None:
            self.after_response()
        return kept

    def last_sink(self, entries: Sequence[Last]) -> bool:
        """Where entries go at once: the spool, or a test's list."""
        if _captures:
            read = [decode_entry(encoded(entry)) for entry in entries]
            for take in _captures:
                take(read)
            return True
        return self.spool.append(entries) if self.settings.enabled else False

    def _keep(self, frame: bytes) -> bool:
        return self.last_sink((frame,)) if _captures else self.spool.keep(frame)

    def _to_outbox(self, entries: Sequence[Last]) -> bool | None:
        """Whether the outbox has the entries; None when they are kept without it."""
        if self._outbox is None or not self.settings.enabled:
            return None
        frames = self.spool.encode(entries)
        if frames is None:
            return False
        if not self._outbox.keep(frames):
            return None
        self._first_event()
        return True

    def _deferred(self, entries: Sequence[Last], defer: Defer) -> bool | None:
        """Whether entries that wait for a commit will be kept; None when they need not wait. They
        are encoded as they are now."""
        waiting: list[bytes] = []

        def append() -> None:
            for frames in waiting:
                self.spool.write(frames)

        if not self.settings.enabled or not defer(append):
            return None
        frames = self.spool.encode(entries)
        if frames is not None:
            waiting.append(frames)
        return frames is not None

    def after_response(self) -> None:
        """What a face calls when a response's body is done, and a verb outside a request when its
        event is kept: ``inline`` delivers here. A store that fails costs nothing but time."""
        if not self.is_inline:
            return
        try:
            self.keeper.drain_inline()
        except (OSError, TrackError) as error:
            self.trouble(error)

    def flush(self, timeout: float) -> bool:
        """Waits until what this process has accepted is delivered or in the store's retries."""
        waits = self._outbox.waits if self._outbox else lambda: False
        return self.keeper.flush(timeout, waits=waits)


def build(
    given: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    defer: Defer | None = None,
    outbox: Outbox | None = None,
    name: str = "",
) -> Wiring:
    """A wiring from a face's settings, over the face's own defaults and under ``TRACK_*``;
    SettingsError names what cannot be used."""
    settings = startup.loaded(given, os.environ, defaults=defaults)
    data_dir = Path(settings.data_dir or ".track").absolute()
    host = settings.data_host or socket.gethostname()
    plan = whole_plan(settings.plan)
    settings = replace(settings, data_dir=str(data_dir), data_host=host, plan=plan)
    return Wiring(settings, defer=defer, outbox=outbox, name=name)


# Which tracker a verb means.

_built: weakref.WeakSet[Wiring] = weakref.WeakSet()
_configured: list[Wiring] = []
_captures: list[Callable[[Sequence[Entry]], None]] = []

#: Asked in turn by a verb outside a request: Django's settings, Flask's current app. A face adds
#: its own when it is imported.
FINDERS: list[Callable[[], Wiring | None]] = []


def configure(given: Mapping[str, Any]) -> Wiring:
    """Sets this process's tracker; a further call replaces it."""
    wiring = build(given)
    _configured[:] = [wiring]
    return wiring


def found() -> Wiring:
    """The wiring that a verb outside a request means; NoTracker names them when it is not clear."""
    for finder in FINDERS:
        wiring = finder()
        if wiring is not None:
            return wiring
    if _configured:
        return _configured[0]
    known = list(_built)
    if len(known) == 1:
        return known[0]
    if known:
        names = ", ".join(sorted(each.name for each in known))
        raise NoTracker(
            f"this process has several trackers ({names}); call the verb in a request, "
            "or track_middleware.configure(…) once"
        )
    if any(f"TRACK_{name.upper()}" in os.environ for name in NAMES):
        return configure({})
    raise NoTracker(
        "no tracker is set up: add the middleware, call track_middleware.configure(…), "
        "or set TRACK_DATA_DIR"
    )


@contextmanager
def captured(take: Callable[[Sequence[Entry]], None]) -> Iterator[None]:
    """While it lasts, every entry of this process goes to ``take`` and nowhere else, as it is at
    that moment and as a worker would read it."""
    _captures.append(take)
    try:
        yield
    finally:
        _captures.remove(take)
