"""What is read of Swift and Kotlin: the stock SDKs' calls."""

from __future__ import annotations

import pytest

from track_middleware.plan.code.apps import read
from track_middleware.plan.code.call import Members, Unread


def kotlin(text: str) -> Members:
    (call,) = read(f"fun f() {{ {text} }}", language="kotlin").calls
    assert call.name == "Seen"
    return call.properties


def swift(text: str) -> Members:
    (call,) = read(f"func f() {{ {text} }}", language="swift").calls
    assert call.name == "Seen"
    return call.properties


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ('analytics.track("Seen")', Members()),
        ('analytics?.track("Seen", mapOf("a" to -1, "b" to 1.5))', Members({"a": -1, "b": 1.5})),
        ('analytics.track(name = "Seen", properties = mapOf("a" to x))', Members({"a": Unread()})),
        ('analytics.track("Seen", buildJsonObject { put("a", true) })', Members({"a": True})),
        (
            'analytics.track("Seen", buildJsonObject {\n put("a", "x$y")\n put("b", null)\n })',
            Members({"a": Unread("string"), "b": None}),
        ),
        (
            'analytics.track("Seen", buildJsonObject { put("a", 1); if (x) put("b", 2) })',
            Members({"a": 1}, complete=False),
        ),
        ('analytics.track("Seen", Properties(1))', Members(complete=False)),
    ],
)
def test_kotlin(text, properties) -> None:
    assert kotlin(text) == properties


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ('analytics.track(name: "Seen")', Members()),
        (
            'analytics?.track(name: "Seen", properties: ["a": -1, "b": 1.5, "c": [1]])',
            Members({"a": -1, "b": 1.5, "c": [1]}),
        ),
        (
            'Analytics.shared().track("Seen", properties: ["a": "\\(x)", "b": nil, "c": true])',
            Members({"a": Unread("string"), "b": None, "c": True}),
        ),
        ('analytics.track(name: "Seen", properties: Props(a: 1))', Members(complete=False)),
    ],
)
def test_swift(text, properties) -> None:
    assert swift(text) == properties


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ('fun f() { player.track("Seen") }', "kotlin"),
        ('// analytics.track("Seen")', "kotlin"),
        ('func f() { player.track(name: "Seen") }', "swift"),
        ('/* analytics.track(name: "Seen") */', "swift"),
    ],
)
def test_comments_and_others_functions_are_left_alone(text, language) -> None:
    assert not read(text, language=language).calls


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ('fun f() { analytics.track("Seen $x") }', "kotlin"),
        ("fun f() { analytics.track(name) }", "kotlin"),
        ('func f() { analytics.track(name: "Seen \\(x)") }', "swift"),
        ("func f() { analytics.track(name: Names.seen) }", "swift"),
    ],
)
def test_a_name_that_only_the_app_knows_cannot_be_read(text, language) -> None:
    (call,) = read(text, language=language).calls
    assert call.name is None
