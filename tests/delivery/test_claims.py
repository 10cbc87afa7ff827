"""A job belongs to what its destination points at: no change of the list moves a position."""

from __future__ import annotations

import pytest

from track_middleware.delivery.store import DeadLetter, NewRow, sqlite
from track_middleware.delivery.store.claims import former
from track_middleware.delivery.store.replays import Part
from track_middleware.destinations import registry

A, B, C = "heap://A", "heap://B", "heap://C"


@pytest.fixture
def store(tmp_path):
    store = sqlite.open(tmp_path / "events.db", now=lambda: 1.0)
    yield store
    store.close()


def take(store, *urls):
    """What a worker that starts with these URLs finds; each one's position."""
    store.claims.take(registry.routes(urls))
    jobs = {job.destination: job for job in store.jobs() if job.end is None}
    names = [route.name for route in registry.routes(urls)]
    return dict(zip(urls, [jobs[name].position for name in names], strict=True))


def serve(store, url, urls, position):
    """The destination of a URL has everything up to a position."""
    names = [route.name for route in registry.routes(urls)]
    store.advance(store.job(names[urls.index(url)]), position, [])


def append(store, number):
    first = store.end()
    rows = [NewRow(f"e{first + n}", "v", 0.5, "track", "Order", b"{}") for n in range(number)]
    store.append(rows)


def lagging(store, *urls):
    """Ten events; the destination at index n has n of them."""
    take(store, *urls)
    append(store, 10)
    for number, url in enumerate(urls):
        serve(store, url, urls, number)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([A, B], [B]),
        ([A, B], [A]),
        ([A, B], [B, A]),
        ([A, B], [C, B, A]),
        ([B, A], [A]),
        ([B], [A, B]),
        ([A, B, C], [C, A]),
        ([A, B], [A, "heap://B?events=Order*&bots=1"]),
        ([A], ["heap://A?name=funnel"]),
        (["heap://A?name=funnel", B], [B, A]),
        (["heap://A?name=x", "heap://B?name=y"], ["heap://B?name=x", "heap://A?name=y"]),
        ([A], [A, "amplitude://K?name=heap"]),
        (["ga4://G-A1:one"], ["ga4://G-A1:two"]),
        (["mixpanel://T"], ["mixpanel://u:s@7?token=T"]),
        (["mixpanel://T?region=us"], ["mixpanel://T"]),
        (["clickhouse://u:p@h/d"], ["clickhouse://w:q@h/d"]),
    ],
)
def test_each_destination_keeps_its_position_however_the_list_changes(store, before, after):
    lagging(store, *before)
    targets = {registry.target_of(registry.address(url)): n for n, url in enumerate(before)}
    for url, position in take(store, *after).items():
        assert position == targets.get(registry.target_of(registry.address(url)), store.end())


def test_a_destination_that_was_taken_out_keeps_its_place_until_it_comes_back(store):
    lagging(store, A, B)
    assert take(store, B) == {B: 1}
    (left,) = former(registry.routes([B]), store.jobs())
    assert store.claims.waiting(left) == 10
    append(store, 5)
    assert store.claims.waiting(left) == 10
    assert take(store, A, B) == {A: 0, B: 1}
    assert former(registry.routes([A, B]), store.jobs()) == []


def test_another_key_in_the_place_of_one_gets_no_event_of_the_former(store):
    take(store, A)
    append(store, 10)
    assert take(store, B) == {B: 10}
    (left,) = former(registry.routes([B]), store.jobs())
    assert left.destination.startswith("heap-")
    assert store.claims.waiting(left) == 10


def test_a_named_destination_takes_another_key_and_goes_on_where_it_was(store):
    lagging(store, B, "heap://A?name=funnel")
    assert take(store, B, "heap://C?name=funnel") == {B: 0, "heap://C?name=funnel": 1}
    assert former(registry.routes([B, "heap://C?name=funnel"]), store.jobs()) == []


def test_two_of_one_target_keep_a_position_each(store):
    both = [A, "heap://A?name=orders&events=Order"]
    lagging(store, *both)
    assert take(store, *reversed(both)) == {both[1]: 1, both[0]: 0}


def test_dead_letters_and_replays_follow_their_destination(store):
    take(store, A)
    append(store, 3)
    store.bury([DeadLetter(0, "destination", "heap", "e0", "Order", 1.0, "no", b"{}")], most=10)
    store.replays.add("heap", Part(), (0, 3), total=3, now=1.0)
    take(store, B, A)
    name = registry.routes([B, A])[1].name
    assert [each.destination for each in store.dead()] == [name]
    assert [each.job.destination for each in store.replays.all()] == [name]


def test_jobs_of_an_older_release_go_to_those_that_had_their_names(store):
    """Its first URL of a scheme had the plain name, later ones the suffix."""
    later = registry.routes([A, B])[1].name
    store.append([NewRow("e", "v", 0.5, "track", "Order", b"{}")])
    store.job("heap"), store.job(later)
    store.append([NewRow("f", "v", 0.5, "track", "Order", b"{}")])
    store.advance(store.job(later), 2, [])
    assert take(store, A, B) == {A: 1, B: 2}


def test_the_ledger_holds_no_key(store, tmp_path):
    take(store, "segment://S3CRETKEY", "heap://S3CRETKEY")
    store.sync()
    assert b"S3CRETKEY" not in (tmp_path / "events.db").read_bytes()


def labelled(store, *labels, bot=None):
    first = store.end()
    store.append(
        [
            NewRow(f"e{first + n}", "v", float(first + n), "track", label, b"{}", bot=bot)
            for n, label in enumerate(labels)
        ]
    )


def ahead(store, url, **looked_at):
    (route,) = registry.routes([url])
    return store.claims.ahead(store.job("heap"), route, **looked_at)


def test_what_a_destination_does_not_take_is_not_ahead_of_it(store):
    take(store, A)
    labelled(store, "Request", "Order")
    labelled(store, "Order", bot="crawl")
    labelled(store, "Request", "Signup")
    assert ahead(store, A) == (2, 1.0)
    assert ahead(store, f"{A}?bots=1") == (3, 1.0)
    assert ahead(store, f"{A}?events=Request,Sign*") == (3, 0.0)
    assert ahead(store, f"{A}?events=Refund") == (0, None)


def test_of_a_very_long_queue_the_far_end_is_counted_unseen(store):
    take(store, A)
    labelled(store, "Request", "Request", "Order", "Request", "Order")
    assert ahead(store, A, counted=3) == (3, 2.0)
