"""Takes an order on its way to the worker, killing the process at each of its statements in turn.

``python -m tests.faces.outbox_kills``: one JSON object on standard output, by the name of the
point: whether the order was committed, and how often its event is in the log and in the file.
"""

from __future__ import annotations

import json
import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faces.outbox_settings"

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from track_middleware import track  # noqa: E402
from track_middleware.delivery import drain, handover  # noqa: E402
from track_middleware.delivery.store import sqlite  # noqa: E402
from track_middleware.delivery.worker import Worker  # noqa: E402
from track_middleware.django import site  # noqa: E402

DATA = Path(settings.TRACK["data_dir"])


class Points:
    """Counts the points that are passed; at the chosen one the process kills itself."""

    def __init__(self, chosen: int) -> None:
        self.passed = 0
        self._chosen = chosen

    def __call__(self, *_seen: object) -> None:
        if self.passed == self._chosen:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    @contextmanager
    def around_statements(self) -> Iterator[None]:
        """A point before and after each statement on the app's database."""

        def wrapped(execute: Callable[..., Any], *given: Any) -> Any:
            self()
            result = execute(*given)
            self()
            return result

        with connection.execute_wrapper(wrapped):
            yield


def order(name: str, point: Points) -> None:
    with point.around_statements():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO orders (name) VALUES (%s)", [name])
            assert track(name, {"n": 1}, user_id="7")
            point()
        point()


def work(point: Points) -> None:
    """A worker; a point at each statement on the app's database, and on the ledger while it stores
    what it moves."""
    here = handover.read(DATA)
    assert here is not None
    worker = Worker(here.loaded(DATA), data_dir=DATA, outbox=here.outbox)
    take, ledger = drain.Drain.take, worker._store._db._raw

    def traced(self: drain.Drain, *given: Any) -> None:
        ledger.set_trace_callback(point)
        take(self, *given)
        ledger.set_trace_callback(None)
        point()

    drain.Drain.take = traced  # type: ignore[method-assign]
    with point.around_statements():
        worker.once()
    worker.close()


def forked(step: Callable[[], None]) -> int:
    """Runs a step in a child; its exit status, negative when it was killed."""
    connection.close()
    pid = os.fork()
    if not pid:
        try:
            step()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def every_point(kind: str, step: Callable[[str, Points], None]) -> Iterator[str]:
    """Kills one step after the other, until there is no further point; their names."""
    for number in range(200):
        name = f"{kind} {number:03d}"
        status = forked(lambda name=name, number=number: step(name, Points(number)))
        assert status in (0, -signal.SIGKILL), f"{name}: {status}"
        yield name
        if status == 0:
            return
        if kind == "worker":
            recovered()
    raise AssertionError("there is no end of points")


def recovered() -> None:
    """Workers, until nothing waits: PostgreSQL may take a moment to miss a client."""
    deadline = time.monotonic() + 60
    while forked(lambda: work(Points(-1))) == 0 and rows() and time.monotonic() < deadline:
        time.sleep(0.02)


def rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM track_middleware_outbox")
        return int(cursor.fetchone()[0])


def by_worker(name: str, point: Points) -> None:
    """An order that is committed, and a worker."""
    order(name, Points(-1))
    connection.close()
    work(point)


def main() -> None:
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (name VARCHAR(40))")
    assert forked(lambda: site.wiring()._first_event()) == 0
    names = [*every_point("app", order)]
    recovered()
    names += every_point("worker", by_worker)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM orders")
        committed = {name for (name,) in cursor.fetchall()}
    store = sqlite.open(DATA / "events.db", read_only=True)
    logged = Counter(each.label for each in store.read(0, 10_000))
    lines = (settings.HERE / "out.jsonl").read_bytes().splitlines()
    sent = Counter(json.loads(line)["event"] for line in lines)
    print(json.dumps({n: [n in committed, logged[n], sent[n]] for n in names}), flush=True)
    os._exit(0)  # forked children share what an exit would tidy


if __name__ == "__main__":
    main()
