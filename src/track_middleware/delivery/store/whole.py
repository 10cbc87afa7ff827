"""The store: log and ledger in one database, whatever its engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import starmap

from . import NOTHING, DeadLetter, Flight, Job, Learnt, NewRow, Outcome, Stored, flights, home
from .backfills import Backfills
from .claims import Claims
from .database import Database, Fence
from .histories import Histories
from .intake import IntakeRows
from .leases import LeaseRow, Leases
from .letters import Letters
from .looks import Looks
from .merges import Journal
from .persons import Persons
from .recent import Recent
from .replays import SHOWN, Replays
from .rollups import ViewRows
from .rows import letter_values, row_values
from .shards import Shards
from .unstored import Unstored
from .watch import Watch

#: Dead letters kept per stage; the oldest go and are counted.
DEAD_MOST = 10_000

#: Rows of a kind that one step of ``forget`` looks at.
FORGOTTEN_AT_ONCE = 500


class Store:
    """Log and ledger in one database; ``intake`` is the drain's part, ``lease`` the election's,
    ``leases`` and ``shards`` those of several workers, ``letters`` to ``persons`` the operator's,
    ``views`` and ``looks`` the console's; ``claims``: whose a job is, ``merges``: who is who,
    ``locks``: what several workers do not do at once. One thread uses it at a time; other threads
    take a ``sibling``. ``recent``: what siblings need not read back, where one process alone adds
    to the log."""

    def __init__(
        self, connection: Database, *, now: Callable[[], float], recent: Recent | None = None
    ) -> None:
        self._db = connection
        self._now = now
        self._recent = recent
        self.intake = IntakeRows(connection)
        self.lease = LeaseRow(connection, connection.drains)
        self.leases = Leases(connection)
        self.shards = Shards(connection)
        self.claims = Claims(connection)
        self.letters = Letters(connection)
        self.replays = Replays(connection)
        self.backfills = Backfills(connection)
        self.live = self.backfills.without
        self.unstored = Unstored(connection)
        self.persons = Persons(connection)
        self.merges = Journal(connection)
        self.locks = connection.locks
        self.histories = Histories(connection)
        self.watch = Watch(connection)
        self.views = ViewRows(connection)
        self.looks = Looks(connection)

    def sibling(self) -> Store:
        """Another connection to the same store, with the same fence, for another thread."""
        return Store(self._db.sibling(), now=self._now, recent=self._recent)

    def lease_of(self, name: str) -> LeaseRow:
        """A lease of this store; ``lease`` is that of whoever drains this data folder."""
        return LeaseRow(self._db, name)

    def fenced(self, generation: int | None, *, of: str = "") -> None:
        """From now on every transaction fails with Deposed once a later generation of a lease
        exists (left out: of whoever drains)."""
        lease = of or self._db.drains
        self._db.fences = () if generation is None else (Fence(lease, generation),)

    def fenced_to(self, leases: Mapping[str, int]) -> None:
        """The same for these generations of several leases."""
        self._db.fences = tuple(Fence(*each) for each in leases.items())

    def holds(self) -> bool:
        """Whether no later generation exists of the leases that this connection is fenced to."""
        fences = dict(self._db.fences)
        if not fences:
            return True
        return dict(self._db.all("leases_of", (self._db.listed(fences),))) == fences

    @property
    def worker(self) -> str:
        """The name of whoever drains this data folder."""
        return self._db.drains

    @property
    def is_shared(self) -> bool:
        """Whether workers of several data folders share this store's work."""
        return self._db.is_shared

    def batch(self) -> AbstractContextManager[None]:
        return self._db.batch()

    def sync(self) -> None:
        """Puts everything committed on the disk itself."""
        self._db.sync()

    def close(self) -> None:
        self._db.close()

    def ready(self) -> None:
        """StoreError when it is known that nothing can be appended now. Ask before ``batch``."""
        self._db.ready()

    def append(self, rows: Sequence[NewRow]) -> Mapping[str, int]:
        with self._db.batch():
            return self._db.append(rows)

    def show(self, rows: Sequence[NewRow], positions: Mapping[str, int]) -> None:
        """Rows that were appended, once that is committed: who reads next may have them at once."""
        if self._recent is not None:
            self._recent.add(rows, positions)

    def read(self, after: int, limit: int) -> Sequence[Stored]:
        recent = self._recent
        found = [] if recent is None else recent.behind(after, limit)
        if recent is not None and found:
            if self._db.value("log_count", (after, found[-1].position)) == len(found):
                return found
            recent.clear()  # some were removed
        return list(starmap(Stored, self._db.all("log_read", (after, limit))))

    def get(self, positions: Sequence[int]) -> Sequence[Stored]:
        return [Stored(*row) for row in self._db.all("log_get", (self._db.listed(positions),))]

    def end(self) -> int:
        return int(self._db.value("log_end"))

    def forget(
        self, *, events: float, ids: float, pages: float, served_by: Sequence[str],
        counted: int | None = None,
    ) -> bool:  # fmt: skip
        """Removes a few events, ids and page rows from before these moments; True when there may
        be more at once.

        Of the events only what every open job of the destinations ``served_by`` has behind it,
        nothing waits for and is ``counted``; jobs and rows of others hold nothing.
        """
        limit, names = FORGOTTEN_AT_ONCE, self._db.listed(served_by)
        oldest = {"before": events, "destinations": names, "limit": limit}
        with self._db.batch():  # so that a replay which begins now is seen
            served = (self._db.value("served", (names,)) or 0) if served_by else self.end()
            served = served if counted is None else min(served, counted)
            more = self._db.forget_whole(events, served, served_by)
            gone = (
                self._db.change("log_forget", {**oldest, "served": served}),
                self._db.change("known_forget", {"before": ids, "limit": limit}),
                self._db.change("pages_forget", (pages, limit)),
                *self.merges.fade(ids, limit),
            )
            self.replays.forget(self._now() - SHOWN)
            self.backfills.fade(self._now())
        if more or limit in gone:
            return True
        self._db.let_go()
        return False

    def pack(self, before: float) -> bool:
        """Makes a few events small that were accepted before a moment; True when there may be
        more. Everybody reads them as they were."""
        return self._db.pack(before)

    def keep_bodies_at(self, broker: str) -> None:
        """From now on only who knows of this broker opens the store. StoreError when the bodies are
        at another."""
        with self._db.batch():
            self._db.change("broker_claim", (broker,))
            home.check(self._db, broker)

    def identity(self) -> str:
        """The ledger's own name, which it got when it was made and keeps."""
        return str(self._db.value("identity"))

    def job(self, destination: str) -> Job:
        rows = self._db.all("job_live", (destination,))
        if not rows:
            with self._db.batch():
                rows = self._db.all("job_live", (destination,))
                if not rows:
                    self._db.change("job_add", (destination, self.end()))
                    rows = self._db.all("job_live", (destination,))
        return Job(*rows[0])

    def jobs(self) -> Sequence[Job]:
        """Every job; reading this makes none."""
        return [Job(*row) for row in self._db.all("jobs")]

    def advance(
        self, job: Job, position: int, outcomes: Sequence[Outcome], learnt: Learnt = NOTHING
    ) -> None:
        with self._db.job_batch():
            flights.learn(self._db, job, position, learnt)
            self._keep(job, outcomes)
            flights.end(self._db, job)
            flights.last(self._db, job, position, learnt)

    def waits(self, job: Job) -> bool:
        return self._db.value("delivery_first", (job.id,)) is not None

    def waiting_keys(self, job: Job, keys: Iterable[str]) -> frozenset[str]:
        asked = self._db.listed(keys)
        return frozenset(row[0] for row in self._db.all("delivery_keys", (job.id, asked)))

    def next_due(self, job: Job) -> float | None:
        return flights.next_due(self._db, job)

    def due(self, job: Job, now: float, limit: int) -> Sequence[Outcome]:
        return flights.due(self._db, job, now, limit)

    def settle(self, job: Job, outcomes: Sequence[Outcome], learnt: Learnt = NOTHING) -> None:
        with self._db.job_batch():
            flights.learn(self._db, job, job.position, learnt)
            done = [(job.id, each.position) for each in outcomes]
            self._db.change_each("delivery_done", done)
            self._keep(job, outcomes)
            flights.end(self._db, job)
            flights.last(self._db, job, job.position, learnt)

    def note(self, job: Job, notes: Sequence[Flight]) -> None:
        with self._db.job_batch():
            flights.note(self._db, job, notes)

    def landed(self, job: Job, *, repeat: bool) -> Mapping[int, frozenset[bytes]]:
        doubtful = flights.unknown(self._db, job)
        if doubtful:
            with self._db.job_batch():
                flights.decide(self._db, job, repeat=repeat)
                position = self._db.value("job_position", (job.id,))
                flights.learn(self._db, job, position, Learnt(doubtful=doubtful))
                flights.last(self._db, job, position, Learnt(doubtful=doubtful))
        return flights.roads(self._db, job)

    def pause(
        self, job: Job, until: float | None, reason: str, *, wait: float = 0.0,
        needs_you: bool = False,
    ) -> None:  # fmt: skip
        with self._db.job_batch():
            self._db.change("job_pause", (until, reason, wait, needs_you, job.id))

    def count(self, job: Job) -> dict[str, int]:
        states = self._db.all("delivery_states", (job.id,))
        return {**dict(states), "dead": self._db.value("dead_count", (job.destination,))}

    def dead(self, *, stage: str | None = None, limit: int = 100) -> Sequence[DeadLetter]:
        rows = self._db.all("dead_list", {"stage": stage, "limit": limit})
        return [DeadLetter(*row) for row in rows]

    def bury(self, letters: Sequence[DeadLetter], *, most: int) -> None:
        with self._db.batch():
            self._db.change_each("dead_add", [letter_values(each) for each in letters])
            for stage in {each.stage for each in letters}:
                self._trim(stage, most)

    def rollups(self) -> dict[tuple[str, str], int]:
        """Page views by day and class."""
        return {(day, name): count for day, name, count in self._db.all("rollups")}

    def event_counts(self) -> dict[tuple[str, str], int]:
        """Stored events by day and label."""
        return {(day, label): count for day, label, count in self._db.all("event_counts")}

    def counters(self) -> dict[str, int]:
        """What was counted and not kept, by reason."""
        return dict(self._db.all("counters"))

    def _keep(self, job: Job, outcomes: Sequence[Outcome]) -> None:
        waiting = [each for each in outcomes if each.state in ("retry", "held")]
        refused = [each for each in outcomes if each.state == "refused"]
        if waiting:
            self._db.change_each("delivery_keep", [row_values(job, each) for each in waiting])
        if refused:
            who = (job.destination, self._now())
            letters = [(*who, each.reason, each.position, each.event_id) for each in refused]
            self._db.change_each("dead_from_log", letters)
            self._trim("destination", DEAD_MOST)
        keys = {each.order_key for each in outcomes}
        self._db.change_each("delivery_promote", [(job.id, key) for key in keys])

    def _trim(self, stage: str, most: int) -> None:
        dropped = self._db.change("dead_trim", {"stage": stage, "most": most})
        if dropped:
            self._db.change("counter_add", ("dead_dropped", dropped))
