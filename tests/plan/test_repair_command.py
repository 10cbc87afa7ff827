"""``plan repair --dry-run`` over samples, the log and the plan's letters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import Site
from tests.delivery.test_mending import done
from track_middleware import cli
from track_middleware.delivery import plans
from track_middleware.event import Entry
from track_middleware.plan.repairs import Convert, Move, Rename, Repair, Split

REPAIRS = [
    Repair("Order Done", [Rename("Order Completed"), Move("total", "revenue")], ["ios"]),
    Repair("Order Completed", [Convert("revenue", "number"), Split("Coupon Used", ["coupon"])]),
]
NOTHING: list[Repair] = []
NAMED = f"{__name__}.REPAIRS"
PLAN = {
    "name": "shop",
    "mode": "quarantine",
    "unknown": "quarantine",
    "events": {
        "Order Completed": {"properties": {"revenue": {"type": "number", "required": True}}},
        "Coupon Used": {"properties": {"coupon": {"type": "string"}}},
    },
}


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    return {"data_dir": str(tmp_path / "data"), "plan": str(plan), "repairs": NAMED}


@pytest.fixture
def call(given: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> Any:
    def called(*argv: str, **more: Any) -> tuple[int, Any]:
        status = cli.run(["plan", "repair", *argv], given={**given, **more})
        out = capsys.readouterr().out
        return status, json.loads(out) if "--json" in argv and out else out

    return called


def sample(**more: Any) -> dict[str, Any]:
    return {
        "event": "Order Done", "userId": "42", "properties": {"total": "39.50", "coupon": "X"},
        "context": {"platform": "ios", "app": {"version": "3.1"}}, **more,
    }  # fmt: skip


def drained(given: dict[str, Any], *entries: Entry, **more: Any) -> None:
    site = Site(Path(given["data_dir"]), **more)
    site.drains(*entries)
    site.close()


def test_a_sample_is_shown_with_what_changes(call, tmp_path):
    samples = tmp_path / "ios.jsonl"
    samples.write_text(json.dumps(sample()) + "\n\n" + json.dumps(sample(event="Coupon Used")))
    status, said = call("--dry-run", "--samples", str(samples), "--json")
    assert status == 0
    assert (said["seen"], said["changed"], said["broken"]) == (2, 1, {"before": 1, "after": 0})
    assert said["repairs"] == [{"repair": 0, "events": 1}, {"repair": 1, "events": 1}]
    (change,) = said["changes"]
    first, second = change["after"]
    assert change["event"] == "Order Done"
    assert first["differences"] == [
        "Order Done -> Order Completed", '- total: "39.50"', '- coupon: "X"', "+ revenue: 39.5"
    ]  # fmt: skip
    assert (second["event"], second["violations"]) == ("Coupon Used", [])


def test_one_that_breaks_the_plan_even_so_is_a_finding(call, tmp_path):
    samples = tmp_path / "ios.json"
    samples.write_text(json.dumps([sample(properties={"total": "a lot"})]))
    status, said = call("--dry-run", "--samples", str(samples))
    assert status == 1
    assert "breaks the plan: properties.revenue" in said
    assert "break the plan: 1 before, 1 after" in said


def test_the_log_is_looked_at_as_it_was_accepted(call, given):
    drained(given, done(total="1"), done(total="2"), done(platform="web"))
    status, said = call("--dry-run", "--json", plan=None)
    assert status == 0
    assert (said["seen"], said["changed"], said["broken"]) == (3, 2, None)
    assert call("--dry-run", "--last", "1", "--json", plan=None)[1]["seen"] == 1
    assert call("--dry-run", "--events", "Cart*", "--json", plan=None)[1]["seen"] == 0


def test_what_the_plan_has_refused_is_tried_with_another_list(call, given):
    drained(given, done(total="1"), plan=plans.stage(given["plan"]))
    status, said = call("--dry-run", "--dead", "--json")
    assert (status, said["broken"]) == (0, {"before": 1, "after": 0})
    status, said = call("--dry-run", "--dead", "--json", "--repairs", f"{__name__}.NOTHING")
    assert (status, said["broken"]) == (1, {"before": 1, "after": 1})


def test_nothing_is_written(call, given):
    drained(given, done(total="1"))
    store = Path(given["data_dir"]) / "events.db"
    before = store.read_bytes()
    assert call("--dry-run")[0] == 0
    assert store.read_bytes() == before


@pytest.mark.parametrize(
    ("argv", "more"),
    [
        ((), {}),
        (("--dry-run",), {"repairs": None}),
        (("--dry-run", "--repairs", "no_such.REPAIRS"), {}),
        (("--dry-run", "--repairs", "json.dumps"), {}),
        (("--dry-run", "--samples", "no-such-file"), {}),
        (("--dry-run",), {}),
    ],
)
def test_a_wrong_call_says_so(call, argv, more):
    assert call(*argv, **more)[0] == 2
