"""Two Starlette sites: a sound one, and one that compresses before the tag is put in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from track_middleware.starlette import TrackMiddleware

ROOT = os.environ["DOCTOR_ROOT"]
SECRET = "a secret that is long enough for tests"


async def page(_request: Request) -> Response:
    return HTMLResponse(f"<html><head></head><body>{'x' * 1000}</body></html>")


def site(name: str) -> Any:
    made = {
        "data_dir": f"{ROOT}/{name}", "secret_key": SECRET, "min_free": "1",
        "destinations": [f"jsonl://{ROOT}/{name}.jsonl"], "data_host": "one",
    }  # fmt: skip
    Path(f"{ROOT}/{name}.json").write_text(json.dumps(made))
    return made


def made(name: str, *, outside: bool) -> Starlette:
    one = Starlette(routes=[Route("/", page)])
    if not outside:
        one.add_middleware(GZipMiddleware)
    one.add_middleware(TrackMiddleware, **site(name))
    if outside:
        one.add_middleware(GZipMiddleware)
    return one


app = Starlette(
    routes=[
        Mount("/sound", made("sound", outside=True)),
        Mount("/new", made("new", outside=True)),
        Mount("/compressed", made("compressed", outside=False)),
    ]
)
