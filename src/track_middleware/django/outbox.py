"""The outbox: with ``outbox=True`` an event is a row of the app's own database, in the transaction
that is open, and reaches the worker if and only if that transaction commits.

The row is claimed for one ledger before it is stored there, and deleted after. Whoever is killed in
between leaves a row that only the same ledger takes again, and that ledger knows the event's id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import SynchronousOnlyOperation
from django.db import Error, connections, router, transaction
from django.db.models import Count, Min

from ..delivery.framing import bodies
from ..delivery.handover import Origin
from ..delivery.outbox import Claim
from ..event import decode_entry

if TYPE_CHECKING:
    from ..delivery.outbox import Take

logger = logging.getLogger("track_middleware")

#: Rows that are moved at once.
AT_ONCE = 200

_told: set[str] = set()


class Keeping:
    """The app's side: puts events into its database."""

    @property
    def origin(self) -> Origin:
        """Where a worker of another process finds the rows."""
        module = getattr(settings, "SETTINGS_MODULE", None)
        environ = {"DJANGO_SETTINGS_MODULE": str(module)} if module else {}
        return Origin(f"{__name__}.source", environ)

    def keep(self, frames: bytes) -> bool:
        """Writes a row into the transaction that is open, else into the default database; False
        where that cannot be done: then the event is kept as without an outbox."""
        connection = _open()
        alias = connection.alias if connection is not None else _free()
        if alias is None or not _may_have(alias) or connections[alias].needs_rollback:
            return False
        try:
            # A row that fails must not take the app's own transaction with it.
            with transaction.atomic(using=alias) if _needs_savepoint(connection) else nullcontext():
                _rows(alias).create(frames=frames)
        except (Error, SynchronousOnlyOperation) as error:
            _tell(alias, error)
            return False
        return True

    def waits(self) -> bool:
        """Whether committed rows wait; those of a block that is open here are not accepted yet."""
        if not _in_event_loop():
            return _any_waits()
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(_any_waits_and_close).result()


class Databases:
    """The worker's side: ``Source`` over every database of the project that has the table."""

    def move(self, owner: str, take: Take) -> bool:
        """Moves up to ``AT_ONCE`` rows of each database; True when there may be more."""
        moved = [self._moved(alias, owner, take) for alias in _aliases()]
        return any(moved)

    def frames(self) -> Iterator[bytes]:
        """The frames of every row, in every database that can be asked."""
        for alias in _aliases():
            with suppress(Error):
                rows = _rows(alias).order_by("id").values_list("frames", flat=True)
                yield from map(bytes, rows.iterator())

    def claims(self) -> Sequence[Claim]:
        """Every claim, in every database that can be asked; the worker and the system check tell of
        one that cannot."""
        found: list[Claim] = []
        for alias in _aliases():
            with suppress(Error):
                found += _claims(alias)
        return found

    def free(self, owner: str) -> int:
        """Ends a ledger's claims in every database."""
        return sum(_rows(alias).filter(owner=owner).update(owner="") for alias in _aliases())

    def close(self) -> None:
        """Closes this thread's connections."""
        connections.close_all()

    def _moved(self, alias: str, owner: str, take: Take) -> bool:
        connection = connections[alias]
        if connection.in_atomic_block or _is_manual(connection):
            return False  # a transaction of the app's own, where the app delivers by itself
        by_hand = not connection.settings_dict["AUTOCOMMIT"]
        try:
            if by_hand:
                connection.set_autocommit(True)
            return _move(alias, owner, take)
        except Error as error:
            _tell(alias, error)
            by_hand = True
            return False
        finally:
            if by_hand:
                connection.close()


