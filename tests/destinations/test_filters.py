"""Which events a destination is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track_middleware.address import address
from track_middleware.delivery.store import NewRow
from track_middleware.destinations.filters import Filter, of
from track_middleware.event import DOCTOR, REQUEST


def asked(query: str) -> Filter:
    return of(address(f"heap://A?{query}"))


@pytest.mark.parametrize(
    ("query", "label", "wanted"),
    [
        ("", "Page", True),
        ("", "Request", False),
        ("", "Blocker Checked", False),
        ("events=*", "Blocker Checked", True),
        ("events=Order*,Signup", "Order Completed", True),
        ("events=Order*,Signup", "Signup", True),
        ("events=Order*,Signup", "Page", False),
        ("events=Order*,Signup", "Big Order", False),
        ("events=order*", "Order Completed", False),
        ("events=Request", "Request", True),
    ],
)
def test_events_are_chosen_by_their_labels(query: str, label: str, wanted: bool) -> None:
    assert asked(query).wants(label, bot=None) is wanted


@pytest.mark.parametrize(("query", "wanted"), [("", False), ("bots=0", False), ("bots=1", True)])
def test_bots_are_given_only_where_they_are_asked_for(query: str, wanted: bool) -> None:
    assert asked(query).wants("Page", bot="GPTBot") is wanted


def test_the_doctors_own_visits_are_given_to_nobody() -> None:
    assert not asked("bots=1").wants("Page", bot="doctor")


@pytest.mark.parametrize(
    ("body", "permitted"),
    [
        (b'{"context":{"consent":{"marketing":"granted"}}}', True),
        (b'{"context":{"consent":{"marketing":"pending"}}}', False),
        (b'{"context":{"consent":{"analytics":"granted"}}}', False),
        (b'{"context":{"consent":{"analytics":"pending","marketing":"granted"}}}', False),
        (b'{"context":{}}', False),
        (b"{}", False),
        (b"not JSON", False),
    ],
)
def test_a_purpose_must_have_been_granted(body: bytes, permitted: bool) -> None:
    assert asked("purpose=marketing").permitted(body) is permitted


#: What bodies say of consent, and whether it lets them go where no purpose is named.
CONSENTS = (
    (b'{"context":{"consent":{"analytics":"granted","marketing":"denied"}}}', True),
    (b'{"context":{"consent":{"analytics":"granted","marketing":"pending"}}}', True),
    (b'{"context":{"consent":{"analytics":"denied","marketing":"granted"}}}', False),
    (b'{"context":{"consent":{"analytics":"pending","marketing":"pending"}}}', False),
    (b'{"context":{"consent":{"analytics":"pending"},"cookieless":true}}', True),
    (b'{"properties":{"order":"pending"},"context":{"consent":{"analytics":"granted"}}}', True),
    (b'{"properties":{"order":"pending"}}', True),
    (b'{"context":{}}', True),
    (b'{"context":{"consent":"denied"}}', False),
)
CONSENTED = [body for body, _ in CONSENTS]


@pytest.mark.parametrize(("body", "permitted"), CONSENTS)
def test_without_a_purpose_it_is_analytics_that_nobody_refused(
    body: bytes, permitted: bool
) -> None:
    assert asked("").permitted(body) is permitted


def test_what_was_counted_without_cookies_is_no_grant() -> None:
    counted = b'{"context":{"consent":{"analytics":"pending"},"cookieless":true}}'
    assert not asked("purpose=analytics").permitted(counted)
    assert not asked("purpose=marketing").permitted(counted)


@given(st.lists(st.sampled_from(CONSENTED)), st.sampled_from(["", "purpose=marketing"]))
def test_what_is_permitted_unread_is_permitted_when_read(bodies: list[bytes], query: str) -> None:
    chosen = asked(query)
    assert not chosen.permits_all(bodies) or all(map(chosen.permitted, bodies))


def test_nothing_is_read_where_nothing_was_refused() -> None:
    assert asked("").permits_all([b'{"context":{"consent":{"analytics":"granted"}}}', b"{}"])
    assert not asked("purpose=marketing").permits_all([b"{}"])


@pytest.mark.parametrize("query", ["", "events=S*", "bots=1", "purpose=marketing"])
def test_of_many_events_it_gives_those_that_it_gives_singly(query: str) -> None:
    body = b'{"context":{"consent":{"analytics":"%b","marketing":"granted"}}}'
    events = [
        NewRow(f"{label}{bot}{state}", "ada", 1.0, "track", label, body % state, None, bot)
        for label in ("Sold", "Paid", REQUEST)
        for bot in (None, "crawler", DOCTOR)
        for state in (b"granted", b"denied")
    ]
    chosen = asked(query)
    singly = [
        each
        for each in events
        if chosen.wants(each.label, bot=each.bot) and chosen.permitted(each.body)
    ]
    assert singly
    assert chosen.of(events) == singly
    assert chosen.of(singly) == singly
    assert chosen.of([]) == []
