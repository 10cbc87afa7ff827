"""The operator's verbs: dead letters put back or dropped, replays, numbers for Prometheus."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.delivery.served import event_id, row
from track_middleware import cli
from track_middleware.delivery.store import DeadLetter, Outcome, sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.delivery.worker import Worker
from track_middleware.event import Entry, Event, encode_event, iso, lenient_encoder
from track_middleware.reading import load

NOW = 1_795_435_200.0


class Operator:
    """A site with a file as its destination, and the verbs on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.out = folder / "out.jsonl"
        self.given = {
            "data_dir": str(folder / "data"),
            "destinations": [f"jsonl://{self.out}"],
            "min_free": "1",
            "secret_key": "a secret for the tests",
        }
        self._capsys = capsys
        self.work()
        self.store: Store = sqlite.open(folder / "data" / "events.db")

    def work(self) -> None:
        worker = Worker(load(self.given, {}), data_dir=Path(self.given["data_dir"]))
        worker.once()
        worker.close()

    def call(self, *argv: object) -> tuple[int, str, str]:
        status = cli.run([str(each) for each in argv], given=self.given)
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def asked(self, *argv: object) -> Any:
        return json.loads(self.call(*argv, "--json")[1])

    def accept(self, *numbers: int, at: float | None = None, **more: Any) -> None:
        when = time.time() if at is None else at
        rows = [msgspec.structs.replace(row(n, **more), accepted_at=when) for n in numbers]
        with self.store.batch():
            self.store.append(rows)

    def refuse(self, *numbers: int, reason: str = "bad shape", name: str = "jsonl") -> None:
        """These events of the log, as if the destination had refused them."""
        by_id = {each.event_id: each for each in self.store.read(0, 100)}
        positions = [by_id[event_id(number)].position for number in numbers]
        outcomes = [
            Outcome(p, event_id(n), "v1", "refused", reason=reason)
            for p, n in zip(positions, numbers, strict=True)
        ]
        self.store.settle(self.store.job(name), outcomes)

    def served(self) -> None:
        """The live job has everything behind it."""
        self.store.advance(self.store.job("jsonl"), self.store.end(), [])

    def delivered(self) -> list[tuple[str, str]]:
        if not self.out.exists():
            return []
        lines = [json.loads(line) for line in self.out.read_bytes().splitlines()]
        return [(each["messageId"], each["timestamp"]) for each in lines]

    def waiting(self) -> dict[str, int]:
        counts = self.store.count(self.store.job("jsonl"))
        return {state: count for state, count in counts.items() if state != "dead"}

    def letters(self) -> list[DeadLetter]:
        return list(self.store.dead())


@pytest.fixture
def operator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Operator]:
    operator = Operator(tmp_path, capsys)
    yield operator
    operator.store.close()


@pytest.fixture
def refused(operator: Operator) -> Operator:
    """A site whose destination has refused three events."""
    operator.accept(1, event="Order Completed")
    operator.accept(2, event="Order Refunded")
    operator.accept(3, event="Signed Up")
    operator.served()
    operator.refuse(1, reason="Bad shape of revenue")
    operator.refuse(2, reason="too large")
    operator.refuse(3, reason="bad shape")
    return operator


def numbers(found: Sequence[dict[str, Any]]) -> set[str]:
    return {each["event"] for each in found}


ORDERS = {"Order Completed", "Order Refunded"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (["--destination", "jsonl"], {*ORDERS, "Signed Up"}),
        (["--reason", "BAD SHAPE"], {"Order Completed", "Signed Up"}),
        (["--event", "Order*"], ORDERS),
        (["--event", "Order Refunded, Sign*"], {"Order Refunded", "Signed Up"}),
        (["--stage", "door"], set()),
        (["--since", "1h"], {*ORDERS, "Signed Up"}),
        (["--until", "1h"], set()),
        (["--since", "2020-01-01", "--until", "2020-01-02T10:00Z"], set()),
    ],
)
def test_dead_letters_are_chosen_by_destination_reason_event_time_and_stage(
    refused: Operator, choice: list[str], expected: set[str]
) -> None:
    assert numbers(refused.asked("dead", "list", *choice)) == expected


