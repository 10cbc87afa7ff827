"""Our own banner in each framework's templates, and its form in each face."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from tests.faces import django_site
from tests.faces.apps import SECRET, Site
from tests.faces.test_cookies import lines
from track_middleware.event import Entry
from track_middleware.flask import Track
from track_middleware.starlette import TrackMiddleware, track_banner
from track_middleware.tracking.routes import prefix

PREFIX = prefix(SECRET)
FORM = {
    "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Dest": "document", "Referer": "http://localhost/orders?page=2",
}  # fmt: skip


def settings(data_dir: Path) -> dict[str, Any]:
    return {"data_dir": str(data_dir), "deliver": "worker", "secret_key": SECRET}


def test_a_submitted_form_is_a_choice_in_every_face(
    make: Callable[..., Site], kept: list[Entry]
) -> None:
    site = make(consent="opt_in")
    host = site.ask("/").header("host") or "localhost"
    headers = {**FORM, "Referer": f"http://{host}/orders?page=2"}
    body = b"granted=analytics&version=7"
    answer = site.ask(f"/{PREFIX}/c", method="POST", headers=headers, body=body)
    assert answer.status == 303
    names = {line.partition("=")[0] for line in lines(answer)}
    assert names == {"_tm_c", "_tm_v"}
    (entry,) = [each for each in kept if each.kind == "choice"]
    assert entry.consent == {"analytics": "granted", "marketing": "denied"}
    style = site.ask(f"/{PREFIX}/b.css", headers={"Sec-Fetch-Dest": "style"})
    assert (style.status, b"display:none" in style.body) == (200, True)


def test_another_sites_form_is_none_in_every_face(
    make: Callable[..., Site], kept: list[Entry]
) -> None:
    headers = {**FORM, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    body = b"granted=analytics+marketing"
    answer = make().ask(f"/{PREFIX}/c", method="POST", headers=headers, body=body)
    assert (answer.status, answer.cookies, kept) == (403, [], [])


def test_djangos_template_has_it(data_dir: Path) -> None:
    from django.template import Context, Template

    django_site.wsgi(settings(data_dir))
    source = "{% load track_middleware %}{% track_banner text=words accept='Ja' version='2' %}"
    said = Template(source).render(Context({"words": "<Darf>"}))
    assert f'action="/{PREFIX}/c"' in said
    assert "<p>&lt;Darf&gt;</p>" in said
    assert ">Ja</button>" in said
    assert 'value="2"' in said


def test_flasks_template_has_it_under_its_root(data_dir: Path) -> None:
    app = flask.Flask("shop", instance_path=str(data_dir))
    app.config["TRACK"] = settings(data_dir)
    source = "{{ track_banner(text='<Darf>') }}"
    app.add_url_rule("/", view_func=lambda: flask.render_template_string(source))
    Track(app)
    said = app.test_client().get("/", base_url="http://localhost/mount").text
    assert f'action="/mount/{PREFIX}/c"' in said
    assert "<p>&lt;Darf&gt;</p>" in said


def test_starlettes_templates_have_it_also_in_a_mounted_app(data_dir: Path) -> None:
    async def view(request: Request) -> HTMLResponse:
        return HTMLResponse(track_banner(request, text="<Darf>"))

    app = Starlette(routes=[Route("/", view), Mount("/shop", routes=[Route("/", view)])])
    app.add_middleware(TrackMiddleware, **settings(data_dir))

    async def said() -> list[str]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [(await client.get(path)).text for path in ("/", "/shop/")]

    for text in asyncio.run(said()):
        assert f'action="/{PREFIX}/c"' in text
        assert "<p>&lt;Darf&gt;</p>" in text
