"""Reconciling: which rows have no event, and that mending doubles none."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from track_middleware import cli
from track_middleware.delivery.parts import days
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import DeadLetter, sqlite
from track_middleware.delivery.worker import Worker
from track_middleware.errors import SettingsError
from track_middleware.event import Entry, Event, iso, lenient_encoder
from track_middleware.history.comparison import Comparison, Fact, Span, Told, amount, units
from track_middleware.history.reconcile import YOUNG, Reconcile, mend, rule
from track_middleware.history.telling import Telling, named
from track_middleware.reading import load

HOUR, DAY = 3600.0, 86400.0
GRANTED = {"analytics": "granted", "marketing": "granted"}
DENIED = {"analytics": "denied", "marketing": "denied"}


class Shop:
    """An app's database with orders, its data folder, and the verb; the day's orders are two hours
    old. A worker runs when it is told to, and as a process of its own beside ``--fix``."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.noon = time.time() - 2 * HOUR
        self.out = folder / "out.jsonl"
        self.database = sqlite3.connect(folder / "shop.db", isolation_level=None)
        self.database.execute("CREATE TABLE orders (id, revenue, created_at, buyer)")
        self.rule = {
            "source": f"sqlite:///{folder / 'shop.db'}",
            "sql": "SELECT id AS order_id, revenue, created_at, 'EUR' AS currency FROM orders",
            "id": "order_id",
            "sum": "revenue",
            "time": "created_at",
        }
        self.given: dict[str, Any] = {
            "data_dir": str(folder / "data"),
            "destinations": [f"jsonl://{self.out}"],
            "min_free": "1",
            "secret_key": "a secret for the tests",
            "reconcile": {"Order Completed": self.rule},
        }
        self.spool = Spool(folder / "data", now=time.time, min_free="1")
        self._capsys = capsys
        self.work()

    def order(self, number: Any, revenue: Any = 10, *, at: float | None = None) -> None:
        when = self.noon if at is None else at
        self.database.execute(
            "INSERT INTO orders VALUES (?, ?, ?, 'ada')", (number, revenue, iso(when))
        )

    def event(
        self,
        number: Any,
        revenue: Any = 10,
        *,
        at: float | None = None,
        event_id: str | None = None,
        properties: dict[str, Any] | None = None,
        consent: dict[str, str] | None = GRANTED,
        name: str = "Order Completed",
    ) -> Entry:
        when = self.noon if at is None else at
        said = {"order_id": str(number), "revenue": revenue} if properties is None else properties
        event = Event(
            event_id or f"order-{number}", "track", iso(when), event=name, anonymous_id="v",
            user_id="u", properties=said, context={"platform": "server"},
        )  # fmt: skip
        return Entry("event", when, event, consent=consent)

    def tell(self, *entries: Entry) -> None:
        assert self.spool.append(entries)

    def sold(self, *numbers: Any, **given: Any) -> None:
        """Orders with their events, as usual."""
        for number in numbers:
            self.order(number, **given)
            self.tell(self.event(number, **given))

    def work(self) -> None:
        worker = Worker(load(self.given, {}), data_dir=Path(self.given["data_dir"]))
        assert worker.once()
        worker.close()

    def call(self, *argv: str) -> tuple[int, str, str]:
        status = cli.run(["reconcile", *argv], given=self.given)
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def asked(self, *argv: str) -> tuple[int, dict[str, Any]]:
        status, out, _ = self.call(*argv, "--json")
        return status, json.loads(out)[0]

    def delivered(self) -> list[tuple[str, float, str]]:
        """Of every order at the destination: its number, its revenue, when it happened."""
        lines = self.out.read_bytes().splitlines() if self.out.exists() else []
        events = [json.loads(line) for line in lines]
        return sorted(
            (str(e["properties"].get("order_id")), e["properties"].get("revenue"), e["timestamp"])
            for e in events
            if e["event"] == "Order Completed"
        )

    def truth(self) -> list[tuple[str, float, str]]:
        rows = self.database.execute("SELECT id, revenue, created_at FROM orders")
        return sorted((str(number), revenue, at) for number, revenue, at in rows)

    def close(self) -> None:
        self.spool.close()
        self.database.close()

    def mend(self) -> int:
        """As ``--fix`` does it, with a worker that runs whenever it is waited for; how many."""
        settings = load(self.given, {})
        of = rule("Order Completed", settings.reconcile["Order Completed"])
        now = time.time()
        store = sqlite.open(Path(self.given["data_dir"]) / "events.db")
        comparing = Reconcile(
            of, store, Path(self.given["data_dir"]),
            span=Span(now - 80 * DAY, now, now - YOUNG), day=days("UTC"),
            reader=of.reader("1", dict),
        )  # fmt: skip
        with closing(store), closing(comparing):
            count = comparing.compare().missing.count
            mend(
                of.event, comparing.entries(), store, Path(self.given["data_dir"]),
                destinations=["jsonl"], min_free="1", count=lambda reason, n: None,
                waited=lambda seconds: self.work(),
            )  # fmt: skip
        self.work()
        return count


