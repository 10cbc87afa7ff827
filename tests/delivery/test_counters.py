"""Counters: what was not kept is known, across processes, forks and full disks."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path

import pytest

from tests.delivery.test_spool import in_child
from track_middleware.delivery import counters
from track_middleware.delivery.counters import Counters, fold, totals


def in_another_process(folder: Path, reason: str, times: int) -> None:
    """A process that counts and is dead afterwards."""
    assert in_child(lambda: Counters(folder).add(reason, times)) == 0


def test_what_was_counted_is_read_from_outside(tmp_path: Path) -> None:
    own = Counters(tmp_path)
    own.add("consent")
    own.add("consent", 2)
    own.add("torn")
    assert totals(tmp_path) == {"consent": 3, "torn": 1}


def test_an_unknown_reason_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        Counters(tmp_path).add("whatever")


def test_nothing_is_on_disk_before_something_is_counted(tmp_path: Path) -> None:
    Counters(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert totals(tmp_path) == {}


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    own = Counters(tmp_path)
    own.add("bot")
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_blocks > 0, "a full disk must not meet a hole under the mapping"


def test_threads_lose_no_count(tmp_path: Path) -> None:
    own = Counters(tmp_path)

    def count() -> None:
        for _ in range(5000):
            own.add("consent")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals(tmp_path) == {"consent": 20000}


def test_a_child_counts_its_own_and_does_not_repeat_its_parents(tmp_path: Path) -> None:
    own = Counters(tmp_path)
    own.add("consent", 5)
    assert in_child(lambda: own.add("consent", 2)) == 0
    own.add("consent")
    assert totals(tmp_path) == {"consent": 8}


def test_a_child_leaves_a_number_alone_that_is_another_files_by_now(tmp_path: Path) -> None:
    counting = Counters(tmp_path)
    counting.add("bot")
    os.close(counting._fd)  # as daemons do, with every number
    other = os.open(tmp_path / "other", os.O_CREAT | os.O_RDWR)
    assert other == counting._fd
    in_child(lambda: os.fstat(other))
    os.close(other)


def test_a_folder_that_cannot_be_made_keeps_the_numbers_until_it_can(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.write_text("a file in the way")
    own = Counters(place)
    own.add("spool_error", 4)
    place.unlink()
    own.add("spool_error")
    assert totals(place) == {"spool_error": 5}


def test_folding_keeps_the_sum_and_removes_the_dead_files(tmp_path: Path) -> None:
    in_another_process(tmp_path, "bot", 3)
    in_another_process(tmp_path, "bot", 4)
    own = Counters(tmp_path)
    own.add("bot")
    assert fold(tmp_path) == {"bot": 7}
    assert totals(tmp_path) == {"bot": 8}
    assert len(list(tmp_path.glob("v1-*"))) == 1
    assert fold(tmp_path) == {}
    assert totals(tmp_path) == {"bot": 8}


def test_a_crash_between_sum_and_removal_counts_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_another_process(tmp_path, "bot", 3)
    (dead,) = tmp_path.iterdir()
    content = dead.read_bytes()
    fold(tmp_path)
    dead.write_bytes(content)  # as if the removal had not been reached
    assert totals(tmp_path) == {"bot": 3}
    assert fold(tmp_path) == {}
    assert totals(tmp_path) == {"bot": 3}


def test_a_full_disk_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_another_process(tmp_path, "bot", 3)

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(counters, "replace_file", full)
    with pytest.raises(OSError, match="No space"):
        fold(tmp_path)
    assert totals(tmp_path) == {"bot": 3}


def test_reasons_keep_their_places_for_files_of_former_releases() -> None:
    assert counters.REASONS[:10] == (
        "consent", "excluded", "spool_full", "spool_error", "disk_low", "not_json", "trouble",
        "bot", "door_refused", "torn",
    )  # fmt: skip
    assert len(counters.REASONS) <= counters._SLOTS


def test_a_damaged_sum_is_begun_anew(tmp_path: Path) -> None:
    for held in (b"{", b'{"\xff":1}'):
        (tmp_path / "folded.json").write_bytes(held)
        assert totals(tmp_path) == {}


def test_a_file_of_a_release_with_fewer_reasons_is_read(tmp_path: Path) -> None:
    (tmp_path / "v1-old").write_bytes((7).to_bytes(8, "little") + b"odd")
    assert totals(tmp_path) == {"consent": 7}
    assert os.path.exists(tmp_path / "v1-old")


def test_every_reason_that_the_worker_counts_by_name_has_its_slot() -> None:
    folder = Path(counters.__file__).parent
    named = {
        reason
        for path in folder.glob("*.py")
        for reason in re.findall(r'counts\["(\w+)"\] \+=', path.read_text())
    }
    assert {"enricher_timeout", "history_late", "repaired"} <= named
    assert named <= set(counters.REASONS)
