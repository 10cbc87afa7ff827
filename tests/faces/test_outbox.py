"""The outbox: an event is delivered if and only if the transaction it was made in commits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import unittest
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.test import TestCase

from tests.delivery.cluster import Cluster, cluster
from tests.faces import django_site
from tests.faces.apps import SECRET
from track_middleware import flush, track
from track_middleware.cli import outbox as claims
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.worker import Worker
from track_middleware.django import checks, outbox, site

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def databases() -> Iterator[None]:
    for alias in ("default", "other"):
        call_command("migrate", database=alias, verbosity=0)
    yield
    connections.close_all()


class Shop:
    """Django with the outbox on, a file as its destination, and a worker when it is asked for."""

    def __init__(self, data_dir: Path, **more: Any) -> None:
        self.data_dir = data_dir
        self.out = data_dir.parent / "out.jsonl"
        self.given = {
            "data_dir": str(data_dir),
            "deliver": "worker",
            "destinations": [f"jsonl://{self.out}"],
            "min_free": "1",
            "outbox": True,
            "secret_key": SECRET,
            **more,
        }
        django_site._with(self.given)

    def work(self) -> None:
        settings = site.wiring().settings
        worker = Worker(settings, data_dir=self.data_dir, outbox=outbox.Keeping().origin)
        assert worker.once()
        worker.close()

    def delivered(self) -> list[str]:
        if not self.out.exists():
            return []
        return [json.loads(line)["event"] for line in self.out.read_bytes().splitlines()]


def rows(alias: str = "default") -> int:
    return int(outbox._rows(alias).count())


@pytest.fixture
def shop(data_dir: Path, databases: None) -> Iterator[Shop]:
    yield Shop(data_dir)
    for alias in ("default", "other"):
        outbox._rows(alias).all().delete()
    outbox._told.clear()


def test_an_event_is_a_row_of_the_transaction_and_reaches_the_worker_after_it(shop: Shop) -> None:
    with transaction.atomic():
        assert track("Order Completed", user_id="4")
        assert rows() == 1
        assert not (shop.data_dir / "spool").exists()
    shop.work()
    assert shop.delivered() == ["Order Completed"]
    assert rows() == 0


def test_a_rollback_takes_the_row_with_it(shop: Shop) -> None:
    with suppress(LookupError), transaction.atomic():
        track("Order Completed", user_id="4")
        raise LookupError
    shop.work()
    assert (rows(), shop.delivered()) == (0, [])


def test_a_savepoint_that_is_rolled_back_takes_only_its_own(shop: Shop) -> None:
    with transaction.atomic():
        track("Kept", user_id="4")
        with suppress(LookupError), transaction.atomic():
            track("Lost", user_id="4")
            raise LookupError
    shop.work()
    assert shop.delivered() == ["Kept"]


def test_outside_a_transaction_the_event_is_a_row_at_once(shop: Shop) -> None:
    assert track("Invoice Paid", user_id="4")
    assert rows() == 1
    shop.work()
    assert shop.delivered() == ["Invoice Paid"]


def test_events_inside_and_outside_transactions_keep_their_order(shop: Shop) -> None:
    track("A", user_id="4")
    with transaction.atomic():
        track("B", user_id="4")
    track("C", user_id="4")
    shop.work()
    assert shop.delivered() == ["A", "B", "C"]


def test_the_row_is_in_the_database_whose_block_is_open(shop: Shop) -> None:
    with transaction.atomic(using="other"):
        track("Order Completed", user_id="4")
    assert (rows("default"), rows("other")) == (0, 1)
    shop.work()
    assert shop.delivered() == ["Order Completed"]
    assert rows("other") == 0


def test_a_transaction_that_the_app_commits_by_hand_holds_its_events(shop: Shop) -> None:
    transaction.set_autocommit(False)
    try:
        track("Lost", user_id="4")
        transaction.rollback()
        track("Kept", user_id="4")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    shop.work()
    assert shop.delivered() == ["Kept"]


def test_the_apps_transaction_survives_a_row_that_cannot_be_written(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    with connections["default"].schema_editor() as editor:
        editor.execute("ALTER TABLE track_middleware_outbox RENAME TO hidden")
    try:
        with transaction.atomic():
            assert track("Order Completed", user_id="4")
            assert connections["default"].is_usable()
        shop.work()
        assert shop.delivered() == ["Order Completed"], "kept as without an outbox"
        assert caplog.text.count("the outbox of the database default cannot be used") == 1
    finally:
        with connections["default"].schema_editor() as editor:
            editor.execute("ALTER TABLE hidden RENAME TO track_middleware_outbox")


def test_in_a_transaction_that_is_broken_already_nothing_is_kept_and_nothing_said(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        track("Order Completed", user_id="4")
    shop.work()
    assert (shop.delivered(), caplog.text) == ([], "")


def test_a_test_cases_block_does_not_hold_events_back(shop: Shop) -> None:
    class InATest(TestCase):
        def runTest(self) -> None:  # noqa: N802  unittest's name
            track("Invoice Paid", user_id="4")
            with transaction.atomic():
                track("Order Completed", user_id="4")

    result = unittest.TestSuite([InATest()]).run(unittest.TestResult())
    assert result.wasSuccessful(), result.errors
    shop.work()
    assert shop.delivered() == ["Invoice Paid"], "the inner block was never committed"


def test_in_an_event_loop_an_event_needs_no_database(shop: Shop) -> None:
    import asyncio

    async def call() -> str | None:
        return track("Invoice Paid", user_id="4")

    assert asyncio.run(call())
    assert rows() == 0
    shop.work()
    assert shop.delivered() == ["Invoice Paid"]


def test_without_the_setting_there_are_no_rows(data_dir: Path, databases: None) -> None:
    shop = Shop(data_dir, outbox=False)
    with transaction.atomic():
        track("Order Completed", user_id="4")
        assert rows() == 0
    shop.work()
    assert shop.delivered() == ["Order Completed"]


def test_inline_delivery_moves_the_rows_too(data_dir: Path, databases: None) -> None:
    shop = Shop(data_dir, deliver="inline")
    with transaction.atomic():
        track("Order Completed", user_id="4")
        assert shop.delivered() == [], "not before it is committed"
    track("Invoice Paid", user_id="4")
    assert shop.delivered() == ["Order Completed", "Invoice Paid"]
    assert rows() == 0


def test_flush_waits_for_the_outbox(shop: Shop) -> None:
    assert flush(60), "nothing was accepted"
    track("Invoice Paid", user_id="4")
    assert not flush(0.1)
    shop.work()
    assert flush(60)


def test_flush_inside_a_transaction_does_not_wait_for_its_own_rows(shop: Shop) -> None:
    shop.work()
    with transaction.atomic():
        track("Order Completed", user_id="4")
        assert flush(60)


def test_a_running_worker_moves_rows_as_they_come(shop: Shop) -> None:
    settings = site.wiring().settings
    worker = Worker(settings, data_dir=shop.data_dir, outbox=outbox.Keeping().origin)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        for name in ("A", "B"):
            with transaction.atomic():
                track(name, user_id="4")
            assert flush(60)
    finally:
        stop.set()
        thread.join(60)
        worker.close()
    assert shop.delivered() == ["A", "B"]


def test_more_rows_than_are_moved_at_once_are_all_moved(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AT_ONCE", 3)
    for number in range(8):
        track(str(number), user_id="4")
    shop.work()
    assert shop.delivered() == [str(number) for number in range(8)]


# Two ledgers on one database.


def moved(owner: str) -> int:
    taken: list[bytes] = []
    outbox.source().move(owner, taken.extend)
    return len(taken)


def died_while_storing(owner: str) -> None:
    def take(_frames: Any) -> None:
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        outbox.source().move(owner, take)


def test_a_row_that_a_ledger_may_have_stored_is_taken_by_no_other(shop: Shop) -> None:
    track("Invoice Paid", user_id="4")
    died_while_storing("one")
    assert moved("two") == 0
    assert moved("one") == 1
    assert rows() == 0


def test_each_store_has_a_name_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    names = []
    for file in ("a.db", "a.db", "b.db"):
        store = sqlite.open(tmp_path / file)
        names.append(store.identity())
        store.close()
    assert names[0] == names[1] != names[2]
    assert len(names[0]) == 32


def test_the_migrations_are_complete() -> None:
    call_command("makemigrations", "track_middleware", check=True, dry_run=True, verbosity=0)


def test_a_database_without_the_table_is_an_error_of_djangos_check(shop: Shop) -> None:
    assert checks.check_outbox(databases=["default", "other"]) == []
    with connections["other"].schema_editor() as editor:
        editor.execute("ALTER TABLE track_middleware_outbox RENAME TO hidden")
    try:
        (found,) = checks.check_outbox(databases=["default", "other"])
    finally:
        with connections["other"].schema_editor() as editor:
            editor.execute("ALTER TABLE hidden RENAME TO track_middleware_outbox")
    assert (found.id, "'other'" in found.msg) == ("track.E010", True)


def test_a_project_that_no_worker_can_find_is_an_error_of_djangos_check(
    data_dir: Path, databases: None
) -> None:
    """These tests' Django is configured by hand, and has no settings module."""
    Shop(data_dir, deliver="process")
    assert [each.id for each in checks.check_settings()] == ["track.E009"]
    Shop(data_dir, deliver="thread")
    assert checks.check_settings() == []


