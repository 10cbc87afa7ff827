"""One person's data, as the command line shows it, hands it over and erases it."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import START, Site
from track_middleware import cli
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import ChoiceRecord, DeadLetter, Outcome
from track_middleware.event import Entry, Event, iso

Call = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """The verb on a data folder; its status, what it printed as JSON, and what it complained of."""

    given = {"data_dir": str(tmp_path), "min_free": "1"}

    def run(*argv: str) -> tuple[int, Any, str]:
        status = cli.run(["subject", *argv, "--json"], given=given)
        said = capsys.readouterr()
        return status, json.loads(said.out) if said.out else None, said.err

    return run


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


def test_the_last_choice_of_a_user_is_shown_with_its_time(site: Site, call: Call) -> None:
    with site.store.batch():
        site.store.intake.choose("user:u1", {"analytics": "denied"}, 1_800_000_000.0)
    status, told, _ = call("consent", "u1")
    assert status == 0
    assert told == [
        {"subject": "user:u1", "at": "2027-01-15T08:00:00.000Z", "states": {"analytics": "denied"}}
    ]


@pytest.mark.parametrize("way", ["show", "consent", "export", "erase", "receipt"])
def test_an_id_that_is_no_text_is_a_wrong_call(way: str, call: Call) -> None:
    status, told, complaint = call(way, os.fsdecode(b"\xff"))
    assert (status, told) == (2, None)
    assert "its bytes are no UTF-8" in complaint


def test_no_choice_is_a_finding(site: Site, call: Call) -> None:
    assert call("consent", "u1")[:2] == (1, [])


def test_a_visitors_choice_is_not_a_users(site: Site, call: Call) -> None:
    with site.store.batch():
        site.store.intake.choose("visitor:u1", {"analytics": "denied"}, 1.0)
    assert call("consent", "u1", "--user")[0] == 1
    assert call("consent", "u1", "--visitor")[0] == 0


def test_without_a_store_there_is_nothing_to_show(tmp_path: Path, call: Call) -> None:
    status, _, complaint = call("consent", "u1")
    assert status == 1
    assert "no store yet" in complaint


# Who is meant, and everything that is kept.

#: Before an erasure, whose moment is the machine's.
AT = time.time() - 3600

GRANTED = {"analytics": "granted", "marketing": "granted"}


def entry(name: str, *, user: str | None = None, visitor: str | None = None, **more: Any) -> Entry:
    event = Event(
        str(uuid.uuid4()), more.pop("type", "track"), iso(AT), event=name, user_id=user,
        anonymous_id=visitor, **more,
    )  # fmt: skip
    return Entry("event", AT, event, consent=GRANTED)


ANNA = [
    entry("Viewed", visitor="phone"),
    entry("Bought", user="anna", visitor="phone", properties={"note": "for Anna"}),
    entry("Bought", user="anna", visitor="tablet"),
]
BEN = [entry("Bought", user="ben", visitor="tablet"), entry("Viewed", visitor="tablet")]


def test_who_is_shown_with_what_is_kept_where(site: Site, call: Call) -> None:
    site.drains(*ANNA, *BEN)
    site.accepts(entry("Later", user="anna"))
    status, told, _ = call("show", "anna")
    assert status == 0
    assert told["subject"] == {
        "kind": "user", "users": ["anna"], "visitors": ["phone"], "shared": ["tablet"],
    }  # fmt: skip
    assert told["kept"] == {"log": 3, "spool": 1}


def test_an_id_of_both_kinds_asks_which(site: Site, call: Call) -> None:
    site.drains(entry("a", user="x", visitor="v"), entry("b", user="y", visitor="x"))
    status, _, complaint = call("show", "x")
    assert status == 2
    assert "--user or --visitor" in complaint
    assert call("show", "x", "--visitor")[1]["kept"] == {"log": 1}


def test_an_export_is_one_document_of_everything(site: Site, call: Call) -> None:
    site.drains(*ANNA, *BEN)
    site.accepts(entry("Later", user="anna"))
    with site.store.batch():
        said = ChoiceRecord("user:anna", AT, {"analytics": "granted"}, "v2", "banner", "e1")
        site.store.intake.record(said)
        letter = DeadLetter(0, "door", "", "", "", START, "no", b'{"userId":"anna"')
        site.store.bury([letter], most=9)
    _, told, _ = call("export", "anna")
    assert told["format"] == 1
    kinds = Counter(item["kind"] for item in told["items"])
    assert kinds == {"event": 3, "entry": 1, "letter": 1, "choice": 1}
    notes = [item["event"].get("properties") for item in told["items"] if item["kind"] == "event"]
    assert {"note": "for Anna"} in notes
    assert "ben" not in json.dumps(told)


def test_nothing_is_kept_of_a_stranger(site: Site, call: Call) -> None:
    site.drains(*BEN)
    assert call("show", "nobody")[0] == 1
    assert call("export", "nobody")[1]["items"] == []


# Erasing.


def test_without_a_yes_nothing_is_erased(site: Site, call: Call) -> None:
    site.drains(*ANNA)
    status, _, complaint = call("erase", "anna")
    assert (status, "--yes" in complaint) == (2, True)
    assert call("show", "anna")[1]["kept"] == {"log": 3}


def test_an_erasure_leaves_what_is_somebody_elses(site: Site, call: Call) -> None:
    site.drains(*ANNA, *BEN)
    site.accepts(entry("Later", user="anna"))
    before = [each for each in bodies(site) if b"anna" not in each and b"phone" not in each]
    status, told, _ = call("erase", "anna", "--yes")
    assert (status, told["events"]) == (0, 3)
    assert [(each["system"], each["state"]) for each in told["systems"]] == [
        ("data folder", "done")
    ]
    assert bodies(site) == before
    assert call("show", "anna")[0] == 1


def test_what_waits_behind_an_erased_event_waits_no_longer(site: Site, call: Call) -> None:
    hers, his = entry("Bought", user="anna", visitor="tablet"), BEN[0]
    site.drains(hers, his)
    job = site.store.job("webhook")
    waiting = [
        Outcome(number, f"e{number}", "tablet", state, due=time.time() + 99)
        for number, state in ((1, "retry"), (2, "held"))
    ]
    site.store.advance(job, 2, waiting)
    call("erase", "anna", "--yes")
    (due,) = site.store.due(job, time.time(), 10)
    assert (due.position, due.state) == (2, "retry")


def test_what_waits_of_a_visitor_who_is_called_as_the_user_is_still_waits(
    site: Site, call: Call
) -> None:
    site.drains(*ANNA, entry("Bought", user="ben", visitor="anna"))
    job = site.store.job("webhook")
    number = len(ANNA) + 1
    site.store.advance(job, number, [Outcome(number, "e", "anna", "retry", due=0.0)])
    assert call("erase", "anna", "--yes", "--user")[0] == 0
    assert [each.position for each in site.store.due(job, time.time(), 10)] == [number]


def test_a_second_erasure_is_the_same_receipt(site: Site, call: Call) -> None:
    site.drains(*ANNA)
    _, first, _ = call("erase", "anna", "--yes")
    assert call("erase", "anna", "--yes")[1] == first
    assert call("receipt", "anna")[1] == first
    site.drains(entry("Again", user="anna"))  # stays out
    assert call("erase", "anna", "--yes")[1] == first


def test_a_visitors_second_erasure_is_the_same_receipt(site: Site, call: Call) -> None:
    site.drains(*ANNA, *BEN)
    _, first, _ = call("erase", "tablet", "--yes")
    assert first["events"] == 3
    assert call("erase", "tablet", "--yes")[1] == first
    assert call("show", "tablet")[1]["erased"] == first["askedAt"]


def test_what_no_worker_has_stored_yet_is_erased_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"data_dir": str(tmp_path / "new"), "min_free": "1"}
    assert cli.run(["subject", "erase", "anna", "--yes"], given=given) == 1
    spool = Spool(tmp_path / "new", now=time.time, min_free="1")
    assert spool.append(ANNA)
    spool.close()
    assert cli.run(["subject", "erase", "anna", "--yes"], given=given) == 0
    assert list((tmp_path / "new" / "spool").iterdir()) == []


def test_stragglers_are_dropped_and_counted(site: Site, call: Call) -> None:
    site.drains(*ANNA, *BEN)
    call("erase", "anna", "--yes")
    site.drains(entry("Late", visitor="phone"), entry("Late", user="anna"), *BEN_AGAIN)
    assert site.counts["erased"] == 2
    assert [json.loads(each)["event"] for each in bodies(site)][-1] == "Bought again"


def bodies(site: Site) -> list[bytes]:
    return [each.body for each in site.store.read(0, 100)]


BEN_AGAIN = [entry("Bought again", user="ben", visitor="tablet")]


def test_whoever_signs_up_again_is_counted_again(site: Site, call: Call) -> None:
    site.drains(*ANNA)
    call("erase", "anna", "--yes")
    later = time.time() + 60
    event = Event(str(uuid.uuid4()), "track", iso(later), event="Signed Up", user_id="anna")
    site.drains(Entry("event", later, event, consent=GRANTED))
    assert [json.loads(each)["event"] for each in bodies(site)] == ["Signed Up"]


def test_a_receipt_holds_no_id(site: Site, call: Call, tmp_path: Path) -> None:
    site.drains(*ANNA)
    _, told, _ = call("erase", "anna", "--yes")
    assert "anna" not in json.dumps(told)
    assert call("receipt", "nobody")[0] == 1
