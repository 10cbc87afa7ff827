"""A prerendered page says nothing until somebody sees it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.chrome import FLAGS
from tests.client.site import Site, document
from tests.processes import started
from tests.programs import chromium
from tests.waiting import SECONDS

pytestmark = pytest.mark.needs("chromium")

RULES = json.dumps({"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]})
#: Asks the site over and over whether to go on, since nobody drives this browser.
WAITS = """<script>
  const look = () => fetch("/go").then(answer => answer.ok ? location.assign("/next")
    : setTimeout(look, 50));
  look();
</script>"""

#: Tells that the script has had its time: it runs before ``load`` and sends soon after.
ALIVE = "<script>onload = () => setTimeout(() => fetch('/alive'), 300)</script>"


@pytest.fixture
def walked(site: Site, tmp_path: Path) -> Iterator[Site]:
    """A site whose home page prerenders the next one, in a browser that no tool has touched:
    Chromium does not prerender in a tab that is driven."""
    site.pages["/"] = document(
        "home", head=f'<script type="speculationrules">{RULES}</script>{WAITS}'
    )
    site.pages["/next"] = document("next", head=ALIVE)
    program = chromium()
    assert program is not None
    command = [program, *FLAGS, f"--user-data-dir={tmp_path}", site.url()]
    with started(command, stderr=subprocess.DEVNULL) as browser:
        yield site
        browser.terminate()
        with suppress(subprocess.TimeoutExpired):
            browser.wait(SECONDS)


def _purpose(site: Site) -> str:
    found = [headers.get("Sec-Purpose", "") for path, headers in site.visits if path == "/next"]
    return found[0] if found else ""


def test_prerendered_page_is_confirmed_only_when_it_is_shown(walked: Site) -> None:
    walked.wait(lambda: any(path == "/alive" for path, _ in walked.visits))
    walked.wait_for(1, "view")
    assert _purpose(walked) == "prefetch;prerender"
    assert [event["token"] for event in walked.events] == ["home"]
    walked.pages["/go"] = "go"
    _, shown = walked.wait_for(2, "view")
    assert shown["token"] == "next"
    assert [path for path, _ in walked.visits].count("/next") == 1
