"""What our events are in Snowplow's schemas: self-describing data, and the entities beside it.

Source: the public schemas of Iglu Central (com.snowplowanalytics.snowplow, .snowplow.ecommerce,
.mobile; com.segment takes a message of Segment's spec with any properties, so that nothing is lost
where no schema of the site's own is named). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from ..event import NAMESPACE, Event
from . import commerce
from .commerce import Product
from .context import facts, own
from .limits import Cutter

#: A schema and what it describes.
Described = dict[str, Any]

UNSTRUCT = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"
CONTEXTS = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1"

_WEB_PAGE = "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0"
_SESSION = "iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2"
_SCREEN = "iglu:com.snowplowanalytics.mobile/screen_view/jsonschema/1-0-0"
_SEGMENT = {
    "track": "iglu:com.segment/track/jsonschema/1-0-0",
    "identify": "iglu:com.segment/identify/jsonschema/1-0-0",
    "group": "iglu:com.segment/group/jsonschema/2-0-0",
    "alias": "iglu:com.segment/alias/jsonschema/2-0-0",
    "page": "iglu:com.segment/page/jsonschema/2-0-0",
    "screen": "iglu:com.segment/screen/jsonschema/2-0-0",
}
_SHOP = "iglu:com.snowplowanalytics.snowplow.ecommerce/{}/jsonschema/{}"
_ACTION = _SHOP.format("snowplow_ecommerce_action", "1-0-2")

#: Canonical event -> the ``type`` of a ``snowplow_ecommerce_action``.
ACTIONS: Mapping[str, str] = {
    "Product List Viewed": "list_view",
    "Product Clicked": "list_click",
    "Product Viewed": "product_view",
    "Product Added": "add_to_cart",
    "Product Removed": "remove_from_cart",
    "Checkout Started": "checkout_step",
    "Checkout Step Completed": "checkout_step",
    "Order Completed": "transaction",
    "Order Refunded": "refund",
}

_URI = re.compile(r"iglu:[A-Za-z0-9_.-]+/[A-Za-z0-9_-]+/jsonschema/[0-9]+-[0-9]+-[0-9]+", re.ASCII)
_ID, _NAME, _PREVIOUS = 255, 255, 100
_MOST = 9_999_999
#: A schema wants these, and Segment's spec does not.
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Telling:
    """A self-describing event, and the entities that belong to it alone."""

    data: Described
    entities: Sequence[Described] = ()


def telling(event: Event, *, vendor: str, cutter: Cutter) -> Telling:
    """An event as self-describing data. ``vendor`` is the site's own in its schema registry; a
    track event whose name is an ``iglu:`` URI is of that schema."""
    if event.type == "screen":
        data = {"name": event.name or _UNKNOWN, "id": uuid_of(event.message_id)}
        return Telling({"schema": _SCREEN, "data": data}, beside(event, cutter))
    properties = own(event.properties)
    if event.type == "track" and _URI.fullmatch(str(event.event)):
        return Telling({"schema": str(event.event), "data": properties})
    shop = _shop(event, properties, cutter) if event.event in ACTIONS else None
    if shop:
        return shop
    if event.type == "track" and vendor and (word := _word(str(event.event))):
        return Telling({"schema": f"iglu:{vendor}/{word}/jsonschema/1-0-0", "data": properties})
    return Telling(_segment(event, cutter))


def beside(event: Event, cutter: Cutter) -> list[Described]:
    """The message as an entity, where it has properties that the vendor's own event has not."""
    return [_segment(event, cutter)] if own(event.properties) else []


def entities(event: Event) -> list[Described]:
    """What stands beside any event: its page, its session, and the site's own entities, which are
    self-describing values under ``snowplow`` in its context."""
    found = facts(event)
    made: list[Described] = []
    if _is_uuid(page := found.get("page_id")):
        made.append({"schema": _WEB_PAGE, "data": {"id": page}})
    if session := _session(event, found):
        made.append({"schema": _SESSION, "data": session})
    context = event.context if isinstance(event.context, Mapping) else {}
    given = context.get("snowplow")
    made.extend(
        {"schema": each["schema"], "data": each["data"]}
        for each in (given if isinstance(given, list) else ())
        if isinstance(each, Mapping) and _is_described(each)
    )
    return made


def _is_described(told: Mapping[str, Any]) -> bool:
    return _URI.fullmatch(str(told.get("schema"))) is not None and isinstance(
        told.get("data"), Mapping
    )


def is_vendor(text: str) -> bool:
    """Whether a text may stand for the vendor in a schema's URI."""
    return re.fullmatch(r"[A-Za-z0-9_.-]+", text, re.ASCII) is not None


def uuid_of(text: str) -> str:
    """The text where it is a UUID, else the UUID made of it."""
    return text if _is_uuid(text) else str(uuid5(NAMESPACE, text))


def _session(event: Event, found: Mapping[str, Any]) -> dict[str, Any] | None:
    user, session, number = event.anonymous_id, found.get("session_id"), found.get("session_number")
    if not _is_uuid(user) or not _is_uuid(session) or type(number) is not int or number < 0:
        return None
    return {
        "userId": str(user).lower(), "sessionId": session, "sessionIndex": number,
        "storageMechanism": "COOKIE_1",
    }  # fmt: skip


def _segment(event: Event, cutter: Cutter) -> Described:
    """The message itself, without what stands in the payload already."""
    data: dict[str, Any] = {"messageId": event.message_id[:_PREVIOUS]}
    texts = {
        "event": (event.event, _NAME), "userId": (event.user_id, _ID),
        "anonymousId": (event.anonymous_id, _ID), "groupId": (event.group_id, _ID),
        "previousId": (event.previous_id, _PREVIOUS), "name": (event.name, _NAME),
    }  # fmt: skip
    data |= {key: _cut(str(text), most, cutter) for key, (text, most) in texts.items() if text}
    if properties := own(event.properties):
        data["properties"] = _page(properties, cutter) if event.type == "page" else properties
    if traits := own(event.traits):
        data["traits"] = _traits(traits, cutter) if event.type == "identify" else traits
    return {"schema": _SEGMENT[event.type], "data": data}


