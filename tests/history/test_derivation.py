"""Deriving again: same ids and times, today's content, shown before it is sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.delivery.recorder import Recorder
from track_middleware import cli, enrichment
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.store.replays import Beside
from track_middleware.delivery.worker import Worker
from track_middleware.event import Entry, Event, iso
from track_middleware.history.derivation import differences
from track_middleware.plan.repairs import Convert, Rename, Repair
from track_middleware.reading import load

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
REPAIRS = [Repair("Order Done", [Rename("Order Completed"), Convert("revenue", "number")])]


def margin(event: Event) -> Event:
    """An enricher, as a site has it."""
    event.properties = {**(event.properties or {}), "margin": 0.25}
    return event


def nobody(event: Event) -> Event | None:
    """A ``before_send`` that drops one."""
    return None if event.properties.get("number") == 1 else event


class Site:
    """A site whose settings change between what was delivered and what is replayed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], vendor: Recorder) -> None:
        self.folder = folder
        self.vendor = vendor
        hook = vendor.url.replace("http://", "webhook+http://")
        self.given: dict[str, Any] = {
            "data_dir": str(folder / "data"),
            "destinations": [f"{hook}/one?name=one", f"{hook}/two?name=two"],
            "min_free": "1",
            "secret_key": "a secret for the tests",
        }
        self.spool = Spool(folder / "data", now=time.time, min_free="1")
        self._capsys = capsys
        self.work()

    def tell(self, number: int, name: str = "Order Completed", **properties: Any) -> None:
        page = {"url": "https://shop.example/", "referrer": "https://www.google.com/"}
        event = Event(
            f"00000000-0000-4000-8000-{number:012}", "track", iso(time.time()), event=name,
            anonymous_id="v", properties={"number": number, **properties},
            context={"userAgent": FIREFOX, "page": page},
        )  # fmt: skip
        consent = {"analytics": "granted", "marketing": "granted"}
        facts = {"country": "NZ"}
        assert self.spool.append([Entry("event", time.time(), event, consent=consent, facts=facts)])

    def work(self) -> None:
        worker = Worker(load(self.given, {}), data_dir=self.folder / "data")
        assert worker.once()
        worker.close()

    def replay(self, *argv: str) -> dict[str, Any]:
        call = ["replay", "--destination", "one", "--derive", "--json", *argv]
        assert cli.run(call, given=self.given) == 0
        said: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return said

    def text(self, *argv: str) -> str:
        cli.run(["replay", "--destination", "one", "--derive", *argv], given=self.given)
        return self._capsys.readouterr().out

    def got(self, destination: str = "one") -> list[dict[str, Any]]:
        calls = [each for each in self.vendor.got if each.path == f"/{destination}"]
        return [event for call in calls for event in json.loads(call.body)["batch"]]

    def rows(self) -> list[Beside]:
        store = sqlite.open(self.folder / "data" / "events.db")
        found = list(store.replays.beside(0, store.end(), 1000))
        store.close()
        return found

    def as_before(self, **derived: Any) -> None:
        """What was derived, as if an earlier release had derived this instead."""
        store = sqlite.open(self.folder / "data" / "events.db")
        with store.batch():
            store.replays.put_beside([_changed(each, derived) for each in self.rows()])
        store.close()


def _changed(row: Beside, derived: dict[str, Any]) -> Beside:
    both = {**json.loads(row.derived or b"{}"), **derived}
    return msgspec.structs.replace(row, derived=json.dumps(both).encode(), derived_version=0)


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str], vendor: Recorder) -> Iterator[Site]:
    site = Site(tmp_path, capsys, vendor)
    yield site
    site.spool.close()


def test_what_an_earlier_enrichment_derived_is_derived_again_and_sent_under_the_same_id(site):
    site.tell(1)
    site.work()
    as_it_should_be = site.got()[0]["context"]
    site.as_before(channel="Direct", browser={"name": "Netscape"})
    said = site.replay()
    assert (said["events"], said["derived"]["changed"]) == (1, 1)
    site.work()
    first, again = site.got()
    assert again["context"] == as_it_should_be
    assert (again["messageId"], again["timestamp"]) == (first["messageId"], first["timestamp"])
    assert len(site.got("two")) == 1
    (row,) = site.rows()
    assert row.derived_version == enrichment.VERSION


