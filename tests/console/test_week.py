"""The loss meter, Traffic and the bait on a week whose truth is known (``TRACK_TEST_LONG=1``: of
ten times as many visitors)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.week import DAY, START, Week
from track_middleware.console.losses import Loss, blockers, loss, summed
from track_middleware.console.page import Shown
from track_middleware.console.pages import loss as loss_page
from track_middleware.console.pages import traffic as traffic_page
from track_middleware.console.query import Query
from track_middleware.console.reads import Reads
from track_middleware.delivery.store.rollups import ViewRows

VISITORS = 10_000 if os.environ.get("TRACK_TEST_LONG") else 1000
FIRST = int(START // DAY)
LAST = FIRST + 7


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Week:
    made = Week(tmp_path_factory.mktemp("week"), VISITORS)
    made.run()
    return made


@pytest.fixture
def reads(week: Week) -> Iterator[Reads]:
    made = Reads(week.settings, Path(week.settings.data_dir), now=week.now)
    yield made
    made.close()


@pytest.fixture
def views(reads: Reads) -> ViewRows:
    assert reads.store is not None
    return reads.store.views


@pytest.fixture
def whole(views: ViewRows) -> Loss:
    cells = views.days("all", FIRST, LAST).values()
    classes = summed(views.people(FIRST, LAST).values())
    return loss(sum(e.served for e in cells), sum(e.confirmed for e in cells), classes)


def near(found: float, truth: float, served: int) -> bool:
    """Within 1 % of the pages served."""
    return abs(found - truth) <= served / 100


def test_pages_served_and_confirmed_are_counted_exactly(week: Week, whole: Loss) -> None:
    truth = week.truth
    assert whole.served == truth.of("confirmed", "left", "silent", "odd")
    assert whole.confirmed == truth.of("confirmed")
    assert whole.odd == truth.of("odd")


def test_causes_are_right_within_one_per_cent(week: Week, whole: Loss) -> None:
    truth = week.truth
    assert whole.unclear == 0
    assert near(whole.left, truth.of("left"), whole.served), (whole, truth.of("left"))
    assert near(whole.silent, truth.of("silent"), whole.served), (whole, truth.of("silent"))
    lost = truth.of("left", "silent") / truth.of("confirmed", "left", "silent")
    assert whole.share == pytest.approx(lost, abs=1e-9)


def test_each_day_is_counted_exactly(week: Week, views: ViewRows) -> None:
    cells = views.days("all", FIRST, LAST)
    for day in range(FIRST, FIRST + 7):
        states = {state: n for (at, state), n in week.truth.views.items() if at == day}
        assert cells[day].confirmed == states["confirmed"]
        assert cells[day].served == sum(n for state, n in states.items() if state != "program")


@pytest.mark.parametrize("part", ["browser", "system", "page"])
def test_each_browser_system_and_page_is_counted_exactly(
    week: Week, views: ViewRows, part: str
) -> None:
    posers = week.truth.of("odd")
    cells = views.top(part, FIRST, LAST, by="served", limit=100)
    truth = week.truth.parts
    names = {name for kind, name, _ in truth if kind == part}
    confirmed = {each.name: each.confirmed for each in cells if each.confirmed}
    assert confirmed == {
        name: truth[part, name, "confirmed"] for name in names | confirmed.keys() - {"/shared"}
    }
    served = sum(each.served for each in cells)
    assert served - posers == sum(truth[part, name, "served"] for name in names)


def test_visitors_of_each_day_are_counted_once(week: Week, views: ViewRows) -> None:
    people = views.people(FIRST, LAST)
    posers = {day: n for (day, state), n in week.truth.views.items() if state == "odd"}
    for day in range(FIRST, FIRST + 7):
        real = sum(at == day for at, _ in week.truth.visitors)
        assert people[day]["visitors"] == real + posers.get(day, 0)


def test_visitors_of_the_week_are_counted_once(week: Week, views: ViewRows) -> None:
    real = {name for _, name in week.truth.visitors}
    assert views.visitor_count(FIRST, LAST) == len(real) + week.truth.of("odd")


def test_views_through_a_shared_cache_stand_apart(week: Week, reads: Reads) -> None:
    assert reads.store is not None
    told = [n for (_, name), n in reads.store.rollups().items() if name == "page.shared"]
    assert sum(told) == week.truth.shared > 0


def test_the_bait_finds_the_share_of_blockers(week: Week, views: ViewRows) -> None:
    found = blockers(summed(views.people(FIRST, LAST).values()))
    truth = week.truth
    assert found.share is not None
    assert found.share == pytest.approx(truth.blocked / truth.asked, abs=0.01)


def test_programs_that_say_so_are_in_no_number_of_people(week: Week, views: ViewRows) -> None:
    (program,) = views.top("bot", FIRST, LAST, by="views", limit=9)
    assert program.name == '["crawl","GPTBot"]'
    assert program.views == week.truth.of("program") > 0


@pytest.mark.parametrize("page", [loss_page.shown, traffic_page.shown])
def test_pages_show_what_was_counted(week: Week, reads: Reads, page: object) -> None:
    assert callable(page)
    shown = page(Query("days=10"), reads)
    assert isinstance(shown, Shown)
    assert shown.context["behind"] == 0
    rows = shown.tables["days"].rows
    assert len(rows) == 7
    served = week.truth.of("confirmed", "left", "silent", "odd")
    column = "served" if "causes" in shown.tables else "views"
    at = [each.name for each in shown.tables["days"].columns].index(column)
    extra = week.truth.shared if column == "views" else 0
    assert sum(int(row[at] or 0) for row in rows) == served + extra
