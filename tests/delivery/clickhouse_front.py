"""ClickHouse's engine (chdb) behind its HTTP interface, as far as inserting and asking need it.

``python clickhouse_front.py FOLDER PORT``: answers with ClickHouse's statuses and its
``X-ClickHouse-Exception-Code`` (src/Server/HTTP/exceptionCodeToHTTPStatus.cpp). The user ``shop``
has the password ``pw``. While FOLDER/die exists, it is killed between inserting and answering.
"""

from __future__ import annotations

import os
import re
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])

#: Parameters that belong to HTTP, not to the query.
_HTTP = ("database", "query", "wait_end_of_query")

_NOT_FOUND = (47, 60, 81, 115)
_BAD = (6, 26, 27, 38, 41, 53, 72, 117, 376)


class Front(BaseHTTPRequestHandler):
    """One request a connection: the engine is asked by one thread."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0)).decode()
        given = dict(parse_qsl(urlsplit(self.path).query))
        user, key = self.headers["x-clickhouse-user"], self.headers["x-clickhouse-key"]
        if (user, key) != ("shop", "pw"):
            self._say(f"Code: 516. DB::Exception: {user}: Authentication failed")
            return
        try:
            told = str(session.query(_sql(given, body), "JSONEachRow"))
        except RuntimeError as error:
            told = str(error)
        if (FOLDER / "die").exists():
            os._exit(9)
        self._say(told)

    def _say(self, told: str) -> None:
        failed = re.match(r"Code: (\d+)", told)
        code = int(failed[1]) if failed else 0
        self.send_response(_status(code))
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.send_header("Content-Length", str(len(told.encode())))
        self.end_headers()
        self.wfile.write(told.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _sql(given: dict[str, str], body: str) -> str:
    if "query" not in given:
        return body
    settings = ", ".join(f"{name} = '{v}'" for name, v in given.items() if name not in _HTTP)
    insert, form = given["query"].split(" FORMAT ")
    session.query(f"USE `{given['database']}`")
    return f"{insert} SETTINGS {settings} FORMAT {form}\n{body}"


def _status(code: int) -> int:
    if code == 516:
        return 403
    if code in _NOT_FOUND:
        return 404
    return 400 if code in _BAD else 500 if code else 200


session = Session(str(FOLDER / "data"))
with HTTPServer(("127.0.0.1", PORT), Front) as server:
    server.serve_forever()
