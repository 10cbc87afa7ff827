"""ClickHouse's engine in a process of its own, behind its HTTP interface (clickhouse_front.py)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from tests.waiting import free_port, until

FRONT = Path(__file__).with_name("clickhouse_front.py")


class Server:
    """The engine in a process of its own; ``do`` runs SQL."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self._port = port
        self.base = f"http://127.0.0.1:{port}"
        self.start()

    def url(self, database: str = "shop", user: str = "shop:pw") -> str:
        return f"clickhouse://{user}@ch.test/{database}?endpoint={self.base}"

    def start(self) -> None:
        command = [sys.executable, str(FRONT), str(self.folder), str(self._port)]
        self._child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(lambda: self._child.poll() is not None or self._is_up(), "the engine did not come up")
        assert self._child.poll() is None, "the engine has ended"

    def _is_up(self) -> bool:
        try:
            return self.do("SELECT 1 AS one") == [{"one": 1}]
        except urllib3.exceptions.HTTPError:
            return False

    def end(self) -> None:
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()

    def do(self, sql: str) -> list[dict[str, Any]]:
        headers = {"x-clickhouse-user": "shop", "x-clickhouse-key": "pw"}
        with urllib3.PoolManager(retries=False, timeout=30) as pools:
            answer = pools.request("POST", self.base, body=sql.encode(), headers=headers)
        assert answer.status == 200, answer.data
        return [json.loads(each) for each in answer.data.splitlines()]


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server on a free port, ended with the block."""
    server = Server(folder, free_port())
    try:
        yield server
    finally:
        server.end()
