"""What the console counts of the log: once, again the same, and right when a half comes late."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.delivery.site import GRANTED, LOAD, START, Site, new_id
from track_middleware.delivery import rollups as counting
from track_middleware.delivery import viewed
from track_middleware.delivery.parts import ordinals
from track_middleware.delivery.rollups import OTHERS, Rollups
from track_middleware.delivery.store.keys import short_key
from track_middleware.event import CHECKED, Entry, Event, Person, iso

#: Parts that count sessions.
SESSIONS = ("channel", "source", "landing", "campaign", "first")

DAY = int(START // 86400)


class Counted(Site):
    """A site whose views are counted after each drain."""

    def __init__(self, data_dir, **more):
        super().__init__(data_dir, **more)
        self.rollups = Rollups(self.store.views, zone="UTC", day=ordinals("UTC"))

    def rolls(self):
        while self.rollups.step():
            pass

    def sees(self, page, visitor="v", path="/a", session=None, locale="de", **context):
        """The server's half of a page view of somebody's."""
        person = Person(visitor, session or f"s-{visitor}", start=START)
        event = Event(
            page, "page", iso(self.now), anonymous_id=visitor,
            context={
                "page": {"id": page, "url": f"https://x{path}", "path": path, "status": 200},
                "userAgent": "Firefox", "platform": "server", "locale": locale,
                "session": {"id": person.session}, **context,
            },
        )  # fmt: skip
        return Entry(
            "view", self.now, event, "server", person, self.page(page), GRANTED, await_half=True
        )

    def confirms(self, page, visitor="v", load=LOAD, **about):
        event = Event(
            "1", "page", iso(self.now), anonymous_id=visitor,
            context={"page": {"id": page, "url": "https://x/a", **about}, "platform": "web"},
        )  # fmt: skip
        return Entry(
            "confirm", self.now, event, load, Person(visitor, f"s-{visitor}", start=START),
            self.page(page, load=load), GRANTED,
        )  # fmt: skip

    def outcome(self, visitor, blocked):
        event = Event(
            new_id(), "track", iso(self.now), event=CHECKED, anonymous_id=visitor,
            properties={"blocked": blocked},
        )  # fmt: skip
        return Entry("event", self.now, event, consent=GRANTED)

    @property
    def all(self):
        """Views, served, confirmed, sessions of all days."""
        cells = self.store.views.top("all", 0, 10**6, by="views", limit=1)
        return (cells[0].views, cells[0].served, cells[0].confirmed, cells[0].sessions)

    @property
    def people(self):
        found = Counter()
        for classes in self.store.views.people(0, 10**6).values():
            found.update(classes)
        return {name: number for name, number in found.items() if number}

    def named(self, part):
        return {
            each.name: number
            for each in self.store.views.top(part, 0, 10**6, by="views", limit=10_000)
            if (number := each.sessions if part in SESSIONS else each.views)
        }

    def everything(self):
        """All that is counted, as rows."""
        raw = self.store._db._raw
        sums = {"cell": 3, "people": 2, "again": 2, "visitor": 2, "session": 1}
        return {
            table: sorted(
                row for row in raw.execute(f"SELECT * FROM rollup_{table}") if any(row[begin:])
            )
            for table, begin in sums.items()
        }


@pytest.fixture
def site(data_dir):
    site = Counted(data_dir)
    yield site
    site.close()


def test_a_view_counts_as_served_and_once_confirmed(site):
    one, other = new_id(), new_id()
    site.drains(site.sees(one), site.sees(other, "w"), site.confirms(one))
    site.waits(6)
    site.rolls()
    assert site.all == (2, 2, 1, 2)
    assert site.people == {"visitors": 2, "kept": 1, "once_run": 1, "once_silent": 1}


def test_counting_twice_changes_nothing(site):
    site.drains(site.sees(new_id()))
    site.waits(6)
    site.rolls()
    before = site.everything()
    site.rolls()
    assert site.everything() == before


def test_a_half_that_comes_late_moves_its_view_to_the_confirmed(site):
    page = new_id()
    site.drains(site.sees(page))
    site.waits(6)
    site.rolls()
    assert site.all == (1, 1, 0, 1)
    site.drains(site.confirms(page))
    site.rolls()
    assert site.all == (1, 1, 1, 1)
    assert site.people == {"visitors": 1, "kept": 1, "once_run": 1}


def test_a_half_that_comes_late_but_before_counting_counts_once(site):
    page = new_id()
    site.drains(site.sees(page))
    site.waits(6)
    site.drains(site.confirms(page))
    site.rolls()
    assert site.all == (1, 1, 1, 1)


def test_the_servers_half_of_a_view_that_stands_as_the_browsers_makes_it_served(site):
    page = new_id()
    site.drains(site.confirms(page))
    site.waits(6)
    site.rolls()
    assert site.all[:3] == (1, 0, 0)
    site.drains(site.sees(page))
    site.rolls()
    assert site.all[:3] == (1, 1, 1)


def test_a_browser_without_scripts_is_no_script_that_ran(site):
    one, late = new_id(), new_id()
    site.drains(site.sees(one), site.confirms(one, noscript=True), site.sees(late, "w"))
    site.waits(6)
    site.drains(site.confirms(late, "w", noscript=True))
    site.rolls()
    assert site.all[:3] == (2, 2, 0)
    assert site.people["noscript_views"] == 2


def test_a_response_without_a_tag_is_not_held_against_the_browser(site):
    page = site.sees(new_id())
    page.await_half = False
    site.drains(page)
    site.rolls()
    assert site.all[:3] == (1, 0, 0)
    assert site.people["untagged"] == 1


def test_a_request_without_a_language_is_odd_until_a_browser_confirms_it(site):
    one, other = new_id(), new_id()
    site.drains(site.sees(one, locale=None), site.sees(other, "w", locale=None))
    site.waits(6)
    site.rolls()
    assert site.people["odd"] == 2
    site.drains(site.confirms(other, "w"))
    site.rolls()
    assert site.people["odd"] == 1


def test_programs_are_counted_by_class_and_name_and_among_no_people(data_dir):
    told = {"bot": {"name": "GPTBot", "class": "crawl"}, "device": {"type": "bot"}}
    site = Counted(data_dir, enrich=lambda event: told)
    site.drains(site.sees(new_id()))
    site.rolls()
    assert site.named("bot") == {'["crawl","GPTBot"]': 1}
    assert site.named("all") == {}
    site.close()


def test_a_session_belongs_to_the_channel_and_page_it_began_with(data_dir):
    site = Counted(data_dir, enrich=lambda event: {"channel": event.context["page"]["path"][1:]})
    for path in ("/Email", "/Direct"):
        site.drains(site.sees(new_id(), path=path))
        site.waits(6)
        site.rolls()
    assert site.named("channel") == {"Email": 1}
    assert site.named("landing") == {"/Email": 1}
    site.close()


@pytest.mark.parametrize("together", [True, False])
def test_a_session_began_with_its_first_page_though_that_waited_longer(site, together):
    """The second page is confirmed at once, the first never."""
    second = new_id()
    site.drains(site.sees(new_id(), path="/first"))
    site.now += 1
    site.drains(site.sees(second, path="/second"), site.confirms(second))
    if not together:
        site.rolls()
        assert site.named("landing") == {"/second": 1}
    site.waits(6)
    site.rolls()
    assert site.named("landing") == {"/first": 1}
    assert site.all[3] == 1


def test_a_campaign_counts_by_first_and_by_last_touch(site):
    news = {"source": "news", "medium": "email", "name": "may"}
    ads = {"source": "google", "medium": "cpc", "name": "shoes"}
    site.drains(site.sees(new_id(), campaign=ads, firstCampaign=news))
    site.waits(6)
    site.rolls()
    assert site.named("campaign") == {'["google","cpc","shoes"]': 1}
    assert site.named("first") == {'["news","email","may"]': 1}


def test_visitors_of_any_span_of_days_are_counted_once_each(site):
    visits = {"v": (0, 1, 5), "w": (1,), "x": (5, 0), "y": (3,)}
    for visitor, days in visits.items():
        for day in days:
            site.now = START + day * 86400
            site.drains(site.sees(new_id(), visitor, session=f"{visitor}{day}"))
            site.waits(6)
            site.rolls()
    for first in range(7):
        for last in range(first, 7):
            expected = sum(any(first <= day <= last for day in days) for days in visits.values())
            assert site.store.views.visitor_count(DAY + first, DAY + last) == expected


def test_counting_again_gives_the_same(site):
    pages = [new_id() for _ in range(30)]
    for number, page in enumerate(pages):
        site.now = START + number * 20_000
        site.drains(
            site.sees(page, f"v{number % 7}", session=f"s{number // 3}", path=f"/{number % 4}")
        )
        site.waits(6)
        if number % 3:
            site.drains(site.confirms(page, f"v{number % 7}"))
        site.rolls()
    site.drains(site.outcome("v1", True), site.outcome("v2", False))
    site.rolls()
    before = site.everything()
    site.rollups.rebuild()
    assert site.store.views.top("all", 0, 10**6, by="views", limit=1) == []
    site.rolls()
    assert site.everything() == before


def test_counting_again_keeps_days_that_the_log_has_let_go(site):
    for day in range(3):
        site.now = START + day * 86400
        site.drains(site.sees(new_id(), session=f"s{day}"))
        site.waits(6)
    site.rolls()
    before = site.everything()
    site.store.forget(events=START + 86400, ids=0, pages=0, served_by=[])
    assert len(site.store.read(0, 10)) == 2
    site.rollups.rebuild()
    site.rolls()
    after = site.everything()
    assert [row for row in after["cell"] if row[1] != DAY + 1] == [
        row for row in before["cell"] if row[1] != DAY + 1
    ]
    assert site.all[0] == 3


def test_another_time_zone_counts_again(site):
    site.drains(site.sees(new_id()))
    site.waits(6)
    site.rolls()
    assert list(site.store.views.days("all", DAY - 9, DAY + 9)) == [DAY]
    # 08:00 in UTC, 1:00 on the next day where clocks are 17 hours ahead: there is no such zone;
    # at UTC-12 it is the evening before
    zone = "Etc/GMT+12"
    assert datetime.fromtimestamp(START, UTC).hour < 12
    site.rollups = Rollups(site.store.views, zone=zone, day=ordinals(zone))
    site.rolls()
    assert list(site.store.views.days("all", DAY - 9, DAY + 9)) == [DAY - 1]
    assert site.all[0] == 1


def test_two_hosts_that_say_different_zones_come_to_an_end(site):
    site.drains(site.sees(new_id()))
    site.waits(6)
    one, two = (Rollups(site.store.views, zone=z, day=ordinals(z)) for z in ("UTC", "Asia/Tokyo"))
    for _ in range(9):
        steps = [one.step(), two.step()]
    assert steps == [False, False]
    counted = site.store.views.counted()
    assert (counted.zone, counted.position) == ("Asia/Tokyo", site.store.end())


def test_a_transaction_that_is_undone_counts_nothing(site, monkeypatch):
    site.drains(*[site.sees(new_id(), f"v{number}") for number in range(5)])
    site.waits(6)
    assert site.rollups.step()  # the first says in which zone
    monkeypatch.setattr(site.store.views, "moved", lambda position: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        site.rollups.step()
    monkeypatch.undo()
    assert site.everything()["cell"] == []
    site.rolls()
    assert site.all[0] == 5


def test_made_up_paths_do_not_fill_the_store(site, monkeypatch):
    monkeypatch.setattr(counting, "MOST_NAMES", 3)
    for number in range(9):
        site.drains(site.sees(new_id(), path=f"/{number}"))
    site.waits(6)
    site.rolls()
    named = site.named("page")
    assert (len(named), named[OTHERS]) == (4, 6)


@pytest.mark.parametrize(
    "context",
    [{"campaign": 7}, {"session": {"id": 7}}, {"locale": ["de"]}, {"platform": None}],
    ids=str,
)
def test_a_hostile_context_keeps_no_other_view_from_being_counted(site, context):
    event = Event(
        new_id(), "page", "not a time", anonymous_id="v", context={"page": {"path": 1}, **context}
    )
    site.drains(Entry("event", START, event, consent=GRANTED), site.sees(new_id(), "w"))
    site.waits(6)
    site.rolls()
    assert site.named("page")["/a"] == 1


def test_a_bait_tells_how_many_run_a_blocker_and_what_came_of_their_views(site):
    one, other = new_id(), new_id()
    site.drains(
        site.sees(one), site.confirms(one), site.sees(other, "w"), site.confirms(other, "w")
    )
    site.drains(site.outcome("v", True), site.outcome("v", False), site.outcome("w", False))
    site.rolls()
    people = site.people
    assert (people["baited"], people["blocked"]) == (2, 1)
    assert (people["baited_views"], people["blocked_views"]) == (2, 1)


def test_an_erased_visitor_leaves_no_row_and_the_sums_stay(site):
    site.drains(site.sees(new_id()), site.sees(new_id(), "w"))
    site.waits(6)
    site.rolls()
    with site.store.batch():
        site.store.persons.drop_names(["visitor:v"], ["v"])
    kept = {row[0] for row in site.store._db._raw.execute("SELECT visitor FROM rollup_visitor")}
    assert kept == {short_key("w")}
    assert site.people["visitors"] == 2


def test_what_the_log_does_not_keep_is_not_counted(data_dir):
    site = Counted(data_dir, unstored="Page")
    site.drains(site.sees(new_id(), path="/secret"))
    site.waits(6)
    site.rolls()
    assert site.named("page") == {}
    site.close()


def test_an_event_that_was_not_counted_stays_in_the_log(site):
    site.drains(site.sees(new_id()))
    site.waits(6)
    position = site.store.views.counted().position
    site.store.forget(events=START * 2, ids=0, pages=0, served_by=[], counted=position)
    assert len(site.store.read(0, 10)) == 1
    site.rolls()
    position = site.store.views.counted().position
    site.store.forget(events=START * 2, ids=0, pages=0, served_by=[], counted=position)
    assert site.store.read(0, 10) == []


def test_names_that_are_put_together_come_apart_again():
    hostile = ['a"b', "\u202e", "<script>"]
    assert viewed.names(viewed.pair(*hostile)) == hostile
    assert json.loads(viewed.pair(*hostile)) == hostile