def test_a_replayed_letter_is_delivered_once_with_its_id_and_time(refused: Operator) -> None:
    assert refused.asked("dead", "replay", "--event", "Order*") == {"replayed": 2, "left": []}
    assert [each.label for each in refused.letters()] == ["Signed Up"]
    refused.work()
    refused.work()
    when = "2026-11-23T12:00:00.000Z"
    assert refused.delivered() == [(event_id(1), when), (event_id(2), when)]


def test_letters_are_replayed_by_their_ids(refused: Operator) -> None:
    newest = refused.letters()[0]
    assert refused.asked("dead", "replay", newest.id)["replayed"] == 1
    assert newest.id not in {each.id for each in refused.letters()}


def test_a_letter_whose_event_has_left_the_log_is_replayed_from_itself(
    refused: Operator, tmp_path: Path
) -> None:
    other = {**refused.given, "destinations": [f"jsonl://{tmp_path / 'other'}?name=other"]}
    refused.store.job("other")
    ahead = refused.store.end()
    refused.store.forget(events=time.time() + 9, ids=0.0, pages=0.0, served_by=["jsonl"])
    assert not refused.store.read(0, 10)
    assert refused.asked("dead", "replay")["replayed"] == 3
    refused.work()
    assert [each for each, _ in refused.delivered()] == [event_id(n) for n in (1, 2, 3)]
    assert refused.store.end() == ahead, "no other destination sees them again"
    worker = Worker(load(other, {}), data_dir=Path(other["data_dir"]))
    worker.once()
    worker.close()
    assert not (tmp_path / "other").exists()


def test_what_enrichment_knew_comes_back_with_the_letter(operator: Operator) -> None:
    operator.accept(1, derived={"browser": {"name": "Firefox"}})
    operator.served()
    operator.refuse(1)
    operator.store.forget(events=time.time() + 9, ids=0.0, pages=0.0, served_by=["jsonl"])
    operator.call("dead", "replay")
    operator.work()
    (line,) = operator.out.read_bytes().splitlines()
    assert json.loads(line)["context"]["browser"] == {"name": "Firefox"}


def test_later_events_of_a_visitor_wait_behind_a_replayed_letter(refused: Operator) -> None:
    refused.call("dead", "replay", "--event", "Order Completed")
    assert refused.waiting() == {"retry": 1}
    refused.accept(9)
    refused.work()
    assert [each for each, _ in refused.delivered()] == [event_id(1), event_id(9)]


def test_a_replayed_letter_goes_before_what_waits_of_its_visitor(refused: Operator) -> None:
    refused.accept(8, 9)
    live = refused.store.job("jsonl")
    later = Outcome(4, event_id(8), "v1", "retry", 3, time.time() + 1000, "busy")
    refused.store.advance(live, 5, [later, Outcome(5, event_id(9), "v1", "held")])
    refused.call("dead", "replay", "--event", "Order Completed")
    assert refused.waiting() == {"retry": 1, "held": 2}
    refused.work()
    assert [each for each, _ in refused.delivered()] == [event_id(n) for n in (1, 8, 9)]


def test_a_replayed_letter_waits_behind_an_earlier_retry_of_its_visitor(
    refused: Operator,
) -> None:
    refused.store.settle(
        refused.store.job("jsonl"),
        [Outcome(1, event_id(1), "v1", "retry", 3, time.time() + 1000, "busy")],
    )
    refused.call("dead", "replay", "--event", "Signed Up")
    assert refused.waiting() == {"retry": 1, "held": 1}
    refused.work()
    assert refused.delivered() == []


def test_a_letter_of_a_destination_that_is_not_configured_stays(operator: Operator) -> None:
    operator.accept(1)
    operator.store.advance(operator.store.job("former"), 1, [])
    operator.refuse(1, name="former")
    status, out, _ = operator.call("dead", "replay")
    assert status == 1
    assert "former is not among the destinations" in out
    assert len(operator.letters()) == 1


def bury(operator: Operator, reason: str, body: bytes) -> None:
    letter = DeadLetter(0, "door", "", "", "", time.time(), reason, body)
    operator.store.bury([letter], most=100)


FRAME = lenient_encoder.encode(
    Entry(
        "event",
        NOW,
        Event(event_id(7), "track", iso(NOW), event="Late", user_id="4"),
        consent={"analytics": "granted"},
    )
)


