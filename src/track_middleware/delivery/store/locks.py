"""What those who serve one store do not do at once, for longer than a transaction lasts."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

#: Seconds that ``alone`` waits.
PATIENCE = 15.0


class Locks(Protocol):
    """A connection's locks; what it has is let go with the connection at the latest."""

    def together(self, name: str) -> AbstractContextManager[None]:
        """While it lasts nobody is ``alone`` with what is called so. Not inside another one."""
        ...

    def alone(self, name: str) -> bool:
        """Waits until all are out of ``together`` who were in it when this was called; False where
        that took too long. Whoever came in later sees what was written before the call."""
        ...

    def taken(self, names: Collection[str]) -> Sequence[str]:
        """Those of these names that nobody else has: they are this connection's until the end of
        ``together``. Call inside it."""
        ...


class Threads:
    """The locks of a store's only worker: between the threads of its process, whose connections
    have the same object."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._left = threading.Condition()
        self._inside: dict[str, set[object]] = {}

    @contextmanager
    def together(self, name: str) -> Iterator[None]:
        me = object()
        with self._left:
            self._inside.setdefault(name, set()).add(me)
        try:
            yield
        finally:
            with self._left:
                self._inside[name].remove(me)
                self._left.notify_all()

    def alone(self, name: str) -> bool:
        with self._left:
            inside = self._inside.setdefault(name, set())
            others = frozenset(inside)
            return self._left.wait_for(lambda: others.isdisjoint(inside), self._patience)

    def taken(self, names: Collection[str]) -> Sequence[str]:
        return list(names)
