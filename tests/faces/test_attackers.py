"""Nothing that somebody sends makes an event another's: the whole table, on every face."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faces.attacks import ANN, BOBS_COOKIE, SETTINGS, Attack, Sent, table
from tests.faces.standing import standing
from track_middleware.delivery import segments
from track_middleware.event import Entry, decode_entry

SERVERS = {
    "wsgi": "gunicorn", "flask": "gunicorn", "django-sync": "gunicorn", "asgi": "uvicorn",
    "starlette": "uvicorn", "fastapi": "uvicorn", "django-async": "uvicorn",
}  # fmt: skip
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Host:
    """A site behind a server, and what its processes have written down."""

    def __init__(self, port: int, data_dir: Path) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._data_dir = data_dir

    def ask(self, sent: Sent) -> tuple[int, list[Entry]]:
        """The answer's status, and the entries that the request has left."""
        method = "POST" if sent.body else "GET"
        headers = {"User-Agent": BROWSER, **sent.whole}
        before = {each.name: each.length for each in segments.sizes(self._data_dir)}
        self._connection.request(method, sent.path, sent.body or None, headers)
        response = self._connection.getresponse()
        response.read()
        fresh = segments.unread(self._data_dir, before)
        return response.status, [decode_entry(body) for body in fresh]

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def host(face: str, stands: subprocess.Popen[str], data_dir: Path) -> Iterator[Host]:
    with standing(stands, SERVERS[face], face, data_dir, **SETTINGS) as port:
        found = Host(port, data_dir)
        yield found
        found.close()


def whose(entries: list[Entry]) -> str | None:
    """The visitor whose all entries are; None where nothing of anybody's was kept."""
    ids = {
        each
        for entry in entries
        if entry.kind != "door"
        for each in (
            entry.person and entry.person.visitor,
            entry.event and entry.event.anonymous_id,
        )
        if each
    }
    assert len(ids) <= 1, ids
    return ids.pop() if ids else None


def users(entries: list[Entry]) -> set[str]:
    """The users that any of the entries is of."""
    named = {entry.person.user for entry in entries if entry.person}
    return {user for user in named | {e.event.user_id for e in entries if e.event} if user}


def wrong(host: Host, attack: Attack) -> str:
    """What went wrong with an attack or its control; "" where all is well."""
    status, entries = host.ask(attack.forged)
    if status >= 500:
        return f"answered {status}"
    found = whose(entries)
    if users(entries) or found == ANN:
        return f"made it Ann's: {found} {users(entries)}"
    if attack.becomes != found and (attack.becomes != "" or found is None):
        return f"made it {found}'s and not {attack.becomes}'s"
    status, entries = host.ask(attack.honest)
    found = whose(entries)
    if status >= 500 or found != attack.honestly:
        return f"the control became {found}'s: {status}"
    return "" if (users(entries) == {"ann"}) == (found == ANN) else f"the control: {users(entries)}"


@pytest.mark.needs("gunicorn", "uvicorn")
def test_nothing_that_somebody_sends_makes_an_event_another_persons(host: Host) -> None:
    failed = {attack.name: said for attack in table() if (said := wrong(host, attack))}
    assert failed == {}
    assert [chain for chain, place in CHAINS.items() if placed(host, chain) != place] == []


#: X-Forwarded-For behind one proxy of ours, and what is kept of the client's address.
CHAINS = {
    "203.0.113.9": "203.0.113.0", "198.51.100.7, 203.0.113.9": "203.0.113.0",
    "10.0.0.1,198.51.100.7,203.0.113.9": "203.0.113.0",
    ",".join(["198.51.100.7"] * 200) + ",203.0.113.9": "203.0.113.0",
    "[2001:db8:1:2::3]:443": "2001:db8:1::", "203.0.113.9:4711": "203.0.113.0",
    "198.51.100.7, unknown": None, "<script>": None, "198.51.100.7,": None,
}  # fmt: skip


def placed(host: Host, chain: str) -> object:
    """Where a client with this chain of addresses, and its own word in every other header, is."""
    others = ("X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP")
    said = {"Forwarded": "for=198.51.100.7", **dict.fromkeys(others, "198.51.100.7")}
    _, entries = host.ask(Sent({"Cookie": BOBS_COOKIE, "X-Forwarded-For": chain, **said}))
    (event,) = [entry.event for entry in entries if entry.event]
    return event.context.get("ip")
