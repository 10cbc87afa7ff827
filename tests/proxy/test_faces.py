"""The proxy through every face, over real sockets: streams, hang-ups, consent."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faces.apps import SECRET
from tests.faces.standing import STANDS, standing
from tests.proxy.stand_in import StandIn, Told, said, stand_in
from tests.waiting import SECONDS
from track_middleware.proxy.slots import proxied
from track_middleware.tracking import routes

BROWSER = {
    "User-Agent": "Mozilla/5.0", "Cookie": "sessionid=s3cret", "Authorization": "Bearer s3cret",
    "Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain",
}  # fmt: skip

PIECE = b"x" * 2**16


@dataclass
class Stand:
    """One face behind a server, and the vendor behind it."""

    port: int
    vendor: StandIn
    base: str
    script: str

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(
        self, path: str, method: str = "POST", body: bytes = b"{}", **more: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {**BROWSER, **{name.replace("_", "-"): value for name, value in more.items()}}
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body if method == "POST" else None, headers)
            response = connection.getresponse()
            return response, response.read()


@pytest.fixture(
    scope="module",
    params=[pytest.param(each.values, id=each.id, marks=each.marks) for each in STANDS],
)
def stood(
    request: pytest.FixtureRequest,
    stands: subprocess.Popen[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stand]:
    with stand_in() as vendor:
        proxy = f"mixpanel://?endpoint={vendor.url}&scripts={vendor.url}"
        settings = {"proxies": [proxy], "respect_gpc": "all"}
        folder = tmp_path_factory.mktemp("proxy") / "track"
        with standing(stands, *request.param, folder, **settings) as port:
            (there,) = proxied([proxy], SECRET)
            base = f"/{routes.prefix(SECRET)}/{there.names.slot}"
            yield Stand(port, vendor, base, f"{base}/{there.script}")


@pytest.fixture
def stand(stood: Stand) -> Stand:
    """As if nobody had asked it anything yet."""
    stood.vendor.asked.clear()
    stood.vendor.answer = lambda asked: said(b'{"status":1}', Set_Cookie="vendor=1")
    return stood


def test_a_call_goes_through_and_nothing_of_the_host_with_it(stand: Stand) -> None:
    response, body = stand.ask(f"{stand.base}/track/?verbose=1", body=b"data=abc")
    assert (response.status, body) == (200, b'{"status":1}')
    assert response.getheader("Set-Cookie") is None
    assert response.getheader("X-Content-Type-Options") == "nosniff"
    (asked,) = stand.vendor.asked
    assert (asked.path, asked.query, asked.body) == ("/track/", "verbose=1", b"data=abc")
    assert "s3cret" not in repr(asked)
    assert asked.headers["x-forwarded-for"] == "127.0.0.0"


def test_a_script_is_served_rewritten(stand: Stand) -> None:
    stand.vendor.answer = lambda asked: said(
        b'a="https://api-js.mixpanel.com"', kind="application/javascript"
    )
    response, body = stand.ask(stand.script, "GET")
    assert response.status == 200
    assert body == f'a="{stand.base}"'.encode()
    tag = response.getheader("ETag") or ""
    assert stand.ask(stand.script, "GET", If_None_Match=tag)[0].status == 304


def test_a_large_body_arrives_whole(stand: Stand) -> None:
    body = os.urandom(3 * 2**20)
    assert stand.ask(f"{stand.base}/record/", body=body)[0].status == 200
    assert stand.vendor.asked[0].body == body


def test_an_answer_is_passed_on_before_it_has_ended(stand: Stand) -> None:
    seen = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield PIECE * 8
        assert seen.wait(SECONDS)
        yield b"end"

    stand.vendor.answer = lambda asked: Told(200, {"Content-Type": "text/plain"}, pieces)
    with contextlib.closing(stand.connection()) as connection:
        connection.request("POST", f"{stand.base}/track/", b"{}", BROWSER)
        response = connection.getresponse()
        begun = response.read(len(PIECE))
        seen.set()
        assert begun + response.read() == PIECE * 8 + b"end"


def test_a_browser_that_hangs_up_ends_the_vendors_answer(stand: Stand) -> None:
    ended = threading.Event()

    def pieces() -> Iterator[bytes]:
        try:
            for _ in range(20_000):
                yield PIECE
        finally:
            ended.set()

    stand.vendor.answer = lambda asked: Told(200, {"Content-Type": "text/plain"}, pieces)
    with contextlib.closing(stand.connection()) as connection:
        connection.request("POST", f"{stand.base}/track/", b"{}", BROWSER)
        connection.getresponse().read(len(PIECE))
    assert ended.wait(SECONDS)


def test_pages_are_answered_while_the_vendor_hangs(stand: Stand) -> None:
    go_on = threading.Event()
    stand.vendor.answer = lambda asked: (go_on.wait(SECONDS), said(b'"late"'))[1]
    answers: list[bytes] = []
    waiting = threading.Thread(target=lambda: answers.append(stand.ask(f"{stand.base}/track/")[1]))
    waiting.start()
    stand.vendor.wait(lambda: stand.vendor.asked)
    assert stand.ask("/", "GET")[0].status == 200
    assert not answers
    go_on.set()
    waiting.join(SECONDS)
    assert answers == [b'"late"']


def test_who_denied_gets_nothing_and_sends_nothing(stand: Stand) -> None:
    prefix = stand.base.rpartition("/")[0]
    choice = json.dumps({"analytics": False}).encode()
    response, _ = stand.ask(f"{prefix}/c", body=choice, Host="h", Origin="http://h")
    cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
    assert cookie.startswith("_tm_c=")
    assert stand.ask(stand.script, "GET", Cookie=cookie)[0].status == 403
    assert stand.ask(f"{stand.base}/track/", Cookie=cookie)[0].status == 403
    assert stand.ask(f"{stand.base}/track/", Sec_GPC="1")[0].status == 403
    assert stand.vendor.asked == []


def test_other_sites_cannot_use_it(stand: Stand) -> None:
    for more in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "http://evil", "Sec_Fetch_Site": ""}):
        assert stand.ask(f"{stand.base}/track/", **more)[0].status == 403
    assert stand.vendor.asked == []


def test_whatever_the_vendor_does_is_never_a_5xx(stand: Stand) -> None:
    for status in (301, 500, 503):
        stand.vendor.answer = lambda asked, status=status: said(b"", status=status)
        response, body = stand.ask(f"{stand.base}/track/")
        assert response.status in (424, 429)
        assert json.loads(body).keys() == {"error"}
