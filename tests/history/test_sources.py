"""Sources of rows: each in one order, from any place on, a piece at a time."""

from __future__ import annotations

import csv
import gzip
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import sqlalchemy
from pyarrow import parquet

from tests.delivery.cluster import Cluster, cluster
from track_middleware.history import sources
from track_middleware.history.source import Ask, Piece, Source, SourceError

ROWS = [{"id": number, "name": f'n{number}, "x"\n', "total": number / 4} for number in range(25)]

SQL = "SELECT id, name, total FROM orders WHERE name NOT LIKE '%z%' -- the last; word"


def wrote_csv(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["id", "name", "total"], delimiter=";")
        writer.writeheader()
        writer.writerows(ROWS)


def wrote_jsonl(path: Path) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n\n" for row in ROWS))


def wrote_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress("".join(f"{json.dumps(row)}\n" for row in ROWS).encode()))


def wrote_parquet(path: Path) -> None:
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), path, row_group_size=7)


def wrote_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, total REAL)")
        database.executemany("INSERT INTO orders VALUES (:id, :name, :total)", reversed(ROWS))
        database.commit()


FILES: dict[str, Callable[[Path], None]] = {
    "orders.csv": wrote_csv,
    "orders.jsonl": wrote_jsonl,
    "orders.jsonl.gz": wrote_gzip,
    "orders.parquet": wrote_parquet,
    "orders.db": wrote_sqlite,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        running.do("CREATE TABLE orders (id bigint PRIMARY KEY, name text, total float8)")
        for row in ROWS:
            name = row["name"]
            running.do(f"INSERT INTO orders VALUES ({row['id']}, '{name}', {row['total']})")
        running.do("GRANT SELECT ON orders TO shop")
        yield running


POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))


@pytest.fixture(params=[*FILES, "select", "iterable", POSTGRESQL])
def source(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Source]:
    kind = request.param
    if kind == "postgresql":
        ask = Ask(request.getfixturevalue("server").url, "id", SQL)
    elif kind in ("select", "iterable"):
        wrote_sqlite(tmp_path / "orders.db")
        monkeypatch.setattr(f"{__name__}.HERE", tmp_path / "orders.db")
        ask = Ask(f"python:{__name__}.{kind}", "id")
    else:
        path = tmp_path / kind
        FILES[kind](path)
        ask = Ask(f"sqlite:///{path}", "id", SQL) if kind == "orders.db" else Ask(str(path), "id")
    with closing(sources.opened(ask)) as opened:
        yield opened


HERE = Path()


def select() -> tuple[sqlalchemy.Engine, Any]:
    orders = sqlalchemy.table("orders", *map(sqlalchemy.column, ROWS[0]))
    return sqlalchemy.create_engine(f"sqlite:///{HERE}"), sqlalchemy.select(orders)


def iterable() -> Iterator[dict[str, Any]]:
    yield from ROWS


def read(source: Source, place: Any = None, size: int = 10) -> list[Piece]:
    return list(source.pieces(place, size))


def test_every_row_comes_once_and_in_order(source):
    pieces = read(source)
    assert max(len(piece.rows) for piece in pieces) <= 10
    assert [dict(row) for piece in pieces for row in piece.rows] == [
        {**row, "id": str(row["id"])} if is_text(source) else row for row in ROWS
    ]


def is_text(source: Source) -> bool:
    """Whether the source's ids are text, as in a file without types."""
    return type(source).__name__ == "Csv"


def test_reading_goes_on_behind_any_place(source):
    whole = [str(row["id"]) for piece in read(source, size=1) for row in piece.rows]
    for number, piece in enumerate(read(source, size=1), 1):
        place = json.loads(json.dumps(piece.place))  # as a checkpoint keeps it
        rest = [str(row["id"]) for each in read(source, place) for row in each.rows]
        assert rest == whole[number:]


def test_columns_are_known_and_totals_are_right_where_they_are_known(source):
    assert list(source.columns) in ([], ["id", "name", "total"])
    assert source.total(None) in (None, 25)
    place = read(source)[0].place
    assert source.total(place) in (None, 15)


def test_reading_a_sqlite_database_by_its_key_locks_nobody_out(tmp_path):
    path = tmp_path / "shop.db"
    wrote_sqlite(path)
    with closing(sources.opened(Ask(f"sqlite:///{path}", "id", SQL))) as source:
        pieces = source.pieces(None, 10)
        next(pieces)
        with closing(sqlite3.connect(path, timeout=0)) as other, other:
            other.execute("INSERT INTO orders VALUES (100, 'later', 1)")
        assert [row["id"] for piece in pieces for row in piece.rows][-1] == 100


