"""People who sign up, in, out, on one device and on several, in each face that knows of users: the
profiles that Mixpanel (by both of its merges), Amplitude and PostHog build of it are exactly right.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.delivery.emulators.profiles import PEOPLE, Profiles, users
from tests.delivery.recorder import Got, Recorder, Say
from tests.journeys.sign_in_sites import SITES, track_settings
from tests.processes import started
from tests.programs import ROOT
from tests.waiting import free_port, listens, until
from track_middleware import cli

ANN, BOB, CID = "1", "2", "3"

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NAVIGATION = {
    "User-Agent": AGENT,
    "Accept": "text/html,*/*",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
}
FETCH = {
    "User-Agent": AGENT,
    "Accept": "*/*",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
}


class Device:
    """A browser: its cookies, and the page that is open."""

    def __init__(self, base: str) -> None:
        self._client = httpx.Client(base_url=base, timeout=60)
        self._token = self._prefix = self._step = ""
        self._load = f"{id(self):032x}"

    def page(self, step: str) -> None:
        got = self._client.get(f"/s/{step}", headers=dict(NAVIGATION))
        assert got.status_code == 200
        self._step = step
        self._token = _found(r'content="([^"]+)"', got.text)
        self._prefix = _found(r'src="/(\w+)/m', got.text)

    def does(self, what: str, step: str, user: str = "") -> None:
        headers = {**NAVIGATION, "Origin": str(self._client.base_url).rstrip("/")}
        self._posted(f"/s/{step}", {"do": what, "user": user}, headers)

    def fetches(self, what: str, step: str, user: str = "") -> None:
        """As ``does``, by a fetch: the page stays open."""
        self._posted(f"/s/{step}", {"do": what, "user": user}, FETCH)

    def clicks(self, name: str) -> None:
        """The script of the open page tells of something."""
        now = time.time() * 1000
        message = {
            "id": f"{name}-{self._load[:8]}", "type": "track", "name": name, "load": self._load,
            "token": self._token, "at": now, "url": f"{self._client.base_url}s/{self._step}",
        }  # fmt: skip
        content = json.dumps({"v": 1, "sent": now, "events": [message]})
        headers = {**FETCH, "content-type": "text/plain"}
        got = self._client.post(f"/{self._prefix}/q", content=content, headers=headers)
        assert got.json() == {"ok": 1}

    def close(self) -> None:
        self._client.close()

    def _posted(self, path: str, form: dict[str, str], headers: dict[str, str]) -> None:
        assert self._client.post(path, data=form, headers=headers).status_code == 200


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


def walk(device: Callable[[], Device]) -> None:
    """What happens: Ann signs up in the middle of her visit, and out; Bob looks around on the same
    device and signs in, and out; somebody looks around. Ann signs in on a second device. Cid signs
    in by a fetch, and the page that he came to stays open."""
    shared, second, third = device(), device(), device()
    shared.page("a1")
    shared.does("signup", "a2", "ann")
    shared.page("a3")
    shared.page("a4")
    shared.does("logout", "a5")
    shared.page("b1")
    shared.does("login", "b2", "bob")
    shared.page("b3")
    shared.clicks("Clicked")
    shared.does("logout", "b4")
    shared.page("n1")
    second.page("d1")
    second.does("login", "d2", "ann")
    second.page("d3")
    third.page("f1")
    third.clicks("Before")
    third.fetches("login", "f2", "cid")
    third.clicks("After")


EXPECTED = {
    ANN: {"Page:a1", "Signed Up:a2", "Page:a3", "Page:a4", "Page:d1", "Page:d3"},
    BOB: {"Page:b1", "Page:b3", "Clicked:b3"},
    CID: {"Page:f1", "Before:f1", "After:f1"},
    "": {"Page:n1"},
}


@pytest.fixture(scope="module", params=sorted(SITES))
def vendors(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Profiles]:
    """What each vendor makes of the walk through one face's site."""
    data_dir = tmp_path_factory.mktemp("sign_in")
    _walked(request.param, data_dir)
    known = {name: vendor() for name, (vendor, _) in PEOPLE.items()}

    def answer(got: Got) -> Say:
        name, _, path = got.path.removeprefix("/").partition("/")
        return Say(200, known[name].take(f"/{path}", got.body))

    with Recorder(answer) as recorder:
        urls = [
            f"{url}{'&' if '?' in url else '?'}endpoint={recorder.url}/{name}"
            for name, (_, url) in PEOPLE.items()
        ]
        given = {**track_settings(str(data_dir)), "destinations": urls}
        assert cli.run(["worker", "--once"], given=given) == 0
    return known


def _walked(face: str, data_dir: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.journeys.sign_in_sites", face, str(port), str(data_dir)]
    devices: list[Device] = []

    def device() -> Device:
        devices.append(Device(f"http://127.0.0.1:{port}/"))
        return devices[-1]

    with started(command, cwd=ROOT) as process:
        until(lambda: process.poll() is not None or listens(port), "the site did not start")
        assert process.poll() is None, "the site has ended"
        try:
            walk(device)
        finally:
            for each in devices:
                each.close()
            process.terminate()
            process.wait(60)


def _plain(events: set[str]) -> set[str]:
    """Events under our names of them."""
    own = {"$mp_web_page_view": "Page", "[Amplitude] Page Viewed": "Page", "$pageview": "Page"}
    parted = [each.rpartition(":") for each in events]
    return {f"{own.get(name, name)}:{step}" for name, _, step in parted}


@pytest.mark.parametrize("vendor", sorted(PEOPLE))
def test_every_event_hangs_on_the_profile_of_who_did_it(
    vendors: dict[str, Profiles], vendor: str
) -> None:
    hung = {who: _plain(events) for who, events in vendors[vendor].hung().items()}
    assert users(hung, (ANN, BOB, CID)) == EXPECTED


@pytest.mark.parametrize("vendor", sorted(PEOPLE))
def test_every_user_has_their_own_traits(vendors: dict[str, Profiles], vendor: str) -> None:
    traits: dict[str, Any] = vendors[vendor].traits()
    plans = {who: said["plan"] for who, said in traits.items() if "plan" in said}
    assert plans == {ANN: "ann's", BOB: "bob's"}


@pytest.mark.parametrize("vendor", ["original", "posthog"])
def test_each_visitor_is_joined_to_its_user_once(vendors: dict[str, Profiles], vendor: str) -> None:
    joined = vendors[vendor].joined
    assert len(set(joined)) == len(joined), "nothing is said twice"
    assert sorted(user for user, _ in joined) == [ANN, ANN, BOB, CID]
