"""The WSGI face, call by call: what the server gets, when, and from whom."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest

from tests.faces.apps import SECRET, build
from tests.faces.pages import HOME
from track_middleware import track, wiring
from track_middleware.delivery import segments
from track_middleware.event import Entry, decode_entry
from track_middleware.wsgi import KEY, TrackMiddleware
from track_middleware.wsgi.head import SHAPES

Kept = list[Entry]
HTML = [("Content-Type", "text/html")]


class Server:
    """A WSGI server that writes down what happens, in order."""

    def __init__(self, app: Any, data_dir: Path, **settings: Any) -> None:
        given = {"deliver": "worker", "secret_key": SECRET, "data_dir": str(data_dir), **settings}
        self.app = TrackMiddleware(app, **given)
        self.seen: list[tuple[str, Any]] = []

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        self.seen.append(("start", (status, dict(headers))))
        return lambda chunk: self.seen.append(("write", chunk))

    def call(self, **environ: Any) -> Iterable[bytes]:
        full: dict[str, Any] = {"HTTP_ACCEPT": "text/html", **environ}
        setup_testing_defaults(full)
        return self.app(full, self.start_response)

    def headers(self) -> dict[str, str]:
        (headers,) = [what[1] for kind, what in self.seen if kind == "start"]
        found: dict[str, str] = headers
        return found


def app_of(body: Iterable[bytes], headers: list[tuple[str, str]]) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return body

    return app


def test_a_list_stays_a_list_of_one(data_dir: Path, kept: Kept) -> None:
    body = Server(app_of([HOME], HTML), data_dir).call()
    assert isinstance(body, list)
    assert len(body) == 1
    assert [entry.kind for entry in kept] == ["view"]


def test_a_list_that_nothing_is_put_into_is_the_apps_own(data_dir: Path) -> None:
    said = [b"{}"]
    assert Server(app_of(said, [("Content-Type", "text/json")]), data_dir).call() is said


def test_a_file_goes_to_the_server_untouched(data_dir: Path) -> None:
    file = FileWrapper(io.BytesIO(b"bytes"))
    server = Server(app_of(file, [("Content-Type", "application/pdf")]), data_dir)
    assert server.call(**{"wsgi.file_wrapper": FileWrapper}) is file


def test_a_stream_is_not_held_back(data_dir: Path) -> None:
    made: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        for piece in (b"<html><head></head>", b"<body>", b"</body>"):
            made.append(piece)
            yield piece

    body = iter(Server(app_of(pieces(), HTML), data_dir).call())
    assert b"/m.js" in next(body)
    assert len(made) == 1


def test_the_headers_wait_for_a_first_chunk_only_where_the_length_changes(data_dir: Path) -> None:
    server = Server(app_of(iter([HOME]), [*HTML, ("Content-Length", str(len(HOME)))]), data_dir)
    body = iter(server.call())
    assert server.seen == []
    first = next(body)
    assert server.headers()["Content-Length"] == str(len(first))
    chunks = Server(app_of(iter([b"{}"]), [("Content-Type", "text/json")]), data_dir)
    chunks.call()
    assert [kind for kind, _ in chunks.seen] == ["start"]


def test_a_stream_with_a_length_loses_it_and_its_strong_etag(data_dir: Path) -> None:
    headers = [*HTML, ("Content-Length", str(len(HOME))), ("ETag", '"v"')]
    server = Server(app_of(iter([HOME[:9], HOME[9:]]), headers), data_dir)
    assert b"".join(server.call()).count(b"/m.js") == 1
    assert "Content-Length" not in server.headers()
    assert server.headers()["ETag"] == 'W/"v"'


@pytest.mark.parametrize("cut", range(len(HOME) + 1))
def test_a_mark_may_be_cut_in_two_anywhere(data_dir: Path, cut: int) -> None:
    server = Server(app_of(iter([HOME[:cut], HOME[cut:]]), HTML), data_dir)
    body = b"".join(server.call())
    assert b"defer></script></head>" in body
    assert body.count(b"/m.js") == 1


def test_write_is_the_older_way_and_tagged_as_well(data_dir: Path) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", HTML)
        write(HOME[:50])
        return [HOME[50:]]

    server = Server(app, data_dir)
    rest = b"".join(server.call())
    written = b"".join(what for kind, what in server.seen if kind == "write")
    assert (written + rest).count(b"/m.js") == 1
    assert server.seen[0][0] == "start"


def test_start_response_may_be_called_in_the_first_step(data_dir: Path, kept: Kept) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", HTML)
        yield HOME

    assert b"".join(Server(app, data_dir).call()).count(b"/m.js") == 1
    assert [entry.kind for entry in kept] == ["view"]


def test_an_error_may_replace_headers_that_are_not_sent(data_dir: Path) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", HTML)
        try:
            raise LookupError("in the app")
        except LookupError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"sorry"]

    server = Server(app, data_dir)
    assert list(server.call()) == [b"sorry"]
    assert [what[0] for _, what in server.seen] == ["500 Oops"]


class Closing:
    """An app's iterable with a ``close`` of its own."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from (HOME[:30], HOME[30:])

    def close(self) -> None:
        self.closed += 1


