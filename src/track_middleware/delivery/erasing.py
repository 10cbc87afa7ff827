"""Carries out erasures: first in the data folder, then at each destination.

The drain's thread removes what the store and the spool hold; each destination's own thread asks its
vendor, so that nothing of the person is on its way there. Every step may be repeated, so that a
kill between any two of them only makes the next worker do one again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from ..address import address
from ..destinations import Answer, Call
from ..destinations.erasure import Eraser, Said, Who, eraser
from ..destinations.registry import Route
from ..errors import StoreError
from . import exports, ids, retry, segments, servers, tombstones, viewed
from .belongings import Piece, body_of, stored
from .drain import Drain
from .lines import Silence
from .persons import Subject
from .store import Deposed
from .store.persons import UNANSWERED, Answered, Erasure
from .store.whole import Store
from .transport import Transport

logger = logging.getLogger("track_middleware")

#: What an answer calls the data folder itself.
HERE = "data folder"

#: Never; of an answer that is not asked for again.
NEVER = 1e18

#: How often a vendor is asked how far it is, and a failed step here is tried again, in seconds.
POLL = 3600.0
AGAIN = 60.0

#: Pieces that go in one transaction.
_AT_ONCE = 500

#: How often a destination's thread looks for erasures, in seconds.
LOOK = 1.0

_GONE = "the ids are gone that it was to be told: erase again"


class Steps(Protocol):
    """What serves a job, as ``serve.Serve``."""

    def step(self) -> float | None:
        """One step; when to come again."""
        ...


def erasers(routes: Sequence[Route], urls: Sequence[str]) -> Mapping[str, Eraser | str]:
    """How each destination is asked, by its name; a text says why it is not."""
    return {route.name: eraser(address(url)) for route, url in zip(routes, urls, strict=True)}


class Erasing:
    """The erasures of one worker's tenure."""

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        *,
        erasers: Mapping[str, Eraser | str],
        transport: Transport,
        now: Callable[[], float],
        random: retry.Random,
    ) -> None:
        self._store = store
        self._data_dir = data_dir
        self._erasers = erasers
        self._transport = transport
        self._now = now
        self._random = random
        self._ahead: dict[int, Mapping[str, int]] = {}
        self._blanked: Mapping[str, int] = {}
        self._blanked_at = 0.0

    # Here.

    def turn(self, drain: Drain) -> bool:
        """One step in the thread that drains: True when there is more to do here."""
        more = False
        for erasure in self._store.persons.open_erasures():
            more = not self._is_drained(erasure) or self._step(erasure) or more
        if drain.left_erased and abs(self._now() - self._blanked_at) >= LOOK:
            self._blank()
            drain.left_erased = False
        return more

    def _is_drained(self, erasure: Erasure) -> bool:
        """Whether all that was accepted before the erasure was first seen is in the store, or was
        dropped; a busy site's spool may never be empty."""
        if erasure.id not in self._ahead:
            sizes = segments.sizes(self._data_dir)
            self._ahead[erasure.id] = {each.name: each.length for each in sizes}
        offsets, ahead = self._store.intake.offsets(), self._ahead[erasure.id]
        left = [name for name, length in ahead.items() if offsets.get(name, 0) < length]
        return not any(segments.is_there(self._data_dir, name) for name in left)

    def _step(self, erasure: Erasure) -> bool:
        answers = {each.system: each for each in self._store.persons.answers(erasure.id)}
        mine = answers.get(HERE)
        if mine is not None and mine.state == "waiting":
            if mine.due > self._now():
                return False
            self._here(erasure, mine)
            return True
        exported = exports.systems(self._data_dir)
        for each in answers.values():
            if each.state in UNANSWERED and each.system not in self._erasers:
                words = exported.get(each.system, "it is no destination any more")
                told = self._after(each, Said("refused", words))
                answers[each.system] = replace(told, state="not asked")
                self._store.persons.answer(erasure.id, answers[each.system])
        if not any(_needs_ids(each) for each in answers.values()):
            self._store.persons.empty_wal()
            ids.forget(self._data_dir, erasure.file)
            self._store.persons.ended(erasure.id, self._now())
        return False

    def _here(self, erasure: Erasure, mine: Answered) -> None:
        subject = ids.read(self._data_dir, erasure.file)
        now = self._now()
        if subject is None:
            self._store.persons.answer(erasure.id, replace(mine, state="refused", words=_GONE))
            return
        try:
            self._sweep(erasure, subject)
            self._store.persons.rewrite()
            self._blank()
            self._store.persons.empty_wal()
        except Deposed:
            raise
        except StoreError as error:
            logger.error("an erasure is tried again in a minute: %s", error)
            later = replace(mine, words=str(error)[:300], at=now, due=now + AGAIN)
            self._store.persons.answer(erasure.id, later)
            return
        words = "log, ledger, dead letters and spool hold nothing of it any more"
        self._store.persons.answer(
            erasure.id, replace(mine, state="done", words=words, at=self._now(), due=NEVER)
        )

    def _sweep(self, erasure: Erasure, subject: Subject) -> None:
        """Removes every row of the person, in some transactions."""
        theirs = (piece for piece in stored(self._store) if subject.owns(piece.names))
        while pieces := list(islice(theirs, _AT_ONCE)):
            with self._store.batch():
                self._drop(erasure, pieces, subject.ids)
        with self._store.batch():
            self._store.persons.drop_names(_names(subject), sorted(subject.ids))

    def _drop(self, erasure: Erasure, pieces: Sequence[Piece], names: Set[str]) -> None:
        keys: dict[str, list[int]] = {"log": [], "waiting": [], "dead": []}
        pages: list[str] = []
        for piece in pieces:
            (pages if piece.where == "page" else keys[piece.where]).append(piece.key)
        persons = self._store.persons
        persons.entomb({tombstones.name(self._key(), "page", each): None for each in pages})
        persons.drop("pages", pages)
        persons.drop("waiting", keys["waiting"])
        self._store.letters.drop(keys["dead"])
        bodies = [body_of(piece) for piece in pieces if piece.where == "log"]
        self._store.views.erase(viewed.sessions(bodies))
        persons.counted(erasure.id, persons.drop_events(keys["log"], names))

    def _key(self) -> bytes:
        return (self._data_dir / tombstones.SECRET).read_bytes().strip()

    def _blank(self) -> None:
        """What the store has of the spool is overwritten there, once it is on the store's disk."""
        offsets = self._store.intake.offsets()
        self._store.sync()
        segments.blank(self._data_dir, offsets, done=self._blanked)
        self._blanked, self._blanked_at = offsets, self._now()

    # There.

    def beside(self, serve: Steps, route: Route, store: Store) -> Beside:
        """Serves a destination, and asks it in the same thread what it is to be asked."""
        return Beside(serve, lambda: self._ask(route, store), now=self._now)

    def _ask(self, route: Route, store: Store) -> None:
        for number in store.persons.due(route.name, self._now()):
            found = {each.system: each for each in store.persons.answers(number)}
            here = found.get(HERE)
            if here is None or here.state != "waiting":
                if not store.locks.alone(servers.piece(route)):
                    return  # another worker's batch may hold something of them, and takes long
                erasure = next(each for each in store.persons.erasures() if each.id == number)
                told = self._asked(store, erasure, found[route.name], self._erasers.get(route.name))
                store.persons.answer(number, told)

    def _asked(
        self, store: Store, erasure: Erasure, before: Answered, how: Eraser | str | None
    ) -> Answered:
        """What a system has said when it was asked what comes next."""
        now = self._now()
        subject = ids.read(self._data_dir, erasure.file)
        if subject is not None:
            store.persons.drop_late(_names(subject), sorted(subject.ids))
        if not isinstance(how, Eraser):
            return replace(before, state="not asked", words=how or "", at=now, due=NEVER)
        bearer = ""
        if how.opening is not None and how.opened is not None:
            said = how.opened(self._answer(how.opening))
            if said.state != "done":
                return self._after(before, said)
            bearer = said.task
        if before.state == "asked":
            return self._polled(before, how, bearer)
        if subject is None:
            return replace(before, state="refused", words=_GONE, at=now, due=NEVER)
        own = subject.known.get(how.cookie, ())
        calls = how.calls(Who(sorted(subject.users), sorted(subject.visitors), bearer, own))
        if before.part >= len(calls):
            words = before.words or "it knows users only, and there is none"
            state = "done" if before.part else "not asked"
            return replace(before, state=state, words=words, at=now, due=NEVER)
        said = how.judge(self._answer(calls[before.part]))
        return self._after(before, said, last=before.part + 1 >= len(calls))

    def _answer(self, call: Call) -> Answer | None:
        answer = self._transport(call)
        return None if isinstance(answer, Silence) else answer

    def _after(self, before: Answered, said: Said, *, last: bool = True) -> Answered:
        """What is known of a system once it has said something to a call."""
        now = self._now()
        told = replace(before, words=said.words, at=now, attempts=0)
        if said.state in ("again", "needs you"):
            attempts = before.attempts + 1
            due = now + retry.again(attempts, after=said.after, random=self._random)
            state = "needs you" if said.state == "needs you" else "waiting"
            return replace(told, state=state, attempts=attempts, due=due)
        if said.state == "refused":
            return replace(told, state="refused", due=NEVER)
        task = f"{before.task} {said.task}".strip()
        told = replace(told, part=before.part + 1, task=task)
        if not last:
            return replace(told, state="waiting", due=now)
        if task:
            return replace(told, state="asked", due=now + POLL)
        return replace(told, state="done", due=NEVER)

    def _polled(self, before: Answered, how: Eraser, bearer: str) -> Answered:
        """What a system says of the first task that it works on."""
        now = self._now()
        task, _, others = before.task.partition(" ")
        if how.poll is None or how.polled is None:
            return replace(before, due=NEVER)
        said = how.polled(self._answer(how.poll(task, bearer)))
        told = replace(before, words=said.words or before.words, at=now)
        if said.state == "done":
            return (
                replace(told, task=others, due=now)
                if others
                else replace(told, state="done", task="", due=NEVER)
            )
        if said.state == "refused":
            return replace(told, state="refused", due=NEVER)
        return replace(told, due=now + max(POLL, said.after or 0.0))


class Beside:
    """Serves one destination, whose erasures are asked for between its batches: then nothing that
    it was sent before is still on its way."""

    def __init__(self, serve: Steps, ask: Callable[[], None], *, now: Callable[[], float]) -> None:
        self._serve = serve
        self._ask = ask
        self._now = now

    def once(self) -> float | None:
        """Serves until nothing is due; when to come again, as ``Serve.once``."""
        again: float | None = self._now()
        while again is not None and again <= self._now():
            self._ask()
            again = self._serve.step()
        return None if again is None else min(again, self._now() + LOOK)


def _needs_ids(each: Answered) -> bool:
    return each.state in UNANSWERED


def _names(subject: Subject) -> list[str]:
    users = [f"user:{each}" for each in subject.users]
    return users + [f"visitor:{each}" for each in subject.visitors]