def _interrupted() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    shop = Shop(tmp_path, capsys)
    yield shop
    shop.close()


def test_equal_numbers_are_told_day_by_day(shop):
    shop.sold(1, 2)
    shop.sold(3, at=shop.noon - DAY, revenue=2.5)
    shop.work()
    status, said = shop.asked()
    assert status == 0
    assert said["equal"]
    assert [(d["rows"], d["events"], d["rowsSum"], d["eventsSum"]) for d in said["days"]] == [
        (1, 1, 2.5, 2.5), (2, 2, 20.0, 20.0),
    ]  # fmt: skip
    status, out, _ = shop.call()
    assert (status, out.splitlines()[-1]) == (0, "equal")


def test_a_row_without_an_event_an_event_without_a_row_and_another_sum_are_named(shop):
    shop.sold(1)
    shop.order(2, 7.25)
    shop.tell(shop.event(3, 100))
    shop.order(4, 10)
    shop.tell(shop.event(4, 9.99))
    shop.work()
    status, said = shop.asked()
    assert (status, said["equal"]) == (1, False)
    assert said["missing"] == {"count": 1, "ids": ["2"]}
    assert said["extra"] == {"count": 1, "ids": ["3"]}
    assert said["different"] == {"count": 1, "ids": [{"id": "4", "row": 10.0, "event": 9.99}]}
    (day,) = said["days"]
    assert (day["difference"], day["sumDifference"]) == (0, 92.74)
    _, out, _ = shop.call("--plot")
    assert "missing      1 rows without an event: 2" in out
    assert "4 (10.00 is 9.99 by the event)" in out
    assert "#" * 24 in out


def test_the_missing_ones_are_mended_with_their_time_and_columns_and_nothing_else_is(shop):
    shop.sold(*range(1, 6))
    for number in (6, 7):
        shop.order(number, 30 + number, at=shop.noon - 3 * DAY)
    shop.work()
    before = shop.delivered()
    assert shop.mend() == 2
    assert shop.delivered() == shop.truth()
    assert len(before) == 5
    assert shop.asked()[0] == 0
    assert shop.mend() == 0
    assert shop.delivered() == shop.truth()


def test_an_order_is_known_by_whatever_names_it(shop):
    given = {
        1: {"event_id": "a-live-one"},
        2: {"properties": {"revenue": 10}, "event_id": "2"},
        3: {"properties": {"revenue": 10}, "event_id": "Order Completed:3"},
        4: {"properties": {"order_id": 4, "revenue": 10}},
        5: {"properties": {"order_id": 5.0, "revenue": 10.0}},
        6: {"properties": {"order_id": " 6 ", "revenue": 10}},
    }
    for number, said in given.items():
        shop.order(number)
        shop.tell(shop.event(number, **said))
    shop.work()
    assert shop.asked()[0] == 0


@pytest.mark.parametrize("place", ["spool", "waiting"])
def test_an_event_that_is_on_its_way_is_not_missing(shop, place):
    shop.order(1)
    entry = shop.event(1)
    if place == "spool":
        shop.tell(entry)
    else:
        store = sqlite.open(Path(shop.given["data_dir"]) / "events.db")
        with closing(store), store.batch():
            store.intake.wait("a page", time.time() + 60, lenient_encoder.encode(entry))
    status, said = shop.asked()
    assert (status, said["equal"], said["waiting"]) == (0, True, 1)
    assert shop.mend() == 0


