"""The fixture that users' tests get by installing the package."""

from __future__ import annotations

import pytest

import track_middleware
from track_middleware import wiring


@pytest.fixture(autouse=True)
def _tracker(data_dir, monkeypatch):
    """A tracker of this test's own, gone with it."""
    monkeypatch.setattr(wiring, "_configured", [])
    track_middleware.configure(data_dir=str(data_dir), deliver="worker", min_free="1")


def test_the_fixture_holds_what_was_tracked_in_the_test(captured_events):
    track_middleware.track("Invoice Paid", {"amount": 12}, user_id="42")
    (event,) = captured_events
    assert (event.label, event.user_id, event.properties) == ("Invoice Paid", "42", {"amount": 12})


def test_what_the_fixture_captured_is_not_kept(captured_events, data_dir):
    track_middleware.track("Invoice Paid", user_id="42")
    assert not list(data_dir.rglob("*.open"))
