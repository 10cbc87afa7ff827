"""Who of a process's threads writes next: whoever has waited, never again whoever just wrote."""

from __future__ import annotations

from threading import Lock
from types import TracebackType


class Gate:
    """A lock for the threads of one process.

    ``threading.Lock`` goes to the thread that runs when it is let go, which is the one that let it
    go: a drain with much to do would keep every destination waiting.
    """

    def __init__(self) -> None:
        self._turn = Lock()
        self._held = Lock()

    @property
    def is_waited_for(self) -> bool:
        """Whether a thread waits to write at this moment."""
        return self._turn.locked()

    def __enter__(self) -> None:
        # Whoever wrote last must get the turn first, and that is held by whoever waits to write.
        with self._turn:
            self._held.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.release()
