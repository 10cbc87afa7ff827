"""What a client sees over a real socket: lengths, HEAD, conditional requests, kept connections."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faces.apps import NAVIGATION, SECRET
from tests.faces.pages import HOME
from tests.programs import ROOT

APP = """
import sys
from pathlib import Path
from tests.faces.apps import build
app = build(sys.argv[-2], Path(sys.argv[-1])).app
"""

SERVERS = {
    "gunicorn": "from gunicorn.app.base import BaseApplication\n"
    "class Here(BaseApplication):\n"
    "    def load_config(self):\n"
    "        for name, value in dict(bind='127.0.0.1:{port}', workers=1, threads=4,\n"
    "                                worker_class='gthread', keepalive=5).items():\n"
    "            self.cfg.set(name, value)\n"
    "    def load(self):\n"
    "        return app\n"
    "Here().run()\n",
    "uvicorn": "import uvicorn\n"
    "uvicorn.run(app, host='127.0.0.1', port={port}, log_level='error')\n",
    "waitress": "import waitress\nwaitress.serve(app, listen='127.0.0.1:{port}')\n",
}

STANDS = [
    pytest.param(server, face, id=f"{server}-{face}", marks=pytest.mark.needs(server))
    for server, faces in {
        "gunicorn": ("wsgi", "flask", "django-sync"),
        "waitress": ("wsgi",),
        "uvicorn": ("asgi", "fastapi", "django-async"),
    }.items()
    for face in faces
]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def connection(
    request: pytest.FixtureRequest, data_dir: Path, free_port: int
) -> Iterator[http.client.HTTPConnection]:
    """One kept connection to the app behind a server, ended by its process id."""
    server, face = request.param
    code = APP + SERVERS[server].format(port=free_port)
    process = subprocess.Popen([sys.executable, "-c", code, face, str(data_dir)], cwd=ROOT)
    try:
        deadline = time.monotonic() + 30
        while not _listens(free_port):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.05)
        client = http.client.HTTPConnection("127.0.0.1", free_port, timeout=10)
        yield client
        client.close()
    finally:
        process.terminate()
        process.wait(timeout=20)


def ask(
    connection: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    sent = {**NAVIGATION, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, path, headers=sent)
    response = connection.getresponse()
    return response, response.read()


@pytest.mark.parametrize(
    "connection",
    [pytest.param(stand.values, id=stand.id, marks=stand.marks) for stand in STANDS],
    indirect=True,
)
def test_a_client_reads_whole_documents_over_one_kept_connection(
    connection: http.client.HTTPConnection,
) -> None:
    for path in ("/", "/stream", "/json", "/etag", "/headless", "/download", "/upper", "/shared"):
        response, body = ask(connection, path)
        assert response.status == 200, path
        assert response.length in (0, None), path
        tagged = path not in ("/json", "/headless", "/download")
        assert body.count(b"/m.js") == tagged, path
        stated = response.getheader("Content-Length")
        assert stated in (None, str(len(body))), path
    assert ask(connection, "/download")[1] == HOME
    response, body = ask(connection, "/etag")
    assert response.getheader("ETag") == 'W/"v1"'
    response, body = ask(connection, "/", method="HEAD")
    assert (response.status, body) == (200, b"")
    connection.close()  # the app's body is there although nobody asked: waitress passes it on
    assert response.getheader("Set-Cookie") is None
    response, body = ask(connection, "/")
    assert len(body) == int(response.getheader("Content-Length") or 0)
    script = body.split(b'src="')[1].split(b'"')[0].decode()
    response, source = ask(connection, script)
    assert len(source) == int(response.getheader("Content-Length") or 0)
    response, nothing = ask(connection, script, method="HEAD")
    assert (response.status, nothing) == (200, b"")
    assert response.getheader("Content-Length") is None
    response, _ = ask(connection, script, If_None_Match=response.getheader("ETag") or "")
    assert response.status == 304
    assert SECRET.encode() not in source
