"""A site's access log is replayed; the store's numbers are those that the log has by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys import replay
from tests.journeys.comparison import table


def _agrees(log: Path, data_dir: Path, port: int) -> dict[str, dict[str, int]]:
    """Replays a log, prints the comparison, and asserts that every single number is the same."""
    asked, kept, differing = replay.run(log, data_dir, port=port)
    print("\n" + table(asked, kept))
    assert not differing, "the site answered as if it were another"
    assert kept == asked
    return kept


@pytest.mark.needs("gunicorn", "linux")
def test_a_small_log_is_counted_as_it_was_written(data_dir: Path, free_port: int) -> None:
    kept = _agrees(Path(__file__).parent / "small.log", data_dir, free_port)
    assert kept["views"] == {"human": 4, "bot": 3}
    assert kept["visitors"] == {"human": 3, "bot": 2}
    assert kept["campaigns"] == {"newsletter / email / Spring sale": 1}
    assert kept["other"] == {"requests": 2}
    assert kept["networks"] == {"203.0.113.0": 3, "198.51.100.0": 1, "192.0.2.0": 3}


@pytest.mark.needs("gunicorn", "linux", "shared-data")
def test_ten_thousand_real_requests_are_counted_as_the_log_has_them(
    data_dir: Path, free_port: int
) -> None:
    kept = _agrees(replay.LOG, data_dir, free_port)
    assert sum(kept["views"].values()) > 3_000
    assert sum(kept["campaigns"].values()) > 100
    assert len(kept["referrers"]) > 100
