"""Finding the poison in a record."""

from __future__ import annotations

from typing import Any

from tests.delivery.emulators import POISON


def poisonous(value: Any) -> bool:
    """Whether a record carries the poison, however deep."""
    if isinstance(value, dict):
        return POISON in value or any(poisonous(each) for each in value.values())
    return isinstance(value, list) and any(poisonous(each) for each in value)
