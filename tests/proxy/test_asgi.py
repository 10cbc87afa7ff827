"""Errands through ASGI, message by message: the body's pieces, hang-ups, given-up requests."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faces.apps import SECRET
from tests.proxy.stand_in import StandIn, said
from tests.waiting import SECONDS
from track_middleware.asgi import TrackMiddleware
from track_middleware.delivery.pools import Bounds
from track_middleware.proxy.upstream import Upstream

Messages = list[dict[str, Any]]


class Behind:
    """A site with one vendor, asked message by message."""

    def __init__(self, vendor: StandIn, folder: Path) -> None:
        proxy = f"mixpanel://?endpoint={vendor.url}"
        given = {"deliver": "worker", "secret_key": SECRET, "proxies": [proxy]}
        self.app = TrackMiddleware(_nobody, data_dir=str(folder), **given)
        (there,) = self.app.wiring.proxies.present
        self.base = f"/{self.app.wiring.tracker.core.prefix}/{there.names.slot}"

    async def ask(self, messages: Messages, gone: asyncio.Event, *, length: int = 0) -> Messages:
        sent: Messages = []
        waiting = list(messages)

        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop(0)
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(dict(message))

        headers = [(b"host", b"h"), (b"sec-fetch-site", b"same-origin")]
        if length:
            headers.append((b"content-length", str(length).encode()))
        scope = {
            "type": "http", "method": "POST", "path": f"{self.base}/track/", "headers": headers,
            "query_string": b"", "scheme": "http", "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await self.app(scope, receive, send)
        return sent


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the app is never called")


def _piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def _run(step: Callable[[], Any]) -> Any:
    return asyncio.run(asyncio.wait_for(step(), 3 * SECONDS))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call ends by itself."""
    patience = Bounds(connect=SECONDS, idle=10 * SECONDS, whole=10 * SECONDS)
    monkeypatch.setattr(Upstream.__init__, "__defaults__", (patience,))


@pytest.fixture
def behind(vendor: StandIn, tmp_path: Path) -> Behind:
    return Behind(vendor, tmp_path / "track")


@pytest.mark.parametrize("length", [6, 0])
def test_a_body_in_pieces_arrives_whole(vendor: StandIn, behind: Behind, length: int) -> None:
    async def step() -> Messages:
        body = [_piece(b"ab", more=True), _piece(b"", more=True), _piece(b"cd", more=True)]
        return await behind.ask([*body, _piece(b"ef")], asyncio.Event(), length=length)

    start, body = _run(step)
    assert (start["status"], body["body"]) == (200, b'{"status":1}')
    assert [each.body for each in vendor.asked] == [b"abcdef"]


def test_a_browser_that_hangs_up_while_the_vendor_is_asked_ends_the_call(
    vendor: StandIn, behind: Behind
) -> None:
    go_on = threading.Event()
    vendor.answer = lambda asked: (go_on.wait(10 * SECONDS), said(b"1"))[1]

    async def step() -> Messages:
        gone = asyncio.Event()
        asked = asyncio.ensure_future(behind.ask([_piece(b"{}")], gone, length=2))
        await asyncio.to_thread(vendor.wait, lambda: vendor.asked)
        gone.set()
        return await asked

    assert _run(step) == []
    assert _all_ended(behind)
    go_on.set()


def test_a_browser_that_hangs_up_inside_its_body_ends_the_call(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)
        vendor = StandIn(port=listening.getsockname()[1])
        behind = Behind(vendor, tmp_path / "track")

        def begun() -> socket.socket:
            there, _ = listening.accept()
            there.settimeout(SECONDS)
            came = b""
            while not came.endswith(b"ab"):
                piece = there.recv(4096)
                assert piece, came
                came += piece
            return there

        async def step() -> tuple[Messages, bool]:
            gone = asyncio.Event()
            asked = asyncio.ensure_future(behind.ask([_piece(b"ab", more=True)], gone, length=6))
            there = await asyncio.to_thread(begun)
            gone.set()
            sent = await asked
            there.close()
            return sent, await asyncio.to_thread(_all_ended, behind)  # while the loop goes on

        assert _run(step) == ([], True)


def test_a_request_that_is_given_up_ends_the_call(vendor: StandIn, behind: Behind) -> None:
    go_on = threading.Event()
    vendor.answer = lambda asked: (go_on.wait(10 * SECONDS), said(b"1"))[1]

    async def step() -> None:
        asked = asyncio.ensure_future(behind.ask([_piece(b"{}")], asyncio.Event(), length=2))
        await asyncio.to_thread(vendor.wait, lambda: vendor.asked)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    _run(step)
    assert _all_ended(behind)
    go_on.set()


def _all_ended(behind: Behind) -> bool:
    """Whether every thread of the errands comes free, which it does not while one waits."""
    pool = behind.app.wiring.errands.pool
    ended = threading.Thread(target=pool.shutdown)
    ended.start()
    ended.join(SECONDS)
    return not ended.is_alive()
