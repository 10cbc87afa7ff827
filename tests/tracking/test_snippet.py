"""The script tag, as every document gets it."""

from __future__ import annotations

import pytest

from track_middleware.reading import load
from track_middleware.tracking.snippet import Snippet


def ids(*, crossing: str = "", **settings: object) -> list[str]:
    """The ids in the tag of a site with these settings."""
    tag = Snippet(load(settings, {}), "p", crossing=crossing).tag("", None, "")
    return [part.split('"')[0] for part in tag.split(' id="')[1:]]


@pytest.mark.parametrize("settings", [{}, {"autocapture": True}, {"hash_routes": True}])
def test_a_tag_can_wait_until_the_page_is_idle(settings: dict[str, object]) -> None:
    assert ids(**settings) == ["track-tag"]


def test_a_tag_that_names_the_global_or_a_crossing_is_to_be_read_at_once() -> None:
    assert ids(client_global="metrics") == ["track-now"]
    assert ids(linked_domains=["shop.example"], crossing="k3j5") == ["track-now"]
