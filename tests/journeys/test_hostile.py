"""Bad input, at both kinds of door: the host's answer is unchanged, nothing is a 5xx."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from track_middleware.asgi import TrackMiddleware as AsgiMiddleware
from track_middleware.delivery import segments
from track_middleware.event import decode_entry
from track_middleware.wsgi import TrackMiddleware as WsgiMiddleware

PAGE = b"<html><head></head><body>hello</body></html>"
NAMES = ["cookie", "user-agent", "referer", "accept-language", "x-forwarded-for", "sec-gpc",
         "sec-purpose", "if-none-match", "origin", "accept", "sec-fetch-dest", "host",
         "content-type", "cf-ipcountry"]  # fmt: skip

header_bytes = st.one_of(
    st.binary(max_size=80),
    st.sampled_from([
        b"document", b"text/html", b"_tm_v=; _tm_s==; _tm_c=.", b"_tm_v=W10.AAAA; _tm_v=W10.AAAA",
        b'_tm_v="\xff\xfe"', b"_tm_c=" + b"x" * 5000, b"a=" + b"b" * 20_000, b"http://[::1",
        b"http://u:p@h/?token=" + b"%" * 50, b"1.2.3.4, [::1]:80, \x00", b"\xe2\x82", b"null",
    ]),
)  # fmt: skip
headers = st.dictionaries(st.sampled_from(NAMES), header_bytes, max_size=8)
queries = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"utm_source=" + b"x" * 100_000, b"&".join([b"gclid=%ff"] * 20_000),
                     b"utm_%00=1&utm_=2&=3", b"token=%zz&%74oken=1", b"utm_source=%F0%9F"]),
)  # fmt: skip
paths = st.one_of(st.binary(max_size=40), st.just(b"\xff\xfe/%00"), st.just(b"//evil.example/"))
methods = st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "BREW"])

Answer = tuple[int, list[tuple[str, str]], bytes]

relaxed = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html"), ("Set-Cookie", "own=1")])
    return [PAGE]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    pairs = [(b"content-type", b"text/html"), (b"set-cookie", b"own=1")]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})
    await send({"type": "http.response.body", "body": PAGE})


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {
        "data_dir": str(tmp_path_factory.mktemp("hostile")), "deliver": "worker", "debug": True,
        "secret_key": "k", "path": "own", "trusted_proxies": 1, "merge_window": 0.0,
    }  # fmt: skip


@pytest.fixture(scope="module")
def wsgi(options: dict[str, Any]) -> WsgiMiddleware:
    return WsgiMiddleware(wsgi_app, **options)


@pytest.fixture(scope="module")
def asgi(options: dict[str, Any]) -> AsgiMiddleware:
    return AsgiMiddleware(asgi_app, **options)


def call_wsgi(
    app: Any, method: str, path: bytes, query: bytes, sent: dict[str, bytes], body: bytes = b""
) -> Answer:
    """One call as a server makes it: every byte as latin-1 (PEP 3333)."""
    given: list[Any] = []
    environ = {
        f"HTTP_{name.upper().replace('-', '_')}": v.decode("latin-1") for name, v in sent.items()
    }
    environ |= {
        "REQUEST_METHOD": method, "PATH_INFO": "/" + path.decode("latin-1"), "SCRIPT_NAME": "",
        "QUERY_STRING": query.decode("latin-1"), "SERVER_NAME": "h", "SERVER_PORT": "80",
        "wsgi.url_scheme": "http", "REMOTE_ADDR": "203.0.113.9", "CONTENT_LENGTH": str(len(body)),
    }  # fmt: skip
    environ["wsgi.input"] = io.BytesIO(body)  # type: ignore[assignment]
    pieces = app(environ, lambda status, pairs, exc=None: given.extend((status, pairs)))
    whole = b"".join(pieces)
    if hasattr(pieces, "close"):
        pieces.close()
    return int(given[0][:3]), given[1], whole


def call_asgi(
    app: Any, method: str, path: bytes, query: bytes, sent: dict[str, bytes], body: bytes = b""
) -> Answer:
    """One call as a server makes it."""
    messages: list[Any] = []
    scope = {
        "type": "http", "method": method, "path": "/" + path.decode("utf-8", "replace"),
        "query_string": query, "headers": [(n.encode(), v) for n, v in sent.items()],
        "scheme": "http", "root_path": "", "client": ("203.0.113.9", 1), "server": ("h", 80),
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    pairs = [(name.decode(), value.decode("latin-1")) for name, value in messages[0]["headers"]]
    return messages[0]["status"], pairs, b"".join(each.get("body", b"") for each in messages[1:])


def untagged(body: bytes) -> bytes:
    """The body without the tag."""
    before, tag, rest = body.partition(b'<meta name="track-page"')
    if not tag:
        before, tag, rest = body.partition(b"<script src=")
    return before + rest.partition(b"</script>")[2] if tag else body


def assert_is_the_hosts(answer: Answer) -> None:
    status, pairs, body = answer
    assert status == 200
    assert untagged(body) == PAGE
    kept = [(name.lower(), value) for name, value in pairs if "_tm_" not in value]
    assert ("content-type", "text/html") in kept
    assert ("set-cookie", "own=1") in kept


@relaxed
@given(method=methods, path=paths, query=queries, sent=headers)
def test_a_wsgi_host_answers_as_if_we_were_not_there(
    wsgi: WsgiMiddleware, method: str, path: bytes, query: bytes, sent: dict[str, bytes]
) -> None:
    assert_is_the_hosts(call_wsgi(wsgi, method, path, query, sent))


@relaxed
@given(method=methods, path=paths, query=queries, sent=headers)
def test_an_asgi_host_answers_as_if_we_were_not_there(
    asgi: AsgiMiddleware, method: str, path: bytes, query: bytes, sent: dict[str, bytes]
) -> None:
    assert_is_the_hosts(call_asgi(asgi, method, path, query, sent))


@relaxed
@given(
    rest=st.sampled_from([b"q", b"c", b"m.js", b"", b"x", b"v1/t", b"\xff", b"q/../c"]),
    method=methods, query=queries, sent=headers,
    body=st.binary(max_size=200) | st.sampled_from([b"{" * 70_000, b'{"v":1,"events":[{}]}']),
)  # fmt: skip
def test_our_own_paths_answer_4xx_with_a_reason_at_worst(
    wsgi: WsgiMiddleware, asgi: AsgiMiddleware,
    rest: bytes, method: str, query: bytes, sent: dict[str, bytes], body: bytes,
) -> None:  # fmt: skip
    for call, app in ((call_wsgi, wsgi), (call_asgi, asgi)):
        status, _, answer = call(app, method, b"own/" + rest, query, sent, body)
        assert 200 <= status < 500
        if status >= 400 and method != "HEAD":
            assert b"error" in answer
        assert len(body) < 20 or body[:40] not in answer


@pytest.fixture(scope="module", autouse=True)
def everything_spooled_is_readable(options: dict[str, Any]) -> Iterator[None]:
    """After all of that, every frame in the spool is a whole entry."""
    yield
    frames = 0
    with segments.open_all(Path(options["data_dir"])) as found:
        for segment in found:
            offset = 0
            while True:
                reading = segment.read(offset, 1000)
                assert reading.torn == 0
                if reading.offset == offset:
                    break
                for frame in reading.frames:
                    decode_entry(frame)
                    frames += 1
                offset = reading.offset
    assert frames
