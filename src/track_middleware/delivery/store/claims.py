"""Whose a job is: it belongs to what its destination points at; the name is for people.

A name that stands for another target tomorrow (the list of URLs got longer, shorter, or another
order) never takes the position of the destination that had it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ...destinations.registry import Route
from .database import Database
from .jobs import Job

#: Says whether a job is a route's, given what the routes without a job point at.
Rule = Callable[[Route, Job, Sequence[str]], bool]

#: In turn; ``?name=`` wins over the target unless another destination points where the job does.
#: Jobs of older releases have no target: the first URL of a scheme had the plain name.
_RULES: tuple[Rule, ...] = (
    lambda route, job, _: job.destination == route.name and job.target == route.target,
    lambda route, job, others: (
        route.is_named and job.destination == route.name and job.target not in others
    ),
    lambda route, job, _: not job.target and job.destination == route.name,
    lambda route, job, _: (
        not job.target and not route.is_named and job.destination == route.name.rpartition("-")[0]
    ),
    lambda route, job, _: job.target == route.target != "",
)


def claimed(routes: Sequence[Route], jobs: Sequence[Job]) -> Mapping[str, Job]:
    """The live job of each destination that has one, by the destination's name."""
    free = sorted((job for job in jobs if job.end is None), key=lambda job: job.position)
    found: dict[str, Job] = {}
    for rule in _RULES:
        for route in routes:
            if route.name in found:
                continue
            others = [r.target for r in routes if r.name not in found and r is not route]
            job = next((each for each in free if rule(route, each, others)), None)
            if job is not None:
                found[route.name] = job
                free.remove(job)
    return found


def former(routes: Sequence[Route], jobs: Sequence[Job]) -> list[Job]:
    """Live jobs to whose target no destination points."""
    taken = {job.id for job in claimed(routes, jobs).values()}
    return [job for job in jobs if job.end is None and job.id not in taken]


class Ahead(NamedTuple):
    """How many events a destination has before it, and when the first was accepted."""

    events: int
    since: float | None


#: So many events are looked at; those behind them count whether the destination takes them or not.
COUNTED = 100_000


class Claims:
    """The claims in a ledger."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def take(self, routes: Sequence[Route]) -> None:
        """Gives each destination its live job under its name, and makes those that are missing.

        A job that is nobody's keeps its position, its queue and its dead letters; it gives up its
        name where a destination has that now.
        """
        with self._db.batch():
            jobs = [Job(*row) for row in self._db.all("jobs")]
            found, end = claimed(routes, jobs), self._db.value("log_end")
            names = {job.id: name for name, job in found.items()}
            for job in former(routes, jobs):
                self._db.change("job_leave", (end, job.id))
                if job.destination in {route.name for route in routes}:
                    names[job.id] = _name_of_former(job, {each.destination for each in jobs})
            self._rename(jobs, names)
            for route in routes:
                if route.name not in found:
                    self._db.change("job_add", (route.name, end))
                live = self._db.value("job_live", (route.name,))
                self._db.change("job_claim", (route.target, live))

    def waiting(self, job: Job, *, counted: int = COUNTED) -> int:
        """How many events wait for a job that is nobody's. ``counted``: so many are looked for,
        and of those behind them every position counts."""
        end = self._db.value("log_end") if job.left_at is None else job.left_at
        first = self._db.value("log_first")  # the log may have let go what is before
        after = max(job.position, end if first is None else first - 1)
        last = max(after, min(end, after + counted))
        asked = {"job": job.id, "after": after, "end": last}
        return int(self._db.value("job_waits", asked)) + max(0, end - last)

    def ahead(self, job: Job, route: Route, *, counted: int = COUNTED) -> Ahead:
        """What a job has before it, of what its destination takes. ``counted``: so many events are
        looked at."""
        end = self._db.value("log_end")
        last = min(end, job.position + counted)
        asked = {"job": job.id, "position": job.position, "end": last}
        rows = self._db.all("job_ahead", asked)
        taken = [row for row in rows if route.filter.wants(row[0], bot=row[1])]
        first = min(((position, at) for *_, position, at in taken), default=(0, None))
        return Ahead(sum(row[2] for row in taken) + end - last, first[1])

    def _rename(self, jobs: Sequence[Job], names: Mapping[int, str]) -> None:
        """In two steps, because two may change names with each other."""
        steps = [
            (job.destination, f"/{job.id}", names[job.id])
            for job in jobs
            if names.get(job.id, job.destination) != job.destination
        ]
        pairs = [(old, between) for old, between, _ in steps]
        pairs += [(between, new) for _, between, new in steps]
        for old, new in pairs:
            for query in ("job_rename", "dead_rename"):
                self._db.change(query, {"old": old, "new": new})


def _name_of_former(job: Job, taken: set[str]) -> str:
    name = f"{job.destination}-{job.target[:6] or 'former'}"
    return f"{name}-{job.id}" if name in taken else name
