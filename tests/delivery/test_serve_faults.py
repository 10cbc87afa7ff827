"""Any mix of good and poisonous events, any sequence of answers, any restarts: each good event is
counted once by its id, each poison is a dead letter with its reason, in each visitor's order."""

from __future__ import annotations

import importlib
import pkgutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery import emulators
from tests.delivery.emulators import POISON, Emulator
from tests.delivery.emulators.faults import FAULTS
from tests.delivery.served import Shop, event_id, row
from track_middleware.delivery.transport import Silence
from track_middleware.destinations import Answer, Call

VENDORS: dict[str, Callable[[Path], Emulator]] = {
    name: made
    for module in pkgutil.iter_modules(emulators.__path__)
    for name, made in getattr(
        importlib.import_module(f"{emulators.__name__}.{module.name}"), "VENDORS", {}
    ).items()
}

visitors = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=14)
#: A fault for each call to come; ``crash`` ends the process after the vendor took the call.
faults = st.lists(st.sampled_from([*FAULTS, "crash"]), max_size=14)


class Killed(BaseException):
    """The process is gone between the vendor's answer and the ledger's note of it."""


@pytest.mark.parametrize("vendor", VENDORS)
@settings(max_examples=40, deadline=None)
@given(events=visitors, happening=faults, batches=st.integers(1, 3))
def test_every_good_event_counts_once_and_every_poison_is_dead(
    vendor: str, events: list[tuple[str, bool]], happening: list[str], batches: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        emulator = VENDORS[vendor](Path(folder))
        here = Shop(Path(folder), emulator.url, _network(emulator, happening))
        poisons = bool(emulator.reason)
        _accept_and_serve(here, emulator, events, batches)
        good = {v: [] for v in "abc"}
        bad = set()
        for number, (visitor, poisonous) in enumerate(events):
            if poisonous and poisons:
                bad.add(event_id(number))
            else:
                good[visitor].append(event_id(number))
        dead, waiting = here.dead(), here.waiting()
        here.close()
    assert waiting == {}
    assert set(dead) == bad
    assert all(emulator.reason in reason for reason in dead.values())
    assert sorted(emulator.taken) == sorted(each for ids in good.values() for each in ids)
    for ids in good.values():
        assert [each for each in emulator.taken if each in ids] == ids


def _network(emulator: Emulator, happening: list[str]) -> Callable[[Call], Answer | Silence]:
    def send(call: Call) -> Answer | Silence:
        fault = happening.pop(0) if happening else "well"
        if fault == "413" and len(set(call.ids)) == 1:
            fault = "well"  # no vendor finds a small event too large
        if fault == "crash":
            FAULTS["well"](emulator, call)
            raise Killed
        return FAULTS[fault](emulator, call)

    return send


def _accept_and_serve(
    here: Shop, emulator: Emulator, events: list[tuple[str, bool]], batches: int
) -> None:
    rows = [
        row(number, visitor=visitor, properties={POISON: True} if poisonous else {})
        for number, (visitor, poisonous) in enumerate(events)
    ]
    size = -(-len(rows) // batches)
    for start in range(0, len(rows), size):
        here.accept(*rows[start : start + size])
        _through_crashes(here, emulator, here.run)
    _through_crashes(here, emulator, here.run_out)


def _through_crashes(here: Shop, emulator: Emulator, serve: Callable[[], object]) -> None:
    """Serves; a killed process is started anew and goes on."""
    for _ in range(50):
        try:
            serve()
            return
        except Killed:
            here.restart()
            emulator.restart()
    raise AssertionError("it never came to an end")
