"""A host behind a real server, whose events a worker brings to a recording webhook."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.delivery.recorder import Recorder
from tests.processes import started
from tests.programs import ROOT
from tests.waiting import SECONDS, listens, until
from track_middleware import reading
from track_middleware.delivery.store import DeadLetter, sqlite
from track_middleware.delivery.worker import Worker

HERE = Path(__file__).parent
KEYS = {"wk_ios": "ios", "wk_android": "android", "wk_node": "server", "wk_web": "web"}

#: Serves the files of a folder; ``/signed-in`` is a page that somebody has signed in to, ``/order``
#: one that tells of an order.
APP = """
import sys
from pathlib import Path
from track_middleware import identify, track
FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
SETTINGS = {settings!r}
def found(path):
    if path == "/signed-in":
        identify("42")
    if path == "/order":
        track("Order Completed", dict(order_id="1", revenue=39.5))
        return "text/html", b"<!doctype html><title>Order</title><body>thanks</body>"
    script = FOLDER / path.lstrip("/")
    if path.endswith(".js") and script.is_file():
        return "text/javascript", script.read_bytes()
    return "text/html", b"<!doctype html><title>Home</title><body>home"
"""

SERVERS = {
    "uvicorn": """
import uvicorn
from track_middleware.asgi import TrackMiddleware
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    kind, body = found(scope["path"])
    head = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})
uvicorn.run(TrackMiddleware(app, **SETTINGS), host="127.0.0.1", port=PORT, log_level="error",
            timeout_keep_alive=120)
""",
    "waitress": """
import waitress
from track_middleware.wsgi import TrackMiddleware
def app(environ, start_response):
    kind, body = found(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", kind)])
    return [body]
waitress.serve(TrackMiddleware(app, **SETTINGS), listen=f"127.0.0.1:{PORT}")
""",
}


class Host:
    """``url`` of the host; ``delivered`` is what the webhook got from the worker."""

    def __init__(
        self, url: str, folder: Path, process: subprocess.Popen[Any], worker: Worker,
        vendor: Recorder,
    ) -> None:  # fmt: skip
        self.url = url
        self.data_dir = folder / "track"
        self.prefix = f"{url}/own"
        self.pid = process.pid
        self.worker = worker
        self._vendor = vendor

    @property
    def delivered(self) -> list[dict[str, Any]]:
        calls = [json.loads(_unpacked(got.body)) for got in self._vendor.got]
        return [event for call in calls for event in call["batch"]]

    def by_library(self, name: str) -> list[dict[str, Any]]:
        """What came from one SDK; it names itself in ``context.library``."""
        return [event for event in self.delivered if event["context"]["library"]["name"] == name]

    def wait_for(self, count: int, library: str) -> list[dict[str, Any]]:
        """An SDK's events once there are as many, after everything sent has been delivered."""
        until(lambda: self._works() and len(self.by_library(library)) >= count,
              lambda: f"{len(self.by_library(library))} of {count}: {self.delivered}")  # fmt: skip
        self.worker.once()
        return self.by_library(library)

    def _works(self) -> bool:
        self.worker.once()
        return True

    def letters(self) -> list[DeadLetter]:
        self.worker.once()
        store = sqlite.open(self.data_dir / "events.db", read_only=True)
        try:
            return list(store.dead(limit=10_000))
        finally:
            store.close()


def _unpacked(body: bytes) -> bytes:
    """Large bodies are sent compressed."""
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


@contextmanager
def hosted(folder: Path, port: int, server: str = "uvicorn", **more: Any) -> Iterator[Host]:
    """A host on a port of the loopback, and its worker, for as long as the block lasts."""
    with Recorder() as vendor:
        given: Mapping[str, Any] = {
            "data_dir": str(folder / "track"), "deliver": "worker", "secret_key": "stock",
            "path": "own", "min_free": "1", "write_keys": KEYS, "merge_window": 0.2,
            "destinations": [f"webhook+{vendor.url}/?bots=1"], **more,
        }  # fmt: skip
        read = reading.load(given, {})
        worker = Worker(read, data_dir=folder / "track")
        worker.once()  # a new destination gets everything from its worker's first turn on
        code = APP.replace("{settings!r}", repr(given)) + SERVERS[server]
        command = [sys.executable, "-c", code, str(folder), str(port)]
        with started(command, cwd=ROOT) as process:
            until(lambda: process.poll() is not None or listens(port), "the host did not come up")
            assert process.poll() is None, "the host has ended"
            yield Host(f"http://127.0.0.1:{port}", folder, process, worker, vendor)
            process.terminate()
            process.wait(timeout=SECONDS)
        worker.close()
