"""The worker's one boundary: a mistake, a full disk or a store that is away ends one step, not the
worker."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TypeVar

from ..errors import SpoolError, StoreError
from ..seldom import Seldom
from .store import Deposed

logger = logging.getLogger("track_middleware")

T = TypeVar("T")

#: What differs from one time to the next in words of the same cause: ports, milliseconds, counts.
_NUMBERS = re.compile(r"\d+")


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
        except (StoreError, SpoolError) as error:
            self._tell(what, error)
        except Exception as error:
            more = self._seldom.due(f"{what}: {type(error).__name__}")
            if more is not None:
                logger.error("%s failed; trying again from now on%s", what, more, exc_info=error)
        return None

    def _tell(self, what: str, error: StoreError | SpoolError) -> None:
        """Its words alone, whoever of the worker's threads met it: they say what is to be done, and
        where in our code it was noticed says nothing."""
        more = self._seldom.due(_NUMBERS.sub("", str(error))[:200])
        if more is not None:
            logger.error("%s failed: %s; trying again from now on%s", what, error, more)
