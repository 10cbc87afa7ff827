"""Stragglers of erased persons: dropped by every road, and nobody else's."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import GRANTED, START, Site
from track_middleware.delivery import tombstones
from track_middleware.errors import StoreError
from track_middleware.event import Entry, Event, PageRef, Person, iso

KEY = b"a secret of the folder"
PAGE = str(uuid.uuid4())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Anna was erased at START, with her visitor and one page."""
    (tmp_path / tombstones.SECRET).write_bytes(KEY + b"\n")
    site = Site(tmp_path)
    names = {("user", "anna"): START, ("visitor", "phone"): None, ("page", PAGE): None}
    with site.store.batch():
        site.store.persons.entomb(
            {tombstones.name(KEY, kind, id_): until for (kind, id_), until in names.items()}
        )
    yield site
    site.close()


def entry(kind: Any = "event", *, at: float = START - 10, **more: Any) -> Entry:
    ids = {name: more.pop(name) for name in ("user_id", "anonymous_id", "previous_id", "context")
           if name in more}  # fmt: skip
    event = Event(str(uuid.uuid4()), "track", iso(at), event="Bought", **ids)
    return Entry(kind, more.pop("accepted", at), event, consent=GRANTED, **more)


LATER = START + 1000

STRAGGLERS = {
    "of the user, from before": entry(user_id="anna"),
    "of the user, come late": entry(user_id="anna", accepted=LATER),
    "of the user's cookie, sent late": entry(
        "browser", anonymous_id="shared", accepted=LATER, person=Person("shared", user="anna"),
        page=PageRef("p", START - 20, "counted"),
    ),
    "of the visitor, whenever": entry(anonymous_id="phone", at=LATER),
    "that says who the visitor is": entry(user_id="ben", previous_id="phone", at=LATER),
    "that claims to be the user": entry(anonymous_id="x", context={"claimedUserId": "anna"}),
    "of a page that was erased": entry(
        "browser", anonymous_id="bens-phone", at=LATER, person=Person("bens-phone"),
        page=PageRef(PAGE, START, "counted"),
    ),
    "of a cookie that was erased": entry(
        "browser", at=LATER, person=Person("phone"), page=PageRef("p", START, "counted")
    ),
    "that the door refused": Entry("door", START, reason="no", raw='{"anonymousId" : "phone", "x'),
    "a choice": entry("choice", anonymous_id="phone"),
}  # fmt: skip

OTHERS = {
    "of the user, after coming back": entry(user_id="anna", anonymous_id="new", at=LATER),
    "of a user with the visitor's name": entry(user_id="phone", at=LATER),
    "of a visitor with the user's name": entry(anonymous_id="anna"),
    "that only speaks of her": entry(user_id="ben", context={"note": "anna phone"}),
}


@pytest.mark.parametrize("which", STRAGGLERS)
def test_a_straggler_is_dropped_and_counted(site: Site, which: str) -> None:
    site.now = LATER
    site.drains(STRAGGLERS[which])
    site.waits(60)
    assert site.counts["erased"] == 1
    assert site.events == []
    assert site.store.dead() == []
    assert not site.store.intake.any_choice()


@pytest.mark.parametrize("which", OTHERS)
def test_somebody_elses_event_stays(site: Site, which: str) -> None:
    site.now = LATER
    site.drains(OTHERS[which])
    assert (site.counts["erased"], len(site.events)) == (0, 1)


def test_others_of_the_same_batch_keep_their_order(site: Site) -> None:
    site.drains(entry(user_id="ben"), entry(anonymous_id="phone"), entry(user_id="carl"))
    assert [each.user_id for each in site.events] == ["ben", "carl"]


def test_without_the_secret_nothing_is_stored_unchecked(site: Site, tmp_path: Path) -> None:
    (tmp_path / tombstones.SECRET).unlink()
    with pytest.raises(StoreError, match="erased persons"):
        site.drains(entry(user_id="ben"))
    (tmp_path / tombstones.SECRET).write_bytes(KEY)
    site.drains()
    assert len(site.events) == 1


def test_a_name_tells_nobody_who_it_is() -> None:
    name = tombstones.name(KEY, "user", "anna")
    assert name != tombstones.name(b"another", "user", "anna")
    assert name != tombstones.name(KEY, "visitor", "anna")
    assert "anna" not in json.dumps(name)
