"""The decision table of consent, every cell of it over a real socket, in every face.

Per set-up of a site: a server for each face, all with one data folder, whose visitors are told
apart by the number of their cell; then one worker, whose destinations are files.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faces.apps import NAVIGATION, SECRET
from tests.faces.consent_table import CHOICES, DESTINATIONS, OUTCOMES, SIGNALS, TABLES, Table
from tests.waiting import free_port, listens, until
from track_middleware.delivery import emission
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.worker import Worker
from track_middleware.reading import load
from track_middleware.tracking import routes

#: Face -> the server that it stands behind.
SERVERS = {
    "wsgi": "gunicorn", "flask": "waitress", "django-sync": "waitress",
    "asgi": "uvicorn", "starlette": "uvicorn", "django-async": "uvicorn",
}  # fmt: skip

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BASE = f"/{routes.prefix(SECRET)}"
COOKIES = {"_tm_v": "visitor", "_tm_s": "session", "_tm_c": "choice"}
SCRIPT = b'src="%s/m.js"' % BASE.encode()
QUESTION = b'{"v":1,"ask":true}'


@dataclass
class Seen:
    """What one visitor got, and what was stored and delivered of them."""

    cookies: set[str]
    script: str
    asked: str
    shared: bytes
    events: list[Any] = field(default_factory=list)
    given: dict[str, list[str]] = field(default_factory=dict)
    record: list[Any] = field(default_factory=list)
    record_given: list[str] = field(default_factory=list)


class Visitor:
    """A browser at one face: keeps cookies, sends its signals with every request."""

    def __init__(self, port: int, signals: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"User-Agent": AGENT, **signals}
        self.cookies: dict[str, str] = {}

    def page(self, path: str) -> bytes:
        return self._ask("GET", path, NAVIGATION)

    def post(self, rest: str, body: bytes) -> Any:
        headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}
        return json.loads(self._ask("POST", f"{BASE}/{rest}", headers, body))

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
        sent = {**self._headers, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._connection.request(method, path, body or None, sent)
        answer = self._connection.getresponse()
        for line in answer.msg.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        assert answer.status == 200, (path, answer.status)
        return answer.read()


def visited(port: int, cell: str, choices: Sequence[dict[str, bool]], signals: Any) -> Seen:
    """What a visitor sees who makes these choices and then buys something."""
    visitor = Visitor(port, signals)
    for number, choice in enumerate(choices):
        # Of a withdrawal the record is that of the last word.
        is_last = number == len(choices) - 1
        visitor.post("c", json.dumps({**choice, "version": cell if is_last else ""}).encode())
        if not is_last:
            visitor.page("/")
    body = visitor.page(f"/buy?cell={cell}")
    cookies = {COOKIES[name] for name in visitor.cookies}
    asked = visitor.post("q", QUESTION)
    seen = Seen(
        cookies, _script(body), "stop" if asked.get("stop") else "go on", visitor.page("/shared")
    )
    assert {COOKIES[name] for name in visitor.cookies} == cookies
    visitor.close()
    return seen


def _script(body: bytes) -> str:
    assert body.count(SCRIPT) == 1, body
    if b"<meta" not in body:
        return "the constant one"
    token = body.split(b'<meta name="track-page" content="')[1].partition(b'"')[0]
    return "with a page token" if len(token) == 86 else f"with {token!r}"


@contextmanager
def served(stands: Any, face: str, data_dir: Path, settings: dict[str, object]) -> Iterator[int]:
    """The port of a server with a face's app, ended by its process id."""
    port = free_port()
    said = (SERVERS[face], face, data_dir, port, json.dumps(settings))
    print(*said, sep="\t", file=stands.stdin, flush=True)
    server = int(stands.stdout.readline())
    try:
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.kill(server, signal.SIGTERM)


def all_seen(stands: Any, table: Table, folder: Path) -> dict[str, Seen]:
    """Every cell of a table at every face, by ``face number``."""
    data_dir = folder / "track"
    cells = [(choice, column) for choice in table.rows for column in range(len(SIGNALS))]

    def at(face: str, port: int) -> dict[str, Seen]:
        until(lambda: listens(port), "the server did not come up")
        _says_whether_gpc_is_heeded(port, table)
        return {
            f"{face}.{number}": visited(port, f"{face}.{number}", CHOICES[choice], SIGNALS[column])
            for number, (choice, column) in enumerate(cells)
        }

    with ExitStack() as stack:
        ports = {
            face: stack.enter_context(served(stands, face, data_dir, table.settings))
            for face in SERVERS
        }
        with ThreadPoolExecutor(len(ports)) as pool:
            found = list(pool.map(at, ports, ports.values()))
        _deliver(table, folder)
    return {cell: seen for each in found for cell, seen in each.items()}


def _says_whether_gpc_is_heeded(port: int, table: Table) -> None:
    visitor = Visitor(port, {})
    heeded = table.settings.get("respect_gpc") is not False
    assert visitor.page("/.well-known/gpc.json").startswith(b'{"gpc":true') is heeded
    visitor.close()


