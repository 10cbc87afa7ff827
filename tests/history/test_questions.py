"""The ready-made questions: DuckDB over files, PostgreSQL and ClickHouse answer alike, and right.

The same month of events goes through the two destinations' own codecs and transports, and through
``export --parquet``; what is right is counted in plain Python (month.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.clickhouse_server import running
from tests.delivery.cluster import cluster
from tests.destinations.samples import made
from tests.history import month
from track_middleware import cli
from track_middleware.delivery.postgres import PostgresTransport
from track_middleware.delivery.store import NewRow, sqlite
from track_middleware.delivery.transport import HttpTransport
from track_middleware.destinations import Answer, Call, clickhouse
from track_middleware.event import encode_event
from track_middleware.history.questions import ENGINES, QUESTIONS, Asked, QuestionError, sql

BERLIN = "Europe/Berlin"

EVENTS = month.Month().events

#: Rows of an answer by engine.
Ask = Callable[[str], Sequence[Sequence[Any]]]


def sent(url: str, carry: Callable[[Call], Any]) -> None:
    """Everything to a destination, each batch twice: a repeat adds nothing."""
    destination = made(url)
    for first in range(0, len(EVENTS), destination.most):
        batch = EVENTS[first : first + destination.most]
        for each in destination.calls(batch, time.time()).calls:
            for _ in range(2):
                answer = carry(each)
                assert isinstance(answer, Answer), answer
                assert answer.status == 200, answer


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ask, str]]:
    import duckdb

    folder, target = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("files")
    with closing(sqlite.open(folder / "events.db")) as store:
        store.append([
            NewRow(each.message_id, each.anonymous_id or "", time.time(), each.type, each.label,
                   encode_event(each), bot="crawler" if "bot" in (each.context or {}) else None)
            for each in EVENTS
        ])  # fmt: skip
    argv = ["export", "--parquet", str(target), "--bots", "--events", "*"]
    assert cli.run(argv, given={"data_dir": str(folder)}) == 0
    with duckdb.connect() as connection:
        yield lambda text: connection.execute(text).fetchall(), str(target)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[tuple[Ask, str]]:
    with cluster() as here, closing(PostgresTransport()) as carry:
        sent(f"{here.url}?table=public.web", carry)
        yield here.do, "public.web"


@pytest.fixture(scope="module")
def clickhouse_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ask, str]]:
    with running(tmp_path_factory.mktemp("clickhouse")) as server:
        server.do("CREATE DATABASE shop")
        server.do("USE shop")
        server.do(clickhouse.statement("track_events"))
        with closing(HttpTransport()) as carry:
            sent(server.url(), carry)
        yield lambda text: [[*row.values()] for row in server.do(text)], "track_events"


@pytest.fixture(
    params=[
        "duckdb",
        pytest.param("postgresql", marks=pytest.mark.needs("postgresql")),
        pytest.param("clickhouse", marks=pytest.mark.needs("clickhouse")),
    ]
)
def ask(request: pytest.FixtureRequest) -> Callable[..., list[tuple[Any, ...]]]:
    """Asks an engine one of the questions; its rows as the right answers have them."""
    engine = request.param
    fixture = "clickhouse_" if engine == "clickhouse" else engine
    run, source = request.getfixturevalue(fixture)

    def asked(question: str, **given: Any) -> list[tuple[Any, ...]]:
        return alike(run(sql(question, engine, Asked(source=source, **given))))

    return asked


def alike(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows whatever the types are that an engine gives them in, and in one order."""
    return sorted((tuple(map(_plain, row)) for row in rows), key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | float):
        return round(float(value), 6)
    return value


def test_the_month_has_what_the_questions_stumble_over() -> None:
    acts = month.acts(EVENTS)
    assert 2_000 < len(EVENTS) < 6_000
    assert len(acts) < len(EVENTS), "bots and requests"
    assert {act.person for act in acts} >= {None, "user 3's", "only on the server"}
    assert any(act.person != act.visitor and not act.user for act in acts), "known later"
    moments = [(act.session, act.at) for act in acts]
    assert len(set(moments)) < len(moments), "two at one moment"


def test_sessions(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    assert ask("sessions", zone=BERLIN) == alike(month.sessions(EVENTS, BERLIN))


@pytest.mark.parametrize("hours", [0.01, 24 * 7])
def test_a_funnel(ask: Callable[..., list[tuple[Any, ...]]], hours: float) -> None:
    steps = ("Page", *month.FUNNEL)
    right = month.funnel(EVENTS, steps, timedelta(hours=hours))
    assert right[0][2] > right[1][2] > right[2][2] > right[3][2] > 0
    assert ask("funnel", steps=steps, within=hours * 3600) == alike(right)


def test_a_funnel_of_one_event_twice_takes_two(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    steps = ("Order Completed", "Order Completed")
    right = month.funnel(EVENTS, steps, timedelta(days=7))
    assert ask("funnel", steps=steps) == alike(right)


def test_a_step_that_nobody_took(ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    odd = "it's \\ {zone} @ 100%"
    assert ask("funnel", steps=(odd, "Page")) == [(1, odd, 0, None), (2, "Page", 0, None)]


@pytest.mark.parametrize("every", ["day", "week"])
def test_retention(ask: Callable[..., list[tuple[Any, ...]]], every: str) -> None:
    right = month.retention(EVENTS, BERLIN, every=every)
    assert ask("retention", zone=BERLIN, every=every) == alike(right)


@pytest.mark.parametrize("days", [1, 30])
def test_attribution(ask: Callable[..., list[tuple[Any, ...]]], days: int) -> None:
    right = month.attribution(EVENTS, timedelta(days=days))
    assert {row[0] for row in right} == {"first", "last"}
    assert any(row[1] is None for row in right), "owed to nobody"
    assert ask("attribution", lookback=days * 86400) == alike(right)


def test_every_question_is_asked_above() -> None:
    assert set(QUESTIONS) == {"sessions", "funnel", "retention", "attribution"}
    assert set(ENGINES) == {"duckdb", "postgresql", "clickhouse"}


@pytest.mark.parametrize(
    ("question", "given"),
    [
        ("funnel", {"steps": ("Page",)}),
        ("retention", {"every": "month"}),
        ("attribution", {"value": "revenue') --"}),
        ("sessions", {"source": "web; DROP TABLE web"}),
        ("guesses", {}),
    ],
)
def test_what_cannot_be_asked_is_told(question: str, given: dict[str, Any]) -> None:
    with pytest.raises(QuestionError):
        sql(question, "postgresql", Asked(**given))


def test_a_files_name_is_a_text_for_duckdb(tmp_path: Path) -> None:
    assert "read_parquet('/it''s/**/*.parquet', hive" in sql("sessions", "duckdb", Asked("/it's/"))
