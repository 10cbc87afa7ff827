"""The parts that pages are made of: what is asked, tables, charts, and text from outside."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from track_middleware.console import charts, text
from track_middleware.console.query import Query
from track_middleware.console.table import Column, Table

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "\u202ereversed\u2066",
    "a\x00b\x1b[31m",
    "Z\u0351\u036b\u0343\u0363\u0360\u0314\u0301" * 50,
    "x" * 32768,
)


def _table(*cells: str | float) -> Table:
    columns = (
        Column("name", "Name"),
        Column("at", "At", "time"),
        Column("count", "Count", "number"),
    )
    return Table("Names", columns, [cells])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata"])
def test_a_query_names_its_time_zone(zone: str) -> None:
    assert Query(f"tz={zone}").zone_name == zone


@pytest.mark.parametrize("said", ["", "../../etc/passwd", "Nowhere/Land", "/", "a" * 5000, "\x00"])
def test_a_time_zone_that_there_is_not_is_the_settings(said: str) -> None:
    assert Query(f"tz={said}", time_zone="Asia/Tokyo").zone_name == "Asia/Tokyo"


@pytest.mark.parametrize("said", ["", "-1", "1e9", "٣", "9" * 40, "0x10"])
def test_a_number_that_is_none_is_the_default(said: str) -> None:
    assert Query(f"n={said}").number("n", 7) == 7


def test_a_number_stays_in_its_bounds() -> None:
    assert Query("n=5000").number("n", 7, high=100) == 100


def test_an_address_keeps_what_is_asked_and_changes_what_is_said() -> None:
    assert Query("a=1&b=2&c=").address({"b": 3}, without=("a",)) == "?b=3"


def test_more_fields_than_anybody_needs_are_none() -> None:
    assert Query("&".join(f"n{each}=1" for each in range(1000))).text("n1") == ""


def test_csv_and_json_hold_the_same_rows() -> None:
    table, zone = _table("Signup", 0, 12), Query("tz=Europe/Berlin").zone
    (row,) = json.loads(table.as_json(zone))
    assert row == {"name": "Signup", "at": "1970-01-01T01:00:00+01:00", "count": 12}
    (told,) = csv.DictReader(io.StringIO(table.as_csv(zone).decode()))
    assert told == {name: str(value) for name, value in row.items()}


@pytest.mark.parametrize("said", ["=1+1", "@cmd", "+49", "-x", "\tx", "＝1+1"])
def test_a_text_is_no_formula_in_csv(said: str) -> None:
    table = _table(said, 0, -5)
    rows = list(csv.reader(io.StringIO(table.as_csv(Query().zone).decode())))
    assert rows[1][0] == f"'{said}"
    assert rows[1][2] == "-5"


@pytest.mark.parametrize("between", [";", "\t", "\n"])
def test_nor_is_a_part_of_it_where_something_else_than_a_comma_parts_cells(between: str) -> None:
    told = _table(f"Mozilla{between}=1+1{between}-x; a-b", 0, 1).as_csv(Query().zone).decode()
    assert next(csv.reader(io.StringIO(told.partition("\n")[2])))[0] == (
        f"Mozilla{between}'=1+1{between}'-x; a-b"
    )


def test_lines_of_a_message_are_seen_as_such() -> None:
    shown = text.lines('{\n  "name": "<b>\u202e"\n}')
    assert shown.split("\n")[0] == "<bdi>{</bdi>"
    assert len(shown.split("\n")) == 3
    assert "<b>" not in shown
    assert "U+202E" in shown
    assert text.lines("a\n" * 400, 300).endswith("(800 characters)</span>")


def test_what_is_no_json_or_too_deep_is_shown_as_it_came() -> None:
    assert text.readable('{"a":1}') == '{\n  "a": 1\n}'
    for said in ("{", "[" * 4096, '{"":' * 1024):
        assert text.readable(said) == said


@pytest.mark.parametrize("said", HOSTILE)
def test_text_from_outside_is_text(said: str) -> None:
    shown = text.value(said)
    assert "<script" not in shown
    assert "<img" not in shown
    assert not set(shown) & set("\u202e\u2066\x00\x1b")
    assert len(shown) < 12_000


def test_a_cut_text_says_how_long_it_is() -> None:
    assert "32,768 characters" in text.value("x" * 32768)


def test_a_time_that_no_calendar_has_is_shown_as_unknown() -> None:
    assert json.loads(_table("x", 1e300, 1).as_json(Query().zone))[0]["at"] == ""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_chart_is_well_formed_whatever_its_words(name: str) -> None:
    days = ["2026-05-01", name.replace("\x00", "").replace("\x1b", "")]
    for picture in (
        charts.bars(days[1], days, {days[1]: [1, 2.5], "b": [0, 7]}),
        charts.lines(days[1], days, {days[1]: [1, None]}),
    ):
        ElementTree.fromstring(f"<all>{picture}</all>")
        assert "style=" not in picture


def test_bars_stand_on_each_other() -> None:
    picture = ElementTree.fromstring(f"<a>{charts.bars('t', ['d'], {'a': [4], 'b': [6]})}</a>")
    first, second = picture.findall("svg[@class='chart']/rect")
    top = float(second.attrib["y"]) + float(second.attrib["height"])
    assert top == pytest.approx(float(first.attrib["y"]), abs=0.2)


def test_a_charts_words_are_as_large_on_a_phone_as_on_a_desk() -> None:
    days = [f"2026-05-{day:02}" for day in range(1, 31)]
    values = {"a": list(range(30)), "b": [1, None, *[2] * 28]}
    for picture in (charts.bars("t", days, {"a": values["a"]}), charts.lines("t", days, values)):
        chart = ElementTree.fromstring(f"<all>{picture}</all>").find("svg[@class='chart']")
        assert chart is not None
        assert "viewBox" not in chart.attrib  # which would make them larger and smaller
        words = [each for each in chart.iter("text") if each.get("text-anchor") == "middle"]
        assert all(each.attrib["x"].endswith("%") for each in words)
        assert 3 <= len([each for each in words if each.get("class") != "seldom"]) <= 4
        assert len(words) <= 8


def test_a_long_path_goes_on_behind_a_slash() -> None:
    assert text.value("/shop/a&b") == "<bdi>/<wbr>shop/<wbr>a&amp;b</bdi>"


def test_of_an_id_the_beginning_is_shown_and_all_of_it_is_where_it_leads() -> None:
    column = Column("visitor", "Visitor", "id", link="visitor/?id={}")
    context: Any = {"base": "/console/"}
    assert text.cell(context, "0123456789abcdef", column) == (
        '<a href="/console/visitor/?id=0123456789abcdef"><bdi>01234567…</bdi></a>'
    )
    assert "<bdi>short</bdi>" in text.cell(context, "short", column)


def test_a_title_holds_no_mark_that_turns_it() -> None:
    assert text.plain("shop\u202e.example\x00", 9) == "shop.exam"


def test_a_chart_of_nothing_is_a_chart() -> None:
    ElementTree.fromstring(f"<a>{charts.bars('t', [], {})}</a>")
    ElementTree.fromstring(f"<a>{charts.lines('t', [], {'a': []})}</a>")
