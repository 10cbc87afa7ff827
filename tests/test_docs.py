"""The documents keep up with the source, and what they show works."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import track_middleware
from docs.generate import settings_page, vocabularies, vocabulary_page
from tests.delivery.recorder import Recorder, Say
from tests.processes import started
from tests.waiting import until
from track_middleware import metrics
from track_middleware.address import OPTIONS
from track_middleware.cli import VERBS
from track_middleware.delivery.counters import REASONS
from track_middleware.destinations.registry import BUILT_IN
from track_middleware.proxy.vendors import VENDORS
from track_middleware.settings import NAMES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

#: Webhooks, files and tables: they rename nothing.
AS_THEY_STAND = {"clickhouse", "jsonl", "postgresql", "webhook+http", "webhook+https"}

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
    "Apps, vendors' scripts, other domains": (
        "",
        """
from track_middleware.wsgi import TrackMiddleware
from werkzeug.test import Client
def app(environ, start_response):
    raise LookupError("our own paths never reach the app")
client = Client(TrackMiddleware(app, secret_key="a test's own secret key", **TRACK))
assert client.get("/metrics/v1/projects/wk_ios/settings").status_code == 200
assert client.get("/metrics/v1/projects/wk_other/settings").status_code in (401, 404)
""",
    ),
    "Who it is, and whether we may": (
        "",
        """
from track_middleware.testing import captured_events
from track_middleware.wsgi import TrackMiddleware
from werkzeug.test import Client
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<html><head></head></html>"]
TRACKED = TrackMiddleware(app, secret_key="a test's own secret key", **TRACK)
def seen(**cookies):
    client = Client(TRACKED)
    for name, value in cookies.items():
        client.set_cookie(name, value)
    with captured_events() as events:
        client.get("/", headers={"User-Agent": "Mozilla/5.0 Firefox/140.0", "Accept": "text/html",
                                 "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"})
    return client.get_cookie("_tm_v"), [event.anonymous_id for event in events]
FORMER = "3c2c7b5e-9a1d-4b6f-8d0a-2f4e6a8c0b1d"
YES = "{stamp:%27x%27%2Cnecessary:true%2Cstatistics:true%2Cmarketing:false%2Cver:1}"
cookie, counted = seen(ajs_anonymous_id=FORMER)
assert cookie is None and len(counted) == 1 and counted != [FORMER], counted
cookie, tracked = seen(ajs_anonymous_id=FORMER, CookieConsent=YES)
assert cookie is not None and FORMER in tracked, tracked
""",
    ),
    "See it": (
        """
import os
os.environ["CONSOLE_TOKEN"] = "zIPPgy8mcR0x4E-KmQmI"
""",
        """
from track_middleware.wsgi import TrackMiddleware
from werkzeug.test import Client
def app(environ, start_response):
    raise LookupError("our own paths never reach the app")
client = Client(TrackMiddleware(app, secret_key="a test's own secret key", path="own", **TRACK))
def asked(token):
    said = {"Authorization": f"Bearer {token}"}
    return client.get("/own/console/", headers=said, follow_redirects=True).status_code
assert asked("another long token") == 401
assert asked(TRACK["console"]) == 200
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
        check=False, timeout=300,
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


DESTINATIONS = (ROOT / "docs/destinations.md").read_text()
TABLES = (ROOT / "docs/tables.md").read_text()


def test_the_receivers_check_of_a_signature_accepts_what_a_webhook_sends():
    from track_middleware.destinations.webhook import signature

    scope: dict[str, object] = {}
    exec(dict(blocks(DESTINATIONS, "python"))["Webhooks"], scope)
    is_genuine = scope["is_genuine"]
    signed = signature("secret", b"{}", 1790000000)
    assert is_genuine(signed, b"{}", "secret")
    assert not is_genuine(signed, b"{ }", "secret")


