"""Django's one boundary: where whatever goes wrong in us is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from . import site

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


def ours(step: Callable[[*_Ts], _T], *given: *_Ts) -> _T | None:
    """What a step of ours gives; None where it failed: our own mistakes raise in development, and
    are counted in production."""
    try:
        return step(*given)
    except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
        site.wiring().trouble(error)
        return None
