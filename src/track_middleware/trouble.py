"""What becomes of an error of ours at the one boundary that each face has."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .errors import EventError
from .seldom import Seldom

logger = logging.getLogger("track_middleware")

Count = Callable[[str, int], None]


class Trouble:
    """Raises an error in development; else counts it and logs it once per kind and minute, and the
    host's response goes on as if we were not there. ``clock``: seconds from any moment on."""

    def __init__(self, *, raises: bool, count: Count, clock: Callable[[], float]) -> None:
        self._raises = raises
        self._count = count
        self._seldom = Seldom(clock)

    def __call__(self, error: Exception) -> None:
        if self._raises:
            raise error
        self._count("mistake" if isinstance(error, EventError) else "trouble", 1)
        kind = f"{type(error).__name__}: {error}"[:200]
        more = self._seldom.due(kind)
        if more is None:
            return
        if isinstance(error, EventError):
            logger.warning("an event was not recorded: %s%s", error, more)
        else:
            logger.error("tracking failed; the response is unchanged%s", more, exc_info=error)


#: Why the spool takes no more, and what to say of it.
_REFUSED = {
    "spool_full": "the disk, or the file's limit, is full",
    "spool_error": "the spool's folder or disk fails",
    "disk_low": "less is free than min_free asks for",
}


class Refusals:
    """Counts what is not kept. What the spool refuses is lost: told once per kind and minute."""

    def __init__(self, count: Count, *, clock: Callable[[], float]) -> None:
        self._count = count
        self._seldom = Seldom(clock)

    def __call__(self, reason: str, number: int) -> None:
        self._count(reason, number)
        more = self._seldom.due(reason) if reason in _REFUSED else None
        if more is not None:
            logger.warning("events are refused and lost (%s): %s%s", reason, _REFUSED[reason], more)
