"""The transport against a real server that behaves badly, and against real files."""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3

from tests.delivery.recorder import Recorder, Say
from tests.waiting import SECONDS
from track_middleware.delivery.lines import REMEMBERED
from track_middleware.delivery.transport import KEPT, Bounds, Deliver, HttpTransport, Silence
from track_middleware.destinations import Answer, Call

#: Nothing here takes so long, on whatever machine.
LONG = Bounds(connect=SECONDS, idle=SECONDS, whole=2 * SECONDS)


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def send() -> Iterator[HttpTransport]:
    with closing(HttpTransport(bounds=LONG)) as transport:
        yield transport


def post(url: str, body: bytes = b"{}") -> Call:
    return Call(url, body, ("1",), headers={"x-mine": "yes"})


def test_a_call_arrives_as_it_is(vendor: Recorder, send: HttpTransport) -> None:
    vendor.answer = lambda got: Say(202, b"thanks", {"X-Theirs": "1"})
    answer = send(post(vendor.url + "/2/httpapi?x=1", b'{"a":1}'))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.headers["x-theirs"]) == (202, b"thanks", "1")
    (got,) = vendor.got
    assert (got.method, got.path, got.body) == ("POST", "/2/httpapi?x=1", b'{"a":1}')
    assert got.headers["x-mine"] == "yes"


def test_one_connection_serves_many_calls(vendor: Recorder, send: HttpTransport) -> None:
    for _ in range(5):
        send(post(vendor.url))
    assert vendor.connections == 1


def test_a_redirect_is_an_answer_and_not_followed(vendor: Recorder, send: HttpTransport) -> None:
    vendor.answer = lambda got: Say(302, headers={"Location": vendor.url + "/elsewhere"})
    answer = send(post(vendor.url + "/here"))
    assert isinstance(answer, Answer)
    assert answer.status == 302
    assert [got.path for got in vendor.got] == ["/here"]


def test_an_answer_without_a_date_gets_the_time_of_receipt(
    vendor: Recorder, send: HttpTransport
) -> None:
    vendor.answer = lambda got: Say(dated=False)
    answer = send(post(vendor.url))
    assert isinstance(answer, Answer)
    assert answer.headers["date"].endswith("GMT")


def test_of_ten_megabytes_the_first_64_kib_are_kept(vendor: Recorder, send: HttpTransport) -> None:
    vendor.answer = lambda got: Say(400, b"x" * 10_000_000)
    answer = send(post(vendor.url))
    assert isinstance(answer, Answer)
    assert len(answer.body) == KEPT
    assert isinstance(send(post(vendor.url)), Answer), "the next call has a connection of its own"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhalf",
        b"HTTP/1.1 200 O",
        b"",
        b"\x00\x01\x02 garbage\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_no_answer(
    vendor: Recorder, send: HttpTransport, raw: bytes
) -> None:
    vendor.answer = lambda got: Say(raw=raw)
    assert isinstance(send(post(vendor.url)), Silence)


def test_nobody_listening_is_no_answer_and_says_why(free_port: int, send: HttpTransport) -> None:
    answer = send(post(f"http://127.0.0.1:{free_port}/secret-key"))
    assert isinstance(answer, Silence)
    assert "refused" in answer.reason.lower()
    assert "secret-key" not in answer.reason


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that sends a header's bytes one by one, for ever, each in time."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not over.wait(0.05):
                    connection.sendall(b"x")
            except OSError:
                pass

    thread = threading.Thread(target=drip)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    thread.join()
    listener.close()


def test_a_trickling_answer_ends_with_the_whole_time(dripping: str) -> None:
    with closing(HttpTransport(bounds=replace(LONG, whole=1.0))) as send:
        before = time.monotonic()
        assert isinstance(send(post(dripping)), Silence)
        assert time.monotonic() - before < SECONDS


