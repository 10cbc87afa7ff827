"""What a caller gives the verbs by mistake: it is told, and the page is what it would have been."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.tracking.site import Browser, Site
from track_middleware.errors import EventError
from track_middleware.tracking.exchange import Exchange


def opened(site: Site) -> Exchange:
    return site.tracker.open(Browser(site).request("/"))


@pytest.mark.parametrize("moment", [math.nan, math.inf, 1e300, [], {}, b"2026", "yesterday"])
def test_a_timestamp_that_is_no_moment_is_told(moment: Any) -> None:
    site = Site()
    assert opened(site).track("Bought", timestamp=moment) is None
    assert opened(site).page(timestamp=moment) is None
    assert site.tracker.track("Bought", user_id="7", timestamp=moment) is None
    assert [type(each) for each in site.mistakes] == [EventError] * 3


@pytest.mark.parametrize("settings", [{}, {"consent": "opt_in", "cookieless": True}])
@pytest.mark.parametrize("context", [5, "text", ["ip"]])
def test_a_context_that_is_none_is_told_and_the_event_goes_without_it(
    settings: dict[str, Any], context: Any
) -> None:
    site = Site(**settings)
    assert opened(site).track("Bought", context=context) is not None
    assert [str(each).startswith("a context is a dict") for each in site.mistakes] == [True]
    assert [each.event.event for each in site.entries if each.event] == ["Bought"]


def test_a_number_is_a_former_id_as_it_is_a_user() -> None:
    site = Site()
    site.tracker.alias("42", 7)  # type: ignore[arg-type]
    opened(site).alias("42", 7)  # type: ignore[arg-type]
    assert [each.event.previous_id for each in site.entries if each.event] == ["7", "7"]


@pytest.mark.parametrize("former", [True, 1.5, {"id": 7}])
def test_a_former_id_that_can_be_none_is_told(former: Any) -> None:
    site = Site()
    assert opened(site).alias("42", former) is None
    assert len(site.mistakes) == 1


@pytest.mark.parametrize("choice", [None, 5, "analytics"])
def test_a_choice_that_is_none_is_told_and_changes_nothing(choice: Any) -> None:
    site = Site(consent="opt_in")
    exchange = opened(site)
    exchange.set_consent(choice)
    assert len(site.mistakes) == 1
    assert exchange.consent == {"analytics": "pending", "marketing": "pending"}
