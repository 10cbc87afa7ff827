"""A vendor's own calls under our prefix: what a slot is, and what it is told of a request."""

from __future__ import annotations

from typing import Protocol

import msgspec

from ..http import Errand, Reply, Request


class Ask(msgspec.Struct, frozen=True):
    """One call for a vendor: ``path`` is what follows the slot, as sent but for its escapes;
    ``base`` is the path up to the slot as the browser knows it, ``address`` what may be passed on
    of the client's, None where nothing may."""

    request: Request
    path: str
    base: str
    address: str | None


class Slot(Protocol):
    """One vendor behind a path segment of ours. ``purpose``: whose consent its calls need."""

    @property
    def purpose(self) -> str: ...

    def asked(self, ask: Ask) -> Reply | Errand:
        """A refusal, or the errand that brings the vendor's answer. Pure."""
        ...