def test_a_server_that_never_answers_is_left_after_the_idle_time() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        closing(HttpTransport(bounds=replace(LONG, idle=0.5))) as send,
    ):
        before = time.monotonic()
        answer = send(post(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        assert isinstance(answer, Silence)
        assert time.monotonic() - before < SECONDS


def lines(path: Path, *ids: str) -> Call:
    body = b"".join(json.dumps({"messageId": each}).encode() + b"\n" for each in ids)
    return Call(f"file://{path}", body, ids, method="APPEND")


def written(path: Path) -> list[str]:
    return [json.loads(line)["messageId"] for line in path.read_text().splitlines()]


def test_lines_are_appended_to_a_file_only_its_owner_reads(tmp_path: Path) -> None:
    path, send = tmp_path / "events.jsonl", Deliver()
    assert isinstance(send(lines(path, "1", "2")), Answer)
    assert isinstance(send(lines(path, "3")), Answer)
    assert written(path) == ["1", "2", "3"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_batch_written_before_a_crash_is_not_written_twice(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    Deliver()(lines(path, "1", "2", "3"))
    Deliver()(lines(path, "2", "3", "4"))
    assert written(path) == ["1", "2", "3", "4"]


def test_a_batch_whose_verdict_was_not_kept_is_not_written_twice(tmp_path: Path) -> None:
    path, send = tmp_path / "events.jsonl", Deliver()
    send(lines(path, "1"))
    send(lines(path, "1", "2"))
    assert written(path) == ["1", "2"]


def test_what_a_successor_wrote_meanwhile_is_not_written_again(tmp_path: Path) -> None:
    """A worker that was stopped for a while sends the batch that it had in its hands."""
    path, stopped = tmp_path / "events.jsonl", Deliver()
    stopped(lines(path, "1"))
    many = [f"later {number}" for number in range(2 * REMEMBERED)]
    Deliver()(lines(path, "2", "3", *many))
    stopped(lines(path, "2", "3", "4"))
    assert written(path) == ["1", "2", "3", *many, "4"]


@pytest.mark.parametrize("whole", ['{"messageId":"1"}\n', ""])
def test_a_line_cut_off_by_a_crash_is_removed_and_written_again(tmp_path: Path, whole: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(whole + '{"messageId":"2","prop' + "x" * 200_000)
    Deliver()(lines(path, "2"))
    assert written(path)[-1] == "2"
    assert len(written(path)) == (2 if whole else 1)


def test_the_end_of_a_long_file_is_known(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    many = [f"{number:06}" + "x" * 900 for number in range(10_000)]
    path.write_text("".join(f'{{"messageId":"{each}"}}\n' for each in many))
    Deliver()(lines(path, *many[-500:], "new"))
    assert written(path) == [*many, "new"]


def test_a_file_that_was_rotated_away_is_begun_anew(tmp_path: Path) -> None:
    path, send = tmp_path / "events.jsonl", Deliver()
    send(lines(path, "1"))
    path.rename(tmp_path / "events.jsonl.1")
    send(lines(path, "2"))
    assert written(path) == ["2"]


def test_a_missing_folder_is_no_answer_and_says_why(tmp_path: Path) -> None:
    answer = Deliver()(lines(tmp_path / "none" / "events.jsonl", "1"))
    assert isinstance(answer, Silence)
    assert "No such file" in answer.reason


def test_a_file_that_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    import fcntl

    path = tmp_path / "events.jsonl"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert isinstance(Deliver()(lines(path, "1")), Silence)
    os.close(fd)
    assert isinstance(Deliver()(lines(path, "1")), Answer)


def test_a_full_disk_leaves_no_half_of_a_batch() -> None:
    """``/dev/full`` takes no byte."""
    answer = Deliver()(Call("file:///dev/full", b'{"messageId":"1"}\n', ("1",), method="APPEND"))
    assert isinstance(answer, Silence)
    assert "space" in answer.reason.lower() or "seek" in answer.reason.lower()


def test_no_log_names_the_query_of_a_call_in_which_a_secret_may_stand(
    vendor: Recorder, send: HttpTransport, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        send(post(vendor.url + "/collect?api_secret=hush"))
    assert "/collect" in caplog.text
    assert "hush" not in caplog.text


def test_what_others_log_of_their_own_requests_stays(
    vendor: Recorder, send: HttpTransport, caplog: pytest.LogCaptureFixture
) -> None:
    send(post(vendor.url))
    with caplog.at_level(logging.DEBUG), urllib3.PoolManager() as theirs:
        theirs.request("POST", vendor.url + "/theirs?page=2")
    assert "/theirs?page=2" in caplog.text


def test_what_ends_before_the_handshake_does_has_sent_nothing(
    vendor: Recorder, send: HttpTransport
) -> None:
    """A certificate that is not believed is such a one; so is a server that speaks no TLS."""
    silence = send(post(vendor.url.replace("http:", "https:")))
    assert isinstance(silence, Silence)
    assert not silence.sent


def test_a_handshake_that_nobody_answers_has_sent_nothing() -> None:
    with (
        closing(HttpTransport(bounds=Bounds(connect=0.2, idle=0.2, whole=1.0))) as send,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        silence = send(post(f"https://127.0.0.1:{server.getsockname()[1]}/"))
    assert isinstance(silence, Silence)
    assert not silence.sent


def test_a_request_that_was_begun_may_have_been_taken() -> None:
    with (
        closing(HttpTransport(bounds=replace(LONG, idle=0.5))) as send,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        silence = send(post(f"http://127.0.0.1:{server.getsockname()[1]}/"))
    assert isinstance(silence, Silence)
    assert silence.sent
