"""The example shops under a real server, and the file that their events reach."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 20


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that is open; ``var`` is its folder."""

    port: int
    var: Path

    def url(self, path: str = "/") -> str:
        return f"http://localhost:{self.port}{path}"

    @property
    def delivered(self) -> list[dict[str, Any]]:
        """What has reached the destination, in the order it came."""
        file = self.var / "delivered.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def events(self, kind: str, name: str | None = None) -> list[dict[str, Any]]:
        """The delivered events of a type, or of a track event's name."""
        return [e for e in self.delivered if e["type"] == kind and name in (None, e.get("event"))]

    def wait(self, enough: Callable[[], bool]) -> None:
        """Returns when the destination has got enough; AssertionError when it never does."""
        end = time.monotonic() + SECONDS
        while not enough():
            assert time.monotonic() < end, [_summary(event) for event in self.delivered]
            time.sleep(0.05)


def _summary(event: Mapping[str, Any]) -> tuple[object, ...]:
    page = event.get("context", {}).get("page", {})
    return event["type"], event.get("event"), page.get("url"), page.get("confirmed")


@contextmanager
def open_shop(
    name: str, port: int, var: Path, *, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Shop]:
    """Runs an example under gunicorn with two workers for as long as the block lasts.

    ``settings`` reach it as ``TRACK_*`` variables.
    """
    var.mkdir()
    variables = {f"TRACK_{setting.upper()}": text for setting, text in settings.items()}
    environment = {**os.environ, **variables, "SHOP_VAR": str(var), "SHOP_DEBUG": "0"}
    folder = EXAMPLES / f"{name}_app"
    if name == "django":
        for verb in ("migrate", "seed"):
            _run([sys.executable, "manage.py", verb, "-v0"], folder, environment)
    application = {"django": "shop.wsgi:application", "flask": "shop:app"}[name]
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4"]
    command = [sys.executable, "-m", "gunicorn", *bind, "--log-level", "warning", application]
    with subprocess.Popen(command, cwd=folder, env=environment) as server:
        try:
            _wait_until_open(port)
            yield Shop(port, var)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(SECONDS)


def _run(command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def _wait_until_open(port: int) -> None:
    """Connects until somebody answers; a worker that is not ready yet keeps us waiting."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return
        except OSError:
            assert time.monotonic() < end, "the shop never opened"
            time.sleep(0.1)
