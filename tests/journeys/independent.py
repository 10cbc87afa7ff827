"""Counts a combined access log by itself: page views, bots, visitors, referrers, campaigns.

Imports nothing of the package, reads nothing but the log, and shares no rule with the driver but
the ones written here:

- A page view is a GET answered 200 whose path ends in ``html``, ``htm``, ``xhtml``, ``php`` or has
  no extension.
- A visitor is an address with a user agent (the driver keeps cookies as such a browser would).
- A program is what names itself with one of ``PROGRAMS``, all chosen by reading this log's user
  agents, or nothing at all. Everybody else is a person.
- A referrer is internal when it is the site's, with or without ``www.``.
  A search engine's is a known engine's host.
- A campaign is counted where a page's own address carries it.
- An address counts without its last byte, which is all that is to be kept of it.
- A request that changes something (none of GET, HEAD, OPTIONS), or fails (500 and more), is an
  event of its own.

    python tests/journeys/independent.py LOG
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SITE = "semicomplete.com"

PROGRAMS = (
    "bot", "spider", "crawler", "feed", "tiny tiny rss", "slurp", "ezooms", "chef client",
    "google favicon", "siteexplorer", "facebookexternalhit", "flipboard", "spinn3r",
    "livejournal.com", "distilator", "liferea", "bingpreview", "google web preview",
    "appengine-google", "embedly", "phantomjs", "libfetch", "python", "wget", "xenu",
    "ia_archiver", "daum", "nutch", "http_request2", "link validator", "changedetection",
    "binlar", "google desktop", "googleimageproxy", "superblock", "tropicdesigns",
    "libwww-perl", "indy library", "theoldreader", "yandex", "curl/", "simplepie", "genieo",
    "portscout", "robosourcer", "irssiurllog", "microsoft office protocol discovery",
    "&as_qdr=all",
)  # fmt: skip

SEARCH_ENGINES = re.compile(
    r"(images\.|encrypted\.)?google\.[a-z.]+|(r\.)?duckduckgo\.com|baidu\.com|bing\.com|yandex\.ru"
)

LINE = re.compile(
    r"(?P<address>\S+) \S+ \S+ \[[^]]+\] "
    r'"(?P<method>\S+) (?P<target>\S+) [^"]*" (?P<status>\d+) \S+ '
    r'"(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)'
)


def count(log: Path) -> dict[str, Any]:
    """The log's numbers, under the names that the comparison prints."""
    people: set[tuple[str, str]] = set()
    programs: set[tuple[str, str]] = set()
    numbers: dict[str, Counter[str]] = {
        name: Counter()
        for name in ("views", "came", "other", "paths", "referrers", "campaigns", "networks")
    }
    with log.open(encoding="latin-1") as lines:
        for line in lines:
            hit = LINE.match(line)
            if hit is None:
                continue
            if hit["method"] not in ("GET", "HEAD", "OPTIONS") or int(hit["status"]) >= 500:
                numbers["other"]["requests"] += 1
            if not _is_page_view(hit):
                continue
            numbers["networks"][".".join([*hit["address"].split(".")[:3], "0"])] += 1
            agent = hit["agent"]
            program = _is_program(agent)
            numbers["views"]["bot" if program else "human"] += 1
            (programs if program else people).add((hit["address"], agent))
            numbers["paths"][unquote(hit["target"].split("?")[0])] += 1
            _count_referrer(numbers, hit["referrer"])
            _count_campaign(numbers, hit["target"])
    visitors = Counter(human=len(people), bot=len(programs))
    return {name: dict(counter) for name, counter in {**numbers, "visitors": visitors}.items()}


def _is_page_view(hit: re.Match[str]) -> bool:
    name = hit["target"].split("?")[0].split("/")[-1]
    extension = name.split(".")[-1] if "." in name else ""
    page = extension in ("", "html", "htm", "xhtml", "php")
    return page and hit["method"] == "GET" and hit["status"] == "200"


def _is_program(agent: str) -> bool:
    lowered = agent.lower()
    return lowered in ("-", "ruby") or any(word in lowered for word in PROGRAMS)


def _count_referrer(numbers: dict[str, Counter[str]], referrer: str) -> None:
    if referrer == "-":
        numbers["came"]["from nowhere"] += 1
        return
    sent = re.sub(r"\\x([0-9a-f]{2})", lambda byte: chr(int(byte[1], 16)), referrer)
    host = (urlsplit(sent).hostname or "").lower()
    host = host[4:] if host.startswith("www.") else host
    if host == SITE:
        numbers["came"]["from the site"] += 1
        return
    engine = SEARCH_ENGINES.fullmatch(host)
    numbers["came"]["from a search engine" if engine else "from elsewhere"] += 1
    numbers["referrers"][host] += 1


def _count_campaign(numbers: dict[str, Counter[str]], target: str) -> None:
    tags = parse_qs(urlsplit(target).query)
    told = [tags.get(f"utm_{name}", ["-"])[0] for name in ("source", "medium", "campaign")]
    if any(name.startswith("utm_") for name in tags):
        numbers["campaigns"][" / ".join(told)] += 1


if __name__ == "__main__":
    print(json.dumps(count(Path(sys.argv[1])), indent=1))
