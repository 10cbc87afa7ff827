"""The console in a real Chromium: how it looks, who can use it, and that nothing hostile runs.

Screenshots go to ``build/console/``, which git ignores.
"""

from __future__ import annotations

import html
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.console import hostile
from tests.console.hostile import Attacker
from tests.console.looking import BASE, PREFIX, SIZES, TOKEN, Site, Watched, served
from tests.delivery.recorder import Recorder
from tests.programs import ROOT, npm_packages
from tests.waiting import until
from track_middleware.console.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = pytest.mark.needs("chromium", "npm")

PICTURES = ROOT / "build" / "console"
LOOKS = [(scheme, size) for scheme in ("light", "dark") for size in SIZES]
#: Between them these have every colour and every width: what they show, axe-core looks at.
LOOKED_INTO = [("light", "phone"), ("dark", "desktop")]
#: Of these pages, which have something of everything; on long ones it looks for a minute.
LOOKED_AT = ("loss", "traffic", "delivery", "web", "few", "journey", "missing")
#: Every page as it stands, and what hangs on a query.
VIEWS = {
    **{page.name: f"{page.name}/" for page in PAGES},
    "web": "live/?platform=web",
    "servers": "live/?platform=server",
    "filtered": f"live/?name={quote(hostile.TEXTS[1])}&visitor={quote(hostile.TEXTS[0])}",
    "doors": "delivery/?stage=door",
    "planned": "delivery/?stage=plan",
    "refused": "delivery/?stage=destination",
    "few": "plan/?events=100&by=bytes",
    "journey": f"visitor/?id={quote(hostile.TEXTS[0])}",
    "missing": f"nothing/{quote(hostile.TEXTS[1][:100])}",
}
#: What no text may turn, hide or ring.
ODD = set("\u202e\u2067\u200f\u061c\x1b\x07")


