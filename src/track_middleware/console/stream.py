"""An answer that goes on: its head, and pieces that somebody may wait for."""

from __future__ import annotations

from typing import Protocol

from ..http import Head


class Stream(Protocol):
    """``piece`` may wait and is called by one thread at a time; ``close`` comes from any thread and
    ends the wait."""

    @property
    def head(self) -> Head: ...

    def piece(self) -> bytes:
        """The next piece; b"" at the end."""
        ...

    def close(self) -> None: ...
