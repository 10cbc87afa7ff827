"""What events are told of their person's past, from the spool to the log and to destinations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import GRANTED, START, Site, new_id
from track_middleware.delivery.past import KEY
from track_middleware.event import Entry, Event, iso

PAST = {"events": {"count": "*"}, "orders": {"count": "Order"}, "plan": {"last": "Identify.plan"}}
DAY = 86400.0


@pytest.fixture
def sites(data_dir: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(**more: Any) -> Site:
        made.append(Site(data_dir, **{"past": PAST, **more}))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def site(sites: Callable[..., Site]) -> Site:
    return sites()


def said(
    user: str | None = None, visitor: str | None = None, name: str = "Seen", *,
    at: float = START, consent: Any = GRANTED, **more: Any,
) -> Entry:  # fmt: skip
    kind = more.pop("type", "track")
    event = Event(
        more.pop("event_id", new_id()), kind, iso(at), event=name if kind == "track" else None,
        user_id=user, anonymous_id=visitor, **more,
    )  # fmt: skip
    return Entry("event", START, event, consent=consent)


def told(site: Site) -> list[dict[str, Any] | None]:
    """What each event of the log was told, in order."""
    return [(each.context or {}).get(KEY) for each in site.events]


def counts(site: Site, name: str = "events") -> list[Any]:
    return [each and each[name] for each in told(site)]


def test_each_event_of_a_batch_is_told_of_those_before_it(site):
    site.drains(said("42", name="Order"), said("43"), said("42"))
    assert told(site) == [
        {"events": 0, "orders": 0}, {"events": 0, "orders": 0}, {"events": 1, "orders": 1}
    ]  # fmt: skip


def test_what_is_told_stands_beside_the_body_and_stays_the_same(site):
    entry = said("42", name="Order")
    site.drains(said("42"), entry)
    site.drains(said("42"))
    stored = site.store.read(0, 10)[1]
    assert stored.body in site.spool.encode([entry])
    assert counts(site) == [0, 1, 2]


def test_an_event_that_is_already_known_counts_for_nothing(site):
    entry = said("42")
    site.drains(entry, entry, said("42"))
    site.drains(entry)
    site.drains(said("42"))
    assert counts(site) == [0, 1, 2]


def test_what_a_visitor_did_goes_to_the_user_once(site):
    site.drains(said(None, "v"), said(None, "v"), said("42", "v"), said("42"), said("43", "v"))
    assert counts(site) == [0, 1, 2, 3, 0]
    site.drains(said(None, "v"), said("42", "v"), said("42", "v"))
    assert counts(site)[5:] == [0, 5, 6]


def test_an_alias_gives_the_user_what_was_under_the_former_id(site):
    site.drains(said("old"), said("42", type="alias", previous_id="old"), said("42"))
    assert counts(site) == [0, 1, 2]


def test_a_visitor_that_turned_out_to_be_another_brings_its_past(site):
    site.drains(said(None, "tab", name="Order"), said(None, "other"))
    with site.store.batch():
        site.store.intake.join("tab", "cookie", START)
    site.drains(said(None, "cookie"), said("42", "cookie"), said(None, "cookie"))
    assert counts(site)[2:] == [1, 2, 0]
    assert site.store.histories.get(["visitor:tab"]) == {}


def test_traits_of_an_identify_are_its_values(site):
    site.drains(said("42", type="identify", traits={"plan": "pro"}), said("42"))
    assert told(site)[1] == {"events": 1, "orders": 0, "plan": "pro"}


def test_what_is_plain_and_what_is_decoded_as_a_whole_are_told_the_same(tmp_path: Path):
    seen = []
    for whole in (False, True):
        site = Site(tmp_path / str(whole), past=PAST, whole=whole)
        site.drains(*[said("42", "v", consent=choice) for choice in (None, GRANTED, None)])
        seen.append(counts(site))
        site.close()
    assert seen == [[0, 1, 2]] * 2


def test_bots_the_cookieless_and_nobody_have_no_past(site):
    bot, cookieless = {"userAgent": "a bot"}, {"cookieless": True}
    site.drains(
        said("42", context=bot), said(None, "v", context=cookieless), said(), said("42")
    )  # fmt: skip
    assert counts(site) == [None, None, None, 0]
    assert site.store.histories.get(["visitor:v", "user:42"]).keys() == {"user:42"}


@pytest.mark.parametrize("state", ["denied", "pending"])
def test_what_is_kept_without_consent_has_no_past(site, state):
    site.drains(said("42", context={"consent": {"analytics": state}}), said("42"))
    assert counts(site) == [None, 0]


def test_who_denied_leaves_no_past(sites):
    site = sites(default="denied")
    site.drains(said("42", consent=None))
    assert site.events == []
    assert site.store.histories.get(["user:42"]) == {}


def test_what_the_store_does_not_keep_is_told_and_leaves_no_past(sites):
    site = sites(unstored="Secret", past={"events": {"count": "*"}})
    site.drains(said("42"), said("42", name="Secret"), said("42", context={"store": False}))
    site.drains(said("42"))
    assert counts(site) == [0, 1, 1, 1]


def test_one_from_long_before_is_told_nothing_and_is_counted(site):
    site.drains(said("42"), said("42", at=START - 2 * DAY), said("42"))
    assert counts(site) == [0, None, 2]
    assert site.counts["history_late"] == 1


def test_a_clock_that_goes_ahead_makes_nobody_late(site):
    site.drains(said("42", at=START + 900 * DAY), said("42"))
    assert counts(site) == [0, 1]


def test_a_broken_event_beside_others_costs_them_nothing(site):
    site.drains(said("42"), said("42", context=[1]), said("42"))
    assert counts(site) == [0, 1, 2]


def test_without_the_setting_nothing_is_kept(sites):
    site = sites(past={})
    site.drains(said("42"))
    assert told(site) == [None]
    assert site.store.histories.get(["user:42"]) == {}


def test_a_past_goes_with_its_person_and_when_nobody_has_seen_them_for_long(site):
    site.drains(said("42"), said("43"))
    with site.store.batch():
        site.store.persons.drop_names(["user:42"], ["42"])
    everybody = ["user:42", "user:43"]
    assert site.store.histories.get(everybody).keys() == {"user:43"}
    site.store.histories.forget(START, 10)
    assert site.store.histories.get(everybody).keys() == {"user:43"}
    site.store.histories.forget(START + 1, 10)
    assert site.store.histories.get(everybody) == {}
