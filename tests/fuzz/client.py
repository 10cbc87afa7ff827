"""A client that writes whatever bytes it is told to, over one kept connection."""

from __future__ import annotations

import socket

from tests.fuzz.requests import Hostile

#: A host that says nothing for so long hangs.
SILENCE = 120.0


class Client:
    """One client of a host; a connection that the host has closed is opened again."""

    def __init__(self, port: int, prefix: str) -> None:
        self._port = port
        self._prefix = prefix
        self._socket: socket.socket | None = None
        self._rest = b""

    def ask(self, hostile: Hostile) -> tuple[int, bytes]:
        """The status and body of the answer; OSError when there is none, TimeoutError when the
        host says nothing."""
        try:
            return self._asked(hostile)
        except (ConnectionError, EOFError):
            self.close()
            return self._asked(hostile)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def _asked(self, hostile: Hostile) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), SILENCE)
        self._socket.sendall(self._bytes(hostile))
        head = self._until_blank_line()
        status = int(head.split(b" ", 2)[1])
        lines = [line.partition(b":") for line in head.lower().split(b"\r\n")[1:]]
        fields = {name: value.strip() for name, _, value in lines}
        bare = hostile.method == "HEAD" or status in (204, 304)
        length = 0 if bare else int(fields.get(b"content-length", b"0"))
        while len(self._rest) < length:
            self._read()
        body, self._rest = self._rest[:length], self._rest[length:]
        if fields.get(b"connection") == b"close":
            self.close()
        return status, body

    def _bytes(self, hostile: Hostile) -> bytes:
        lines = [f"{hostile.method} {self._prefix}/{hostile.rest} HTTP/1.1", "Host: shop.example",
                 f"Content-Length: {len(hostile.body)}"]  # fmt: skip
        lines += [f"{name}: {value}" for name, value in hostile.headers.items()]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + hostile.body

    def _until_blank_line(self) -> bytes:
        while b"\r\n\r\n" not in self._rest:
            self._read()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        return head

    def _read(self) -> None:
        assert self._socket is not None
        more = self._socket.recv(65_536)
        if not more:
            raise EOFError
        self._rest += more
