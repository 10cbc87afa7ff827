"""Whose kept data is: the rule about users, their visitors and shared devices."""

from __future__ import annotations

import json
from typing import Any

import pytest

from track_middleware.delivery.persons import Gathering, Kind, Subject, held, named, worded
from track_middleware.delivery.store.merges import Merge


def event(**given: Any) -> list[Any]:
    return named(json.dumps(given).encode())


def gathered(given: str, *events: dict[str, Any], kind: Kind = "user", **more: Any) -> Subject:
    found = Gathering(given)
    for each in events:
        found.look(event(**each))
    found.join(more.get("joins", ()))
    found.merged(more.get("merges", ()))
    for each in events:
        found.check(event(**each))
    return found.subject(kind)


ANNA = {"userId": "anna", "anonymousId": "phone"}
BEN = {"userId": "ben", "anonymousId": "family-tablet"}


def test_a_visitor_that_only_ever_had_this_user_is_the_users() -> None:
    subject = gathered("anna", ANNA, {"anonymousId": "phone"})
    assert subject.owns(event(anonymousId="phone"))
    assert subject.visitors == {"phone"}


def test_a_shared_device_gives_only_the_events_that_name_the_user() -> None:
    subject = gathered("anna", {"userId": "anna", "anonymousId": "family-tablet"}, BEN)
    assert subject.shared == {"family-tablet"}
    assert subject.owns(event(userId="anna", anonymousId="family-tablet"))
    assert not subject.owns(event(**BEN))
    assert not subject.owns(event(anonymousId="family-tablet"))


def test_all_of_a_visitors_events_are_its_own_whoever_was_signed_in() -> None:
    subject = gathered("family-tablet", BEN, {"anonymousId": "family-tablet"}, kind="visitor")
    assert subject.owns(event(**BEN))
    assert not subject.owns(event(userId="ben", anonymousId="bens-phone"))


def test_nobody_is_found_by_an_id_that_is_empty() -> None:
    assert not gathered("anna", ANNA).owns(event(userId="", anonymousId=""))
    assert not gathered("anna", ANNA).owns(event(event="x"))


def test_two_tabs_that_were_joined_are_one_visitor() -> None:
    subject = gathered("anna", ANNA, joins=[("second-tab", "phone")])
    assert subject.visitors == {"phone", "second-tab"}


def test_the_merge_journal_finds_a_visitor_whose_events_are_gone() -> None:
    merge = Merge("old-phone", "anna", "", 1.0, "e1", "sign_in")
    assert gathered("anna", ANNA, merges=[merge]).visitors == {"phone", "old-phone"}
    undone = merge._replace(undone_at=2.0, undone_from=3)
    assert gathered("anna", ANNA, merges=[undone]).visitors == {"phone"}


def test_an_alias_names_its_former_id_too() -> None:
    subject = gathered("anna", {"userId": "anna", "previousId": "phone"})
    assert subject.visitors == {"phone"}


def test_what_a_browser_claimed_to_be_is_the_claimed_users() -> None:
    said = {"anonymousId": "stranger", "context": {"claimedUserId": "anna"}}
    assert gathered("anna", ANNA).owns(event(**said))
    assert not gathered("anna", ANNA).owns(event(anonymousId="stranger", context="claimedUserId"))


@pytest.mark.parametrize(
    "raw",
    [b'{"userId":"anna","x":', b'[{"anonymousId" : "anna"}]', b'{"batch":[{"previousId":"anna"'],
)
def test_ids_are_found_in_what_the_door_refused(raw: bytes) -> None:
    assert "anna" in {
        name for each in worded(raw) for name in (each.user_id, each.anonymous_id, each.previous_id)
    }


def test_an_entry_is_its_events_and_its_cookies() -> None:
    entry = {"kind": "browser", "at": 1.0, "event": {"userId": "anna"}, "person": {"visitor": "v"}}
    users = [(each.user_id, each.anonymous_id) for each in held(json.dumps(entry).encode())]
    assert users == [("anna", None), (None, "v")]
    assert held(b"no json at all") == []
