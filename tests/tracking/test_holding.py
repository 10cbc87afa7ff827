"""What a page may hold in memory until a choice: what its tag says, and what a grant's answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.tracking.site import PAGE, Browser, Site

LOAD = "0123456789abcdef0123456789abcdef"


def tag(browser: Browser, **headers: str) -> str:
    """The tag in a page that the browser visits."""
    ending = browser.visit("/", **headers)
    assert ending.injector is not None
    return ending.injector.whole(PAGE).decode().partition("<script")[2].partition(">")[0]


def granted(browser: Browser) -> dict[str, Any]:
    return dict(msgspec.json.decode(browser.post("c", {"analytics": True}).body))


@pytest.mark.parametrize(
    ("settings", "holds"),
    [
        ({"consent": "opt_in"}, True),
        ({"consent": "opt_in", "hold": False}, False),
        ({"consent": "opt_out"}, False),
    ],
)
def test_only_a_page_that_waits_for_a_choice_holds(settings: dict[str, Any], holds: bool) -> None:
    assert ("data-hold" in tag(Browser(Site(**settings)))) is holds


def test_tag_is_the_same_for_who_has_refused_and_who_has_not_chosen() -> None:
    browser = Browser(Site(consent="opt_in"))
    before = tag(browser)
    browser.post("c", {"analytics": False})
    assert tag(browser) == before


def test_what_was_held_may_be_told_of_after_the_first_choice_alone() -> None:
    browser = Browser(Site(consent="opt_in"))
    assert granted(browser)["before"] == "pending"
    assert "before" not in granted(browser)


def test_what_was_held_after_a_refusal_may_not_be_told_of() -> None:
    browser = Browser(Site(consent="opt_in"))
    refusal = msgspec.json.decode(browser.post("c", {"analytics": False}).body)
    assert "before" not in refusal
    assert "before" not in granted(browser)


def test_another_banners_first_choice_lets_go_what_was_held_and_a_later_one_does_not() -> None:
    """Its cookie is there before the page says so; what it said before is in ours."""
    site = Site(consent="opt_in", banners=["onetrust"])
    ada, bob = Browser(site), Browser(site)
    closed = {"OptanonAlertBoxClosed": "2026-05-01"}
    ada.cookies = {**closed, "OptanonConsent": "groups=C0001%3A1%2CC0002%3A1"}
    assert granted(ada)["before"] == "pending"
    bob.cookies = {**closed, "OptanonConsent": "groups=C0001%3A1%2CC0002%3A0"}
    bob.visit("/")
    bob.cookies["OptanonConsent"] = "groups=C0001%3A1%2CC0002%3A1"
    assert "before" not in granted(bob)


def test_without_the_setting_no_grant_lets_anything_go() -> None:
    assert "before" not in granted(Browser(Site(consent="opt_in", hold=False)))


def test_script_is_told_where_the_browsers_own_refusal_denies_everything() -> None:
    assert 'data-gpc="all"' in tag(Browser(Site(respect_gpc="all")))
    assert "data-gpc" not in tag(Browser(Site()))


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        ("f" * 32, "ffffffff-ffff-4fff-afff-ffffffffffff"),
        ("3f0c8a52-9a51-4a8e-a6a7-1f4f6a0f2b11", "3f0c8a52-9a51-4a8e-a6a7-1f4f6a0f2b11"),
        ("F" * 32, None),
        ("x", None),
    ],
)
def test_view_that_the_browser_made_is_a_uuid_from_its_own_bits(page: str, kept: str) -> None:
    site = Site()
    message = {"id": "2", "type": "route", "load": LOAD, "at": 1.0, "url": "/", "page": page}
    Browser(site).post("q", {"v": 1, "sent": 1.0, "events": [message]})
    event = site.entries[-1].event
    assert event is not None
    assert event.context["page"].get("id") == kept
