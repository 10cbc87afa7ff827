"""Calls to a vendor over real sockets: what comes back, what never does, how long it may take."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.proxy.stand_in import Asked, StandIn, Told, said, stand_in
from tests.proxy.test_order import order
from tests.waiting import SECONDS
from track_middleware.delivery.pools import Bounds
from track_middleware.http import Head, Reply
from track_middleware.proxy import upstream
from track_middleware.proxy.cache import Cache
from track_middleware.proxy.order import Order
from track_middleware.proxy.relay import Relay
from track_middleware.proxy.scripts import Scripts
from track_middleware.proxy.slots import proxied
from track_middleware.proxy.upstream import Upstream

#: Nothing here takes so long, on whatever machine.
LONG = Bounds(connect=60, idle=60, whole=120)


class Desk:
    """A process that runs errands for one vendor."""

    def __init__(
        self, vendor: StandIn, folder: Path, *, name: str = "mixpanel", bounds: Bounds = LONG
    ) -> None:
        self.proxy = f"{name}://?endpoint={vendor.url}&scripts={vendor.url}"
        (there,) = proxied([self.proxy], "key")
        self.there = there
        self.folder = folder
        self.upstream = Upstream(bounds)
        cache = Cache(folder, min_free="1")
        self.scripts = Scripts(cache, self.upstream, {there.names.slot: there.names})

    def begin(self, order: Order) -> Relay:
        return Relay(order, self.upstream, self.scripts)

    def run(self, order: Order, body: bytes = b"{}") -> Reply | Head:
        running = self.begin(order)
        try:
            return running.start(_reader(body))
        finally:
            running.close()

    def call(self, path: str = "track/", body: bytes = b"{}", **more: str) -> Reply:
        sent = {"content_length": str(len(body)), **more}
        reply = self.run(order(self.proxy, path, **sent), body)
        assert isinstance(reply, Reply)
        return reply

    def script(self, path: str = "libs/a.js", **more: str) -> Reply:
        sent = {"accept_encoding": "", **more}
        reply = self.run(order(self.proxy, path, method="GET", **sent))
        assert isinstance(reply, Reply)
        return reply


def _reader(body: bytes) -> Callable[[int], bytes]:
    rest = bytearray(body)

    def read(most: int) -> bytes:
        piece = bytes(rest[:most])
        del rest[:most]
        return piece

    return read


@pytest.fixture
def vendor() -> Iterator[StandIn]:
    with stand_in() as vendor:
        yield vendor


@pytest.fixture
def desk(vendor: StandIn, tmp_path: Path) -> Desk:
    return Desk(vendor, tmp_path / "cache")


def header(reply: Reply | Head, name: str) -> str | None:
    found = [value for key, value in reply.headers if key.lower() == name]
    return ", ".join(found) if found else None


def test_a_call_arrives_with_its_body_and_its_answer_comes_back(
    vendor: StandIn, desk: Desk
) -> None:
    reply = desk.call(body=b"data=abc")
    (asked,) = vendor.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/track/", b"data=abc")
    assert (reply.status, reply.body) == (200, b'{"status":1}')


def test_nothing_of_the_host_leaves(vendor: StandIn, desk: Desk) -> None:
    desk.call()
    (asked,) = vendor.asked
    assert not asked.headers.keys() & {"cookie", "authorization", "referer", "origin"}
    assert "s3cret" not in repr(asked)


def test_only_listed_headers_come_back(vendor: StandIn, desk: Desk) -> None:
    vendor.answer = lambda asked: said(
        b"1", Set_Cookie="a=b", X_Powered_By="x", Access_Control_Allow_Origin="*",
        Cache_Control="no-cache", Strict_Transport_Security="max-age=1",
    )  # fmt: skip
    assert {name.lower() for name, _ in desk.call().headers} == {
        "content-type", "x-content-type-options", "content-security-policy", "cache-control",
    }  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["text/html", "TEXT/HTML; charset=x", "image/svg+xml", "application/xhtml+xml",
             "text/xml", "multipart/mixed"],
)  # fmt: skip
def test_what_a_browser_could_show_as_a_page_does_not_come_back(
    vendor: StandIn, desk: Desk, kind: str
) -> None:
    vendor.answer = lambda asked: said(b"<script>alert(1)</script>", kind=kind)
    reply = desk.call()
    assert reply.status == 424
    assert b"script" not in reply.body
    assert header(desk.script(), "content-type") == "application/json"


@pytest.mark.parametrize("kind", ["application/javascript", "text/javascript; charset=utf-8"])
def test_a_call_brings_no_script_that_the_page_would_run(
    vendor: StandIn, desk: Desk, kind: str
) -> None:
    vendor.answer = lambda asked: said(b"alert(1)(1)", kind=kind)
    assert desk.call(query="callback=alert(1)").status == 424


@pytest.mark.parametrize(
    ("control", "becomes"),
    [
        ("public, max-age=60, s-maxage=900", "private, max-age=60"),
        ("public, s-maxage=900", "no-store"),
        ("max-age=60, no-cache", "no-store"),
        ("", "no-store"),
    ],
)
def test_no_shared_cache_may_keep_a_call_s_answer(
    vendor: StandIn, desk: Desk, control: str, becomes: str
) -> None:
    vendor.answer = lambda asked: said(b"1", Cache_Control=control)
    assert header(desk.call(), "cache-control") == becomes


def test_an_answer_has_one_type(vendor: StandIn, desk: Desk) -> None:
    vendor.answer = lambda asked: said(b"1", kind="text/plain; a=b, text/html")
    assert header(desk.call(), "content-type") == "text/plain"


def test_a_call_that_the_vendor_breaks_off_costs_nobody_else_theirs(
    vendor: StandIn, desk: Desk
) -> None:
    answer, vendor.answer = vendor.answer, lambda asked: said(b"", status=0)
    assert desk.call().status == 429
    vendor.answer = answer
    assert desk.call().status == 200


def test_a_redirect_is_not_followed(vendor: StandIn, desk: Desk) -> None:
    vendor.answer = lambda asked: said(b"", status=302, Location="/elsewhere")
    assert desk.call().status == 424
    assert desk.script().status == 424
    assert not vendor.to("/elsewhere")


def test_a_vendor_that_fails_is_a_try_again_that_its_script_understands(
    vendor: StandIn, desk: Desk, tmp_path: Path
) -> None:
    vendor.answer = lambda asked: said(b"oops", status=503, Retry_After="7")
    reply = desk.call()
    assert (reply.status, header(reply, "retry-after")) == (429, "7")
    posthog = Desk(vendor, tmp_path / "other", name="posthog")
    assert posthog.call("e/").status == 202
    vendor.answer = lambda asked: said(b'{"error":"no"}', status=401)
    assert desk.call().status == 401


def test_a_vendor_that_hangs_is_given_up_and_then_left_alone(
    vendor: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "_REST", 600.0)
    desk = Desk(vendor, tmp_path / "cache", bounds=replace(LONG, idle=0.3))
    go_on = threading.Event()
    vendor.answer = lambda asked: (go_on.wait(SECONDS), said(b"1"))[1]
    begun = time.monotonic()
    assert desk.call().status == 429
    assert time.monotonic() - begun < SECONDS
    assert desk.call().status == 429
    vendor.wait(lambda: vendor.asked)
    assert len(vendor.asked) == 1
    go_on.set()


def test_a_vendor_that_trickles_is_given_up(vendor: StandIn, tmp_path: Path) -> None:
    desk = Desk(vendor, tmp_path / "cache", bounds=replace(LONG, whole=1))
    enough = threading.Event()

    def pieces() -> Iterator[bytes]:
        while not enough.wait(0.05):
            yield b"x"

    vendor.answer = lambda asked: Told(200, {"Content-Type": "text/plain"}, pieces)
    begun = time.monotonic()
    assert desk.call().status == 429
    assert time.monotonic() - begun < SECONDS
    enough.set()


def test_an_answer_that_breaks_off_is_none(vendor: StandIn, desk: Desk) -> None:
    vendor.answer = lambda asked: Told(
        200, {"Content-Type": "text/plain", "Connection": "close"}, lambda: iter((b"half",)), 100
    )
    assert desk.call().status == 429
    assert desk.script().status == 424


def test_a_long_answer_comes_piece_by_piece_and_is_bounded(vendor: StandIn, desk: Desk) -> None:
    mib = b"x" * 2**20
    vendor.answer = lambda asked: Told(
        200, {"Content-Type": "text/plain"}, lambda: iter((mib,) * 3), 3 * 2**20
    )
    running = desk.begin(order(desk.proxy, "track/"))
    assert isinstance(running.start(_reader(b"{}")), Head)
    pieces = list(iter(running.piece, b""))
    running.close()
    assert sum(map(len, pieces)) == 3 * 2**20
    assert max(map(len, pieces)) <= 64 * 1024
    vendor.answer = lambda asked: Told(
        200, {"Content-Type": "text/plain"}, lambda: iter((mib,) * 20), 20 * 2**20
    )
    running = desk.begin(order(desk.proxy, "track/"))
    assert isinstance(running.start(_reader(b"{}")), Head)
    with pytest.raises(ConnectionError):
        list(iter(running.piece, b""))
    running.close()


def test_a_long_body_goes_up_while_it_comes(vendor: StandIn, desk: Desk) -> None:
    """The vendor has the beginning before the browser has sent the end."""
    sent = b"x" * 2**20
    asked = order(desk.proxy, "record/", content_length=str(2 * len(sent)))
    left = [sent, sent]
    sizes: list[int] = []

    def read(most: int) -> bytes:
        if not left:
            return b""
        piece, left[0] = left[0][:most], left[0][most:]
        if not left[0]:
            left.pop(0)
        sizes.append(len(piece))
        return piece

    running = desk.begin(asked)
    reply = running.start(read)
    running.close()
    assert reply.status == 200
    assert vendor.asked[0].body == sent * 2
    assert max(sizes) <= 64 * 1024


def test_a_body_that_grows_beyond_its_limit_is_refused(vendor: StandIn, desk: Desk) -> None:
    assert desk.call(body=b"x" * (2**21 + 1), content_length="").status == 413
    assert desk.call(body=b"x" * 100, content_length="").status == 200
    assert [len(each.body) for each in vendor.asked] == [100]


def test_a_browser_that_hangs_up_does_not_make_the_vendor_silent(
    vendor: StandIn, desk: Desk
) -> None:
    def read(most: int) -> bytes:
        raise ConnectionError("gone")

    running = desk.begin(order(desk.proxy, "track/", content_length="10"))
    running.start(read)
    running.close()
    assert desk.call().status == 200


def test_closing_ends_a_call_that_waits(vendor: StandIn, tmp_path: Path) -> None:
    desk = Desk(vendor, tmp_path / "cache", bounds=Bounds(connect=60, idle=600, whole=600))
    go_on = threading.Event()
    vendor.answer = lambda asked: (go_on.wait(600), said(b"1"))[1]
    running = desk.begin(order(desk.proxy, "track/"))
    ended = threading.Thread(target=running.start, args=(_reader(b"{}"),))
    ended.start()
    vendor.wait(lambda: vendor.asked)
    running.close()
    ended.join(SECONDS)
    assert not ended.is_alive()
    go_on.set()
    assert not desk.upstream.rests(vendor.url)


def test_only_so_many_calls_are_under_way_at_once(vendor: StandIn, desk: Desk) -> None:
    waiting = [desk.begin(order(desk.proxy, "track/")) for _ in range(24)]
    assert all(each._entered() for each in waiting)
    assert desk.call().status == 429
    for each in waiting:
        each.close()
    assert desk.call().status == 200


# Scripts


def _script(body: bytes, **more: str) -> Told:
    return said(body, kind="application/javascript", **more)


def test_a_script_is_asked_for_once_while_it_is_fresh(vendor: StandIn, desk: Desk) -> None:
    vendor.answer = lambda asked: _script(b'a="https://cdn.mxpnl.com/libs/"')
    first, second = desk.script(), desk.script()
    assert first.body == second.body == b'a="/p/s/libs/"'
    assert header(first, "content-type") == "text/javascript; charset=utf-8"
    assert header(first, "cache-control") == "private, max-age=3600"
    assert len(vendor.asked) == 1
    assert desk.script(if_none_match=header(first, "etag") or "").status == 304


def test_a_stale_script_is_asked_about_by_its_validators(vendor: StandIn, desk: Desk) -> None:
    vendor.answer = lambda asked: _script(b"one", ETag='"1"', Last_Modified="then")
    assert desk.script().body == b"one"
    _age(desk, 7200)
    vendor.answer = lambda asked: Told(304, {}, lambda: iter(()), 0)
    assert desk.script().body == b"one"
    assert vendor.asked[1].headers["if-none-match"] == '"1"'
    assert vendor.asked[1].headers["if-modified-since"] == "then"
    assert desk.script().body == b"one"
    assert len(vendor.asked) == 2
    _age(desk, 7200)
    vendor.answer = lambda asked: _script(b"two")
    assert desk.script().body == b"two"


@pytest.mark.parametrize("status", [404, 500, 302, 200])
def test_a_kept_script_is_served_while_the_vendor_gives_none(
    vendor: StandIn, desk: Desk, status: int
) -> None:
    vendor.answer = lambda asked: _script(b"kept")
    desk.script()
    _age(desk, 5 * 86400)
    vendor.answer = lambda asked: said(b"<h1>sorry</h1>", status=status, kind="text/html")
    assert desk.script().body == b"kept"


def test_a_kept_script_is_served_for_days_while_the_vendor_is_down(tmp_path: Path) -> None:
    with stand_in(lambda asked: _script(b"kept")) as vendor:
        desk = Desk(vendor, tmp_path / "cache")
        desk.script()
    _age(desk, 20 * 86400)
    again = Desk(vendor, tmp_path / "cache")
    assert again.script().body == b"kept"
    _age(again, 40 * 86400)
    assert again.script().status == 424


def test_a_script_that_is_not_kept_is_a_refusal_while_the_vendor_is_down(tmp_path: Path) -> None:
    with stand_in() as vendor:
        desk = Desk(vendor, tmp_path / "cache")
    reply = desk.script()
    assert (reply.status, reply.body) == (424, b'{"error":"the vendor is not there"}')


def test_a_script_is_served_where_it_cannot_be_kept(vendor: StandIn, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file stands in the way")
    vendor.answer = lambda asked: _script(b"served")
    desk = Desk(vendor, tmp_path / "cache")
    assert desk.script().body == b"served"
    assert desk.script().body == b"served"


def test_a_damaged_file_is_fetched_anew(vendor: StandIn, desk: Desk) -> None:
    vendor.answer = lambda asked: _script(b"whole")
    desk.script()
    for path in desk.folder.iterdir():
        path.write_bytes(b"{")
    assert Desk(vendor, desk.folder).script().body == b"whole"


def test_a_script_larger_than_any_is_refused(vendor: StandIn, desk: Desk) -> None:
    vendor.answer = lambda asked: _script(b"x" * (4 * 2**20 + 1))
    assert desk.script().status == 424


def test_the_folder_of_scripts_stays_small(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Told:
        return _script(asked.path.encode())

    with stand_in(answer) as vendor:
        desk = Desk(vendor, tmp_path / "cache")
        for number in range(210):
            desk.script(f"libs/{number}.js")
        assert len(list(desk.folder.iterdir())) == 200


def _age(desk: Desk, seconds: float) -> None:
    """Makes everything that is kept older, in the files and in memory."""
    for path in desk.folder.iterdir():
        then = time.time() - seconds
        os.utime(path, (then, then))
