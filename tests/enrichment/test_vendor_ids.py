"""Google's own cookies: client and session, in both of their forms, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track_middleware.enrichment import enrich
from track_middleware.enrichment.vendor_ids import ga
from track_middleware.event import Event

#: 2026-01-01T00:00:00Z is 1767225600.
EVENT = Event("1", "track", "2026-01-01T00:00:00.000Z", event="Order Completed")
CLIENT = {"_ga": "GA1.1.1234567890.1767000000"}
NEW = "GS2.1.s1767225000$o3$g1$t1767225500$j60$l0$h123"
OLD = "GS1.1.1767225000.3.1.1767225500.60.0.0"
WHOLE = {
    "clientId": "1234567890.1767000000",
    "sessionId": "1767225000",
    "sessionNumber": 3,
    "stream": "G-ABC123",
}


@pytest.mark.parametrize(
    "session",
    [
        NEW,
        OLD,
        "GS2.1.t1767225500$j60$o3$s1767225000",
        "GS1.1.1767225000.3",
        "GS1.1-2.1767225000.3.1.1767225500.60.0.0",
    ],
)
def test_client_and_session_are_read_in_every_known_form(session: str) -> None:
    assert ga(EVENT, {**CLIENT, "_ga_ABC123": session}) == WHOLE


def test_a_client_without_a_session_is_a_client() -> None:
    assert ga(EVENT, CLIENT) == {"clientId": "1234567890.1767000000"}


def test_a_session_without_a_client_is_nobodys() -> None:
    assert ga(EVENT, {"_ga_ABC123": NEW}) == {}


@pytest.mark.parametrize("form", ["GS2.1.s1767000000$o3$g1$t{}$j60", "GS1.1.1767000000.3.1.{}.60"])
def test_a_session_whose_last_hit_was_half_an_hour_ago_is_over(form: str) -> None:
    late, soon = ({**CLIENT, "_ga_A": form.format(1767225600 - ago)} for ago in (1801, 1799))
    assert set(ga(EVENT, late)) == {"clientId"}
    assert ga(EVENT, soon)["sessionId"] == "1767000000"


@pytest.mark.parametrize(
    "client",
    [
        "", "GA1", "GA1.1.1", "GA1.1.amp-x.y", "GA1.1.1.2.3", "GA2.1.1.2", "GA1.1.-1.2",
        "GA1.1.1.2\n", "GA1.1.1.²", "GA1.1." + "9" * 30 + ".1", "GA1." + "1" * 500 + ".1.2",
        "1.2", "<script>",
    ],
)  # fmt: skip
def test_what_is_no_client_says_nothing(client: str) -> None:
    assert ga(EVENT, {"_ga": client, "_ga_ABC123": NEW}) == {}


@pytest.mark.parametrize(
    "session",
    [
        "", "GS2.1.", "GS2.1.s$o3", "GS2.1.s0$o3", "GS2.1.sabc$o3", "GS2.1.s5", "GS2.1.s5$o",
        "GS2.1.s5$o" + "9" * 30, "GS2.1.s5$o-1", "GS1.1.0.3", "GS1.1.x.3", "GS3.1.s5$o3",
        "GS2.1.s5$o3" + "$x" * 500, "GS2.1.s٣$o3", "s5$o3",
    ],
)  # fmt: skip
def test_what_is_no_session_says_nothing(session: str) -> None:
    assert set(ga(EVENT, {**CLIENT, "_ga_ABC123": session})) == {"clientId"}


@given(st.text(), st.text() | st.from_regex(r"GS[12]\.1\.[s0-9.$ot]*"))
def test_no_cookie_makes_it_raise_or_be_anything_but_numbers(client: str, session: str) -> None:
    told = ga(EVENT, {"_ga": client, "_ga_A": session})
    assert all(part.isascii() and part.isdigit() for part in told.get("clientId", "1.1").split("."))
    told = ga(EVENT, {**CLIENT, "_ga_A": session})
    assert told.get("sessionId", "1").isdigit()


def test_an_event_whose_time_cannot_be_read_keeps_its_session() -> None:
    timeless = Event("1", "track", "yesterday", event="X")
    assert ga(timeless, {**CLIENT, "_ga_ABC123": NEW}) == WHOLE


def test_the_derived_context_holds_them_unless_the_sender_has_told_them_itself() -> None:
    facts = {**CLIENT, "_ga_ABC123": NEW, "country": "DE"}
    assert enrich(EVENT, facts)["ga"] == WHOLE
    told = Event("1", "track", EVENT.timestamp, context={"ga": {"clientId": "1.2"}})
    assert "ga" not in enrich(told, facts)
    assert "ga" not in enrich(EVENT, {"country": "DE"})
