"""What is counted without cookies, in the worker: sessions, numbers, its place in the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.site import START, Site, new_id
from track_middleware.event import Entry, Event, iso

PENDING = {"analytics": "pending", "marketing": "pending"}
IDLE = 1800


@pytest.fixture
def site(data_dir: Path) -> Iterator[Site]:
    one = Site(data_dir, default="pending")
    yield one
    one.close()


def counted(site: Site, who: str = "d", *, at: float = 0.0, agent: str = "Firefox") -> Entry:
    event = Event(
        new_id(), "page", iso(START + at), anonymous_id=who,
        context={"consent": PENDING, "cookieless": True, "userAgent": agent},
    )  # fmt: skip
    return Entry("counted", START + at, event, consent=PENDING)


def sessions(site: Site) -> list[tuple[str | None, int]]:
    told = [(each.anonymous_id, each.context["session"]) for each in site.events]
    return [(who, session["number"]) for who, session in told]


def test_it_is_in_the_log_at_once_though_nothing_is_granted(site: Site) -> None:
    site.drains(counted(site))
    assert (site.event.anonymous_id, site.event.context["consent"]) == ("d", PENDING)
    assert site.counts["consent"] == 0


def test_thirty_idle_minutes_end_a_session(site: Site) -> None:
    site.drains(counted(site), counted(site, at=IDLE), counted(site, at=2 * IDLE + 1))
    assert [number for _, number in sessions(site)] == [1, 1, 2]
    first, second, third = [each.context["session"]["id"] for each in site.events]
    assert first == second != third


def test_a_session_goes_on_from_one_batch_to_the_next(site: Site) -> None:
    site.drains(counted(site))
    site.drains(counted(site, at=60))
    first, second = [each.context["session"] for each in site.events]
    assert first == second


def test_each_visitor_of_a_day_has_their_own(site: Site) -> None:
    site.drains(counted(site), counted(site, "e"), counted(site, at=IDLE + 1))
    assert sessions(site) == [("d", 1), ("e", 1), ("d", 2)]


def test_what_another_process_kept_earlier_does_not_shorten_the_session(site: Site) -> None:
    site.drains(counted(site, at=3 * IDLE))
    site.drains(counted(site, at=2 * IDLE), counted(site), counted(site, at=3 * IDLE + 5))
    late, near, early, last = [each.context["session"]["id"] for each in site.events]
    assert late == near == last != early


def test_they_are_numbers_of_their_own_and_in_no_loss_meter(site: Site) -> None:
    site.drains(counted(site), counted(site), counted(site, "bot", agent="Googlebot"))
    assert site.views == {"page.cookieless": 2, "page.bot": 1}


def test_the_same_event_is_stored_once(site: Site) -> None:
    given = counted(site)
    site.drains(given, given)
    site.drains(given)
    assert len(site.events) == 1


def test_the_sites_own_hook_sees_it_and_may_drop_it(data_dir: Path) -> None:
    site = Site(data_dir, hook=lambda event: None)
    site.drains(counted(site))
    assert site.events == []
    site.close()


def test_old_sessions_are_forgotten_with_the_salts(site: Site) -> None:
    site.drains(counted(site))
    with site.store.batch():
        site.store.intake.forget_salts("2999-01-01", START - 1)
        assert site.store.intake.counted_session("d") is not None
        site.store.intake.forget_salts("2999-01-01", START + 1)
    assert site.store.intake.counted_session("d") is None


def test_what_a_call_says_is_not_to_be_stored_is_delivered_and_not_kept(site: Site) -> None:
    given = counted(site)
    assert given.event is not None
    given.event.context = {**given.event.context, "store": False}
    site.drains(given)
    assert site.store.unstored.left()