def test_a_query_that_has_no_key_is_read_in_one_go(tmp_path):
    path = tmp_path / "shop.db"
    wrote_sqlite(path)
    sql = "SELECT id % 5 AS id, count(*) AS number FROM orders GROUP BY 1"
    with closing(sources.opened(Ask(f"sqlite:///{path}", "id", sql))) as source:
        assert [row["id"] for piece in read(source, size=2) for row in piece.rows] == [
            0,
            1,
            2,
            3,
            4,
        ]


def test_rows_without_an_id_hold_up_no_others(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (id INTEGER UNIQUE)")
        database.executemany("INSERT INTO t VALUES (?)", [(None,)] * 5 + [(1,), (2,)])
    with closing(sources.opened(Ask(f"sqlite:///{path}", "id", "SELECT * FROM t"))) as source:
        found = [row["id"] for piece in read(source, size=2) for row in piece.rows]
    assert [each for each in found if each is not None] == [1, 2]


def test_values_of_a_csv_file_are_what_they_look_like(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,a,b,c,d,e\n007,1,2.50,,true,01234\n")
    with closing(sources.opened(Ask(str(path), "id"))) as source:
        ((row,), _), *_ = read(source)
    assert row == {"id": "007", "a": 1, "b": 2.5, "c": None, "d": True, "e": "01234"}


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"id,a\n1\n", "a.csv", "has 1 values, not 2"),
        (b"id\n\xff\n", "a.csv", "utf-8"),
        (b'{"id": 1}\n[2]\n', "a.jsonl", "the line before byte 14"),
        (b"no gzip", "a.csv.gz", "gzip"),
        (b"no parquet", "a.parquet", "a.parquet"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path, content, name, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=said), closing(sources.opened(Ask(str(path), "id"))) as s:
        read(s)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (Ask("orders.xls", "id"), "is none of"),
        (Ask("mysql://me:pw@host/shop", "id"), "mysql://host/shop is none of"),
        (Ask("sqlite:///nowhere.db", "id", "select 1"), "no database at nowhere.db"),
        (Ask("sqlite:///nowhere.db", "id"), "--sql"),
        (Ask("a.csv", "id", "select 1"), "--sql asks"),
        (Ask("django:shop.Order", "id"), "manage.py"),
        (Ask("python:nowhere.rows", "id"), "cannot be imported"),
        (Ask("python:math.pi", "id"), "is no queryset"),
        (Ask("nowhere.csv", "id"), "nowhere.csv"),
    ],
)
def test_what_is_no_source_is_refused_without_its_password(ask, said):
    with pytest.raises(SourceError, match=said) as raised:
        sources.opened(ask)
    assert "pw" not in str(raised.value)


def test_a_query_that_is_wrong_says_so_and_leaves_its_database_closed(tmp_path):
    wrote_sqlite(tmp_path / "a.db")
    with pytest.raises(SourceError) as told:  # holds on to whatever was open
        sources.opened(Ask(f"sqlite:///{tmp_path / 'a.db'}", "id", "SELECT nix FROM orders"))
    assert "no such column: nix" in str(told.value)
    opened = [os.path.realpath(each.path) for each in os.scandir("/proc/self/fd")]
    assert str(tmp_path / "a.db") not in opened


def test_a_select_that_is_wrong_says_so_in_the_databases_words(tmp_path, monkeypatch):
    wrote_sqlite(tmp_path / "a.db")
    monkeypatch.setattr(f"{__name__}.HERE", tmp_path / "a.db")
    monkeypatch.setattr(f"{__name__}.ROWS", [{"id": 1, "nix": 2}])
    with closing(sources.opened(Ask(f"python:{__name__}.select", "id"))) as source:
        with pytest.raises(SourceError, match=r"no such column: orders\.nix"):
            source.total(None)
        with pytest.raises(SourceError, match=r"no such column: orders\.nix"):
            read(source)
    with pytest.raises(SourceError, match="no column who; there are id, nix"):
        sources.opened(Ask(f"python:{__name__}.select", "who"))


@pytest.mark.needs("postgresql")
def test_postgresql_refuses_without_telling_the_password(server):
    wrong = server.url.replace("pw", "secret-word").replace("/shop", "/nowhere")
    with pytest.raises(SourceError, match="cannot be reached") as raised:
        sources.opened(Ask(wrong, "id", "select 1 as id"))
    assert "secret-word" not in str(raised.value)


@pytest.mark.needs("postgresql")
def test_text_ids_of_postgresql_are_paged_too(server):
    sql = "SELECT md5(id::text)::uuid AS id, '%s' AS sign FROM orders"
    with closing(sources.opened(Ask(server.url, "id", sql))) as source:
        whole = [str(row["id"]) for piece in read(source) for row in piece.rows]
        place = read(source)[0].place
        assert [str(row["id"]) for each in read(source, place) for row in each.rows] == whole[10:]