def test_a_frame_that_could_not_be_stored_goes_through_the_spool_again(
    operator: Operator,
) -> None:
    bury(operator, "it cannot be stored: KeyError", FRAME)
    assert operator.asked("dead", "replay")["replayed"] == 1
    operator.work()
    assert [each for each, _ in operator.delivered()] == [event_id(7)]


def test_what_the_collector_refused_is_never_read_as_a_frame(operator: Operator) -> None:
    bury(operator, "not from a page of this host", FRAME)
    assert operator.asked("dead", "replay")["replayed"] == 0
    assert len(operator.letters()) == 1


def test_a_letter_of_a_former_release_finds_its_event_by_its_id(operator: Operator) -> None:
    operator.accept(1)
    operator.served()
    body = encode_event(Event(event_id(1), "track", iso(NOW), event="x", user_id="4"))
    gone = DeadLetter(0, "destination", "jsonl", event_id(2), "x", NOW, "bad", body)
    there = DeadLetter(0, "destination", "jsonl", event_id(1), "x", NOW, "bad", body)
    operator.store.bury([gone, there], most=100)
    told = operator.asked("dead", "replay")
    assert told["replayed"] == 1
    assert [each["why"] for each in told["left"]] == ["its event is no longer kept anywhere"]


def test_many_letters_are_replayed_in_pieces(operator: Operator) -> None:
    operator.accept(*range(1, 451))
    operator.served()
    every = operator.store.read(0, 500)
    outcomes = [Outcome(e.position, e.event_id, "v1", "refused", reason="x") for e in every]
    operator.store.settle(operator.store.job("jsonl"), outcomes)
    assert operator.asked("dead", "replay")["replayed"] == 450
    operator.work()
    assert [each for each, _ in operator.delivered()] == [event_id(n) for n in range(1, 451)]


