"""``deliver="inline"``: the request's own process delivers, once the response is out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from tests.journeys.test_hostile import PAGE, wsgi_app
from track_middleware.wsgi import TrackMiddleware


def test_a_wsgi_response_is_handed_over_before_anything_is_delivered(tmp_path: Path) -> None:
    file = tmp_path / "delivered.jsonl"
    app = TrackMiddleware(
        wsgi_app, data_dir=str(tmp_path / "track"), deliver="inline", destinations=[f"jsonl://{file}"]
    )  # fmt: skip
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "h", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(), "HTTP_ACCEPT": "text/html", "REMOTE_ADDR": "203.0.113.9",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    }  # fmt: skip
    body: Any = app(environ, lambda status, headers, exc_info=None: None)  # type: ignore[arg-type]
    assert len(b"".join(body)) > len(PAGE)
    assert not file.exists()
    body.close()
    assert len(file.read_text().splitlines()) == 1
