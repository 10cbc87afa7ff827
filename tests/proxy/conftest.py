"""Vendors' own scripts, a browser, and a site that serves them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import waitress
from waitress import wasyncore

from tests.chrome import launched
from tests.faces.apps import SECRET
from tests.proxy.stand_in import StandIn, stand_in
from track_middleware.wsgi import TrackMiddleware

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def packages() -> Path:
    """The vendors' packages, as npm has them."""
    folder = HERE / "node_modules"
    names = ("posthog-js", "mixpanel-browser", "@segment/analytics-next")
    if not all((folder / name).is_dir() for name in names):
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts"], cwd=HERE, check=True)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody new."""
    with browser.new_context() as context:
        yield context


@pytest.fixture
def vendor() -> Iterator[StandIn]:
    with stand_in() as vendor:
        yield vendor


@dataclass
class Shop:
    """A site with one page, ``html``, which may be changed; ``base`` is where its vendor lies."""

    port: int
    base: str
    script: str
    html: str = ""

    def url(self, path: str = "/") -> str:
        return f"http://localhost:{self.port}{path}"


@contextmanager
def shop(folder: Path, proxy: str, **settings: Any) -> Iterator[Shop]:
    """The site behind a real server, with one vendor."""
    made: list[Shop] = []

    def app(environ: Any, start_response: Any) -> Any:
        body = made[0].html.encode()
        start_response(
            "200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(body)))]
        )
        return [body]

    given = {"deliver": "worker", "secret_key": SECRET, "proxies": [proxy], **settings}
    tracked = TrackMiddleware(app, data_dir=str(folder), **given)
    server = waitress.create_server(tracked, listen="127.0.0.1:0", threads=8)
    (there,) = tracked.wiring.proxies.present
    base = f"/{tracked.wiring.tracker.core.prefix}/{there.names.slot}"
    made.append(Shop(int(server.effective_port), base, f"{base}/{there.script}"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield made[0]
    finally:
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map, ignore_all=True))
        thread.join(60)
