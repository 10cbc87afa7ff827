"""Replays a real access log over real sockets, and compares what was stored with what was asked.

    python -m tests.journeys.replay [LOG]

The site runs under gunicorn with several workers, behind ``X-Forwarded-For``. Old logs name no
``Accept`` header and browsers of that time sent no ``Sec-Fetch-*``: a GET for a path that ends in
``html``, ``htm``, ``xhtml``, ``php`` or has no extension is sent with ``Accept: text/html,…`` as
browsers send it when somebody goes somewhere, everything else as they fetch images and files.
Cookies are kept for each address with its user agent; such a browser asks for one thing at a time,
in the log's order, while others go on beside it.
"""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.journeys import independent
from tests.journeys.comparison import stored, table
from tests.programs import ROOT, SHARED_DATA
from tests.waiting import free_port, until

LOG = SHARED_DATA / "access-logs" / "elastic_apache_combined.log"
HOST = "semicomplete.com"
LANES = 8

_HIT = re.compile(
    r'(\S+) \S+ \S+ \[.*?\] "(\S+) (\S+) \S+" (\d{3}) \S+ '
    r'"((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"?$'
)
_PAGES = ("", "html", "htm", "xhtml", "php")
_NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_IMAGE = "image/png,image/*;q=0.8,*/*;q=0.5"


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of the log, as bytes that were sent (latin-1 text); "" where it has ``-``."""

    address: str
    method: str
    target: str
    status: str
    referrer: str
    agent: str

    @property
    def accept(self) -> str:
        """What a browser accepts when it asks for such a path."""
        name = self.target.partition("?")[0].rpartition("/")[2]
        extension = name.rpartition(".")[2] if "." in name else ""
        if extension in _PAGES:
            return _NAVIGATION
        return _IMAGE if extension in ("png", "gif", "jpg", "jpeg", "ico", "svg") else "*/*"


def hits(log: Path) -> list[Hit]:
    """The log's requests; ValueError for a line that is none."""
    found = []
    for line in log.read_text(encoding="latin-1").splitlines():
        hit = _HIT.match(line)
        if hit is None:
            raise ValueError(f"no combined log line: {line[:200]}")
        address, method, target, status, referrer, agent = hit.groups()
        found.append(Hit(address, method, target, status, _sent(referrer), _sent(agent)))
    return found


def _sent(logged: str) -> str:
    """A header as it was sent: the server had escaped quotes and bytes in its log."""
    if logged == "-":
        return ""
    text = logged.replace('\\"', '"')
    return re.sub(r"\\x([0-9a-f]{2})", lambda byte: chr(int(byte[1], 16)), text)


class Browser:
    """One address with one user agent, and the cookies it keeps."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def headers(self, hit: Hit) -> dict[str, str]:
        """What is sent with a request."""
        named = {
            "Host": HOST, "Accept": hit.accept, "User-Agent": hit.agent, "Referer": hit.referrer,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._kept.items()),
            "X-Forwarded-For": hit.address, "X-Replay-Status": hit.status,
            "Range": "bytes=0-" if hit.status in ("206", "416") else "",
            "If-None-Match": '"kept"' if hit.status == "304" else "",
        }  # fmt: skip
        return {name: value for name, value in named.items() if value}

    def take(self, lines: Iterable[str]) -> None:
        """Keeps what the answer sets; ``Max-Age=0`` ends a cookie."""
        for line in lines:
            pair, _, attributes = line.partition(";")
            name, _, value = pair.partition("=")
            if "max-age=0;" in attributes.lower().replace(" ", "") + ";":
                self._kept.pop(name, None)
            else:
                self._kept[name] = value


def replay(found: list[Hit], port: int) -> Counter[str]:
    """Sends every request; how the answers' statuses differed from the log's (empty: not at all).

    Requests of one browser stay in one lane, in order.
    """
    lanes: list[list[Hit]] = [[] for _ in range(LANES)]
    for hit in found:
        lanes[hash((hit.address, hit.agent)) % LANES].append(hit)
    differing: Counter[str] = Counter()
    threads = [threading.Thread(target=_lane, args=(lane, port, differing)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return differing


def _lane(lane: list[Hit], port: int, differing: Counter[str]) -> None:
    browsers: defaultdict[tuple[str, str], Browser] = defaultdict(Browser)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for hit in lane:
        browser = browsers[hit.address, hit.agent]
        status = _ask(connection, hit, browser)
        if status != int(hit.status):
            differing[f"{hit.status} became {status}"] += 1
    connection.close()


def _ask(connection: http.client.HTTPConnection, hit: Hit, browser: Browser) -> int:
    connection.putrequest(hit.method, hit.target, skip_host=True, skip_accept_encoding=True)
    for name, value in browser.headers(hit).items():
        connection.putheader(name, value)
    if hit.method == "POST":
        connection.putheader("Content-Length", "0")
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    browser.take(answer.msg.get_all("Set-Cookie") or ())
    return answer.status


@contextmanager
def site(data_dir: Path, port: int, *, workers: int = 3) -> Iterator[None]:
    """The replayed site under gunicorn; ended by its pid."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRACK_")},
        "TRACK_DATA_DIR": str(data_dir), "TRACK_TRUSTED_PROXIES": "1",
        "TRACK_SECRET_KEY": "a key of this replay alone", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    arguments = ["-b", f"127.0.0.1:{port}", "-w", str(workers), "-k", "gthread", "--threads", "4",
                 "--keep-alive", "120", "--log-level", "warning"]  # fmt: skip
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *arguments, "tests.journeys.replay_app:app"],
        env=environment,
        cwd=data_dir.parent,
    )
    try:
        _wait_until_it_answers(server, port)
        yield
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int) -> None:
    until(lambda: server.poll() is not None or _answers(port), "the replayed site does not answer")
    assert server.poll() is None, "the replayed site has ended"


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", "/favicon.ico", headers={"X-Replay-Status": "200"})
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def drain(data_dir: Path) -> None:
    """Stores what the site has spooled, ending the merge windows.

    The site's own worker ends with it, and holds the folder's lease until then.
    """
    worker = [sys.executable, "-m", "track_middleware", "worker", "--data-dir", str(data_dir)]
    until(
        lambda: subprocess.run([*worker, "--once"], check=False).returncode == 0,
        "nobody could drain the replayed site's folder", seconds=300, pause=0.2,
    )  # fmt: skip


def main(log: Path = LOG) -> int:
    """Replays a log into a folder of its own; 0 when every number agrees."""
    with tempfile.TemporaryDirectory() as folder:
        asked, kept, differing = run(log, Path(folder) / "track", port=free_port())
    print(table(asked, kept))
    print(f"answers whose status differed: {dict(differing)}")
    return 0 if asked == kept and not differing else 1


def run(
    log: Path, data_dir: Path, *, port: int
) -> tuple[dict[str, Any], dict[str, Any], Counter[str]]:
    """The log's numbers, the store's numbers, and how the answers' statuses differed."""
    with site(data_dir, port):
        differing = replay(hits(log), port)
    drain(data_dir)
    return independent.count(log), stored(data_dir), differing


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else LOG))
