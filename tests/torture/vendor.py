"""A vendor as a process of its own: writes down each id that it is sent, then answers 200.

``python -m tests.torture.vendor FILE PORT``. Killed and started again, it is an outage; stopped by
SIGSTOP, a vendor that accepts and never answers.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import Popen

from tests.waiting import listens, until

#: The end of a line that a kill has not cut off.
WHOLE = ";"


class Taken:
    """What a vendor was sent, in a file that ``counted`` reads; one that was killed may have left
    a part of a line at its end."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        os.write(self._file, b"\n")

    def add(self, ids: Iterable[str]) -> None:
        """Ids, of which none has white space."""
        os.write(self._file, "".join(f"{each}{WHOLE}\n" for each in ids).encode())


def main(path: str, port: str) -> None:
    taken = Taken(path)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            taken.add(each["messageId"] for each in body["batch"])
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
    lines = taken.read_text().split() if taken.exists() else []
    return Counter(each.removesuffix(WHOLE) for each in lines if each.endswith(WHOLE))


if __name__ == "__main__":
    main(*sys.argv[1:])
