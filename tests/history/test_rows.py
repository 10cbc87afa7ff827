"""A row becomes an event."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from track_middleware.event import Event
from track_middleware.history import intake
from track_middleware.history.rows import CallError, Columns, Reader, RowError, moment, named

BERLIN = ZoneInfo("Europe/Berlin")
COLUMNS = Columns("id", "at", user="user_id", zone=UTC)


def event(row: dict[str, Any], **columns: Any) -> Event:
    reader = Reader("Order Completed", dataclasses.replace(COLUMNS, **columns), intake.context("1"))
    made = reader.entry({"id": 7, "at": 0, "user_id": "u1", **row}, now=5.0).event
    assert made is not None
    return made


def test_a_rows_id_is_the_events_name_and_the_columns_value():
    assert event({"id": 1001}).message_id == "Order Completed:1001"
    uuid = UUID("6f1c4f0e-3a5e-5e0b-9a67-2f9f0b7a4d11")
    assert event({"id": uuid}).message_id == f"Order Completed:{uuid}"


def test_the_same_row_makes_the_same_event():
    assert event({"user_id": None}) == event({"user_id": None})


@pytest.mark.parametrize("nobody", [None, "", "null", 0])
def test_a_row_without_a_user_is_nobodys_and_no_two_are_the_same(nobody):
    one, other = event({"user_id": nobody}), event({"user_id": nobody, "id": 8})
    assert one.user_id is None
    assert one.anonymous_id
    assert one.anonymous_id != other.anonymous_id


def test_a_visitor_column_is_the_anonymous_id():
    made = event({"visitor": "v9"}, anonymous="visitor")
    assert (made.anonymous_id, made.user_id) == ("v9", "u1")
    assert made.properties == {"id": 7}


def test_properties_are_all_other_columns_but_empty_ones():
    made = event({"total": Decimal("39.50"), "note": None, "raw": b"\x00\xff"})
    assert made.properties == {"id": 7, "total": Decimal("39.50"), "raw": "00ff"}


def test_properties_may_be_chosen_and_renamed():
    chosen = named("revenue=total, currency")
    made = event({"total": 3, "currency": "EUR", "secret": 1}, properties=chosen)
    assert made.properties == {"revenue": 3, "currency": "EUR"}


@pytest.mark.parametrize("text", ["", "a,,b", "=total"])
def test_a_list_of_properties_with_a_hole_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        named(text)


@pytest.mark.parametrize(
    ("value", "zone", "said"),
    [
        (datetime(2025, 3, 1, 12, tzinfo=UTC), None, "2025-03-01T12:00:00.000Z"),
        (datetime(2025, 3, 1, 12), BERLIN, "2025-03-01T11:00:00.000Z"),
        (datetime(2025, 7, 1, 12), BERLIN, "2025-07-01T10:00:00.000Z"),
        (datetime(2025, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))), BERLIN,
         "2025-03-01T10:00:00.000Z"),
        (date(2025, 3, 1), BERLIN, "2025-02-28T23:00:00.000Z"),
        ("2025-03-01 12:00:00", BERLIN, "2025-03-01T11:00:00.000Z"),
        ("2025-03-01T12:00:00.250Z", None, "2025-03-01T12:00:00.250Z"),
        (1_740_830_400, None, "2025-03-01T12:00:00.000Z"),
        (1_740_830_400_500, None, "2025-03-01T12:00:00.500Z"),
        ("1740830400.25", None, "2025-03-01T12:00:00.250Z"),
        (Decimal("1740830400"), None, "2025-03-01T12:00:00.000Z"),
    ],
)  # fmt: skip
def test_a_time_is_the_rows_own(value, zone, said):
    assert moment(value, column="at", zone=zone) == said


@pytest.mark.parametrize("value", ["2025-03-01 12:00:00", datetime(2025, 3, 1), date(2025, 3, 1)])
def test_a_time_without_a_zone_wants_one(value):
    with pytest.raises(CallError, match="--time-zone"):
        moment(value, column="at", zone=None)


@pytest.mark.parametrize("value", ["", "yesterday", None, True, [], 1e300, "-1e9", "9" * 40])
def test_what_is_no_time_costs_its_row(value):
    with pytest.raises(RowError):
        moment(value, column="at", zone=UTC)


@pytest.mark.parametrize("value", [None, ""])
def test_a_row_without_an_id_is_refused(value):
    with pytest.raises(RowError, match="no id"):
        event({"id": value})


def test_an_id_that_is_too_long_is_refused():
    with pytest.raises(TypeError, match="1 to 100"):
        event({"id": "x" * 200})


def test_columns_that_are_not_there_are_named():
    columns = Columns("id", "at", user="who", properties={"total": "revenue"})
    assert columns.missing(["id", "created"]) == ["at", "who", "total"]
