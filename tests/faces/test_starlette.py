"""What is Starlette's and FastAPI's own: state, routes under mounts, users, sessions, tasks."""

from __future__ import annotations

import asyncio
import contextvars
from pathlib import Path
from typing import Any

import fastapi
import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.background import BackgroundTask
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from tests.faces.apps import NAVIGATION, SECRET, ASGISite
from tests.faces.pages import HOME
from track_middleware import track
from track_middleware.event import Entry
from track_middleware.starlette import TrackMiddleware

Kept = list[Entry]


async def home(request: Request) -> Response:
    return HTMLResponse(HOME)


@pytest.fixture
def given(data_dir: Path) -> dict[str, Any]:
    return {"data_dir": str(data_dir), "deliver": "worker", "secret_key": SECRET}


def routes(kept: Kept) -> list[str | None]:
    return [
        entry.event.context["page"].get("route")
        for entry in kept
        if entry.kind == "view" and entry.event
    ]


def test_request_state_track_is_the_exchange(given: dict[str, Any]) -> None:
    async def me(request: Request) -> Response:
        return PlainTextResponse(request.state.track.anonymous_id)

    app = Starlette(routes=[Route("/", me)])
    app.add_middleware(TrackMiddleware, **given)
    assert len(ASGISite(app).ask("/").body) == 36


def test_a_route_under_mounts_is_named_in_full(given: dict[str, Any], kept: Kept) -> None:
    inner = [Route("/items/{item}", home)]
    app = Starlette(
        routes=[
            Mount("/static", routes=[Route("/x", home)]),
            Mount("/{tenant}/shop", routes=[Mount("/v1", app=Starlette(routes=inner))]),
            Route("/", home),
        ]
    )
    app.add_middleware(TrackMiddleware, **given)
    site = ASGISite(app)
    for path in ("/acme/shop/v1/items/7", "/", "/nowhere"):
        site.ask(path)
    assert routes(kept) == ["/{tenant}/shop/v1/items/{item}", "/"]


def test_a_route_of_an_included_router_is_named_with_its_prefix(
    given: dict[str, Any], kept: Kept
) -> None:
    router = fastapi.APIRouter(prefix="/items")
    router.add_api_route("/{item}", lambda item: fastapi.Response(HOME, media_type="text/html"))
    app = fastapi.FastAPI()
    app.include_router(router, prefix="/api")
    app.add_middleware(TrackMiddleware, **given)
    ASGISite(app).ask("/api/items/7")
    assert routes(kept) == ["/api/items/{item}"]


class Backend(AuthenticationBackend):
    """Knows whoever says a name."""

    async def authenticate(self, conn: HTTPConnection) -> Any:
        name = conn.headers.get("x-name")
        return (AuthCredentials(), SimpleUser(name)) if name else None


@pytest.mark.parametrize("is_inside", [True, False])
def test_the_user_of_the_authentication_middleware_is_looked_at(
    given: dict[str, Any], kept: Kept, is_inside: bool
) -> None:
    app = Starlette(routes=[Route("/", home)])
    if is_inside:
        app.add_middleware(TrackMiddleware, **given)
    app.add_middleware(AuthenticationMiddleware, backend=Backend())
    if not is_inside:
        app.add_middleware(TrackMiddleware, **given)
    site = ASGISite(app)
    site.ask("/", headers={**NAVIGATION, "X-Name": "ann"})
    site.ask("/")
    views = [entry.event for entry in kept if entry.kind == "view"]
    assert [event.user_id for event in views if event] == ["ann", None]


