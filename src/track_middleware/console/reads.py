"""What a page may read: the store, the settings, what the data folder says; and the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from .. import facts
from ..delivery.routing import routed
from ..delivery.store import opening
from ..delivery.store.whole import Store
from ..destinations import registry
from ..destinations.registry import Route
from ..plan.load import load
from ..plan.model import Plan
from ..settings import Settings

#: Events before a destination of which it is looked whether it takes them; those behind count.
_COUNTED = 5000


class Reads:
    """One answer's sources; each is opened when it is first asked for, and closed at the end.

    ``now`` is epoch seconds. ``visitor``: the operator's own visitor id, None without one.
    StoreError where the store cannot be read.
    """

    def __init__(
        self, settings: Settings, data_dir: Path, *, now: float, visitor: str | None = None
    ) -> None:
        self.settings = settings
        self.data_dir = data_dir
        self.now = now
        self.visitor = visitor
        self._open: list[Callable[[], None]] = []

    @cached_property
    def store(self) -> Store | None:
        """The store, to read from; None before there is one."""
        found = opening.to_read(self.settings.store, self.data_dir)
        if found is not None:
            self._open.append(found.close)
        return found

    @cached_property
    def ledger(self) -> Store | None:
        """The store, to write to beside the worker; None before there is one."""
        url = self.settings.store
        if not opening.is_there(url, self.data_dir):
            return None
        found = opening.opened(url, self.data_dir)
        self._open.append(found.close)
        return found

    @cached_property
    def plan(self) -> Plan | None:
        """The tracking plan; None without one. PlanError where it cannot be read."""
        named = self.settings.plan
        return _plan(named, _looks(named)) if named else None

    @cached_property
    def routes(self) -> Sequence[Route]:
        """The destinations, with what the plan says of each."""
        return routed(registry.routes(self.settings.destinations), self.plan)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The site's numbers, by the names of ``status --json``."""
        return facts.state(self.settings, self.data_dir, counted=_COUNTED)

    def close(self) -> None:
        """Closes what was opened."""
        while self._open:
            self._open.pop()()


@lru_cache(maxsize=4)
def _plan(named: str, looks: tuple[int, int] | None) -> Plan:
    """A plan, read and compiled once for as long as its file looks the same."""
    return load(named)


def _looks(named: str) -> tuple[int, int] | None:
    try:
        found = Path(named).stat()
    except OSError:  # a module's name
        return None
    return found.st_mtime_ns, found.st_size
