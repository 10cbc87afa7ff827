"""The wiring: what a verb's events meet before the spool, and after it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from track_middleware import wiring
from track_middleware.delivery import handover
from track_middleware.delivery.spool import LONGEST
from track_middleware.event import Entry, Event
from track_middleware.reading import load


def site(data_dir: Path, *, defer: wiring.Defer | None = None, **given: object) -> wiring.Wiring:
    settings = {"data_dir": str(data_dir), "min_free": "1", "secret_key": "t", **given}
    return wiring.Wiring(load({"deliver": "worker", **settings}, {}), defer=defer)


def test_what_cannot_be_kept_is_refused_at_once_also_inside_a_transaction(data_dir: Path) -> None:
    commits: list[Callable[[], None]] = []

    def defer(append: Callable[[], None]) -> bool:
        commits.append(append)
        return True

    shop = site(data_dir, defer=defer)
    assert shop.tracker.track("Too Long", {"text": "x" * LONGEST}, user_id="42") is None
    endless: dict[str, object] = {}
    endless["again"] = endless
    odd = Event("a", "track", "", event="Odd", properties=endless)
    assert not shop.sink([Entry("event", 1.0, odd)])
    kept = shop.tracker.track("Kept", user_id="42")
    for commit in commits:
        commit()
    assert kept is not None
    (segment,) = (data_dir / "spool").iterdir()
    assert segment.read_bytes().count(b"messageId") == 1
    assert kept.encode() in segment.read_bytes()


def test_the_usual_call_is_kept_only_where_events_are_and_heard_where_they_are_captured(
    data_dir: Path,
) -> None:
    off, shop = site(data_dir / "off", enabled=False), site(data_dir)
    assert off.tracker.say("Sold", {"price": 1}, "42") is None
    assert not (data_dir / "off" / "spool").exists()
    heard: list[str] = []
    with wiring.captured(lambda read: heard.extend(each.event.event for each in read)):  # type: ignore[union-attr, misc]
        assert shop.tracker.say("Heard", {"price": 1}, "42") is not None
    assert shop.tracker.say("Kept", {"price": 1}, "42") is not None
    (segment,) = (data_dir / "spool").iterdir()
    assert heard == ["Heard"]
    assert b"Heard" not in segment.read_bytes()
    assert b"Kept" in segment.read_bytes()


def test_an_accepted_event_keeps_its_id_when_inline_delivery_fails(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "file").touch()
    shop = site(data_dir, deliver="inline", store=f"sqlite:///{data_dir}/file/events.db")
    assert shop.tracker.track("Kept", user_id="42") is not None


def test_a_banner_that_is_a_function_stays_in_the_web_process(data_dir: Path) -> None:
    shop = site(data_dir, banners=["cookiebot", lambda cookies: None])
    assert shop.tracker.core.banners is not None
    handover.write(shop.settings, data_dir)
    here = handover.read(data_dir)
    assert here is not None
    assert "banners" not in here.settings


def test_a_banner_at_a_dotted_path_is_found_at_start(data_dir: Path) -> None:
    shop = site(data_dir, banners=["tests.tracking.test_banners.ours"])
    assert [each.source for each in shop.tracker.core.banners or ()] == ["ours"]


#: What a process that serves the site never needs.
ELSEWHERE = (
    "track_middleware.plan", "track_middleware.delivery.drain", "track_middleware.doctor",
    "track_middleware.enrichment", "track_middleware.history", "track_middleware.cli", "jinja2",
)  # fmt: skip

WSGI = """
from track_middleware.wsgi import TrackMiddleware
TrackMiddleware(print, data_dir=sys.argv[1], deliver="worker")
"""

DJANGO = """
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="a" * 50, TRACK={"data_dir": sys.argv[1], "deliver": "worker"}, DATABASES={},
    INSTALLED_APPS=["track_middleware.django"],
    MIDDLEWARE=["track_middleware.django.TrackMiddleware"],
)
django.setup()
from django.core.wsgi import get_wsgi_application
get_wsgi_application()
from track_middleware.django import site
site.wiring()
"""


@pytest.mark.parametrize("program", [WSGI, DJANGO])
def test_a_web_process_loads_nothing_that_it_does_not_need(program: str, tmp_path: Path) -> None:
    told = f"print(*(name for name in sys.modules if name.startswith({ELSEWHERE})))"
    command = [sys.executable, "-c", f"import sys\n{program}\n{told}", str(tmp_path)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    assert ended.stdout.split() == []
