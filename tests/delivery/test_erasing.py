"""Erasing one person: nothing is left anywhere, whatever breaks on the way."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.emulators.deletions import Deletions
from tests.delivery.recorder import Recorder
from tests.delivery.search import found
from tests.processes import started
from tests.waiting import until
from track_middleware import cli, places
from track_middleware.delivery import handover
from track_middleware.delivery.erasing import erasers
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import DeadLetter, sqlite
from track_middleware.delivery.store.keys import short_key
from track_middleware.delivery.worker import Worker
from track_middleware.destinations.registry import routes
from track_middleware.event import Entry, Event, PageRef, Person, encode_event, iso
from track_middleware.history import subject
from track_middleware.history.subject import Folder
from track_middleware.reading import load

USER, VISITOR, NOTE = "anna+42@example.org", str(uuid.uuid4()), "her-blue-häkelmütze"
#: What Google's own script calls her.
GOOGLES = "1234509876.1799999999"
WORDS = (USER, VISITOR, NOTE, GOOGLES)
GRANTED = {"analytics": "granted", "marketing": "granted"}
HERE = Path(__file__).parent


@pytest.fixture
def deletions() -> Deletions:
    return Deletions()


@pytest.fixture
def vendors(deletions: Deletions) -> Iterator[str]:
    with Recorder(deletions) as recorder:
        yield recorder.url


def urls(at: str) -> list[str]:
    """A destination of each vendor that can be asked, all at one stand-in server."""
    here = f"endpoint={at}&erase_endpoint={at}"
    return [
        f"amplitude://key?secret=s&{here}",
        f"mixpanel://token?erase_token=s&{here}",
        f"posthog://phc_key?personal_key=s&project_id=7&{here}",
        f"segment://key?erase_token=s&{here}",
        f"heap://12345?erase_key=s&{here}",
        f"ga4://G-ABC:secret?property_id=5&erase_token=s&{here}",
    ]


class Shop:
    """A data folder with a person in every place that can hold one, and another person beside."""

    def __init__(self, folder: Path, destinations: list[str]) -> None:
        self.folder = folder
        self.given = {
            "data_dir": str(folder), "destinations": destinations, "min_free": "1",
            "secret_key": "a secret for the tests", "history": {"note": {"last": "Bought.note"}},
        }  # fmt: skip
        self.spool = Spool(folder, now=time.time, min_free="1")

    def work(self, **more: Any) -> None:
        worker = Worker(load(self.given, {}), data_dir=self.folder, **more)
        try:
            worker.once()
        finally:
            worker.close()

    def accept(self, *entries: Entry) -> None:
        assert self.spool.append(entries)

    def call(self, *argv: str) -> int:
        return cli.run(["subject", *argv], given=self.given)

    def others(self) -> tuple[int, str]:
        """How many events of others there are, and a hash of them all."""
        store = sqlite.open(self.folder / "events.db")
        rows = [each.body for each in store.read(0, 10_000) if b"ben" in each.body]
        store.close()
        return len(rows), sha256(b"\n".join(rows)).hexdigest()


def event(user: str | None, visitor: str | None, note: str, **more: Any) -> Event:
    return Event(
        str(uuid.uuid4()), more.pop("type", "track"), iso(time.time()), event="Bought",
        user_id=user, anonymous_id=visitor, properties={"note": note}, **more,
    )  # fmt: skip


def entry(user: str | None, visitor: str | None, note: str, **more: Any) -> Entry:
    kind = more.pop("kind", "event")
    made = event(user, visitor, note)
    return Entry(kind, time.time(), made, consent=GRANTED, **more)


def filled(folder: Path, destinations: list[str]) -> Shop:
    """Something of the person in the log, page rows, waiting halves, dead letters of two stages,
    choices, joins, and in what was removed before."""
    shop = Shop(folder, destinations)
    person = Person(VISITOR, user=USER)
    now = time.time()
    for number in range(40):
        shop.accept(entry("ben", "bens-phone", f"ben-{number}"))
        shop.accept(entry(USER if number % 2 else None, VISITOR, f"{NOTE}-{number}"))
    shop.accept(entry(USER, VISITOR, NOTE, facts={"_ga": f"GA1.1.{GOOGLES}"}))
    page = PageRef(str(uuid.uuid4()), now, "counted")
    view = Event(page.id, "page", iso(now), anonymous_id=VISITOR, properties={"note": NOTE})
    shop.accept(
        Entry("view", now, view, person=person, page=page, consent=GRANTED, await_half=True),
        Entry("choice", now, event(USER, VISITOR, NOTE), consent=GRANTED),
        Entry("door", now, reason="no", raw=json.dumps({"userId": USER, "note": NOTE})),
        entry(None, VISITOR, NOTE, kind="browser", origin="1" * 32, person=person,
              page=PageRef(str(uuid.uuid4()), now, "never", load="1" * 32)),
    )  # fmt: skip
    shop.work()
    store = sqlite.open(folder / "events.db")
    body = encode_event(event(USER, VISITOR, NOTE))
    with store.batch():
        store.intake.join(str(uuid.uuid4()), VISITOR, now)
        store.bury([DeadLetter(0, "destination", "heap", "e", "Bought", now, f"bad {USER}", body)],
                   most=100)  # fmt: skip
    store.close()
    _deleted_long_ago(folder / "events.db", body)
    shop.accept(entry(USER, VISITOR, f"{NOTE}-late"), entry("ben", "bens-phone", "ben-late"))
    return shop


def _deleted_long_ago(path: Path, body: bytes) -> None:
    """What was removed before anybody thought of erasing, by a SQLite that leaves it there."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA secure_delete = OFF")
        with raw:
            raw.executemany(
                "INSERT INTO dead (stage, destination, event_id, label, time, reason, body) "
                "VALUES ('plan', '', '', '', 0, '', ?)", [(body * 3,)] * 50,
            )  # fmt: skip
        with raw:
            raw.execute("DELETE FROM dead WHERE stage = 'plan'")


