"""The console through every face, over real sockets: who gets in, and what no form may do."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.faces.apps import NAVIGATION, SECRET
from tests.faces.standing import STANDS, standing
from track_middleware.console.pages import PAGES
from track_middleware.delivery.store import DeadLetter, NewRow, sqlite
from track_middleware.tracking import routes

TOKEN = "a token of these tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
BASE = f"/{routes.prefix(SECRET)}/console"
ACTIONS = [f"{page.name}/{action}" for page in PAGES for action in page.actions]
GUARDED = [
    "", "/", "/console.js", "/live/stream", "/nothing", "/../console/live/",
    *[f"/{page.name}/" for page in PAGES],
    "/live/events.csv", "/live/events.json", "/delivery/letters.csv", "/metrics",
]  # fmt: skip
POLICY = "default-src 'self'"


@dataclass
class Stand:
    """One face behind a server."""

    port: int
    folder: Path

    def ask(
        self, path: str, method: str = "GET", body: bytes = b"", **headers: str
    ) -> tuple[http.client.HTTPResponse, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            if body:
                sent["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request(method, f"{BASE}{path}", body or None, {**NAVIGATION, **sent})
            response = connection.getresponse()
            return response, response.read().decode()

    def post(
        self, path: str, form: dict[str, str], **headers: str
    ) -> tuple[http.client.HTTPResponse, str]:
        return self.ask(path, "POST", urlencode(form).encode(), **headers)

    def form(self, path: str, **headers: str) -> tuple[str, str]:
        """The token of a page's form, and the cookie that it stands on."""
        response, text = self.ask(path, **headers)
        found = re.search(r'name="csrf" value="([^"]+)"', text)
        cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
        return (found[1] if found else ""), cookie

    def signed_in(self) -> str:
        """The cookie of somebody who has shown the token."""
        token, cookie = self.form("/sign-in")
        response, _ = self.post("/sign-in", {"csrf": token, "token": TOKEN}, Cookie=cookie)
        assert response.status == 303
        return (response.getheader("Set-Cookie") or "").partition(";")[0]


@pytest.fixture(
    scope="module",
    params=[pytest.param(each.values, id=each.id, marks=each.marks) for each in STANDS],
)
def stand(
    request: pytest.FixtureRequest,
    stands: subprocess.Popen[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("console") / "track"
    with contextlib.closing(sqlite.open(folder / "events.db")) as store:
        store.append([NewRow("one", "v", 1.0, "track", "Signed Up", b'{"type":"track"}')])
        store.bury(
            [
                DeadLetter(0, "door", "", f"id{n}", "Refused", 1.0, "no reason", b"{}")
                for n in range(3)
            ],
            most=10,
        )
    with standing(stands, *request.param, folder, console=TOKEN) as port:
        yield Stand(port, folder)


def test_nothing_is_answered_without_permission(stand: Stand) -> None:
    for path in GUARDED:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "_tm_op=1.2.3.x"}):
            response, text = stand.ask(path, **headers)
            assert response.status == 401, path
            assert "Signed Up" not in text, path
            assert "Refused" not in text, path
    for path in ACTIONS:
        assert stand.post(f"/{path}", {"all": "1", "sure": "1"})[0].status == 401, path
    assert len(_letters(stand)) == 3


def test_what_anybody_may_see_is_the_sign_in_and_how_it_looks(stand: Stand) -> None:
    assert "token" in stand.ask("/")[1]
    assert stand.ask("/console.css")[0].status == 200


def test_a_scraper_with_the_token_reads_the_numbers(stand: Stand) -> None:
    response, text = stand.ask("/metrics", **BEARER)
    assert response.status == 200
    assert response.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert response.getheader("Cache-Control") == "private, no-store"
    assert "track_middleware_events_total 1" in text.splitlines()
    assert stand.ask("/metrics", "HEAD", **BEARER)[1] == ""
    assert stand.ask("/metrics/more", **BEARER)[0].status == 404


def test_every_page_and_table_is_shown_to_who_has_the_token(stand: Stand) -> None:
    tables = 0
    for page in PAGES:
        response, text = stand.ask(f"/{page.name}/", **BEARER)
        assert response.status == 200, page.name
        assert f"<h1>{page.title}" in text
        names = set(re.findall(rf"{page.name}/([a-z]+)\.csv", text))
        for name in names:
            table, told = stand.ask(f"/{page.name}/{name}.json", **BEARER)
            assert (table.status, type(json.loads(told))) == (200, list), name
            assert stand.ask(f"/{page.name}/{name}.csv", **BEARER)[0].status == 200, name
        tables += len(names)
    assert tables >= 5
    assert "Signed Up" in stand.ask("/live/events.csv", **BEARER)[1]


