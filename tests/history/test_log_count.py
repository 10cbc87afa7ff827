"""A whole access log, counted by us and by another, plain program that shares nothing with us."""

from __future__ import annotations

import io
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from crawleruseragents import is_crawler

from tests.journeys import replay
from track_middleware.event import Entry
from track_middleware.history.formats import FORMATS
from track_middleware.history.importing import log_entries
from track_middleware.history.opening import Lines
from track_middleware.history.pages import Views
from track_middleware.history.tally import Tally
from track_middleware.history.visits import Visitors
from track_middleware.reading import load

HOST = "shop.example"


# The other program: it holds the whole log, and sorts it.


@dataclass
class Count:
    people: int = 0
    bots: int = 0
    visitors: int = 0
    sessions: int = 0
    broken: int = 0
    channels: Counter[str] = field(default_factory=Counter)


def counted(lines: Iterable[str], host: str) -> Count:
    count = Count()
    visits: dict[tuple[str, str], list[tuple[datetime, str, str]]] = defaultdict(list)
    for line in lines:
        parts = line.rstrip("\n").split('"')
        if len(parts) != 7:
            count.broken += 1
            continue
        address, _, zoned = parts[0].rstrip().rstrip("]").partition(" - - [")
        time = datetime.strptime(zoned, "%d/%b/%Y:%H:%M:%S %z")
        method, target = [*parts[1].split(" "), "", ""][:2]
        status = int(parts[2].split()[0])
        if method != "GET" or not 200 <= status <= 299 or status == 206 or not a_page(target):
            continue
        network, agent = address.rpartition(".")[0], parts[5]
        if a_program(agent):
            count.bots += 1
            continue
        count.people += 1
        visits[network, agent].append((time, target, parts[3]))
    count.visitors = len(visits)
    for views in visits.values():
        for _, target, referrer in first_of_sessions(sorted(views, key=lambda view: view[0])):
            count.sessions += 1
            count.channels[channel(target, referrer, host)] += 1
    return count


def a_page(target: str) -> bool:
    path, _, query = target.partition("?")
    if any(f"{name}=" in query for name in ("flav", "feed", "format", "output", "type")):
        return False
    last = path.split("/")[-1]
    ending = last.split(".")[-1].lower() if "." in last else ""
    if not ending[:1].isalpha() or not ending.isalnum() or len(ending) > 6:
        ending = ""
    if path.rstrip("/").split("/")[-1] in ("feed", "rss", "atom", "xmlrpc.php"):
        return False
    return ending in ("", "html", "htm", "xhtml", "shtml", "php", "cgi", "pl", "asp", "aspx")


PEOPLES = ("Mozilla/", "Opera/", "Browser", "MIDP", "Mobile", "Darwin", "Dalvik", "WebKit",
           "Links", "Lynx", "Instagram")  # fmt: skip
SEARCHED = {"google", "bing", "duckduckgo", "baidu", "yandex", "daum"}
SOCIAL = {"facebook.com", "reddit.com", "stackoverflow.com", "t.co"}


def a_program(agent: str) -> bool:
    """By a public list, and by what no browser says of itself."""
    words = ("bot", "spider", "feed", "http:", "https:", "@", "favicon", "slurp")
    return (
        not any(word in agent for word in PEOPLES)
        or is_crawler(agent)
        or any(word in agent.lower() for word in words)
    )


def first_of_sessions(
    views: Sequence[tuple[datetime, str, str]],
) -> Iterable[tuple[datetime, str, str]]:
    before, tag = None, ""
    for time, target, referrer in views:
        new = "&".join(part for part in target.split("?")[-1].split("&") if part.startswith("utm_"))
        silent = before is None or (time - before).total_seconds() > 1800
        if silent or (new and new != tag):
            tag = new
            yield time, target, referrer
        before = time


def channel(target: str, referrer: str, host: str) -> str:
    if "utm_medium=email" in target:
        return "Email"
    if "utm_medium=cpc" in target:
        return "Paid Search" if "utm_source=google" in target else "Paid Other"
    if "utm_source=" in target:
        return "Referral"
    if referrer in ("", "-"):
        return "Direct"
    site = referrer.split("/")[2].removeprefix("www.")
    if site == host:
        return "Internal"
    if SEARCHED & set(site.split(".")):
        return "Organic Search"
    return "Organic Social" if site in SOCIAL else "Referral"


# A log that has everything.

BROWSERS = [
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    f"Chrome/{version}.0.0.0 Safari/537.36"
    for version in range(90, 130)
] + [
    f"Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    for version in range(80, 130)
]
BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "curl/8.5.0",
    "-",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)",
]
CAME = ["-", "-", f"https://{HOST}/", f"https://www.{HOST}/a", "https://www.google.com/",
        "https://duckduckgo.com/", "https://www.reddit.com/r/x",
        "https://blog.example/post"]  # fmt: skip
