"""Plans of other tools: nothing of them is lost, and what they say is what is checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.programs import SHARED_DATA
from track_middleware.errors import PlanError
from track_middleware.plan import document, imports, load

PROPERTIES = {
    "type": "object",
    "properties": {"order_id": {"type": "string", "description": "ours"}},
    "required": ["order_id"],
}
MESSAGE = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"context": {}, "traits": {}, "properties": PROPERTIES},
    "required": ["properties"],
}

PUBLIC = {
    "id": "tp_1", "name": "Shop", "description": "All of it", "type": "LIVE",
    "rules": [
        {"key": "Order Completed", "type": "TRACK", "version": 1, "jsonSchema": MESSAGE,
         "createdAt": "2022-07-22T21:58:03.000Z"},
        {"key": "Flat", "type": "TRACK", "version": 1, "jsonSchema": {**PROPERTIES, "labels": {}}},
        {"key": None, "type": "IDENTIFY", "version": 1, "jsonSchema": {
            "properties": {"traits": {"properties": {"plan": {"type": "string"}}}}}},
        {"key": None, "type": "COMMON", "version": 1, "jsonSchema": {
            "properties": {"context": {"properties": {"userAgent": {"not": {"pattern": "bot"}}}}}}},
    ],
}  # fmt: skip

CONFIG = {
    "name": "workspaces/w/tracking-plans/rs_1", "display_name": "Shop",
    "create_time": "2019-01-01T00:00:00Z",
    "rules": {
        "global": {}, "identify_traits": [], "group_traits": [],
        "events": [{"name": "Order Completed", "description": "paid", "version": 1,
                    "rules": MESSAGE}],
        "identify": {"properties": {"traits": {"required": ["plan"]}}},
    },
}  # fmt: skip

IGLU = {
    "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#",
    "self": {"vendor": "com.acme", "name": "paid", "format": "jsonschema", "version": "1-0-2"},
    "description": "paid", **PROPERTIES, "additionalProperties": False,
}  # fmt: skip


def message(name: str = "Order Completed", **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "properties": properties}


def imported(raw: Any, name: str = "file") -> Any:
    plan = imports.plan_of(json.loads(json.dumps(raw)), name=name)
    assert plan is not None
    return plan


def test_a_plan_of_the_public_api_is_read_in_both_of_its_shapes():
    plan = imported(PUBLIC)
    assert (plan.name, plan.description) == ("Shop", "All of it")
    assert [*plan.events] == ["Order Completed", "Flat", "Identify"]
    for name in ("Order Completed", "Flat"):
        (order_id,) = plan.events[name].properties
        assert (order_id.name, order_id.type, order_id.required) == ("order_id", ("string",), True)
        assert not plan.check(message(name, order_id="1"))
        assert [each.path for each in plan.check(message(name, order_id=1))] == [
            "properties.order_id"
        ]
    assert plan.check({"type": "identify", "traits": {"plan": 7}})[0].path == "traits.plan"


def test_what_is_common_to_all_messages_is_checked_with_each():
    plan = imported(PUBLIC)
    bot = {**message("Flat", order_id="1"), "context": {"userAgent": "a bot"}}
    assert [each.path for each in plan.check(bot)] == ["context.userAgent"]


def test_a_plan_of_the_config_api_is_read():
    plan = imported(CONFIG)
    assert plan.name == "Shop"
    assert plan.events["Order Completed"].description == "paid"
    assert plan.check(message())[0].problem == '"order_id" is a required property'
    assert plan.check({"type": "identify", "traits": {}})[0].path == "traits"


def test_a_self_describing_schema_is_an_event_of_its_name():
    plan = imported(IGLU)
    assert not plan.check(message("paid", order_id="1"))
    assert plan.check(message("paid", order_id="1", more=1))


def test_a_json_schema_is_an_event_of_its_title_or_file():
    assert [*imported(PROPERTIES, "Paid").events] == ["Paid"]
    assert [*imported({**PROPERTIES, "title": "Order"}).events] == ["Order"]


def test_definitions_are_an_event_each_and_may_refer_to_each_other():
    both = {"$defs": {"A": PROPERTIES, "B": {"properties": {"a": {"$ref": "#/$defs/A"}}}}}
    plan = imported(both)
    assert [*plan.events] == ["A", "B"]
    assert plan.check(message("B", a={}))[0].path == "properties.a"


@pytest.mark.parametrize("raw", [PUBLIC, CONFIG, IGLU, PROPERTIES])
def test_a_written_plan_is_read_as_the_same_plan(raw):
    plan = imported(raw)
    again = document.read(json.loads(json.dumps(document.written(plan))), name="another")
    assert again == plan


def test_two_versions_of_a_schema_are_the_newer_one_and_the_older_is_kept():
    older = {**IGLU, "self": {**IGLU["self"], "version": "1-0-1"}}
    plan = imports.joined([imported(IGLU), imported(older)], name="all")
    assert plan.events["paid"].schema == IGLU
    assert plan.events["paid"].source["former"]["schema"] == older


def test_two_events_of_one_name_are_told():
    other = {**IGLU, "self": {**IGLU["self"], "vendor": "org.other"}}
    with pytest.raises(PlanError, match="an event 'paid' already"):
        imports.joined([imported(IGLU), imported(other)], name="all")


def test_a_schema_that_names_another_document_is_refused_and_nothing_is_fetched(tmp_path: Path):
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"properties": {"a": {"$ref": "http://127.0.0.1:9/b.json"}}}))
    with pytest.raises(PlanError, match="another document"):
        load(file)


@pytest.mark.parametrize("raw", [{"rules": 7}, {"rules": [7]}, {"rules": [{"key": "A"}]}, {"a": 1}])
def test_what_is_no_plan_is_told(raw, tmp_path: Path):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(raw))
    with pytest.raises(PlanError):
        load(file)


@pytest.mark.needs("shared-data")
def test_a_real_plan_of_segment_loses_nothing():
    raw = json.loads((SHARED_DATA / "schemas" / "segment_typewriter_plan.json").read_bytes())
    plan = imported(raw)
    rules = [
        {"jsonSchema": event.schema, "key": label, "type": event.kind.upper(), **event.source}
        for label, event in plan.events.items()
    ]
    assert {**plan.source, "rules": rules} == raw
    again = document.read(json.loads(json.dumps(document.written(plan))), name="")
    assert again == plan


@pytest.mark.needs("shared-data")
def test_real_schemas_of_iglu_lose_nothing():
    files = sorted((SHARED_DATA / "schemas").glob("snowplow_*.json"))
    plans = [imported(json.loads(each.read_bytes())) for each in files]
    plan = imports.joined(plans, name="all")
    kept = [event.schema for event in plan.events.values()]
    assert kept == [json.loads(each.read_bytes()) for each in files]
    assert document.read(json.loads(json.dumps(document.written(plan))), name="") == plan
