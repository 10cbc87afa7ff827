"""A property that one platform renames shows up: the server's own calls, the browser's as our
script sends them, and an app's by a stock SDK, over real sockets."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stock.host import Host, hosted
from track_middleware import cli
from track_middleware.plan.repairs import Move, Repair

pytestmark = pytest.mark.needs("node", "npm")

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NAVIGATION = {"User-Agent": AGENT, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
              "Sec-Fetch-Site": "none", "Accept": "text/html"}  # fmt: skip
OWN = {"User-Agent": AGENT, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty",
       "Sec-Fetch-Site": "same-origin", "content-type": "text/plain"}  # fmt: skip


#: What mends the release on the server.
REPAIRS = [Repair("Order Completed", [Move("total", "revenue")], ["ios"], ">=3.1,<3.2")]


def serves(host: Host) -> None:
    """The server tells of orders, and the browser of the same ones, as its page's script does."""
    for number in range(6):
        with httpx.Client(base_url=host.url, timeout=60) as browser:
            page = browser.get("/order", headers=NAVIGATION).text
            token = re.search(r'<meta[^>]*content="([^"]+)"', page)
            assert token is not None
            message = {
                "id": f"order-{number}", "type": "track", "name": "Order Completed",
                "properties": {"order_id": f"{number}", "revenue": 39.5}, "load": f"{number:032x}",
                "token": token[1], "at": time.time() * 1000, "url": f"{host.url}/order",
            }  # fmt: skip
            content = json.dumps({"v": 1, "sent": time.time() * 1000, "events": [message]})
            assert browser.post("/own/q", content=content, headers=OWN).json() == {"ok": 1}


def releases(host: Host, packages: Path, version: str, price: str, count: int = 6) -> None:
    command = ["node", "segment_app.mjs", host.url, "/own", version, price, str(count)]
    subprocess.run(command, cwd=packages, check=True, timeout=300)


def drift(host: Host, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    host.worker.once()
    given = {"data_dir": str(host.data_dir)}
    status = cli.run(["plan", "drift", "--events", "Order*", "--json"], given=given)
    return status, json.loads(capsys.readouterr().out)


def test_a_property_that_an_app_renames_shows_up(
    host: Host, packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serves(host)
    releases(host, packages, "3.0", "revenue")
    status, said = drift(host, capsys)
    (order,) = said["events"]
    counts = {name: cell["count"] for name, cell in order["platforms"].items()}
    assert counts == {"server": 6, "web": 6, "ios": 6}
    assert (status, said["findings"]) == (0, [])
    releases(host, packages, "3.1", "total", 30)
    status, said = drift(host, capsys)
    assert status == 1
    kinds = {(each["kind"], each["platform"], each["property"]) for each in said["findings"]}
    assert kinds == {
        ("renamed", "ios", "revenue"), ("version", "ios", "revenue"), ("version", "ios", "total"),
    }  # fmt: skip
    (renamed,) = [each for each in said["findings"] if each["kind"] == "renamed"]
    assert renamed["other"] == "total"


def test_what_a_repair_mends_has_not_drifted(
    tmp_path: Path, free_port: int, packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with hosted(tmp_path, free_port, repairs=f"{__name__}.REPAIRS") as host:
        serves(host)
        releases(host, packages, "3.1", "total")
        status, said = drift(host, capsys)
        sent = host.wait_for(6, "@segment/analytics-node")
    assert (status, said["findings"]) == (0, [])
    assert [each["properties"]["revenue"] for each in sent] == [39.5] * 6
