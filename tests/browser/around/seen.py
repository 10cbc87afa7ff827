"""Writes down what a server was asked and what it answered, around everything else."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

#: The request headers that tests ask about.
_KEPT = (
    "cookie", "hx-boosted", "hx-history-restore-request", "if-none-match", "sec-fetch-dest",
    "sec-fetch-mode", "sec-purpose", "x-sec-purpose",
)  # fmt: skip


def wsgi(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def around(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            asked = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}") for name in _KEPT}
            _write(environ["REQUEST_METHOD"], _path(environ), int(status[:3]), asked, headers)
            return start_response(status, headers, *more)

        _begin()
        return app(environ, started)

    return around


def _path(environ: Mapping[str, Any]) -> str:
    query = environ.get("QUERY_STRING")
    return environ["PATH_INFO"] + (f"?{query}" if query else "")


def asgi(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def around(scope: dict[str, Any], receive: Any, send: Any) -> None:
        async def sent(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {k.decode(): v.decode("latin-1") for k, v in scope["headers"]}
                asked = {name: given.get(name) for name in _KEPT}
                query = scope["query_string"].decode()
                path = scope["path"] + (f"?{query}" if query else "")
                told = [(k.decode(), v.decode("latin-1")) for k, v in message["headers"]]
                _write(scope["method"], path, message["status"], asked, told)
            await send(message)

        if scope["type"] == "http":
            _begin()
        await app(scope, receive, sent)

    return around


def _begin() -> None:
    """One byte for each request, so that somebody can wait for the answers."""
    _append("begun", b".")


def _write(
    method: str,
    path: str,
    status: int,
    asked: Mapping[str, str | None],
    told: Iterable[tuple[str, str]],
) -> None:
    """One line, with one write: several processes write here."""
    headers = {name: value for name, value in asked.items() if value is not None}
    answered = {name.lower(): value for name, value in told}
    line = {"method": method, "path": path, "status": status, "asked": headers, "told": answered}
    _append("seen.jsonl", json.dumps(line).encode() + b"\n")


def _append(name: str, text: bytes) -> None:
    file = os.open(Path(os.environ["SHOP_VAR"]) / name, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    try:
        os.write(file, text)
    finally:
        os.close(file)
