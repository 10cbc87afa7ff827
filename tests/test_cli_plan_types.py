"""``plan types``: one file per language, printed or written whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from track_middleware import cli

PLAN = {
    "name": "Shop",
    "events": {
        "Order Completed": {"server_only": True, "properties": {"order_id": {"type": "string"}}},
        "Link Followed": {"platforms": ["web"]},
        "Seen": {},
    },
}
CALLS = {
    "python": ("def order_completed(", "def link_followed(", "def seen("),
    "typescript": ("function orderCompleted(", "function linkFollowed(", "function seen("),
    "swift": ("func orderCompleted(", "func linkFollowed(", "func seen("),
    "kotlin": (".orderCompleted(", ".linkFollowed(", ".seen("),
}


@pytest.fixture
def types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tracking_plan.json").write_text(json.dumps(PLAN))
    return lambda *argv: cli.run(["plan", "types", *argv])


@pytest.mark.parametrize(
    ("language", "there"),
    [
        ("python", (True, False, True)),
        ("typescript", (False, True, True)),
        ("swift", (False, False, True)),
        ("kotlin", (False, False, True)),
    ],
)
def test_a_language_has_the_events_of_its_platform(types, capsys, language, there) -> None:
    assert types(f"--{language}") == 0
    source = capsys.readouterr().out
    assert tuple(call in source for call in CALLS[language]) == there


@pytest.mark.parametrize("language", CALLS)
def test_any_platforms_events_can_be_had(types, capsys, language) -> None:
    types(f"--{language}", "--platform", "all")
    source = capsys.readouterr().out
    assert all(call in source for call in CALLS[language])


def test_a_file_is_written_whole_and_alone(types, tmp_path, capsys) -> None:
    (tmp_path / "calls.py").write_text("old")
    assert types("--python", "--output", "calls.py") == 0
    assert capsys.readouterr().out == ""
    assert "def seen(" in (tmp_path / "calls.py").read_text()
    assert {each.name for each in tmp_path.iterdir()} == {"calls.py", "tracking_plan.json"}


def test_the_same_plan_makes_the_same_file(types, tmp_path) -> None:
    for name in ("a.ts", "b.ts"):
        types("--typescript", "--output", name)
    assert (tmp_path / "a.ts").read_bytes() == (tmp_path / "b.ts").read_bytes()


def test_json_says_where_it_is_or_what_it_says(types, capsys) -> None:
    types("--python", "--output", "calls.py", "--json")
    assert json.loads(capsys.readouterr().out) == {
        "language": "python", "platform": "server", "file": "calls.py",
    }  # fmt: skip
    types("--swift", "--json")
    assert "func seen(" in json.loads(capsys.readouterr().out)["source"]


def test_the_pages_function_has_the_name_that_the_site_gives_it(types, capsys, monkeypatch) -> None:
    monkeypatch.setenv("TRACK_CLIENT_GLOBAL", "note")
    types("--typescript")
    assert '["note"]' in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("--python", "--swift"),
        ("--python", "--plan", "nowhere.json"),
        ("--python", "--output", "nowhere/calls.py"),
        ("--python", "--output", "tracking_plan.json/calls.py"),
    ],
)
def test_a_wrong_call_is_told(types, capsys, argv) -> None:
    assert types(*argv) == 2
    assert capsys.readouterr().err


def test_what_is_written_is_the_calls_that_plan_check_looks_for(types, tmp_path, capsys) -> None:
    """A project that sends by typed calls alone keeps to its plan, until it drops one."""
    types("--python", "--output", "calls.py")
    types("--typescript", "--output", "calls.ts")
    (tmp_path / "app.py").write_text("import calls\ncalls.order_completed()\ncalls.seen()\n")
    (tmp_path / "app.ts").write_text('import { linkFollowed } from "./calls"; linkFollowed();')
    assert cli.run(["plan", "check"]) == 0
    (tmp_path / "app.ts").write_text("")
    assert cli.run(["plan", "check"]) == 1
    assert "'Link Followed': no code of platform web sends it" in capsys.readouterr().out