def test_close_is_passed_on_and_a_client_that_hung_up_was_served(
    data_dir: Path, kept: Kept
) -> None:
    closing = Closing()
    body = Server(app_of(closing, HTML), data_dir).call()
    next(iter(body))
    assert kept == []
    body.close()  # type: ignore[attr-defined]  # a server's duty (PEP 3333)
    assert closing.closed == 1
    assert [entry.kind for entry in kept] == ["view"]


def test_the_view_is_written_before_the_last_chunk_is_handed_over(
    data_dir: Path, kept: Kept
) -> None:
    headers = [*HTML, ("Content-Length", str(len(HOME)))]
    body = iter(Server(app_of(iter([HOME]), headers), data_dir).call())
    next(body)
    assert [entry.kind for entry in kept] == ["view"]


def test_an_event_is_on_disk_before_the_response_is_done(data_dir: Path) -> None:
    server = Server(app_of([HOME], HTML), data_dir)
    server.call()
    with segments.open_all(data_dir) as found:
        frames = [frame for each in found for frame in each.read(0, 100).frames]
    assert [decode_entry(frame).kind for frame in frames] == ["view"]


def test_an_error_in_a_streamed_body_is_the_apps_and_the_view_is_kept(
    data_dir: Path, kept: Kept
) -> None:
    def pieces() -> Iterator[bytes]:
        yield HOME[:30]
        raise LookupError("in the stream")

    body = iter(Server(app_of(pieces(), HTML), data_dir).call())
    next(body)
    with pytest.raises(LookupError, match="in the stream"):
        next(body)
    assert len(kept) == 1


def test_an_app_within_an_app_is_tracked_once(data_dir: Path, tmp_path: Path, kept: Kept) -> None:
    inner = TrackMiddleware(app_of([HOME], HTML), data_dir=str(tmp_path / "inner"))
    body = b"".join(Server(inner, data_dir).call())
    assert body.count(b"/m.js") == 1
    assert len(kept) == 1


def test_a_mounted_app_has_its_paths_under_its_mount(data_dir: Path, kept: Kept) -> None:
    server = Server(app_of([HOME], HTML), data_dir)
    body = b"".join(server.call(SCRIPT_NAME="/shop", PATH_INFO="/cart"))
    source = body.split(b'src="')[1].split(b'"')[0].decode()
    assert source.startswith("/shop/")
    assert kept[0].event is not None
    assert kept[0].event.context["page"]["path"] == "/shop/cart"
    script = server.call(SCRIPT_NAME="/shop", PATH_INFO=source.removeprefix("/shop"))
    assert b"".join(script) != HOME


def test_after_the_request_nothing_is_left_in_the_context(data_dir: Path, kept: Kept) -> None:
    b"".join(Server(app_of(iter([HOME]), HTML), data_dir).call())
    assert wiring.CURRENT.get() is None


def test_a_broken_tracker_leaves_the_page_alone_and_is_counted(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(environ: object) -> str:
        raise RuntimeError("a user_id callable with a mistake")

    server = Server(app_of([HOME], HTML), data_dir, user_id=broken)
    assert list(server.call()) == [HOME]
    assert list(server.call()) == [HOME]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "tracking failed; the response is unchanged"
    ]


