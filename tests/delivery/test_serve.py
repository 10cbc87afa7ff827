"""Serving one destination from a real store: what moves, what waits, what dies, in which order."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.delivery.recorder import Got, Recorder, Say
from tests.delivery.served import Network, Receiver, Shop, event_id, row
from track_middleware.delivery.store import NewRow, Outcome
from track_middleware.delivery.transport import HttpTransport, Silence
from track_middleware.destinations import Answer, Call

URL = "webhook+https://example.test/in"
SILENCE = Silence("no answer: Connection refused")

Open = Callable[..., Shop]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Open]:
    opened: list[Shop] = []

    def make(network: Network, url: str = URL) -> Shop:
        opened.append(Shop(tmp_path, url, network))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_what_is_delivered_moves_the_position_and_leaves_no_rows(shop: Open) -> None:
    there = Receiver()
    here = shop(there)
    here.accept(*[row(number) for number in range(1, 1201)])
    assert here.run() is None
    assert there.order == list(range(1, 1201))
    assert here.position() == here.store.end()
    assert here.waiting() == {}


def test_an_event_arrives_with_what_was_derived_from_it(shop: Open) -> None:
    there = Receiver()
    here = shop(there)
    derived = {"channel": "Email", "os": {"name": "iOS", "version": "18"}}
    context = {"os": {"name": "iPadOS"}, "ip": "192.0.2.0"}
    here.accept(row(1, derived=derived, context=context))
    here.run()
    assert there.bodies[0]["context"] == {
        "channel": "Email",
        "ip": "192.0.2.0",
        "os": {"name": "iPadOS", "version": "18"},
    }


def test_bots_and_requests_are_passed_by(shop: Open) -> None:
    there = Receiver()
    here = shop(there)
    here.accept(row(1, bot="GPTBot"), row(2, event="Request"), row(3))
    assert here.run() is None
    assert there.order == [3]
    assert here.position() == here.store.end()


def test_bots_and_requests_go_where_they_are_asked_for(shop: Open) -> None:
    there = Receiver()
    here = shop(there, URL + "?bots=1&events=Request,Order*")
    here.accept(row(1, bot="GPTBot"), row(2, event="Request"), row(3, event="Signup"))
    here.run()
    assert there.order == [1, 2]


def test_a_retry_leaves_out_what_the_url_leaves_out(shop: Open) -> None:
    there = Receiver([Answer(503)])
    here = shop(there, URL + "?without=email,context.ip")
    context = {"ip": "192.0.2.0", "locale": "de"}
    here.accept(row(1, properties={"number": 1, "email": "ann@example.com"}, context=context))
    here.run_out()
    assert (there.order, len(there.calls)) == ([1], 2)
    assert there.bodies[0]["properties"] == {"number": 1}
    assert there.bodies[0]["context"] == {"locale": "de"}


def test_a_purpose_that_was_not_granted_keeps_an_event_away(shop: Open) -> None:
    there = Receiver()
    here = shop(there, URL + "?purpose=marketing")
    here.accept(
        row(1, context={"consent": {"analytics": "granted", "marketing": "denied"}}),
        row(2, context={"consent": {"analytics": "granted", "marketing": "granted"}}),
        row(3),
    )
    here.run()
    assert there.order == [2]


def test_what_waited_until_the_log_let_it_go_is_a_dead_letter(shop: Open) -> None:
    """Rows of a destination that was not configured for a while keep no event."""
    here = shop(Receiver())
    here.accept(row(1), row(2))
    rows = [Outcome(n, event_id(n), "v1", "retry" if n == 1 else "held") for n in (1, 2)]
    here.store.advance(here.job, 2, rows)
    here.store.forget(events=1.0, ids=0.0, pages=0.0, served_by=[])
    here.run()
    assert here.waiting() == {}
    assert here.dead() == dict.fromkeys(map(event_id, (1, 2)), "it is no longer in the log")


def test_an_outage_moves_nothing_writes_no_rows_and_pauses(shop: Open) -> None:
    there = Receiver([SILENCE])
    here = shop(there)
    here.accept(row(1), row(2))
    again = here.run()
    assert again is not None
    assert again > here.now
    assert (here.position(), here.waiting(), len(there.calls)) == (0, {}, 1)
    assert here.run() == again, "nothing is sent before its time"
    assert len(there.calls) == 1
    here.now = again
    assert here.run() is None
    assert there.order == [1, 2]


def test_retry_after_is_honoured_and_survives_a_restart(shop: Open) -> None:
    there = Receiver([Answer(503, {"retry-after": "1000"})])
    here = shop(there)
    here.accept(row(1))
    assert here.run() == here.now + 1000
    here.restart()
    here.now += 999
    here.run()
    assert len(there.calls) == 1
    here.now += 1
    here.run()
    assert there.order == [1]


def test_a_retry_after_date_is_measured_by_the_answers_own_clock(shop: Open) -> None:
    headers = {
        "date": "Mon, 01 Jan 2001 00:00:00 GMT",
        "retry-after": "Mon, 01 Jan 2001 00:10:00 GMT",
    }
    here = shop(Receiver([Answer(429, headers)]))
    here.accept(row(1))
    assert here.run() == here.now + 600


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends(
    shop: Open, caplog: pytest.LogCaptureFixture
) -> None:
    here = shop(Receiver([SILENCE] * 6))
    here.accept(row(1))
    with caplog.at_level(logging.WARNING, "track_middleware"):
        again = here.run()
        here.restart()
        here.now = again or 0.0
        here.run_out()
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "webhook: no answer: Connection refused; its events wait",
        "webhook takes events again",
    ]


def test_waits_grow_over_an_outage_and_not_beyond_their_cap(shop: Open) -> None:
    here = shop(Receiver([SILENCE] * 30))
    here.accept(row(1))
    waits = []
    for _ in range(30):
        again = here.run()
        assert again is not None
        waits.append(again - here.now)
        here.now = again
    assert waits[0] < waits[3] < waits[-1] <= 300


def test_a_lone_poison_is_found_and_only_it_dies(shop: Open) -> None:
    there = Receiver()
    there.poison = {313}
    here = shop(there)
    here.accept(*[row(number) for number in range(1, 501)])
    here.run()
    assert there.order == [number for number in range(1, 501) if number != 313]
    assert here.dead() == {event_id(313): "HTTP 400: a bad event is in it"}
    assert len(there.calls) <= 2 * 9 + 1


def test_a_refused_key_pauses_and_loses_nothing(shop: Open) -> None:
    there = Receiver([Answer(401, {}, b"who are you?")])
    here = shop(there)
    here.accept(row(1))
    again = here.run()
    assert again is not None
    assert again - here.now >= 30
    job = here.store.job("webhook")
    assert job.pause_reason == "HTTP 401: who are you?"
    assert (here.position(), here.dead()) == (0, {})


def test_too_large_a_batch_is_halved(shop: Open) -> None:
    there = Receiver([Answer(413), Answer(413)])
    here = shop(there)
    here.accept(*[row(number) for number in range(1, 9)])
    here.run()
    assert [len(call) for call in there.calls] == [8, 4, 2, 2, 4]
    assert there.order == list(range(1, 9))


def test_nothing_is_sent_or_noted_once_somebody_else_leads(shop: Open) -> None:
    there = Receiver()
    here = shop(there)
    here.accept(row(1))
    here.leading = False
    here.run()
    assert (there.calls, here.position()) == ([], 0)


def test_an_unreadable_body_dies_alone(shop: Open) -> None:
    there = Receiver()
    here = shop(there)
    here.accept(msgspec.structs.replace(row(1), body=b'{"messageId":'), row(2))
    here.run()
    assert there.order == [2]
    assert here.dead() == {event_id(1): "its body cannot be read"}


def _throttling(limited: set[str]) -> Callable[[Got], Say]:
    """Amplitude's answer while some devices send too much: nothing is taken, they are named."""

    def answer(got: Got) -> Say:
        events = json.loads(got.body)["events"]
        indexes = [at for at, each in enumerate(events) if each["device_id"] in limited]
        if not indexes:
            return Say(200, b'{"code":200}')
        return Say(429, json.dumps({"code": 429, "throttled_events": indexes}).encode())

    return answer


