"""What becomes of an error of ours at the one boundary that each face has."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .errors import EventError

logger = logging.getLogger("track_middleware")

#: Kinds of errors that are told apart; a flood of kinds is not logged any more.
_MOST = 1000


class Trouble:
    """Raises an error in development; else counts it and logs it once per kind, and the host's
    response goes on as if we were not there."""

    def __init__(self, *, raises: bool, count: Callable[[str, int], None]) -> None:
        self._raises = raises
        self._count = count
        self._told: set[str] = set()

    def __call__(self, error: Exception) -> None:
        if self._raises:
            raise error
        self._count("mistake" if isinstance(error, EventError) else "trouble", 1)
        kind = f"{type(error).__name__}: {error}"[:200]
        if kind in self._told or len(self._told) > _MOST:
            return
        self._told.add(kind)
        if isinstance(error, EventError):
            logger.warning("an event was not recorded: %s", error)
        else:
            logger.error("tracking failed; the response is unchanged", exc_info=error)
