"""A backfill as it is carried out: beside a worker, with a bar, until all is delivered."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..delivery import counters
from ..delivery.counters import Counters
from ..delivery.store.whole import Store
from ..errors import Refused
from ..history.backfill import Ages, Backfill, Tally
from ..history.checkpoint import Checkpoint, State
from ..history.intake import Intake
from ..history.rows import Reader
from ..history.source import Source
from . import beside
from .delivering import Arrived, delivered
from .place import Place
from .progress import Bar

#: So long may the worker take nothing before that is told, in seconds.
_SILENCE = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is to be done. ``names``: of the destinations; ``title``: what the ledger calls it;
    ``parts``: what finds its checkpoint again."""

    source: Source
    reader: Reader
    names: Sequence[str]
    ages: Ages
    title: str
    parts: Sequence[str]
    rate: float | None
    resume: bool
    wait: bool


@dataclass(slots=True)
class Done:
    """What became of it. ``stored``: events of it that are in the store, known ones left out;
    ``whole``: the source was read to its end."""

    number: int
    tally: Tally
    stored: int = 0
    whole: bool = False
    seconds: float = 0.0
    arrived: Sequence[Arrived] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether all of it is where it should be."""
        return self.whole and not self.tally.refused and all(e.is_well for e in self.arrived)

    @property
    def speed(self) -> float:
        """Rows read in a second."""
        return self.tally.read / self.seconds if self.seconds else 0.0

    def told(self, warnings: Sequence[str]) -> dict[str, Any]:
        """As JSON has it."""
        tally = self.tally
        return {
            "backfill": self.number, "complete": self.whole, "rows": tally.read,
            "kept": tally.kept, "refused": tally.refused, "stored": self.stored,
            "seconds": round(self.seconds, 1), "rowsPerSecond": round(self.speed),
            "destinations": [each.told() for each in self.arrived], "problems": tally.problems,
            "warnings": list(warnings),
        }  # fmt: skip

    def lines(self) -> Iterator[str]:
        """As text has it."""
        tally = self.tally
        yield (
            f"backfill {self.number}: {tally.read:,} rows read, {tally.kept:,} events kept, "
            f"{tally.refused:,} refused, in {self.seconds:.1f} s ({self.speed:,.0f} rows/s)"
        )
        yield f"stored       {self.stored:,} events that were not known before"
        for each in tally.problems:
            yield f"refused      {each}"
        for name, count in tally.late.items():
            yield f"warning      {count:,} rows are too old for {name}"
        for one in self.arrived:
            yield one.line()
        if not self.whole:
            yield "interrupted  the same call with --resume goes on"


def run(call: Call, where: Place) -> Done:
    """Does it. Ctrl-C and SIGTERM end it so that it can go on."""
    where.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    checkpoint = Checkpoint(where.data_dir, call.parts)
    with (
        checkpoint.held(),
        closing(where.opened()) as store,
        beside.worker(where),
        interruptible(),
    ):
        began, state = time.monotonic(), _state(call, where, store, checkpoint)
        done = Done(state.number, Tally())
        try:
            _fill(call, where, store, checkpoint, state, done)
        except KeyboardInterrupt:
            print("", file=sys.stderr)
        except Refused as error:
            print(f"no room in {where.data_dir}: {error.reason}", file=sys.stderr)
        done.stored = store.backfills.size(state.number)
        done.seconds = time.monotonic() - began
    return done


def _fill(
    call: Call,
    where: Place,
    store: Store,
    checkpoint: Checkpoint,
    state: State,
    done: Done,
) -> None:
    rest = call.source.total(state.place)
    bar = Bar("rows", None if rest is None else state.read + rest, begin=state.read)
    with closing(intake(where, store, state.number)) as taking:
        filling = Backfill(
            call.source, call.reader, taking, checkpoint, tally=done.tally, ages=call.ages,
            rate=call.rate, told=lambda: bar.at(state.read + done.tally.read),
        )  # fmt: skip
        bar.end(filling.run(state).read)
        taking.finish()
    checkpoint.over()
    done.whole = True
    if call.wait:
        done.arrived = delivered(store, state.number)


def _state(call: Call, where: Place, store: Store, checkpoint: Checkpoint) -> State:
    """Where to begin, with a backfill in the ledger that is open."""
    before = checkpoint.load()
    if before is not None and call.resume and not store.backfills.is_stored(before.number):
        return before
    if before is not None and not call.resume:
        intake(where, store, before.number).finish()  # what it has read goes by its own jobs
        rows = f"{before.read:,} rows"
        print(f"an earlier run read {rows}; --resume would have gone on there", file=sys.stderr)
    number = store.backfills.begin(call.title, call.names, now=time.time())
    if before is not None and call.resume:
        return State(number, before.place, before.read, before.kept)
    return State(number)


def intake(where: Place, store: Store, number: int) -> Intake:
    silent: list[float] = []

    def waited(seconds: float) -> None:
        if seconds > _SILENCE and not silent:
            silent.append(seconds)
            print("the worker takes nothing; track-middleware status may say why", file=sys.stderr)

    return Intake(
        where.data_dir,
        store,
        number,
        min_free=where.settings.min_free,
        count=Counters(where.data_dir / counters.FOLDER).add,
        waited=waited,
    )


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM ends the call as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
