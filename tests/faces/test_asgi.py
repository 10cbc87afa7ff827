"""The ASGI face, message by message: what the server gets, when, and from whom."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.faces.apps import SECRET
from tests.faces.pages import HOME
from track_middleware import wiring
from track_middleware.asgi import TrackMiddleware
from track_middleware.event import Entry

Kept = list[Entry]
Send = Callable[[dict[str, Any]], Awaitable[None]]
HTML = (b"content-type", b"text/html")
NAVIGATION = [(b"host", b"localhost"), (b"sec-fetch-dest", b"document")]


class Server:
    """An ASGI server that writes down what it is sent."""

    def __init__(self, app: Any, data_dir: Path, **settings: Any) -> None:
        given = {"deliver": "worker", "secret_key": SECRET, "data_dir": str(data_dir), **settings}
        self.app = TrackMiddleware(app, **given)
        self.sent: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = [{"type": "http.request"}]
        self.asked = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        return self.received.pop(0) if self.received else {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def scope(self, **more: Any) -> dict[str, Any]:
        return {
            "type": "http", "method": "GET", "path": "/", "query_string": b"", "scheme": "http",
            "headers": [(b"host", b"localhost"), (b"accept", b"text/html")],
            "client": ("127.0.0.1", 1), **more,
        }  # fmt: skip

    async def call(self, **more: Any) -> None:
        await self.app(self.scope(**more), self.receive, self.send)

    def run(self, **more: Any) -> list[dict[str, Any]]:
        asyncio.run(self.call(**more))
        return self.sent

    @property
    def kinds(self) -> list[str]:
        return [message["type"].rpartition(".")[2] for message in self.sent]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


def app_of(*chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = (HTML,)) -> Any:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        for chunk in chunks[:-1]:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": chunks[-1]})

    return app


def with_length(body: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (HTML, (b"content-length", str(len(body)).encode()), (b"etag", b'"v"'))


def test_websockets_and_lifespan_pass_untouched(data_dir: Path) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    server = Server(app, data_dir)
    for kind in ("websocket", "lifespan"):
        scope = {"type": kind}
        asyncio.run(server.app(scope, server.receive, server.send))
        assert seen.pop() == (scope, server.receive, server.send)


def test_a_server_that_looks_sees_an_app_of_asgi_3(data_dir: Path) -> None:
    server = Server(app_of(HOME), data_dir)
    assert inspect.iscoroutinefunction(server.app.__call__)


def test_a_scopes_headers_may_be_of_any_kind(data_dir: Path, kept: Kept) -> None:
    class Pairs:
        def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
            return iter([*NAVIGATION, (b"user-agent", b"Any")])

    server = Server(app_of(HOME), data_dir)
    server.run(headers=Pairs())
    server.run(headers=tuple(Pairs()))
    assert [entry.kind for entry in kept] == ["view", "view"]


def test_a_whole_document_gets_its_new_length(data_dir: Path) -> None:
    server = Server(app_of(HOME, headers=with_length(HOME)), data_dir)
    server.run()
    assert server.headers[b"content-length"] == str(len(server.body)).encode()
    assert server.headers[b"etag"] == b'W/"v"'
    assert server.body.count(b"/m.js") == 1


def test_a_document_with_an_empty_last_message_keeps_a_length_too(data_dir: Path) -> None:
    server = Server(app_of(HOME, b"", headers=with_length(HOME)), data_dir)
    server.run()
    assert server.headers[b"content-length"] == str(len(server.body)).encode()


def test_a_stream_with_a_length_loses_it(data_dir: Path) -> None:
    server = Server(app_of(HOME[:9], HOME[9:], headers=with_length(HOME)), data_dir)
    server.run()
    assert b"content-length" not in server.headers
    assert server.body.count(b"/m.js") == 1


@pytest.mark.parametrize("cut", range(len(HOME) + 1))
def test_a_mark_may_be_cut_in_two_anywhere(data_dir: Path, cut: int) -> None:
    server = Server(app_of(HOME[:cut], HOME[cut:]), data_dir)
    server.run()
    assert b"defer></script></head>" in server.body


def test_a_stream_is_not_held_back(data_dir: Path) -> None:
    counts: list[int] = []

    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [HTML]})
        counts.append(len(server.sent))
        for chunk in (b"<html><head></head>", b"<body>", b"</body>"):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            counts.append(len(server.sent))
        await send({"type": "http.response.body"})

    server = Server(app, data_dir)
    server.run()
    assert counts == [1, 2, 3, 4]


def test_other_messages_pass_in_their_order(data_dir: Path) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await send({"type": "http.response.debug", "info": {}})
        headers = list(with_length(HOME))
        await send(
            {"type": "http.response.start", "status": 200, "headers": headers, "trailers": True}
        )
        await send({"type": "http.response.pathsend", "path": "/etc/hostname"})
        await send({"type": "http.response.trailers", "headers": []})

    server = Server(app, data_dir)
    server.run()
    assert server.kinds == ["debug", "start", "pathsend", "trailers"]
    assert server.sent[1]["trailers"] is True


def test_the_view_is_written_before_the_last_message_is_handed_on(
    data_dir: Path, kept: Kept
) -> None:
    seen: list[int] = []

    class Watching(Server):
        async def send(self, message: dict[str, Any]) -> None:
            await super().send(message)
            seen.append(len(kept))

    Watching(app_of(HOME[:9], HOME[9:]), data_dir).run()
    assert seen == [0, 0, 1]


def test_a_task_after_the_response_is_no_part_of_it(data_dir: Path, kept: Kept) -> None:
    current: list[Any] = []

    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await app_of(HOME)(scope, receive, send)
        exchange = wiring.CURRENT.get()
        current.append(exchange is None or exchange.finished)

    Server(app, data_dir).run()
    assert current == [True]


def test_an_app_that_is_cancelled_in_its_stream_was_served(data_dir: Path, kept: Kept) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [HTML]})
        await send({"type": "http.response.body", "body": HOME, "more_body": True})
        started.set()
        await asyncio.Event().wait()

    started = asyncio.Event()

    async def hang_up() -> None:
        task = asyncio.create_task(Server(app, data_dir).call())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hang_up())
    assert [entry.kind for entry in kept] == ["view"]


def test_an_error_after_the_start_lets_the_start_go_first(data_dir: Path, kept: Kept) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": list(with_length(HOME))}
        )
        raise LookupError("in the app")

    server = Server(app, data_dir)
    with pytest.raises(LookupError, match="in the app"):
        server.run()
    assert server.kinds == ["start"]


def test_several_cookie_headers_are_one(data_dir: Path, kept: Kept) -> None:
    server = Server(app_of(HOME), data_dir)
    server.run()
    lines = [value for name, value in server.sent[0]["headers"] if name == b"set-cookie"]
    values = [(b"cookie", line.split(b";")[0]) for line in lines]
    server.run(headers=[(b"accept", b"text/html"), *values])
    assert len({entry.person.visitor for entry in kept if entry.person}) == 1


@pytest.mark.parametrize("path", ["/shop/cart", "/cart"])
def test_a_mounted_app_has_its_paths_under_its_mount(data_dir: Path, path: str) -> None:
    server = Server(app_of(HOME), data_dir, path="p")
    server.run(root_path="/shop", path=path)
    assert b'src="/shop/p/m.js"' in server.body
    server.sent.clear()
    server.run(root_path="/shop", path=path.replace("cart", "p/m.js"))
    assert server.headers[b"content-type"] == b"text/javascript; charset=utf-8"


def test_an_app_within_an_app_is_tracked_once(data_dir: Path, tmp_path: Path, kept: Kept) -> None:
    inner = TrackMiddleware(app_of(HOME), data_dir=str(tmp_path / "inner"))
    server = Server(inner, data_dir)
    server.run()
    assert server.body.count(b"/m.js") == 1
    assert len(kept) == 1


def test_a_request_body_is_read_to_its_limit_only(data_dir: Path) -> None:
    server = Server(app_of(HOME), data_dir, path="p")
    server.received = [
        {"type": "http.request", "body": b"x" * 30_000, "more_body": True} for _ in range(9)
    ]
    server.run(method="POST", path="/p/q")
    assert (server.asked, server.sent[0]["status"]) == (3, 413)


def test_a_client_that_hangs_up_in_its_beacon_gets_no_answer(data_dir: Path) -> None:
    server = Server(app_of(HOME), data_dir, path="p")
    server.received = [{"type": "http.request", "body": b"{", "more_body": True}]
    assert server.run(method="POST", path="/p/q") == []


def test_after_the_request_nothing_is_left_in_the_context(data_dir: Path, kept: Kept) -> None:
    async def call() -> object:
        await Server(app_of(HOME), data_dir).call()
        return wiring.CURRENT.get()

    assert asyncio.run(call()) is None


def test_a_scope_that_we_cannot_read_goes_to_the_app_as_it_is(data_dir: Path) -> None:
    server = Server(app_of(HOME), data_dir)
    server.run(headers=[(b"host", "no bytes")])
    assert (server.kinds, server.body) == (["start", "body"], HOME)


@pytest.mark.parametrize("is_navigation", [True, False])
def test_a_broken_tracker_leaves_the_page_alone(data_dir: Path, is_navigation: bool) -> None:
    def broken(scope: object) -> str:
        raise RuntimeError("a user_id callable with a mistake")

    server = Server(app_of(HOME, headers=with_length(HOME)), data_dir, user_id=broken)
    server.run(headers=NAVIGATION if is_navigation else NAVIGATION[:1])
    assert (server.kinds, server.body) == (["start", "body"], HOME)
    assert tuple(server.sent[0]["headers"]) == with_length(HOME)


def test_a_tracker_that_breaks_in_development_holds_no_start_back(data_dir: Path) -> None:
    def broken(scope: object) -> str:
        raise RuntimeError("a user_id callable with a mistake")

    page = app_of(HOME, headers=with_length(HOME))
    server = Server(page, data_dir, user_id=broken, debug=True)
    with pytest.raises(RuntimeError, match="with a mistake"):
        server.run(headers=NAVIGATION)
    assert server.kinds == ["start"]


def test_an_exchange_ends_where_the_server_takes_no_more_of_a_broken_page(data_dir: Path) -> None:
    opened: list[Any] = []

    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        opened.append(scope["track_middleware.exchange"])
        await send({"type": "http.response.start", "status": 200, "headers": [*with_length(HOME)]})
        raise LookupError("the app is broken")

    class Gone(Server):
        async def send(self, message: dict[str, Any]) -> None:
            raise OSError("the client is gone")

    with pytest.raises(OSError, match="gone"):
        Gone(app, data_dir).run(headers=NAVIGATION)
    assert opened[0].finished


@pytest.mark.parametrize("length", [(), ((b"content-length", b"%d" % len(HOME)),)])
def test_a_starts_headers_may_be_read_only_once(
    tmp_path: Path, length: tuple[tuple[bytes, bytes], ...]
) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        headers = iter((HTML, *length, (b"x-own", b"1")))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": HOME})

    server = Server(app, tmp_path)
    server.run()
    assert (server.headers[b"x-own"], server.headers[HTML[0]]) == (b"1", HTML[1])
    assert b"/m.js" in server.body


def test_a_start_message_may_be_sent_again(tmp_path: Path) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [HTML]}
    before = repr(start)

    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": HOME})

    Server(app, tmp_path).run()
    assert repr(start) == before


START = {"type": "http.response.start", "status": 200, "headers": [*with_length(HOME)]}
WHOLE = {"type": "http.response.body", "body": HOME}
FILE = {**START, "headers": [(b"content-type", b"image/png"), (b"content-length", b"9")]}


@pytest.mark.parametrize(
    "messages",
    [
        [START, WHOLE],
        [START, {**WHOLE, "more_body": True}, {"type": "http.response.body"}],
        [START, {"type": "http.response.body", "body": HOME[:9], "more_body": True},
         {"type": "http.response.body", "body": HOME[9:]}],
        [START, {"type": "http.response.pathsend", "path": "/tmp/page.html"}],
        [START, {"type": "http.response.debug", "info": {}}, WHOLE],
        [START, None],
        [START],
        [FILE, None],
    ],
)  # fmt: skip
def test_a_usual_page_is_sent_as_any_other(
    messages: list[dict[str, Any] | None], tmp_path: Path, kept: Kept
) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        exchange = scope["track_middleware.exchange"]
        seen.append(exchange.usual is not None)
        assert not looking or exchange.consent  # looking makes it unusual
        for message in messages:
            if message is None:
                raise LookupError("the app is broken")
            await send(message)

    seen, looking = list[bool](), list[bool]()
    server = Server(app_of(HOME), tmp_path)
    server.run(headers=NAVIGATION)
    given = [value for name, value in server.sent[0]["headers"] if name == b"set-cookie"]
    cookies = [value.partition(b";")[0] for value in given]
    headers = [*NAVIGATION, (b"cookie", b"; ".join(cookies))]
    server.run(headers=headers)
    server.app.app, found = app, []
    for _ in range(2):
        server.sent.clear()
        kept.clear()
        with suppress(LookupError):
            server.run(headers=headers)
        text = re.sub(r'content="[^"]+"', "", repr(server.sent))
        found.append((text, [(entry.kind, entry.await_half) for entry in kept]))
        looking.append(True)
    assert seen == [True, True]
    assert found[0] == found[1]


def test_an_extensions_message_between_head_and_body_leaves_the_length_true(
    data_dir: Path,
) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": with_length(HOME)})
        await send({"type": "http.response.push", "path": "/style.css", "headers": []})
        await send({"type": "http.response.body", "body": HOME})

    server = Server(app, data_dir)
    server.run()
    assert server.kinds == ["start", "push", "body"]
    assert b"<script" in server.body
    assert b"content-length" not in server.headers


@pytest.mark.parametrize("kind", [bytearray, memoryview])
@pytest.mark.parametrize("length", [(), ((b"content-length", str(len(HOME)).encode()),)])
def test_what_a_server_takes_for_bytes_gets_its_tag(
    tmp_path: Path, kind: Any, length: tuple[tuple[bytes, bytes], ...]
) -> None:
    app = app_of(kind(HOME), headers=(HTML, *length))
    server = Server(app, tmp_path, debug=True)
    where = f"/{kind.__name__}/{len(length)}"  # nobody knows yet how its page opens
    server.run(headers=NAVIGATION, path=where)
    assert server.body.count(b"track-page") == 1
    assert b"set-cookie" in server.headers


def test_a_start_without_a_body_goes_out(tmp_path: Path) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        headers = [HTML, (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    server = Server(app, tmp_path)
    server.run(headers=NAVIGATION)
    assert server.kinds == ["start"]
    assert server.headers[b"content-length"] == b"0"
