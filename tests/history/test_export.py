"""``export --parquet``: every event in its hour's files once, however often it is interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import msgspec
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.delivery.cluster import cluster
from tests.delivery.served import event_id, row
from tests.waiting import until
from track_middleware import cli
from track_middleware.delivery import exports
from track_middleware.delivery.store import NewRow, opening, sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.history import parquet, warehouse

ROOT = Path(__file__).resolve().parents[2]

#: So many events, of two hours, and so many of them in one stretch of the log.
EVENTS, STRETCH = 12, 5


class KilledError(BaseException):
    """Stands for kill -9: nothing that is done to files after it has any effect."""


class Killer:
    """Counts what is done to files, and kills at one of these moments."""

    at: int | None = None
    count = 0

    @classmethod
    def step(cls) -> None:
        """Before a file is made, moved or removed."""
        cls.count += 1
        if cls.at is not None and cls.count >= cls.at:
            raise KilledError


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if Killer.at is None or event not in ("open", "os.rename", "os.remove"):
        return
    writes = event != "open" or "w" in str(arguments[1] or "")
    if writes and "/files/" in str(arguments[0]):
        Killer.step()


sys.addaudithook(_hook)


class MortalFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """An object store in memory whose user can be killed between any two of its calls. A file
    appears when it is closed; a move is a copy, then a removal."""

    protocol = "mortal"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def cp_file(self, *arguments: Any, **named: Any) -> None:
        self._step()
        super().cp_file(*arguments, **named)

    def rm_file(self, *arguments: Any, **named: Any) -> None:
        self._step()
        super().rm_file(*arguments, **named)

    def _open(self, path: str, mode: str = "rb", **named: Any) -> Any:
        if "w" in mode:
            self._step()
        return super()._open(path, mode, **named)

    def _step(self) -> None:
        if Killer.at is not None:
            Killer.step()


fsspec.register_implementation("mortal", MortalFileSystem, clobber=True)


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    Killer.at, Killer.count = step, 0
    try:
        yield
    finally:
        Killer.at = None


class Shop:
    """A data folder with a store, and the verb on it."""

    def __init__(self, folder: Path, target: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.data_dir = folder / "data"
        self.data_dir.mkdir()
        self.target = target
        self.given: dict[str, Any] = {"data_dir": str(self.data_dir), "min_free": "1"}
        self.store: Store = sqlite.open(self.data_dir / "events.db")
        self._capsys = capsys

    def accept(self, *rows: NewRow, at: float | None = None) -> None:
        when = time.time() if at is None else at
        self.store.append([msgspec.structs.replace(each, accepted_at=when) for each in rows])

    def call(self, *argv: str) -> tuple[int, Any, str]:
        status = cli.run([*argv, "--json"], given=self.given)
        said = self._capsys.readouterr()
        return status, json.loads(said.out) if said.out else None, said.err

    def export(self, *argv: str) -> Any:
        status, told, complaint = self.call("export", "--parquet", self.target, *argv)
        assert status == 0, complaint
        return told

    @property
    def names(self) -> list[str]:
        """The files that engines read."""
        if "://" in self.target:
            system, root = fsspec.core.url_to_fs(self.target)
            found = [str(each).removeprefix(f"{root}/") for each in system.find(root)]
        else:
            root = Path(self.target)
            found = [str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()]
        return sorted(each for each in found if each.endswith(".parquet"))

    def table(self, name: str) -> Any:
        with fsspec.open(f"{self.target}/{name}", "rb") as file:
            return pq.ParquetFile(file).read()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [each for name in self.names for each in self.table(name).to_pylist()]

    @property
    def ids(self) -> Counter[str]:
        return Counter(each["event_id"] for each in self.rows)


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    made = Shop(tmp_path, str(tmp_path / "files"), capsys)
    yield made
    made.store.close()


@pytest.fixture(params=["folder", "object store"])
def anywhere(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shop]:
    """A shop that exports to a folder, and one that exports to an object store."""
    MortalFileSystem.store.clear()
    target = str(tmp_path / "files") if request.param == "folder" else "mortal://bucket/events"
    made = Shop(tmp_path, target, capsys)
    yield made
    made.store.close()


def order(number: int, *, hour: int = 12, **given: Any) -> NewRow:
    return row(number, **{"timestamp": f"2026-11-23T{hour:02}:00:00.000Z", **given})


def test_events_lie_by_the_day_and_hour_in_which_they_happened(anywhere: Shop) -> None:
    anywhere.accept(order(1), order(2, hour=9), order(3, timestamp="2026-11-23T23:30:00-02:00"))
    told = anywhere.export()
    assert (told["events"], told["files"]) == (3, 3)
    found = {name.rpartition("/")[0]: anywhere.table(name) for name in anywhere.names}
    assert {place: table["event_id"].to_pylist() for place, table in found.items()} == {
        "date=2026-11-23/hour=09": [event_id(2)],
        "date=2026-11-23/hour=12": [event_id(1)],
        "date=2026-11-24/hour=01": [event_id(3)],
    }


def test_a_row_is_the_events_tables_row(shop: Shop) -> None:
    shop.accept(order(1, userId="42", derived={"session": {"id": "s-1", "number": 2}}))
    shop.export()
    (found,) = shop.rows
    said = {name: value for name, value in found.items() if value is not None}
    assert said.pop("loaded_at").timestamp() == pytest.approx(time.time(), abs=60)
    assert said.pop("timestamp").isoformat() == "2026-11-23T12:00:00+00:00"
    assert json.loads(said.pop("properties")) == {"number": 1}
    assert json.loads(said.pop("context")) == {"session": {"id": "s-1", "number": 2}}
    assert said == {
        "event_id": event_id(1), "type": "track", "event": "Order Completed",
        "anonymous_id": "v1", "user_id": "42", "session_id": "s-1", "session_number": 2,
    }  # fmt: skip


def test_what_was_exported_is_not_exported_again(anywhere: Shop) -> None:
    anywhere.accept(*map(order, range(5)))
    anywhere.export()
    before = anywhere.names
    assert anywhere.export()["events"] == 0
    assert anywhere.names == before


def test_a_late_event_comes_into_its_hour_in_a_file_of_its_own(shop: Shop) -> None:
    shop.accept(order(1), order(2, hour=13))
    shop.export()
    first = {name: (Path(shop.target) / name).read_bytes() for name in shop.names}
    shop.accept(order(3))
    assert shop.export()["total"] == 3
    (new,) = set(shop.names) - set(first)
    assert new.startswith("date=2026-11-23/hour=12/")
    assert shop.table(new)["event_id"].to_pylist() == [event_id(3)]
    assert {name: (Path(shop.target) / name).read_bytes() for name in first} == first


def test_killed_between_any_two_files_each_event_is_there_once(
    anywhere: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse, "ROWS", STRETCH)
    monkeypatch.setattr(warehouse, "AT_ONCE", STRETCH)
    anywhere.accept(*[order(number, hour=number % 2) for number in range(EVENTS)])
    target, is_whole, step = anywhere.target, False, 0
    while not is_whole:
        step += 1
        anywhere.target = f"{target}/{step}"
        with killed_at(step):
            try:
                is_whole = anywhere.export()["total"] == EVENTS
            except KilledError:
                pass
        anywhere.export()
        assert anywhere.ids == dict.fromkeys(map(event_id, range(EVENTS)), 1), step
        assert not [name for name in _all(anywhere) if name.endswith(warehouse.PART)]
    assert step > 15, "three stretches of two files have more steps than that"


def _all(shop: Shop) -> list[str]:
    system, root = fsspec.core.url_to_fs(shop.target)
    return [str(each) for each in system.find(root)]


def test_a_process_that_is_killed_is_gone_on_from(shop: Shop) -> None:
    shop.accept(*[order(number, hour=number % 24) for number in range(1_000)])
    command = [sys.executable, "-m", "track_middleware", "export", "--parquet", shop.target]
    env = {**os.environ, "TRACK_DATA_DIR": str(shop.data_dir)}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        until(Path(shop.target, warehouse.WORK).exists, "it never began", pause=0.001)
        process.send_signal(signal.SIGKILL)
    shop.export()
    assert shop.ids == dict.fromkeys(map(event_id, range(1_000)), 1)


# Which events, and what of them.


def test_people_and_no_requests_unless_asked_for(shop: Shop) -> None:
    shop.accept(order(1), order(2, bot="crawler"), order(3, event="Request"))
    shop.accept(order(4, context={"consent": {"analytics": "denied"}}))
    shop.export()
    assert list(shop.ids) == [event_id(1)]


def test_bots_names_and_fields_as_a_destinations_url_has_them(shop: Shop) -> None:
    shop.accept(order(1, bot="crawler"), order(2, event="Signed Up"))
    shop.export("--bots", "--events", "Order*", "--without", "number")
    (found,) = shop.rows
    assert (found["event_id"], found["properties"]) == (event_id(1), None)


def test_another_choice_does_not_go_on_in_the_same_place(shop: Shop) -> None:
    shop.accept(order(1))
    shop.export("--bots")
    status, _, complaint = shop.call("export", "--parquet", shop.target)
    assert status == 2
    assert "it was begun with bots=1" in complaint


def test_what_the_store_does_not_keep_is_not_kept_here(shop: Shop) -> None:
    shop.given["unstored"] = ["Secret*"]
    shop.accept(order(1), order(2, event="Secret Ballot"))
    shop.export()
    assert list(shop.ids) == [event_id(1)]


def test_a_time_that_an_engine_cannot_keep_is_left_out_and_told(shop: Shop) -> None:
    shop.accept(order(1), order(2, timestamp="1066-10-14T09:00:00Z"), order(3, timestamp="soon"))
    told = shop.export()
    assert (told["events"], told["leftOut"]) == (1, 2)
    assert told["warnings"] == ["2 events were left out: their times cannot be kept"]


def test_two_stores_share_a_folder(shop: Shop, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "other").mkdir()
    other = Shop(tmp_path / "other", shop.target, capsys)
    for number, each in enumerate((shop, other)):
        each.accept(order(number))
        each.export()
    other.store.close()
    assert shop.ids == {event_id(0): 1, event_id(1): 1}


def test_a_store_that_is_older_than_its_files_is_told(shop: Shop) -> None:
    shop.accept(order(1))
    shop.accept(*map(order, range(2, 9)))
    shop.export()
    state = next(Path(shop.target, warehouse.WORK).glob("*.json"))
    told = json.loads(state.read_bytes())
    state.write_text(json.dumps({**told, "position": 99}))
    status, _, complaint = shop.call("export", "--parquet", shop.target)
    assert status == 2
    assert "older than the files" in complaint


@pytest.mark.parametrize("held", [b"", b'{"store":"\xff"}', b"[]"])
def test_a_state_that_is_damaged_is_told_and_begun_from_by_nobody(shop: Shop, held: bytes) -> None:
    shop.accept(order(1))
    shop.export()
    next(Path(shop.target, warehouse.WORK).glob("*.json")).write_bytes(held)
    status, _, complaint = shop.call("export", "--parquet", shop.target)
    assert status == 2
    assert "is damaged: restore it, or take another folder" in complaint
    assert shop.ids == {event_id(1): 1}


def test_events_that_went_before_they_were_exported_are_told(shop: Shop) -> None:
    shop.given["keep_days"] = 1
    shop.accept(*map(order, range(3)), at=time.time() - 3 * 86400)
    assert shop.export()["warnings"] == []
    shop.accept(*map(order, range(3, 6)), at=time.time() - 2 * 86400)
    shop.store.forget(events=time.time() - 86400, ids=0, pages=0, served_by=())
    shop.accept(order(7))
    (warning,) = shop.export()["warnings"]
    assert "events may be missing" in warning


def test_nobody_else_exports_to_the_same_place_meanwhile(shop: Shop) -> None:
    shop.accept(order(1))
    with exports.held(shop.data_dir, shop.target):
        status, _, complaint = shop.call("export", "--parquet", shop.target)
    assert status == 2
    assert "another process" in complaint


@pytest.mark.parametrize(
    ("target", "words"),
    [("nowhere://bucket", "nowhere:// cannot be used"), ("{file}", "is no folder")],
)
def test_a_target_that_cannot_be_used_is_told(
    shop: Shop, tmp_path: Path, target: str, words: str
) -> None:
    (tmp_path / "file").touch()
    named = target.format(file=tmp_path / "file")
    status, _, complaint = shop.call("export", "--parquet", named)
    assert status == 2
    assert words in complaint


def test_what_waits_in_memory_is_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "WAITING", 100_000)
    shop.accept(*[order(n, hour=n % 3, properties={"text": "x" * 900}) for n in range(3_000)])
    most: list[int] = []
    turn = parquet.Files.turn

    def watched(files: parquet.Files) -> None:
        turn(files)
        most.append(files.waiting)

    monkeypatch.setattr(parquet.Files, "turn", watched)
    shop.export()
    assert max(most) < 100_000
    assert len(shop.ids) == 3_000


@pytest.mark.needs("postgresql")
def test_a_store_in_postgresql_is_exported_like_any_other(shop: Shop) -> None:
    with cluster() as server:
        shop.store.close()
        shop.given["store"] = server.url
        shop.store = opening.opened(server.url, shop.data_dir)
        shop.accept(order(1), order(2, hour=13))
        assert shop.export()["events"] == 2
        shop.accept(order(3))
        assert shop.export()["events"] == 1
        shop.store.close()
    assert shop.ids == dict.fromkeys(map(event_id, (1, 2, 3)), 1)


# Persons who were erased.


@pytest.fixture
def erased(anywhere: Shop) -> Shop:
    """Two files, one of which holds somebody who was erased after it was written."""
    anna = {"visitor": "anna's phone", "anonymousId": "anna's phone", "userId": "anna"}
    anywhere.accept(order(1, **anna), order(2), order(3, hour=13))
    claimed = {"context": {"claimedUserId": "anna"}}
    anywhere.accept(order(4, **claimed), order(5, visitor="v5", anonymousId="v5"))
    anywhere.export()
    status, told, _ = anywhere.call("subject", "erase", "anna", "--yes")
    assert status == 1, "an answer is missing"
    assert _answers(told)[exports.system(anywhere.target)] == "not asked"
    return anywhere


def _answers(receipt: Any) -> dict[str, str]:
    return {each["system"]: each["state"] for each in receipt["systems"]}


def test_a_receipt_tells_how_a_person_goes_out_of_the_files(erased: Shop) -> None:
    _, receipt, _ = erased.call("subject", "receipt", "anna")
    (told,) = [e["answer"] for e in receipt["systems"] if e["system"].startswith("parquet")]
    assert told.endswith(f"export --parquet {erased.target} --rewrite")


def test_the_files_that_hold_somebody_are_named(erased: Shop) -> None:
    before = erased.ids
    status, told, _ = erased.call("export", "--parquet", erased.target, "--rewrite", "--dry-run")
    assert status == 1
    assert [(each["rows"], each["gone"]) for each in told["files"]] == [(4, 2)]
    assert erased.ids == before


def test_rewriting_takes_somebody_out_and_nobody_else(erased: Shop) -> None:
    told = erased.export("--rewrite")
    assert (told["looked"], len(told["files"])) == (2, 1)
    assert erased.ids == dict.fromkeys(map(event_id, (2, 3, 5)), 1)
    status, receipt, _ = erased.call("subject", "receipt", "anna")
    assert set(_answers(receipt).values()) == {"done"}
    assert status == 0
    assert erased.export("--rewrite")["files"] == []


def test_rewriting_that_is_killed_anywhere_is_gone_on_from(erased: Shop) -> None:
    for step in range(1, 100):
        with killed_at(step):
            try:
                erased.export("--rewrite")
                break
            except KilledError:
                pass
        assert set(erased.ids) >= set(map(event_id, (2, 3, 5)))
    assert step > 2
    assert erased.ids == dict.fromkeys(map(event_id, (2, 3, 5)), 1)
    erased.export()
    assert not [name for name in _all(erased) if name.endswith(warehouse.PART)]


def test_a_file_of_nobody_else_is_removed(shop: Shop) -> None:
    shop.accept(order(1, userId="anna"), order(2, hour=13, anonymousId="v2", visitor="v2"))
    shop.export()
    shop.call("subject", "erase", "anna", "--yes")
    shop.export("--rewrite")
    assert [name.partition("/events")[0] for name in shop.names] == ["date=2026-11-23/hour=13"]


def test_an_erased_person_is_exported_no_more(shop: Shop) -> None:
    shop.accept(order(1, userId="anna"))
    shop.call("subject", "erase", "anna", "--yes")
    shop.accept(order(2, userId="anna", anonymousId="v2"), order(3, anonymousId="v3"))
    assert shop.export()["events"] == 1
    assert list(shop.ids) == [event_id(3)]


def test_an_erasure_after_the_files_were_rewritten_waits_for_the_next_time(shop: Shop) -> None:
    shop.accept(order(1, userId="anna"))
    shop.export()
    shop.export("--rewrite")
    shop.call("subject", "erase", "anna", "--yes")
    _, receipt, _ = shop.call("subject", "receipt", "anna")
    assert _answers(receipt)[exports.system(shop.target)] == "not asked"


def test_a_password_of_a_url_is_in_no_receipt() -> None:
    assert exports.system("ftp://me:pw@host/events?key=1") == "parquet ftp://host/events"


# The schema, as the documents have it.


def test_the_documented_schema_is_the_files_schema(shop: Shop) -> None:
    shop.accept(order(1))
    shop.export()
    found = shop.table(shop.names[0]).schema
    text = (ROOT / "docs/warehouse.md").read_text()
    documented = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (never null)? ?\|$", text, re.M)
    assert documented == [
        (each.name, str(each.type), "" if each.nullable else "never null") for each in found
    ]
    assert found.metadata[b"track_middleware"] == b"format 1"


def test_every_column_has_the_tables_name() -> None:
    from track_middleware.destinations.table import NAMES

    assert tuple(parquet.schema().names) == (*NAMES, "loaded_at")


def test_a_question_is_printed_by_its_verb(shop: Shop) -> None:
    status, told, _ = shop.call("sql", "funnel", "--engine", "duckdb", "--from", shop.target,
                                "--steps", "Page,Order Completed", "--within", "1h")  # fmt: skip
    assert status == 0
    assert f"read_parquet('{shop.target}/**/*.parquet'" in told["sql"]
    assert "at_1 + 3600000" in told["sql"]
    assert shop.call("sql", "funnel", "--engine", "duckdb")[0] == 2
    assert shop.call("sql", "funnel", "--engine", "duckdb", "--within", "soon")[0] == 2