def test_a_broken_tracker_raises_in_development(data_dir: Path) -> None:
    def broken(environ: object) -> str:
        raise RuntimeError("a user_id callable with a mistake")

    server = Server(app_of([HOME], HTML), data_dir, user_id=broken, debug=True)
    with pytest.raises(RuntimeError, match="with a mistake"):
        server.call()


def test_a_request_body_is_read_to_its_limit_only(data_dir: Path) -> None:
    server = Server(app_of([HOME], HTML), data_dir, path="p")
    for length, terminated in (("9" * 12, False), ("", True)):
        sent = io.BytesIO(b"x" * 1_000_000)
        environ = {"wsgi.input": sent, "CONTENT_LENGTH": length, "PATH_INFO": "/p/q"}
        server.call(REQUEST_METHOD="POST", **environ, **{"wsgi.input_terminated": terminated})
        assert sent.tell() == 65_537


@pytest.mark.parametrize("face", ["wsgi", "flask", "django-sync"])
def test_a_path_that_is_no_text_is_the_apps_to_answer(data_dir: Path, face: str) -> None:
    site: Any = build(face, data_dir)
    environ: dict[str, Any] = {"PATH_INFO": "/\xff\xfe", "HTTP_ACCEPT": "text/html"}
    setup_testing_defaults(environ)
    seen: list[str] = []
    body = site.app(environ, lambda status, headers, exc_info=None: seen.append(status[:3]))
    assert b"".join(body).startswith(b"<html>")
    assert seen == ["200"]


def test_the_user_id_setting_is_asked_about_the_environ(data_dir: Path, kept: Kept) -> None:
    server = Server(
        app_of([HOME], HTML), data_dir, user_id=lambda environ: environ.get("REMOTE_USER")
    )
    server.call(REMOTE_USER="ann")
    assert {entry.event.user_id for entry in kept if entry.event} == {"ann"}


def broken() -> Iterator[bytes]:
    """A body that fails before its first piece."""
    raise LookupError("in the app")
    yield b""


def both_ways(app: Callable[[Any], Any], folder: Path, kept: Kept) -> list[Any]:
    """What the server and the spool get of an app's page to a known visitor: as a usual one, and
    where the app has looked at its exchange before, which makes it unusual."""
    seen, looking, found = list[bool](), list[bool](), list[Any]()
    cookies, sent = list[str](), list[Any]()

    def asked(environ: dict[str, Any], start_response: Any) -> Any:
        exchange = environ["track_middleware.exchange"]
        seen.append(exchange.usual is not None)
        assert not looking or exchange.consent
        return app(start_response)

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], None]:
        given = [value.partition(";")[0] for name, value in headers if name == "Set-Cookie"]
        cookies.extend(given)
        # Only lines of one name have an order (RFC 9110, 5.3).
        sent.append((status, sorted(headers, key=lambda line: line[0].lower()), len(more)))
        return lambda chunk: None

    def served() -> list[Any]:
        sent.clear()
        environ = {"HTTP_SEC_FETCH_DEST": "document", "HTTP_COOKIE": "; ".join(cookies)}
        setup_testing_defaults(environ)
        with suppress(LookupError):
            for chunk in (chunks := tracked(environ, start)):
                text = re.sub(rb'content="[^"]+"', b"", bytes(chunk))
                sent.append((type(chunks) is list, text))
        return list(sent)

    tracked = Server(app_of([HOME], HTML), folder).app
    for _ in range(2):
        served()
    tracked.app = asked
    for _ in range(2):
        kept.clear()
        found.append((served(), [(each.kind, each.await_half) for each in kept]))
        looking.append(True)
    assert seen == [True, True]
    return found


TYPE, LENGTH = ("Content-Type", "text/html"), ("Content-Length", str(len(HOME)))
FAILED = "500 Internal Server Error"


def says_anew(*lines: tuple[str, str]) -> Callable[[Any, Any, Any], object]:
    """A first step that fails, and says another head for that."""

    def step(start_response: Any, said: Any, write: Any) -> None:
        try:
            raise KeyError
        except KeyError:
            start_response(FAILED, list(lines), sys.exc_info())

    return step


