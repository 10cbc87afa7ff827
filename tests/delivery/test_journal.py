"""The drain writes the merge journal: from identifies, aliases, sign-ins and crossings."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from track_middleware.delivery.drain import Drain
from track_middleware.delivery.finish import Finisher
from track_middleware.delivery.frames import Rules
from track_middleware.delivery.store import Merge, sqlite
from track_middleware.event import Entry, Event, Person, wire_id

AT = 1_795_435_200.0
GRANTED = {"analytics": "granted"}


def said(number: int, kind: Any = "identify", **more: Any) -> Event:
    event_id = f"00000000-0000-4000-8000-{number:012d}"
    return Event(event_id, kind, "2026-11-23T12:00:00.000Z", **more)


@pytest.fixture
def drained(data_dir):
    """Takes entries into a store; gives its journal."""
    store = sqlite.open(data_dir / "events.db")
    rules = Rules(window=5.0, default_consent=GRANTED, day=lambda at: "2026-11-23")

    def take(*entries: Entry, **hooks: Any):
        finisher = Finisher(enrich=lambda event, facts: {}, reads=frozenset(), **hooks)
        drain = Drain(store, data_dir, finisher=finisher, rules=rules, count=lambda *_: None)
        drain.take([msgspec.json.encode(entry) for entry in entries], AT)
        return store.merges

    yield take
    store.close()


def test_an_identify_of_a_visitor_is_a_merge(drained):
    event = said(1, anonymous_id="v1", user_id="ann")
    merges = drained(Entry("event", AT, event, consent=GRANTED))
    assert merges.of("ann") == [Merge("v1", "ann", "", AT, event.message_id, "identify")]


def test_a_sign_in_says_that_it_was_one(drained):
    event = said(1, anonymous_id="v1", user_id="ann")
    merges = drained(Entry("event", AT, event, consent=GRANTED, how="sign_in"))
    assert [each.how for each in merges.of("v1")] == ["sign_in"]


def test_an_apps_word_is_known_by_its_wire_id(drained):
    event = said(1, anonymous_id="v1", user_id="ann")
    merges = drained(Entry("event", AT, event, origin="wk_ios"))
    assert merges.of("v1")[0].event_id == wire_id("wk_ios", event.message_id)


def test_an_alias_joins_the_former_id(drained):
    event = said(1, "alias", anonymous_id="v1", user_id="ann", previous_id="old-ann")
    merges = drained(Entry("event", AT, event, consent=GRANTED))
    assert [(each.visitor, each.user, each.how) for each in merges.of("ann")] == [
        ("old-ann", "ann", "alias")
    ]


def test_a_crossing_says_who_the_visitor_was(drained):
    merges = drained(Entry("mark", AT, person=Person("v2"), how="crossing", former="v1"))
    assert merges.of("v1") == merges.of("v2") == [Merge("v1", "", "v2", AT, "", "crossing")]


@pytest.mark.parametrize(
    "event",
    [
        said(1, user_id="ann"),
        said(1, anonymous_id="v1"),
        said(1, anonymous_id="ann", user_id="ann"),
        said(1, "track", event="Seen", anonymous_id="v1", user_id="ann"),
        said(1, "group", group_id="acme", anonymous_id="v1", user_id="ann"),
    ],
)
def test_what_names_no_two_is_no_merge(drained, event):
    merges = drained(Entry("event", AT, event, consent=GRANTED))
    assert merges.of("v1") == merges.of("ann") == []


def test_what_nobody_permitted_is_in_no_journal(drained):
    event = said(1, anonymous_id="v1", user_id="ann")
    merges = drained(
        Entry("choice", AT, said(2, "track", event="Consent Changed", anonymous_id="v1"),
              consent={"analytics": "denied"}),
        Entry("event", AT, event),
    )  # fmt: skip
    assert merges.of("v1") == []


def test_the_sites_own_hook_has_the_last_word(drained):
    def other(event: Event) -> Event | None:
        event.user_id = "bob"
        return event if event.anonymous_id == "v1" else None

    kept = Entry("event", AT, said(1, anonymous_id="v1", user_id="ann"), consent=GRANTED)
    dropped = Entry("event", AT, said(2, anonymous_id="v2", user_id="ann"), consent=GRANTED)
    merges = drained(kept, dropped, before_send=other)
    assert [each.user for each in merges.of("v1")] == ["bob"]
    assert merges.of("v2") == merges.of("ann") == []


def test_a_word_of_another_release_is_no_harm(drained):
    event = said(1, anonymous_id="v1", user_id="ann")
    merges = drained(Entry("event", AT, event, consent=GRANTED, how="telepathy"))
    assert [each.how for each in merges.of("v1")] == ["identify"]
