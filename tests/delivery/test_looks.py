"""What the worker has looked at of the events: what they say and cost, and never their values."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from track_middleware.delivery import looking
from track_middleware.delivery.behind import Behind
from track_middleware.delivery.looking import Looking
from track_middleware.delivery.parts import ordinals
from track_middleware.delivery.store import NewRow, sqlite
from track_middleware.delivery.store.whole import Store
from track_middleware.destinations import registry
from track_middleware.plan.observed import Key

DAY = 20_000
START = DAY * 86400.0


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    made = sqlite.open(data_dir / "events.db")
    yield made
    made.close()


def event(
    label: str = "Clicked", *, platform: str = "web", at: float = START, bot: str | None = None,
    properties: str = '{"price":9.5}',
) -> NewRow:  # fmt: skip
    event_id = str(uuid.uuid4())
    body = (
        f'{{"messageId":"{event_id}","type":"track","timestamp":"2024-10-04T00:00:00Z",'
        f'"event":"{label}","anonymousId":"v","properties":{properties},'
        f'"context":{{"platform":"{platform}"}}}}'
    )
    return NewRow(event_id, "v", at, "track", label, body.encode(), bot=bot)


def looker(store: Store, *urls: str) -> Looking:
    return Looking(store.looks, registry.routes(urls), day=ordinals("UTC"))


def found(store: Store, day: int = 0) -> list[tuple[int, str, looking.Look]]:
    return looking.looks(store.looks.since(day))


def test_each_event_is_looked_at_once_however_often_it_is_asked(store: Store) -> None:
    store.append([event() for _ in range(3)])
    one, other = looker(store), looker(store)
    for each in (one, one, other):
        each.step(START)
    store.append([event()])
    other.step(START)
    one.step(START)
    ((day, label, look),) = found(store)
    assert (day, label, look.events) == (DAY, "Clicked", 4)


def test_what_platforms_fill_is_seen_by_day_and_together(store: Store) -> None:
    store.append([event(), event(platform="ios", properties='{"cost":"9"}')])
    looker(store).step(START)
    store.append([event(at=START + 86400), event("Opened", at=START + 86400)])
    looker(store).step(START)
    assert [(day, label) for day, label, _ in found(store)] == [
        (DAY, "Clicked"), (DAY + 1, "Clicked"), (DAY + 1, "Opened"),
    ]  # fmt: skip
    seen = looking.seen(found(store))
    assert seen.cells[Key("Clicked", "web")].span.count == 2
    assert seen.cells[Key("Clicked", "web")].properties["price"].types == {"number": 2}
    assert seen.cells[Key("Clicked", "ios")].properties["cost"].types == {"string": 1}


def test_programs_say_nothing_of_what_platforms_fill(store: Store) -> None:
    store.append([event(bot="crawler"), event()])
    looker(store).step(START)
    assert looking.seen(found(store)).cells[Key("Clicked", "web")].span.count == 1


def test_cost_is_of_as_many_events_as_there_were(store: Store) -> None:
    store.append([event("Clicked"), event("Clicked"), event("Opened")])
    looker(store, "jsonl:////tmp/all", "jsonl:////tmp/some?events=Opened").step(START)
    spent = looking.spent(found(store), lambda day, label: {"Clicked": 200, "Opened": 1}[label])
    first, second = (each for each in spent if each != "store")
    assert spent["store"]["Clicked"].events == 200
    assert spent[first]["Clicked"].of("rows") == 200
    assert spent[second]["Clicked"].of("rows") == 0
    assert spent[second]["Opened"].of("bytes") > 100


def test_a_flood_is_looked_at_from_its_end_and_in_bounds(store: Store) -> None:
    store.append([event("Old") for _ in range(1000)])
    store.append([event("New") for _ in range(looking.AT_ONCE)])
    looker(store).step(START)
    ((_, label, look),) = found(store)
    assert (label, look.events) == ("New", looking.AT_ONCE)


def test_made_up_names_are_looked_at_together(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "MOST_NAMES", 3)
    for first in (0, 5):
        store.append([event(f"Name {number}") for number in range(first, first + 5)])
        looker(store).step(START)
    assert {label: look.events for _, label, look in found(store)} == {
        "Name 0": 1, "Name 1": 1, "Name 2": 1, looking.OTHERS: 7,
    }  # fmt: skip


def test_no_value_of_a_property_is_kept(store: Store) -> None:
    store.append([event(properties='{"email":"anna@example.com"}')])
    looker(store).step(START)
    ((_, _, look),) = store.looks.since(0)
    assert b"email" in look
    assert b"anna" not in look


def test_looks_of_days_that_are_over_go(store: Store) -> None:
    store.append([event(), event(at=START + 86400)])
    looker(store).step(START)
    store.looks.forget(DAY + 1)
    assert [day for day, _, _ in found(store)] == [DAY + 1]


def test_turns_are_far_apart_and_farther_while_the_drain_is_busy(store: Store) -> None:
    each = looker(store)
    looked: list[float] = []
    for moment in range(60):
        store.append([event()])
        before = store.looks.until()
        each.turn(float(moment), now=START, busy=moment >= 20)
        if store.looks.until() > before:
            looked.append(moment)
    assert looked == [*range(0, 20, 2), 38, 58]


def test_what_the_log_does_not_keep_is_not_looked_at(store: Store) -> None:
    rows = [event("Kept"), event("Not kept")]
    positions = store.append(rows)
    with store.batch():
        store.intake.not_kept([positions[rows[1].event_id]])
    looker(store).step(START)
    assert [label for _, label, _ in found(store)] == ["Kept"]


def test_the_worker_looks_when_it_has_nothing_else_to_count(store: Store) -> None:
    store.append([event()])
    behind = Behind(store, (), zone="UTC", now=lambda: START)
    while behind.step():
        pass
    assert [label for _, label, _ in found(store)] == ["Clicked"]
