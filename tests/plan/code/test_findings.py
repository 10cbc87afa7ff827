"""What is told where code and plan do not agree."""

from __future__ import annotations

from typing import Any

import pytest

from track_middleware.plan import document
from track_middleware.plan.code.findings import File, Finding, findings
from track_middleware.plan.code.languages import language

PLAN = document.read(
    {
        "events": {
            "Order Completed": {
                "server_only": True,
                "properties": {
                    "order_id": {"type": "string", "required": True, "pattern": "^[0-9]+$"},
                    "revenue": {"type": "number"},
                    "currency": {"type": "string", "enum": ["EUR", "USD"]},
                    "lines": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"sku": {"type": "string", "required": True}},
                        },
                    },
                },
            },
            "Link Followed": {"platforms": ["web"], "properties": {"count": {"type": "integer"}}},
            "Seen": {},
            "Closed": {"schema": {"type": "object", "properties": {"a": {}},
                                  "additionalProperties": False}},
            "Open": {"schema": {"type": "object", "additionalProperties": True}},
            "Either": {"schema": {"type": "object", "properties": {"a": {}, "b": {}},
                                  "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}},
            "Identify": {"kind": "identify", "properties": {"plan": {"type": "string"}}},
        }
    },
    name="shop",
)  # fmt: skip
US = "from track_middleware import track, identify\n"


def file(name: str, text: str, platform: str | None = None) -> File:
    kind = language(name)
    assert kind is not None
    return File(name, kind, kind.read(text, "track"), platform)


def told(text: str, name: str = "a.py", **how: Any) -> list[Finding]:
    text = US + text if name.endswith(".py") else text
    return findings(PLAN, [file(name, text, **how)], whole=False)


def codes(text: str, name: str = "a.py", **how: Any) -> list[str]:
    return [each.code for each in told(text, name, **how)]


def only(text: str, name: str = "a.py") -> Finding:
    (found,) = told(text, name)
    return found


def test_an_unknown_event_is_told_with_the_nearest_name() -> None:
    found = only("track('Order Complete')")
    assert (found.level, found.code, found.path, found.line) == (
        "error",
        "unknown-event",
        "a.py",
        2,
    )
    assert "did you mean 'Order Completed'?" in found.message


def test_our_own_events_need_not_be_planned() -> None:
    assert not told("track('Link Clicked')\nidentify('42', {'plan': 'pro'})")


@pytest.mark.parametrize(
    "properties",
    [
        "{'order_id': '7'}",
        "{'order_id': number, 'revenue': 3, 'currency': 'EUR'}",
        "{'order_id': f'{number}', 'lines': [{'sku': sku}, {**line}]}",
        "{**order}",
        "order",
        "{'order_id': '7', 'lines': [line.sent() for line in lines]}",
        "{'order_id': str(7), 'revenue': len(lines)}",
    ],
)
def test_what_is_right_or_cannot_be_read_is_not_told(properties) -> None:
    assert not told(f"track('Order Completed', {properties})")


@pytest.mark.parametrize(
    ("properties", "code", "message"),
    [
        ("{}", "missing-property", "wants the property 'order_id'"),
        ("None", "missing-property", "wants the property 'order_id'"),
        ("{'order_id': 7}", "wrong-property", "order_id: 7 is not of type"),
        ("{'order_id': 'x7'}", "wrong-property", "does not match"),
        ("{'order_id': '7', 'revenue': '3'}", "wrong-property", "revenue"),
        ("{'order_id': '7', 'revenue': f'{x}'}", "wrong-property", "of type string, not number"),
        ("{'order_id': '7', 'revenue': {'a': x}}", "wrong-property", "of type object"),
        ("{'order_id': '7', 'currency': 'DM'}", "wrong-property", "currency"),
        ("{'order_id': '7', 'lines': [{}]}", "wrong-property", 'lines[0]: "sku" is a required'),
        ("{'order_id': '7', 'lines': [x, {}]}", "wrong-property", "lines[1].sku: it is required"),
        ("{'order_id': '7', 'revenu': 3}", "unknown-property", "did you mean 'revenue'?"),
        ("{'revenue': '3', **more}", "wrong-property", "revenue"),
    ],
)
def test_what_is_wrong_with_properties_is_told(properties, code, message) -> None:
    found = only(f"track('Order Completed', {properties})")
    assert found.code == code
    assert message in found.message


