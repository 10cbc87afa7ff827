"""Moments as text, and back; ids as bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from track_middleware.delivery.store.keys import key_of, keys_of
from track_middleware.event import epoch, iso, iso_of, uuid_bytes


def test_a_moments_millisecond_is_kept() -> None:
    start = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    told = [iso(start + timedelta(milliseconds=each)) for each in range(1000)]
    assert told == [f"2026-11-23T12:00:00.{each:03d}Z" for each in range(1000)]


def test_a_moment_is_never_told_as_a_later_millisecond() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC) + timedelta(microseconds=999_999)
    assert iso(moment) == "2026-11-23T12:00:00.999Z"
    assert iso(1_795_435_200.9999998) == "2026-11-23T12:00:00.999Z"


def test_a_moment_in_milliseconds_is_told_as_in_seconds() -> None:
    start = 1_795_435_199_500
    told = [iso_of(each) for each in range(start, start + 1000)]
    assert told == [iso(each / 1000) for each in range(start, start + 1000)]


def test_a_text_without_a_zone_is_in_utc() -> None:
    assert epoch("2026-11-23T12:00:00") == epoch("2026-11-23T13:00:00+01:00") == 1_795_435_200.0


_uuids = st.uuids().map(str)
_nearly = _uuids.flatmap(
    lambda one: st.sampled_from(
        [one.upper(), one[:-1], f"{one}0", one.replace("-", ""), f" {one[1:]}", f"-{one[1:]}",
         one[:8] + one[9] + "-" + one[10:], "order-1", "", "é" * 36]
    )
)  # fmt: skip


@given(st.lists(_uuids, min_size=1))
def test_the_bytes_of_many_uuids_are_those_of_each(texts: list[str]) -> None:
    assert uuid_bytes(texts) == b"".join(UUID(text).bytes for text in texts)


@given(st.lists(_uuids), _nearly, st.lists(_uuids))
def test_one_that_is_otherwise_written_is_told(
    before: list[str], odd: str, behind: list[str]
) -> None:
    told = uuid_bytes([*before, odd, *behind])
    assert told is None or odd == str(UUID(odd))


@given(st.lists(_uuids | _nearly))
def test_many_ids_are_remembered_as_each_is(texts: list[str]) -> None:
    assert keys_of(texts) == b"".join(map(key_of, texts))
