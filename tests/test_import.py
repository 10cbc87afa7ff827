"""The verb ``import``: what it stores, tells and refuses."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.history.test_log_count import BROWSERS, HOST, a_log
from tests.processes import started
from track_middleware import cli
from track_middleware.delivery.store import sqlite

ORDERED = {
    "event": "Ordered",
    "properties": {"time": 1602611311, "distinct_id": "42", "$insert_id": "i1", "total": 7},
}


class Site:
    """A site with a file as its destination, whose settings a face gives."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.data_dir = folder / "data"
        self.out = folder / "out.jsonl"
        self.given = {
            "data_dir": str(self.data_dir),
            "destinations": [f"jsonl://{self.out}", "ga4://G-1:secret?name=ga4"],
            "min_free": "1",
            "secret_key": "a secret for the tests",
            **more,
        }

    def call(self, capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
        status = cli.run(["import", *map(str, argv)], given=self.given)
        said = capsys.readouterr()
        return status, said.out, said.err

    def events(self) -> list[dict[str, Any]]:
        store = sqlite.to_read(self.data_dir / "events.db")
        assert store is not None
        try:
            return [json.loads(each.body) for each in store.read(0, 100_000)]
        finally:
            store.close()

    def sent(self) -> list[str]:
        lines = self.out.read_text().splitlines() if self.out.exists() else []
        return [json.loads(line)["messageId"] for line in lines]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logs") / "access.log.gz"
    path.write_bytes(gzip.compress("".join(a_log(7, 3000)).encode()))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def combined(log: Path) -> list[object]:
    return [log, "--format", "combined", "--host", HOST]


def test_a_log_imported_twice_is_stored_once_and_sent_nowhere(site, log, capsys):
    status, out, err = site.call(capsys, *combined(log), "--json")
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert told["complete"]
    stored = site.events()
    assert (
        len(stored)
        == told["stored"]
        == told["events"]
        == told["pages"] + sum(told["bots"].values())
    )
    assert {each["context"]["platform"] for each in stored} == {"backfill"}
    status, out, _ = site.call(capsys, *combined(log), "--json")
    assert (status, json.loads(out)["stored"]) == (0, 0)
    assert site.sent() == []


def test_a_destination_that_is_named_gets_it_and_an_age_limit_is_told(site, tmp_path, capsys):
    export = tmp_path / "mixpanel.jsonl"
    export.write_text(json.dumps(ORDERED) + "\n")
    status, out, _ = site.call(
        capsys, export, "--format", "mixpanel", "--destination", "jsonl", "--json"
    )
    (event,) = site.events()
    assert event["timestamp"] == "2020-10-13T17:48:31.000Z"
    assert (status, json.loads(out)["destinations"][0]["over"]) == (0, True)
    assert len(site.sent()) == 1
    dry = (export, "--format", "mixpanel", "--destination", "ga4", "--dry-run")
    assert "ga4 takes nothing that is older than 3 days" in site.call(capsys, *dry)[2]


def test_a_dry_run_counts_and_shows_and_keeps_nothing(site, log, capsys):
    status, out, _ = site.call(capsys, *combined(log), "--dry-run")
    assert status == 0
    assert "people: " in out
    assert "lines could not be read" in out
    shown = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert len(shown) == 10
    assert all("browser" in each["context"] or "bot" in each["context"] for each in shown)
    assert not site.data_dir.exists() or not (site.data_dir / "events.db").exists()


def test_where_consent_is_asked_for_nobody_is_known_for_longer_than_a_day(tmp_path, log, capsys):
    site = Site(tmp_path, consent="opt_in")
    assert site.call(capsys, *combined(log))[0] == 0
    contexts = [event["context"] for event in site.events()]
    assert all(context["cookieless"] is True and "ip" not in context for context in contexts)
    assert {context["consent"]["analytics"] for context in contexts} == {"pending"}
    status, _, err = site.call(capsys, *combined(log), "--visitors", "lasting")
    assert (status, "--permitted" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--format", "combined"], "--host"),
        (["--format", "nonsense"], "invalid choice"),
        (["--format", "caddy", "--time-zone", "Mars/Base"], "no time zone"),
        (["--format", "caddy", "--destination", "nowhere"], "there are: jsonl, ga4"),
    ],
)
def test_a_wrong_call_is_told_and_begins_nothing(site, log, capsys, arguments, why):
    status, _, err = site.call(capsys, log, *arguments)
    assert (status, why in err) == (2, True)
    assert not (site.data_dir / "events.db").exists()


def test_a_missing_file_is_a_wrong_call(site, tmp_path, capsys):
    status, _, err = site.call(capsys, tmp_path / "no.log", "--format", "caddy")
    assert (status, "No such file" in err) == (2, True)


def test_a_file_of_another_format_is_a_finding_that_shows_its_first_lines(site, log, capsys):
    status, out, _ = site.call(capsys, log, "--format", "caddy", "--dry-run")
    assert status == 1
    assert f"{log}, line 1: it is no JSON object" in out


def test_the_standard_input_is_imported_until_it_ends(site):
    site.data_dir.mkdir(parents=True)
    line = a_log(7, 1)[0].partition('"')[0] + f'"GET / HTTP/1.1" 200 5 "-" "{BROWSERS[0]}"\n'
    command = [sys.executable, "-m", "track_middleware", "import", "-", "--format", "combined"]
    done = subprocess.run(
        [*command, "--host", HOST, "--data-dir", str(site.data_dir), "--json"],
        input=line.encode() * 3,
        capture_output=True,
        timeout=300,
        check=False,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["stored"], told["pages"]) == (0, 3, 3)


def test_an_interrupted_import_says_so_and_the_same_call_stores_the_rest(site, log, capsys):
    command = [sys.executable, "-m", "track_middleware", "import", "-", "--format", "combined"]
    place = ["--host", HOST, "--data-dir", str(site.data_dir), "--json"]
    with started([*command, *place], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdin.write(gzip.decompress(log.read_bytes()))
        running.stdin.flush()  # and there may be more
        eventually(lambda: list(site.data_dir.glob("backfills/*.json")))
        running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=300)
    assert (running.returncode, json.loads(out)["complete"]) == (1, False)
    status, out, _ = site.call(capsys, *combined(log), "--json")
    assert status == 0
    assert len(site.events()) == json.loads(out)["events"]


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
