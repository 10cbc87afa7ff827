"""Typed calls in Swift and Kotlin: syntax that the grammars know, and the events that they name.

They are not compiled here: there is no compiler of either to test with.
"""

from __future__ import annotations

import pytest

from tests.plan.types.plans import SHOP, TYPEWRITER, nasty
from track_middleware.plan import load
from track_middleware.plan.code import apps, grammars
from track_middleware.plan.model import Plan
from track_middleware.plan.types import kotlin, swift
from track_middleware.plan.types.names import functions

WRITERS = {"swift": swift.written, "kotlin": kotlin.written}


@pytest.mark.parametrize("language", WRITERS)
@pytest.mark.parametrize("plan", [SHOP, nasty()], ids=["shop", "nasty"])
def test_the_grammar_understands_every_line(language: str, plan: Plan) -> None:
    source = WRITERS[language](plan, platform=None)
    assert grammars.trouble(grammars.root(language, source)) == []


@pytest.mark.parametrize("language", WRITERS)
@pytest.mark.parametrize("plan", [SHOP, nasty()], ids=["shop", "nasty"])
def test_there_is_one_function_per_event_and_nothing_else_at_its_storey(language, plan) -> None:
    source = WRITERS[language](plan, platform=None)
    wanted = list(functions(plan.events.values(), language).values())
    found = []
    for node in grammars.walk(grammars.root(language, source)):
        if node.type == "function_declaration":
            named = node.child_by_field_name("name")
            assert named is not None
            found.append(grammars.text(named).strip("`"))
    if language == "kotlin":
        found = [name for name in found if name != "toJson"]  # of its classes
    assert found == wanted


@pytest.mark.needs("shared-data")
@pytest.mark.parametrize("language", WRITERS)
def test_a_real_plan_of_terrible_names_is_understood(language) -> None:
    source = WRITERS[language](load(TYPEWRITER), platform=None)
    assert grammars.trouble(grammars.root(language, source)) == []


@pytest.mark.parametrize("language", WRITERS)
def test_a_platform_has_the_events_that_it_may_send(language) -> None:
    source = WRITERS[language](SHOP)
    assert "linkFollowed(count:" in source
    assert "orderCompleted(" not in source


def test_swift_of_the_shop() -> None:
    source = swift.written(SHOP, platform=None)
    assert (
        "    func orderCompleted(orderId: String, revenue: Double, "
        "currency: OrderCompletedCurrencyValue, coupon: String? = nil, gift: String? = nil, "
        "paid: String? = nil, lines: [OrderCompletedLines]? = nil, userId: String? = nil) {\n"
    ) in source
    assert '            "currency": currency.rawValue,\n' in source
    assert '            sent["lines"] = lines.map { $0.sent }\n' in source
    assert '        track(name: "Order Completed", properties: sent)\n' in source
    assert "    /// Somebody paid.\n" in source


def test_kotlin_of_the_shop() -> None:
    source = kotlin.written(SHOP, platform=None)
    assert (
        "fun Analytics.orderCompleted(orderId: String, revenue: Number, "
        "currency: OrderCompletedCurrencyValue, coupon: String? = null, gift: String? = null, "
        "paid: String? = null, lines: List<OrderCompletedLines>? = null, "
        "userId: String? = null) {\n"
    ) in source
    assert '        put("currency", JsonPrimitive(currency.sent))\n' in source
    assert '        lines?.let { put("lines", JsonArray(it.map { it.toJson() })) }\n' in source
    assert '    track("Order Completed", buildJsonObject {\n' in source


@pytest.mark.parametrize("language", WRITERS)
def test_plan_check_knows_what_is_written_here(language) -> None:
    source = apps.read(WRITERS[language](SHOP, platform=None), language=language)
    assert source.typed
    assert not source.calls
