"""What the store counted of a replayed log, beside what the log has by itself."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


def stored(data_dir: Path) -> dict[str, Any]:
    """The store's numbers, read from its database with SQL and under the names of the log's."""
    numbers: dict[str, Counter[str]] = {
        name: Counter()
        for name in ("views", "came", "other", "paths", "referrers", "campaigns", "networks")
    }
    visitors: dict[str, set[str]] = {"human": set(), "bot": set()}
    with closing(sqlite3.connect(f"file:{data_dir / 'events.db'}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT body, derived, bot FROM log WHERE kind = 'page'").fetchall()
        for label, number in store.execute(
            "SELECT label, COUNT(*) FROM log WHERE kind != 'page' GROUP BY label"
        ):
            numbers["other"]["requests" if label == "Request" else label] = number
    for body, derived, bot in rows:
        event, known = json.loads(body), json.loads(derived)
        page = event["context"]["page"]
        numbers["views"]["bot" if bot else "human"] += 1
        visitors["bot" if bot else "human"].add(event["anonymousId"])
        numbers["networks"][event["context"]["ip"]] += 1
        numbers["paths"][unquote(urlsplit(page["url"]).path)] += 1
        _take_referrer(numbers, page.get("referrer"), known.get("referrer"))
        _take_campaign(numbers, page["url"], event["context"].get("campaign", {}))
    people = Counter({name: len(ids) for name, ids in visitors.items()})
    return {name: dict(counter) for name, counter in {**numbers, "visitors": people}.items()}


def _take_referrer(
    numbers: dict[str, Counter[str]], raw: str | None, known: dict[str, str] | None
) -> None:
    if known is None or raw is None:
        numbers["came"]["from nowhere"] += 1
        return
    if known["kind"] == "internal":
        numbers["came"]["from the site"] += 1
        return
    engine = known["kind"] == "search"
    numbers["came"]["from a search engine" if engine else "from elsewhere"] += 1
    numbers["referrers"][(urlsplit(raw).hostname or "").removeprefix("www.")] += 1


def _take_campaign(numbers: dict[str, Counter[str]], url: str, campaign: dict[str, str]) -> None:
    if "utm_" in urlsplit(url).query:
        told = [campaign.get(name, "-") for name in ("source", "medium", "name")]
        numbers["campaigns"][" / ".join(told)] += 1


def lines(asked: dict[str, Any], kept: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    """(what, asked, stored) for each number; the long lists are summed up as agreeing entries."""
    for name in ("views", "visitors", "came", "other"):
        for key in sorted({*asked[name], *kept[name]}):
            yield f"{name}: {key}", asked[name].get(key, 0), kept[name].get(key, 0)
    for name in ("paths", "referrers", "campaigns", "networks"):
        agreeing = sum(kept[name].get(key) == number for key, number in asked[name].items())
        yield f"{name}: different", len(asked[name]), len(kept[name])
        yield f"{name}: with the same number", len(asked[name]), agreeing
        yield f"{name}: in all", sum(asked[name].values()), sum(kept[name].values())


def table(asked: dict[str, Any], kept: dict[str, Any]) -> str:
    """The comparison as text."""
    head = f"{'':34}{'log':>8}{'stored':>8}"
    return "\n".join(
        [
            head,
            *(
                f"{what:34}{a:>8}{b:>8}{'' if a == b else '  !'}"
                for what, a, b in lines(asked, kept)
            ),
        ]
    )
