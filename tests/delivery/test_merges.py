"""The merge journal: who turned out to be who, undone, redone, forgotten."""

from __future__ import annotations

import pytest

from track_middleware.delivery.store import Merge, Undone, sqlite

A = Merge("v1", "ann", "", 10.0, "e1", "sign_in")


@pytest.fixture
def store(data_dir):
    store = sqlite.open(data_dir / "events.db", now=lambda: 100.0)
    with store.batch():
        store.merges.add([A])
    yield store
    store.close()


def test_a_merge_is_found_by_its_visitor_and_by_its_user(store):
    assert store.merges.of("v1") == store.merges.of("ann") == [A]


def test_the_journal_of_nobody_is_empty(store):
    assert store.merges.of("") == store.merges.of("v2") == []


def test_of_a_merge_said_twice_the_first_is_kept(store):
    with store.batch():
        store.merges.add([A._replace(at=20.0, event_id="e2", how="identify")])
    assert store.merges.of("v1") == [A]


def test_two_tabs_joined_are_in_the_journal(store):
    with store.batch():
        store.intake.join("v3", "v1", 30.0)
    joined = Merge("v3", "", "v1", 30.0, "", "join")
    assert store.merges.of("v3") == [joined]
    assert store.merges.of("v1") == [A, joined]


def test_an_undone_merge_stays_in_sight_and_says_since_when(store):
    assert store.merges.undo("v1", "ann", after=7, at=50.0)
    assert store.merges.of("v1") == [A._replace(undone_at=50.0, undone_from=7)]
    assert store.merges.undone() == [Undone("v1", "ann", 7)]


def test_undoing_again_can_only_reach_further_back(store):
    store.merges.undo("v1", "ann", after=7, at=50.0)
    store.merges.undo("v1", "ann", after=9, at=60.0)
    assert store.merges.undone()[0].position == 7
    store.merges.undo("v1", "ann", after=0, at=70.0)
    assert store.merges.undone()[0].position == 0


def test_what_nobody_merged_cannot_be_undone(store):
    assert not store.merges.undo("v1", "bob", after=0, at=50.0)
    assert not store.merges.redo("v1", "ann")


def test_a_merge_that_was_undone_holds_again_when_somebody_says_so(store):
    store.merges.undo("v1", "ann", after=7, at=50.0)
    with store.batch():
        store.merges.add([A._replace(at=55.0, event_id="e9")])
    assert store.merges.undone(), "said again is not enough"
    assert store.merges.redo("v1", "ann")
    assert store.merges.undone() == []


def test_a_destination_is_told_by_the_first_event_alone(store):
    store.merges.tell("posthog", {("v1", "ann"): "e1"}, at=1.0)
    store.merges.tell("posthog", {("v1", "ann"): "e2"}, at=2.0)
    assert store.merges.told("posthog", ["v1", "v2"]) == {("v1", "ann"): "e1"}
    assert store.merges.told("heap", ["v1"]) == {}


def test_who_is_forgotten_is_in_no_line(store):
    store.merges.tell("posthog", {("v1", "ann"): "e1"}, at=1.0)
    assert store.merges.forget("ann") == 1
    assert store.merges.of("v1") == []
    assert store.merges.told("posthog", ["v1"]) == {}


def test_old_merges_fade_with_their_ids_and_undone_ones_stay(store):
    with store.batch():
        store.merges.add([A._replace(visitor="v2"), A._replace(visitor="v3", at=90.0)])
    store.merges.undo("v1", "ann", after=0, at=50.0)
    store.merges.tell("posthog", {("v1", "ann"): "e1"}, at=1.0)
    store.forget(events=0.0, ids=60.0, pages=0.0, served_by=())
    assert [each.visitor for each in store.merges.of("ann")] == ["v1", "v3"]
    assert store.merges.told("posthog", ["v1"]) == {}
