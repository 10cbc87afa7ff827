"""What is read of HTML and templates."""

from __future__ import annotations

import pytest

from track_middleware.plan.code.call import Members, Unread
from track_middleware.plan.code.markup import read


def names(text: str) -> list[str | None]:
    return [call.name for call in read(text).calls]


def test_a_marked_element_is_a_call_with_the_properties_that_the_script_reads() -> None:
    (call,) = read('<p>\n <a data-track="Seen" data-track-order-id="7" data-track-x>').calls
    assert (call.name, call.line, call.column) == ("Seen", 2, 2)
    assert call.properties == Members({"order_id": "7", "x": ""})


@pytest.mark.parametrize(
    "text",
    [
        '<!-- <a data-track="Seen"> -->',
        '{# <a data-track="Seen"> #}',
        '{% comment %}\n<a data-track="Seen">{% endcomment %}',
        '{% comment "why" %}<a data-track="Seen">{% endcomment %}',
        '<script type="application/json">track("Seen")</script>',
        '<script type="text/template">track("Seen")</script>',
        '<textarea>track("Seen")</textarea>track("Seen")',
        '<script>// track("Seen")\n</script>',
        '<a data-tracking="Seen" title=\'data-track="Seen"\'>',
    ],
)
def test_comments_and_other_texts_are_left_alone(text) -> None:
    assert names(text) == []


@pytest.mark.parametrize(
    "name",
    ["{{ name }}", "{name}", "Seen {{ what }}", "{% if a %}A{% else %}B{% endif %}", "{% name %}"],
)
def test_a_name_that_the_template_fills_in_cannot_be_read(name) -> None:
    (call,) = read(f'<a data-track="{name}" data-track-id="{{{{ id }}}}">').calls
    assert call.name is None
    assert call.properties.known == {"id": Unread("string")}


@pytest.mark.parametrize("key", [":data-track", "v-bind:data-track", "[attr.data-track]"])
def test_a_name_that_a_framework_binds_cannot_be_read(key) -> None:
    (call,) = read(f'<a {key}="name" :data-track-order-id="id">').calls
    assert call.name is None
    assert call.properties == Members({"order_id": Unread("string")})


def test_attributes_that_a_template_adds_make_them_incomplete() -> None:
    for text in (
        "{{ attributes }}",
        "{% include 'attributes' %}",
        "{% if a %}title='{{ a }}'{% endif %}",
    ):
        (call,) = read(f'<a data-track="Seen" {text} data-track-a="1">').calls
        assert call.name == "Seen"
        assert call.properties == Members({"a": "1"}, complete=False)
    (call,) = read('<a href="{{ here }}" data-track="Seen">').calls
    assert call.properties.complete


@pytest.mark.parametrize(
    "text",
    [
        '<script>track("Seen")</script>',
        '<script type="module">track("Seen")</script>',
        '<script lang="ts">track("Seen" as Name)</script>',
        "<a onclick=\"track('Seen')\">",
        "<a @click=\"track('Seen')\">",
        "<a v-on:click.prevent=\"track('Seen')\">",
        "<a x-on:click=\"track('Seen')\">",
        '<a onclick="track(&quot;Seen&quot;)">',
        '{% block a %}<script>{% if b %} track("Seen") {% endif %}</script>',
    ],
)
def test_scripts_and_listeners_are_read(text) -> None:
    assert names(text) == ["Seen"]


def test_a_scripts_call_has_the_line_of_its_file() -> None:
    (call,) = read('<p>\n<script>\n  track("Seen")\n</script>').calls
    assert call.line == 3


def test_each_of_many_listeners_has_its_own_line() -> None:
    found = read("<a onclick=\"track('Seen')\">\n" * 500).calls
    assert [call.line for call in found] == list(range(1, 501))


def test_trouble_in_a_script_has_the_line_of_its_file() -> None:
    assert read("<p>\n<script>\ntrack(;\n</script>").trouble[0][0] == 3


def test_what_a_template_fills_into_a_script_cannot_be_read() -> None:
    first, second = read(
        '<script>track("A", {a: {{ n }}, b: "{{ x }}", c: [1, "{{ y }}"]});'
        'track("B {{ z }}")</script>'
    ).calls
    assert first.properties == Members(
        {"a": Unread(), "b": Unread("string"), "c": [1, Unread("string")]}
    )
    assert second.name is None


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 100_000,
        "<a " * 100_000,
        "<a b='" * 100_001,
        "<!--" * 100_000,
        "<script>" * 9_000,
        "{% comment %}" * 50_000,
        "<" * 100_000,
        "<![if",
        "{#",
        "{%",
    ],
)
def test_hostile_files_end_soon_and_break_nothing(text) -> None:
    assert names(f'<a data-track="Seen"></a>{text}') == ["Seen"]
