"""The replayed site: answers a path with the status it is told and the type its extension implies.

``X-Replay-Status`` is the status that the site once gave; the type comes from the path alone. The
app knows nothing of tracking: it is wrapped, and settings come from ``TRACK_*`` variables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from track_middleware.wsgi import TrackMiddleware

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

TYPES = {
    "": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "htm": "text/html; charset=utf-8",
    "php": "text/html; charset=utf-8",
    "xhtml": "application/xhtml+xml",
    "css": "text/css",
    "js": "text/javascript",
    "txt": "text/plain",
    "xml": "application/xml",
    "png": "image/png",
    "gif": "image/gif",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "ico": "image/x-icon",
    "pdf": "application/pdf",
}
REASONS = {200: "OK", 206: "Partial Content", 301: "Moved Permanently", 304: "Not Modified",
           403: "Forbidden", 404: "Not Found", 416: "Range Not Satisfiable",
           500: "Internal Server Error"}  # fmt: skip
DOCUMENT = b"<!doctype html><html><head><title>A page</title></head><body><p>Text</p></body></html>"
FILE = b"0123456789" * 20


def media_type(path: str) -> str:
    """The type that a path's extension implies."""
    name = path.rpartition("/")[2]
    return TYPES.get(name.rpartition(".")[2] if "." in name else "", "application/octet-stream")


def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The site itself."""
    status = int(environ["HTTP_X_REPLAY_STATUS"])
    kind = media_type(environ["PATH_INFO"])
    body = b"" if status == 304 else DOCUMENT if "html" in kind else FILE
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    if status == 301:
        headers.append(("Location", environ["PATH_INFO"] + "/"))
    if status == 206:
        headers.append(("Content-Range", f"bytes 0-{len(body) - 1}/1000"))
    start_response(f"{status} {REASONS[status]}", headers)
    return [b""] if environ["REQUEST_METHOD"] == "HEAD" else [body]


app = TrackMiddleware(site)
