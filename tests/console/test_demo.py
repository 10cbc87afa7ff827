"""The tour: a demo with simulated shoppers, who are marked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from typing import Any

from tests.processes import started
from tests.waiting import free_port
from track_middleware.cli import shoppers
from track_middleware.enrichment.agent import agent
from track_middleware.event import Event


def test_a_shopper_says_what_it_is_and_is_taken_for_no_other_kind_of_program() -> None:
    assert len(set(shoppers.AGENTS)) == 12
    for each in shoppers.AGENTS:
        assert each.endswith("SimulatedShopper/1")
        assert agent(each).bot is None, each


def test_only_what_a_shopper_leaves_is_marked() -> None:
    for said, is_marked in ((shoppers.AGENTS[0], True), ("Mozilla/5.0", False)):
        event = Event("1", "track", "", event="Signup", context={"userAgent": said})
        assert ("simulated" in shoppers.marked(event).context) is is_marked


def test_the_demos_console_shows_shoppers_with_both_halves_of_their_views_marked() -> None:
    command = [sys.executable, "-m", "track_middleware", "demo", "--builtin"]
    command += ["--port", str(free_port())]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with started([*command, "--json"], stdout=subprocess.PIPE, text=True, env=env) as demo:
        try:
            assert demo.stdout is not None
            console = json.loads(demo.stdout.readline())["console"]
            rows: list[dict[str, Any]] = []
            deadline = time.monotonic() + 300
            while not any(map(_is_whole, rows)):
                assert time.monotonic() < deadline, rows
                demo.stdout.readline()  # the next event
                with urllib.request.urlopen(f"{console}live/events.json", timeout=60) as answer:
                    rows = json.load(answer)
        finally:
            demo.send_signal(signal.SIGINT)
        assert demo.wait(300) == 0


def _is_whole(row: dict[str, Any]) -> bool:
    return (row["simulated"], row["serverHalf"], row["browserHalf"]) == (True, "yes", "yes")
