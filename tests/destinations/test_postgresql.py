"""PostgreSQL: events as COPY text; what a URL may say. The engine's own tests are in delivery."""

from __future__ import annotations

import sys

import pytest

from tests.destinations.samples import NOW, event, identify, made, page, sent
from track_middleware.destinations import Answer
from track_middleware.destinations.table import LONGEST, NAMES
from track_middleware.errors import SettingsError
from track_middleware.event import wire_id

URL = "postgresql://ann:s3cret@db.test:5433/shop"


def rows(*events, url=URL):
    """Each row as a dict of the columns that are not NULL, as text."""
    return [
        {name: field for name, field in zip(NAMES, line.split("\t"), strict=True) if field != "\\N"}
        for call in sent(made(url), *events)
        for line in call.body.decode().splitlines()
    ]


def test_a_call_says_where_and_how() -> None:
    (call,) = sent(made(URL + "?table=web.events&sslmode=verify-full"), event(1), event(2))
    assert call.url == "postgresql://ann:s3cret@db.test:5433/shop?sslmode=verify-full"
    assert (call.method, call.headers) == ("COPY", {"table": "web.events"})
    assert len(call.ids) == call.body.count(b"\n") == 2
    assert call.repeatable


def test_a_socket_needs_no_host() -> None:
    (call,) = sent(made("postgresql:///shop?host=/var/run/postgresql"), event())
    assert call.url == "postgresql:///shop?host=%2Fvar%2Frun%2Fpostgresql"


def test_a_rows_columns() -> None:
    (row,) = rows(event())
    assert row.pop("properties") == '{"revenue":39.5}'
    assert '"firstCampaign":{"source":"ads"}' in row.pop("context")
    assert row == {
        "event_id": "00000000-0000-4000-8000-000000000001",
        "type": "track",
        "event": "Order Completed",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "anonymous_id": "visitor-1",
        "user_id": "42",
        "session_id": "s-1",
        "session_number": "2",
        "page_id": "p-1",
        "url": "https://shop.test/sale?utm_source=news",
        "host": "shop.test",
        "path": "/sale",
        "title": "Sale",
        "referrer": "https://www.google.com/",
        "referrer_host": "www.google.com",
        "channel": "Email",
        "utm_source": "news",
        "utm_campaign": "autumn",
        "country": "DE",
        "locale": "de-DE",
        "platform": "web",
        "device_type": "desktop",
        "os": "Windows",
        "browser": "Firefox",
        "browser_version": "153",
    }


def test_a_click_id_stands_beside_its_name() -> None:
    context = {"campaign": {"gclid": "Abc"}, "click": {"name": "gclid", "platform": "Google Ads"}}
    (row,) = rows(event(context=context))
    assert (row["click_name"], row["click_id"]) == ("gclid", "Abc")


def test_views_and_people_have_their_kinds_name_and_traits() -> None:
    view, person = rows(page(), identify())
    assert (view["type"], view["event"]) == ("page", "Page")
    assert (person["event"], person["traits"]) == (
        "Identify",
        '{"email":"Ann@Shop.test","plan":"pro"}',
    )


def test_an_id_that_is_no_uuid_becomes_the_same_one_each_time() -> None:
    (row,) = rows(event(message_id="invoice-7"))
    assert row["event_id"] == wire_id("server", "invoice-7")


def test_times_are_utc_whatever_zone_they_were_told_in() -> None:
    (row,) = rows(event(timestamp="2026-11-23T13:00:00+01:00", received_at="2026-11-23T12:00:01Z"))
    assert row["timestamp"] == "2026-11-23T12:00:00.000Z"
    assert row["received_at"] == "2026-11-23T12:00:01.000Z"


@pytest.mark.parametrize("time", ["yesterday", "0001-01-01T00:00:00+14:00", ""])
def test_an_event_whose_time_cannot_be_read_is_refused(time: str) -> None:
    outbound = made(URL).calls([event(1, timestamp=time), event(2)], NOW)
    assert [call.ids for call in outbound.calls] == [("00000000-0000-4000-8000-000000000002",)]
    (verdict,) = outbound.settled.values()
    assert (verdict.state, verdict.reason) == ("refused", f"its time cannot be read: {time}")


def test_indexed_columns_are_cut_and_counted() -> None:
    outbound = made(URL).calls([event(user_id="u" * 501, event="e" * 600)], NOW)
    assert outbound.cut == 2
    (line,) = outbound.calls[0].body.decode().splitlines()
    assert line.split("\t")[NAMES.index("user_id")] == "u" * LONGEST


def test_odd_values_in_the_context_spoil_nothing() -> None:
    context = {
        "page": {"url": 7, "path": ["x"], "title": True},
        "session": {"number": 2**40},
        "campaign": "autumn",
        "click": "gclid",
        "bot": {"name": "curl"},
    }
    (row,) = rows(event(context=context))
    assert (row["url"], row["title"], row["bot"]) == ("7", "True", "curl")
    assert not row.keys() & {"path", "session_number", "utm_campaign", "click_name"}


def test_an_event_of_hardly_anything_has_a_row() -> None:
    (row,) = rows(event(context=None, properties=None, user_id=None, anonymous_id=None))
    assert sorted(row) == ["event", "event_id", "timestamp", "type"]


@pytest.mark.parametrize(
    ("status", "state", "split", "pause"),
    [(400, "retry", True, False), (403, "retry", False, True), (503, "retry", False, False)],
)
def test_an_answer_is_told_in_its_own_words_without_the_password(
    status: int, state: str, split: bool, pause: bool
) -> None:
    (call,) = sent(made(URL), event())
    answer = Answer(status, {}, b"column s3cret: does not exist")
    (told,) = made(URL).judge(call, answer)
    assert (told.state, told.split, told.pause) == (state, split, pause)
    assert told.reason == "column …: does not exist"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://db.test", "names no database"),
        ("postgresql://db.test/a/b", "names no database"),
        ("postgresql://db.test/shop?table=a;drop", "?table=events"),
        ("postgresql://db.test/shop?table=a.b.c", "?table=events"),
        ("postgresql://db.test/shop?region=eu", "which a database has not"),
        ("postgresql://db.test/shop?tabel=x", "did you mean 'table'"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        made(url)
    assert told in str(caught.value)


def test_a_missing_psycopg_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"track-middleware\[postgresql\]"):
        made(URL)
