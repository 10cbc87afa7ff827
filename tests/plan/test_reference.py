"""The plan's check says what the reference validator, ``jsonschema``, says.

But for ``multipleOf``: dividing floats, ``jsonschema`` finds that 0.29 is no multiple of 0.01. Here
it divides decimals instead.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import msgspec
import pytest

from tests.plan import generated
from tests.programs import SHARED_DATA
from track_middleware.delivery.plans import PlanStage
from track_middleware.delivery.splice import Said
from track_middleware.plan import imports, load
from track_middleware.plan.model import Event, Plan
from track_middleware.plan.schema import of_event

SCHEMAS = SHARED_DATA / "schemas"
FILES = sorted(SCHEMAS.glob("*.json")) or [SCHEMAS]

#: Of each event.
HOW_MANY = 250

OWN: dict[str, Any] = {
    "Cart": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "total": {"type": "number", "minimum": 0, "multipleOf": 0.01},
            "coupon": {"type": ["string", "null"], "maxLength": 9},
            "lines": {
                "type": "array", "minItems": 1, "uniqueItems": True,
                "items": {
                    "type": "object", "properties": {"sku": {"type": "string"}},
                    "required": ["sku"], "additionalProperties": False,
                },
            },
            "kind": {"enum": ["a", 1, None, True]},
            "either": {"oneOf": [{"type": "string"}, {"type": "integer", "maximum": 5}]},
            "never": {"not": {"type": "string"}},
        },
        "required": ["id", "total"],
        "dependencies": {"coupon": ["kind"]},
        "patternProperties": {"^x-": {"type": "integer"}},
    },
    "Link": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"name": {"type": "string", "pattern": "^[A-Z]"}},
        "properties": {"a": {"$ref": "#/$defs/name"}, "b": {"const": 1}},
        "dependentRequired": {"a": ["b"]},
        "unevaluatedProperties": False,
    },
}  # fmt: skip


def exact(validator: Any, divisor: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(instance, "number") and Decimal(str(instance)) % Decimal(str(divisor)):
        yield jsonschema.ValidationError("no multiple")


def reference(event: Event) -> Any:
    schema = dict(of_event(event))
    named = str(schema.pop("$schema", ""))
    default = jsonschema.Draft4Validator if "iglu" in named else jsonschema.Draft7Validator
    found = jsonschema.validators.validator_for({"$schema": named}, default=default)
    return jsonschema.validators.extend(found, {"multipleOf": exact})(schema)


def compared(plan: Plan) -> Counter[tuple[str, bool]]:
    """How many generated events of each name were well, and were not, by both validators."""
    random, seen = Random(7), Counter[tuple[str, bool]]()
    stage = PlanStage(plan)
    for event in plan.events.values():
        validator = reference(event)
        for number in range(HOW_MANY):
            properties = generated.value(random, of_event(event))
            for _ in range(number % 3):
                properties = generated.mutated(random, properties)
            properties = json.loads(json.dumps(properties))
            well = validator.is_valid({} if properties is None else properties)
            message = {"type": "track", "event": event.name, "properties": properties}
            assert (not plan.check(message)) == well, (event.name, properties)
            raw = msgspec.Raw(msgspec.json.encode(properties))
            said = Said("1", "track", "", event=event.name, properties=raw)
            assert stage.passes(said) == well, (event.name, properties)
            seen[event.name, well] += 1
    return seen


def test_schemas_of_our_own_are_checked_as_the_reference_does():
    plan = Plan("own", events={
        name: imports.json_schema(schema, name=name).events[name] for name, schema in OWN.items()
    })  # fmt: skip
    seen = compared(plan)
    assert all(seen[name, well] > 20 for name in OWN for well in (True, False))


@pytest.mark.needs("shared-data")
@pytest.mark.parametrize("file", FILES, ids=lambda each: each.stem)
def test_real_plans_are_checked_as_the_reference_does(file: Path):
    plan = load(file)
    seen = compared(plan)
    assert sum(seen.values()) == HOW_MANY * len(plan.events)
    assert {well for _, well in seen} >= {False}
