"""The shop's own plan on its server, in a real browser and in an app that speaks with a stock SDK:
what keeps to it is well everywhere, and a property that one of them renames is found, in the log by
``plan drift`` and in the code by ``plan check``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import ANY

import pytest

from tests.browser.shop import EXAMPLES, Shop, open_shop
from tests.programs import npm_packages
from tests.stock.host import HERE as STOCK
from tests.waiting import SECONDS, free_port, until
from track_middleware import cli

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.needs("chromium", "gunicorn", "django", "node", "npm")

SEARCHED = "Products Searched"

FOLDERS = ("django_app", "common", "app")
PLAN = "common/tracking_plan.py"
SETTINGS = {"path": "tm", "write_keys": '{"wk_ios": "ios"}', "merge_window": "60"}
NOT_CODE = shutil.ignore_patterns("var", "__pycache__")
WELL = {"errors": 0, "warnings": 0, "notices": 0, "findings": []}

#: So often each platform tells of a search before a release, and after it: what one renames is then
#: hardly ever there under its name.
BEFORE, AFTER = 5, 25


class Release(NamedTuple):
    """A platform's release: in ``file``, ``old`` became ``new``; a property is called otherwise."""

    platform: str
    file: str
    old: str
    new: str
    property: str
    other: str


RELEASES = (
    Release("ios", "app/shop_app.mjs", "results: 1", "hits: 1", "results", "hits"),
    Release("web", "common/static/shop.js", "{ query,", "{ term: query,", "query", "term"),
    Release("server", "django_app/shop/views.py", '"shelf": "all"', '"place": "all"',
            "shelf", "place"),
)  # fmt: skip


class Project:
    """The shop's code in a folder of its own, which may be changed, and the shop open from it."""

    def __init__(
        self, folder: Path, shop: Shop, person: Callable[[], Page], said: Callable[[], str]
    ) -> None:
        self.folder = folder
        self.shop = shop
        self._person = person
        self._printed = said
        self._told = Counter[str]()

    def walk(self) -> None:
        """Somebody does all that can be done in the shop."""
        page = self._person()
        page.goto(self.shop.url("/"))
        for step in ("text=See this week's tea", ".tile a", "text=Add to cart", "text=Remove"):
            page.click(step)
        page.goto(self.shop.url("/product/iron-pot/"))
        for step in ("text=Add to cart", "text=Check out"):
            page.click(step)
        page.fill("[name=name]", "Ada")
        page.fill("[name=address]", "1 Loop Road")
        page.click("text=Place the order")
        page.click("text=Sign up")
        page.fill("[name=username]", "ada")
        for field in ("password1", "password2"):
            page.fill(f"[name={field}]", "a long enough secret")
        page.click("main button")
        page.click("text=Back to the top")
        until(lambda: "Back To Top Clicked" in self.matrix(), self.matrix)

    def searches(self, platform: str, times: int) -> None:
        """Somebody looks for something on a platform; returns when the log has it."""
        {"server": self._asks, "web": self._narrows, "ios": self._app}[platform](times)
        self._told[platform] += times
        until(
            lambda: self.matrix().get(SEARCHED) == self._told, lambda: self.matrix().get(SEARCHED)
        )

    def _asks(self, times: int) -> None:
        page = self._person()
        page.goto(self.shop.url("/"))
        asked = "n => Promise.all([...Array(n)].map(() => fetch('/search/?q=pot')))"
        page.evaluate(f"{asked}.then(answers => answers.length)", times)

    def _narrows(self, times: int) -> None:
        page = self._person()
        page.goto(self.shop.url("/category/cups/"))
        for number in range(times):
            page.fill("#narrow", ("pot", "bowl")[number % 2])
            page.press("#narrow", "Enter")

    def _app(self, times: int) -> None:
        command = ["node", "shop_app.mjs", self.shop.url(""), str(times)]
        subprocess.run(command, cwd=self.folder / "app", check=True, timeout=300)

    def releases(self, release: Release) -> None:
        """Changes the code, and runs it from now on."""
        file = self.folder / release.file
        text = file.read_text()
        assert text.count(release.old) == 1
        file.write_text(text.replace(release.old, release.new))
        if release.platform == "server":
            former = self._workers()
            os.kill(self.shop.pid, signal.SIGHUP)
            until(lambda: not former & self._workers(), "the former workers never left")

    def _workers(self) -> set[str]:
        pid = self.shop.pid
        return {*Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def matrix(self) -> dict[str, dict[str, int]]:
        """How often each platform has told of each event."""
        return {
            each["event"]: {name: cell["count"] for name, cell in each["platforms"].items()}
            for each in self.drift()[1]["events"]
        }

    def drift(self) -> tuple[int, Any]:
        """What ``plan drift`` says of all that has been accepted."""
        self.shop.drain()
        return self._said("plan", "drift")

    def check(self) -> tuple[int, Any]:
        """What ``plan check`` says of the code, as it is run in CI."""
        return self._said("plan", "check", *FOLDERS, "--platform", "ios=app/**")

    def violations(self) -> int:
        """How many events have broken the plan."""
        return int(self._said("status")[1]["counters"].get("plan_warned", 0))

    def _said(self, *argv: str) -> tuple[int, Any]:
        self._printed()
        given = {"data_dir": str(self.shop.var / "track"), "plan": PLAN}
        status = cli.run([*argv, "--json"], given=given)
        return status, json.loads(self._printed())


@pytest.fixture
def project(
    tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Project]:  # fmt: skip
    folder = tmp_path / "shop"
    for each in ("common", "django_app"):
        shutil.copytree(EXAMPLES / each, folder / each, ignore=NOT_CODE)
    (folder / "app").mkdir()
    shutil.copy(STOCK / "shop_app.mjs", folder / "app")
    (folder / "app" / "node_modules").symlink_to(npm_packages(STOCK) / "node_modules")
    monkeypatch.chdir(folder)
    with ExitStack() as profiles:

        def person() -> Page:
            context = profiles.enter_context(browser.new_context())
            context.set_default_timeout(SECONDS * 1000)
            return context.new_page()

        with open_shop("django", free_port(), tmp_path / "var", settings=SETTINGS,
                       examples=folder) as shop:  # fmt: skip
            yield Project(folder, shop, person, lambda: capsys.readouterr().out)


def test_a_property_that_a_platform_renames_shows_in_drift_and_in_ci(project: Project) -> None:
    project.walk()
    for release in RELEASES:
        project.searches(release.platform, BEFORE)
    assert project.check() == (0, {**WELL, "files": ANY})
    status, drifted = project.drift()
    assert (status, drifted["findings"]) == (0, [])
    assert project.violations() == 0

    known: set[tuple[str, ...]] = set()
    for number, release in enumerate(RELEASES, 1):
        project.releases(release)
        project.searches(release.platform, AFTER)
        known |= {
            ("renamed", SEARCHED, release.platform, release.property, release.other),
            ("unplanned", SEARCHED, release.platform, release.other, ""),
        }
        status, drifted = project.drift()
        found = [
            (each["kind"], each["event"], each["platform"], each["property"], each["other"])
            for each in drifted["findings"]
        ]
        assert (status, set(found)) == (1, known)
        assert project.violations() == number * AFTER
        status, said = project.check()
        here = [each for each in said["findings"] if each["path"] == release.file]
        assert (status, len(said["findings"])) == (1, 2 * number)
        assert {each["event"] for each in here} == {SEARCHED}
        told = {each["code"]: each["message"] for each in here}
        assert set(told) == {"missing-property", "unknown-property"}
        assert repr(release.property) in told["missing-property"]
        assert repr(release.other) in told["unknown-property"]
