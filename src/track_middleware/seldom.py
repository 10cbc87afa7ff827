"""When a warning is due that is told once per kind and minute. No clock is read here."""

from __future__ import annotations

from collections.abc import Callable

#: Seconds for which a kind is silent once it was told.
PERIOD = 60.0

#: Kinds that are told apart; beyond them a minute of new kinds is not told.
_MOST = 1000


class Seldom:
    """Says when a kind may be told again. ``clock`` gives seconds from any moment on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def due(self, kind: str) -> str | None:
        """What to put behind the message of a kind, how often it was held back; None: it is held
        back now."""
        now = self._clock()
        before = self._told.get(kind)
        if before is not None and now - before < PERIOD:
            self._held[kind] = self._held.get(kind, 0) + 1
            return None
        if before is None and len(self._told) >= _MOST and not self._forget(now):
            return None
        self._told[kind] = now
        held = self._held.pop(kind, 0)
        return f" ({held} more since this was told last)" if held else ""

    def _forget(self, now: float) -> bool:
        """Lets go of the kinds that are no longer silent; whether there were any."""
        old = [kind for kind, at in list(self._told.items()) if now - at >= PERIOD]
        for kind in old:
            self._told.pop(kind, None)
            self._held.pop(kind, None)
        return bool(old)
