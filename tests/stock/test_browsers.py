"""analytics.js and RudderStack's script, as npm has them, in a real Chromium on pages of a host."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.chrome import launched
from tests.stock.host import Host, hosted
from tests.stock.shape import assert_one_of_each
from tests.waiting import SECONDS, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.needs("chromium", "node", "npm")

LIBRARIES = {"segment_page": "analytics.js", "rudder_page": "RudderLabs JavaScript SDK"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def scripts(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages' scripts, bundled as any site would."""
    folder = tmp_path_factory.mktemp("scripts")
    sources = [f"{name}.js" for name in LIBRARIES]
    command = ["node_modules/.bin/esbuild", *sources, "--bundle", f"--outdir={folder}"]
    subprocess.run([*command, "--log-level=error"], cwd=packages, check=True, timeout=300)
    return folder


@pytest.fixture
def host(scripts: Path, tmp_path: Path, free_port: int) -> Iterator[Host]:
    for script in scripts.iterdir():
        (tmp_path / script.name).write_bytes(script.read_bytes())
    with hosted(tmp_path, free_port) as host:
        yield host


@contextmanager
def spoken(browser: Browser, host: Host, path: str, script: str) -> Iterator[set[str]]:
    """Opens a page and runs a script on it until it has said everything; the hosts that it calls
    while the block lasts."""
    called: set[str] = set()
    with browser.new_context() as context:
        context.set_default_timeout(SECONDS * 1000)
        page: Page = context.new_page()
        page.on("request", lambda request: called.add(request.url.split("/")[2]))
        page.goto(f"{host.url}{path}")
        page.add_script_tag(url=f"/{script}.js")
        page.evaluate("window.said")
        yield called


@pytest.mark.parametrize("how", ["", "?batching"])
def test_all_that_analytics_js_says_arrives_once(browser: Browser, host: Host, how: str) -> None:
    with spoken(browser, host, f"/signed-in{how}", "segment_page") as called:
        events = host.wait_for(6, "analytics.js")
    assert called == {host.url.split("/")[2]}
    assert_one_of_each(events)
    assert_is_one_visitor(events)
    assert host.letters() == []


def test_all_that_rudderstacks_script_says_arrives_once(browser: Browser, host: Host) -> None:
    with spoken(browser, host, "/signed-in", "rudder_page") as called:
        events = host.wait_for(5, LIBRARIES["rudder_page"])
    assert called == {host.url.split("/")[2]}
    assert_one_of_each(events, without="screen")
    assert_is_one_visitor(events)
    assert host.letters() == []


def test_a_user_that_a_browser_claims_is_only_a_claim(browser: Browser, host: Host) -> None:
    with spoken(browser, host, "/", "segment_page"):
        events = host.wait_for(5, "analytics.js")
        until(lambda: len(host.letters()) == 1)
    assert {event.get("userId") for event in events} == {None}
    claimed = {event["type"]: event["context"].get("claimedUserId") for event in events}
    assert claimed["identify"] == "42"
    (letter,) = host.letters()
    assert letter.reason == "a browser's alias wants the user that is signed in"


def assert_is_one_visitor(events: list[dict[str, Any]]) -> None:
    """One visitor and one session for all, who are the cookie's."""
    assert len({event["anonymousId"] for event in events}) == 1
    assert len({event["context"]["session"]["id"] for event in events}) == 1
    assert {event["context"]["platform"] for event in events} == {"web"}
    assert "Chrome" in events[0]["context"]["browser"]["name"]
