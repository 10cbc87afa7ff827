"""The view's frame is joined from pieces: it must be what the encoder would have written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from track_middleware.event import Counting, Entry, Event, PageRef, decode_entry, iso
from track_middleware.tracking.context import json
from track_middleware.tracking.session import Session
from track_middleware.tracking.view import view
from track_middleware.tracking.visitor import Visitor
from track_middleware.tracking.whose import person, whose

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
SECONDS = st.integers(0, 2**32)
TOUCH = st.none() | st.dictionaries(TEXT, TEXT, min_size=1, max_size=3)
COUNTING: st.SearchStrategy[Counting] = st.sampled_from(["counted", "shown", "never"])
VISITOR = st.builds(Visitor, TEXT, SECONDS, SECONDS, st.booleans(), first=TOUCH)
SESSION = st.builds(Session, TEXT, TEXT, SECONDS, SECONDS, SECONDS, TOUCH)


@given(
    st.floats(0, 4e9), st.none() | VISITOR, st.none() | SESSION, st.none() | TEXT, COUNTING,
    st.none() | st.dictionaries(TEXT, TEXT), st.booleans(),
)  # fmt: skip
def test_a_view_reads_back_as_the_entry_that_it_is(
    at: float,
    visitor: Visitor | None,
    session: Session | None,
    user: str | None,
    counting: Counting,
    facts: dict[str, str] | None,
    waits: bool,
) -> None:
    said = whose(visitor, session, user, None)
    written = view(
        "page", at, whose=said, context=b'{"platform":"server"}',
        consent=b'{"analytics":"granted"}', facts=facts, counting=counting,
        host=json("host"), await_half=waits,
    )  # fmt: skip
    assert decode_entry(bytes(written)) == Entry(
        "view",
        at,
        Event(
            "page", "page", iso(at), anonymous_id=visitor.id if visitor else None, user_id=user,
            context={"platform": "server"},
        ),
        person=person(visitor, session, user) if visitor else None,
        page=PageRef("page", at, counting, "host"),
        consent={"analytics": "granted"},
        facts=facts,
        await_half=waits,
    )  # fmt: skip
