"""The verbs of a site whose store is in PostgreSQL."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.cluster import Cluster, cluster, emptied
from track_middleware import cli
from track_middleware.delivery.flush import flush
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import Outcome, opening
from track_middleware.delivery.worker import Worker
from track_middleware.event import Entry, Event, iso
from track_middleware.reading import load

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


class Site:
    """A site with a file as its destination."""

    def __init__(self, folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.data_dir = folder / "data"
        self.out = folder / "out.jsonl"
        self.given = {
            "store": url,
            "data_dir": str(self.data_dir),
            "destinations": [f"jsonl://{self.out}"],
            "min_free": "1",
            "secret_key": "a secret for the tests",
        }
        self._capsys = capsys
        self.settings = load(self.given, {})

    def call(self, *argv: str) -> tuple[int, Any]:
        status = cli.run([*argv, "--json"], given=self.given)
        said = self._capsys.readouterr().out
        return status, json.loads(said) if said.startswith(("{", "[")) else said

    def accepts(self, user: str, *names: str) -> None:
        spool = Spool(self.data_dir, now=time.time, min_free="1")
        for name in names:
            event = Event(
                str(uuid.uuid4()), "track", iso(time.time()), event=name,
                anonymous_id=f"visitor-{user}", user_id=user,
            )  # fmt: skip
            consent = {"analytics": "granted"}
            assert spool.append([Entry("event", time.time(), event, consent=consent)])
        spool.close()

    def works(self) -> None:
        worker = Worker(self.settings, data_dir=self.data_dir)
        assert worker.once()
        worker.close()

    def delivered(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.out.read_bytes().splitlines()]


@pytest.fixture
def site(server: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    emptied(server)
    return Site(tmp_path, server.url, capsys)


def test_init_makes_the_schema_and_tells_no_password(site: Site, server: Cluster) -> None:
    server.do("DROP SCHEMA IF EXISTS track_middleware CASCADE")
    status, said = site.call("init")
    assert status == 0
    assert "pw" not in said["store"]
    assert server.do("SELECT number FROM track_middleware.version") == [(1,)]


def test_status_flush_and_tail_know_what_is_delivered(site: Site) -> None:
    site.accepts("ann", "Signed Up", "Ordered")
    site.works()
    assert site.delivered() == ["Signed Up", "Ordered"]
    assert flush(site.settings, site.data_dir, 5.0)
    status, facts = site.call("status")
    assert (status, facts["events"], facts["spool"]["bytesWaiting"]) == (0, 2, 0)
    (destination,) = facts["destinations"]
    assert (destination["lag"], destination["delivered"]) == (0, 2)


def test_an_event_that_no_index_takes_stops_no_other(site: Site) -> None:
    endless = "".join(str(uuid.uuid4()) for _ in range(500))
    site.accepts("ann", "Signed Up", endless, "Ordered")
    site.works()
    assert site.delivered() == ["Signed Up", "Ordered"]
    assert [each["stage"] for each in site.call("dead", "list")[1]] == ["door"]


def test_a_dead_letter_is_listed_and_sent_again(site: Site) -> None:
    site.accepts("ann", "Signed Up", "Ordered")
    site.works()
    store = opening.opened(site.given["store"], site.data_dir)  # type: ignore[arg-type]
    first, _ = store.read(0, 10)
    refused = Outcome(first.position, first.event_id, first.order_key, "refused", reason="no")
    store.settle(store.job("jsonl"), [refused])
    store.close()
    _, letters = site.call("dead", "list", "--event", "Sign*")
    assert [each["reason"] for each in letters] == ["no"]
    assert site.call("dead", "list", "--event", "Ord*")[1] in ([], "")
    status, _ = site.call("dead", "replay")
    assert status == 0
    site.works()
    assert site.call("dead", "list")[1] in ([], "")
    (destination,) = site.call("status")[1]["destinations"]
    assert (destination["held"], destination["dead"], destination["delivered"]) == (0, 0, 3)


def test_a_person_is_shown_and_erased(site: Site) -> None:
    site.accepts("ann", "Signed Up")
    site.accepts("bob", "Ordered")
    site.works()
    _, shown = site.call("subject", "show", "ann")
    assert "visitor-ann" in json.dumps(shown)
    site.call("subject", "erase", "ann", "--yes")
    site.works()
    reader = opening.to_read(site.given["store"], site.data_dir)  # type: ignore[arg-type]
    assert reader is not None
    assert [each.label for each in reader.read(0, 10)] == ["Ordered"]
    reader.close()


def test_a_database_that_is_away_is_told_in_a_line(site: Site) -> None:
    site.given["store"] = "postgresql://shop:secret7@127.0.0.1:9/shop"
    assert cli.run(["status"], given=site.given) == 2
    said = site._capsys.readouterr().err
    assert "cannot be reached" in said
    assert "secret7" not in said