def _page(properties: Mapping[str, Any], cutter: Cutter) -> dict[str, Any]:
    made = {key: value for key, value in properties.items() if value is not None}
    for key, most in (("title", 255), ("url", 8192)):
        if key in made:
            made[key] = _cut(str(made[key]), most, cutter)
    return made


def _traits(traits: Mapping[str, Any], cutter: Cutter) -> dict[str, Any]:
    """Traits as their schema wants them: name, email and the parts of an address are texts."""
    made = {key: value for key, value in traits.items() if value is not None}
    for key, most in (("name", 255), ("email", 512)):
        if key in made:
            made[key] = _cut(str(made[key]), most, cutter)
    if "address" in made:
        told = made["address"]
        parts = told if isinstance(told, Mapping) else {"street": told}
        made["address"] = {
            key: _cut(str(value), 512, cutter) for key, value in parts.items() if value is not None
        }
    return made


def _shop(event: Event, properties: Mapping[str, Any], cutter: Cutter) -> Telling | None:
    """A ``snowplow_ecommerce_action``; None where its schemas want what the event does not say.

    The event as it came goes along as an entity, so that no property is lost.
    """
    kind = ACTIONS[str(event.event)]
    said = properties.get("list") or properties.get("list_id") if kind.startswith("list") else None
    action: dict[str, Any] = {"type": kind}
    if said:
        action["name"] = _cut(str(said), 128, cutter)
    currency = commerce.currency(properties)
    products = [_product(each, currency) for each in commerce.products(properties)]
    made = [each for each in products if each]
    more = _MORE[kind](properties, currency) if kind in _MORE else []
    if more is None or (not made and kind not in _MORE):
        return None
    data = {"schema": _ACTION, "data": action}
    return Telling(data, (*more, *made, _segment(event, cutter)))


def _product(product: Product, currency: str | None) -> Described | None:
    price = _money(product.price)
    if product.key is None or price is None:
        return None
    code = commerce.currency(product.more) or currency
    if code is None:
        return None
    data: dict[str, Any] = {
        "id": product.key[:4096], "category": (product.category or _UNKNOWN)[:4096],
        "price": price, "currency": code,
    }  # fmt: skip
    texts = {"name": (product.name, 4096), "brand": (product.brand, 256),
             "variant": (product.variant, 256)}  # fmt: skip
    data |= {key: text[:most] for key, (text, most) in texts.items() if text}
    numbers = {"quantity": product.quantity, "position": product.position}
    data |= {key: int(n) for key, n in numbers.items() if n is not None and 0 <= n <= _MOST}
    return {"schema": _SHOP.format("product", "1-0-0"), "data": data}


def _transaction(properties: Mapping[str, Any], currency: str | None) -> list[Described] | None:
    order, revenue = commerce.order_id(properties), _money(commerce.amount(properties))
    if order is None or revenue is None or currency is None:
        return None
    quantity = sum(each.quantity or 1 for each in commerce.products(properties))
    data: dict[str, Any] = {
        "transaction_id": order[:4096], "revenue": revenue, "currency": currency,
        "payment_method": str(properties.get("payment_method") or _UNKNOWN)[:128],
        "total_quantity": min(int(max(quantity, 0)), _MOST),
    }  # fmt: skip
    for key, name in (("tax", "tax"), ("shipping", "shipping"), ("discount_amount", "discount")):
        if (told := _money(commerce.number(properties.get(name)))) is not None:
            data[key] = told
    if coupon := properties.get("coupon"):
        data["discount_code"] = str(coupon)[:99]
    return [{"schema": _SHOP.format("transaction", "1-0-0"), "data": data}]


def _refund(properties: Mapping[str, Any], currency: str | None) -> list[Described] | None:
    order, refunded = commerce.order_id(properties), _money(commerce.amount(properties))
    if order is None or refunded is None or currency is None:
        return None
    data = {"transaction_id": order[:4096], "currency": currency, "refund_amount": refunded}
    return [{"schema": _SHOP.format("refund", "1-0-0"), "data": data}]


def _step(properties: Mapping[str, Any], currency: str | None) -> list[Described] | None:
    told = commerce.number(properties.get("step", 1))
    if told is None or not 1 <= told <= 90:
        return None
    data: dict[str, Any] = {"step": int(told)}
    texts = {"delivery_method": "shipping_method", "payment_method": "payment_method",
             "coupon_code": "coupon"}  # fmt: skip
    data |= {
        key: str(properties[name])[:128] for key, name in texts.items() if properties.get(name)
    }
    return [{"schema": _SHOP.format("checkout_step", "1-0-0"), "data": data}]


_MORE = {"transaction": _transaction, "refund": _refund, "checkout_step": _step}


def _money(told: float | None) -> float | None:
    """An amount as the schemas want it: not negative, two digits after the point."""
    if told is None or not 0 <= told <= _MOST:
        return None
    return round(told, 2)


def _word(text: str) -> str:
    """A schema's name of an event's: ``Order Completed`` is ``order_completed``."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _cut(text: str, most: int, cutter: Cutter) -> str:
    if len(text) <= most:
        return text
    cutter.count += 1
    return text[:most]


def _is_uuid(text: Any) -> bool:
    if not isinstance(text, str) or len(text) != 36:
        return False
    try:
        UUID(text)
    except ValueError:
        return False
    return True