@pytest.fixture
def installed(tmp_path):
    """The how-to's destination as pip would leave it: a module and its distribution's records."""
    site = tmp_path / "site"
    records = site / "shop_chat-1.0.dist-info"
    records.mkdir(parents=True)
    (site / "shop_chat.py").write_text(dict(blocks(DESTINATIONS, "python"))["One of your own"])
    (records / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-chat\nVersion: 1.0\n")
    announced = tomllib.loads(dict(blocks(DESTINATIONS, "toml"))["One of your own"])
    ((group, names),) = announced["project"]["entry-points"].items()
    lines = [f"[{group}]", *[f"{name} = {maker}" for name, maker in names.items()]]
    (records / "entry_points.txt").write_text("\n".join(lines))
    return site


def test_the_how_tos_destination_is_under_forty_lines():
    assert dict(blocks(DESTINATIONS, "python"))["One of your own"].count("\n") < 40


def test_the_how_tos_destination_delivers_once_it_is_installed(installed, tmp_path):
    """Accepted by one process, delivered by a worker in another, refused once for a while."""
    with Recorder(lambda got: Say(503 if len(chat.got) == 1 else 200)) as chat:
        url = f"chat://hooks.chat.example/services/KEY?events=Inst*&endpoint={chat.url}"
        env = environment(tmp_path) | {"TRACK_DESTINATIONS": url, "PYTHONPATH": str(installed)}
        first = [sys.executable, "-W", "error", "-c", FIRST_EVENT]
        subprocess.run(first, env=env, cwd=tmp_path, check=True, timeout=300)
        worker = [sys.executable, "-m", "track_middleware", "worker"]
        worker += ["--data-dir", str(tmp_path / "track")]
        with started(worker, env=env, cwd=tmp_path) as running:
            until(lambda: len(chat.got) >= 2)
            running.terminate()
    assert [(got.path, json.loads(got.body)) for got in chat.got] == [
        ("/services/KEY", {"text": "Installed: {}"})
    ] * 2


def test_the_how_tos_destination_tells_what_is_wrong_with_its_url(installed, monkeypatch):
    from track_middleware.destinations.registry import routes
    from track_middleware.errors import SettingsError

    monkeypatch.syspath_prepend(installed)
    assert [route.name for route in routes(["chat://h/KEY", "chat://h/B?name=ops"])] == [
        "chat",
        "ops",
    ]
    with pytest.raises(SettingsError, match="has no host"):
        routes(["chat:///KEY"])
    sys.modules.pop("shop_chat")


@pytest.mark.parametrize("engine", ["PostgreSQL", "ClickHouse"])
def test_the_tables_statement_is_what_the_destination_expects(engine):
    from track_middleware.destinations import clickhouse, postgresql

    statement = {"PostgreSQL": postgresql.statement, "ClickHouse": clickhouse.statement}[engine]
    assert (engine, statement("track_events")) in blocks(TABLES, "sql")


def test_a_tables_column_is_documented():
    from track_middleware.destinations.table import COLUMNS

    rows = [f"| `{each.name}` | {each.about} |" for each in COLUMNS]
    assert [row for row in rows if row not in TABLES] == []


def test_the_wire_document_shows_a_message_that_the_collector_takes():
    from track_middleware.tracking import beacon

    ((_, block),) = blocks((ROOT / "docs/wire.md").read_text(), "json")
    parcel = beacon.beacon(block.encode())
    (message,) = map(beacon.message, parcel.events)
    assert message.type == "view"
    assert message.facts.timezone == "Europe/Berlin"


@pytest.mark.parametrize("field", ["id", "type", "load", "token", "at", "page", "facts", "sw"])
def test_the_wire_document_names_a_messages_fields(field):
    assert f"`{field}`" in (ROOT / "docs/wire.md").read_text()


def test_the_settings_page_is_current():
    assert (ROOT / "docs/settings.md").read_text() == settings_page(), "run `make docs`"


def test_the_vocabulary_page_is_current():
    assert (ROOT / "docs/vocabulary.md").read_text() == vocabulary_page(), "run `make docs`"


@pytest.mark.parametrize("scheme", sorted(BUILT_IN.keys() - AS_THEY_STAND))
def test_a_destination_that_renames_events_says_what_it_calls_them(scheme):
    assert "page" in vocabularies()[scheme]


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_documented(name):
    assert f"| `{name}` |" in (ROOT / "docs/settings.md").read_text()


@pytest.mark.parametrize("scheme", BUILT_IN)
def test_a_destination_is_documented(scheme):
    assert f"`{scheme}://" in (ROOT / "docs/destinations.md").read_text()


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_a_vendor_has_a_guide_with_its_snippet(vendor):
    guide = (ROOT / "docs/proxies.md").read_text().partition(f'proxies=["{vendor}"]')[2]
    assert "```html" in guide.partition("\n## ")[0]


@pytest.mark.parametrize("option", OPTIONS)
def test_a_destinations_option_is_documented(option):
    assert f"`?{option}=" in (ROOT / "docs/destinations.md").read_text()


@pytest.mark.parametrize("reason", REASONS)
def test_a_counted_reason_is_documented(reason):
    assert f"| `{reason}` |" in (ROOT / "docs/wire.md").read_text()


FINDINGS = {
    name
    for path in (ROOT / "src/track_middleware/doctor").glob("*.py")
    for name in re.findall(r'Finding\(\s*"([a-z_]+)"', path.read_text())
}


@pytest.mark.parametrize("finding", sorted(FINDINGS))
def test_a_finding_of_the_doctor_is_documented(finding):
    assert re.search(
        rf"^\| .*`{finding}`.* \|", (ROOT / "docs/doctor.md").read_text(), re.MULTILINE
    )


def test_every_system_check_is_documented():
    text = (ROOT / "docs/doctor.md").read_text()
    source = (ROOT / "src/track_middleware/django/checks.py").read_text()
    checks = sorted(set(re.findall(r'"(?:track\.)?([EW])(0\d\d)"', source)))
    assert len(checks) > 10
    for letter, number in checks:
        spans = re.findall(rf"`track\.{letter}(\d+)`(?: …\s+`track\.{letter}(\d+)`)?", text)
        assert any(first <= number <= (last or first) for first, last in spans), f"{letter}{number}"


def test_every_metric_is_documented():
    text = (ROOT / "docs/metrics.md").read_text()
    source = (ROOT / "src/track_middleware/metrics.py").read_text()
    names = set(re.findall(r'_family\(\s*"([a-z_]+)"', source))
    names |= {f"destination_{each[0]}" for each in metrics._DESTINATION}
    names |= {f"replay_{each[0]}" for each in metrics._REPLAY}
    names |= {each[0] for each in metrics._DISK}
    assert len(names) > 20
    assert [each for each in sorted(names) if f"`{each}`" not in text] == []


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