def _deliver(table: Table, folder: Path) -> None:
    urls = [
        f"jsonl://{folder}/any.jsonl?name=any",
        f"jsonl://{folder}/analytics.jsonl?name=analytics&purpose=analytics",
        f"jsonl://{folder}/marketing.jsonl?name=marketing&purpose=marketing",
    ]
    given = {"data_dir": str(folder / "track"), "secret_key": SECRET, "destinations": urls}
    worker = Worker(load({**given, **table.settings}, {}), data_dir=folder / "track")
    try:
        assert worker.once()
    finally:
        worker.close()


def _add_stored(seen: dict[str, Seen], folder: Path) -> None:
    """Adds what was stored, and what the destinations were given, to each visitor's cell."""
    store = sqlite.open(folder / "track" / "events.db", read_only=True)
    for stored in store.read(0, 100_000):
        event = json.loads(emission.wire(stored))
        cell = _cell(event)
        if event["type"] == "track" and event["event"] == "Consent Changed" and cell in seen:
            seen[cell].record.append(event)
            subject = f"visitor:{event['anonymousId']}"
            proofs = [each.event_id for each in store.intake.choice_history(subject)]
            assert event["messageId"] in proofs
        elif cell in seen:
            seen[cell].events.append(event)
    store.close()
    for name in DESTINATIONS:
        file = folder / f"{name}.jsonl"
        for line in file.read_text().splitlines() if file.exists() else ():
            event = json.loads(line)
            cell = _cell(event)
            if cell in seen and event.get("event") == "Consent Changed":
                seen[cell].record_given.append(name)
            elif cell in seen:
                seen[cell].given.setdefault(name, []).append(_label(event))


def _cell(event: dict[str, Any]) -> str:
    """The cell that an event is of: a page's by its address, a choice's by its version."""
    url = str(event["context"].get("page", {}).get("url", ""))
    return url.partition("?cell=")[2] or str(event.get("properties", {}).get("version", ""))


def _label(event: dict[str, Any]) -> str:
    return str(event.get("event") or event["type"])


def whose(events: Sequence[dict[str, Any]]) -> str:
    """As whose the events of one page are stored."""
    if not events:
        return "none"
    assert sorted(map(_label, events)) == ["Bought", "page"], events
    assert len({event["anonymousId"] for event in events}) == 1
    told = []
    for event in events:
        context = event["context"]
        assert "session" in context
        assert "userId" not in event
        if "cookieless" not in context:
            assert context["consent"]["analytics"] == "granted"
            told.append("the visitor's" if context["ip"] == "127.0.0.0" else "?")
        else:
            assert context["consent"]["analytics"] == "pending"
            assert context.keys().isdisjoint({"ip", "location", "firstCampaign"})
            told.append("nobody's")
    assert told[0] == told[1]
    return told[0]


def outcome(seen: Seen) -> dict[str, Any]:
    """What came of a visitor, in the words of the table."""
    for labels in seen.given.values():
        assert sorted(labels) == ["Bought", "page"]
    return {
        "cookies": seen.cookies - {"choice"},
        "script": seen.script,
        "asked": seen.asked,
        "events": whose(seen.events),
        "given": set(seen.given),
        "record_given": sorted(seen.record_given),
    }


def expected(name: str, *, chosen: bool) -> dict[str, Any]:
    told = OUTCOMES[name]
    return {
        "cookies": set(told.cookies),
        "script": told.script,
        "asked": told.asked,
        "events": told.events,
        "given": set(told.given),
        "record_given": sorted(told.record_given) if chosen else [],
    }


@pytest.mark.needs("gunicorn", "waitress", "uvicorn")
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_cell_is_what_the_table_says_in_every_face(
    stands: subprocess.Popen[str], table: Table, tmp_path: Path
) -> None:
    seen = all_seen(stands, table, tmp_path)
    _add_stored(seen, tmp_path)
    cells = [(choice, column) for choice in table.rows for column in range(len(SIGNALS))]
    wrong = []
    for face in SERVERS:
        of_face = [seen[f"{face}.{number}"] for number in range(len(cells))]
        assert len({each.shared for each in of_face}) == 1, "a shared page told one from another"
        assert b'content="shared"' in of_face[0].shared
        for (choice, column), each in zip(cells, of_face, strict=True):
            chosen = bool(CHOICES[choice])
            assert ("choice" in each.cookies, len(each.record)) == (chosen, int(chosen))
            told, found = expected(table.rows[choice][column], chosen=chosen), outcome(each)
            if found != told:
                wrong.append((face, choice, SIGNALS[column], told, found))
    assert wrong == []
    _nobody_is_somebody(seen)


def _nobody_is_somebody(seen: dict[str, Seen]) -> None:
    """Whom something was counted as, no visitor is, also of the same browser after a grant."""
    ids: dict[str, set[str]] = {"none": set(), "nobody's": set(), "the visitor's": set()}
    for each in seen.values():
        ids[whose(each.events)] |= {event["anonymousId"] for event in each.events}
    assert ids["nobody's"].isdisjoint(ids["the visitor's"])
    assert len(ids["nobody's"]) <= 1, "one browser was counted as several"
