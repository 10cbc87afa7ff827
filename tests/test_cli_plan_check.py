"""``plan check``: a project's files and its plan; what a terminal, a workflow, a program gets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from track_middleware import cli
from track_middleware.plan.code import grammars

ROOT = Path(__file__).resolve().parent.parent
PLAN = {
    "events": {
        "Seen": {"properties": {"place": {"type": "string"}}},
        "Link Followed": {"platforms": ["web"]},
    }
}
CALLS = "from track_middleware import track\ntrack('Seen', {'place': 'top'})\n"
PAGE = '<a data-track="Link Followed">'

Check = Callable[..., int]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tracking_plan.json").write_text(json.dumps(PLAN, indent=1))
    (tmp_path / "app.py").write_text(CALLS)
    (tmp_path / "page.html").write_text(PAGE)
    return lambda *argv: cli.run(["plan", "check", *argv])


def test_a_project_that_keeps_to_its_plan_is_well(check, capsys) -> None:
    assert check() == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "2 files: 0 errors, 0 warnings, 0 notices\n"


def test_what_is_wrong_is_told_with_its_place(check, tmp_path, capsys) -> None:
    (tmp_path / "app.py").write_text(CALLS + "track('Sean')\n")
    assert check() == 1
    assert capsys.readouterr().out == (
        "app.py:3:1: error: the plan does not know 'Sean'; did you mean 'Seen'? [unknown-event]\n"
    )


def test_an_event_that_nobody_sends_is_told_at_its_place_in_the_plan(
    check, tmp_path, capsys
) -> None:
    (tmp_path / "page.html").write_text("<p>")
    assert check() == 1
    out = capsys.readouterr().out
    assert out.startswith("tracking_plan.json:10:1: warning: 'Link Followed': no code of platform")


def test_single_files_are_judged_by_themselves(check, tmp_path) -> None:
    (tmp_path / "page.html").write_text("<p>")
    assert check("page.html", "app.py") == 0


def test_a_notice_is_no_finding(check, tmp_path, capsys) -> None:
    (tmp_path / "app.py").write_text(CALLS + "track(name)\n")
    assert check("app.py") == 0
    assert "app.py:3:1: notice: which event this is cannot be read: name" in capsys.readouterr().out


def test_json_has_every_finding(check, tmp_path, capsys) -> None:
    (tmp_path / "app.py").write_text(CALLS + "track('Sean')\n")
    assert check("--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["files"], told["errors"], told["warnings"]) == (2, 1, 0)
    (found,) = told["findings"]
    assert found | {"message": ""} == {
        "level": "error", "code": "unknown-event", "message": "", "path": "app.py", "line": 3,
        "column": 1, "event": "Sean",
    }  # fmt: skip
    assert check("--format", "json") == 1
    assert json.loads(capsys.readouterr().out) == told


def test_a_workflow_gets_annotations_that_no_name_can_break_out_of(check, tmp_path, capsys) -> None:
    nasty = "100%\n::stop-commands::x\r"
    (tmp_path / "a,b:c.py").write_text(f"{CALLS}track({nasty!r})\n")
    assert check("a,b:c.py", "--format", "github") == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("::error file=a%2Cb%3Ac.py,line=3,col=1,title=plan unknown-event::")
    assert line.endswith("'100%25\\n::stop-commands::x\\r'")


def test_a_terminal_gets_no_escape_sequences(check, tmp_path, capsys) -> None:
    (tmp_path / "app.py").write_text(CALLS)
    (tmp_path / "a\x1b[2J.py").write_text(CALLS + "track('Sean')\n")
    assert check() == 1
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.py", b"\0" * 10, "binary"),
        ("a.js", b"\xff\xfe" * 10, "not text"),
        ("a.py", b"# coding: nonsense\n", "not text"),
        ("a.html", b"x" * (2**20 + 1), "larger than 1 MiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_skipped(
    check, tmp_path, capsys, name, content, why
) -> None:
    (tmp_path / name).write_bytes(content)
    assert check() == 0
    assert f"{name}:1:1: notice: this is not read" in (out := capsys.readouterr().out)
    assert why in out


def test_what_is_no_regular_file_is_not_waited_for(check, tmp_path, capsys) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    assert check() == 0
    out = capsys.readouterr().out
    assert "pipe.py:1:1: notice: this is not read: it is no regular file" in out
    assert "gone.py:1:1: notice: this is not read: it cannot be read" in out


def test_a_file_in_its_own_encoding_is_read(check, tmp_path, capsys) -> None:
    text = f"# coding: latin-1\n{CALLS}track('Käse')\n"
    (tmp_path / "app.py").write_bytes(text.encode("latin-1"))
    assert check() == 1
    assert "'Käse'" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    [
        "node_modules/a/a.py",
        ".hidden/a.py",
        "tests/a.py",
        "app/tests/a.py",
        "test_a.py",
        "a.min.js",
    ],
)
def test_others_code_and_tests_are_passed_over(check, tmp_path, name) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(CALLS + "track('Sean')\n")
    assert check() == 0


def test_a_virtual_environment_is_others_code(check, tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pyvenv.cfg").write_text("")
    (tmp_path / "mine" / "a.py").write_text(CALLS + "track('Sean')\n")
    assert check() == 0


def test_tests_are_read_when_asked_for(check, tmp_path) -> None:
    (tmp_path / "test_a.py").write_text(CALLS + "track('Sean')\n")
    assert check("--tests") == 1
    assert check("--tests", "--exclude", "test_*") == 0


def test_whose_files_these_are_can_be_said(check, tmp_path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "a.py").write_text(CALLS + "track('Link Followed')\n")
    assert check() == 1
    assert check("--platform", "web=edge/**") == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("nowhere.py",),
        ("--plan", "nowhere.yaml"),
        ("--platform", "tv=edge/**"),
        ("--platform", "web"),
        ("--format", "xml"),
    ],
)
def test_a_wrong_call_is_told(check, capsys, argv) -> None:
    assert check(*argv) == 2
    assert capsys.readouterr().err


def test_without_a_plan_the_call_is_wrong(check, tmp_path, capsys) -> None:
    (tmp_path / "tracking_plan.json").unlink()
    assert check() == 2
    assert "there is no plan" in capsys.readouterr().err


def test_our_function_has_the_name_that_the_site_gives_it(check, tmp_path, monkeypatch) -> None:
    (tmp_path / "a.js").write_text('note("Sean")')
    assert check() == 0
    monkeypatch.setenv("TRACK_CLIENT_GLOBAL", "note")
    assert check() == 1


def test_scripts_without_the_grammars_are_a_wrong_call_and_python_is_read(
    check, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    grammars._parser.cache_clear()
    assert check() == 0
    (tmp_path / "a.js").write_text('track("Seen")')
    assert check() == 2
    assert "pip install track-middleware[plan-code]" in capsys.readouterr().err


PLANNED = ROOT / "examples" / "common" / "tracking_plan.py"


@pytest.mark.parametrize(
    "folders", [("django_app", "common"), ("flask_app", "common"), ("fastapi_app", "common")]
)
def test_the_examples_keep_to_their_plan_and_a_renamed_property_is_found(
    tmp_path, monkeypatch, capsys, folders
) -> None:
    monkeypatch.chdir(ROOT / "examples")
    monkeypatch.setenv("TRACK_DATA_DIR", str(tmp_path))
    assert cli.run(["plan", "check", *folders, "--plan", str(PLANNED), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["findings"] == []
    assert told["files"] > 5
    plan = tmp_path / "other_plan.py"
    text = PLANNED.read_text()
    plan.write_text(text.replace("    banner:", "    place:").replace("CartViewed", "CartLooked"))
    assert cli.run(["plan", "check", *folders, "--plan", str(plan), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {each["code"] for each in found} == {
        "missing-property", "unknown-event", "unknown-property", "unsent",
    }  # fmt: skip


def test_the_hooks_run_the_verb_with_what_it_needs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    extras = (ROOT / "pyproject.toml").read_text()
    assert {hook["entry"] for hook in hooks} == {"track-middleware plan check"}
    for hook in hooks:
        assert all(f'"{each}"' in extras for each in hook["additional_dependencies"])
