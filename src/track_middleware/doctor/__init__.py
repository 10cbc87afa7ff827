"""What is wrong in a set-up: found without running it, or by a visit to the running site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..delivery.handover import Origin
from ..delivery.store import opening
from ..errors import SettingsError, StoreError
from ..facts import state
from ..settings import Settings
from . import asked
from .client import Unreachable
from .finding import Finding, Level
from .flow import consent, flow
from .folder import file_system, location
from .live import NOTHING, PATIENCE, visited
from .visit import Visit

__all__ = ["Finding", "Level", "Unreachable", "examined", "file_system", "placed", "wake"]

#: What the data folder and a visit may both show.
_BOTH = frozenset({"folder", "lag", "worker"})


def examined(
    settings: Settings,
    data_dir: Path,
    *,
    face: Sequence[tuple[str, str]] = (),
    outbox: Origin | None = None,
    url: str = "",
    patience: float = PATIENCE,
) -> list[Finding]:
    """Everything that is wrong. ``face`` is what a framework's own checks say (id, message),
    ``outbox`` where its outbox is found; None: as was handed over. ``url``: a page of the running
    site, which is visited; ``patience``: seconds that its worker has to take the visit up."""
    found = _still(settings, data_dir, face, outbox)  # before the visit, which leaves something
    seen = NOTHING
    if url and settings.enabled:
        seen = visited(settings, data_dir, url, patience=patience)
    if seen.asks:  # its visitors have a way to grant it
        found = [each for each in found if (each.id, each.level) != ("consent", "warning")]
    if seen.is_stored:  # a worker that has just been started was still missing before
        found = [each for each in found if each.id != "worker"]
    known = _BOTH & {each.id for each in found}
    return [*found, *(each for each in seen.findings if each.id not in known)]


def _still(
    settings: Settings,
    data_dir: Path,
    face: Sequence[tuple[str, str]],
    outbox: Origin | None,
) -> list[Finding]:
    found = [Finding(name, "error", message) for name, message in face]
    found += asked.settled(settings)
    found += placed(settings, data_dir)
    found += asked.outbox(settings, data_dir, outbox)
    try:
        found += _flows(settings, data_dir)
    except OSError as error:
        found.append(Finding("folder", "error", f"{data_dir} cannot be read: {error.strerror}"))
    except SettingsError as error:
        if error.setting not in {each.id for each in found}:
            found.append(Finding(error.setting, "error", str(error)))
    except StoreError as error:
        if "store" not in {each.id for each in found}:
            found.append(Finding("store", "error", str(error)))
    return found


def wake(url: str) -> None:
    """Asks for a page of the site once, so that it has its first event. Unreachable when nobody
    answers."""
    Visit(url, []).arrive()


def placed(settings: Settings, data_dir: Path) -> Iterator[Finding]:
    """What is wrong with the data folder and the machine that it is on."""
    yield from location(settings, data_dir)
    yield from asked.linked(settings, data_dir)


def _flows(settings: Settings, data_dir: Path) -> Iterator[Finding]:
    facts = state(settings, data_dir)
    yield from flow(settings, facts)
    granted = settings.consent != "opt_in" or _was_granted(settings, data_dir)
    yield from consent(settings, facts, granted=granted)


#: What the store counts of people who may be tracked: views by their server's half, and by their
#: browser's.
_PEOPLE = frozenset({"page.human", "confirmed"})


def _was_granted(settings: Settings, data_dir: Path) -> bool:
    """Whether anybody's view was ever let through: with ``opt_in`` somebody has granted it."""
    store = opening.to_read(settings.store, data_dir)
    if store is None:
        return False
    try:
        return any(name in _PEOPLE for _, name in store.rollups())
    finally:
        store.close()
