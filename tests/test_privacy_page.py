"""docs/privacy.md says what is stored: nothing that the code keeps is missing there."""

from __future__ import annotations

import ast
import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from tests.faces.apps import NAVIGATION, build
from track_middleware.delivery.store import sqlite
from track_middleware.delivery.worker import Worker
from track_middleware.reading import load
from track_middleware.settings import BRIDGED
from track_middleware.tracking.cookies import Cookies
from track_middleware.tracking.vendors import written

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "privacy.md").read_text()
PACKAGE = ROOT / "src" / "track_middleware"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

#: Columns that may say who somebody is, or what somebody said.
TELLING = {
    "body", "derived", "entry", "half", "known", "order_key", "person", "repaired", "same_as",
    "states", "subject", "url", "user", "visitor",
}  # fmt: skip


def row(what: str) -> str:
    """The row of the table whose first cell names something; "" when there is none."""
    rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    return next((line for line in rows if what in line.split("|")[1]), "")


def tables(folder: Path) -> dict[str, set[str]]:
    """The tables of a new store, with their columns."""
    sqlite.open(folder / "events.db").close()
    with closing(sqlite3.connect(folder / "events.db")) as store:
        names = store.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: {column[1] for column in store.execute(f"PRAGMA table_info({name})")}
            for (name,) in names
        }


def test_every_table_of_the_store_has_a_row_that_names_what_tells_of_a_person(
    tmp_path: Path,
) -> None:
    for name, columns in tables(tmp_path).items():
        said = row(f"table `{name}`")
        assert said, f"docs/privacy.md has no row for the table {name}"
        missing = [column for column in columns & TELLING if f"`{column}`" not in said]
        assert not missing, f"the row of {name} does not name {missing}"


def test_no_row_names_a_table_that_is_not_there(tmp_path: Path) -> None:
    named = set(re.findall(r"^\| table `(\w+)`", PAGE, re.M))
    assert named - tables(tmp_path).keys() == {"track_middleware_outbox"}


@cache
def trees() -> dict[Path, ast.Module]:
    """The modules that speak of a data folder, or name what lies in one."""
    texts = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    wanted = re.compile(r"data_dir /|^[A-Z_]+ = \"", re.M)
    return {path: ast.parse(text) for path, text in texts.items() if wanted.search(text)}


def constant(name: str, where: Path) -> set[str]:
    """What ``NAME`` of this module, or ``module.NAME``, says."""
    module, _, name = name.rpartition(".")
    found = set()
    for path, tree in trees().items():
        if path == where or path.stem == module:
            for node in tree.body:
                match node:
                    case ast.Assign(targets=[ast.Name(id=known)], value=ast.Constant(value=said)):
                        found |= {str(said)} if known == name else set()
    return found


def entries() -> set[str]:
    """What the source puts right into a data folder: ``data_dir / X`` wherever it stands."""
    found: set[str] = set()
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
                continue
            left = getattr(node.left, "attr", getattr(node.left, "id", ""))
            if left.lstrip("_") != "data_dir":
                continue
            if isinstance(node.right, ast.Constant):
                found.add(str(node.right.value))
            elif isinstance(node.right, (ast.Attribute, ast.Name)):
                found |= constant(ast.unparse(node.right), path)
    return found


def test_every_file_and_folder_of_the_data_folder_has_a_row() -> None:
    found = entries()
    assert {"spool", "events.db", "secret", "settings.json", "erasing", "salts"} <= found
    missing = [name for name in sorted(found) if not row(f"`{name}`") and not row(f"`{name}/`")]
    assert not missing, f"docs/privacy.md has no row for {missing}"


def test_what_a_site_really_leaves_there_has_a_row(data_dir: Path) -> None:
    cookieless = {"consent": "opt_in", "cookieless": True}
    site = build("wsgi", data_dir, **cookieless, secret_key="")
    assert site.ask("/", headers={**NAVIGATION, "User-Agent": AGENT}).status == 200
    worker = Worker(load({"data_dir": str(data_dir), **cookieless}, {}), data_dir=data_dir)
    worker.once()
    worker.close()
    found = {path.name for path in data_dir.iterdir()}
    assert {"spool", "events.db", "salts", "secret"} <= found
    known = (re.sub(r"-(wal|shm)$", "", name) for name in found)
    missing = [name for name in known if not row(f"`{name}`") and not row(f"`{name}/`")]
    assert not missing


def test_every_cookie_has_a_row() -> None:
    jars = Cookies(load({}, {}), ["key"], lambda host: None)
    for jar in (jars.visitor, jars.session, jars.choice):
        assert row(f"cookie `{jar.name}`")
    urls = ["segment://KEY", "posthog://KEY", "amplitude://KEY", "mixpanel://KEY", "heap://KEY",
            "rudderstack://KEY@h", "snowplow://h", "ga4://G-1:s"]  # fmt: skip
    for each in written(urls, BRIDGED) or ():
        assert f"`{each.name.replace('KEY', '<key>')}`" in row("cookies of `bridge`")


def test_every_key_of_the_browsers_storage_has_a_row() -> None:
    source = "".join(path.read_text() for path in (ROOT / "client" / "src").glob("*.ts"))
    assert "document.cookie" not in source
    keys = re.findall(r'KEY = "([^"]+)"', source)
    assert keys
    for key in keys:
        assert row(f"`{key}<random>`")
    used = set(re.findall(r"sessionStorage\b(.)", source))
    assert used == {"["}, "only by a constant's name"
    for name in set(re.findall(r"sessionStorage\[(\w+)\]", source)):
        (key,) = re.findall(rf'\b{name} = "([^"]+)"', source)
        assert row(f"`sessionStorage`, key `{key}`")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("keep_days", "`keep_days` (90)"),
        ("dedupe_days", "`dedupe_days` (400)"),
        ("merge_window", "`merge_window` (5 s)"),
        ("session_timeout", "`session_timeout` (30 min)"),
    ],
)
def test_a_time_that_is_given_is_the_settings_own(setting: str, said: str) -> None:
    defaults = {"keep_days": 90, "dedupe_days": 400, "merge_window": 5.0, "session_timeout": 1800}
    assert getattr(load({}, {}), setting) == defaults[setting]
    assert said in PAGE
