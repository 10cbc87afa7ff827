"""The day's salt: one for all processes and hosts, and gone in time."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from track_middleware.delivery.salts import AGAIN, FOLDER, Agreement, Salts
from track_middleware.delivery.store import sqlite

DAY = 86400.0
TODAY = 20_000
NOON = TODAY * DAY + DAY / 2
NAMES = ("2024-10-03", "2024-10-04", "2024-10-05")  # yesterday, today, tomorrow


def files(data_dir: Path) -> list[str]:
    return sorted(os.listdir(data_dir / FOLDER))


def _holds(data_dir: Path, salt: bytes) -> bool:
    return any(salt in path.read_bytes() for path in data_dir.rglob("*") if path.is_file())


def test_every_process_of_a_folder_has_the_same_salt(data_dir: Path) -> None:
    mine, theirs = Salts(data_dir)(NOON), Salts(data_dir)(NOON + 1)
    assert mine is not None
    assert (len(mine), mine == theirs) == (32, True)


@pytest.mark.parametrize("left", [b"", b"a part of one"])
def test_a_salt_that_a_power_cut_left_empty_is_made_anew(data_dir: Path, left: bytes) -> None:
    Salts(data_dir)(NOON)
    (data_dir / FOLDER / NAMES[1]).write_bytes(left)
    mine = Salts(data_dir)(NOON)
    assert mine is not None
    assert (len(mine), mine == Salts(data_dir)(NOON)) == (32, True)


def test_of_many_that_make_one_at_once_all_have_the_same(data_dir: Path) -> None:
    found: list[bytes | None] = []
    gate = threading.Barrier(16)

    def ask() -> None:
        gate.wait()
        found.append(Salts(data_dir)(NOON))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert files(data_dir) == [NAMES[1]]


def test_only_the_owner_may_read_it(data_dir: Path) -> None:
    Salts(data_dir)(NOON)
    assert stat.S_IMODE((data_dir / FOLDER / NAMES[1]).stat().st_mode) == 0o600
    assert stat.S_IMODE((data_dir / FOLDER).stat().st_mode) == 0o700


def test_a_day_has_its_own_and_the_second_midnight_ends_it(data_dir: Path) -> None:
    salts = Salts(data_dir)
    first = salts(NOON)
    second = salts(NOON + DAY)
    assert first != second
    assert files(data_dir) == ["2024-10-04", "2024-10-05"]
    salts((TODAY + 2) * DAY - 1)
    assert files(data_dir) == ["2024-10-04", "2024-10-05"]
    salts((TODAY + 2) * DAY)
    assert files(data_dir) == ["2024-10-05", "2024-10-06"]


def test_what_a_kill_left_of_making_one_goes_with_its_day(data_dir: Path) -> None:
    Salts(data_dir)(NOON)
    left = data_dir / FOLDER / ".0a1b2c3d"
    left.write_bytes(b"half")
    os.utime(left, (NOON, NOON))
    Salts(data_dir)(NOON + DAY)
    assert left.exists()
    Salts(data_dir)(NOON + 2 * DAY)
    assert not left.exists()


def test_within_a_minute_the_disk_is_not_asked_again(data_dir: Path) -> None:
    salts = Salts(data_dir)
    first = salts(NOON)
    (data_dir / FOLDER / NAMES[1]).unlink()
    assert salts(NOON + AGAIN - 1) == first
    assert salts(NOON + AGAIN) != first


def test_a_disk_that_keeps_none_gives_none_and_breaks_nothing(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / FOLDER).write_text("no folder")
    assert Salts(data_dir)(NOON) is None


def test_two_hosts_agree_through_the_store_on_today_and_tomorrow(tmp_path: Path) -> None:
    salts = []
    for host in ("one", "two"):
        Salts(tmp_path / host)(NOON)  # both have made today's before they agree
        store = sqlite.open(tmp_path / "events.db")
        Agreement(store, tmp_path / host, wanted=True).tend(NOON)
        store.close()
        assert files(tmp_path / host) == [NAMES[1], NAMES[2]]
        salts.append([Salts(tmp_path / host)(NOON + days * DAY) for days in (0, 1)])
    assert salts[0] == salts[1]


def test_past_salts_are_in_no_byte_of_the_folder_or_the_store(data_dir: Path) -> None:
    store = sqlite.open(data_dir / "events.db")
    agreement = Agreement(store, data_dir, wanted=True)
    agreement.tend(NOON)
    past = Salts(data_dir)(NOON)
    assert past is not None
    assert _holds(data_dir, past)
    agreement.tend(NOON + DAY)
    assert _holds(data_dir, past)
    agreement.tend(NOON + 2 * DAY)
    assert not _holds(data_dir, past)
    store.close()


def test_a_reader_only_puts_the_cleaning_off(data_dir: Path) -> None:
    store = sqlite.open(data_dir / "events.db")
    agreement = Agreement(store, data_dir, wanted=True)
    agreement.tend(NOON)
    past = Salts(data_dir)(NOON)
    assert past is not None
    reader = sqlite3.connect(data_dir / "events.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM salt").fetchall()
    agreement.tend(NOON + 2 * DAY)
    reader.close()
    agreement.tend(NOON + 2 * DAY + AGAIN)
    assert not _holds(data_dir, past)
    store.close()


@pytest.mark.parametrize("there", [False, True])
def test_when_nothing_is_counted_any_more_the_last_salts_go_all_the_same(
    data_dir: Path, there: bool
) -> None:
    store = sqlite.open(data_dir / "events.db")
    if there:
        Agreement(store, data_dir, wanted=True).tend(NOON)
    Agreement(store, data_dir, wanted=False).tend(NOON + 5 * DAY)
    assert (data_dir / FOLDER).exists() is there
    assert not there or files(data_dir) == []
    store.close()
