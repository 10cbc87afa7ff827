"""ClickHouse: events as JSON rows, and what its answers mean. The engine's own tests are in
delivery."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.destinations.samples import NOW, event, made, sent
from track_middleware.destinations import Answer
from track_middleware.errors import SettingsError

URL = "clickhouse://ann:s3cret@ch.test:8443/shop"


def test_a_call_inserts_rows_over_https() -> None:
    (call,) = sent(made(URL + "?table=web.events"), event(1), event(2))
    parts = urlsplit(call.url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "ch.test:8443", "/")
    assert asked.pop("insert_deduplication_token")
    assert asked == {
        "database": "shop",
        "query": "INSERT INTO `web`.`events` FORMAT JSONEachRow",
        "date_time_input_format": "best_effort",
        "input_format_skip_unknown_fields": "1",
        "async_insert": "0",
        "wait_end_of_query": "1",
    }
    assert call.headers["x-clickhouse-user"] == "ann"
    assert call.headers["x-clickhouse-key"] == "s3cret"
    assert "s3cret" not in call.url


def test_an_endpoint_may_be_plain_and_nobody_need_sign_in() -> None:
    (call,) = sent(made("clickhouse:///shop?endpoint=http://127.0.0.1:8123/"), event())
    assert call.url.startswith("http://127.0.0.1:8123/?database=shop&")
    assert list(call.headers) == ["content-type"]


def test_a_row_leaves_out_what_is_empty() -> None:
    (call,) = sent(made(URL), event(context=None, user_id=None))
    assert json.loads(call.body) == {
        "event_id": "00000000-0000-4000-8000-000000000001",
        "type": "track",
        "event": "Order Completed",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "anonymous_id": "visitor-1",
        "properties": {"revenue": 39.5},
    }


def test_the_token_follows_from_the_events_alone() -> None:
    def token(*events):
        (call,) = sent(made(URL), *events)
        return parse_qs(urlsplit(call.url).query)["insert_deduplication_token"]

    assert token(event(1), event(2)) == token(event(1, properties={}), event(2))
    assert token(event(1), event(2)) != token(event(2), event(1))


@pytest.mark.parametrize("time", ["1899-12-31T23:59:59Z", "2299-01-01T00:00:00Z"])
def test_a_time_that_its_type_cannot_hold_is_refused(time: str) -> None:
    outbound = made(URL).calls([event(timestamp=time)], NOW)
    assert not outbound.calls
    (verdict,) = outbound.settled.values()
    assert verdict.reason == f"its time is out of the database's range: {time}"


#: As ClickHouse 26.5 says it (its first line), and 18.16, which has no header for the number.
BAD_UUID = b"Code: 376. DB::Exception: Cannot parse uuid zzz: (at row 1)\n (CANNOT_PARSE_UUID)"
NO_TABLE = b"Code: 60. DB::Exception: Table shop.nope does not exist. (UNKNOWN_TABLE)"
NO_TABLE_18 = b"Code: 60, e.displayText() = DB::Exception: Table shop.nope doesn't exist."
BUSY = b"Code: 252. DB::Exception: Too many parts (300). Merges are processing slower than inserts."
MONTHS = b"Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 100)."
CODE = "x-clickhouse-exception-code"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer(200), "delivered"),
        (Answer(400, {CODE: "376"}, BAD_UUID), "split"),
        (Answer(500, {}, BAD_UUID), "split"),
        (Answer(404, {CODE: "60"}, NO_TABLE), "pause"),
        (Answer(404, {}, NO_TABLE_18), "pause"),
        (Answer(403, {CODE: "516"}, b"Code: 516. Authentication failed"), "pause"),
        (Answer(500, {CODE: "497"}, b"Code: 497. Not enough privileges"), "pause"),
        (Answer(500, {CODE: "252"}, BUSY), "retry"),
        (Answer(500, {CODE: "252"}, MONTHS), "split"),
        (Answer(500, {CODE: "241"}, b"Code: 241. Memory limit exceeded"), "retry"),
        (Answer(200, {CODE: "159"}, b"Code: 159. Timeout exceeded"), "retry"),
        (Answer(400, {CODE: "9999"}, b"Code: 9999. Something new"), "split"),
        (Answer(503, {}, b"a proxy's page"), "retry"),
        (Answer(413, {}, b"a proxy's page"), "split"),
        (None, "retry"),
    ],
)
def test_an_answers_meaning(answer: Answer | None, state: str) -> None:
    (call,) = sent(made(URL), event())
    (told,) = made(URL).judge(call, answer)
    kind = "split" if told.split else "pause" if told.pause else told.state
    assert kind == state


def test_a_missing_table_leads_to_its_statement_and_no_secret_is_told() -> None:
    (call,) = sent(made(URL), event())
    body = NO_TABLE + b" Maybe s3cret?"
    (told,) = made(URL).judge(call, Answer(404, {CODE: "60"}, body))
    assert "Table shop.nope does not exist" in told.reason
    assert told.reason.endswith("(docs/tables.md has its CREATE TABLE statement)")
    assert "s3cret" not in told.reason


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("clickhouse:///shop", "has no host"),
        ("clickhouse://ch.test", "names no database"),
        ("clickhouse://ch.test/shop?table=a b", "?table=events"),
        ("clickhouse://ch.test/shop?on_doubt=drop", "which a database has not"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        made(url)
    assert told in str(caught.value)
