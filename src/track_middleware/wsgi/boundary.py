"""The face's one boundary, and how the app's words look there."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from ..tracking.exchange import Exchange
    from ..wiring import Wiring

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
Headers = list[tuple[str, str]]

#: Called with a request's exchange and environ and the response's headers when the app starts the
#: response; gives back others where they change: the app, or a cache within it, may keep its own.
#: Raises nothing: what may go wrong in it goes through ``ours``.
Starting = Callable[["Exchange", dict[str, Any], Headers], "Headers | None"]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


def ours(wiring: Wiring, step: Callable[[*_Ts], _T], *given: *_Ts) -> _T | None:
    """The one boundary: our own mistakes raise in development, and are counted in production."""
    try:
        return step(*given)
    except Exception as error:  # noqa: BLE001  the boundary takes whatever goes wrong
        wiring.trouble(error)
        return None