def test_an_event_in_the_apps_own_database_is_on_its_way_too(shop):
    frame = lenient_encoder.encode(shop.event(1))
    telling = Telling("Order Completed", "order_id", "revenue")
    store = sqlite.open(Path(shop.given["data_dir"]) / "events.db")
    with closing(store):
        found = telling.waiting(store, Path(shop.given["data_dir"]), outbox=[frame, b"{}", b"x"])
        assert [(each.id, each.amount, each.place) for each in found] == [("1", 100_000, "outbox")]


def test_an_event_that_was_seen_on_its_way_and_stored_meanwhile_is_one(shop):
    both = Comparison(Span(0, 2e9, 2e9), days("UTC"))
    with closing(both):
        both.facts([Fact("1", 1e9, 10, b"{}")])
        both.events([Told("m", "own", "1", 1e9, 10, place) for place in ("outbox", "spool", "log")])
        both.match()
        assert (list(both.twice()), both.waiting()) == ([], 0)
        assert [each.is_equal for each in both.days()] == [True]


def test_a_mend_that_was_interrupted_goes_on_and_doubles_none(shop):
    for number in range(1, 8):
        shop.order(number)
    work, shop.work = shop.work, _interrupted
    with pytest.raises(KeyboardInterrupt):
        shop.mend()
    shop.work = work
    assert shop.asked()[1]["waiting"] == 7
    assert shop.asked("--fix")[0] == 0
    assert shop.delivered() == shop.truth()
    store = sqlite.open(Path(shop.given["data_dir"]) / "events.db")
    with closing(store):
        assert [each.ended is not None for each in store.replays.all()] == [True]


def test_an_event_that_the_plan_has_refused_is_not_mended_a_second_time(shop):
    shop.order(1)
    letter = DeadLetter(
        0, "plan", "", "", "Order Completed", time.time(), "revenue is a text",
        lenient_encoder.encode(shop.event(1)),
    )  # fmt: skip
    store = sqlite.open(Path(shop.given["data_dir"]) / "events.db")
    with closing(store):
        store.bury([letter], most=10)
    status, said = shop.asked()
    assert (status, said["refused"], said["missing"]["count"]) == (1, {"count": 1, "ids": ["1"]}, 0)


def test_an_order_of_this_minute_is_left_alone(shop):
    shop.order(1, at=time.time() - 5)
    status, said = shop.asked()
    assert (status, said["young"]["count"], said["missing"]["count"]) == (1, 1, 0)


def test_an_order_whose_event_was_stored_and_is_gone_is_not_told_again(shop):
    shop.sold(1)
    entry = shop.event(2, event_id="2")
    entry.event.context["store"] = False
    shop.order(2)
    shop.tell(entry)
    shop.work()
    status, said = shop.asked()
    assert (status, said["gone"], said["missing"]["count"]) == (1, {"count": 1, "ids": ["2"]}, 0)


def test_events_that_name_no_order_keep_it_from_mending(shop):
    shop.order(1)
    shop.tell(shop.event(1, properties={"revenue": 10}))
    shop.work()
    status, out, _ = shop.call("--fix")
    assert status == 1
    assert "nothing is mended" in out
    assert len(shop.delivered()) == 1


def test_two_events_of_one_order_are_told(shop):
    shop.sold(1)
    shop.tell(shop.event(1, event_id="once more"))
    shop.work()
    status, said = shop.asked()
    assert (status, said["twice"], said["extra"]["count"]) == (1, {"count": 1, "ids": ["1"]}, 0)


def test_a_matched_event_counts_on_its_rows_day(shop):
    midnight = shop.noon // DAY * DAY
    shop.order(1, at=midnight - 0.2)
    shop.tell(shop.event(1, at=midnight + 0.3))
    shop.work()
    status, said = shop.asked("--since", "3d")
    assert (status, len(said["days"])) == (0, 1)