def test_no_answer_may_be_stored_framed_or_sniffed_and_nothing_in_it_may_run(stand: Stand) -> None:
    for path in ("/", "/live/", "/live/events.csv", "/live/events.json", "/console.js", "/nope"):
        response, text = stand.ask(path, **BEARER)
        assert response.getheader("Cache-Control") == "private, no-store", path
        assert (response.getheader("Content-Security-Policy") or "").startswith(POLICY), path
        assert response.getheader("X-Content-Type-Options") == "nosniff"
        assert response.getheader("X-Frame-Options") == "DENY"
        assert "m.js" not in text, "the console's pages are not tracked"
        assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\son[a-z]+=", text), path


def test_who_signs_in_gets_in_and_out_again(stand: Stand) -> None:
    cookie = stand.signed_in()
    assert stand.ask("/live/", Cookie=cookie)[0].status == 200
    token, _ = stand.form("/live/", Cookie=cookie)
    response, _ = stand.post("/sign-out", {"csrf": token}, Cookie=cookie)
    assert response.status == 303
    assert "Max-Age=0" in (response.getheader("Set-Cookie") or "")


def test_a_wrong_token_stays_outside(stand: Stand) -> None:
    token, cookie = stand.form("/")
    response, text = stand.post("/sign-in", {"csrf": token, "token": "wrong"}, Cookie=cookie)
    assert response.status == 403
    assert "not the token" in text


@pytest.mark.parametrize("path", ACTIONS)
def test_no_action_without_the_pages_own_form(stand: Stand, path: str) -> None:
    cookie = stand.signed_in()
    token, _ = stand.form("/live/", Cookie=cookie)
    form = {"all": "1", "sure": "1", "stage": "door"}
    others, _ = stand.form("/")
    assert token
    for csrf, more in (
        ("", {}),
        ("wrong", {}),
        (others, {}),
        (token, {"Sec_Fetch_Site": "cross-site"}),
        (token, {"Sec_Fetch_Site": "same-site"}),
        (token, {"Origin": "http://evil.example"}),
    ):
        response, _ = stand.post(f"/{path}", {**form, "csrf": csrf}, Cookie=cookie, **more)
        assert response.status == 403
    assert len(_letters(stand)) == 3


def test_an_action_with_its_form_is_done_once_it_is_meant(stand: Stand) -> None:
    cookie = stand.signed_in()
    token, _ = stand.form("/delivery/", Cookie=cookie)
    number = str(_letters(stand)[0].id)
    form = {"csrf": token, "letter": number}
    response, _ = stand.post("/delivery/drop", form, Cookie=cookie, Sec_Fetch_Site="same-origin")
    assert response.getheader("Location") == f"{BASE}/delivery/?did-unsure=1"
    assert len(_letters(stand)) == 3
    response, _ = stand.post("/delivery/drop", {**form, "sure": "1"}, Cookie=cookie)
    assert response.getheader("Location") == f"{BASE}/delivery/?did-dropped=1"
    assert len(_letters(stand)) == 2
    with contextlib.closing(sqlite.open(stand.folder / "events.db")) as store:
        again = DeadLetter(0, "door", "", "again", "Refused", 1.0, "no reason", b"{}")
        store.bury([again], most=10)


def test_a_form_that_is_too_large_is_refused(stand: Stand) -> None:
    response, _ = stand.post("/delivery/drop", {"letter": "1" * 100_000}, **BEARER)
    assert response.status == 413


def test_events_come_as_they_are_or_at_the_next_question(stand: Stand) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stand.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", f"{BASE}/live/stream?after=0", headers=BEARER)
        response = connection.getresponse()
        assert response.getheader("Content-Type", "").startswith("text/event-stream")
        heard = b""
        while b"Signed Up" not in heard and (piece := response.read1(65536)):
            heard += piece
    assert b"Signed Up" in heard
    assert re.search(rb"^id: \d+$", heard, re.MULTILINE)


def test_the_way_to_other_pages_keeps_the_time_zone(stand: Stand) -> None:
    _, text = stand.ask("/live/?tz=Etc%2FGMT%2B5", **BEARER)
    assert f'href="{BASE}/plan/?tz=Etc/GMT%2B5"' in text


def test_a_method_that_is_not_known_is_refused(stand: Stand) -> None:
    response, _ = stand.ask("/live/", "DELETE", **BEARER)
    assert (response.status, response.getheader("Allow")) == (405, "GET, HEAD, POST")
    response, text = stand.ask("/live/", "DELETE")
    assert (response.status, response.getheader("Set-Cookie")) == (401, None)
    assert "Delivery" not in text, "a stranger is not told what there is"
    response, text = stand.ask("/live/", "HEAD", **BEARER)
    assert (response.status, text) == (200, "")


def _letters(stand: Stand) -> list[DeadLetter]:
    with contextlib.closing(sqlite.open(stand.folder / "events.db")) as store:
        return list(store.dead(limit=100))
