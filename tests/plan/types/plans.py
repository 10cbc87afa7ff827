"""Plans for the tests of typed calls: a shop's, and one whose names are out to break things."""

from __future__ import annotations

from typing import Any

from tests.programs import SHARED_DATA
from track_middleware.plan import document
from track_middleware.plan.model import Plan
from track_middleware.plan.types.names import FUNCTIONS, PARAMETERS

#: Segment's own plan for the tests of its generator (github.com/segmentio/typewriter).
TYPEWRITER = SHARED_DATA / "schemas" / "segment_typewriter_plan.json"

SHOP = document.read(
    {
        "name": "Shop",
        "version": "3",
        "events": {
            "Order Completed": {
                "description": "Somebody paid.",
                "owner": "shop",
                "server_only": True,
                "properties": {
                    "coupon": {"type": "string"},
                    "order_id": {"type": "string", "required": True, "description": "Its number"},
                    "revenue": {"type": "number", "required": True, "unit": "EUR"},
                    "currency": {"type": "string", "enum": ["EUR", "USD"], "required": True},
                    "gift": {"type": ["string", "null"]},
                    "paid": {"type": "string", "format": "date-time"},
                    "lines": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "sku": {"type": "string", "required": True},
                                "unit-price": {"type": ["number", "null"]},
                            },
                        },
                    },
                    "user_id": {"type": "string"},
                },
            },
            "Link Followed": {
                "platforms": ["web", "ios", "android"],
                "properties": {
                    "count": {"type": "integer", "required": True},
                    "size": {"enum": ["s", "m", None], "type": ["string", "null"]},
                    "grade": {"enum": [1, 2]},
                },
            },
            "Seen": {},
            "Page": {"kind": "page"},
        },
    },
    name="shop",
)

#: Ends a comment, a docstring or a literal in some language, or begins something.
INJECTIONS = (
    '"""\nimport os; os.abort()\n"""', "*/ throw 1; /*", "/* /* nested", "\\", 'a"', "'", "`${x}`",
    "$x ${x}", "\\(x)", "\\u0022", "a\r\nb", "a\u2028b", "a\x00b", "a\u202eb", "//", "#", "\\\\f",
    "%s {0}", "</script>", "😀", "--", "_", "__", "9 lives", "Ünïcode",
    "購入完了", "ﬁ", "²",
)  # fmt: skip


def nasty() -> Plan:
    """Every reserved word and every injection, as an event, a property, a value, a description."""
    words = sorted(set().union(*FUNCTIONS.values(), *PARAMETERS.values()))
    texts = [*INJECTIONS, "event collided", "Event Collided", "event_collided", "EventCollided"]
    properties: dict[str, Any] = {
        name: {
            "type": "string", "description": name, "required": at % 2 == 0,
            **({"enum": [name, "é", "e\u0301", ""]} if at % 5 == 0 else {}),
        }
        for at, name in enumerate([*texts, *words])
    }  # fmt: skip
    inner = {"type": "object", "properties": properties, "description": '*/ """ \\'}
    events: dict[str, Any] = {
        name: {"description": name, "properties": {name: {"type": "integer"}}}
        for name in (*texts, *words, "Typed", "Json")
    }
    events["Everything"] = {"properties": properties, "description": "\n".join(texts)}
    events["Typed"]["properties"] = {"dict": inner, "list": {"type": "array", "items": inner}}
    kinds = ("string", "integer", "number", "boolean", "array", "object", ["string", "null"], [])
    events["Kinds"] = {
        "properties": {
            f"{kind} {required}": {"type": kind, "required": required}
            for kind in kinds
            for required in (True, False)
        }
        | {
            "deep": {"type": "array", "items": {"type": "array", "items": inner}},
            "holes": {"type": "array", "items": {"type": ["number", "null"]}, "required": True},
        }
    }
    plan = {"name": texts[0], "events": events}
    return document.read(plan, name="nasty")
