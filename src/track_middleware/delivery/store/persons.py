"""One person's rows in a SQLite store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from .connection import Connection

_states = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The last consent choice under a name (``user:ID``, ``visitor:ID``), by purpose."""

    subject: str
    states: Mapping[str, str]
    at: float


class SqlitePersons:
    """What a SQLite store keeps of one person."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def choices(self, subject: str) -> Sequence[Chosen]:
        """The last choice under a name; none where there was none."""
        rows = self._db.all("person_choices", (subject,))
        return [Chosen(name, _states.decode(states), at) for name, states, at in rows]