def test_days_are_those_of_the_time_zone(shop):
    shop.given["time_zone"] = "Pacific/Kiritimati"
    shop.sold(1, at=shop.noon // DAY * DAY - 11 * HOUR)
    shop.work()
    (day,) = shop.asked()[1]["days"]
    assert day["day"] == iso(shop.noon)[:10]


def test_who_refused_is_not_told_of_by_name_but_as_nobody_where_no_column_names_the_user(shop):
    shop.order(1)
    shop.tell(shop.event(0, name="Consent Changed", consent=DENIED))
    shop.work()
    shop.mend()
    assert shop.asked()[0] == 0
    (line,) = [json.loads(e) for e in shop.out.read_bytes().splitlines() if b"Order C" in e]
    assert line.get("userId") is None


def test_what_consent_forbids_stays_missing_and_is_said(shop):
    shop.given["consent"] = "opt_in"
    shop.order(1)
    status, out, _ = shop.call("--fix")
    assert status == 1
    assert "1 could not be mended: consent" in out
    assert shop.delivered() == []


def test_fix_brings_its_own_worker_and_ends_equal(shop):
    shop.sold(1)
    shop.order(2, 12.5)
    shop.work()
    status, said = shop.asked("--fix")
    assert (status, said["mended"], said["equal"]) == (0, 1, True)
    assert shop.delivered() == shop.truth()
    status, said = shop.asked("--fix")
    assert (status, said["mended"]) == (0, 0)
    assert shop.delivered() == shop.truth()


def test_beyond_what_the_store_keeps_nothing_is_compared_and_that_is_said(shop):
    shop.given["keep_days"] = 30
    shop.order(1, at=shop.noon - 40 * DAY)
    status, said = shop.asked("--since", "60d")
    assert (status, said["days"]) == (0, [])
    assert "the store keeps events for 30 days" in said["notes"][0]


def test_a_row_that_cannot_be_read_is_told(shop):
    shop.sold(1)
    shop.database.execute("INSERT INTO orders VALUES (2, 1, 'soon', 'ada')")
    shop.work()
    status, said = shop.asked()
    assert (status, said["unreadable"]) == (1, 1)
    assert "soon" in said["notes"][0]


def test_an_id_that_comes_twice_is_a_wrong_query(shop):
    shop.order(1)
    shop.order(1)
    status, _, said = shop.call()
    assert status == 2
    assert "the truth gives 1 more than once" in said


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"sql": "SELECT * FROM order"}, "syntax error"),
        ({"source": "sqlite:///nowhere.db"}, "nowhere.db"),
        ({"sum": "total"}, "there is no column 'total'"),
        ({"time_zone": "Mars"}, "no time zone 'Mars'"),
    ],
)
def test_a_truth_that_cannot_be_read_is_a_wrong_call(shop, change, problem):
    shop.rule.update(change)
    status, _, said = shop.call()
    assert status == 2
    assert problem in said


def test_a_wrong_event_and_no_rule_are_wrong_calls(shop):
    assert shop.call("Signup")[0] == 2
    shop.given["unstored"] = ["Order*"]
    assert "not kept" in shop.call()[2]
    shop.given["reconcile"] = {}
    assert shop.call()[0] == 2


@pytest.mark.parametrize(
    "rule",
    [
        {"source": "a.csv", "id": "i"},
        {"source": "a.csv", "id": "i", "time": "t", "summ": "s"},
        {"source": "a.csv", "id": 1, "time": "t"},
        "a.csv",
    ],
)
def test_a_rule_is_checked_at_the_start(rule):
    with pytest.raises(SettingsError, match="Order"):
        load({"reconcile": {"Order": rule}}, {})


def test_without_a_sum_only_the_number_is_compared(shop):
    del shop.rule["sum"]
    shop.order(1, "gratis")
    shop.tell(shop.event(1, 5))
    shop.work()
    status, said = shop.asked()
    assert status == 0
    assert "rowsSum" not in said["days"][0]


def test_names_of_a_row_are_one_however_they_are_written():
    several = [17, 17.0, "17", " 17 "]
    assert {named(each) for each in several} == {"17"}
    one = UUID("0f3a1f6c-17ab-4c22-9b0e-5d6a9f1f2b3c")
    assert {named(one), named(str(one).upper()), named(one.hex)} == {one.hex}
    assert [named(each) for each in (None, True, [], {}, "")] == [None] * 5


def test_amounts_are_compared_to_four_places():
    assert units(0.1 + 0.2) == units("0.3") == 3000
    assert [units(each) for each in (None, True, "much", float("nan"), 1e40)] == [None] * 5
    assert [str(amount(each)) for each in (units(3), units("1.2345"), 0)] == [
        "3.00", "1.2345", "0.00",
    ]  # fmt: skip
