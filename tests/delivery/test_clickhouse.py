"""Rows into ClickHouse's own engine: once each, whatever is repeated, killed or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.clickhouse_server import Server, running
from tests.delivery.served import Shop, event_id, row
from tests.destinations.samples import event, made, sent
from track_middleware.address import address
from track_middleware.delivery.transport import HttpTransport, Silence
from track_middleware.destinations import Answer, Call
from track_middleware.destinations.clickhouse import statement
from track_middleware.destinations.erasure import Eraser, Who, eraser

pytestmark = pytest.mark.needs("clickhouse")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture
def here(server: Server) -> Iterator[Server]:
    """The server with an empty events table."""
    server.do("CREATE DATABASE shop")
    server.do("USE shop")
    server.do(statement("track_events"))
    yield server
    server.do("DROP DATABASE shop")


@pytest.fixture
def send() -> Iterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    transport.close()


def call(here: Server, *numbers: int) -> Call:
    (only,) = sent(made(here.url()), *[event(number) for number in numbers])
    return only


def ids(here: Server, final: str = "") -> list[str]:
    told = here.do(f"SELECT event_id FROM shop.track_events {final} ORDER BY event_id")
    return [each["event_id"] for each in told]


def test_the_documented_table_holds_what_an_analyst_asks_for(
    here: Server, send: HttpTransport
) -> None:
    properties = {"text": 'a"b\\c\n', "n": [1, None, 2.5], "deep": {"x": True}}
    (one,) = sent(made(here.url()), event(1, properties=properties, user_id=None))
    assert isinstance(send(one), Answer)
    (told,) = here.do(
        "SELECT event, timestamp, user_id, session_number, path, channel, received_at, bot,"
        " JSONExtractBool(properties, 'deep', 'x') AS deep, properties, loaded_at > 0 AS loaded"
        " FROM shop.track_events"
    )
    assert json.loads(told.pop("properties")) == properties
    assert told == {
        "event": "Order Completed",
        "timestamp": "2026-11-23 12:00:00.000",
        "user_id": "",
        "session_number": 2,
        "path": "/sale",
        "channel": "Email",
        "received_at": None,
        "bot": "",
        "deep": 1,
        "loaded": 1,
    }


def test_properties_may_be_of_clickhouses_json_type(here: Server, send: HttpTransport) -> None:
    here.do("DROP TABLE shop.track_events")
    here.do(statement("track_events").replace("`properties` String", "`properties` JSON"))
    send(call(here, 1))
    (told,) = here.do("SELECT properties.revenue::Float64 AS revenue FROM shop.track_events")
    assert told == {"revenue": 39.5}


def test_a_call_of_the_same_events_is_dropped_at_once(here: Server, send: HttpTransport) -> None:
    """Whatever else has changed since: another release may fill a column more."""
    for title in ("one", "two"):
        both = [event(number, properties={"title": title}) for number in (1, 2)]
        (one,) = sent(made(here.url()), *both)
        assert isinstance(send(one), Answer)
    assert ids(here) == [event_id(1), event_id(2)]


def test_events_that_come_again_in_another_block_are_one_in_the_end(
    here: Server, send: HttpTransport
) -> None:
    send(call(here, 1, 2))
    send(call(here, 2, 3))
    assert ids(here, "FINAL") == [event_id(1), event_id(2), event_id(3)]


def test_a_server_killed_between_insert_and_answer_has_each_event_once(
    here: Server, send: HttpTransport
) -> None:
    (here.folder / "die").touch()
    assert isinstance(send(call(here, 1, 2)), Silence)
    (here.folder / "die").unlink()
    assert isinstance(send(call(here, 1, 2)), Silence), "nobody listens"
    here.end()
    here.start()
    assert isinstance(send(call(here, 1, 2)), Answer)
    assert ids(here) == [event_id(1), event_id(2)]


def test_poison_is_found_by_halves_and_told_in_clickhouses_words(
    here: Server, send: HttpTransport, tmp_path: Path
) -> None:
    here.do("ALTER TABLE shop.track_events ADD COLUMN user_number UInt8 DEFAULT 0")
    here.do("ALTER TABLE shop.track_events ADD CONSTRAINT plain CHECK user_id != 'poison'")
    shop = Shop(tmp_path, here.url(), send)
    shop.accept(*[row(n, userId="poison" if n in (7, 23) else "u") for n in range(40)])
    shop.run_out()
    assert set(shop.dead()) == {event_id(7), event_id(23)}
    assert all("Constraint `plain`" in reason for reason in shop.dead().values())
    assert ids(here) == [event_id(n) for n in range(40) if n not in (7, 23)]
    shop.close()


def test_a_column_that_the_owner_dropped_is_left_out(here: Server, send: HttpTransport) -> None:
    here.do("ALTER TABLE shop.track_events DROP COLUMN context")
    send(call(here, 1))
    assert ids(here) == [event_id(1)]


def test_nul_and_huge_numbers_arrive_by_rule(here: Server, send: HttpTransport) -> None:
    odd = event(1, user_id="a\0b", properties={"big": 10**30})
    (one,) = sent(made(here.url()), odd)
    send(one)
    (told,) = here.do("SELECT user_id, properties FROM shop.track_events")
    assert told == {"user_id": "ab", "properties": '{"big":"1' + "0" * 30 + '"}'}


@pytest.mark.parametrize(
    ("database", "user", "words"),
    [
        ("nowhere", "shop:pw", "docs/tables.md"),
        ("shop", "shop:wrong", "Authentication failed"),
    ],
)
def test_what_somebody_must_mend_pauses(
    here: Server, send: HttpTransport, database: str, user: str, words: str
) -> None:
    destination = made(here.url(database, user))
    (one,) = sent(destination, event())
    answer = send(one)
    assert isinstance(answer, Answer)
    (told,) = destination.judge(one, answer)
    assert told.pause
    assert words in told.reason


def test_a_persons_rows_are_deleted_and_no_others(here: Server, send: HttpTransport) -> None:
    hers = [event(2, user_id="o'b\"a\\"), event(3, anonymous_id="it's", user_id=None)]
    for one in sent(made(here.url()), event(1), *hers):
        send(one)
    assert len(ids(here)) == 3
    how = eraser(address(here.url()))
    assert isinstance(how, Eraser)
    for one in how.calls(Who(["o'b\"a\\", "nobody"], ["it's"])):
        answer = send(one)
        assert isinstance(answer, Answer)
        assert how.judge(answer).state == "done", answer
    assert ids(here) == [event_id(1)]
