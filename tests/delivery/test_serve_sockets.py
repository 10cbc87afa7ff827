"""Destinations that behave badly, over real sockets: bounded, told once, tried again."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.delivery.recorder import Got, Recorder, Say
from tests.delivery.served import Shop, row
from tests.waiting import SECONDS
from track_middleware.delivery.transport import Bounds, HttpTransport

#: Nothing here takes so long, on whatever machine.
LONG = Bounds(connect=SECONDS, idle=SECONDS, whole=2 * SECONDS)

TRIES = 3


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    with closing(HttpTransport(bounds=LONG)) as made:
        yield made


def tried(here: Shop, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Serves in vain a few times; each time it ends in time, and all it says is said once."""
    with caplog.at_level(logging.WARNING, "track_middleware"):
        for _ in range(TRIES):
            before = time.monotonic()
            again = here.run()
            assert time.monotonic() - before < SECONDS
            assert again is not None
            assert again > here.now
            here.now = again
    assert (here.position(), here.waiting(), here.dead()) == (0, {}, {})
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "secret" not in told[0]
    return told


def accepted(here: Shop) -> None:
    here.accept(*[row(number) for number in range(1, 6)])


def numbers(got: Got) -> list[int]:
    return [each["properties"]["number"] for each in json.loads(got.body)["batch"]]


BAD = {
    "nothing": Say(raw=b""),
    "garbage": Say(raw=b"\x00\xff\x01 nonsense\r\n\r\n" * 10),
    "half a head": Say(raw=b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": Say(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    "half a chunk": Say(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhalf"),
    "no chunk": Say(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\nhalf"),
    "a long line": Say(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000),
    "many headers": Say(raw=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"),
    "a redirect": Say(302, headers={"Location": "http://127.0.0.1:9/secret"}),
    "a large 503": Say(503, b"x" * 10_000_000),
}


@pytest.mark.parametrize("how", BAD)
def test_a_bad_answer_delays_and_loses_nothing(
    how: str, tmp_path: Path, transport: HttpTransport, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        Recorder(lambda got: BAD[how]) as vendor,
        closing(Shop(tmp_path, f"webhook+{vendor.url}/secret", transport)) as here,
    ):
        accepted(here)
        tried(here, caplog)
        assert {got.path for got in vendor.got} == {"/secret"}
        assert len(vendor.got) == TRIES
        vendor.answer = lambda got: Say()
        before = len(vendor.got)
        here.run_out()
        taken = [number for got in vendor.got[before:] for number in numbers(got)]
    assert taken == [1, 2, 3, 4, 5]


def test_ten_megabytes_of_answer_are_not_kept(tmp_path: Path, transport: HttpTransport) -> None:
    body = b"x" * 10_000_000
    with (
        Recorder(lambda got: Say(503, body)) as vendor,
        closing(Shop(tmp_path, f"webhook+{vendor.url}/", transport)) as here,
    ):
        accepted(here)
        tracemalloc.start()
        here.run()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 3_000_000


Serving = Callable[[socket.socket, threading.Event], None]


def hangs(connection: socket.socket, over: threading.Event) -> None:
    over.wait()


def trickles(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b"x")


@pytest.mark.parametrize(
    ("how", "bounds"), [(hangs, replace(LONG, idle=0.3)), (trickles, replace(LONG, whole=0.5))]
)
def test_a_destination_that_takes_for_ever_is_left_in_time(
    how: Serving, bounds: Bounds, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(_serve, how) as port, closing(HttpTransport(bounds=bounds)) as transport:
        url = f"webhook+http://127.0.0.1:{port}/secret"
        with closing(Shop(tmp_path, url, transport)) as here:
            accepted(here)
            tried(here, caplog)


@contextmanager
def serving(
    serve: Callable[[socket.socket, Serving, threading.Event], None], how: Serving
) -> Iterator[int]:
    """A server of these manners; its port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, how, over))
        server.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def _serve(listener: socket.socket, how: Serving, over: threading.Event) -> None:
    served: list[threading.Thread] = []
    while not over.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        served.append(threading.Thread(target=_quietly, args=(connection, how, over)))
        served[-1].start()
    for each in served:
        each.join()


def _quietly(connection: socket.socket, how: Serving, over: threading.Event) -> None:
    with connection:
        try:
            connection.recv(65_536)
            how(connection, over)
        except OSError:
            pass  # the sender has hung up, as it should


@pytest.mark.needs("openssl")
def test_a_certificate_that_nobody_vouches_for_gets_no_event(
    tmp_path: Path, transport: HttpTransport, caplog: pytest.LogCaptureFixture
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*request.split(), *names, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    read: list[bytes] = []

    def answers(connection: socket.socket, over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            read.append(secure.recv(65_536))

    with serving(_serve_tls, answers) as port:
        url = f"webhook+https://127.0.0.1:{port}/secret"
        with closing(Shop(tmp_path / "data", url, transport)) as here:
            accepted(here)
            (told,) = tried(here, caplog)
    assert "ertificate" in told or "SSL" in told
    assert not any(read)


def _serve_tls(listener: socket.socket, how: Serving, over: threading.Event) -> None:
    while not over.is_set():
        try:
            connection, _ = listener.accept()
            with connection:
                how(connection, over)
        except OSError:
            continue
