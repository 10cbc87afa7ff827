"""One person's data: under which names it is kept."""

from __future__ import annotations

from typing import Literal

Kind = Literal["user", "visitor"]


def names(given: str, *, kind: Kind | None = None) -> list[str]:
    """The names under which the ledger may keep what this id chose: ``user:ID``, ``visitor:ID``."""
    return [f"{each}:{given}" for each in ("user", "visitor") if kind in (None, each)]
