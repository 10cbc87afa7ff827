"""Typed calls in Python: they compile, they are typed, and they send what they were given."""

from __future__ import annotations

import py_compile
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.plan.types.plans import INJECTIONS, SHOP, TYPEWRITER, nasty
from track_middleware.plan import load
from track_middleware.plan.model import Plan
from track_middleware.plan.types.names import functions
from track_middleware.plan.types.python import written
from track_middleware.testing import captured_events

ROOT = Path(__file__).resolve().parents[3]


def imported(plan: Plan, folder: Path, *, platform: str | None = None) -> ModuleType:
    file = folder / "calls.py"
    file.write_text(written(plan, platform=platform), encoding="utf-8")
    py_compile.compile(str(file), doraise=True)
    spec = spec_from_file_location("calls", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return imported(SHOP, tmp_path_factory.mktemp("shop"))


@pytest.fixture(autouse=True)
def _tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACK_DATA_DIR", str(tmp_path))


def sent(call: Callable[..., object], **given: Any) -> Any:
    with captured_events() as events:
        assert call(**given) == events[0].message_id
    (event,) = events
    return event


def test_a_call_sends_its_event_with_what_it_was_given(shop) -> None:
    event = sent(shop.order_completed, order_id="7", revenue=39.5, currency="EUR", user_id_="42")
    assert event.event == "Order Completed"
    assert event.properties == {"order_id": "7", "revenue": 39.5, "currency": "EUR"}
    assert event.user_id == "42"


def test_what_is_not_given_is_not_sent_and_null_is(shop) -> None:
    event = sent(
        shop.order_completed, order_id="7", revenue=1, currency="EUR", gift=None, coupon=None,
        lines=[{"sku": "a", "unit-price": None}], user_id="u",
        paid=datetime(2026, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    assert event.properties == {
        "order_id": "7", "revenue": 1, "currency": "EUR", "gift": None, "user_id": "u",
        "lines": [{"sku": "a", "unit-price": None}], "paid": "2026-01-02T00:00:00Z",
    }  # fmt: skip


def test_a_call_takes_what_track_takes_besides(shop) -> None:
    event = sent(
        shop.seen, event_id="e1", anonymous_id="v1", timestamp="2026-01-02T00:00:00Z",
        context={"app": {"name": "x"}},
    )  # fmt: skip
    assert (event.anonymous_id, event.timestamp) == ("v1", "2026-01-02T00:00:00.000Z")


def test_the_documentation_is_the_plans(shop) -> None:
    assert shop.order_completed.__doc__.startswith("Somebody paid.\n\n")
    assert "order_id: Its number\n" in shop.order_completed.__doc__
    assert "revenue: In EUR." in shop.order_completed.__doc__


def test_a_missing_or_unknown_property_is_a_type_error(shop) -> None:
    with pytest.raises(TypeError, match="revenue"):
        shop.order_completed(order_id="7", currency="EUR")
    with pytest.raises(TypeError, match="colour"):
        shop.seen(colour="red")


def test_a_platform_has_the_events_that_it_may_send(tmp_path) -> None:
    assert "def link_followed" not in written(SHOP)
    assert "def order_completed" in written(SHOP)
    web = written(SHOP, platform="web")
    assert "def link_followed" in web
    assert "def order_completed" not in web


def test_whatever_a_plan_holds_is_sent_and_nothing_of_it_is_run(tmp_path) -> None:
    plan = nasty()
    module = imported(plan, tmp_path)
    for name, function in functions(plan.events.values(), "python").items():
        if name in INJECTIONS:
            event = sent(getattr(module, function))
            assert event.event == name
    given = {
        name: "x" for name, kind in module.everything.__annotations__.items()
        if name != "return" and "None" not in kind
    }  # fmt: skip
    wanted = {each.name for each in plan.events["Everything"].properties if each.required}
    assert sent(module.everything, **given).properties.keys() == wanted


USES = """
from datetime import datetime
from decimal import Decimal
import calls
calls.order_completed(order_id="7", revenue=1, currency="EUR", gift=None, paid=datetime.now())
calls.order_completed(
    order_id="7", revenue=Decimal("1.5"), currency="USD",
    lines=[{"sku": "a"}, {"sku": "b", "unit-price": 1}],
)
calls.link_followed(count=1, size=None, grade=2, event_id="e1")
"""
WRONG = """import calls
calls.order_completed(order_id=7, revenue=1, currency="EUR")
calls.order_completed(order_id="7", revenue=1, currency="DM")
calls.order_completed(order_id="7", currency="EUR")
calls.order_completed(order_id="7", revenue=1, currency="EUR", lines=[{"unit-price": 1}])
calls.link_followed(count=1.5)
calls.link_followed(count=1, grade=3)
calls.nothing()
"""


def mypy(folder: Path, *names: str) -> tuple[list[list[str]], str]:
    """Where it finds errors, as file and line, and all that it says."""
    files = [str(folder / f"{name}.py") for name in names]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context",
         "--no-pretty", "--show-absolute-path", "--cache-dir", str(folder / "cache"), *files],
        cwd=ROOT, env={"MYPYPATH": f"{ROOT / 'src'}:{folder}", "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    errors = [line for line in ran.stdout.splitlines() if ": error:" in line]
    own = [line for line in errors if line.startswith(str(folder))]
    return [line.split(":", 2)[:2] for line in own], ran.stdout + ran.stderr


def test_types_are_strict_and_wrong_calls_are_found(tmp_path) -> None:
    """In one run of mypy: two plans' calls without a finding, each wrong use with its own."""
    (tmp_path / "calls.py").write_text(written(SHOP, platform=None))
    (tmp_path / "nasty.py").write_text(written(nasty(), platform=None), encoding="utf-8")
    (tmp_path / "uses.py").write_text(USES)
    (tmp_path / "wrong.py").write_text(WRONG)
    found, told = mypy(tmp_path, "calls", "nasty", "uses", "wrong")
    assert {Path(file).name for file, _ in found} == {"wrong.py"}, told
    assert sorted({int(line) for _, line in found}) == [2, 3, 4, 5, 6, 7, 8], told


@pytest.mark.needs("shared-data")
def test_a_real_plan_of_terrible_names_is_typed_and_sends_them(tmp_path) -> None:
    plan = load(TYPEWRITER)
    module = imported(plan, tmp_path)
    names = functions(plan.events.values(), "python")
    assert len(names) > 20
    for name, function in names.items():
        if not any(each.required for each in plan.events[name].properties):
            assert sent(getattr(module, function)).event == name
    assert mypy(tmp_path, "calls")[0] == []