def test_whether_others_may_be_there_says_the_plan() -> None:
    assert only("track('Seen', {'a': 1})").level == "warning"
    assert only("track('Closed', {'b': 1})").level == "error"
    assert not told("track('Open', {'a': 1})")


def test_what_an_imported_schema_says_of_the_whole_holds_for_whole_literals() -> None:
    assert codes("track('Either', {})") == ["wrong-property"]
    assert not told("track('Either', {'a': x})")
    assert not told("track('Either', {'b': 1})")


def test_traits_are_checked_like_properties() -> None:
    assert "plan: 7 is not of type" in only("identify('42', {'plan': 7})").message


def test_a_key_metric_is_not_a_browsers_or_an_apps_to_send() -> None:
    script = 'track("Order Completed", {order_id: "7"})'
    assert codes(script, "a.js") == ["server-only"]
    assert codes(f"<script>{script}</script>", "a.html") == ["server-only"]
    assert codes('fun f() { analytics.track("Order Completed", x) }', "a.kt") == ["server-only"]
    assert not told(script, "a.js", platform="server")
    library = 'import Analytics from "@segment/analytics-node"; analytics.track({event: '
    assert not told(library + '"Order Completed", properties: {order_id: "7"}})', "a.js")


def test_an_event_is_sent_by_the_platforms_that_it_is_planned_for() -> None:
    assert codes("track('Link Followed')") == ["other-platform"]
    assert not told("track('Link Followed')", "a.py", platform="web")


def test_what_an_element_says_is_text() -> None:
    found = only('<a data-track="Link Followed" data-track-count="3">', "a.html")
    assert "what data-track-* says is always text" in found.message


def test_a_name_that_cannot_be_read_is_a_notice() -> None:
    found = only("track(name)")
    assert (found.level, found.code) == ("notice", "unread-name")
    assert found.message.endswith(": name")


def unsent(*files: File) -> dict[str, str]:
    found = findings(PLAN, files, whole=True)
    return {each.event or "": each.message for each in found if each.code == "unsent"}


ALL = US + "\n".join(
    f"track('{name}')" for name in ("Order Completed", "Seen", "Closed", "Open", "Either")
)


def test_an_event_that_no_code_sends_any_more_is_told() -> None:
    link = file("a.html", '<a data-track="Link Followed">')
    assert not unsent(file("a.py", ALL), link)
    assert unsent(file("a.py", ALL.replace("'Seen'", "'Closed'")), link) == {
        "Seen": "'Seen': no code sends it"
    }


def test_a_platform_is_judged_by_its_own_files_where_there_are_any() -> None:
    assert not unsent(file("a.py", ALL))  # no file is of the web's
    elsewhere = file("b.py", US + "track('Link Followed')")
    assert unsent(file("a.py", ALL), elsewhere, file("a.html", "<p>")) == {
        "Link Followed": "'Link Followed': no code of platform web sends it"
    }
    assert not unsent(file("a.py", ALL), file("b.py", US + "track('Link Followed')", "web"))


def test_what_may_be_sent_under_a_name_that_cannot_be_read_is_a_notice() -> None:
    found = findings(PLAN, [file("a.py", US + "track(name)")], whole=True)
    assert {each.level for each in found} == {"notice"}
    assert "one of 1 whose names cannot be read" in found[-1].message


def test_typed_calls_send_the_event_that_they_are_made_for() -> None:
    typed = file("calls.py", '# Made by "track-middleware plan types"\n' + ALL)
    left = dict.fromkeys(unsent(typed, file("a.py", "import calls\ncalls.seen(x=1)")))
    assert "Seen" not in left
    assert {"Closed", "Open", "Either", "Order Completed"} == set(left)
