"""The same small page in every framework, bare and tracked, called without a socket."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = b"<!doctype html><html><head><title>Shop</title></head><body>" + b"<p>a product</p>" * 120
PAGE += b"</body></html>"

AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
HEADERS = {
    "Host": "shop.example",
    "User-Agent": AGENT,
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    "Accept-Language": "de-DE,de;q=0.9,en;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-User": "?1",
    "Upgrade-Insecure-Requests": "1",
    "Sec-CH-UA": '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
    "Sec-CH-UA-Mobile": "?0",
    "Sec-CH-UA-Platform": '"Windows"',
}
CAMPAIGN = "utm_source=google&utm_medium=cpc&utm_campaign=spring&gclid=Cj0KCQjw_abcDEF-123"

#: The query by which somebody consents, where they are asked.
GRANT = "grant"

Call = Callable[["Visit"], list[str]]

#: What every app also does in a request: nothing, or the floor.
BESIDE: list[Callable[[], object]] = []


def page() -> bytes:
    """The page, after whatever the app does beside it."""
    for step in BESIDE:
        step()
    return PAGE


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: raw query and cookies."""

    query: str
    cookie: str

    @classmethod
    def first(cls) -> Visit:
        """Nobody's first visit, from an advertisement."""
        return cls(CAMPAIGN, "csrftoken=Zx81kQ2nP0")

    @classmethod
    def returning(cls, call: Call) -> Visit:
        """The visit after that: with the cookies that the first one was given, or the choice that
        followed it where there is none without."""
        lines = call(cls.first()) or call(cls(GRANT, ""))
        pairs = [line.partition(";")[0].strip() for line in lines]
        return cls("", "; ".join(["csrftoken=Zx81kQ2nP0", *pairs]))


@dataclass(frozen=True, slots=True)
class Face:
    """One framework's app; both calls return the Set-Cookie lines of the response."""

    bare: Call
    ours: Call
    data_dir: Path


def _settings(data_dir: Path) -> dict[str, Any]:
    return {"data_dir": str(data_dir), "deliver": "worker", "secret_key": "bench"}


# WSGI


