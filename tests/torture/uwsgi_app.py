"""A uWSGI app: each request is an event; the answer is its id and the process's number."""

from __future__ import annotations

import os
from typing import Any

from track_middleware import track
from track_middleware.wsgi import TrackMiddleware


def bare(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    event_id = track("Requested", user_id="42")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {event_id}".encode()]


#: Made in uWSGI's master, before it forks its workers.
application = TrackMiddleware(
    bare,
    data_dir=os.environ["TORTURE_DIR"],
    destinations=[os.environ["TORTURE_TO"]],
    secret_key="torture",
    min_free="1",
)
