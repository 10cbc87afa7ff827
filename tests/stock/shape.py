"""What one call of each kind must have become at a destination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def assert_one_of_each(events: Sequence[dict[str, Any]], *, without: str = "") -> None:
    """Once each, in Segment's shape, under the user 42; ``without`` names a kind that was not
    said."""
    by_type = {event["type"]: event for event in events}
    kinds = {"track", "page", "screen", "identify", "group", "alias"} - {without}
    assert sorted(event["type"] for event in events) == sorted(kinds)
    assert len({event["messageId"] for event in events}) == len(events)
    assert {event["userId"] for event in events} == {"42"}
    assert by_type["track"]["event"] == "Order Completed"
    assert by_type["track"]["properties"]["order_id"] == "1001"
    assert by_type["track"]["properties"]["revenue"] == 39.5
    page = by_type["page"]
    assert (page["name"], page["properties"]["category"], page["properties"]["step"]) == (
        "Home",
        "Docs",
        2,
    )
    assert by_type["identify"]["traits"]["plan"] == "pro"
    assert (by_type["group"]["groupId"], by_type["group"]["traits"]["name"]) == ("acme", "Acme")
    assert by_type["alias"]["previousId"]
    if without != "screen":
        assert (by_type["screen"]["name"], by_type["screen"]["properties"]["step"]) == ("Cart", 3)
    for event in events:
        assert event["timestamp"] <= event["receivedAt"]
        assert event["context"]["library"]["version"]
