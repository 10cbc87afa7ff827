"""Ids of a moment."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from track_middleware.tracking import ids

_moments = st.integers(0, 2**48 - 1)
_random = st.binary(min_size=9, max_size=9)


@given(moment=_moments, random=_random)
def test_an_id_is_a_uuid_of_its_millisecond_that_holds_all_that_is_random(
    moment: int, random: bytes
) -> None:
    told = ids.of_moment(moment, random)
    made = UUID(told)
    assert ids.is_uuid(told)
    assert (made.version, made.variant, made.int >> 80) == (7, RFC_4122, moment)
    assert f"{told[15:18]}{told[20:23]}{told[24:]}" == random.hex()
