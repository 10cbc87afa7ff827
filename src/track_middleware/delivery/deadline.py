"""A deadline for what may fall silent for ever: the socket is shut down when it has come."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import SHUT_RDWR, socket


@contextmanager
def shut_after(sock: socket | None, seconds: float) -> Iterator[None]:
    """Shuts a socket down when the block takes longer than ``seconds``: a header may come byte by
    byte, and whoever reads it would wait on."""
    if sock is None:
        yield
        return
    timer = threading.Timer(seconds, _shut, (sock,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(sock: socket) -> None:
    try:
        sock.shutdown(SHUT_RDWR)
    except OSError:
        pass  # it is closed already
