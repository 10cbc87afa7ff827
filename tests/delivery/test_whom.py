"""Of whom a destination is told: each merge once, and none that was undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.served import Shop, event_id, row
from track_middleware.destinations import Answer, Call

ANN = {"anonymousId": "v1", "userId": "ann"}


class Vendor:
    """Keeps the records of its calls' bodies, of whatever vendor."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.answers: list[Answer] = []

    def __call__(self, call: Call) -> Answer:
        if self.answers:
            return self.answers.pop(0)
        body = json.loads(call.body)
        records = (
            body if isinstance(body, list) else body.get("batch") or body.get("events") or [body]
        )
        self.records += records
        return Answer(200, {}, b'{"status": 1}')

    def named(self, name: str) -> list[dict[str, Any]]:
        return [each for each in self.records if each.get("event") == name]


@pytest.fixture
def shop(data_dir: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    made = Shop(data_dir, getattr(request, "param", "posthog://KEY"), Vendor())
    yield made
    made.close()


def identify(number: int, *, who: dict[str, str] = ANN, **traits: Any) -> Any:
    return row(number, visitor=who.get("anonymousId", ""), type="identify", traits=traits, **who)


def vendor(shop: Shop) -> Vendor:
    assert isinstance(shop.network, Vendor)
    return shop.network


# Once.

JOINED = {
    "posthog://KEY": lambda v: len(v.named("$identify")),
    "mixpanel://T?identity=original": lambda v: len(v.named("$merge")),
    "heap://APP": lambda v: len([r for r in v.records if "app_id" in r and "identity" in r]),
}


@pytest.mark.parametrize("shop", JOINED, indirect=True)
def test_a_destination_is_told_of_a_merge_once(shop: Shop, request: pytest.FixtureRequest) -> None:
    joined = JOINED[request.node.callspec.params["shop"]]
    shop.accept(identify(1), identify(2, plan="pro"), identify(3))
    shop.run()
    shop.accept(identify(4, plan="max"), identify(5))
    shop.restart()
    shop.run()
    assert joined(vendor(shop)) == 1
    assert shop.position() == 5
    assert not shop.dead()
    told = json.dumps(vendor(shop).records)
    assert "pro" in told, "traits still go"
    assert "max" in told, "traits still go"


def test_every_visitor_of_a_user_is_told_of(shop: Shop) -> None:
    shop.accept(identify(1), identify(2, who={"anonymousId": "v2", "userId": "ann"}))
    shop.run()
    joined = [each["properties"]["$anon_distinct_id"] for each in vendor(shop).named("$identify")]
    assert joined == ["v1", "v2"]


def test_what_was_not_taken_tells_again(shop: Shop) -> None:
    vendor(shop).answers = [Answer(503)]
    shop.accept(identify(1))
    shop.run()
    assert shop.store.merges.told(shop.route.target, ["v1"]) == {}
    shop.run_out()
    assert len(vendor(shop).named("$identify")) == 1
    assert shop.store.merges.told(shop.route.target, ["v1"]) == {("v1", "ann"): event_id(1)}


@pytest.mark.parametrize("shop", JOINED, indirect=True)
def test_where_what_tells_is_refused_the_next_tells(
    shop: Shop, request: pytest.FixtureRequest
) -> None:
    vendor(shop).answers = [Answer(400, {}, b'{"error": "no"}')]
    shop.accept(identify(1), identify(2), identify(3))
    shop.run()
    shop.run_out()
    assert list(shop.dead()) == [event_id(1)]
    assert shop.store.merges.told(shop.route.target, ["v1"]) == {("v1", "ann"): event_id(2)}
    assert JOINED[request.node.callspec.params["shop"]](vendor(shop)) == 1
    assert not shop.waiting()


def assert_sent_alike_again(shop: Shop) -> None:
    shop.run()
    first = list(vendor(shop).records)
    vendor(shop).records.clear()
    shop.store._db._raw.execute("UPDATE job SET position = 0")
    shop.restart()
    shop.run()
    assert vendor(shop).records == first


def test_the_event_that_told_says_the_same_when_it_goes_again(shop: Shop) -> None:
    shop.accept(identify(1, plan="pro"), identify(2, plan="max"))
    assert_sent_alike_again(shop)


def test_a_repeated_alias_has_nothing_to_tell(shop: Shop) -> None:
    alias = {"type": "alias", "previousId": "old", "userId": "ann"}
    shop.accept(row(1, **alias), row(2, **alias))
    shop.run()
    assert len(vendor(shop).named("$create_alias")) == 1
    assert (shop.position(), shop.dead(), shop.waiting()) == (2, {}, {})


@pytest.mark.parametrize("shop", ["mixpanel://T", "amplitude://KEY", "segment://W"], indirect=True)
def test_who_learns_it_from_the_ids_gets_every_identify(shop: Shop) -> None:
    shop.accept(identify(1, plan="pro"), identify(2, plan="max"))
    shop.run()
    assert shop.store.merges.told(shop.route.target, ["v1"]) == {}
    assert "pro" in json.dumps(vendor(shop).records)


# Undone.


def undo(shop: Shop, *, after: int) -> None:
    with shop.store.batch():
        from track_middleware.delivery.store import Merge

        shop.store.merges.add([Merge("v1", "ann", "", 0.0, event_id(1), "identify")])
    assert shop.store.merges.undo("v1", "ann", after=after, at=1.0)


@pytest.mark.parametrize("shop", ["posthog://KEY", "segment://W"], indirect=True)
def test_behind_a_split_the_visitor_goes_without_the_user_and_under_another_id(shop: Shop) -> None:
    shop.accept(row(1, **ANN), row(2, **ANN), row(3), row(4, visitor="v2", userId="ann"))
    undo(shop, after=1)
    shop.run()
    told = json.dumps(vendor(shop).records)
    ids = [
        (each.get("userId"), each.get("anonymousId"), each.get("distinct_id"))
        for each in vendor(shop).records
    ]
    assert len(set(ids[1:3])) == 1, "all of the visitor's are one again"
    assert "ann" in str(ids[0])
    assert "ann" not in str(ids[1])
    assert "v1" not in str(ids[1])
    assert "ann" in str(ids[3]), "the user's other visitors are theirs"
    assert told.count("v1") == (1 if "userId" in vendor(shop).records[0] else 0)


def test_an_identify_behind_a_split_is_the_users_alone(shop: Shop) -> None:
    undo(shop, after=0)
    shop.accept(identify(1, plan="pro"), identify(2))
    shop.run()
    assert not vendor(shop).named("$identify")[1:]
    (said,) = vendor(shop).named("$set")
    assert (said["distinct_id"], said["$set"]) == ("ann", {"plan": "pro"})
    assert "v1" not in json.dumps(vendor(shop).records)


def test_an_alias_of_what_was_split_says_nothing(shop: Shop) -> None:
    undo(shop, after=0)
    shop.accept(row(1, type="alias", previousId="v1", userId="ann"))
    shop.run()
    assert (vendor(shop).records, shop.position(), shop.dead()) == ([], 1, {})


def test_the_vendors_own_names_of_the_browser_stay_behind(shop: Shop) -> None:
    undo(shop, after=0)
    shop.accept(row(1, context={"vendorIds": {"ph": {"id": "theirs"}}, "locale": "de"}, **ANN))
    shop.run()
    assert "theirs" not in json.dumps(vendor(shop).records)
    assert "de" in json.dumps(vendor(shop).records)


def test_an_event_says_the_same_whenever_it_is_sent(shop: Shop) -> None:
    undo(shop, after=1)
    shop.accept(row(1, **ANN), row(2, **ANN))
    assert_sent_alike_again(shop)


def test_a_split_taken_back_is_none(shop: Shop) -> None:
    undo(shop, after=0)
    shop.store.merges.redo("v1", "ann")
    shop.accept(row(1, **ANN))
    shop.run()
    assert [each["distinct_id"] for each in vendor(shop).records] == ["ann"]


def test_a_second_wrong_user_is_split_off_under_a_further_id(shop: Shop) -> None:
    from track_middleware.delivery.store import Merge

    undo(shop, after=0)
    shop.accept(row(1, **ANN))
    shop.run()
    with shop.store.batch():
        shop.store.merges.add([Merge("v1", "bob", "", 0.0, "", "identify")])
    shop.store.merges.undo("v1", "bob", after=1, at=2.0)
    shop.accept(row(2, anonymousId="v1", userId="bob"))
    shop.run()
    one, two = (each["distinct_id"] for each in vendor(shop).records)
    assert len({one, two, "v1", "bob", "ann"}) == 5
