"""The worker's one boundary: a mistake, a full disk or a store that is away ends one step, not the
worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from ..seldom import Seldom
from .store import Deposed

logger = logging.getLogger("track_middleware")

T = TypeVar("T")


class Guard:
    """Runs the steps of a worker's threads. ``clock``: seconds from any moment on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._seldom = Seldom(clock)

    def __call__(self, what: str, step: Callable[[], T]) -> T | None:
        """What ``step`` gives; None when it failed, which is told once a minute. Deposed passes: it
        ends a tenure."""
        try:
            return step()
        except Deposed:
            raise
        except Exception as error:
            more = self._seldom.due(f"{what}: {type(error).__name__}")
            if more is not None:
                logger.error("%s failed; trying again from now on%s", what, more, exc_info=error)
        return None
