"""Segment's and RudderStack's Node libraries, unmodified, speak to a host of ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.stock.host import Host
from tests.stock.shape import assert_one_of_each

pytestmark = pytest.mark.needs("node", "npm")


def run(script: str, packages: Path, host: Host) -> None:
    command = ["node", script, host.url, "/own"]
    subprocess.run(command, cwd=packages, check=True, timeout=300)


def test_all_that_segments_node_library_says_arrives_once(host: Host, packages: Path) -> None:
    run("segment_node.mjs", packages, host)
    events = host.wait_for(36, "@segment/analytics-node")
    ticks = [event for event in events if event.get("event") == "Tick"]
    assert sorted(event["properties"]["number"] for event in ticks) == list(range(30))
    assert {event["anonymousId"] for event in ticks} == {"visitor-1"}
    assert_one_of_each([event for event in events if event not in ticks])
    assert {event["context"]["platform"] for event in events} == {"server"}
    assert host.letters() == []


def test_all_that_rudderstacks_node_library_says_arrives_once(host: Host, packages: Path) -> None:
    run("rudder_node.mjs", packages, host)
    events = host.wait_for(6, "analytics-node")
    assert_one_of_each(events)
    assert host.letters() == []