@pytest.mark.parametrize(
    "step",
    [
        says_anew(TYPE, LENGTH, ("X-Request-Id", "1")), says_anew(LENGTH, TYPE), says_anew(TYPE),
        says_anew(("Content-Type", "application/json"), LENGTH, ("Cache-Control", "public")),
        says_anew(),
        lambda start_response, said, write: write(b""),
        lambda start_response, said, write: write(b"<p>before"),
        lambda start_response, said, write: said.insert(0, ("X-Late", "1")),
        lambda start_response, said, write: said.append(("Cache-Control", "public, max-age=600")),
        lambda start_response, said, write: said.pop(0),
        lambda start_response, said, write: said.clear(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [[], [("X-A", "1")], [("ETag", '"1"')]])
@pytest.mark.parametrize("body", [[HOME], [], [HOME[:9], HOME[9:]]])
@pytest.mark.parametrize("tracks", [False, True])
def test_what_a_page_says_and_writes_with_its_first_step_is_heard(
    step: Callable[[Any, Any, Any], object],
    before: list[tuple[str, str]],
    body: list[bytes],
    tracks: bool,
    data_dir: Path,
    kept: Kept,
) -> None:
    said, written, sent = [*before, TYPE, LENGTH], list[bytes](), list[Any]()

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        if tracks:  # and is no usual page by that
            environ[KEY].track("Product Viewed")

        def start(status: str, headers: Any, *more: Any) -> Any:
            said[:] = headers
            return start_response(status, said, *more)

        def pieces() -> Iterator[bytes]:
            step(start, said, write)
            yield from body

        write = start("200 OK", said)
        return pieces()

    def sending(*head: Any) -> Callable[[bytes], None]:
        sent.append(head)
        return written.append

    environ = dict(DOCUMENT)
    setup_testing_defaults(environ)
    content = b"".join(Server(app, data_dir).app(environ, sending))
    [(status, headers, *more)] = sent  # one start, whatever the step has said
    lines = [(name.lower(), value) for name, value in headers]
    lengths = [value for name, value in lines if name == "content-length"]
    assert (status == FAILED) is bool(more)
    assert {name for name, _ in lines} >= {name.lower() for name, _ in said} - {"content-length"}
    assert ("etag" in dict(lines)) is any(name == "ETag" for name, _ in said)
    assert lengths in ([], [str(len(content))], [LENGTH[1]] if content != HOME else [])
    if any(name == "set-cookie" for name, _ in lines):
        [control] = [value for name, value in lines if name == "cache-control"]
        assert control.endswith("private")
    text = b"".join([*written, content])
    assert re.sub(rb"<meta name=.track-page.*?</script>", b"", text).endswith(b"".join(body))


def test_an_iterator_that_is_over_is_not_stepped_again(data_dir: Path, kept: Kept) -> None:
    class Pieces:
        steps = 0

        def __iter__(self) -> Iterator[bytes]:
            return self

        def __next__(self) -> bytes:
            self.steps += 1
            raise StopIteration if self.steps == 1 else RuntimeError

    server = Server(app_of(Pieces(), [TYPE, ("Content-Length", "0")]), data_dir)
    assert b"".join(server.call(**DOCUMENT)) == b""


@pytest.mark.parametrize(
    "body",
    [
        lambda: iter([HOME]), lambda: iter([HOME[:9], HOME[9:]]), lambda: iter([b"", HOME]),
        lambda: iter([]), lambda: (HOME,), lambda: [HOME[:9], HOME[9:]], lambda: [HOME],
        lambda: FileWrapper(io.BytesIO(HOME)), broken,
    ],
)  # fmt: skip
@pytest.mark.parametrize("content_type", ["text/html", "image/png"])
@pytest.mark.parametrize(
    "more",
    [
        [], [("ETag", '"v"')], [("Set-Cookie", "a=1"), ("Vary", "Cookie"), ("Set-Cookie", "b=2")],
        [("content-length", str(len(HOME)))], [("content-type", "text/plain")],
        [("cache-control", "no-store")],
    ],
)  # fmt: skip
def test_a_usual_page_is_sent_as_any_other(
    body: Callable[[], Any],
    content_type: str,
    more: list[tuple[str, str]],
    tmp_path: Path,
    kept: Kept,
) -> None:
    said = [("Content-Type", content_type), ("Content-Length", str(len(HOME))), *more]

    def app(start_response: Any) -> Any:
        start_response("200 OK", said)
        return body()

    usual, looked = both_ways(app, tmp_path, kept)
    assert usual == looked


DOCUMENT = {"HTTP_SEC_FETCH_DEST": "document"}


@pytest.mark.parametrize("status", ["200 OK", "200 Fine", "200"])
@pytest.mark.parametrize("type_name", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_a_usual_page_may_spell_its_head_as_it_likes(
    data_dir: Path, kept: Kept, status: str, type_name: str
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, [("content-LENGTH", str(len(HOME))), (type_name, "text/html")])
        return iter([HOME])

    server = Server(app, data_dir)
    page = b"".join(server.call(**DOCUMENT))
    said = {name.lower(): value for name, value in server.headers().items()}
    assert b"/m.js" in page
    assert (said["content-length"], said["cache-control"]) == (str(len(page)), "private")
    assert [entry.kind for entry in kept] == ["view"]


def test_of_the_names_of_header_lines_only_so_many_are_kept() -> None:
    for number in range(1000):
        assert SHAPES["Content-Type", f"X-{number}"] == (
            ("content-type", f"x-{number}"), 0, None, True
        )  # fmt: skip
    assert len(SHAPES) <= 256


def test_a_page_that_is_whole_with_its_first_piece_goes_on_step_by_step(
    data_dir: Path, kept: Kept
) -> None:
    steps: list[str] = []

    def pieces() -> Iterator[bytes]:
        try:
            yield HOME
            steps.append("went on")
            track("Sent", user_id="7")
        finally:
            steps.append("closed")
            track("Closed", user_id="7")

    headers = [*HTML, ("Content-Length", str(len(HOME)))]
    body: Any = Server(app_of(pieces(), headers), data_dir).call(**DOCUMENT)
    assert b"/m.js" in next(body)
    assert (steps, [entry.kind for entry in kept]) == ([], ["view"])
    assert list(body) == []
    body.close()
    assert steps == ["went on", "closed"]
    assert wiring.CURRENT.get() is None
    said = [entry.event for entry in kept[1:] if entry.event]
    assert [(each.event, each.user_id, each.context.get("page")) for each in said] == [
        ("Sent", "7", None), ("Closed", "7", None)
    ], "the page is over: what is said now belongs to no request"  # fmt: skip


def test_a_page_whose_client_hung_up_behind_its_whole_is_closed(data_dir: Path) -> None:
    closed: list[bool] = []

    class Page:
        def __iter__(self) -> Iterator[bytes]:
            return iter([HOME])

        def close(self) -> None:
            closed.append(wiring.CURRENT.get() is None)

    headers = [*HTML, ("Content-Length", str(len(HOME)))]
    body: Any = Server(app_of(Page(), headers), data_dir).call(**DOCUMENT)
    body.close()
    assert closed == [True]


def test_a_page_that_fails_with_its_first_piece_is_closed(data_dir: Path) -> None:
    class Page(Closing):
        def __iter__(self) -> Iterator[bytes]:
            return broken()

    page = Page()
    headers = [*HTML, ("Content-Length", str(len(HOME)))]
    with pytest.raises(LookupError, match="in the app"):
        Server(app_of(page, headers), data_dir).call(**DOCUMENT)
    assert page.closed == 1


def test_a_kind_of_list_that_wants_to_be_closed_is_closed(tmp_path: Path) -> None:
    closed: list[bool] = []

    class Rows(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    server = Server(app_of(Rows([HOME]), HTML), tmp_path)
    body = server.call(HTTP_SEC_FETCH_DEST="document")
    assert b"m.js" in b"".join(body)
    body.close()  # type: ignore[attr-defined]
    assert closed == [True]


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_what_a_server_takes_for_bytes_gets_its_tag(tmp_path: Path, kind: Any) -> None:
    for _ in range(2):
        server = Server(app_of([kind(HOME)], HTML), tmp_path, debug=True)
        where = f"/{kind.__name__}"  # the first time nobody knows how its page opens
        body = b"".join(server.call(HTTP_SEC_FETCH_DEST="document", PATH_INFO=where))
        assert body.count(b"track-page") == 1
        assert "Set-Cookie" in server.headers()
