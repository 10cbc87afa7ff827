"""An access log of 100,000 lines, imported and stored, against a plain program's table of its hits.

The import runs as its users call it, with its own worker, into an empty data folder. Memory is what
the process has at most over one that has loaded the same verb and does nothing. ``BENCH_LOG`` names
a combined log of yours (``BENCH_LOG_HOST`` its site) instead of the one that is made here; it is
read so often that there are ``BENCH_LINES``.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

LINES = int(os.environ.get("BENCH_LINES", "100000"))
ROUNDS = int(os.environ.get("BENCH_IMPORTS", "3"))

#: Lines a second; times the CPU of a plain program; MiB over the bare process.
RATE, RATIO, GROWS = 20_000.0, 6.0, 60.0

_HOST = os.environ.get("BENCH_LOG_HOST", "shop.example")

#: Prints the most memory that a process had, in KiB; what it ran before, as its parent's, is not
#: among that.
_PEAK = "print(*(line.split()[1] for line in open('/proc/self/status') if line[:5] == 'VmHWM'))"
_BARE = f"from track_middleware import cli;{_PEAK}"
_IMPORT = (
    "import sys,time;from track_middleware import cli;begun=time.perf_counter();"
    "status=cli.main(sys.argv[1:]);print(status,time.perf_counter()-begun);"
    f"{_PEAK}"
)
#: The program that everybody writes first: no sessions, bots or channels, and no second run.
_PLAIN = """
import json, sqlite3, sys, time
from datetime import datetime
begun = time.process_time()
store = sqlite3.connect(sys.argv[2])
store.execute("CREATE TABLE hit (time REAL, body TEXT)")
for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
    parts = line.split('"')
    if len(parts) != 7:
        continue
    address, _, zoned = parts[0].partition(" - - [")
    when = datetime.strptime(zoned.rstrip("] "), "%d/%b/%Y:%H:%M:%S %z").timestamp()
    hit = {"ip": address, "request": parts[1], "status": parts[2].split()[0],
           "referrer": parts[3], "agent": parts[5]}
    store.execute("INSERT INTO hit VALUES (?, ?)", (when, json.dumps(hit)))
store.commit()
print(time.process_time() - begun)
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """``rate`` in lines a second, ``cpu`` in seconds, its worker's among them, ``grows`` in MiB;
    ``stored`` of ``events`` page views."""

    rate: float
    cpu: float
    grows: float
    events: int
    stored: int


def measured(log: Path, number: int) -> Imported:
    """One import of a log of so many lines."""
    before = _cpu()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        verb = ["import", str(log), "--format", "combined", "--host", _HOST, "--json"]
        said, outcome, peak = _python(_IMPORT, *verb, "--data-dir", folder).splitlines()
    cpu = _cpu() - before
    status, taken = outcome.split()
    told = json.loads(said)
    if status != "0":
        raise RuntimeError(said)
    grows = (int(peak) - int(_python(_BARE))) / 1024
    return Imported(number / float(taken), cpu, grows, told["events"], told["stored"])


def plain(log: Path) -> float:
    """Seconds of CPU of a plain program that reads a log into a table of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return float(_python(_PLAIN, str(log), f"{folder}/hits.db"))


def _cpu() -> float:
    """Seconds of CPU of the processes that have ended, with their own."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _python(program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def made(number: int) -> str:
    """A combined log: one line in three is a page, one visitor in three a program, and lines are
    up to a minute late."""
    chance = random.Random(5)
    people = [
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{version}.0.{build}.0 Safari/537.36"
        for version in range(90, 140)
        for build in range(8)
    ]
    programs = [said for each in CRAWLER_USER_AGENTS_DATA for said in each["instances"][:1]]
    programs = [each for each in programs if '"' not in each and "\\" not in each][:200]
    visitors = [
        (f"203.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}", agent)
        for agents, share in ((people, 1200), (programs, 600))
        for agent in chance.choices(agents, k=share)
    ]
    came = ["-"] * 4 + [f"https://{_HOST}/"] * 4 + ["https://www.google.com/", "https://x.example/"]
    asked = ["/blog/{0}", "/p/{0}.html?q={0}", "/?utm_source=s{1}&utm_medium=email",
             "/static/{0}.png", "/static/{0}.css", "/app.{1}.js", "/favicon.ico",
             "/images/{0}.jpg", "/robots.txt"]  # fmt: skip
    return "".join(
        _line(1_700_000_000 + place * 3 - chance.randrange(60), chance, visitors, came, asked)
        for place in range(number)
    )


def _line(
    time: int, chance: random.Random, visitors: list[tuple[str, str]], came: list[str],
    asked: list[str],
) -> str:  # fmt: skip
    address, agent = chance.choice(visitors)
    when = datetime.fromtimestamp(time, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    target = chance.choice(asked).format(chance.randrange(800), chance.randrange(9))
    status = chance.choice([200] * 9 + [304, 404])
    return (
        f'{address} - - [{when}] "GET {target} HTTP/1.1" {status} {chance.randrange(60_000)} '
        f'"{chance.choice(came)}" "{agent}"\n'
    )


def written(folder: Path, number: int = LINES) -> Path:
    """The log to import, of so many lines."""
    path, given = folder / "access.log", os.environ.get("BENCH_LOG")
    if given is None:
        path.write_text(made(number))
        return path
    lines = Path(given).read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[place % len(lines)] for place in range(number)))
    return path


def main() -> int:
    """Prints the table; 1 when a bar is missed. Times are of the best of some rounds."""
    with tempfile.TemporaryDirectory() as folder:
        log = written(Path(folder))
        rounds = [(measured(log, LINES), plain(log)) for _ in range(ROUNDS)]
    rate = max(imported.rate for imported, _ in rounds)
    cpu = min(imported.cpu for imported, _ in rounds)
    grows = max(imported.grows for imported, _ in rounds)
    ratio = cpu / min(bare for _, bare in rounds)
    missing = max(imported.events - imported.stored for imported, _ in rounds)
    rows = [
        ("lines a second, read, sorted and stored", rate, f"{RATE:,.0f}", rate >= RATE),
        ("CPU of a plain program with one table", ratio, f"{RATIO:.0f}x", ratio <= RATIO),
        ("MiB over the bare process", grows, f"{GROWS:.0f}", grows <= GROWS),
        ("page views that were not stored", missing, "0", missing == 0),
    ]
    print(
        f"{LINES:,} lines, {rounds[0][0].events:,} page views, {cpu:.1f} s of CPU with the worker"
    )
    for name, value, bar, met in rows:
        print(f"{name:<42}{value:>12,.1f}   bar {bar:>8}   {'met' if met else 'MISSED'}")
    return int(not all(met for *_, met in rows))


if __name__ == "__main__":
    sys.exit(main())