# Processes of their own.


def ran(script: str, folder: Path, **environ: str) -> str:
    """What a Python process of the outbox's site prints."""
    env = {**os.environ, "OUTBOX_SITE": str(folder), **environ}
    done = subprocess.run(
        [sys.executable, *script.split()], cwd=ROOT, env=env, stdout=subprocess.PIPE, timeout=500,
        check=True, text=True,
    )  # fmt: skip
    return done.stdout


APP = """
import os, time
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faces.outbox_settings"
import django
django.setup()
from django.core.management import call_command
from django.db import transaction
from track_middleware import flush, track
from track_middleware.cli import outbox as claims
call_command("migrate", verbosity=0)
with transaction.atomic():
    track("Order Completed", user_id="4")
assert flush(60)
"""


def test_the_worker_of_a_web_process_sets_django_up_and_moves_the_rows(tmp_path: Path) -> None:
    """The child has nothing but what the web process handed over."""
    (tmp_path / "app.py").write_text(APP)
    ran(str(tmp_path / "app.py"), tmp_path, OUTBOX_DELIVER="process", PYTHONPATH=str(ROOT))
    (line,) = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert json.loads(line)["event"] == "Order Completed"


def test_doctor_tells_a_missing_table_with_what_to_do_and_nothing_that_is_not_so(
    tmp_path: Path,
) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "django", "track", "doctor"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.faces.outbox_settings",
             "OUTBOX_SITE": str(tmp_path)},
    )  # fmt: skip
    assert (said.returncode, said.stderr) == (1, "")
    assert "track.E010" in said.stdout
    assert "Run migrate" in said.stdout
    assert "only Django" not in said.stdout