def _environ(visit: Visit) -> dict[str, Any]:
    names = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in HEADERS.items()}
    return {
        **names, "HTTP_COOKIE": visit.cookie, "REQUEST_METHOD": "GET", "SCRIPT_NAME": "",
        "PATH_INFO": "/products/7/", "QUERY_STRING": visit.query, "SERVER_NAME": "shop.example",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "203.0.113.7",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(), "wsgi.multithread": True, "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }  # fmt: skip


def _called(app: Any) -> Call:
    environs: dict[Visit, dict[str, Any]] = {}

    def call(visit: Visit) -> list[str]:
        environ = environs.get(visit)
        if environ is None:
            environ = environs[visit] = _environ(visit)
        given: list[tuple[str, str]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            given[:] = headers

        body = app({**environ}, start_response)
        for _ in body:
            pass
        if hasattr(body, "close"):
            body.close()
        return [value for name, value in given if name == "Set-Cookie"]

    return call


def wsgi(data_dir: Path, **settings: Any) -> Face:
    """A bare WSGI app; ``settings`` beside the usual ones."""
    from track_middleware.wsgi import TrackMiddleware

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        length = str(len(PAGE))
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", length)])
        return [page()]

    tracked = TrackMiddleware(app, **_settings(data_dir) | settings)
    return Face(_called(app), _called(tracked), data_dir)


def asked(data_dir: Path) -> Face:
    """A WSGI app that asks for consent and counts without cookies before, whose cookies are the
    whole domain's, and which says who its users are; all of them are signed in. A first visit there
    is one before the choice: without cookies, session and token."""
    from track_middleware.wsgi import KEY, TrackMiddleware

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["QUERY_STRING"] == GRANT:
            environ[KEY].set_consent({"analytics": True, "marketing": True}, version="1")
        length = str(len(PAGE))
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", length)])
        return [page()]

    tracked = TrackMiddleware(
        app, **_settings(data_dir), consent="opt_in", cookieless=True, cookie_domain="auto",
        respect_gpc="all", user_id="benchmarks.faces.user",
    )  # fmt: skip
    return Face(_called(app), _called(tracked), data_dir)


def user(_: object) -> str:
    """Who is signed in."""
    return "42"


def flask(data_dir: Path) -> Face:
    """A Flask app with one rule."""
    from flask import Flask

    from track_middleware.flask import Track

    def make() -> Flask:
        app = Flask("bench")
        app.add_url_rule("/products/<int:number>/", view_func=_flask_page)
        return app

    tracked = make()
    tracked.config["TRACK"] = _settings(data_dir)
    Track(tracked)
    return Face(_called(make()), _called(tracked), data_dir)


def _flask_page(number: int) -> bytes:
    return page()


# Django: one process has one configuration, so the middleware is switched in the handler.


def _configured_django(data_dir: Path) -> Path:
    """The data folder of this process's Django, which is configured once."""
    import django
    from django.conf import settings

    if settings.configured:
        return Path(settings.TRACK["data_dir"])
    settings.configure(
        SECRET_KEY="bench",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="benchmarks.urls",
        INSTALLED_APPS=["track_middleware.django"],
        DATABASES={},
        BASE_DIR=data_dir,
        LOGGING_CONFIG=None,
        TRACK=_settings(data_dir),
    )
    django.setup()
    return data_dir


def _django_handler(handler: type, middleware: list[str]) -> Any:
    from django.test import override_settings

    with override_settings(MIDDLEWARE=middleware):
        return handler()


TRACKED = ["track_middleware.django.TrackMiddleware"]


def django_sync(data_dir: Path) -> Face:
    """Django behind WSGI."""
    data_dir = _configured_django(data_dir)
    from django.core.handlers.wsgi import WSGIHandler

    bare, ours = (_django_handler(WSGIHandler, each) for each in ([], TRACKED))
    return Face(_called(bare), _called(ours), data_dir)


def django_async(data_dir: Path) -> Face:
    """Django's async view behind ASGI. Django closes each request in a thread of its own."""
    data_dir = _configured_django(data_dir)
    from django.core.handlers.asgi import ASGIHandler

    loop = asyncio.new_event_loop()
    bare, ours = (_django_handler(ASGIHandler, each) for each in ([], TRACKED))
    path = "/products/7/async/"
    return Face(_awaited(bare, loop, path), _awaited(ours, loop, path), data_dir)


# ASGI


def _scope(visit: Visit, path: str) -> dict[str, Any]:
    pairs = [(n.lower().encode(), v.encode()) for n, v in HEADERS.items()]
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
        "method": "GET", "scheme": "http", "path": path, "raw_path": path.encode(),
        "query_string": visit.query.encode(), "root_path": "", "client": ("203.0.113.7", 40000),
        "headers": [*pairs, (b"cookie", visit.cookie.encode())], "server": ("shop.example", 80),
        "state": {},
    }  # fmt: skip


def _awaited(app: Any, loop: asyncio.AbstractEventLoop | None, path: str) -> Call:
    scopes: dict[Visit, dict[str, Any]] = {}

    async def waiting() -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    def call(visit: Visit) -> list[str]:
        scope = scopes.get(visit)
        if scope is None:
            scope = scopes[visit] = _scope(visit, path)
        messages: list[dict[str, Any]] = []
        asked: list[bool] = []

        async def receive() -> dict[str, Any]:
            if asked:
                return await waiting()
            asked.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        running = app({**scope, "state": {}}, receive, send)
        if loop is None:
            _driven(running)
        else:
            loop.run_until_complete(running)
        pairs = messages[0]["headers"]
        return [value.decode() for name, value in pairs if name.lower() == b"set-cookie"]

    return call


def _driven(running: Any) -> None:
    """Runs a coroutine that never waits, without an event loop around it."""
    try:
        running.send(None)
    except StopIteration:
        return
    raise RuntimeError("the app waited for something")


def asgi(data_dir: Path) -> Face:
    """A bare ASGI app."""
    from track_middleware.asgi import TrackMiddleware

    start = {
        "type": "http.response.start", "status": 200,
        "headers": [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(PAGE))],
    }  # fmt: skip

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": page()})

    path = "/products/7/"
    tracked = TrackMiddleware(app, **_settings(data_dir))
    return Face(_awaited(app, None, path), _awaited(tracked, None, path), data_dir)


def starlette(data_dir: Path) -> Face:
    """A Starlette app with one route."""
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    from track_middleware.starlette import TrackMiddleware

    async def view(request: Any) -> HTMLResponse:
        return HTMLResponse(page())

    def make() -> Starlette:
        return Starlette(routes=[Route("/products/{number:int}/", view)])

    tracked = make()
    tracked.add_middleware(TrackMiddleware, **_settings(data_dir))
    path = "/products/7/"
    return Face(_awaited(make(), None, path), _awaited(tracked, None, path), data_dir)


FACES: dict[str, Callable[[Path], Face]] = {
    "asgi": asgi,
    "wsgi": wsgi,
    "asked": asked,
    "starlette": starlette,
    "flask": flask,
    "django": django_sync,
    "django-async": django_async,
}
