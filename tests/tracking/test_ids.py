"""Ids of a moment."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from track_middleware.tracking import ids

_moments = st.integers(0, 2**48 - 1)
_random = st.integers(1, 9).flatmap(
    lambda number: st.binary(min_size=3 + 6 * number, max_size=3 + 6 * number)
)


@given(moment=_moments, random=_random)
def test_ids_are_uuids_of_their_millisecond_that_hold_all_that_is_random(
    moment: int, random: bytes
) -> None:
    common, endings = ids.endings(random)
    told = [ids.moment(moment) + common + ending for ending in endings]
    made = [UUID(each) for each in told]
    assert all(map(ids.is_uuid, told))
    assert {(each.version, each.variant, each.int >> 80) for each in made} == {
        (7, RFC_4122, moment)
    }
    shared = {f"{each[15:18]}{each[20:23]}" for each in told}
    assert shared == {random[:3].hex()}
    assert "".join(each[24:] for each in told) == random[3:].hex()