def test_dropping_asks_for_yes_where_nobody_can_answer(
    refused: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    status, _, err = refused.call("dead", "drop")
    assert (status, "--yes" in err) == (2, True)
    assert len(refused.letters()) == 3


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "left"), [("y\n", 1), ("n\n", 3), ("\n", 3)])
def test_dropping_asks_on_a_terminal(
    refused: Operator, monkeypatch: pytest.MonkeyPatch, typed: str, left: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    refused.call("dead", "drop", "--event", "Order*")
    assert len(refused.letters()) == left


def test_dropping_with_yes_deletes_what_was_chosen(refused: Operator) -> None:
    assert refused.asked("dead", "drop", "--reason", "large", "--yes") == {"dropped": 1}
    assert "Order Refunded" not in {each.label for each in refused.letters()}


@pytest.mark.parametrize("way", ["replay", "drop"])
def test_an_unknown_letter_is_a_wrong_call_and_changes_nothing(refused: Operator, way: str) -> None:
    known = refused.letters()[0].id
    status, _, err = refused.call("dead", way, known, 999)
    assert (status, "999" in err) == (2, True)
    assert len(refused.letters()) == 3


def test_a_time_that_is_none_is_a_wrong_call(operator: Operator) -> None:
    assert operator.call("dead", "list", "--since", "yesterday")[0] == 2


# Replays.


def test_a_replay_says_what_it_covers_and_is_carried_out(operator: Operator) -> None:
    operator.accept(1, at=time.time() - 7200)
    operator.accept(2)
    operator.work()
    told = operator.asked("replay", "--destination", "jsonl", "--since", "1h")
    assert (told["events"], told["destination"]) == (1, "jsonl")
    assert told["warnings"] == [
        "a file knows the ids of its last 4,000 lines; others are written again"
    ]
    operator.out.unlink()
    operator.work()
    assert [each for each, _ in operator.delivered()] == [event_id(2)]


def test_a_dry_run_counts_and_begins_nothing(operator: Operator) -> None:
    operator.accept(1)
    operator.work()
    told = operator.asked("replay", "--destination", "jsonl", "--dry-run")
    assert (told["events"], told["replay"]) == (1, None)
    assert not operator.store.replays.all()


def test_a_replay_to_an_unknown_destination_names_the_known_ones(operator: Operator) -> None:
    status, _, err = operator.call("replay", "--destination", "jsnl")
    assert (status, "there are: jsonl" in err) == (2, True)


def test_a_replay_of_nothing_is_a_finding(operator: Operator) -> None:
    assert operator.call("replay", "--destination", "jsonl", "--events", "Nothing")[0] == 1
    assert not operator.store.replays.all()


def test_status_shows_how_far_a_replay_is_and_when_it_is_over(operator: Operator) -> None:
    operator.accept(1, 2)
    operator.work()
    number = operator.asked("replay", "--destination", "jsonl")["replay"]
    (shown,) = operator.asked("status")["replays"]
    assert (shown["id"], shown["events"], shown["progress"], shown["ended"]) == (
        number, 2, 0.0, None,
    )  # fmt: skip
    assert "2 events, 0% sent" in operator.call("status")[1]
    operator.work()
    assert "2 events, over" in operator.call("status")[1]


def test_a_replay_is_stopped(operator: Operator) -> None:
    operator.accept(1)
    operator.work()
    number = operator.asked("replay", "--destination", "jsonl")["replay"]
    assert operator.asked("replay", "--stop", number) == {"stopped": number}
    operator.work()
    assert len(operator.delivered()) == 1
    assert operator.call("replay", "--stop", 99)[0] == 2


def test_status_says_when_a_destination_is_tried_again_and_why(operator: Operator) -> None:
    operator.store.pause(operator.store.job("jsonl"), 4_000_000_000.0, "the disk is full")
    status, out, _ = operator.call("status")
    assert status == 1
    assert ", tries again at 2096-10-02T07:06:40.000Z: the disk is full" in out
    (shown,) = operator.asked("status")["destinations"]
    assert (shown["pause"], shown["pauseReason"]) == ("tries again", "the disk is full")


def test_status_says_that_a_destination_needs_somebody(operator: Operator) -> None:
    job, until = operator.store.job("jsonl"), 4_000_000_000.0
    operator.store.pause(job, until, "HTTP 401", wait=30.0, needs_you=True)
    status, out, _ = operator.call("status")
    assert status == 1
    assert ", needs you: HTTP 401 (asked again at 2096-10-02T07:06:40.000Z)" in out
    (shown,) = operator.asked("status")["destinations"]
    assert shown["pause"] == "needs you"
    operator.store.pause(job, None, "")
    (shown,) = operator.asked("status")["destinations"]
    assert shown["pause"] == ""


def test_status_says_what_a_destination_got_how_fast_and_what_it_last_said(
    operator: Operator,
) -> None:
    operator.accept(1, 2)
    operator.work()
    (shown,) = operator.asked("status")["destinations"]
    assert (shown["delivered"], shown["doubtful"], shown["pace"]) == (2, 0, None)
    assert shown["rate"] == pytest.approx(2, abs=0.5)
    assert shown["answer"]
    assert shown["answeredAt"] == pytest.approx(time.time(), abs=60)
    assert (
        f"2 delivered, 2 a minute, last answer {iso(shown['answeredAt'])}"
        in (operator.call("status")[1])
    )


def test_metrics_prints_the_numbers_of_status(operator: Operator) -> None:
    operator.accept(1)
    operator.work()
    status, out, _ = operator.call("metrics")
    assert status == 0
    assert 'track_middleware_destination_lag_events{destination="jsonl"} 0\n' in out
    assert "track_middleware_events_total 1\n" in out


def test_the_verbs_before_there_is_a_store_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"data_dir": str(tmp_path / "d"), "destinations": ["jsonl:///tmp/x"]}
    run: Callable[..., int] = lambda *argv: cli.run(list(argv), given=given)  # noqa: E731
    assert run("dead", "list") == run("dead", "replay") == run("dead", "drop") == 0
    assert run("dead", "drop", "4") == 2
    assert run("replay", "--destination", "jsonl") == run("replay", "--stop", "4") == 1
    assert run("metrics") == 0
    assert not (tmp_path / "d").exists()


def test_a_letter_is_in_the_queue_or_among_the_dead_whatever_happens_in_between(
    refused: Operator,
) -> None:
    letters = refused.letters()

    def killed_before_its_end() -> None:
        with refused.store.batch():
            live = refused.store.job("jsonl")
            assert refused.store.letters.requeue([each.id for each in letters], live)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed_before_its_end()
    assert refused.letters() == letters
    assert not refused.waiting()
