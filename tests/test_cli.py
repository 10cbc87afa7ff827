"""The verbs, called as people call them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.processes import started
from tests.waiting import free_port
from track_middleware import cli
from track_middleware.delivery.store import DeadLetter, sqlite
from track_middleware.wiring import build

BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36"
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def site(data_dir: Path, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Accepts and delivers an event of this name, as a site with one destination does."""
    wiring = build(
        {
            "data_dir": str(data_dir),
            "deliver": "inline",
            "min_free": "1",
            "secret_key": "a secret for the tests",
            "destinations": [f"jsonl://{tmp_path / 'out.jsonl'}"],
        }
    )
    yield lambda name: wiring.tracker.track(name, {"amount": 3}, user_id="42")
    wiring.spool.close()


def called(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str]:
    status = cli.run([str(each) for each in argv])
    return status, capsys.readouterr().out


def test_init_makes_the_folder_and_the_stores_schema(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        status, out = called(capsys, "init", "--data-dir", data_dir, "--json")
        assert status == 0
    assert json.loads(out) == {"dataDir": str(data_dir), "store": str(data_dir / "events.db")}
    assert (data_dir / ".gitignore").read_text() == "*\n"
    assert data_dir.stat().st_mode & 0o777 == 0o700
    sqlite.open(data_dir / "events.db", read_only=True).close()


@pytest.mark.parametrize("secret", ["", "a secret for the tests"])
def test_a_site_that_starts_keeps_its_new_folder_out_of_git(data_dir: Path, secret: str) -> None:
    build({"data_dir": str(data_dir), "secret_key": secret, "deliver": "worker"})
    assert (data_dir / ".gitignore").read_text() == "*\n"


def test_a_folder_that_was_there_keeps_what_git_is_told(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / ".gitignore").write_text("*.pyc\n")
    assert cli.run(["init", "--data-dir", str(data_dir)]) == 0
    build({"data_dir": str(data_dir), "deliver": "worker"})
    assert (data_dir / ".gitignore").read_text() == "*.pyc\n"


def test_init_where_nothing_can_be_made_is_a_wrong_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.run(["init", "--data-dir", str(tmp_path / "file" / "data")]) == 2
    assert "data_dir" in capsys.readouterr().err


def test_status_of_a_folder_that_is_not_there_is_a_finding_and_makes_nothing(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = called(capsys, "status", "--data-dir", data_dir, "--json")
    facts = json.loads(out)
    assert status == 1
    assert facts["events"] == facts["spool"]["bytesWaiting"] == 0
    assert facts["worker"]["error"] == ""
    assert not facts["worker"]["alive"]
    assert facts["worker"]["leaseAge"] is None
    assert not data_dir.exists(), "looking makes nothing"


def test_status_in_words_says_that_the_folder_is_not_there(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = called(capsys, "status", "--data-dir", data_dir)
    assert out.splitlines()[0] == f"data folder  {data_dir}  (not there yet)"


def test_status_names_every_destination_with_its_lag(
    data_dir: Path, site: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    site("Order Completed")
    status, out = called(capsys, "status", "--data-dir", data_dir, "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["dataDir"] == str(data_dir)
    assert facts["events"] == 1
    (destination,) = facts["destinations"]
    assert (destination["name"], destination["lag"]) == ("jsonl", 0)


def test_status_is_a_finding_when_events_wait_and_no_worker_is_alive(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting(data_dir)
    status, out = called(capsys, "status", "--data-dir", data_dir, "--json")
    assert status == 1
    assert json.loads(out)["spool"]["bytesWaiting"] > 0


def test_status_in_words_says_the_same(
    data_dir: Path, site: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    site("Order Completed")
    _, out = called(capsys, "status", "--data-dir", data_dir)
    assert str(data_dir) in out
    assert "(1 event)" in out
    assert "jsonl: 0 behind" in out


def test_status_adds_up_what_was_not_kept(
    data_dir: Path, site: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    site("x")
    wiring = build({"data_dir": str(data_dir), "secret_key": "a secret for the tests"})
    wiring.counters.add("excluded", 3)
    _, out = called(capsys, "status", "--data-dir", data_dir, "--json")
    assert json.loads(out)["counters"]["excluded"] == 3


def waiting(data_dir: Path, *destinations: str) -> None:
    """An event in the spool that nobody drains."""
    wiring = build(
        {
            "data_dir": str(data_dir),
            "deliver": "worker",
            "min_free": "1",
            "secret_key": "s" * 20,
            "destinations": [*destinations],
        }
    )
    wiring.tracker.track("Waiting", {}, user_id="1")
    wiring.spool.close()


def test_tail_prints_one_line_per_event(
    data_dir: Path, site: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    site("Order Completed")
    site("Order Refunded")
    status, out = called(capsys, "tail", "--data-dir", data_dir, "--last", 10, "--once")
    first, second = out.splitlines()
    assert status == 0
    assert re.match(r"\d\d:\d\d:\d\d  track     Order Completed", first)
    assert "Order Refunded" in second
    assert first.endswith("jsonl:done")


def test_no_events_name_speaks_to_the_operators_terminal(
    data_dir: Path, site: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "Order\x1b]0;title\x07\n12:00:00  track  Forged\x9b2J"
    site(hostile)
    store = sqlite.open(data_dir / "events.db")
    store.bury([DeadLetter(0, "plan", "", "e1", hostile, 5.0, "wrong", b"{}")], most=100)
    store.close()
    for command in (("tail", "--last", 1, "--once"), ("dead", "list")):
        _, out = called(capsys, *command, "--data-dir", data_dir)
        (line,) = out.splitlines()
        assert line.isprintable()
        assert "Order" in line


def test_tail_begins_only_so_many_events_back(
    data_dir: Path, site: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    site("One")
    site("Two")
    _, out = called(capsys, "tail", "--data-dir", data_dir, "--last", 1, "--once")
    assert [line for line in out.splitlines() if "One" in line] == []
    assert "Two" in out


def test_tail_as_json_prints_whole_events(
    data_dir: Path, site: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    site("Order Completed")
    _, out = called(capsys, "tail", "--data-dir", data_dir, "--last", 1, "--once", "--json")
    event = json.loads(out)
    assert (event["event"], event["userId"]) == ("Order Completed", "42")
    assert event["properties"] == {"amount": 3}


def test_tail_follows_what_another_process_delivers(
    data_dir: Path, site: Callable[[str], None]
) -> None:
    site("Before")
    command = [sys.executable, "-m", "track_middleware", "tail", "--data-dir", str(data_dir)]
    with started([*command, "--last", "1"], stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        assert "Before" in tail.stdout.readline()
        site("After")
        assert "After" in tail.stdout.readline()
        tail.send_signal(signal.SIGINT)
        assert tail.wait(300) == 0


def test_path_is_the_prefix_of_the_secret(
    data_dir: Path, site: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    site("x")
    _, out = called(capsys, "path", "--data-dir", data_dir)
    _, as_json = called(capsys, "path", "--data-dir", data_dir, "--json")
    assert re.fullmatch(r"/[a-z2-7]{8}/", out.strip())
    assert json.loads(as_json) == {"path": out.strip()}


def test_the_path_of_a_folder_that_is_not_there_is_a_wrong_call_and_makes_nothing(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["path", "--data-dir", str(data_dir)]) == 2
    assert "is not there" in capsys.readouterr().err
    assert not data_dir.exists()


def test_a_pinned_path_is_printed_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run(["path"], given={"path": "metrics", "data_dir": str(tmp_path)}) == 0
    assert capsys.readouterr().out == "/metrics/\n"


def test_path_says_where_a_page_finds_each_vendor(capsys, tmp_path):
    given = {"path": "metrics", "secret_key": "k" * 40, "data_dir": str(tmp_path)}
    given["proxies"] = ["posthog", "mixpanel"]
    assert cli.run(["path"], given=given) == 0
    lines = capsys.readouterr().out.split()
    assert cli.run(["path", "--json"], given=given) == 0
    posthog, mixpanel = json.loads(capsys.readouterr().out)["proxies"]
    assert posthog["script"] == posthog["base"] + "/static/array.js"
    assert mixpanel["script"].startswith(mixpanel["base"] + "/")
    assert "track/" in mixpanel["names"]
    assert lines == [
        "/metrics/", "posthog", posthog["script"], posthog["base"],
        "mixpanel", mixpanel["script"], mixpanel["base"],
    ]  # fmt: skip


def test_dead_letters_are_listed_with_id_stage_destination_time_and_reason(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    buried(data_dir)
    status, out = called(capsys, "dead", "list", "--data-dir", data_dir, "--json")
    newest, oldest = json.loads(out)
    assert status == 0
    assert (newest["stage"], newest["destination"], newest["reason"]) == ("door", "", "too large")
    assert oldest["id"] < newest["id"]
    assert oldest["time"] == "1970-01-01T00:00:05.000Z"


def test_dead_letters_of_one_stage_alone(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    buried(data_dir)
    _, out = called(capsys, "dead", "list", "--stage", "destination", "--data-dir", data_dir)
    assert "wrong shape" in out
    assert "too large" not in out


def test_one_dead_letter_is_shown_with_its_event(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    buried(data_dir)
    _, listed = called(capsys, "dead", "list", "--data-dir", data_dir, "--json")
    number = json.loads(listed)[1]["id"]
    status, out = called(capsys, "dead", "show", number, "--data-dir", data_dir, "--json")
    assert status == 0
    assert json.loads(out)["body"] == {"event": "Order Completed"}


def test_a_letter_that_is_too_deep_to_be_taken_apart_is_shown_as_it_came(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = b"[" * 4096
    store = sqlite.open(data_dir / "events.db")
    store.bury([DeadLetter(0, "door", "", "", "", 5.0, "no JSON", deep)], most=9)
    store.close()
    status, out = called(capsys, "dead", "show", 1, "--data-dir", data_dir, "--json")
    assert (status, json.loads(out)["body"]) == (0, deep.decode())


def test_showing_an_unknown_dead_letter_is_a_wrong_call(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(capsys, "dead", "show", 99, "--data-dir", data_dir)[0] == 2


def buried(data_dir: Path) -> None:
    store = sqlite.open(data_dir / "events.db")
    kept = b'{"event":"Order Completed"}'
    letters = [
        DeadLetter(0, "destination", "amplitude", "e1", "Order", 5.0, "wrong shape", kept),
        DeadLetter(0, "door", "", "e2", "", 6.0, "too large", b"\xff no json"),
    ]
    for letter in letters:
        store.bury([letter], most=100)
    store.close()


def test_worker_once_delivers_what_waits(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting(data_dir)
    command = [sys.executable, "-m", "track_middleware", "worker", "--once"]
    subprocess.run([*command, "--data-dir", data_dir], check=True, timeout=300)
    status, out = called(capsys, "status", "--data-dir", data_dir, "--json")
    assert status == 0
    assert (json.loads(out)["events"], json.loads(out)["spool"]["bytesWaiting"]) == (1, 0)


def test_worker_once_says_which_destination_it_could_not_serve(
    data_dir: Path, tmp_path: Path
) -> None:
    nobody, out = free_port(), tmp_path / "out.jsonl"
    waiting(data_dir, f"webhook+http://127.0.0.1:{nobody}/in", f"jsonl://{out}")
    command = [sys.executable, "-m", "track_middleware", "worker", "--once"]
    found = subprocess.run(
        [*command, "--data-dir", data_dir], capture_output=True, text=True, timeout=300, check=False
    )
    assert found.returncode == 1
    assert "webhook is paused: " in found.stderr
    assert "jsonl is paused" not in found.stderr
    assert "Waiting" in out.read_text()


def test_a_worker_refuses_a_folder_that_nobody_has_written_to(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "track_middleware", "worker", "--data-dir", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert refused.returncode == 2
    assert "nobody has written" in refused.stderr


def test_status_sees_a_living_worker(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiting(data_dir)
    command = [sys.executable, "-m", "track_middleware", "worker", "--data-dir", str(data_dir)]
    with started(command) as worker:
        facts = until(
            lambda: json.loads(called(capsys, "status", "--data-dir", data_dir, "--json")[1]),
            lambda facts: facts["worker"]["alive"] and not facts["spool"]["bytesWaiting"],
        )
        assert facts["worker"]["leaseAge"] < 5
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(300) == 0
    _, out = called(capsys, "status", "--data-dir", data_dir, "--json")
    assert not json.loads(out)["worker"]["alive"]


def until(look: Callable[[], Any], holds: Callable[[Any], bool], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not holds(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    return seen


def test_a_faces_settings_are_used_over_its_defaults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, defaults = {"data_dir": str(tmp_path / "a")}, {"data_dir": str(tmp_path / "b")}
    assert cli.run(["status", "--json"], given=given, defaults=defaults) == 0
    assert json.loads(capsys.readouterr().out)["dataDir"] == str(tmp_path / "a")


def test_without_anything_the_variables_name_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACK_DATA_DIR", str(tmp_path / "c"))
    _, out = called(capsys, "status", "--json")
    assert json.loads(out)["dataDir"] == str(tmp_path / "c")


def test_doctor_prints_what_a_face_found_and_is_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"data_dir": str(tmp_path), "secret_key": "s" * 20, "min_free": "1"}
    checks = [("track.E002", "TrackMiddleware must stand behind GZipMiddleware")]
    assert cli.run(["doctor", "--json"], given=given, checks=lambda: checks) == 1
    found = json.loads(capsys.readouterr().out)
    assert ("track.E002", "error") in {(each["id"], each["level"]) for each in found}


def test_doctor_on_a_sound_set_up_is_well(
    data_dir: Path, site: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    site("x")
    status, out = called(capsys, "doctor", "--data-dir", data_dir)
    assert (status, out) == (0, "all is well\n")


@pytest.mark.parametrize("argv", [["dance"], ["dead"], ["tail", "--last", "many"], ["--nothing"]])
def test_a_wrong_call_is_two(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(argv) == 2
    assert "usage" in capsys.readouterr().err


def test_a_wrong_setting_is_a_wrong_call_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["status"], given={"destination": []}) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("argv", [[], ["help"], ["--help"]])
def test_help_names_every_verb(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(argv) == 0
    out = capsys.readouterr().out
    for name, *_ in cli.VERBS:
        assert f"\n    {name} " in out


def test_the_command_line_imports_no_framework() -> None:
    script = (
        "import sys, track_middleware.cli; "
        "[load() for _, _, load in track_middleware.cli.VERBS]; "
        "sys.exit(bool({'django', 'flask', 'starlette'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=300).returncode == 0


def get(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "User-Agent": BROWSER}
    connection.request("GET", path, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def shows_its_events(*options: str) -> None:
    port = free_port()
    command = [sys.executable, "-m", "track_middleware", "demo", "--port", str(port), *options]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with started(command, stdout=subprocess.PIPE, text=True, env=env) as demo:
        try:
            assert demo.stdout is not None
            assert f"http://127.0.0.1:{port}/" in demo.stdout.readline()
            console = demo.stdout.readline().split(f":{port}")[1].strip()
            assert get(port, f"{console}live/") == 200
            assert get(port, "/") == 200
            assert re.match(r"\d\d:\d\d:\d\d  page ", demo.stdout.readline())
        finally:
            demo.send_signal(signal.SIGINT)
        assert demo.wait(300) == 0
    with pytest.raises(OSError, match="refused"):
        get(port, "/")


def test_the_builtin_demo_shows_its_events_in_the_same_terminal() -> None:
    shows_its_events("--builtin", "--alone")


def test_the_demo_of_a_checkout_is_the_django_shop() -> None:
    shows_its_events("--alone")


def test_a_demo_on_a_taken_port_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert cli.run(["demo", "--port", str(taken.getsockname()[1])]) == 2
    assert "already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("dead", "list", "--since", "foo"), "write 2026-11-25T14:00, or 90m, 2h, 3d"),
        (("dead", "list", "--limit", "0"), "no number from 1 on"),
        (("dead", "list", "--destination", "hok"), "there are: jsonl"),
        (("replay", "--stop", "1", "--since", "2h"), "takes no choice"),
    ],
)
def test_a_wrong_call_says_what_is_right(
    data_dir: Path,
    site: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    argv: tuple[str, ...],
    told: str,
) -> None:
    site("Order Completed")
    assert cli.run(["--data-dir", str(data_dir), *argv]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("argv", [("metrics",), ("worker", "--once")])
def test_every_verb_that_prints_takes_json_and_the_folder_before_or_behind_it(
    data_dir: Path,
    site: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    argv: tuple[str, ...],
) -> None:
    site("Order Completed")
    for call in (
        ("--data-dir", data_dir, *argv, "--json"),
        (*argv, "--json", "--data-dir", data_dir),
    ):
        _, out = called(capsys, *call)
        assert json.loads(out)["events"] == 1


@pytest.mark.parametrize("argv", [("status",), ("doctor",), ("dead", "list")])
def test_a_folder_that_is_nobodys_is_told_in_plain_words(
    data_dir: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]
) -> None:
    assert cli.run([*argv, "--data-dir", str(data_dir)]) == 1
    told = capsys.readouterr()
    assert f"{data_dir} is not there" in told.out + told.err


def test_doctor_says_that_nobody_has_written_settings_and_not_that_there_are_no_destinations(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir.mkdir()
    _, out = called(capsys, "doctor", "--data-dir", data_dir)
    assert "no app has written its settings" in out
    assert "no destinations" not in out
