"""The verb ``backfill``: rows become events, each once, whatever interrupts it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.recorder import Recorder, Say
from tests.processes import started
from tests.waiting import until
from track_middleware import cli
from track_middleware.cli import progress
from track_middleware.delivery import handover
from track_middleware.event import iso
from track_middleware.history.backfill import Ages, Backfill, Tally, samples
from track_middleware.history.checkpoint import Checkpoint, State
from track_middleware.history.intake import Counts, context
from track_middleware.history.rows import Columns, Reader
from track_middleware.history.sources.code import Rows
from track_middleware.reading import load

NEEDED = ("--event", "Order Completed", "--id", "id", "--time", "created_at")


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id, total, created_at)")
        rows = [
            (n, f"u{n % 9}", n / 4, f"2024-05-{n % 28 + 1:02}T10:00:00Z") for n in range(1, 401)
        ]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    return path


def told(data_dir: Path, *destinations: str, **settings: Any) -> None:
    """An app has been here, with these destinations."""
    given = {"data_dir": str(data_dir), "destinations": list(destinations), **settings}
    handover.write(load(given, {}), data_dir)


def hook(vendor: Recorder, path: str = "hook") -> str:
    return f"{vendor.url.replace('http://', 'webhook+http://')}/{path}?name={path}"


def call(data_dir: Path, shop: Path, *more: str, sql: str = "select * from orders") -> list[str]:
    return ["backfill", f"sqlite:///{shop}", "--sql", sql, *NEEDED, "--user", "user_id",
            "--data-dir", str(data_dir), "--json", *more]  # fmt: skip


def events(vendor: Recorder, path: str = "hook") -> list[dict[str, Any]]:
    calls = [each for each in vendor.got if each.path.startswith(f"/{path}")]
    return [event for each in calls for event in json.loads(each.body)["batch"]]


def test_every_row_is_delivered_once_with_its_own_time_and_a_second_run_adds_none(
    data_dir, shop, vendor, capsys
):
    told(data_dir, hook(vendor))
    assert cli.run(call(data_dir, shop)) == cli.WELL
    done = json.loads(capsys.readouterr().out)
    assert (done["rows"], done["kept"], done["stored"], done["complete"]) == (400, 400, 400, True)
    (to,) = done["destinations"]
    assert (to["sent"], to["over"]) == (400, True)
    got = events(vendor)
    assert [each["properties"]["id"] for each in got] == list(range(1, 401))
    assert got[0]["timestamp"] == "2024-05-02T10:00:00.000Z"
    assert (got[0]["userId"], got[0]["context"]["platform"]) == ("u1", "backfill")
    assert cli.run(call(data_dir, shop)) == cli.WELL
    done = json.loads(capsys.readouterr().out)
    assert (done["rows"], done["stored"], len(events(vendor))) == (400, 0, 400)


def test_a_dry_run_shows_ten_as_they_would_be_sent_and_leaves_nothing(
    tmp_path, data_dir, shop, capsys
):
    told(data_dir, "mixpanel://me:hush@7?token=quiet&endpoint=http://127.0.0.1:9")
    before = sorted(data_dir.iterdir())
    assert cli.run(call(data_dir, shop, "--dry-run", "--properties", "revenue=total")) == cli.WELL
    out = capsys.readouterr().out
    shown = json.loads(out)
    assert (shown["rows"], len(shown["events"])) == (400, 10)
    (sent,) = shown["calls"]
    assert sent["url"] == "http://127.0.0.1:9/import"
    first = json.loads(sent["body"])[0]
    assert first["event"] == "Order Completed"
    assert first["properties"]["$insert_id"] == shown["events"][0]["messageId"]
    assert first["properties"]["revenue"] == 0.25
    assert "hush" not in out
    assert "quiet" not in out
    assert sorted(data_dir.iterdir()) == before


def test_a_destination_that_takes_nothing_so_old_is_left_out_or_refused(
    data_dir, shop, vendor, capsys
):
    told(data_dir, hook(vendor), "ga4://G-1:secret")
    assert cli.run(call(data_dir, shop, "--dry-run")) == cli.WELL
    (said,) = json.loads(capsys.readouterr().out)["warnings"]
    assert said.startswith("ga4 is left out: it takes nothing that happened more than 72 hours ago")
    assert cli.run(call(data_dir, shop, "--destination", "ga4")) == cli.WRONG_CALL
    assert "72 hours" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sql", "more", "said"),
    [
        ("select id, '2024-05-01 10:00' as created_at, user_id from orders", (), "--time-zone"),
        (
            "select id as number, created_at, user_id from orders",
            (),
            "no such column: id|no column",
        ),
        ("select * from orders", ("--anonymous", "visitor"), "has no column visitor; it has id"),
        ("select * from orders", ("--destination", "nix"), "there is no nix; there are: hook"),
        ("select * from orders", ("--rate", "fast"), "no rate such as 500/s"),
        ("select * from orders", ("--time-zone", "Mars/Base"), "no time zone"),
        ("select * from orders", ("--event", " "), "a name such as"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused_before_anything_happens(
    data_dir, shop, vendor, capsys, sql, more, said
):
    told(data_dir, hook(vendor))
    before = sorted(data_dir.iterdir())
    assert cli.run(call(data_dir, shop, *more, sql=sql)) == cli.WRONG_CALL
    err = capsys.readouterr().err
    assert any(each in err for each in said.split("|")), err
    assert sorted(data_dir.iterdir()) == before


def test_a_folder_that_no_app_has_written_to_is_not_filled(data_dir, shop, capsys):
    assert cli.run(call(data_dir / "typo", shop)) == cli.WRONG_CALL
    assert "is it the app's data folder?" in capsys.readouterr().err
    assert not (data_dir / "typo").exists()


def test_wrong_rows_are_counted_and_named_and_the_others_go_on(data_dir, shop, vendor, capsys):
    told(data_dir, hook(vendor))
    sql = (
        "select case when id > 398 then 'x' || id else id end as id, user_id,"
        " case when id % 200 = 0 then 'never' else created_at end as created_at from orders"
    )
    assert cli.run(call(data_dir, shop, sql=sql)) == cli.FINDING
    done = json.loads(capsys.readouterr().out)
    assert (done["rows"], done["kept"], done["refused"]) == (400, 398, 2)
    assert "row 200: created_at: 'never' is no ISO 8601 time" in done["problems"]
    assert len(events(vendor)) == 398


def test_an_outage_leaves_the_rest_to_the_worker_and_is_a_finding(data_dir, shop, vendor, capsys):
    vendor.answer = lambda got: Say(503)
    told(data_dir, hook(vendor))
    assert cli.run(call(data_dir, shop)) == cli.FINDING
    (to,) = json.loads(capsys.readouterr().out)["destinations"]
    assert (to["sent"], to["over"]) == (0, False)
    assert "503" in to["pauseReason"]


def test_a_disk_without_room_is_a_finding_and_can_be_resumed(data_dir, shop, vendor, capsys):
    told(data_dir, hook(vendor), min_free="100%")
    assert cli.run(call(data_dir, shop)) == cli.FINDING
    out, err = capsys.readouterr()
    assert "disk_low" in err
    assert not json.loads(out)["complete"]
    told(data_dir, hook(vendor))
    assert cli.run(call(data_dir, shop, "--resume")) == cli.WELL
    assert len(events(vendor)) == 400


def in_a_process(*arguments: str, **options: Any) -> Any:
    command = [sys.executable, "-m", "track_middleware", *arguments]
    return started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_one_goes_on_behind_what_it_has_read(data_dir, shop, vendor, number):
    told(data_dir, hook(vendor))
    arguments = call(data_dir, shop)
    with in_a_process(*arguments, "--rate", "20/s") as process:
        wait_for_a_checkpoint(data_dir, process)
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    assert process.returncode == cli.FINDING, err
    first = json.loads(out)
    assert not first["complete"]
    assert 0 < first["rows"] < 400
    with in_a_process(*arguments, "--resume") as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == cli.WELL, err
    second = json.loads(out)
    assert second["backfill"] == first["backfill"]
    assert first["rows"] <= 400 - second["rows"] + 25  # at most the piece that was under way
    assert second["stored"] == 400
    assert sorted(each["properties"]["id"] for each in events(vendor)) == list(range(1, 401))


def test_two_of_the_same_do_not_run_at_once(data_dir, shop, vendor):
    told(data_dir, hook(vendor))
    with in_a_process(*call(data_dir, shop), "--rate", "5/s") as process:
        wait_for_a_checkpoint(data_dir, process, rows=5)
        assert cli.run(call(data_dir, shop)) == cli.WRONG_CALL
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)


def wait_for_a_checkpoint(data_dir: Path, process: subprocess.Popen[str], rows: int = 25) -> None:
    def is_there() -> bool:
        read = [
            json.loads(path.read_bytes()).get("read", 0)
            for path in (data_dir / "backfills").glob("*.json")
        ]
        assert process.poll() is None, process.communicate()
        return max(read, default=0) >= rows

    until(is_there)


DJANGO = """
import sys
from django.conf import settings
settings.configure(
    SECRET_KEY="k" * 50, USE_TZ=True, BASE_DIR=sys.argv[1],
    INSTALLED_APPS=[
        "django.contrib.contenttypes", "django.contrib.auth", "track_middleware.django"
    ],
    MIDDLEWARE=["track_middleware.django.TrackMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1] + "/db"}},
    TRACK={"destinations": [sys.argv[2]], "deliver": "worker"},
)
import django
django.setup()
from django.core.management import call_command
from django.contrib.auth.models import User
call_command("migrate", verbosity=0)
User.objects.bulk_create(User(username=f"u{n}") for n in range(30))
from track_middleware.django.management.commands.track import Command
Command().run_from_argv(["manage.py", "track", *sys.argv[3:]])
"""


def test_a_django_model_is_a_source_of_manage_py(tmp_path, vendor):
    columns = (
        "--id",
        "id",
        "--user",
        "id",
        "--time",
        "date_joined",
        "--properties",
        "name=username",
    )
    arguments = ["backfill", "django:auth.User", "--event", "Signed Up", *columns, "--json"]
    command = [sys.executable, "-c", DJANGO, str(tmp_path), hook(vendor), *arguments]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == cli.WELL, err
    assert json.loads(out)["stored"] == 30
    got = events(vendor)
    assert [each["userId"] for each in got] == [str(number) for number in range(1, 31)]
    assert got[4]["properties"] == {"name": "u4"}


@pytest.mark.parametrize(
    ("given", "said"), [("auth.User --id nix", "no column nix"), ("nix.Nix --id id", "cannot be")]
)
def test_a_model_or_column_that_is_not_there_is_named(tmp_path, vendor, given, said):
    arguments = ["backfill", *f"django:{given} --event E --time date_joined".split()]
    command = [sys.executable, "-c", DJANGO, str(tmp_path), hook(vendor), *arguments]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == cli.WRONG_CALL
    assert said in err
    assert "Traceback" not in err


# The run itself, by hand.


class Taking:
    """An intake that only counts, and fails where it is told to."""

    def __init__(self, most: int = 10**9) -> None:
        self.ids: list[str] = []
        self._most = most

    def add(self, entries: Sequence[Any]) -> Counts:
        if len(self.ids) + len(entries) > self._most:
            raise KeyboardInterrupt
        self.ids += [each.event.message_id for each in entries]
        return Counts(len(entries), 0)


def filling(taking: Taking, checkpoint: Checkpoint, **given: Any) -> Backfill:
    reader = Reader("E", Columns("id", "at", zone=UTC), context("1"))
    rows = Rows([{"id": number, "at": 86_400 * number} for number in range(10)])
    options = {"tally": Tally(), "ages": Ages({}), **given}
    return Backfill(rows, reader, taking, checkpoint, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kept", range(10))
def test_the_checkpoint_never_lies_behind_what_is_not_kept(data_dir, kept):
    checkpoint = Checkpoint(data_dir, ["x"])
    taking = Taking(kept)
    with pytest.raises(KeyboardInterrupt):
        filling(taking, checkpoint, rate=4, sleep=lambda seconds: None).run(State(1))
    state = checkpoint.load()
    assert state is not None
    assert state.read == len(taking.ids) == kept
    rest = Taking()
    filling(rest, checkpoint).run(state)
    assert [*taking.ids, *rest.ids] == [f"E:{number}" for number in range(10)]


def test_a_rate_is_kept_on_the_whole(data_dir):
    clock = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    run = filling(
        Taking(), Checkpoint(data_dir, ["x"]), rate=4.0, sleep=sleep, monotonic=lambda: clock[0]
    )
    run.run(State(1))
    assert clock[0] == pytest.approx(10 / 4)
    assert max(slept) <= 0.3


def test_rows_that_are_too_old_for_a_destination_are_counted(data_dir):
    tally = Tally()
    run = filling(
        Taking(), Checkpoint(data_dir, ["x"]), tally=tally,
        ages=Ages({"ga4": 3 * 86_400.0}), now=lambda: 9 * 86_400.0,
    )  # fmt: skip
    run.run(State(1))
    assert tally.late == {"ga4": 6}


def test_samples_leave_wrong_rows_out():
    reader = Reader("E", Columns("id", "at", zone=UTC), context("1"))
    rows = Rows([{"id": None, "at": 0}, {"id": 2, "at": "never"}, {"id": 3, "at": 0}])
    assert [each.event.message_id for each in samples(rows, reader, 0.0) if each.event] == ["E:3"]


def test_a_bar_says_how_far_how_fast_and_how_long():
    assert progress.line("rows", 250, 1000, begin=0, seconds=10) == (
        "[######..................]  25%  250 of 1,000 rows  25/s  0:30 left"
    )
    assert progress.line("rows", 700, 1000, begin=500, seconds=10).endswith("20/s  0:15 left")
    assert progress.line("rows", 1000, 1000, begin=0, seconds=1).endswith("1,000 rows  1,000/s")
    assert progress.line("rows", 7, None, begin=0, seconds=2) == "7 rows  4/s"
    assert progress.line("rows", 0, 0, begin=0, seconds=0).startswith("[####")


def test_a_bar_is_drawn_on_a_terminal_only(tmp_path):
    with (tmp_path / "out").open("w+") as stream:
        bar = progress.Bar("rows", 10, stream=stream)
        bar.at(5)
        bar.end(10)
        assert stream.tell() == 0
    main, side = os.openpty()
    with os.fdopen(side, "w") as stream:
        bar = progress.Bar("rows", 10, stream=stream)
        bar.at(5)
        bar.end(10)
        assert b"50%" in os.read(main, 1000)
    os.close(main)


def test_a_time_in_the_past_is_sent_as_it_was():
    reader = Reader("E", Columns("id", "at", zone=UTC), context("1"))
    entry = reader.entry({"id": 1, "at": -1.5}, now=10.0)
    assert entry.event is not None
    assert (entry.at, entry.event.timestamp) == (10.0, iso(-1.5))
