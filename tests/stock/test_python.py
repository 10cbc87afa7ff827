"""Segment's and RudderStack's Python libraries, unmodified, speak to a host of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rudderstack.analytics.client
import segment.analytics.client

from tests.oracle.requests import IDS, MOMENT
from tests.oracle.spec import ORDER, TRAITS
from tests.stock.host import hosted
from tests.stock.shape import assert_one_of_each

SEGMENT, RUDDERSTACK = segment.analytics.client.Client, rudderstack.analytics.client.Client


def say(client: Any) -> None:
    client.track("42", "Order Completed", ORDER, timestamp=MOMENT, message_id=IDS[0])
    client.page("42", "Docs", "Home", {"step": 2}, timestamp=MOMENT, message_id=IDS[1])
    client.screen("42", None, "Cart", {"step": 3}, timestamp=MOMENT, message_id=IDS[2])
    client.identify("42", TRAITS, timestamp=MOMENT, anonymous_id="visitor-1", message_id=IDS[3])
    client.group("42", "acme", {"name": "Acme"}, timestamp=MOMENT, message_id=IDS[4])
    client.alias("visitor-1", "42", timestamp=MOMENT, message_id=IDS[5])


@pytest.mark.parametrize(
    ("made", "packed", "server"),
    [
        pytest.param(SEGMENT, False, "uvicorn", id="segment"),
        pytest.param(SEGMENT, True, "waitress", id="segment-gzip"),
        pytest.param(RUDDERSTACK, True, "uvicorn", id="rudderstack"),
    ],
)
def test_all_that_a_python_library_says_arrives_once(
    made: Callable[..., Any], packed: bool, server: str, tmp_path: Path, free_port: int
) -> None:
    with hosted(tmp_path, free_port, server) as host:
        for _ in range(2):  # the second time is what a retry after a lost answer sends
            client = made("wk_node", host=host.prefix, gzip=packed)
            say(client)
            client.flush()
            client.join()
        events = host.wait_for(6, "analytics-python")
        assert host.letters() == []
    assert_one_of_each(events)
    assert {event["messageId"] for event in events} == set(IDS[:6])
    assert {event["context"]["platform"] for event in events} == {"server"}
    ordered = next(event for event in events if event["type"] == "track")
    assert ordered["properties"] == ORDER
    assert ordered["timestamp"][:19] == MOMENT.isoformat()[:19]
