"""What is read of Python: whose verbs they are, which names and properties they are given."""

from __future__ import annotations

import pytest

from track_middleware.plan.code.call import Members, Unread
from track_middleware.plan.code.python import read

US = "from track_middleware import track\n"


def names(text: str) -> list[str | None]:
    return [call.name for call in read(text).calls]


def given(text: str) -> Members:
    (call,) = read(US + text).calls
    return call.properties


@pytest.mark.parametrize(
    "text",
    [
        "from track_middleware import track\ntrack('Seen')",
        "from track_middleware import track as note\nnote('Seen')",
        "import track_middleware\ntrack_middleware.track('Seen')",
        "import track_middleware as tm\ntm.track('Seen')",
        "from track_middleware import track\nnote = track\nnote('Seen')",
        "from track_middleware import track\npartial(track, 'Seen')",
        "from track_middleware import track\non_commit(lambda: track('Seen'))",
        "from track_middleware import track\ntrack(name='Seen')",
        "def view(request): request.track.track('Seen')",
        "def view(self): self.request.track.track('Seen')",
        "def view(request): request.track('Seen')",
        "def view(request): request.state.track.track('Seen')",
        "def view(): g.track.track('Seen')",
        "def view(request):\n exchange = request.track\n exchange.track('Seen')",
        "import segment.analytics as analytics\nanalytics.track('42', 'Seen')",
        "from segment import analytics\nanalytics.track(user_id='42', event='Seen')",
        "import rudderstack.analytics as rudder\nrudder.track('42', 'Seen')",
    ],
)
def test_a_verb_is_known_by_where_it_comes_from(text) -> None:
    assert names(text) == ["Seen"]


@pytest.mark.parametrize(
    "text",
    [
        "track('Seen')",
        "from .tracking import track\ntrack('Seen')",
        "from others import track\ntrack('Seen')",
        "from track_middleware import track\ndef f(track): track('Seen')",
        "from track_middleware import track\nf = lambda track: track('Seen')",
        "# track('Seen')\nfrom track_middleware import track",
        "from track_middleware import track\n'''track('Seen')'''",
        "player.track('Seen')",
        "radio.state.track.title('Seen')",
    ],
)
def test_what_is_not_ours_is_left_alone(text) -> None:
    assert names(text) == []


def test_names_are_literals_and_the_modules_own_constants() -> None:
    assert names(US + "NAME = 'Seen'\ntrack(NAME)\ntrack('Se' + 'en')") == ["Seen", "Seen"]
    assert names(US + "track('Seen' if old else 'Found')") == ["Seen", "Found"]


@pytest.mark.parametrize(
    "name", ["f'Seen {x}'", "name", "NAMES[0]", "TWICE", "'Seen %s' % x", "self.name"]
)
def test_a_name_that_only_the_program_knows_is_told_as_it_stands(name) -> None:
    (call,) = read(f"{US}TWICE = 'a'\nTWICE = 'b'\ntrack({name})").calls
    assert (call.name, call.said) == (None, name)


def test_arguments_that_are_spread_cannot_be_read() -> None:
    (call,) = read(US + "track(*found)").calls
    assert call.name is None
    assert not call.properties.complete


def test_properties_are_read_as_far_as_they_are_written_out() -> None:
    text = "track('A', {'a': -1, 'b': [1, None, True], 'c': {'d': 'x'}, 'e': f'{y}', 'f': z})"
    assert given(text) == Members(
        {"a": -1, "b": [1, None, True], "c": Members({"d": "x"}), "e": Unread("string"),
         "f": Unread()}
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "track('A', properties={'a': 1})",
        "track('A', dict(a=1))",
        "GIVEN = {'a': 1}\ntrack('A', GIVEN)",
        "track('A', {**{'a': 1}})",
        "track('A', {} | {'a': 1})",
    ],
)
def test_properties_may_be_said_in_many_ways(text) -> None:
    assert given(text) == Members({"a": 1})


@pytest.mark.parametrize(
    "text",
    [
        "track('A', {'a': 1, **more})",
        "track('A', {'a': 1, key: 2})",
        "track('A', dict(a=1, **more))",
        "track('A', {'a': 1} | more)",
    ],
)
def test_what_is_added_while_it_runs_makes_them_incomplete(text) -> None:
    found = given(text)
    assert not found.complete
    assert "a" in found.known or "| more" in text


def test_a_call_stands_at_its_line_and_column() -> None:
    (call,) = read(US + "\nx = 'ü'; track('A')").calls
    assert (call.line, call.column) == (3, 10)


@pytest.mark.parametrize("text", ["x =", "(" * 20_000, "a\0b", "print 'x'", "x" + "+x" * 100_000])
def test_what_is_no_python_is_told_and_breaks_nothing(text) -> None:
    source = read(text)
    assert not source.calls
    assert [line for line, _ in source.trouble] in ([1], [])


def test_a_warning_about_someones_code_is_not_ours() -> None:
    assert names(US + "track('Seen')\nx = '\\d'\nx is 1") == ["Seen"]
