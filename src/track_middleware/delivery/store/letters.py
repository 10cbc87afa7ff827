"""Dead letters as an operator works with them: chosen, dropped, put back in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from . import DeadLetter, Job
from .database import Database


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant; what is None chooses by nothing.

    ``reason`` is a part of the reason in any case, ``labels`` are globs, of which one must match,
    ``since`` and ``until`` (exclusive) are epoch seconds of the refusal.
    """

    stage: str | None = None
    destination: str | None = None
    reason: str | None = None
    labels: Sequence[str] | None = None
    since: float | None = None
    until: float | None = None
    ids: Sequence[int] | None = None


class Letters:
    """The letters of a ledger."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def chosen(
        self, choice: Choice, *, limit: int, before: int | None = None
    ) -> Sequence[DeadLetter]:
        """Letters of a choice, newest first; ``before``: only those with a lower id."""
        asked = asdict(choice)
        if choice.ids is not None:
            asked["ids"] = self._db.listed(choice.ids)
        if choice.labels is not None:
            asked["labels"] = self._db.globs(choice.labels)
        values = {**asked, "before": before, "limit": limit}
        return [DeadLetter(*row) for row in self._db.all("letters_chosen", values)]

    def drop(self, ids: Sequence[int]) -> int:
        """Deletes letters; how many there were."""
        with self._db.batch():
            return self._db.change("letters_drop", (self._db.listed(ids),))

    def requeue(self, ids: Sequence[int], job: Job) -> Sequence[int]:
        """Puts the events of letters back into the queue of their destination's live job.

        One transaction: the letter goes when the event waits, so that a kill leaves either. An
        event that the log has let go gets its old place back from its letter; no job reads there
        any more, so that no other destination sees it again. From now on the later events of its
        visitor wait behind it. The ids of those letters whose events wait now.
        """
        asked = {"job": job.id, "ids": self._db.listed(ids)}
        with self._db.batch():
            self._db.change("letters_place", (asked["ids"],))
            self._db.change("letters_restore", (asked["ids"],))
            self._db.change("letters_requeue", asked)
            self._db.change("letters_first", asked)
            self._db.change("letters_behind", asked)
            done = [row[0] for row in self._db.all("letters_requeued", asked)]
            self._db.change("letters_drop", (self._db.listed(done),))
            return done
