"""The recipes of docs/privacy.md, at the socket of every framework: each keeps what it promises."""

from __future__ import annotations

import ast
import contextlib
import http.client
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from tests.faces.apps import NAVIGATION
from tests.faces.standing import standing
from tests.programs import ROOT
from track_middleware.delivery.worker import Worker
from track_middleware.destinations import Answer, Call
from track_middleware.reading import load

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty", "User-Agent": AGENT}

STANDS = [
    pytest.param(server, face, id=face, marks=pytest.mark.needs(server))
    for server, face in (
        ("gunicorn", "flask"),
        ("gunicorn", "django-sync"),
        ("uvicorn", "fastapi"),
    )
]


def recipes() -> dict[str, dict[str, Any]]:
    """The settings of each recipe, by the first word of its heading."""
    page = (ROOT / "docs" / "privacy.md").read_text().partition("## Recipes")[2]
    found = re.findall(r"^### (\w+)[^\n]*\n+```python\nTRACK = (.*?)^```", page, re.M | re.S)
    return {name: _value(ast.parse(text.strip(), mode="eval").body) for name, text in found}


def _value(node: ast.expr) -> Any:
    """A literal, in which one number times another may stand."""
    if isinstance(node, ast.Dict):
        return {_value(k): _value(v) for k, v in zip(node.keys, node.values, strict=True) if k}
    if isinstance(node, ast.BinOp):
        return _value(node.left) * _value(node.right)
    return ast.literal_eval(node)


RECIPES = recipes()


@dataclass
class Visitor:
    """A browser that keeps the cookies of one host."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    prefix: str = ""

    def ask(
        self, method: str, path: str, body: bytes | None = None, **sent: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {"User-Agent": AGENT, **self.headers, **sent}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        for line in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return response, content

    def visit(self, path: str) -> str:
        """Opens a page; its document."""
        response, content = self.ask("GET", path, **NAVIGATION)
        assert response.status == 200
        document = content.decode()
        self.prefix = document.split('<script src="')[1].split("/m.js")[0]
        return document

    def choose(self, **purposes: bool) -> None:
        body = json.dumps(purposes).encode()
        response, _ = self.ask("POST", f"{self.prefix}/c", body, **SAME_ORIGIN)
        assert response.status == 200


@dataclass
class Stand:
    """A recipe's site behind a real server, and what its destinations got."""

    port: int
    data_dir: Path
    settings: dict[str, Any]

    def visitor(self, **headers: str) -> Visitor:
        return Visitor(self.port, {name.replace("_", "-"): each for name, each in headers.items()})

    def delivered(self) -> dict[str, list[dict[str, Any]]]:
        """What each destination gets of all that was accepted since it was asked last."""
        got: dict[str, list[dict[str, Any]]] = {}

        def take(call: Call) -> Answer:
            host = call.url.split("/")[2].partition(".")[0]
            got.setdefault(host, []).extend(json.loads(call.body)["batch"])
            return Answer(200)

        given = {**self.settings, "data_dir": str(self.data_dir)}
        worker = Worker(load(given, {}), data_dir=self.data_dir, transport=take)
        worker.once()
        worker.close()
        return got


@pytest.fixture
def stand(
    stands: subprocess.Popen[str], face: tuple[str, str], data_dir: Path
) -> Iterator[Callable[[str], Stand]]:
    """Starts a recipe's site in a face."""
    with contextlib.ExitStack() as running:

        def start(recipe: str) -> Stand:
            settings = RECIPES[recipe]
            port = running.enter_context(standing(stands, *face, data_dir, **settings))
            return Stand(port, data_dir, settings)

        yield start


@pytest.fixture(params=[pytest.param(each.values, id=each.id, marks=each.marks) for each in STANDS])
def face(request: pytest.FixtureRequest) -> tuple[str, str]:
    server, name = request.param
    return server, name


def paths(events: list[dict[str, Any]]) -> list[str]:
    return [each["context"]["page"]["path"] for each in events if each["type"] == "page"]


def test_the_page_has_three_recipes() -> None:
    assert [*RECIPES] == ["EU", "US", "Counting"]


def test_eu_nothing_before_a_yes(stand: Callable[[str], Stand]) -> None:
    here = stand("EU")
    ann = here.visitor()
    document = ann.visit("/before")
    assert ann.cookies == {}
    assert "<meta" not in document
    assert here.delivered() == {}
    ann.choose(analytics=True)
    ann.visit("/analytics")
    ann.choose(marketing=True)
    ann.visit("/both")
    assert {"_tm_v", "_tm_s", "_tm_c"} == ann.cookies.keys()
    got = here.delivered()
    assert paths(got["warehouse"]) == ["/analytics", "/both"]
    assert paths(got["ads"]) == ["/both"]
    assert all("ip" not in each["context"] for each in got["ads"])
    pages = [each for each in got["warehouse"] if each["type"] == "page"]
    assert {each["context"]["ip"] for each in pages} == {"127.0.0.0"}
    for said in ("Sec-GPC", "DNT"):  # a browser's no stands over a yes
        ben = here.visitor()
        ben.visit("/yes")
        ben.choose(analytics=True, marketing=True)
        assert "_tm_v" in ben.cookies
        ben.headers[said] = "1"
        ben.visit("/quiet")
        assert "_tm_v" not in ben.cookies
    ann.choose(analytics=False, marketing=False)
    ann.visit("/after")
    assert ann.cookies.keys() == {"_tm_c"}
    late = str(here.delivered())
    assert "/after" not in late
    assert "/quiet" not in late


def test_us_on_until_a_no_and_gpc_is_one(stand: Callable[[str], Stand]) -> None:
    here = stand("US")
    ann, ben = here.visitor(), here.visitor(Sec_GPC="1")
    ann.visit("/ann")
    ben.visit("/ben")
    assert "_tm_v" in ann.cookies
    got = here.delivered()
    assert sorted(paths(got["warehouse"])) == ["/ann", "/ben"]
    assert paths(got["ads"]) == ["/ann"]
    response, content = ann.ask("GET", "/.well-known/gpc.json")
    assert (response.status, json.loads(content)["gpc"]) == (200, True)
    ann.choose(marketing=False)
    ann.visit("/no-ads")
    ann.choose(analytics=False)
    ann.visit("/nothing")
    got = here.delivered()
    assert paths(got["warehouse"]) == ["/no-ads"]
    assert paths(got.get("ads", [])) == []
    assert ann.cookies.keys() == {"_tm_c"}


def test_counting_without_cookies_and_nothing_else(stand: Callable[[str], Stand]) -> None:
    here = stand("Counting")
    ann, ben = here.visitor(), here.visitor(Sec_GPC="1")
    ann.visit("/ann")
    ann.visit("/again")
    ben.visit("/ben")
    assert (ann.cookies, ben.cookies) == ({}, {})
    events = here.delivered()["warehouse"]
    assert sorted(paths(events)) == ["/again", "/ann"]
    assert len({each["anonymousId"] for each in events}) == 1
    for each in events:
        assert each["context"]["cookieless"] is True
        assert "ip" not in each["context"]
        assert "userId" not in each
