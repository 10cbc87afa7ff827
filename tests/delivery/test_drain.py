"""From the spool to the log: every kind of entry, in every order of a page view's halves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.delivery.site import DENIED, GRANTED, LOAD, OTHER_LOAD, START, WINDOW, Site, new_id
from track_middleware.delivery.store import ChoiceRecord
from track_middleware.event import Entry, Event, derived_page_id, iso, wire_id


@pytest.fixture
def site(data_dir):
    site = Site(data_dir)
    yield site
    site.close()


@pytest.fixture
def hooked(data_dir):
    sites = []

    def site(hook):
        sites.append(Site(data_dir, hook=hook))
        return sites[-1]

    yield site
    for each in sites:
        each.close()


@pytest.fixture
def page():
    return new_id()


# Finished events.


def test_an_event_is_stored_as_the_bytes_that_were_accepted(site):
    entry = site.track()
    site.drains(entry)
    (stored,) = site.store.read(0, 10)
    assert stored.body in site.spool.encode([entry])
    assert (stored.event_id, stored.order_key) == (entry.event.message_id, "v")


def test_an_id_of_another_origin_is_derived_from_both(site):
    site.drains(Entry("event", START, Event("order-1", "track", "", event="O"), consent=GRANTED))
    assert site.event.message_id == wire_id("server", "order-1")


def test_the_same_event_twice_is_stored_once_and_counted(site):
    entry = site.track()
    site.drains(entry, entry)
    site.drains(entry)
    assert len(site.events) == 1
    assert site.counts["duplicate"] == 2


def test_what_was_derived_stands_beside_the_body(site):
    site.drains(site.track(facts={"country": "DE"}))
    (stored,) = site.store.read(0, 10)
    assert b"DE" not in stored.body
    assert site.event.context == {"location": {"country": "DE"}}


def test_a_frame_that_is_no_entry_is_counted_and_costs_only_itself(site):
    stranger = b'{"kind":1}'
    site.accepts(site.track())
    site.spool.write(b"\n%08x %b\n" % (crc32(stranger), stranger))
    site.drains(site.track())
    assert len(site.events) == 2
    assert site.counts["not_an_entry"] == 1


def test_events_are_counted_by_label(site):
    site.drains(site.track(), site.track())
    assert site.store.event_counts() == {("2027-01-15", "Order"): 2}


def test_the_same_event_twice_in_a_batch_counts_once(site):
    entry = site.track()
    site.drains(entry, site.track(), entry)
    assert site.store.event_counts() == {("2027-01-15", "Order"): 2}


@pytest.mark.parametrize(
    "event",
    [None, Event("a", "track", "", event="O", user_id=42), Event("a", "track", "", context=[1])],
    ids=["none", "user", "context"],
)
def test_an_entry_with_a_broken_event_keeps_no_other_waiting(site, event):
    site.drains(site.track(), Entry("event", START, event), site.track())
    assert len(site.events) in (2, 3)
    assert site.counts["not_an_entry"] == 3 - len(site.events)


def test_a_frame_that_cannot_be_stored_is_a_dead_letter(data_dir):
    """Whatever is wrong with one frame, or with the code that takes it."""

    def stumbles(event):
        return {"bot": 3} if event.properties else {}

    site = Site(data_dir, enrich=stumbles)
    poison = site.track()
    poison.event.properties = {"n": 1}
    site.drains(site.track(), poison, site.track())
    assert len(site.events) == 2
    (letter,) = site.store.dead(stage="door")
    assert poison.event.message_id.encode() in letter.body
    assert "AttributeError" in letter.reason
    site.drains(site.track())
    assert len(site.events) == 3
    site.close()


# Consent outside a request.


def choice(site, states, user="42", **properties):
    event = Event(
        new_id(), "track", iso(site.now), event="Consent Changed", user_id=user,
        properties={**states, **properties},
    )  # fmt: skip
    return Entry("choice", site.now, event, consent=states)


def loose(site, user="42"):
    event = Event(new_id(), "track", iso(site.now), event="Paid", user_id=user)
    return Entry("event", site.now, event)


def test_outside_a_request_the_users_last_choice_holds(site):
    site.drains(choice(site, DENIED))
    site.drains(loose(site), loose(site, user="43"))
    assert [(each.event, each.user_id) for each in site.events] == [
        ("Consent Changed", "42"),
        ("Paid", "43"),
    ]
    assert site.counts["consent"] == 1


def test_a_choice_holds_for_what_follows_in_the_same_batch(site):
    site.drains(choice(site, DENIED), loose(site), choice(site, GRANTED), loose(site))
    assert [each.event for each in site.events] == ["Consent Changed", "Consent Changed", "Paid"]


def signed_in(site, states, user="42"):
    event = Event(new_id(), "identify", iso(site.now), user_id=user, anonymous_id="v")
    return Entry("event", site.now, event, consent=states)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_who_signs_in_brings_along_what_they_permitted_before(data_dir, together, whole):
    site = Site(data_dir, default="pending", whole=whole)
    given = [signed_in(site, GRANTED), loose(site), loose(site, user="43")]
    for frames in [given] if together else [[each] for each in given]:
        site.drains(*frames)
    assert [(each.type, each.user_id) for each in site.events] == [
        ("identify", "42"), ("track", "42"),
    ]  # fmt: skip
    assert site.store.intake.choice_history("user:42") == []
    site.close()


def test_what_a_user_chose_stands_over_what_a_browser_permitted_whenever_it_was_said(data_dir):
    site = Site(data_dir, default="pending")
    site.drains(choice(site, DENIED), signed_in(site, GRANTED), loose(site))
    assert "Paid" not in [each.event for each in site.events]
    site.drains(signed_in(site, GRANTED, user="43"))
    earlier = choice(site, DENIED, user="43")
    earlier.at -= 1000
    site.drains(earlier, loose(site, user="43"))
    assert "Paid" not in [each.event for each in site.events]
    site.close()


def test_a_choice_leaves_its_proof_whatever_became_of_its_event(site):
    given = choice(site, DENIED, version="2026-05", source="banner")
    site.drains(given, given)
    site.drains(given)
    (record,) = site.store.intake.choice_history("user:42")
    assert record == ChoiceRecord(
        "user:42", site.now, DENIED, "2026-05", "banner", site.event.message_id
    )


def test_an_event_says_what_consent_held(site):
    site.drains(loose(site))
    assert site.event.context["consent"] == {"analytics": "granted", "marketing": "granted"}


def test_in_opt_in_an_unknown_users_event_is_not_kept(data_dir):
    site = Site(data_dir, default="pending")
    site.drains(loose(site))
    assert site.events == []
    site.close()


# What is decoded.

_texts = st.text(st.characters(codec="utf-8"), max_size=8)
_values = st.none() | st.integers(-9, 9) | _texts | st.lists(_texts, max_size=2)
_bags = st.dictionaries(st.sampled_from(["consent", "userAgent", "context", 'a"}', "é"]), _values)
_contexts = st.none() | _bags | st.just([1]) | st.dictionaries(_texts, _bags, max_size=2)
_events = st.builds(
    Event,
    message_id=st.uuids().map(str) | _texts,
    type=st.sampled_from(["track", "identify", "page"]),
    timestamp=st.just("2027-01-15T00:00:00.000Z"),
    event=st.none() | _texts,
    anonymous_id=st.none() | _texts,
    user_id=st.sampled_from([None, "42", "43", 44]),
    properties=st.none() | _bags,
    context=_contexts,
    integrations=st.none() | _bags,
)
_entries = st.builds(
    Entry,
    kind=st.just("event"),
    at=st.floats(START, START + 9e5),
    event=st.none() | _events,
    origin=st.sampled_from(["server", "key"]),
    consent=st.none() | st.just(GRANTED),
    facts=st.none() | st.just({"country": "DE"}),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(entries=st.lists(_entries, max_size=12))
def test_an_event_read_in_part_is_stored_as_one_read_as_a_whole(tmp_path, entries):
    """Both ways say the same about everything; only the order of keys may differ."""
    found = []
    chosen = Event(new_id(), "track", "", event="Consent Changed", user_id="43")
    for whole in (False, True):
        with TemporaryDirectory(dir=tmp_path) as folder:
            site = Site(Path(folder), whole=whole)
            site.drains(Entry("choice", START, chosen, consent=DENIED), *entries)
            rows = [
                (each.position, each.event_id, each.order_key, each.accepted_at, each.kind,
                 each.label, json.loads(each.body), each.derived, each.bot)
                for each in site.store.read(0, 100)
            ]  # fmt: skip
            counts = {reason: n for reason, n in site.counts.items() if n}
            found.append((rows, counts, site.store.event_counts()))
            site.close()
    assert found[0] == found[1]


# Hooks.


def test_before_send_changes_what_is_stored(hooked):
    def shorter(event):
        event.anonymous_id = "other"
        return event

    site = hooked(shorter)
    site.drains(site.track())
    (stored,) = site.store.read(0, 10)
    assert (stored.order_key, site.event.anonymous_id) == ("other", "other")


def test_before_send_drops_what_it_answers_none_for(hooked):
    site = hooked(lambda event: None)
    site.drains(site.track())
    assert site.events == []
    assert site.counts["before_send"] == 1


@pytest.mark.parametrize("answer", [True, {"a": 1}, "endless", "user"])
def test_a_before_send_whose_answer_is_no_event_changes_nothing(hooked, answer):
    def junk(event):
        if answer == "endless":
            event.properties = {}
            event.properties["again"] = event.properties
            return event
        if answer == "user":
            event.user_id = 42
            return event
        return answer

    site = hooked(junk)
    entry = site.track()
    site.drains(entry)
    assert site.event.message_id == entry.event.message_id
    assert site.event.user_id is None
    assert site.counts["trouble"] == 1


def test_a_before_send_that_fails_changes_nothing(hooked):
    def fails(event):
        event.anonymous_id = "half done"
        raise ZeroDivisionError

    site = hooked(fails)
    site.drains(site.track())
    assert site.event.anonymous_id == "v"
    assert site.counts["trouble"] == 1


# The two halves.


def test_a_view_waits_for_its_other_half(site, page):
    site.drains(site.view(page))
    assert site.events == []


def test_no_other_event_waits_for_a_view(site, page):
    site.drains(site.view(page), site.track())
    assert [each.type for each in site.events] == ["track"]


def test_the_browsers_half_completes_a_view(site, page):
    site.drains(site.view(page))
    site.now += 2
    site.drains(site.confirm(page))
    event = site.event
    assert (event.message_id, event.timestamp) == (page, iso(START))
    assert event.context["page"] == {
        "id": page, "url": "https://x/a", "status": 200, "title": "Shop", "confirmed": True,
    }  # fmt: skip
    assert event.context["timezone"] == "UTC"
    assert site.views == {"page.human": 1, "confirmed": 1}


def test_the_browsers_half_may_come_first(site, page):
    site.drains(site.confirm(page))
    assert site.events == []
    site.drains(site.view(page))
    assert site.event.context["page"]["confirmed"] is True
    assert site.event.context["page"]["status"] == 200
    assert site.views == {"page.human": 1, "confirmed": 1}


def test_both_halves_in_one_batch_make_one_view(site, page):
    site.drains(site.confirm(page), site.view(page))
    assert site.event.context["page"]["confirmed"] is True


def test_a_view_takes_its_place_alone_when_its_window_is_over(site, page):
    site.drains(site.view(page))
    site.waits(WINDOW)
    assert site.event.context["page"]["confirmed"] is False
    assert site.event.timestamp == iso(START)
    site.waits(100)
    assert len(site.events) == 1


def test_a_clock_that_went_back_keeps_no_view_waiting(site, page):
    site.now += 2 * 86_400
    site.drains(site.view(page), site.click(new_id(), person=None))
    assert site.events == []
    site.now = START
    site.drains()
    assert sorted(each.type for each in site.events) == ["page", "track"]


@pytest.mark.parametrize("first", ["server", "browser"])
def test_a_view_knows_the_facts_of_both_its_requests(site, page, first):
    halves = [
        site.view(page, facts={"country": "DE"}),
        site.confirm(page, facts={"_ga": "GA1.1.1.2", "country": "DE"}),
    ]
    for half in halves if first == "server" else reversed(halves):
        site.drains(half)
    assert site.event.context["location"] == {"country": "DE", "_ga": "GA1.1.1.2"}


def test_a_late_half_completes_the_row_and_is_not_delivered_again(site, page):
    site.drains(site.view(page))
    site.waits(WINDOW)
    site.drains(site.confirm(page))
    assert site.event.context["page"]["confirmed"] is False
    assert site.views == {"page.human": 1, "confirmed": 1}
    assert site.store.intake.pages([page])[page].confirmed_at == site.now


def test_a_late_server_half_completes_the_row_and_is_not_delivered_again(site, page):
    site.drains(site.confirm(page))
    site.waits(WINDOW)
    site.drains(site.view(page))
    site.waits(WINDOW)
    assert site.event.context["page"]["title"] == "Shop"
    assert site.views == {"page.human": 1, "confirmed": 1}


def test_the_row_knows_its_place_in_the_log(site, page):
    site.drains(site.track(), site.view(page), site.confirm(page))
    assert site.store.intake.pages([page])[page].position == 2


def test_a_bot_does_not_wait_and_is_counted_apart(site, page):
    site.drains(site.view(page, agent="Googlebot"))
    assert site.event.context["page"]["confirmed"] is False
    assert site.store.read(0, 1)[0].bot == "crawler"
    assert site.views == {"page.bot": 1}


def test_a_view_without_a_token_does_not_wait(site, page):
    site.drains(site.view(page, await_half=False))
    assert site.event.context["page"]["confirmed"] is False


def test_a_window_does_not_end_while_its_other_half_lies_in_the_spool(site, page):
    site.accepts(site.view(page))
    site.now += 1
    site.accepts(site.confirm(page))
    site.waits(600)
    assert site.event.context["page"]["confirmed"] is True


def test_flush_ends_the_windows_of_what_was_accepted_before(site, page):
    site.drains(site.view(page))
    flush = site.data_dir / "flush"
    flush.touch()
    os.utime(flush, (START - 1, START - 1))
    site.drains()
    assert site.events == []
    os.utime(flush, (START, START))
    site.drains()
    assert site.event.context["page"]["confirmed"] is False


def test_a_repeated_confirmation_changes_nothing(site, page):
    site.drains(site.view(page), site.confirm(page), site.confirm(page))
    assert len(site.events) == 1
    assert site.views == {"page.human": 1, "confirmed": 1}


def test_a_second_load_is_a_view_of_its_own(site, page):
    site.drains(site.view(page), site.confirm(page), site.confirm(page, OTHER_LOAD))
    assert [each.message_id for each in site.events] == [page, derived_page_id(page, OTHER_LOAD)]
    assert site.views == {"page.human": 1, "confirmed": 1, "page.browser": 1}


def test_a_load_long_after_its_token_is_a_view_of_its_own(site, page):
    site.drains(site.view(page))
    site.waits(3600)
    site.drains(site.confirm(page), site.click(page))
    own = derived_page_id(page, LOAD)
    assert [each.message_id for each in site.events[:2]] == [page, own]
    assert site.events[2].context["page"]["id"] == own
    assert site.views == {"page.human": 1, "page.browser": 1}


def test_a_prefetched_page_counts_when_it_is_shown(site, page):
    site.drains(site.mark(page, "shown"))
    site.waits(WINDOW)
    assert site.events == []
    site.drains(site.confirm(page, counting="shown"))
    assert site.event.message_id == page
    assert site.event.context["session"]["id"] == "s-v"
    assert site.views == {"page.browser": 1}


def test_a_shown_page_may_come_before_its_mark(site, page):
    site.drains(site.confirm(page, counting="shown", person=None))
    site.drains(site.mark(page, "shown"))
    assert site.event.anonymous_id == "v"


def test_an_error_page_never_counts(site, page):
    site.drains(site.mark(page), site.confirm(page, counting="never"), site.click(page))
    site.waits(WINDOW)
    assert [each.event for each in site.events] == ["Clicked"]
    assert site.event.context["page"]["id"] == page


def test_an_error_page_confirmed_before_its_mark_never_counts(site, page):
    site.drains(site.confirm(page, counting="never"))
    site.drains(site.mark(page))
    site.waits(WINDOW)
    assert site.events == []


def test_an_error_page_that_is_restored_never_counts(site, page):
    site.drains(site.mark(page))
    site.drains(*[site.confirm(page, load, counting="never") for load in (LOAD, OTHER_LOAD)])
    site.waits(WINDOW)
    assert site.events == []


def test_a_document_of_a_service_worker_completes_the_newest_view_of_its_url(site):
    old, newer, kept = new_id(), new_id(), new_id()
    site.drains(site.view(old))
    site.waits(10)
    fresh = site.view(newer)
    fresh.page.made = site.now
    site.drains(fresh, site.confirm(kept, service_worker=True))
    assert [each.message_id for each in site.events] == [old, newer]
    assert site.events[1].context["page"]["confirmed"] is True


def test_it_completes_that_view_when_it_is_told_first_and_again(site, page):
    told = site.confirm(new_id(), service_worker=True)
    site.drains(told)
    site.drains(site.view(page), told)
    site.waits(WINDOW)
    site.drains(told)
    site.waits(WINDOW)
    assert site.event.message_id == page
    assert site.event.context["page"]["confirmed"] is True


def test_a_kept_copy_of_a_service_worker_is_a_view_of_its_own_each_time(site, page):
    site.drains(site.mark(page, counting="shown"))
    for load in (LOAD, OTHER_LOAD):
        site.drains(site.confirm(page, load, counting="shown", service_worker=True))
        site.waits(WINDOW)
    assert [each.message_id for each in site.events] == [page, derived_page_id(page, OTHER_LOAD)]


def test_a_kept_copy_that_is_renewed_meanwhile_is_one_view(site, page):
    copy = new_id()
    site.drains(site.mark(copy, counting="shown"))
    site.waits(10)
    site.drains(site.confirm(copy, counting="shown", service_worker=True))
    fetched = site.view(page)
    fetched.page.made = site.now
    site.drains(fetched)
    site.waits(WINDOW)
    assert site.event.message_id == page
    assert site.event.context["page"]["confirmed"] is True


def test_an_old_view_that_no_browser_confirmed_is_not_a_kept_copys(site, page):
    copy = new_id()
    site.drains(site.view(page))
    site.waits(61)
    site.drains(site.confirm(copy, service_worker=True))
    site.waits(WINDOW)
    assert [each.message_id for each in site.events] == [page, copy]


def test_an_error_that_a_service_worker_has_fetched_never_counts(site, page):
    site.drains(site.mark(page), site.confirm(page, counting="never", service_worker=True))
    site.waits(WINDOW)
    assert site.events == []


def test_a_shared_response_is_a_number_and_no_event(site):
    site.drains(Entry("served", START, url="/a"))
    assert site.events == []
    assert site.views == {"served": 1}


def test_a_page_from_a_shared_cache_is_a_view_of_the_browsers(site):
    shown = site.confirm("unused")
    shown.page, shown.event.context["page"] = None, {"url": "https://x/a"}
    site.drains(shown)
    assert site.event.message_id == site.event.context["page"]["id"] == wire_id(LOAD, "view")
    assert site.views == {"page.browser": 1, "page.shared": 1}


def test_the_doctor_is_nobody_to_whom_a_shared_cache_has_served_a_page(site):
    shown = site.confirm("unused")
    shown.page, shown.event.context["page"] = None, {"url": "https://x/a"}
    shown.event.context["userAgent"] = "Mozilla/5.0 track-middleware-doctor/0.1"
    site.drains(shown)
    assert site.views == {"page.browser": 1}


def test_what_the_door_refused_is_a_dead_letter(site):
    site.drains(Entry("door", START, reason="not JSON", raw="{"))
    (letter,) = site.store.dead(stage="door")
    assert (letter.reason, letter.body, letter.time) == ("not JSON", b"{", START)


# Whose a browser event is.


def test_a_browser_event_waits_for_its_pages_row(site, page):
    site.drains(site.click(page, person=None))
    assert site.events == []
    site.drains(site.view(page))
    site.drains()
    assert [each.event for each in site.events] == ["Clicked"]
    assert site.events[0].anonymous_id == "v"


def test_a_row_that_never_comes_is_waited_for_one_window(site, page):
    site.drains(site.click(page, person=site.person("cookie")), site.click(page, person=None))
    site.waits(WINDOW)
    one, two = site.events
    assert one.anonymous_id == "cookie"
    assert two.anonymous_id not in ("cookie", "v", None)


def test_an_event_sent_after_sign_out_stays_with_who_made_it(site, page):
    site.drains(site.view(page, person=site.person("v", user="42")))
    site.drains(site.click(page, person=site.person("next")))
    event = site.events[0]
    assert (event.anonymous_id, event.user_id) == ("v", "42")
    assert event.context["session"]["id"] == "s-v"


def test_a_sign_in_by_fetch_counts(site, page):
    site.drains(site.view(page), site.click(page, person=site.person("v", user="42")))
    assert site.events[0].user_id == "42"


def test_two_tabs_of_a_first_visit_become_one_visitor(site, page):
    one = site.person("v", fresh=True, minted=START)
    two = site.person("w", fresh=True, minted=START)
    site.drains(site.view(page, person=one), site.confirm(page, person=two))
    assert site.event.anonymous_id == "w"
    assert site.event.context["session"]["id"] == "s-w"
    assert site.store.intake.joined(["v"]) == {"v": "w"}


def test_once_joined_a_tabs_later_events_follow(site, page):
    one = site.person("v", fresh=True, minted=START)
    two = site.person("w", fresh=True, minted=START)
    later = new_id()
    site.drains(site.view(page, person=one), site.confirm(page, person=two))
    site.drains(site.mark(later, person=one))
    site.waits(300)
    site.drains(site.click(later, person=two))
    assert site.events[-1].anonymous_id == "w"


def test_two_people_are_never_joined(site, page):
    one = site.person("v", fresh=True, minted=START, user="1")
    two = site.person("w", fresh=True, minted=START)
    site.drains(site.view(page, person=one), site.confirm(page, person=two))
    assert site.event.anonymous_id == "v"
    assert site.store.intake.joined(["v"]) == {}


def test_page_left_belongs_to_its_pages_session(site, page):
    site.drains(site.view(page))
    site.now += 3600
    again = site.person("v", session="s-later", start=site.now)
    site.drains(site.click(page, name="Page Left", person=again))
    (left,) = [each for each in site.events if each.event == "Page Left"]
    assert left.context["session"]["id"] == "s-v"


# All or nothing.


def test_a_segments_offset_moves_with_its_events(site, monkeypatch):
    """What fails after the rows were written leaves neither rows nor a moved offset."""
    site.accepts(site.track())
    monkeypatch.setattr(site.store.intake, "moved", _fails)
    with pytest.raises(OSError, match="disk"):
        site.drains()
    assert site.events == []
    monkeypatch.undo()
    site.drains()
    assert len(site.events) == 1


def _fails(segment, offset):
    raise OSError("disk")


def test_a_finished_segment_is_removed_when_it_is_stored(site):
    site.accepts(site.track())
    site.spool.close()
    site.drains()
    site.drains()
    assert list((site.data_dir / "spool").iterdir()) == []
    assert site.store.intake.offsets() == {}
    assert len(site.events) == 1


def test_segments_of_an_unknown_version_are_left_alone(site):
    site.drains(site.track())
    stranger = site.data_dir / "spool" / "v9-abc.sealed"
    stranger.write_bytes(b"who knows")
    site.drains(site.track())
    assert stranger.read_bytes() == b"who knows"


def test_a_segment_that_cannot_be_read_keeps_no_other_waiting(site, data_dir):
    (data_dir / "spool" / "v1-0000000000000000.sealed").mkdir(parents=True)
    entry = site.track()
    site.drains(entry)
    assert site.event.message_id == entry.event.message_id