def test_what_followed_from_the_request_alone_stays(site):
    site.tell(1)
    site.work()
    assert site.got()[0]["context"]["location"] == {"country": "NZ"}
    site.as_before(channel="Direct", ordersSoFar=3)
    site.replay()
    site.work()
    context = site.got()[1]["context"]
    assert (context["location"], context["ordersSoFar"]) == ({"country": "NZ"}, 3)


def test_a_new_enricher_is_applied_to_what_was_stored_before_and_the_body_stays(site):
    site.tell(1)
    site.work()
    (before,) = site.rows()
    site.given["enrichers"] = ["tests.history.test_derivation.margin"]
    site.replay()
    site.work()
    assert [each["properties"].get("margin") for each in site.got()] == [None, 0.25]
    (after,) = site.rows()
    assert (after.body, after.position, after.event_id) == (
        before.body, before.position, before.event_id,
    )  # fmt: skip
    assert site.replay("--dry-run")["derived"]["changed"] == 0
    site.replay()
    assert site.rows() == [after]
    site.work()
    assert site.got()[2]["context"] == site.got()[0]["context"]


def test_repairs_that_were_written_later_mend_what_is_in_the_log(site):
    site.tell(1, "Order Done", revenue="39.5")
    site.tell(2)
    site.work()
    site.given["repairs"] = "tests.history.test_derivation.REPAIRS"
    said = site.replay("--events", "Order Completed")
    assert (said["events"], said["derived"]["changed"]) == (2, 1)
    site.work()
    again = site.got()[2:]
    assert [each["event"] for each in again] == ["Order Completed"] * 2
    assert again[0]["properties"]["revenue"] == 39.5
    site.given["repairs"] = None
    site.replay()
    assert site.rows()[0].label == "Order Done", "what a repair made goes with it"


def test_the_preview_shows_what_is_sent_before_and_after_and_changes_nothing(site):
    for number in range(1, 4):
        site.tell(number)
    site.work()
    before = site.rows()
    site.given["enrichers"] = ["tests.history.test_derivation.margin"]
    said = site.replay("--dry-run", "--samples", "2")
    assert said["replay"] is None
    derived = said["derived"]
    assert (derived["events"], derived["changed"], derived["paths"]) == (
        3, 3, {"properties.margin": 3},
    )  # fmt: skip
    assert [each["changes"] for each in derived["samples"]] == [
        {"properties.margin": {"before": None, "after": 0.25}}
    ] * 2
    assert "properties.margin: nothing -> 0.25" in site.text("--dry-run")
    assert site.rows() == before
    site.work()
    assert len(site.got()) == 3


def test_the_preview_shows_no_more_than_the_destination_gets(site):
    site.tell(1)
    site.work()
    url = site.given["destinations"][0]
    site.given["destinations"][0] = f"{url}&without=margin"
    site.given["enrichers"] = ["tests.history.test_derivation.margin"]
    assert site.replay("--dry-run")["derived"]["paths"] == {}


def test_what_before_send_drops_today_is_told(site):
    site.tell(1)
    site.tell(2)
    site.work()
    site.given["before_send"] = "tests.history.test_derivation.nobody"
    said = site.replay("--dry-run")
    assert said["derived"]["dropped"] == 1
    assert any("before_send" in each for each in said["warnings"])


def test_differences_are_found_by_path():
    one, other = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 3, "d": 4}
    assert dict(differences(one, other)) == {"b": (2, 3), "c": (3, None), "d": (None, 4)}


def test_what_follows_from_an_events_own_words_is_known_by_name():
    page = {"url": "https://shop.example/?gclid=1", "referrer": "https://www.google.com/"}
    campaign = {"gclid": "1", "utm_source": "google"}
    said = {"page": page, "campaign": campaign}
    agents = [FIREFOX, "Googlebot/2.1 (+http://www.google.com/bot.html)"]
    found = {
        key
        for each in agents
        for key in enrichment.enrich(
            Event("1", "page", iso(0), context={**said, "userAgent": each}), None
        )
    }
    assert found == enrichment.FOLLOWING
