"""A broker as a store's URL names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Broker:
    """What a URL says of a broker. ``servers`` are host:port; ``log`` is what its log is called
    there; ``ledger`` is another store's URL."""

    kind: str
    servers: tuple[str, ...]
    options: Mapping[str, str]
    log: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    ledger: str = field(repr=False)

    @property
    def name(self) -> str:
        """By what a ledger knows the broker again, whose addresses may change."""
        return f"{self.kind} {self.log}"

    @property
    def shown(self) -> str:
        """How it is called where people read it: without a password."""
        return f"{self.kind}://{','.join(self.servers)} {self.log}"
