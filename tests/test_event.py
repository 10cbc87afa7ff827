"""Moments as text, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from track_middleware.event import epoch, iso


def test_a_moments_millisecond_is_kept() -> None:
    start = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    told = [iso(start + timedelta(milliseconds=each)) for each in range(1000)]
    assert told == [f"2026-11-23T12:00:00.{each:03d}Z" for each in range(1000)]


def test_a_moment_is_never_told_as_a_later_millisecond() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC) + timedelta(microseconds=999_999)
    assert iso(moment) == "2026-11-23T12:00:00.999Z"
    assert iso(1_795_435_200.9999998) == "2026-11-23T12:00:00.999Z"


def test_a_text_without_a_zone_is_in_utc() -> None:
    assert epoch("2026-11-23T12:00:00") == epoch("2026-11-23T13:00:00+01:00") == 1_795_435_200.0
