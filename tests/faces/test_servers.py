"""What a client sees over a real socket: lengths, HEAD, conditional requests, kept connections."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faces.apps import NAVIGATION, SECRET
from tests.faces.pages import HOME
from tests.faces.standing import STANDS, standing


@pytest.fixture
def connection(
    request: pytest.FixtureRequest, stands: subprocess.Popen[str], data_dir: Path
) -> Iterator[http.client.HTTPConnection]:
    """One kept connection to the app behind a server."""
    with standing(stands, *request.param, data_dir) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        yield client
        client.close()


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


#: Apps and their libraries send bodies whose length they do not know yet.
CHUNKED = {"gunicorn-wsgi", "gunicorn-django-sync", "waitress-wsgi", "uvicorn-django-async"}


@pytest.mark.parametrize(
    "connection",
    [
        pytest.param(stand.values, id=stand.id, marks=stand.marks)
        for stand in STANDS
        if stand.id in CHUNKED
    ],
    indirect=True,
)
def test_a_body_that_is_sent_in_chunks_is_read_whole(
    connection: http.client.HTTPConnection,
) -> None:
    _, body = ask(connection, "/")
    door = body.split(b'src="')[1].partition(b"m.")[0].decode() + "q"
    pieces = iter([b'{"v":1,', b'"ask":true}'])
    connection.request("POST", door, pieces, {"Content-Type": "text/plain"}, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b'{"ok":0}')