@pytest.fixture(scope="module")
def site(stands: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site to which everybody says hostile things, and whose vendor answers with them."""
    folder = tmp_path_factory.mktemp("hostile")
    plan = folder / "plan.json"
    plan.write_text(json.dumps(hostile.PLAN))
    with Recorder(hostile.vendor) as vendor:
        settings = {"deliver": "process", "destinations": hostile.destinations(vendor.url),
                    "write_keys": hostile.KEYS, "plan": str(plan)}  # fmt: skip
        with served(stands, "uvicorn-asgi", folder / "track", **settings) as found:
            attacker = Attacker(found.port, PREFIX)
            attacker.attack()
            until(lambda: _is_told(found, attacker), "not all is stored", seconds=240, pause=0.3)
            yield found


def _is_told(site: Site, attacker: Attacker) -> bool:
    """Whether the worker has stored what was said, and each destination has answered."""
    if not site.told(f"live/events.json?name={quote(attacker.ended)}"):
        return False
    told = {each["name"]: each for each in site.told("delivery/destinations.json")}
    return (
        told["down"]["answer"] != ""
        and told["shut"]["pause"] == "needs you"
        and all(told[name]["lag"] == told[name]["retry"] == 0 for name in ("refuses", "picky"))
    )


@pytest.fixture(scope="module")
def details(site: Site) -> list[str]:
    """Single events, letters and people, of each kind one."""
    found = {}
    for platform in ("web", "ios", "server"):
        for row in site.told(f"live/events.json?platform={platform}"):
            found["event", row["event"][:9]] = f"live/?event={row['position']}"
    for stage in ("door", "plan", "destination"):
        for row in site.told(f"delivery/letters.json?stage={stage}"):
            found[stage, row["reason"][:16]] = f"delivery/?letter={row['id']}"
    for text in hostile.TEXTS:
        found["who", text] = f"visitor/?id={quote(text[:100])}"
    return list(found.values())


@pytest.fixture(scope="module")
def axe() -> str:
    folder = npm_packages(Path(__file__).parent)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def test_everything_hostile_has_come_in(site: Site) -> None:
    events = site.told("plan/drift.json?events=20000")
    names = {row["event"] for row in events}
    for text in hostile.TEXTS:
        assert text[:200] in names or text.strip()[:200] in names, text[:50]
    for name in ("refuses", "picky"):
        letters = site.told(f"delivery/letters.json?destination={name}")
        assert any("<script>window.pwned=1" in row["reason"] for row in letters), name
    told = {each["name"]: each for each in site.told("delivery/destinations.json")}
    assert told["down"]["answer"].startswith("HTTP 503: ")
    assert told["shut"]["pauseReason"].startswith("HTTP 403: ")
    assert site.told("delivery/letters.json?stage=plan")
    assert site.told("delivery/letters.json?stage=door")
    assert any("pwned" in row["page"] for row in site.told("traffic/pages.json"))
    assert any("pwned" in row["source"] for row in site.told("traffic/sources.json"))


def test_what_is_planned_and_has_not_come_for_minutes_is_not_dead(site: Site) -> None:
    found = {row["event"]: row for row in site.told("plan/findings.json")}
    assert found["Seldom Seen"]["kind"] == "unseen"
    assert found["Seldom Seen"]["words"].startswith("never seen, from 20")


@pytest.mark.parametrize(("scheme", "size"), LOOKS, ids=["-".join(each) for each in LOOKS])
def test_nothing_hostile_runs_or_breaks_a_page_and_everybody_can_use_it(
    site: Site, opened: Callable[..., Watched], axe: str, scheme: str, size: str
) -> None:
    watched = opened(site, scheme, size)
    page = watched.page
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, path in VIEWS.items():
        page.goto(site.url(f"{BASE}/{path}"))
        page.wait_for_selector("h1")
        page.screenshot(path=PICTURES / f"hostile-{name}-{scheme}-{size}.png")
        watched.check()
        assert not set(page.inner_text("body")) & ODD, name
        if (scheme, size) in LOOKED_INTO and name in LOOKED_AT:
            page.evaluate(axe)
            assert not page.evaluate(SERIOUS), name


#: What axe-core finds that keeps somebody from using a page.
SERIOUS = """async () => (await axe.run({resultTypes: ["violations"]})).violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => [each.id, ...each.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))])"""


@pytest.mark.parametrize("number", range(len(LOOKS)), ids=["-".join(each) for each in LOOKS])
def test_nothing_hostile_runs_where_one_thing_is_looked_at(
    site: Site, details: list[str], opened: Callable[..., Watched], number: int
) -> None:
    watched = opened(site, *LOOKS[number])
    for path in details[number :: len(LOOKS)]:
        watched.page.goto(site.url(f"{BASE}/{path}"))
        watched.check()
        assert not set(watched.page.inner_text("body")) & ODD, path


def _unescaped(text: str) -> str:
    return html.unescape(text)


def _too_wide(text: str) -> str:
    return text.replace("</h1>", f"</h1><table><th>{'x' * 999}</th></table>")


def _ended_early(text: str) -> str:
    return text.replace("</h1>", "</h1></main>")


@pytest.mark.parametrize("broken", [_unescaped, _too_wide, _ended_early])
def test_whoever_watches_sees_a_page_that_does_not_escape_or_fit(
    site: Site, opened: Callable[..., Watched], broken: Callable[[str], str]
) -> None:
    watched = opened(site)

    def breaks(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=broken(answer.text()))

    watched.page.route("**/delivery/", breaks)
    watched.page.goto(site.url(f"{BASE}/delivery/"))
    with pytest.raises(AssertionError):
        watched.check()


def test_what_comes_while_somebody_looks_is_as_harmless(
    site: Site, opened: Callable[..., Watched]
) -> None:
    watched = opened(site)
    page = watched.page
    page.goto(site.url(f"{BASE}/live/"))
    page.get_by_text("Live", exact=True).last.wait_for()
    attacker = Attacker(site.port, PREFIX, number=1)
    attacker.attack()
    page.get_by_text(attacker.ended).wait_for(timeout=60_000)
    watched.check()


def test_pause_holds_the_page_and_resume_brings_what_was_missed(
    site: Site, opened: Callable[..., Watched]
) -> None:
    page = opened(site).page
    page.goto(site.url(f"{BASE}/live/?name=Missed*"))
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused").wait_for()
    beside = page.context.new_page()
    beside.goto(page.url)
    beside.get_by_text("Live", exact=True).last.wait_for()
    Attacker(site.port, PREFIX).say({"type": "track", "event": "Missed it"})
    beside.get_by_text("Missed it").wait_for(timeout=60_000)
    assert page.locator("li.event").count() == 0
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("Missed it").wait_for(timeout=60_000)


def test_without_javascript_every_page_still_shows_what_it_has(
    site: Site, browser: Browser
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.set_extra_http_headers({"Authorization": f"Bearer {TOKEN}"})
        for each in PAGES:
            page.goto(site.url(f"{BASE}/{each.name}/"))
            assert page.inner_text("h1") == each.title
        page.goto(site.url(f"{BASE}/live/"))
        assert page.locator("li.event").count() > 10
        page.get_by_label("Platform").select_option("web")
        page.get_by_role("button", name="Show").click()
        assert "platform=web" in page.url


def test_the_sign_in_says_where_one_signs_in(site: Site, browser: Browser) -> None:
    with browser.new_context(viewport={"width": 375, "height": 812}) as context:
        page = context.new_page()
        page.goto(site.url(f"{BASE}/"))
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / "sign-in.png")
        assert page.inner_text(".name") == f"localhost:{site.port}"
        assert f"localhost:{site.port}" in page.title()


@pytest.mark.parametrize("stand", ["gunicorn-wsgi", "uvicorn-asgi"])
def test_a_click_in_the_site_is_seen_within_a_second(
    stand: str,
    stands: subprocess.Popen[str],
    tmp_path: Path,
    opened: Callable[..., Watched],
) -> None:
    destination = f"jsonl://{tmp_path / 'delivered.jsonl'}"
    settings = {"deliver": "process", "destinations": [destination]}
    with served(stands, stand, tmp_path / "track", **settings) as site:
        watched = opened(site)
        live = watched.page
        live.goto(site.url(f"{BASE}/live/"))
        shop = live.context.new_page()
        shop.goto(site.url("/"))  # the first event starts the worker
        shop.bring_to_front()
        live.bring_to_front()
        live.wait_for_selector("li.event", timeout=60_000)
        took = []
        for number in range(30):
            visits = live.locator("li.event").count()
            begun = time.monotonic()
            shop.goto(site.url(f"/?visit={number}"), wait_until="commit")
            live.locator("li.event").nth(visits).wait_for(timeout=60_000)
            took.append(time.monotonic() - begun)
            if number >= 4 and min(took) < 3.0:
                break
        watched.check()
        # On a machine with nothing else to do it takes far less than a second; one that does ten
        # things at once is given three, and more tries.
        assert min(took) < 3.0, took
        # Both halves, and the destination's answer.
        live.get_by_text("jsonl: delivered").first.wait_for(timeout=60_000)
        live.locator(".tag.good", has_text="browser").first.wait_for(timeout=60_000)
