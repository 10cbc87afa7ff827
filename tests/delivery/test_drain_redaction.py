"""What properties must not hold is taken out before it is stored, and before any hook sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.delivery.site import Site
from track_middleware.event import Entry, Event

MAIL = "ann@example.com"
SECRET = {"query": f"order of {MAIL}", "deep": [{"note": MAIL}], MAIL: 1, "n": 2.5}
CLEAN = {"query": "order of redacted", "deep": [{"note": "redacted"}], "redacted": 1, "n": 2.5}
HARMLESS = {"order_id": "6f1c4f0e-3a5e-4e0b-9a67-2f9f0b7a4d11", "share": "50 %", "at": "@ann"}


@pytest.fixture(params=[False, True], ids=["plain", "whole"])
def site(request: Any, tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, whole=request.param)
    yield made
    made.close()


def said(site: Site, properties: Any, **more: Any) -> Entry:
    entry = site.track(**more)
    assert entry.event is not None
    entry.event.properties = properties
    return entry


def test_a_stored_event_has_no_mail_address_in_its_properties(site: Site) -> None:
    site.drains(said(site, SECRET))
    assert site.event.properties == CLEAN
    assert MAIL.encode() not in b"".join(each.body for each in site.store.read(0, 10))


@pytest.mark.parametrize("secret", [MAIL, "4111 1111 1111 1111", "AKIA" + "ABCDEFGH23456723"])
@pytest.mark.parametrize("before", ["\n", "\t", '"', "€", " "])
def test_what_stands_before_it_hides_nothing(site: Site, before: str, secret: str) -> None:
    site.drains(said(site, {"note": f"paid by{before}{secret}"}))
    assert secret not in str(site.event.properties)


def test_outside_a_request_neither(site: Site) -> None:
    site.drains(said(site, SECRET, consent=None))
    assert site.event.properties == CLEAN
    assert site.event.context["consent"]["analytics"] == "granted"


def test_a_browsers_event_neither(site: Site) -> None:
    event = Event("1", "track", "2027-01-15T08:00:00.000Z", "Typed", properties=SECRET)
    site.drains(Entry("browser", site.now, event, origin="1" * 32))
    assert site.event.properties == CLEAN


def test_what_is_harmless_stays_to_the_byte(site: Site) -> None:
    entry = said(site, HARMLESS)
    site.drains(entry)
    (stored,) = site.store.read(0, 10)
    assert msgspec.json.encode(entry.event) == stored.body


def test_whose_it_is_and_what_describes_the_person_is_the_callers_own_will(site: Site) -> None:
    entry = site.track()
    assert entry.event is not None
    entry.event.user_id, entry.event.traits = MAIL, {"email": MAIL}
    site.drains(entry)
    assert (site.event.user_id, site.event.traits) == (MAIL, {"email": MAIL})


def test_a_hook_sees_what_is_stored(tmp_path: Path) -> None:
    seen: list[Any] = []

    def hook(event: Event) -> Event:
        seen.append(event.properties)
        return event

    site = Site(tmp_path, hook=hook)
    site.drains(said(site, SECRET))
    site.close()
    assert seen == [CLEAN]
