"""What every store must do, as one suite: an engine's test class inherits it and gives ``store``.

``place`` is what ``opened_again`` opens a second time, in this process or another one.
"""

from __future__ import annotations

import random
import uuid

import msgspec
import pytest

from track_middleware.delivery.store import (
    ChoiceRecord,
    CountedSession,
    DeadLetter,
    Flight,
    Learnt,
    NewRow,
    Outcome,
)


def row(number: int = 0, *, event_id: str = "", key: str = "visitor", at: float = 1000.0) -> NewRow:
    event_id = event_id or str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))
    return NewRow(event_id, key, at, "track", "Signed Up", b'{"n":%d}' % number)


def outcome(stored, state, **more) -> Outcome:
    return Outcome(stored.position, stored.event_id, stored.order_key, state, **more)


class StoreContract:
    """Inherit, and give the fixtures ``store`` (empty) and ``opened_again`` (a callable)."""

    def test_events_are_read_in_the_order_they_were_appended(self, store):
        store.append([row(1), row(2)])
        store.append([row(3)])
        assert [each.body for each in store.read(0, 10)] == [b'{"n":1}', b'{"n":2}', b'{"n":3}']

    def test_reading_goes_on_behind_a_position(self, store):
        positions = store.append([row(1), row(2), row(3)])
        first = positions[row(1).event_id]
        assert [each.body for each in store.read(first, 1)] == [b'{"n":2}']

    def test_an_event_comes_back_as_it_was_given(self, store):
        given = NewRow("a" * 32, "v", 5.5, "page", "Page", b"{}", b'{"bot":1}', "crawler", 3)
        store.append([given])
        got = store.read(0, 1)[0]
        assert (got.event_id, got.order_key, got.accepted_at, got.kind) == (
            "a" * 32,
            "v",
            5.5,
            "page",
        )
        assert (got.label, got.body, got.derived, got.bot) == (
            "Page",
            b"{}",
            b'{"bot":1}',
            "crawler",
        )

    def test_the_same_id_is_stored_once(self, store):
        store.append([row(1), row(1)])
        again = store.append([row(1), row(2)])
        assert list(again) == [row(2).event_id]
        assert store.end() == 2

    def test_of_the_same_id_in_one_batch_the_first_keeps_its_place(self, store):
        again = NewRow(row(1).event_id, "v", 1.0, "track", "Again", b"{}")
        assert store.append([row(1), row(2), again]) == {row(1).event_id: 1, row(2).event_id: 2}
        assert [each.body for each in store.read(0, 10)] == [b'{"n":1}', b'{"n":2}']

    def test_a_large_batch_is_stored_whole_and_in_order(self, store):
        rows = [row(number) for number in range(333)]
        store.append([rows[7]])
        positions = store.append(rows)
        assert len(positions) == 332
        assert [each.body for each in store.read(1, 400)] == [
            each.body for each in rows if each is not rows[7]
        ]
        assert store.append(rows) == {}

    def test_an_id_that_is_no_uuid_is_known_too(self, store):
        assert store.append([row(event_id="order-1")])
        assert not store.append([row(event_id="order-1")])

    def test_positions_ask_for_events_and_missing_ones_are_left_out(self, store):
        store.append([row(1), row(2)])
        assert [each.position for each in store.get([2, 7, 1])] == [1, 2]

    def test_a_batch_that_fails_leaves_nothing(self, store, opened_again):
        def half_done():
            with store.batch():
                store.append([row(1)])
                store.intake.moved("segment", 10)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half_done()
        other = opened_again()
        assert other.end() == 0
        assert not other.intake.offsets()
        assert store.append([row(1)])

    def test_a_batch_is_seen_by_others_only_when_it_is_done(self, store, opened_again):
        other = opened_again()
        with store.batch():
            store.append([row(1)])
            assert not other.read(0, 10)
        assert len(other.read(0, 10)) == 1

    def test_what_was_stored_is_there_when_it_is_opened_again(self, store, opened_again):
        store.append([row(1)])
        store.close()
        assert len(opened_again().read(0, 10)) == 1

    def test_a_new_destination_begins_at_the_present_end(self, store):
        store.append([row(1)])
        assert store.job("webhook").position == 1
        store.append([row(2)])
        assert store.job("webhook").position == 1

    def test_a_job_remembers_where_it_is(self, store, opened_again):
        job = store.job("webhook")
        store.append([row(1), row(2)])
        store.advance(job, 2, [])
        assert opened_again().job("webhook").position == 2

    def test_what_was_delivered_leaves_no_row(self, store):
        job = store.job("webhook")
        store.append([row(1)])
        store.advance(job, 1, [outcome(store.read(0, 1)[0], "delivered")])
        assert store.count(job) == {"dead": 0}

    def test_what_was_refused_becomes_a_dead_letter_with_its_body(self, store):
        job = store.job("webhook")
        store.append([row(1)])
        store.advance(job, 1, [outcome(store.read(0, 1)[0], "refused", reason="too old")])
        (letter,) = store.dead(stage="destination")
        assert (letter.destination, letter.reason, letter.body) == (
            "webhook",
            "too old",
            b'{"n":1}',
        )
        assert store.count(job) == {"dead": 1}

    def test_a_retry_is_due_with_what_is_held_behind_it(self, store):
        job = store.job("webhook")
        store.append([row(1, key="a"), row(2, key="b"), row(3, key="a")])
        one, two, three = store.read(0, 10)
        rows = [outcome(one, "retry", due=50.0), outcome(two, "retry", due=90.0)]
        store.advance(job, 3, [*rows, outcome(three, "held")])
        assert store.waiting_keys(job, ["a", "b", "c"]) == {"a", "b"}
        assert store.next_due(job) == 50.0
        assert not store.due(job, 49.0, 10)
        assert [each.position for each in store.due(job, 50.0, 10)] == [1, 3]
        assert [each.position for each in store.due(job, 90.0, 10)] == [1, 2, 3]
        assert [each.position for each in store.due(job, 90.0, 2)] == [1, 3]

    def test_what_was_held_is_due_once_nothing_is_before_it(self, store):
        job = store.job("webhook")
        store.append([row(1), row(2), row(3)])
        one, two, three = store.read(0, 10)
        held = [outcome(two, "held"), outcome(three, "held")]
        store.advance(job, 3, [outcome(one, "retry", due=50.0), *held])
        store.settle(job, [outcome(one, "delivered")])
        assert store.next_due(job) == 0.0
        assert [each.position for each in store.due(job, 1.0, 10)] == [2, 3]
        assert store.waits(job)
        store.settle(job, [outcome(two, "delivered"), outcome(three, "delivered")])
        assert not store.waits(job)
        assert store.next_due(job) is None

    def test_what_is_held_behind_nothing_is_due_at_once(self, store):
        job = store.job("webhook")
        store.append([row(1), row(2)])
        store.advance(job, 2, [outcome(each, "held") for each in store.read(0, 10)])
        assert [each.state for each in store.due(job, 1.0, 10)] == ["retry", "held"]

    def test_a_row_that_a_wrong_clock_put_off_for_years_is_due(self, store):
        job = store.job("webhook")
        store.append([row(1)])
        store.advance(job, 1, [outcome(store.read(0, 1)[0], "retry", due=1e12)])
        assert [each.position for each in store.due(job, 1000.0, 10)] == [1]

    def test_a_job_adds_up_what_it_learns(self, store, opened_again):
        job = store.job("webhook")
        store.append([row(1), row(2)])
        store.advance(job, 1, [], Learnt(2, 1, 3, answer="HTTP 200", at=7.0, rate=2.0))
        store.settle(store.job("webhook"), [], Learnt(5))
        found = opened_again().job("webhook")
        assert (found.position, found.delivered, found.doubtful, found.cut) == (1, 7, 1, 3)
        assert (found.answer, found.answered_at) == ("HTTP 200", 7.0)
        assert (found.rate, found.rated_at) == (2.0, 7.0)
        assert store.counters() == {"doubtful": 1}

    def test_what_left_and_was_not_answered_for_counts_as_taken_and_is_doubtful(
        self, store, opened_again
    ):
        job = store.job("webhook")
        store.append([row(1), row(2)])
        store.note(job, [Flight(1, b"here", False), Flight(2, b"here", False)])
        store.note(job, [Flight(1, b"here", True), Flight(1, b"there", None)])
        again = opened_again()
        assert again.landed(job, repeat=False) == {1: {b"here"}, 2: {b"here"}}
        assert again.landed(job, repeat=False) == {1: {b"here"}, 2: {b"here"}}
        assert again.job("webhook").doubtful == 1, "counted once"

    def test_what_left_and_was_not_answered_for_is_forgotten_where_it_is_repeated(self, store):
        job = store.job("webhook")
        store.append([row(1), row(2)])
        store.note(job, [Flight(1, b"here", False), Flight(2, b"here", False)])
        store.note(job, [Flight(1, b"here", True)])
        assert store.landed(job, repeat=True) == {1: {b"here"}}
        assert store.job("webhook").doubtful == 1

    def test_the_last_that_is_noted_of_an_event_counts(self, store):
        job = store.job("webhook")
        store.append([row(1)])
        store.note(job, [Flight(1, b"here", None), Flight(1, b"here", False)])
        assert store.landed(job, repeat=False) == {1: {b"here"}}

    def test_a_note_falls_with_its_event_but_not_while_that_waits(self, store):
        job = store.job("webhook")
        store.append([row(1, key="a"), row(2, key="b"), row(3, key="c")])
        _, second, _ = store.read(0, 10)
        store.note(job, [Flight(position, b"here", True) for position in (1, 2, 3)])
        store.advance(job, 2, [outcome(second, "retry", due=5.0)])
        assert store.landed(job, repeat=False) == {2: {b"here"}, 3: {b"here"}}
        store.settle(store.job("webhook"), [outcome(second, "delivered")])
        assert store.landed(job, repeat=False) == {3: {b"here"}}

    def test_settling_takes_delivered_rows_out_and_keeps_the_others(self, store):
        job = store.job("webhook")
        store.append([row(1), row(2), row(3)])
        one, two, three = store.read(0, 10)
        held = [outcome(two, "held"), outcome(three, "held")]
        store.advance(job, 3, [outcome(one, "retry", due=1.0), *held])
        settled = [outcome(one, "delivered"), outcome(two, "refused", reason="no")]
        store.settle(job, [*settled, outcome(three, "retry", attempts=2, due=9.0, reason="503")])
        (left,) = store.due(job, 9.0, 10)
        assert (left.position, left.attempts, left.reason) == (3, 2, "503")
        assert store.count(job) == {"retry": 1, "dead": 1}

    def test_a_pause_survives(self, store, opened_again):
        job = store.job("webhook")
        store.pause(job, 77.0, "no answer", wait=7.0, needs_you=True)
        found = opened_again().job("webhook")
        assert (found.paused_until, found.wait, found.needs_you) == (77.0, 7.0, True)
        store.pause(job, None, "")
        assert not store.job("webhook").needs_you
        found = store.job("webhook")
        assert (found.paused_until, found.wait) == (None, 0.0)

    def test_a_pace_begins_when_it_is_learnt_and_stays(self, store, opened_again):
        job = store.job("webhook")
        store.advance(job, 0, [], Learnt(pace=3.5, at=7.0))
        store.advance(job, 0, [], Learnt(at=9.0))
        found = opened_again().job("webhook")
        assert (found.pace, found.paced_at) == (3.5, 7.0)

    def test_dead_letters_are_capped_per_stage_and_the_dropped_counted(self, store):
        store.bury([DeadLetter(0, "plan", "", "", "", 0.0, "plan", b"")], most=3)
        letters = [DeadLetter(0, "door", "", "", "", n, f"r{n}", b"") for n in range(5)]
        store.bury(letters, most=3)
        assert [each.reason for each in store.dead(stage="door")] == ["r4", "r3", "r2"]
        assert len(store.dead()) == 4
        assert store.counters() == {"dead_dropped": 2}

    def test_only_what_every_destination_has_served_is_forgotten(self, store):
        job = store.job("webhook")
        store.append([row(1, at=10.0), row(2, at=10.0), row(3, at=10.0), row(4, at=99.0)])
        waiting = outcome(store.read(0, 1)[0], "retry")
        store.advance(job, 2, [waiting])
        store.forget(events=50.0, ids=0.0, pages=0.0, served_by=["webhook"])
        assert [each.position for each in store.read(0, 10)] == [1, 3, 4]

    def test_positions_go_on_after_everything_was_forgotten(self, store):
        store.append([row(1)])
        store.forget(events=5000.0, ids=0.0, pages=0.0, served_by=[])
        assert store.append([row(2)]) == {row(2).event_id: 2}

    def test_an_id_is_known_as_long_as_it_was_asked_to_be(self, store):
        store.append([row(1, at=10.0), row(2, at=20.0)])
        store.forget(events=0.0, ids=15.0, pages=0.0, served_by=[])
        assert list(store.append([row(1), row(2)])) == [row(1).event_id]

    def test_a_later_generation_ends_the_rights_of_the_former(self, store, opened_again):
        first = store.lease.take(0, "one")
        store.fenced(first)
        store.append([row(1)])
        assert opened_again().lease.take(first, "two") == 2
        with pytest.raises(Exception, match="another worker has taken over"):
            store.append([row(2)])
        assert store.end() == 1

    def test_only_one_of_two_takes_a_generation(self, store, opened_again):
        assert store.lease.take(0, "one") == 1
        assert opened_again().lease.take(0, "two") is None

    def test_a_store_knows_whether_anybody_has_chosen(self, store):
        assert not store.intake.any_choice()
        with store.batch():
            store.intake.choose("user:1", {"analytics": "denied"}, 1.0)
        assert store.intake.any_choice()

    def test_the_latest_choice_counts_in_whatever_order_they_come(self, store):
        with store.batch():
            store.intake.choose("user:7", {"analytics": "denied"}, 20.0)
            store.intake.choose("user:7", {"analytics": "granted"}, 10.0)
        assert store.intake.choices(["user:7"]) == {"user:7": {"analytics": "denied"}}

    def test_what_somebody_permitted_before_is_adopted_until_they_choose(self, store):
        with store.batch():
            assert store.intake.adopt("user:7", {"analytics": "granted"})
            assert not store.intake.adopt("user:7", {"analytics": "denied"})
            store.intake.choose("user:7", {"analytics": "denied"}, 1.0)
            assert not store.intake.adopt("user:7", {"analytics": "granted"})
        assert store.intake.choices(["user:7"]) == {"user:7": {"analytics": "denied"}}

    def test_of_a_days_salt_the_first_proposal_wins(self, store, opened_again):
        with store.batch():
            assert store.intake.salt("2026-05-04", b"one") == b"one"
            assert store.intake.salt("2026-05-04", b"two") == b"one"
        again = opened_again()
        with again.batch():
            assert again.intake.salt("2026-05-04", b"three") == b"one"

    def test_only_past_salts_and_sessions_are_forgotten(self, store):
        old, new = CountedSession("a", "s", 1, 5.0, 9.0), CountedSession("b", "t", 2, 6.0, 10.0)
        with store.batch():
            store.intake.salt("2026-05-03", b"past")
            store.intake.salt("2026-05-04", b"kept")
            store.intake.keep_counted_sessions([old, new])
            assert store.intake.forget_salts("2026-05-04", 10.0)
            assert not store.intake.forget_salts("2026-05-04", 10.0)
            assert store.intake.salt("2026-05-03", b"new") == b"new"
            assert store.intake.salt("2026-05-04", b"new") == b"kept"
        assert store.intake.counted_session("a") is None
        assert store.intake.counted_session("b") == new

    def test_every_choice_is_kept_in_the_order_of_their_times(self, store):
        later = ChoiceRecord("user:7", 9.0, {"analytics": "denied"}, "2026-05", "banner", "b")
        first = ChoiceRecord("user:7", 5.0, {"analytics": "granted"}, "2026-04", "api", "a")
        with store.batch():
            store.intake.record(later)
            store.intake.record(first)
            store.intake.record(ChoiceRecord("user:8", 6.0, {}, event_id="c"))
        assert store.intake.choice_history("user:7") == [first, later]

    def test_a_choice_that_is_drained_twice_is_recorded_once(self, store):
        record = ChoiceRecord("user:7", 5.0, {"analytics": "granted"}, event_id="a")
        with store.batch():
            store.intake.record(record)
            store.intake.record(record)
        assert store.intake.choice_history("user:7") == [record]

    def test_a_choice_outlives_everything_that_is_forgotten(self, store):
        with store.batch():
            store.intake.record(ChoiceRecord("user:7", 5.0, {"analytics": "granted"}))
        store.forget(events=1e12, ids=1e12, pages=1e12, served_by=[])
        assert len(store.intake.choice_history("user:7")) == 1

    def test_what_a_store_takes_is_what_it_holds(self, store):
        before = store.watch.bytes()
        bodies = [random.Random(number).randbytes(2000) for number in range(300)]
        store.append(
            [msgspec.structs.replace(row(number), body=body) for number, body in enumerate(bodies)]
        )
        after = store.watch.bytes()
        assert before.used - before.empty < 150_000
        assert 600_000 <= after.used - after.empty < 1_500_000

    def test_joined_visitors_follow_to_the_last_one(self, store):
        with store.batch():
            store.intake.join("a", "b", 1.0)
            store.intake.join("b", "c", 2.0)
        assert store.intake.joined(["a", "b", "c"]) == {"a": "c", "b": "c"}

    def test_looks_are_kept_by_day_and_event(self, store):
        store.append([row(1), row(2)])
        with store.batch():
            store.looks.keep([(7, "Old", 1, b"a"), (8, "New", 1, b"b")])
            store.looks.keep([(8, "New", 2, b"c")])
        assert store.looks.until() == 2
        assert store.looks.labels(8) == {"New"}
        assert store.looks.of(8, ["New", "Other"]) == {"New": b"c"}
        assert [each.position for each in store.looks.rows(1, 9)] == [2]
        store.looks.forget(8)
        assert store.looks.since(0) == [(8, "New", b"c")]

    def test_the_parts_to_look_in_hold_all_of_somebodys_events(self, store):
        store.append([row(number, key="ab"[number % 2]) for number in range(7)])
        places = [
            each.position
            for after, until in store.watch.parts(["b"], piece=3)
            for each in store.watch.of(["b"], after=after, until=until, limit=9)
        ]
        assert places == [6, 4, 2]
