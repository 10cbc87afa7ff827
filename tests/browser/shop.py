"""The example shops under real servers, with the tests' own pages beside theirs, and the file that
their events reach."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.processes import started
from tests.waiting import SECONDS, listens, until
from track_middleware.delivery import handover
from track_middleware.delivery.flush import flush

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that is open; ``var`` is its folder, ``pid`` its server's process."""

    name: str
    port: int
    var: Path
    pid: int

    def url(self, path: str = "/") -> str:
        return f"http://localhost:{self.port}{path}"

    @property
    def delivered(self) -> list[dict[str, Any]]:
        """What has reached the destination, in the order it came."""
        return _lines(self.var / "delivered.jsonl")

    @property
    def seen(self) -> list[dict[str, Any]]:
        """What the server was asked, in the order of its answers: ``method``, ``path``, ``status``,
        and headers ``asked`` and ``told``."""
        return _lines(self.var / "seen.jsonl")

    @property
    def busy(self) -> bool:
        """Whether somebody still waits for an answer."""
        begun = self.var / "begun"
        return begun.exists() and begun.stat().st_size > len(self.seen)

    def drain(self) -> None:
        """Returns when what the shop's processes have accepted has reached the destination."""
        folder = self.var / "track"
        given = handover.read(folder)
        if given is None:
            return  # no process has had an event
        assert flush(given.loaded(folder), folder, SECONDS)


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@contextmanager
def open_shop(
    name: str, port: int, var: Path, *, settings: Mapping[str, str] = MappingProxyType({}),
    examples: Path = EXAMPLES,
) -> Iterator[Shop]:  # fmt: skip
    """Runs an example under a server with two workers for as long as the block lasts.

    ``settings`` reach it as ``TRACK_*`` variables; ``examples`` is the folder that it lies in.
    """
    var.mkdir()
    places = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    variables = {f"TRACK_{setting.upper()}": text for setting, text in settings.items()}
    environment = {
        **os.environ, **variables, "SHOP_VAR": str(var), "SHOP_DEBUG": "0", "PYTHONPATH": places,
    }  # fmt: skip
    folder = examples / f"{name}_app"
    if name == "django":
        for verb in ("migrate", "seed"):
            _run([sys.executable, "manage.py", verb, "-v0"], folder, environment)
    with started(_command(name, port), cwd=folder, env=environment) as server:
        try:
            until(lambda: listens(port), "the shop never opened")
            yield Shop(name, port, var, server.pid)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(SECONDS)


def _command(name: str, port: int) -> list[str]:
    application = f"tests.browser.around.{name}_app:application"
    if name == "fastapi":
        place = ["--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
        return [sys.executable, "-m", "uvicorn", *place, "--log-level", "warning", application]
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4"]
    return [sys.executable, "-m", "gunicorn", *bind, "--log-level", "warning", application]


def _run(command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
