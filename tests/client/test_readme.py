"""What the README shows for the browser works in one."""

from __future__ import annotations

import threading
from pathlib import Path
from wsgiref.simple_server import make_server

import pytest

from tests.client.hosts import Quiet, Server
from tests.test_docs import README, blocks
from tests.waiting import until
from track_middleware.wsgi import TrackMiddleware

pytestmark = pytest.mark.needs("chromium")

((_, BLOCK),) = blocks(README, "html")


@pytest.fixture
def address(data_dir: Path):
    """Where a tracked page with the README's block is served."""

    def page(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return [f"<!doctype html><head></head><body>{BLOCK}</body>".encode()]

    tracked = TrackMiddleware(page, data_dir=str(data_dir), deliver="worker", min_free="1")
    with make_server("127.0.0.1", 0, tracked, server_class=Server, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_readmes_button_and_call_are_recorded(address, context, captured_events):
    page = context.new_page()
    page.goto(address)
    page.click("button")
    wanted = {"Plan Chosen": {"plan": "pro"}, "Video Played": {"seconds": 12}}

    def told() -> dict[str, object]:
        return {event.label: event.properties for event in captured_events.named(*wanted)}

    until(lambda: told() == wanted, told)