def test_a_new_campaign_is_mirrored_into_a_session_that_is_there(given: dict[str, Any]) -> None:
    async def begin(request: Request) -> Response:
        request.session["mine"] = 1
        return HTMLResponse(HOME)

    async def read(request: Request) -> Response:
        return JSONResponse(dict(request.session))

    app = Starlette(routes=[Route("/", home), Route("/begin", begin), Route("/read", read)])
    app.add_middleware(TrackMiddleware, **given)
    app.add_middleware(SessionMiddleware, secret_key=SECRET)
    site = ASGISite(app)
    assert "session=" not in str(site.ask("/?utm_source=a").cookies)
    site.ask("/begin")
    site.ask("/?utm_source=b")
    assert b'"track_campaign":{"source":"b"}' in site.ask("/read").body


def test_a_background_task_is_anywhere_else(given: dict[str, Any], kept: Kept) -> None:
    async def view(request: Request) -> Response:
        return HTMLResponse(HOME, background=BackgroundTask(track, "Mail Sent", user_id="42"))

    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(TrackMiddleware, **given)
    ASGISite(app).ask("/")
    page, mail = (entry.event for entry in kept)
    assert page is not None
    assert mail is not None
    assert (page.label, mail.label) == ("Page", "Mail Sent")
    assert mail.context != page.context


@pytest.mark.parametrize("is_inside", [True, False])
def test_a_base_http_middleware_beside_ours_changes_nothing(
    given: dict[str, Any], kept: Kept, is_inside: bool
) -> None:
    async def dispatch(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        return response

    async def view(request: Request) -> Response:
        track("Seen")
        return HTMLResponse(HOME)

    app = Starlette(routes=[Route("/", view)])
    if is_inside:
        app.add_middleware(TrackMiddleware, **given)
    app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    if not is_inside:
        app.add_middleware(TrackMiddleware, **given)
    answer = ASGISite(app).ask("/")
    assert answer.body.count(b"/m.js") == 1
    assert answer.header("Content-Length") == str(len(answer.body))
    assert len({entry.event.anonymous_id for entry in kept if entry.event}) == 1


def test_a_sync_view_in_its_thread_has_the_exchange(given: dict[str, Any], kept: Kept) -> None:
    def view(request: Request) -> Response:
        track("Seen")
        return HTMLResponse(HOME)

    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(TrackMiddleware, **given)
    ASGISite(app).ask("/")
    assert len({entry.event.anonymous_id for entry in kept if entry.event}) == 1


@pytest.fixture
def own_users() -> type[SimpleUser]:
    class WithIdentity(SimpleUser):
        @property
        def identity(self) -> str:
            return f"id-{self.username}"

    return WithIdentity


def test_a_users_identity_is_its_id(
    given: dict[str, Any], kept: Kept, own_users: type[SimpleUser]
) -> None:
    async def view(request: Request) -> Response:
        request.scope["user"] = own_users("ann")
        return HTMLResponse(HOME)

    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(TrackMiddleware, **given)
    ASGISite(app).ask("/")
    assert {entry.event.user_id for entry in kept if entry.kind == "view" and entry.event} == {
        "id-ann"
    }


def test_requests_of_one_connection_that_share_a_state_keep_their_exchanges(
    given: dict[str, Any],
) -> None:
    seen: list[str | None] = []

    async def page(request: Request) -> Response:
        if request.url.path == "/first":
            await asyncio.create_task(ask("/second"), context=contextvars.Context())
        seen.append(request.state.track.anonymous_id)
        seen.append(request.scope["track_middleware.exchange"].anonymous_id)
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/{name}", page)])
    app.add_middleware(TrackMiddleware, **given)
    state: dict[str, Any] = {}

    async def ask(path: str) -> None:
        headers = [(b"host", b"shop"), (b"sec-fetch-dest", b"document")]
        scope = {
            "type": "http", "method": "GET", "path": path, "query_string": b"", "scheme": "http",
            "headers": headers, "state": state,
        }  # fmt: skip
        await app(scope, _nothing, _ignored)

    asyncio.run(ask("/first"))
    assert seen[0] == seen[1] != seen[2] == seen[3]


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request"}


async def _ignored(message: Any) -> None:
    pass
