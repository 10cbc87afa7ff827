"""A face's site behind a real server, forked from the process that has imported everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import free_port, listens, runs, until

#: Servers and the faces that stand behind them, as parameters of a test.
STANDS = [
    pytest.param(server, face, id=f"{server}-{face}", marks=pytest.mark.needs(server))
    for server, faces in {
        "gunicorn": ("wsgi", "flask", "django-sync"),
        "waitress": ("wsgi",),
        "uvicorn": ("asgi", "fastapi", "django-async"),
    }.items()
    for face in faces
]


@contextmanager
def standing(
    stands: subprocess.Popen[str], server: str, face: str, data_dir: Path, **settings: Any
) -> Iterator[int]:
    """The port of a server that listens, ended with the block; ``stands`` is the fixture."""
    assert stands.stdin is not None
    assert stands.stdout is not None
    port = free_port()
    said = (server, face, data_dir, port, json.dumps(settings))
    print(*said, sep="\t", file=stands.stdin, flush=True)
    pid = int(stands.stdout.readline())
    try:
        until(lambda: listens(port), "the server did not come up")
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until(lambda: not runs(pid), "the server did not end")
