"""``plan import`` at the command line."""

from __future__ import annotations

import json

from tests.plan.test_imports import IGLU, PUBLIC
from track_middleware import cli
from track_middleware.plan import load


def test_a_file_becomes_a_plan_that_checks(tmp_path, capsys):
    source, output = tmp_path / "segment.json", tmp_path / "tracking_plan.json"
    source.write_text(json.dumps(PUBLIC))
    assert cli.main(["plan", "import", str(source), "--output", str(output), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"output": str(output), "files": 1, "events": 3}
    plan = load(output)
    assert not plan.check({"event": "Flat", "type": "track", "properties": {"order_id": "1"}})
    assert plan.check({"event": "Flat", "type": "track", "properties": {}})


def test_a_registry_becomes_one_plan_in_yaml(tmp_path):
    folder = tmp_path / "com.acme" / "paid" / "jsonschema"
    folder.mkdir(parents=True)
    (folder / "1-0-2").write_text(json.dumps(IGLU))
    output = tmp_path / "plan.yaml"
    assert cli.main(["plan", "import", str(tmp_path), "--output", str(output)]) == 0
    assert [*load(output).events] == ["paid"]


def test_without_output_it_is_printed(tmp_path, capsys):
    source = tmp_path / "iglu.json"
    source.write_text(json.dumps(IGLU))
    assert cli.main(["plan", "import", str(source)]) == 0
    assert json.loads(capsys.readouterr().out)["events"]["paid"]["schema"] == IGLU


def test_what_cannot_be_imported_is_a_wrong_call(tmp_path, capsys):
    source = tmp_path / "a.json"
    for text in ("{", "{}", "[]", '{"rules": 7}'):
        source.write_text(text)
        assert cli.main(["plan", "import", str(source), "--output", str(tmp_path / "o.json")]) == 2
    assert not (tmp_path / "o.json").exists()
    assert str(source) in capsys.readouterr().err
    assert cli.main(["plan", "import", str(tmp_path / "nowhere")]) == 2
