"""The documents keep up with the source, and what they show works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import track_middleware
from docs.generate import settings_page
from track_middleware.cli import VERBS
from track_middleware.delivery.counters import REASONS
from track_middleware.destinations.registry import BUILT_IN
from track_middleware.settings import NAMES, OPTIONS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

#: A data folder that an app has written to.
FIRST_EVENT = "from track_middleware import track; assert track('Installed', user_id='42')"

#: What stands around a README block to run it, by the heading that it stands under.
VISIT = """
from track_middleware.testing import captured_events
BROWSER = {"sec-fetch-dest": "document", "accept": "text/html"}
with captured_events() as events:
    status, body = visit()
assert status == 200 and "/m.js" in body, body
assert [event.label for event in events] == ["Page"], events
"""
AROUND = {
    "Django": (
        """
import os
from django.conf import settings
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware",
              "django.middleware.common.CommonMiddleware"]
""",
        """
import django
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("<html><head></head></html>"))]
settings.configure(INSTALLED_APPS=INSTALLED_APPS, MIDDLEWARE=MIDDLEWARE, USE_TZ=True,
                   SECRET_KEY="a test's own secret key", TRACK=TRACK,
                   ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
django.setup()
call_command("check")
def visit():
    answer = Client(headers=BROWSER).get("/")
    return answer.status_code, answer.content.decode()
"""
        + VISIT,
    ),
    "Flask": (
        """
from flask import Flask
app = Flask(__name__)
app.add_url_rule("/", view_func=lambda: "<html><head></head></html>")
""",
        """
def visit():
    answer = app.test_client().get("/", headers=BROWSER)
    return answer.status_code, answer.text
"""
        + VISIT,
    ),
    "Starlette and FastAPI": (
        """
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
app = FastAPI()
app.get("/", response_class=HTMLResponse)(lambda: "<html><head></head></html>")
""",
        """
from fastapi.testclient import TestClient
def visit():
    answer = TestClient(app).get("/", headers=BROWSER)
    return answer.status_code, answer.text
"""
        + VISIT,
    ),
    "Any WSGI or ASGI app": (
        """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<html><head></head></html>"]
""",
        """
from werkzeug.test import Client
def visit():
    answer = Client(app).get("/", headers=BROWSER)
    return answer.status_code, answer.text
"""
        + VISIT,
    ),
    "Key metrics": (
        """
from track_middleware import configure
from track_middleware.testing import captured_events
configure()
capturing = captured_events()
events = capturing.__enter__()
""",
        """
assert [event.label for event in events] == ["Order Completed", "Invoice Paid"]
assert events[1].message_id == "invoice-7"
""",
    ),
    "In your tests": (
        "",
        """
from werkzeug.test import Client
from track_middleware import track
from track_middleware.testing import captured_events
from track_middleware.wsgi import TrackMiddleware
def app(environ, start_response):
    track("Order Completed")
    start_response("200 OK", [])
    return []
with captured_events() as events:
    test_checkout_is_counted_once(Client(TrackMiddleware(app)), events)

""",
    ),
}


def blocks(document: str, language: str) -> list[tuple[str, str]]:
    """The code blocks of one language, each with the heading that it stands under."""
    found, heading = [], ""
    for part in re.finditer(r"^#+ ([^\n]+)$|^```(\w*)\n(.*?)^```$", document, re.M | re.S):
        if part[1]:
            heading = part[1]
        elif part[2] == language:
            found.append((heading, part[3]))
    return found


def environment(folder: Path) -> dict[str, str]:
    """Events go to a folder of this test's, and nowhere from there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACK_")}
    return kept | {"TRACK_DATA_DIR": str(folder / "track"), "TRACK_DELIVER": "worker"}


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(("heading", "block"), blocks(README, "python"))
def test_a_python_block_of_the_readme_works(heading, block, tmp_path):
    before, after = AROUND[heading]
    ended = run([sys.executable, "-W", "error", "-c", before + block + after], tmp_path)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        line.partition("#")[0].strip()
        for _, block in blocks(README, "sh")
        for line in block.splitlines()
    ],
)
def test_a_command_of_the_readme_works(command, tmp_path):
    words = shlex.split(command)
    if words[0] == "pip":
        assert words[-1].partition("[")[2].rstrip("]") in (ROOT / "pyproject.toml").read_text()
    elif words[0] == "make":
        assert run(["make", "-C", str(ROOT), "-n", words[1]], tmp_path).returncode == 0
    else:
        run([sys.executable, "-c", FIRST_EVENT], tmp_path)
        ended = run([sys.executable, *words[1:]], tmp_path)
        assert ended.returncode in (0, 1), ended.stderr
        assert "Traceback" not in ended.stderr


def test_the_receivers_check_of_a_signature_accepts_what_a_webhook_sends():
    from track_middleware.destinations.webhook import signature

    ((_, block),) = blocks((ROOT / "docs/destinations.md").read_text(), "python")
    scope: dict[str, object] = {}
    exec(block, scope)
    is_genuine = scope["is_genuine"]
    signed = signature("secret", b"{}", 1790000000)
    assert is_genuine(signed, b"{}", "secret")
    assert not is_genuine(signed, b"{ }", "secret")


def test_the_wire_document_shows_a_message_that_the_collector_takes():
    from track_middleware.tracking import beacon

    ((_, block),) = blocks((ROOT / "docs/wire.md").read_text(), "json")
    parcel = beacon.beacon(block.encode())
    (message,) = map(beacon.message, parcel.events)
    assert message.type == "view"
    assert message.facts.language == "de"


@pytest.mark.parametrize("field", ["id", "type", "load", "token", "at", "page", "facts", "sw"])
def test_the_wire_document_names_a_messages_fields(field):
    assert f"`{field}`" in (ROOT / "docs/wire.md").read_text()


def test_the_settings_page_is_current():
    assert (ROOT / "docs/settings.md").read_text() == settings_page(), "run `make docs`"


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_documented(name):
    assert f"| `{name}` |" in (ROOT / "docs/settings.md").read_text()


@pytest.mark.parametrize("scheme", BUILT_IN)
def test_a_destination_is_documented(scheme):
    assert f"`{scheme}://" in (ROOT / "docs/destinations.md").read_text()


@pytest.mark.parametrize("option", OPTIONS)
def test_a_destinations_option_is_documented(option):
    assert f"`?{option}=" in (ROOT / "docs/destinations.md").read_text()


@pytest.mark.parametrize("reason", REASONS)
def test_a_counted_reason_is_documented(reason):
    assert f"| `{reason}` |" in (ROOT / "docs/wire.md").read_text()


@pytest.mark.parametrize("verb", sorted(set(track_middleware.__all__) - {"__version__"}))
def test_a_public_verb_is_documented(verb):
    assert re.search(rf"`{verb}[`(]", README)


@pytest.mark.parametrize("verb", [row[0] for row in VERBS])
def test_a_verb_of_the_command_line_is_documented(verb):
    assert f"| `{verb}` |" in README


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_somewhere(document):
    targets = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert not missing
