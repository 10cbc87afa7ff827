"""What pages read is opened when it is asked for, and read again when it has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from track_middleware.console.reads import Reads
from track_middleware.errors import PlanError
from track_middleware.reading import load


def reads(data_dir: Path, plan: Path) -> Reads:
    return Reads(load({"plan": str(plan)}, {}), data_dir, now=0.0)


def test_a_plan_is_compiled_once_until_its_file_changes(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"events": {"Clicked": {}}}))
    first = reads(data_dir, file).plan
    assert reads(data_dir, file).plan is first
    file.write_text(json.dumps({"events": {"Clicked": {}, "Order Completed": {}}}))
    changed = reads(data_dir, file).plan
    assert changed is not None
    assert "Order Completed" in changed.events


def test_a_plan_that_cannot_be_read_is_tried_again(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    for _ in range(2):
        with pytest.raises(PlanError):
            _ = reads(data_dir, file).plan
    file.write_text(json.dumps({"events": {"Clicked": {}}}))
    assert reads(data_dir, file).plan is not None
