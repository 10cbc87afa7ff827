"""The same calls through a vendor's own SDK and through us, against one recording server.

``by_us`` sends ours; ``differences`` compares two requests field by field. A test asserts that the
fields that differ are exactly those that its table explains.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.delivery.recorder import Got, Recorder
from track_middleware import wiring
from track_middleware.delivery.worker import Worker

#: Stands where one side has no such field.
MISSING = "(missing)"


def by_us(folder: Path, url: str, say: Callable[[], object]) -> list[Got]:
    """What our worker sends for the verbs that ``say`` calls; ``url`` is a destination's without
    its endpoint."""
    with Recorder() as vendor, _configured_alone():
        joint = "&" if "?" in url else "?"
        made = wiring.configure(
            {
                "data_dir": str(folder),
                "deliver": "worker",
                "secret_key": "oracle",
                "min_free": "1",
                "destinations": [f"{url}{joint}endpoint={vendor.url}"],
            }
        )
        worker = Worker(made.settings, data_dir=folder)
        worker.once()  # a new destination gets everything from its worker's first turn on
        say()
        worker.once()
        worker.close()
        made.spool.close()
        return list(vendor.got)


@contextmanager
def _configured_alone() -> Iterator[None]:
    """While it lasts, a verb means what ``configure`` set, whatever frameworks other tests have
    imported."""
    finders = wiring.FINDERS.copy()
    wiring.FINDERS.clear()
    try:
        yield
    finally:
        wiring.FINDERS[:] = finders
        wiring._configured.clear()


def body(got: Got) -> Any:
    """A request's JSON."""
    plain = gzip.decompress(got.body) if got.headers.get("content-encoding") == "gzip" else got.body
    return json.loads(plain)


def differences(ours: Any, theirs: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Dotted path -> (our value, theirs), for all that is not equal."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        found: dict[str, tuple[Any, Any]] = {}
        for key in ours.keys() | theirs.keys():
            below = f"{path}.{key}" if path else str(key)
            pair = ours.get(key, MISSING), theirs.get(key, MISSING)
            found |= differences(*pair, below)
        return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        found = {}
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            found |= differences(*pair, f"{path}[{number}]")
        return found
    same = ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool)
    return {} if same else {path: (ours, theirs)}
