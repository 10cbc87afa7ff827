"""The same small app in every face, behind one way to ask it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import fastapi
import flask
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

import track_middleware.asgi
import track_middleware.starlette
import track_middleware.wsgi
from tests.faces import django_site
from tests.faces.pages import Page, page
from track_middleware.flask import Track

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # webob imports the standard library's cgi
    import webtest

#: What a browser sends with a top-level navigation.
NAVIGATION = {"Accept": "text/html,*/*", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}

SECRET = "a secret that is long enough for tests"


@dataclass(frozen=True)
class Answer:
    """A response as it came: header lines in order, and the body."""

    status: int
    lines: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.lines if key.lower() == name.lower())

    @property
    def cookies(self) -> list[str]:
        return [value for key, value in self.lines if key.lower() == "set-cookie"]


class Site(Protocol):
    """One app of one face; keeps cookies as a browser would."""

    def ask(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] = ..., body: bytes = b""
    ) -> Answer: ...

    def forget(self) -> None: ...


class WSGISite:
    """An app behind WebTest, which checks every call against PEP 3333."""

    def __init__(self, app: Any, **environ: str) -> None:
        self.app = app
        self._client = webtest.TestApp(app, extra_environ=environ)

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] = NAVIGATION,
        body: bytes = b"",
    ) -> Answer:
        got = self._client.request(
            path, method=method, headers=dict(headers), body=body, expect_errors=True
        )
        return Answer(got.status_int, list(got.headers.items()), got.body)

    def forget(self) -> None:
        self._client.reset()


class ASGISite:
    """An app behind httpx, in an event loop of its own per request."""

    def __init__(self, app: Any, root_path: str = "") -> None:
        self.app = app
        self._root_path = root_path
        self._cookies = httpx.Cookies()

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] = NAVIGATION,
        body: bytes = b"",
    ) -> Answer:
        return asyncio.run(self._ask(path, method, headers, body))

    async def _ask(self, path: str, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        sent = [(name, value.encode("latin-1")) for name, value in headers.items()]
        transport = httpx.ASGITransport(self.app, root_path=self._root_path)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", cookies=self._cookies
        ) as client:
            got = await client.request(method, path, headers=sent, content=body)
            self._cookies = client.cookies
        return Answer(got.status_code, got.headers.multi_items(), got.content)

    def forget(self) -> None:
        self._cookies = httpx.Cookies()


def _length(one: Page) -> list[tuple[str, str]]:
    return [] if one.streamed else [("Content-Length", str(len(one.body)))]


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    one = page(environ["PATH_INFO"])
    if one.view:
        one.view()
    typed = [("Content-Type", one.type)] if one.chunks else []
    start_response(f"{one.status} Said", [*typed, *one.headers, *_length(one)])
    return one.stream() if one.streamed else list(one.chunks)


async def asgi_app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> None:
    one = page(scope["path"].removeprefix(scope.get("root_path", "")))
    if one.view:
        one.view()
    pairs = [("content-type", one.type), *one.headers, *_length(one)]
    headers = [(name.lower().encode(), value.encode()) for name, value in pairs]
    await send({"type": "http.response.start", "status": one.status, "headers": headers})
    for chunk in one.stream() if one.streamed else one.chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _wsgi(**settings: Any) -> WSGISite:
    return WSGISite(track_middleware.wsgi.TrackMiddleware(wsgi_app, **settings))


def _asgi(**settings: Any) -> ASGISite:
    return ASGISite(track_middleware.asgi.TrackMiddleware(asgi_app, **settings))


def flask_app(**settings: Any) -> flask.Flask:
    app = flask.Flask("shop", instance_path=settings["data_dir"])
    app.config.update(TRACK=settings, SECRET_KEY=SECRET, PROPAGATE_EXCEPTIONS=True)

    @app.route("/orders/<int:number>/")
    @app.route("/", defaults={"rest": ""}, methods=["GET", "POST"])
    @app.route("/<path:rest>", methods=["GET", "POST"])
    def view(rest: str = "", number: int = 0) -> flask.Response:
        one = page(flask.request.path)
        if one.view:
            one.view()
        body = one.stream() if one.streamed else one.body
        headers = [("Content-Type", one.type), *one.headers]
        return flask.Response(body, one.status, headers)

    Track(app)
    return app


def _flask(**settings: Any) -> WSGISite:
    return WSGISite(flask_app(**settings))


async def _starlette_view(request: Request) -> Response:
    root = request.scope.get("root_path", "")
    one = page(request.url.path.removeprefix(root))
    if one.view:
        one.view()
    headers = dict(one.headers)
    if one.streamed:
        return StreamingResponse(one.stream(), one.status, headers, media_type=one.type)
    if one.chunks:
        headers["Content-Type"] = one.type
    return Response(one.body, one.status, headers)


def _starlette(**settings: Any) -> ASGISite:
    methods = ["GET", "POST"]
    app = Starlette(
        routes=[
            Route("/orders/{number:int}/", _starlette_view),
            Route("/{rest:path}", _starlette_view, methods=methods),
        ]
    )
    app.add_middleware(track_middleware.starlette.TrackMiddleware, **settings)
    return ASGISite(app)


def _fastapi(**settings: Any) -> ASGISite:
    app = fastapi.FastAPI()

    @app.api_route("/{rest:path}", methods=["GET", "HEAD", "POST"])
    @app.get("/orders/{number}/")
    async def view(request: Request) -> Response:
        return await _starlette_view(request)

    app.add_middleware(track_middleware.starlette.TrackMiddleware, **settings)
    return ASGISite(app)


def _django_sync(**settings: Any) -> WSGISite:
    return WSGISite(django_site.wsgi(settings))


def _django_async(**settings: Any) -> ASGISite:
    return ASGISite(django_site.asgi(settings))


FACES: dict[str, Callable[..., Site]] = {
    "wsgi": _wsgi, "asgi": _asgi, "flask": _flask, "starlette": _starlette, "fastapi": _fastapi,
    "django-sync": _django_sync, "django-async": _django_async,
}  # fmt: skip

#: The route template of an order's page, as each framework writes it.
ORDER_ROUTES = {
    "flask": "/orders/<int:number>/",
    "starlette": "/orders/{number}/",
    "fastapi": "/orders/{number}/",
    "django-sync": "/orders/<int:number>/",
    "django-async": "/orders/<int:number>/",
}


def build(face: str, data_dir: Path, **settings: Any) -> Site:
    """The app in a face; ``deliver="worker"`` so that nothing but the spool is written."""
    given = {"data_dir": str(data_dir), "deliver": "worker", "secret_key": SECRET, **settings}
    return FACES[face](**given)
