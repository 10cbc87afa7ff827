"""A PostgreSQL table with a constraint, as the transport answers for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call


class Table(Emulator):
    url = "postgresql://shop:pw@db.test/shop"
    reason = "violates check constraint"

    def __call__(self, call: Call) -> Answer:
        rows = call.body.decode().splitlines()
        if any(POISON in row for row in rows):
            return Answer(400, {}, b'new row violates check constraint "plain"')
        self.take([row.partition("\t")[0] for row in rows])
        return Answer(200)


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"postgresql": lambda folder: Table()}
