"""Three blockers' own engines, each asked about a list of requests.

An engine gives for each request the rule that blocks it, or an empty string.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.programs import chromium

from . import sources
from .requests import Asked

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Worker

Engine = Callable[[Sequence[Asked]], list[str]]

#: So many requests are asked about in one call into the browser.
_AT_ONCE = 5000

#: Chromium indexes 300,000 rules; in seconds.
_PATIENCE = 120.0


def ublock(asked: Sequence[Asked]) -> list[str]:
    """uBlock Origin's engine with the lists it is shipped with."""
    program = Path(__file__).with_name("ublock.mjs")
    command = ["node", str(program), str(sources.UBO), *map(str, sources.lists())]
    text = "".join(json.dumps(each) + "\n" for each in asked)
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return ran.stdout.split("\n")[:-1]


def brave(asked: Sequence[Asked]) -> list[str]:
    """Brave's engine with uBlock Origin's lists, which are most of Brave's own."""
    from adblock import Engine as Brave
    from adblock import FilterSet

    rules = FilterSet(debug=True)
    for path in sources.lists():
        rules.add_filter_list(path.read_text())
    engine = Brave(rules)
    found = (engine.check_network_urls(each.url, each.page, each.kind) for each in asked)
    return [(each.filter or "a rule") if each.matched else "" for each in found]


def adguard(asked: Sequence[Asked]) -> list[str]:
    """AdGuard's rules in Chromium's own engine, as AdGuard's extension for Chromium has them."""
    from playwright.sync_api import sync_playwright

    flags = [
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking",
        f"--disable-extensions-except={sources.ADGUARD}", f"--load-extension={sources.ADGUARD}",
    ]  # fmt: skip
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium(),
            headless=False,
            args=flags,
            ignore_default_args=["--disable-extensions"],
        )
        worker = _worker(context)
        _until_enabled(worker)
        matched = [
            each
            for start in range(0, len(asked), _AT_ONCE)
            for each in worker.evaluate(
                _MATCHED, [list(a) for a in asked[start : start + _AT_ONCE]]
            )
        ]
        context.close()
    return _verdicts(matched)


#: Per request the rules that decided, as set and number. A top-level page has no initiator.
_MATCHED = """asked => Promise.all(asked.map(async ([url, type, page]) => {
  const initiator = type == "main_frame" ? undefined : new URL(page).origin;
  const method = type == "ping" || type == "xmlhttprequest" ? "post" : "get";
  const { matchedRules } = await chrome.declarativeNetRequest.testMatchOutcome(
    { url, type, initiator, method });
  return matchedRules.map(({ rulesetId, ruleId }) => [rulesetId, ruleId]);
}))"""


def _until_enabled(worker: Worker) -> None:
    """The extension is there before its rules are; AssertionError when they never come."""
    end = time.monotonic() + _PATIENCE
    wanted = {f"ruleset_{each}" for each in sources.ADGUARD_FILTERS}
    while missing := wanted - set(worker.evaluate(_ENABLED)):
        assert time.monotonic() < end, f"Chromium did not enable {sorted(missing)}"
        time.sleep(0.2)


_ENABLED = "() => chrome.declarativeNetRequest.getEnabledRulesets()"


def _worker(context: BrowserContext) -> Worker:
    workers = context.service_workers
    return (
        workers[0] if workers else context.wait_for_event("serviceworker", timeout=_PATIENCE * 1000)
    )


def _verdicts(matched: Sequence[Sequence[tuple[str, int]]]) -> list[str]:
    """What the matched rules do: an allowing rule and one that only strips parameters block not."""
    rules: dict[str, dict[int, dict[str, Any]]] = {}
    for name in {name for each in matched for name, _ in each}:
        written = json.loads((sources.ADGUARD / f"{name}.json").read_text())
        rules[name] = {rule["id"]: rule for rule in written}
    return [
        next((json.dumps(rule) for rule in _named(each, rules) if _blocks(rule)), "")
        for each in matched
    ]


def _named(
    matched: Sequence[tuple[str, int]], rules: dict[str, dict[int, dict[str, Any]]]
) -> list[dict[str, Any]]:
    return [rules[name][number] for name, number in matched]


def _blocks(rule: dict[str, Any]) -> bool:
    action = rule["action"]
    if action["type"] == "redirect":
        return "transform" not in action["redirect"]
    return bool(action["type"] == "block")


ENGINES: dict[str, Engine] = {"uBlock Origin": ublock, "AdGuard": adguard, "Brave": brave}