ASKED = ["/", "/a", "/b.html", "/c/", "/x.php?id=7", "/?flav=rss20", "/feed/", "/logo.png",
         "/app.js", "/d/v1.2", "/robots.txt"]  # fmt: skip
TAGS = ["utm_source=news&utm_medium=email", "utm_source=google&utm_medium=cpc",
        "utm_source=partner&utm_medium=cpc"]  # fmt: skip


def a_log(seed: int, number: int = 6000) -> list[str]:
    chance = random.Random(seed)
    people = [(f"203.0.{chance.randrange(90)}", chance.choice(BROWSERS)) for _ in range(250)]
    people += [(f"198.51.{chance.randrange(9)}", chance.choice(BOTS)) for _ in range(20)]
    lines: list[tuple[float, str]] = []
    clock = 1_700_000_000.0
    for _ in range(number):
        clock += chance.expovariate(1 / 20)
        network, agent = chance.choice(people)
        target = chance.choice(ASKED)
        if target == "/a" and chance.random() < 0.3:
            target = f"/a?{chance.choice(TAGS)}"
        method = chance.choice(["GET"] * 12 + ["POST", "HEAD"])
        status = chance.choice([200] * 12 + [304, 404, 302, 206, 500, 201])
        when = datetime.fromtimestamp(int(clock), UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        line = (
            f'{network}.{chance.randrange(256)} - - [{when}] "{method} {target} HTTP/1.1" '
            f'{status} 512 "{chance.choice(CAME)}" "{agent}"\n'
        )
        lines.append((clock + chance.random() * 60, line))  # written when its answer was over
        if chance.random() < 0.01:
            lines.append((clock + 1, chance.choice(["broken\n", line[:-3] + "\n"])))
        if chance.random() < 0.01:
            lines.append((clock + 1, line))
    return [line for _, line in sorted(lines, key=lambda each: each[0])]


def ours(text: bytes, host: str, *, format: str = "combined") -> Tally:
    tally = Tally()
    views = Views(
        load({"data_dir": "/nowhere"}, {}),
        host=host,
        scheme="https",
        visitors=Visitors("a key", ip="truncate", daily=False),
        consent={"analytics": "granted", "marketing": "granted"},
    )
    entries = log_entries(
        [Lines("-", io.BytesIO(text))],
        lambda: FORMATS[format](None),
        views,
        tally,
        accept=lambda event: Entry("event", 1.0, event),
    )
    ids = [entry.event.message_id for entry in entries if entry.event is not None]
    assert len(ids) == len(set(ids)) == tally.events
    return tally


def as_count(tally: Tally) -> Count:
    return Count(
        people=tally.pages,
        bots=sum(tally.bots.values()),
        visitors=tally.visitors.number,
        sessions=tally.sessions.number,
        broken=tally.malformed,
        channels=tally.channels,
    )


@pytest.mark.parametrize("seed", range(3))
def test_pages_visitors_sessions_channels_and_bots_are_what_another_program_counts(seed):
    lines = a_log(seed)
    there = counted(lines, HOST)
    assert min(there.people, there.bots, there.visitors, there.sessions, there.broken) > 30
    assert len(there.channels) == 8
    assert as_count(ours("".join(lines).encode(), HOST)) == there


@pytest.mark.parametrize(
    "time",
    ["31/Dec/9999:23:59:59 -0700", "31/Dec/9999:23:59:59 +0000", "01/Jan/0001:00:00:00 +1200",
     "31/Dec/1969:23:00:00 +0000"],
)  # fmt: skip
def test_a_line_of_a_time_that_no_clock_shows_is_counted_and_stops_nothing(time):
    asked = '"GET /a HTTP/1.1" 200 1 "-"'
    good = f'203.0.113.7 - - [10/Oct/2024:13:55:36 -0700] {asked} "{BROWSERS[0]}"\n'
    bad = good.replace("10/Oct/2024:13:55:36 -0700", time)
    tally = ours(f"{good}{bad}{good}".encode(), HOST)
    assert (tally.pages, tally.malformed) == (2, 1)
    assert "line 2: it tells a time" in tally.shown[0]


@pytest.mark.parametrize("time", ["nan", "inf", "-inf", "1e300"])
def test_what_is_a_number_and_no_time_is_no_time(time):
    line = f'{{"msec": "{time}", "remote_addr": "203.0.113.7", "request": "GET / HTTP/1.1"}}\n'
    assert ours(line.encode(), HOST, format="nginx-json").malformed == 1


@pytest.mark.needs("shared-data")
def test_a_real_log_is_what_another_program_counts():
    text = replay.LOG.read_bytes()
    there = counted(text.decode("utf-8", "replace").splitlines(), replay.HOST)
    assert min(there.people, there.bots, there.visitors, there.sessions) > 100
    assert as_count(ours(text, replay.HOST)) == there