def outcomes(folder: Path, **environ: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads(ran("-m tests.faces.outbox_kills", folder, **environ))
    return found


def check(found: dict[str, list[Any]]) -> None:
    """Committed, and in log and file once; or not committed, and nowhere."""
    wrong = {k: v for k, v in found.items() if v not in ([True, 1, 1], [False, 0, 0])}
    assert not wrong
    app = [committed for name, (committed, *_) in found.items() if name.startswith("app")]
    assert app == sorted(app), "once it is committed it stays so"
    assert (app[0], app[-1]) == (False, True)
    assert len(found) > 25


def test_a_kill_between_any_two_statements_neither_loses_nor_doubles(tmp_path: Path) -> None:
    check(outcomes(tmp_path))


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.mark.needs("postgresql")
def test_on_postgresql_a_kill_between_any_two_statements_neither_loses_nor_doubles(
    tmp_path: Path, server: Cluster
) -> None:
    check(outcomes(tmp_path, OUTBOX_PORT=str(server._port)))


RACE = """
import os, sys, threading, time
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faces.outbox_settings"
import django
django.setup()
from django.core.management import call_command
from django.db import connections, transaction
from track_middleware.django import outbox
call_command("migrate", verbosity=0)
rows = outbox._rows("default")
rows.all().delete()
for number in range(200):
    rows.create(frames=str(number).encode())
taken = {"one": [], "two": []}
both_have_some = threading.Barrier(2, timeout=60)
outbox.AT_ONCE = 7
def work(owner):
    def take(frames):
        if not taken[owner]: both_have_some.wait()
        taken[owner].extend(frames)
    source = outbox.source()
    while outbox._rows("default").exists():
        source.move(owner, take)
    source.close()
threads = [threading.Thread(target=work, args=(owner,)) for owner in taken]
held = rows.create(frames=b"held")
with transaction.atomic():  # a row that somebody else holds keeps nobody waiting
    rows.select_for_update().get(pk=held.pk)
    for thread in threads: thread.start()
    began = time.monotonic()
    while outbox._rows("default").count() > 1:
        assert time.monotonic() - began < 100
for thread in threads: thread.join()
every = taken["one"] + taken["two"]
assert sorted(every) == sorted({*every}), "taken twice"
print(len(every), min(map(len, taken.values())))
"""


@pytest.mark.needs("postgresql")
def test_on_postgresql_two_workers_share_the_rows_and_take_each_once(
    tmp_path: Path, server: Cluster
) -> None:
    (tmp_path / "race.py").write_text(RACE)
    said = ran(
        str(tmp_path / "race.py"), tmp_path, OUTBOX_PORT=str(server._port), PYTHONPATH=str(ROOT)
    )
    every, fewest = map(int, said.split())
    assert every == 201
    assert fewest > 0, "while one has rows in hand the other takes others"


def test_what_a_dead_host_left_is_told_and_freed_by_who_knows_that_it_is_dead(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    track("Order Completed", user_id="4")
    shop.work()
    track("Invoice Paid", user_id="4")
    outbox._rows("default").update(owner="dead")
    shop.work()
    assert shop.delivered() == ["Order Completed"], "nobody takes it by himself"
    call_command("track", "outbox")
    assert "nothing is left" in capsys.readouterr().out, "a living host may be at it"

    monkeypatch.setattr(claims, "LEFT", -1.0)
    for verb in ("status", "doctor", "outbox"):
        with pytest.raises(SystemExit, match="1"):
            call_command("track", verb)
        assert "1 rows of default are claimed by the store dead" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        call_command("track", "outbox", "--free", "dead")
    with pytest.raises(SystemExit, match="2"):
        call_command("track", "outbox", "--free", "another", "--yes")
    assert outbox._rows("default").get().owner == "dead"

    capsys.readouterr()
    call_command("track", "outbox", "--free", "dead", "--yes")
    assert "1 wait for a worker again" in capsys.readouterr().out
    shop.work()
    assert shop.delivered() == ["Order Completed", "Invoice Paid"]
    call_command("track", "outbox")


def test_a_persons_rows_are_exported_and_never_stored_once_she_is_erased(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    track("Hers", user_id="anna")
    track("His", user_id="ben")
    call_command("track", "subject", "export", "anna")
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert (item["where"], item["entry"]["event"]["event"]) == ("outbox", "Hers")
    with pytest.raises(SystemExit) as left:  # a file cannot be asked
        call_command("track", "subject", "erase", "anna", "--yes")
    assert left.value.code == 1
    assert (rows(), shop.delivered()) == (0, ["His"])
