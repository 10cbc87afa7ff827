"""The worker: drains every process's spool into the store and serves each destination.

One per data folder: whoever holds the lease. One thread drains; each destination has its own, with
its own connection, so that an outage of one delays no other.
"""

from __future__ import annotations

import logging
import os
import random as chance
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..destinations.registry import Route
from ..settings import Settings
from . import counters, held, ids, notes, plans, replaying, segments, servers
from .behind import Behind
from .drain import Drain
from .erasing import Erasing, erasers
from .guard import Guard
from .handover import NO_OUTBOX, Origin
from .lease import LOCK, STALE, Lease
from .outbox import Mover
from .parts import finisher, rules
from .replaying import Replays
from .retention import Retention
from .serve import Serve
from .servers import POLL, Servers, Serves
from .shares import rights
from .store import Deposed, Job, Log, opening
from .store.claims import claimed
from .store.whole import Store
from .transport import Deliver, Transport

logger = logging.getLogger("track_middleware")

#: How often a candidate tries, how often new replays are looked for, and how long a worker that
#: ends waits for a send that is under way, in seconds.
_TRY, _LOOK, _FAREWELL = 0.5, 1.0, 5.0


class Worker:
    """Drains and delivers one data folder. StoreError or SettingsError when it cannot start.
    ``place``: where its store is, and whether it still is there."""

    def __init__(
        self,
        settings: Settings,
        *,
        data_dir: Path,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = chance.random,
        transport: Transport | None = None,
        outbox: Origin = NO_OUTBOX,
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._now = now
        self._monotonic = monotonic
        self._random = random
        self._deliver = Deliver()
        self._transport = transport or self._deliver
        self._routes = plans.routes(settings)
        self._store = opening.opened(settings.store, data_dir, now=now, serves=bool(self._routes))
        self.place = opening.watched(settings.store, data_dir)
        self._lease = Lease(
            self._store.lease, data_dir / LOCK, owner=str(os.getpid()), monotonic=monotonic
        )
        self._rights = rights(self._store, monotonic=monotonic)
        self._guard = Guard(monotonic)
        self._count = counters.Counters(data_dir / counters.FOLDER).add
        self._drain = self._drain_into(self._store, renew=self._keep_lease)
        self._mover = Mover(outbox, drain=self._drain_into, now=now, guard=self._guard)
        self._replays = Replays(
            {route.name: route for route in self._routes},
            self._store,
            serve=self._serve,
            guard=self._guard,
            now=now,
            rights=self._rights,
        )
        self._behind = Behind(self._store, self._routes, zone=settings.time_zone, now=now)
        self._erasing = Erasing(
            self._store,
            data_dir,
            erasers=erasers(self._routes, settings.destinations),
            transport=self._transport,
            now=now,
            random=random,
        )
        self._servers = Servers(
            self._store,
            serve=self._serve_beside,
            guard=self._guard,
            now=now,
            monotonic=monotonic,
            rights=self._rights,
        )
        self._retention = Retention(
            self._store,
            settings,
            data_dir,
            names=[route.name for route in self._routes],
            now=now,
            monotonic=monotonic,
        )
        self._looked = monotonic()

    def once(self, patience: float = 10.0) -> bool:
        """Drains all, ends every merge window, serves until nothing is due; then lets go.

        False when another worker held the lease for ``patience`` seconds.
        """
        if not self._elected_within(patience):
            return False
        try:
            while self._drain.once(self._now()):
                self._keep_lease()
            self._mover.once(self._drain, self._store.identity())
            self._drain.end_windows()
            self._erase()
            self._serve_all()
            while self._behind.step() or self._retention.let_go():
                self._keep_lease()
            self._erase()
        finally:
            self._lease.release()
        return True

    def paused(self) -> dict[str, str]:
        """The destinations that get nothing for now, and why."""
        jobs = claimed(self._routes, self._store.jobs())
        now = self._now()
        return {name: job.pause_reason for name, job in jobs.items() if job.is_paused(now)}

    def run(self, stop: threading.Event) -> None:
        """Waits for the lease, then drains and delivers until ``stop``, or until the store was
        moved elsewhere; what was accepted by then is in the store."""
        while not (stop.is_set() or self.place.has_moved):
            if not self._guard("the election", self._elected):
                stop.wait(_TRY)
                continue
            deposed = not self._hold(stop)
            self._rights.release()
            self._lease.release()
            if deposed:
                logger.warning("another worker has taken over; this one waits")
                stop.wait(STALE)

    def close(self) -> None:
        """Closes the store, and the connections to destinations."""
        self._rights.release()
        self._lease.release()
        self._store.close()
        self._deliver.close()

    def _elected_within(self, patience: float) -> bool:
        deadline = self._monotonic() + patience
        while not self._elected():
            if self._monotonic() >= deadline:
                return False
            time.sleep(0.01)
        return True

    def _elected(self) -> bool:
        """Tries to become the holder; a former tenure's fence does not bind a new one."""
        self._store.fenced(None)
        try:
            if self.place.is_moving or not self._lease.acquire():
                return False
            self._begin()
        except Deposed:
            return False
        return True

    def _begin(self) -> None:
        """Fences the store to this lease, and gives destinations their jobs before the first drain,
        so that new ones get everything from it on."""
        self._store.fenced(self._lease.generation)
        self._store.claims.take(self._routes)
        notes.started(self._data_dir, self._settings)
        segments.sweep(self._data_dir)
        self._guard("the salts", self._retention.begin)
        ids.sweep(self._data_dir, {each.file for each in self._store.persons.open_erasures()})

    def _hold(self, stop: threading.Event) -> bool:
        """One tenure; False when it ended because another worker has taken over."""
        ended = threading.Event()
        threads: list[threading.Thread] = []
        try:
            threads = self._rights.start(ended)
            threads += [self._servers.start(route, ended) for route in self._routes]
            threads += self._mover.start(self._store, ended)
            while not (stop.is_set() or self.place.is_moving):
                if not self._guard("draining", self._turn):
                    stop.wait(POLL)
                self._guard("looking for replays", lambda: self._tend(ended))
            self._guard("the last draining", self._turn)
        except Deposed:
            return False
        finally:
            ended.set()
            for thread in (*threads, *self._replays.threads()):
                thread.join(_FAREWELL)
        return True

    def _turn(self) -> bool:
        """One turn of the drain; True when there may be more at once."""
        more = self._drain.once(self._now())
        self._keep_lease()
        more |= self._behind.turn(self._monotonic(), busy=more)
        self._retention.turn()
        self._erasing.turn(self._drain)
        return more

    def _erase(self) -> None:
        """Removes here whom somebody asked to erase, as ``once`` does everything."""
        while self._erasing.turn(self._drain):
            while self._drain.once(self._now()):
                self._keep_lease()

    def _tend(self, ended: threading.Event) -> bool:
        """Starts what has to run beside the live jobs; looks for it about once a second."""
        if self._monotonic() - self._looked > _LOOK:
            self._looked = self._monotonic()
            self._replays.tend(ended)
        return True

    def _keep_lease(self) -> None:
        if not self._lease.keep():
            raise Deposed("another worker has taken over this store")

    def _drain_into(self, store: Store, *, renew: Callable[[], object] = lambda: None) -> Drain:
        return Drain(
            store,
            self._data_dir,
            finisher=finisher(self._settings),
            rules=rules(self._settings),
            plan=plans.stage(self._settings.plan),
            count=self._count,
            renew=renew,
        )

    # Serving.

    def _serve(
        self,
        route: Route,
        store: Store,
        *,
        log: Log | None = None,
        find: Callable[[], Job] | None = None,
    ) -> Serve:
        return Serve(
            route,
            log=log or store,
            ledger=store,
            find=find,
            transport=self._transport,
            now=self._now,
            random=self._random,
            may_send=partial(self._lease.is_held, store, self._lease.generation),
        )

    def _serve_beside(self, route: Route, store: Store) -> Serves:
        serve = held.steps(route, store, self._rights, serve=self._serve)
        return self._erasing.beside(serve, route, store)

    def _serve_all(self) -> None:
        replays = self._replays.open()
        pieces = [servers.piece(route) for route in self._routes]
        self._rights.obtain([replaying.piece(number) for number, _ in replays], shared=pieces)
        threads = [threading.Thread(target=self._servers.once, args=(r,)) for r in self._routes]
        threads += [threading.Thread(target=self._replays.once, args=each) for each in replays]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self._keep_lease()
            self._rights.turn()
            threads[-1].join(POLL)
            threads = [thread for thread in threads if thread.is_alive()]
