"""Traffic and the loss meter as pages: what they say of nothing, of little and of hostile names."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from track_middleware.console.losses import Blockers, Loss, blockers, loss
from track_middleware.console.query import Query
from track_middleware.console.span import named, span
from track_middleware.delivery.visits import EMPTY, Day, adds, difference
from track_middleware.delivery.worker import Worker
from track_middleware.wsgi import TrackMiddleware

TOKEN = "a-token-of-the-console-that-nobody-guesses"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HOSTILE = "/<script>alert(1)</script>\u202e'\"{{7*7}}"


class Site:
    """A site whose pages are asked for without a server."""

    def __init__(self, folder: Path) -> None:
        settings: dict[str, Any] = {
            "data_dir": str(folder), "secret_key": "k" * 40, "path": "numbers1",
            "deliver": "worker", "console": TOKEN, "min_free": "1",
        }  # fmt: skip
        self.site = TrackMiddleware(_shop, **settings)
        self.folder = folder

    def get(self, path: str, query: str = "", **headers: str) -> tuple[str, dict[str, str], str]:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "",
            "SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost",
            "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": io.BytesIO(),
            "REMOTE_ADDR": "203.0.113.7", "HTTP_ACCEPT_LANGUAGE": "de", "HTTP_USER_AGENT": AGENT,
            **headers,
        }  # fmt: skip
        answers: list[tuple[str, dict[str, str]]] = []

        def start(status: str, sent: list[tuple[str, str]], *_: object) -> object:
            answers.append((status, dict(sent)))
            return None

        pieces = self.site(environ, start)  # type: ignore[arg-type]
        body = b"".join(pieces).decode()
        getattr(pieces, "close", lambda: None)()
        return *answers[-1], body

    def visit(self, path: str, query: str = "", **headers: str) -> None:
        path = path.encode().decode("latin-1")
        headers = {"HTTP_SEC_FETCH_DEST": "document", "HTTP_ACCEPT": "text/html", **headers}
        self.get(path, query, **headers)

    def console(self, path: str, query: str = "", token: str = TOKEN) -> str:
        bearer = f"Bearer {token}"
        status, _, body = self.get(f"/numbers1/console/{path}", query, HTTP_AUTHORIZATION=bearer)
        assert status == ("200 OK" if token == TOKEN else "401 Unauthorized"), body
        return body

    def works(self) -> None:
        worker = Worker(self.site.wiring.settings, data_dir=self.folder)
        try:
            assert worker.once()
        finally:
            worker.close()


def _shop(environ: dict[str, Any], start: Any) -> list[bytes]:
    start("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b"<html><head></head><body></body></html>"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("numbers"))
    made.visit("/", "utm_source=%3Cb%3Enews&utm_medium=email&utm_campaign=may")
    for _ in range(3):
        made.visit(HOSTILE)
    made.works()
    return made


@pytest.mark.parametrize("page", ["loss", "traffic"])
def test_a_page_without_a_store_says_so(tmp_path: Path, page: str) -> None:
    assert "Nothing is stored yet" in Site(tmp_path).console(f"{page}/")


@pytest.mark.parametrize("page", ["loss", "traffic"])
def test_a_hostile_path_is_text(site: Site, page: str) -> None:
    html = site.console(f"{page}/")
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html
    assert "{{7*7}}" in html
    assert "<b>news" not in html


@pytest.mark.parametrize("page", ["loss", "traffic"])
def test_without_the_token_there_are_no_numbers(site: Site, page: str) -> None:
    assert "alert(1)" not in site.console(f"{page}/", token="another")


def test_each_table_comes_as_csv_and_json_too(site: Site) -> None:
    (row,) = json.loads(site.console("loss/days.json"))
    assert (row["served"], row["confirmed"]) == (4, 0)
    assert site.console("loss/days.csv").splitlines()[0].startswith("day,served,confirmed")
    pages = {row["page"]: row["views"] for row in json.loads(site.console("traffic/pages.json"))}
    assert sum(pages.values()) == 4
    (campaign,) = json.loads(site.console("traffic/campaigns.json"))
    assert (campaign["source"], campaign["campaign"]) == ("<b>news", "may")
    assert (campaign["last"], campaign["first"]) == (1, 1)


def test_a_source_is_one_however_a_campaign_or_a_referrer_writes_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for query in ("utm_source=google&utm_campaign=may", "utm_source=GOOGLE&utm_campaign=may",
                  "utm_source=Our+News", "utm_source=our+news"):  # fmt: skip
        site.visit("/", query)
    site.visit("/", HTTP_REFERER="https://www.google.com/")
    site.works()
    rows = json.loads(site.console("traffic/sources.json"))
    assert {row["source"].lower(): row["sessions"] for row in rows} == {"google": 3, "our news": 2}
    rows = json.loads(site.console("traffic/campaigns.json"))
    (may,) = [row for row in rows if row["campaign"] == "may"]
    assert (may["source"], may["last"]) == ("Google", 2)


@pytest.mark.parametrize(
    "query",
    ["days=0", "days=999999", "from=x&to=y", "from=0001-01-01", "to=9999-12-31", "from=2030-01-01",
     "from=2026-02-30", "tz=Asia/Tokyo&days=7", "days=-1", "from=%00"],
)  # fmt: skip
def test_whatever_days_are_asked_for_there_is_an_answer(site: Site, query: str) -> None:
    assert "<h1>Loss meter</h1>" in site.console("loss/", query)
    assert "<h1>Traffic</h1>" in site.console("traffic/", query)


def test_days_are_those_of_the_sites_time_zone() -> None:
    late = 1_800_054_000.0  # 23:00 in UTC, a day later in Tokyo
    utc = span(Query("days=1"), now=late, time_zone="UTC")
    tokyo = span(Query("days=1"), now=late, time_zone="Asia/Tokyo")
    assert (utc.first, utc.last) == (tokyo.first - 1, tokyo.last - 1)
    assert named(utc.first) == "2027-01-15"


def test_days_are_from_one_to_another() -> None:
    asked = span(Query("from=2027-01-01&to=2027-01-03"), now=0, time_zone="UTC")
    assert asked.names == ["2027-01-01", "2027-01-02", "2027-01-03"]
    backwards = span(Query("from=2027-01-03&to=2027-01-01"), now=0, time_zone="UTC")
    assert backwards.names == ["2027-01-01"]


# The arithmetic.


def test_nothing_served_is_no_loss() -> None:
    assert loss(0, 0, {}).share is None
    assert blockers({}) == Blockers(0, 0, None, None)


def test_a_browser_whose_script_ran_once_left_the_other_pages_before_it() -> None:
    assert loss(10, 8, {"left": 2}) == Loss(10, 8, left=2)


def test_several_pages_without_any_script_are_no_javascript() -> None:
    assert loss(10, 5, {"silent_views": 5, "more_silent": 1}) == Loss(10, 5, silent=5)


def test_visitors_of_a_single_page_are_told_apart_by_those_of_several() -> None:
    """One in four of several pages runs no script; so does one in four of those of one page."""
    classes = {"more_run": 30, "more_silent": 10, "silent_views": 20, "once_run": 60,
               "once_silent": 40}  # fmt: skip
    found = loss(200, 140, classes)
    assert (found.silent, found.left, found.estimated) == (20 + 25, 15, 40)


def test_without_visitors_of_several_pages_nothing_tells_that_a_script_is_missing() -> None:
    assert loss(5, 0, {"once_silent": 5}) == Loss(5, 0, left=5, estimated=5)


def test_what_looks_like_a_program_is_no_loss_of_people() -> None:
    found = loss(10, 6, {"odd": 2, "left": 2})
    assert (found.people, found.share) == (8, 0.25)


def test_a_script_of_another_host_loses_the_views_of_whoever_runs_a_blocker() -> None:
    found = blockers(
        {"baited": 10, "blocked": 3, "baited_views": 40, "blocked_views": 10, "kept": 200}
    )
    assert found == Blockers(10, 3, 0.3, 50)


def test_what_a_day_adds_is_taken_back_when_it_changes() -> None:
    one = EMPTY.changed("missing", 1)
    assert adds(one) == {"visitors": 1, "kept": 0, "once_silent": 1}
    both = one.changed("confirmed", 1)
    change = difference(one, both)
    assert {**change} == {"kept": 1, "once_silent": -1, "more_run": 1, "left": 1}
    assert difference(both, both) == {}


def test_a_blocker_that_was_found_once_a_day_was_there() -> None:
    assert Day(1, 1, 1).baited(blocked=True).baited(blocked=False).bait == 2