def troubles(aliases: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Which databases cannot hold the outbox although they should, and why."""
    name = apps.get_model("track_middleware", "Outbox")._meta.db_table
    for alias in filter(_may_have, aliases):
        try:
            if name not in connections[alias].introspection.table_names():
                yield alias, "lacks its table"
        except Error as error:
            yield alias, f"cannot be asked: {type(error).__name__}"


def source() -> Databases:
    """What the worker calls; sets Django up where nobody has."""
    if not apps.ready:
        import django

        django.setup()
    return Databases()


def _move(alias: str, owner: str, take: Take) -> bool:
    waiting = list(
        _rows(alias)
        .filter(owner__in=("", owner))
        .order_by("id")
        .values_list("id", "frames", "owner")[:AT_ONCE]
    )
    if not waiting:
        return False
    claimed = _claim(alias, owner, [number for number, _, whose in waiting if not whose])
    ours = [(number, frames) for number, frames, whose in waiting if whose or number in claimed]
    if not ours:
        return False
    take([bytes(frames) for _, frames in ours])
    _rows(alias).filter(id__in=[number for number, _ in ours], owner=owner).delete()
    return len(waiting) == AT_ONCE


def _claim(alias: str, owner: str, ids: Sequence[int]) -> set[int]:
    """Takes free rows for a ledger; those that it got. Another worker may be doing the same."""
    if not ids:
        return set()
    free = _rows(alias).filter(id__in=ids, owner="")
    if connections[alias].features.has_select_for_update_skip_locked:
        with transaction.atomic(using=alias):
            locked = list(free.select_for_update(skip_locked=True).values_list("id", flat=True))
            _rows(alias).filter(id__in=locked).update(owner=owner)
    else:
        free.update(owner=owner)
    return set(_rows(alias).filter(id__in=ids, owner=owner).values_list("id", flat=True))


def _claims(alias: str) -> Iterator[Claim]:
    """A ledger claims at most ``AT_ONCE`` rows of a database before it stores them."""
    rows = _rows(alias).exclude(owner="")
    for owner, number, first in (
        rows.order_by().values_list("owner").annotate(Count("id"), Min("id"))
    ):
        (frames,) = _rows(alias).filter(id=first).values_list("frames", flat=True) or (b"",)
        accepted = [decode_entry(body).at for body in bodies(bytes(frames))]
        yield Claim(owner, alias, number, min(accepted, default=0.0))


def _rows(alias: str) -> Any:
    return apps.get_model("track_middleware", "Outbox").objects.using(alias)


def _aliases() -> Iterator[str]:
    return filter(_may_have, connections)


def _may_have(alias: str) -> bool:
    """Whether the project's routers let the outbox's table stand in a database."""
    model = apps.get_model("track_middleware", "Outbox")
    return bool(router.allow_migrate_model(alias, model))


def _open() -> Any:
    """The connection whose transaction is open: an atomic block's, else one that the app commits
    by hand. Where several are, the first in the order of DATABASES."""
    return next(
        (each for each in connections.all(initialized_only=True) if in_transaction(each)), None
    )


def in_transaction(connection: Any) -> bool:
    """Whether a transaction is open that the app itself will end.

    The blocks that Django's ``TestCase`` puts around a test are never committed and do not count.
    """
    if connection.in_atomic_block:
        return not all(getattr(each, "_from_testcase", False) for each in connection.atomic_blocks)
    return _is_manual(connection)


def _is_manual(connection: Any) -> bool:
    return connection.connection is not None and not connection.autocommit


def _needs_savepoint(connection: Any) -> bool:
    """Not outside every transaction, and not on SQLite where the app commits by hand: there a
    savepoint that is the first statement is the transaction, and its release would commit it."""
    if connection is None:
        return False
    return bool(connection.in_atomic_block or connection.vendor != "sqlite")


def _free() -> str | None:
    """The database for an event outside every transaction; None where it must not be asked: in an
    event loop, and in a block of Django's ``TestCase``, which would take the row back."""
    open_here = connections.all(initialized_only=True)
    if _in_event_loop() or any(each.in_atomic_block for each in open_here):
        return None
    alias: str = router.db_for_write(apps.get_model("track_middleware", "Outbox"))
    return alias


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _any_waits() -> bool:
    for alias in _aliases():
        try:
            if not in_transaction(connections[alias]) and _rows(alias).exists():
                return True
        except Error as error:
            _tell(alias, error)
    return False


def _any_waits_and_close() -> bool:
    try:
        return _any_waits()
    finally:
        connections.close_all()


def _tell(alias: str, error: Exception) -> None:
    """Once per database and kind."""
    kind = f"{alias}: {type(error).__name__}"
    if kind not in _told:
        _told.add(kind)
        logger.error("the outbox of the database %s cannot be used: %s", alias, error)