def test_nothing_of_a_person_is_left_in_any_byte(
    tmp_path: Path, vendors: str, deletions: Deletions, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = filled(tmp_path / "data", urls(vendors))
    words = {*WORDS, *her_events(shop)}
    before = found(shop.folder, words)
    assert before.keys() == words  # or the search could find nothing
    assert len(words) > 40
    assert {"events.db"} < {name for names in before.values() for name in names}
    number, _ = shop.others()
    assert shop.call("erase", USER, "--yes", "--json") == 0
    receipt = json.loads(capsys.readouterr().out)
    assert {each["state"] for each in receipt["systems"]} == {"done", "asked"}
    assert receipt["answeredAt"] is not None
    assert found(shop.folder, words) == {}
    assert shop.others()[0] == number + 1  # ben's late one is there as well
    assert sorted(deletions.asked) == ["amplitude", "ga4", "heap", "mixpanel", "posthog", "segment"]
    asked = deletions.asked["mixpanel"][0]["distinct_ids"]
    assert {USER, VISITOR, f"$device:{VISITOR}"} < set(asked)
    assert {"type": "CLIENT_ID", "userId": GOOGLES} in [
        each["id"] for each in deletions.asked["ga4"]
    ]


def test_a_persons_sessions_are_counted_no_more_and_others_are(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "data", [])
    for visitor, session in ((VISITOR, "hers"), ("bens-phone", "his")):
        about = {"page": {"path": "/"}, "session": {"id": session}, "platform": "server"}
        view = event(None, visitor, "", type="page", context=about)
        shop.accept(Entry("event", time.time(), view))
    shop.work()
    assert sessions(shop) == {short_key("hers"), short_key("his")}
    assert shop.call("erase", VISITOR, "--yes") == 0
    assert sessions(shop) == {short_key("his")}


def sessions(shop: Shop) -> set[int]:
    with closing(sqlite3.connect(shop.folder / "events.db")) as raw:
        return {number for (number,) in raw.execute("SELECT session FROM rollup_session")}


def her_events(shop: Shop) -> list[str]:
    with closing(sqlite.open(shop.folder / "events.db")) as store:
        return [each.event_id for each in store.read(0, 10_000) if VISITOR.encode() in each.body]


def test_others_events_stay_as_they_were(tmp_path: Path, vendors: str) -> None:
    shop = filled(tmp_path / "data", [])
    shop.work()
    before = shop.others()
    assert shop.call("erase", USER, "--yes") == 0
    assert shop.others() == before


def test_a_vendor_that_is_down_is_asked_until_it_answers(
    tmp_path: Path, vendors: str, deletions: Deletions
) -> None:
    shop = filled(tmp_path / "data", urls(vendors)[:2])
    deletions.down = True
    assert shop.call("erase", USER, "--yes") == 1
    here = found(shop.folder, WORDS)
    assert {name for names in here.values() for name in names} == set(
        os.listdir(shop.folder / "erasing")
    )  # its ids alone, to be told
    with closing(sqlite.open(shop.folder / "events.db")) as store:
        # What was on its way to another destination ends, and is noted.
        store.merges.tell("mixpanel", {(VISITOR, USER): "e1"}, at=time.time())
    deletions.down, deletions.busy = False, 2
    for number in range(1, 7):
        shop.work(now=partial(later, number * 400))
    assert found(shop.folder, WORDS) == {}
    assert shop.call("receipt", USER) == 0


def test_a_refused_key_needs_you(
    tmp_path: Path, vendors: str, deletions: Deletions, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = filled(tmp_path / "data", urls(vendors)[:1])
    deletions.locked = True
    assert shop.call("erase", USER, "--yes", "--json") == 1
    systems = json.loads(capsys.readouterr().out)["systems"]
    assert [each["state"] for each in systems] == ["done", "needs you"]
    assert "HTTP 401" in systems[1]["answer"]
    assert cli.run(["status"], given=shop.given) == 1
    assert "amplitude needs you HTTP 401" in capsys.readouterr().out


def test_what_a_url_lacks_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Recorder(Deletions()) as recorder:
        shop = filled(tmp_path / "data", [f"amplitude://key?endpoint={recorder.url}"])
        assert shop.call("erase", USER, "--yes", "--json") == 1
    systems = json.loads(capsys.readouterr().out)["systems"]
    assert (systems[1]["state"], systems[1]["answer"]) == ("not asked", "needs ?secret=")
    assert found(shop.folder, WORDS) == {}


def test_a_destination_that_is_gone_meanwhile_holds_no_ids_back(
    tmp_path: Path, vendors: str, deletions: Deletions, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = filled(tmp_path / "data", urls(vendors)[:1])
    deletions.down = True
    assert shop.call("erase", USER, "--yes") == 1
    shop.given["destinations"] = []
    shop.work()
    assert states(shop, capsys) == {"data folder": "done", "amplitude": "not asked"}
    assert found(shop.folder, WORDS) == {}


def test_a_task_is_followed_until_it_is_over(
    tmp_path: Path, vendors: str, deletions: Deletions, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = filled(tmp_path / "data", [urls(vendors)[at] for at in (1, 3, 4)])
    shop.call("erase", USER, "--yes")
    shop.work(now=partial(later, 3700))
    assert states(shop, capsys) == {"data folder": "done", "mixpanel": "asked", "segment": "asked",
                                    "heap": "asked"}  # fmt: skip
    deletions.finished = True
    shop.work(now=partial(later, 7400))
    assert set(states(shop, capsys).values()) == {"done"}


def states(shop: Shop, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    capsys.readouterr()
    shop.call("receipt", USER, "--json")
    told = json.loads(capsys.readouterr().out)
    return {each["system"]: each["state"] for each in told["systems"]}


def later(seconds: float) -> float:
    return time.time() + seconds


def test_a_worker_killed_between_any_two_steps_is_made_good_by_the_next(
    tmp_path: Path, vendors: str, deletions: Deletions, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = filled(tmp_path / "data", urls(vendors)[:1])
    before = shop.others()[0] + 1
    asked_for(shop)
    done = subprocess.run(
        [sys.executable, "-m", "tests.delivery.eraser_kills", str(shop.folder)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15
    for number in range(int(done.stdout)):
        shop.given["data_dir"] = str(tmp_path / f"killed-{number}")
        shop.folder = tmp_path / f"killed-{number}"
        assert found(shop.folder, WORDS) == {}, number
        assert shop.others()[0] == before
        assert set(states(shop, capsys).values()) == {"done"}


def asked_for(shop: Shop) -> None:
    """As ``erase`` does, by somebody who is killed at once."""
    settings = load(shop.given, {})
    handover.write(settings, shop.folder)
    key = places.secret(shop.folder).encode()
    with closing(sqlite.open(shop.folder / "events.db")) as store:
        folder = Folder(store, shop.folder)
        who = folder.of(folder.who(USER, None)).subject
        systems = erasers(routes(settings.destinations), settings.destinations)
        subject.ask(store, shop.folder, who, key=key, systems=systems, now=time.time())


def test_a_person_is_erased_from_a_site_that_goes_on(tmp_path: Path, vendors: str) -> None:
    folder = tmp_path / "data"
    program = [sys.executable, "-m", "tests.delivery.erased_host", str(folder), urls(vendors)[1]]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with started(program, **pipes) as site:
        for number in range(50):
            said(site, "ben", "bens-phone", f"ben-{number}")
            said(site, USER if number % 2 else "-", VISITOR, f"{NOTE}-{number}")
        until(lambda: kept(folder, b"her-blue") == 50)
        eraser = threading.Thread(target=cli.run, args=(
            ["subject", "erase", USER, "--yes", "--json", "--data-dir", str(folder)],
        ))  # fmt: skip
        eraser.start()
        number = 50
        while eraser.is_alive():
            eraser.join(0.01)
            said(site, "ben", "bens-phone", f"ben-{number}")
            said(site, "-", VISITOR, NOTE)  # stragglers
            number += 1
        until(lambda: kept(folder, b"ben-") == number)
        until(lambda: not found(folder, WORDS))
        assert site.poll() is None
    assert number > 50


def said(site: subprocess.Popen[str], user: str, visitor: str, note: str) -> None:
    assert site.stdin is not None
    assert site.stdout is not None
    site.stdin.write(f"{user} {visitor} {note}\n")
    site.stdin.flush()
    assert site.stdout.readline()


def kept(folder: Path, word: bytes) -> int:
    """How many events of the log hold a word."""
    store = sqlite.to_read(folder / "events.db")
    if store is None:
        return 0
    with closing(store):
        return sum(word in each.body for each in store.read(0, 100_000))
