"""Plans written as Python, and as documents."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from track_middleware.errors import PlanError
from track_middleware.plan import document, load
from track_middleware.plan.parts import Property

SHOP = '''
"""What the shop tells."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Literal, NotRequired, TypedDict

from track_middleware.plan import PII, Keywords, Only, Pattern, Planned, Unit, optional

PLAN = {"name": "shop", "version": "3", "unknown": "quarantine"}


class Product(TypedDict):
    sku: str
    price: NotRequired[float]


class Method(Enum):
    CARD = "card"
    BILL = "bill"


class OrderCompleted(Planned, owner="sales", server_only=True, basis="contract", mode="refuse"):
    """Somebody paid."""

    order_id: Annotated[str, "The shop's own number", Pattern(r"^[0-9]+$")]
    revenue: Annotated[float, Unit("EUR"), Keywords(minimum=0)]
    method: Method | None
    at: datetime = optional
    products: list[Product] = optional
    coupon: str | None = None
    email: Annotated[str, PII("email"), Only("amplitude")] = optional


class SignedUp(Planned, platforms={"web": None, "ios": "2.1"}, sampling=0.5, destinations=("a",)):
    plan: Literal["free", "paid"]
'''

DOCUMENT: dict[str, Any] = {
    "name": "shop", "version": "3", "unknown": "quarantine", "description": "What the shop tells.",
    "mode": "warn",
    "events": {
        "Order Completed": {
            "description": "Somebody paid.", "owner": "sales", "server_only": True,
            "basis": "contract", "mode": "refuse",
            "properties": {
                "order_id": {"type": "string", "required": True, "pattern": "^[0-9]+$",
                             "description": "The shop's own number"},
                "revenue": {"type": "number", "required": True, "unit": "EUR",
                            "keywords": {"minimum": 0}},
                "method": {"type": ["string", "null"], "required": True,
                           "enum": ["card", "bill", None]},
                "at": {"type": "string", "format": "date-time"},
                "products": {"type": "array", "items": {"type": "object", "properties": {
                    "sku": {"type": "string", "required": True}, "price": {"type": "number"}}}},
                "coupon": {"type": ["string", "null"]},
                "email": {"type": "string", "pii": "email", "destinations": ["amplitude"]},
            },
        },
        "Signed Up": {
            "platforms": {"web": None, "ios": "2.1"}, "sampling": 0.5, "destinations": ["a"],
            "properties": {
                "plan": {"type": "string", "required": True, "enum": ["free", "paid"]},
            },
        },
    },
}  # fmt: skip


def written(tmp_path: Path, text: str, name: str = "tracking_plan.py") -> Path:
    file = tmp_path / name
    file.write_text(text)
    return file


def test_python_says_what_a_document_says(tmp_path):
    plan = load(written(tmp_path, SHOP))
    assert plan == document.read(DOCUMENT, name="")
    assert document.read(json.loads(json.dumps(document.written(plan))), name="") == plan


def test_a_document_may_be_yaml_or_json(tmp_path):
    yaml = """
name: shop
events:
  Signed Up:
    platforms: [web, ios]
    properties:
      plan: {type: string, required: true}
"""
    plan = load(written(tmp_path, yaml, "plan.yaml"))
    assert plan.events["Signed Up"].platforms == {"web": None, "ios": None}
    assert plan.events["Signed Up"].properties == (Property("plan", ("string",), required=True),)
    assert load(written(tmp_path, json.dumps(DOCUMENT), "plan.json")).version == "3"


def test_a_violation_says_where_and_how(tmp_path):
    plan = load(written(tmp_path, SHOP))
    said = {"order_id": "A", "revenue": -1, "method": "cash", "products": [{"sku": "1"}, {}]}
    found = plan.check({"type": "track", "event": "Order Completed", "properties": said})
    assert {str(each) for each in found} == {
        'properties.order_id: "A" does not match "^[0-9]+$"',
        "properties.revenue: -1 is less than the minimum of 0",
        'properties.method: "cash" is not one of "card", "bill" or null',
        'properties.products[1]: "sku" is a required property',
    }


def test_an_unknown_event_is_told_with_the_nearest_name(tmp_path):
    plan = load(written(tmp_path, SHOP))
    for name in ("Order Complete", "order completed", "order_completed"):
        (only,) = plan.check({"type": "track", "event": name})
        assert only.problem == (f"the plan does not know {name!r}; did you mean 'Order Completed'?")
    (stranger,) = plan.check({"type": "track", "event": "Zzz"})
    assert stranger.problem == "the plan does not know 'Zzz'"


@pytest.mark.parametrize("annotation", ["bytes", "complex", "'Nowhere'", "str | list[int] | dict"])
def test_what_no_property_can_be_is_told(annotation, tmp_path):
    text = f"from track_middleware.plan import Planned\nclass A(Planned):\n    x: {annotation}\n"
    with pytest.raises(PlanError):
        load(written(tmp_path, text))


@pytest.mark.parametrize(("keyword", "hint"), [
    ("owned='a'", "did you mean owner"), ("mode='drop'", "none of warn, quarantine, refuse"),
    ("sampling=2", "no share from 0 to 1"), ("platforms=('windows',)", "none of server, web"),
    ("basis='law'", "none of consent, contract"), ("server_only=1", "true or false"),
])  # fmt: skip
def test_a_mistaken_keyword_is_told(keyword, hint, tmp_path):
    text = f"from track_middleware.plan import Planned\nclass A(Planned, {keyword}):\n    x: str\n"
    with pytest.raises(PlanError, match=hint):
        load(written(tmp_path, text))


@pytest.mark.parametrize(("text", "name"), [
    ("import nowhere_at_all", "a.py"), ("class", "b.py"), ("{", "c.json"), ("a: [", "d.yaml"),
    ("[]", "e.json"), ('{"events": []}', "f.json"), ('{"events": {"A": {"tpye": 1}}}', "g.json"),
    ('{"events": {"A": {"properties": {"a": {"pattern": "["}}}}}', "h.json"),
])  # fmt: skip
def test_a_file_that_is_no_plan_is_told(text, name, tmp_path):
    with pytest.raises(PlanError):
        load(written(tmp_path, text, name))


@pytest.mark.parametrize("name", ["nowhere.json", "nowhere.py", "no.such.module"])
def test_a_plan_that_is_not_there_is_told(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError):
        load(name)


def test_a_property_beside_a_schema_says_only_what_the_schema_cannot(tmp_path):
    schema = {"properties": {"email": {"type": "string"}}}
    event = {"schema": schema, "properties": {"email": {"pii": "email"}}}
    plan = document.read({"events": {"A": event}}, name="")
    (email,) = plan.events["A"].properties
    assert (email.type, email.pii) == (("string",), "email")
    assert document.written(plan)["events"]["A"] == event
    for wrong in ({"email": {"type": "integer"}}, {"mail": {"pii": "email"}}):
        with pytest.raises(PlanError, match="checked by its schema"):
            document.read({"events": {"A": {**event, "properties": wrong}}}, name="")


@pytest.mark.parametrize(("missing", "name"), [("jsonschema_rs", "a.json"), ("yaml", "a.yaml")])
def test_without_the_extra_it_is_told_what_to_install(missing, name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    file = written(tmp_path, json.dumps(DOCUMENT), name)
    with pytest.raises(PlanError, match=r"pip install track-middleware\[plan\]"):
        load(file)