def test_later_events_of_a_visitor_wait_behind_the_one_that_must_wait(shop: Open) -> None:
    limited = {"slow"}
    with Recorder(_throttling(limited)) as vendor:
        transport = HttpTransport()
        here = shop(transport, f"amplitude://KEY?endpoint={vendor.url}")
        here.accept(row(1, visitor="slow"), row(2, visitor="fast"), row(3, visitor="slow"))
        here.run()
        here.accept(row(4, visitor="slow"), row(5, visitor="fast"))
        here.run()
        assert here.waiting() == {"retry": 1, "held": 2} or here.waiting() == {
            "retry": 2,
            "held": 1,
        }
        assert here.position() == here.store.end(), "the others are not delayed"
        limited.clear()
        here.run_out()
        transport.close()
        taken = [
            each["event_properties"]["number"]
            for got in vendor.got
            if (events := json.loads(got.body)["events"])
            for each in events
        ]
    assert here.waiting() == {}
    last = {number: at for at, number in enumerate(taken)}
    assert last[1] < last[3] < last[4]
    assert last[2] < last[5]


def test_three_failing_calls_in_a_row_stop_a_batch(shop: Open) -> None:
    calls = []

    def down(call: Call) -> Silence:
        calls.append(call)
        return SILENCE

    here = shop(down, "heap://APP")
    here.accept(*[_identify(number) for number in range(1, 21)])
    here.run()
    assert len(calls) == 3
    assert (here.position(), here.waiting()) == (0, {})


def test_one_failing_call_among_good_ones_becomes_a_row(shop: Open) -> None:
    def one_fails(call: Call) -> Answer | Silence:
        return Answer(500) if b"user-2" in call.body else Answer(200)

    here = shop(one_fails, "heap://APP")
    here.accept(*[_identify(number) for number in range(1, 5)])
    here.run()
    assert here.position() == here.store.end()
    assert here.waiting() == {"retry": 1}


def test_what_came_before_a_trailing_failure_is_left_behind(shop: Open) -> None:
    def last_fails(call: Call) -> Answer | Silence:
        return SILENCE if b"user-4" in call.body else Answer(200)

    here = shop(last_fails, "heap://APP")
    here.accept(*[_identify(number) for number in range(1, 5)])
    assert here.run() is not None
    assert (here.position(), here.waiting()) == (3, {})


def _identify(number: int) -> NewRow:
    """A visitor becomes a user, which is a call of its own at Heap."""
    return row(number, visitor=f"v{number}", type="identify", userId=f"user-{number}")
