"""A stand-in vendor on loopback: records what it is sent, answers what it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Got:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Say:
    """One answer; ``raw`` is written instead of it, and the connection closed."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    dated: bool = True


class Recorder:
    """``with Recorder() as vendor``: its ``url``, what it ``got``; ``answer`` may be replaced."""

    def __init__(
        self, answer: Callable[[Got], Say] = lambda got: Say(), *, host: str = "127.0.0.1"
    ) -> None:
        self.got: list[Got] = []
        self.answer = answer
        self.connections = 0
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                recorder.connections += 1
                super().setup()

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Got(self.command, self.path, headers, self.rfile.read(length))
                recorder.got.append(got)
                recorder._say(self, recorder.answer(got))

            do_GET = do_POST  # noqa: N815  http.server names it so

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            address_family = AF_INET6 if ":" in host else AF_INET
            request_queue_size = 128  # beyond it a connection waits for seconds

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # clients of these tests hang up on purpose

        self._server = Server((host, 0), Handler)
        self._server.daemon_threads = True
        self._host = f"[{host}]" if ":" in host else host
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._server.server_address[1]}"

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @staticmethod
    def _say(handler: BaseHTTPRequestHandler, say: Say) -> None:
        if say.raw is not None:
            handler.wfile.write(say.raw)
            handler.close_connection = True
            return
        handler.send_response_only(say.status)
        if say.dated:
            handler.send_header("Date", handler.date_time_string())
        for name, value in say.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(say.body)))
        handler.end_headers()
        handler.wfile.write(say.body)
