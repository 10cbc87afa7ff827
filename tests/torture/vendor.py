"""A vendor as a process of its own: writes down each id that it is sent, then answers 200.

``python -m tests.torture.vendor FILE PORT``. Killed and started again, it is an outage; stopped by
SIGSTOP, a vendor that accepts and never answers.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import Popen

from tests.waiting import listens, until


def main(path: str, port: str) -> None:
    taken = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            ids = [each["messageId"] for each in body["batch"]]
            os.write(taken, "".join(f"{each}\n" for each in ids).encode())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


@contextmanager
def up(taken: Path, port: int) -> Iterator[Popen[str]]:
    """The vendor's process from when it listens, while it lasts."""
    from tests.torture.test_kills import running

    with running("tests.torture.vendor", str(taken), str(port)) as process:
        until(lambda: listens(port), "the vendor never listened")
        yield process


def counted(taken: Path) -> Counter[str]:
    """How often each id was sent; a line that a kill cut off was never answered."""
    text = taken.read_text() if taken.exists() else ""
    return Counter(text[: text.rfind("\n") + 1].split())


if __name__ == "__main__":
    main(*sys.argv[1:])
