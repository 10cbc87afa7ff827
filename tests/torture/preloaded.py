"""A gunicorn app whose master has already accepted an event before it forks (``--preload``)."""

from __future__ import annotations

import os
from typing import Any

from track_middleware import track, wiring

DATA_DIR = os.environ["TORTURE_DIR"]

wiring.configure(
    {
        "data_dir": DATA_DIR, "deliver": "process", "secret_key": "torture",
        "destinations": [f"jsonl://{DATA_DIR}.jsonl"],
    }
)  # fmt: skip

FIRST = track("Master Started", user_id="42")


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answers with the ids of the master's event and of this request's own."""
    own = track("Requested", user_id="42")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {FIRST} {own}".encode()]
