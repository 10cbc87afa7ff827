"""What workers of one store do not do at the same time, for longer than a transaction lasts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


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


class Unneeded:
    """The locks of a store's only worker."""

    def together(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def alone(self, name: str) -> bool:
        return True

    def taken(self, names: Collection[str]) -> Sequence[str]:
        return list(names)


UNNEEDED = Unneeded()
