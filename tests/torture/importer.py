"""Mixpanel's ``/import`` as a process of its own: writes down each event's identity, then answers.

``python -m tests.torture.importer FILE PORT``. Two events are one there when name, time, distinct
id and insert id are the same (docs.mixpanel.com, "Duplicate events"); what has no insert id, or is
not in strict form, is refused.
"""

from __future__ import annotations

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.torture.vendor import Taken


def identity(event: dict[str, Any]) -> str:
    """The four parts, in one line without white space; KeyError where one is missing."""
    says = event["properties"]
    parts = (event["event"], says["time"], says["distinct_id"], says["$insert_id"])
    assert len(says["$insert_id"]) <= 36
    return "|".join(str(each).replace(" ", "_") for each in parts)


def main(path: str, port: str) -> None:
    taken = Taken(path)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            try:
                assert self.path.startswith("/import?strict=1")
                events = json.loads(body)
                assert len(events) <= 2000
                ids = [identity(each) for each in events]
            except (AssertionError, KeyError, ValueError):
                self._say(400, {"code": 400, "status": "Bad Request", "failed_records": []})
                return
            taken.add(ids)
            self._say(200, {"code": 200, "num_records_imported": len(ids), "status": "OK"})

        def _say(self, status: int, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
