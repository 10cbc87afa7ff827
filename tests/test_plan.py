"""A plan from settings to the dead letters and back: an app, its worker, the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from track_middleware import cli, wiring
from track_middleware.delivery.counters import totals
from track_middleware.delivery.worker import Worker
from track_middleware.errors import EventError, SettingsError

PLAN: dict[str, Any] = {
    "mode": "quarantine", "unknown": "quarantine",
    "events": {"Paid": {"properties": {"order_id": {"type": "string", "required": True}}}},
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "tracking_plan.json"
    made.write_text(json.dumps(PLAN))
    return made


@pytest.fixture
def site(tmp_path: Path, file: Path) -> Iterator[wiring.Wiring]:
    made = wiring.build({
        "data_dir": str(tmp_path / "data"), "plan": str(file), "deliver": "worker",
        "destinations": [f"jsonl:///{tmp_path}/out.jsonl"],
    })  # fmt: skip
    yield made
    made.spool.close()


def works(site: wiring.Wiring) -> list[dict[str, Any]]:
    """Delivers what is there; what the destination has had."""
    worker = Worker(site.settings, data_dir=site.data_dir)
    try:
        assert worker.once()
    finally:
        worker.close()
    found = site.data_dir.parent.glob("out*.jsonl")
    return [json.loads(line) for each in sorted(found) for line in each.read_text().splitlines()]


def call(site: wiring.Wiring, capsys: Any, *words: str) -> tuple[int, Any]:
    status = cli.main([*words, "--data-dir", str(site.data_dir), "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_what_was_quarantined_goes_on_once_the_plan_is_mended(site, file, capsys):
    works(site)
    good = site.tracker.track("Paid", {"order_id": "1"}, user_id="42")
    bad = site.tracker.track("Paid", {"order_id": 2}, user_id="42")
    stranger = site.tracker.track("Piad", user_id="42")
    assert [each["messageId"] for each in works(site)] == [good]
    _, letters = call(site, capsys, "dead", "list", "--stage", "plan")
    assert {each["messageId"] for each in letters} == {bad, stranger}
    _, shown = call(site, capsys, "dead", "show", str(letters[0]["id"]))
    assert shown["body"]["event"]["messageId"] == letters[0]["messageId"]

    status, told = call(site, capsys, "dead", "replay", "--stage", "plan")
    assert (status, told["replayed"]) == (0, 2)
    assert len(works(site)) == 1
    _, letters = call(site, capsys, "dead", "list", "--stage", "plan")
    assert {each["messageId"] for each in letters} == {bad, stranger}

    mended = {**PLAN, "events": {"Paid": {"properties": {"order_id": {}}}, "Piad": {}}}
    file.write_text(json.dumps(mended))
    assert call(site, capsys, "dead", "replay", "--stage", "plan")[1]["replayed"] == 2
    assert [each["messageId"] for each in works(site)] == [good, bad, stranger]
    assert call(site, capsys, "dead", "list", "--stage", "plan") == (0, [])
    assert totals(site.data_dir / "counters")["plan_quarantined"] == 4
    assert len({each["messageId"] for each in works(site)}) == len(works(site)) == 3


@pytest.mark.parametrize("text", ["{", '{"events": {"A": {"mode": "drop"}}}', None])
def test_a_plan_that_cannot_be_used_is_told_at_the_start(text, file, tmp_path):
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with pytest.raises(SettingsError, match=r"plan: .*tracking_plan\.json"):
        wiring.build({"data_dir": str(tmp_path / "data"), "plan": str(file)})


def test_a_relative_file_is_found_from_elsewhere(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = wiring.build({"data_dir": str(tmp_path / "data"), "plan": file.name})
    assert made.settings.plan == str(file)


def test_a_sites_plan_reaches_the_door_and_in_development_the_call(file, tmp_path):
    file.write_text(json.dumps({**PLAN, "events": {"Paid": {"server_only": True}}}))
    given = {"plan": str(file), "deliver": "worker"}
    made = wiring.build({**given, "data_dir": str(tmp_path / "a")})
    assert made.tracker.core.plan.server_only == {"Paid"}
    assert made.tracker.track("Piad", user_id="42")
    made.spool.close()
    debugged = wiring.build({**given, "data_dir": str(tmp_path / "b"), "debug": True})
    with pytest.raises(EventError, match="did you mean 'Paid'"):
        debugged.tracker.track("Piad", user_id="42")
    assert debugged.tracker.track("Paid", user_id="42")
    debugged.spool.close()
