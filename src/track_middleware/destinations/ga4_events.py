"""What GA4 calls our events, and their parameters, within its limits.

Sources: developers.google.com/analytics/devguides/collection/protocol/ga4 (reference, reference/
events, sending-events: limits and reserved names) and support.google.com/analytics/answer/9267744
(the longer values of page_title, page_referrer and page_location). Pure.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from ..event import Event
from . import commerce
from .commerce import Product
from .context import facts, own, past
from .limits import Cutter

#: Longest names and values, most parameters, most items and custom parameters of one item.
NAME = 40
VALUE = 100
MOST_PARAMS = 25
MOST_ITEMS = 200
_MOST_CUSTOM = 10
_LONGER = {"page_location": 1_000, "page_referrer": 420, "page_title": 300}

_PROPERTY_NAME, _PROPERTY_VALUE, _MOST_PROPERTIES = 24, 36, 25

#: Canonical event -> GA4's recommended one.
NAMES: Mapping[str, str] = {
    "Products Searched": "search",
    "Product List Viewed": "view_item_list",
    "Promotion Viewed": "view_promotion",
    "Promotion Clicked": "select_promotion",
    "Product Clicked": "select_item",
    "Product Viewed": "view_item",
    "Product Added": "add_to_cart",
    "Product Removed": "remove_from_cart",
    "Cart Viewed": "view_cart",
    "Checkout Started": "begin_checkout",
    "Checkout Step Completed": "add_shipping_info",
    "Payment Info Entered": "add_payment_info",
    "Order Completed": "purchase",
    "Order Refunded": "refund",
    "Product Added to Wishlist": "add_to_wishlist",
    "Wishlist Product Added to Cart": "add_to_cart",
    "Product Shared": "share",
    "Cart Shared": "share",
    "Signed Up": "sign_up",
    "Signed In": "login",
}
#: The other kinds. ``screen_view`` is for app streams alone; there is nothing like an alias.
KINDS: Mapping[str, str] = {
    "page": "page_view", "screen": "screen_viewed", "identify": "identify", "group": "join_group",
}  # fmt: skip

RESERVED = frozenset((
    "ad_activeview", "ad_click", "ad_exposure", "ad_impression", "ad_query", "ad_reward",
    "adunit_exposure", "app_clear_data", "app_exception", "app_install", "app_remove",
    "app_store_refund", "app_update", "app_upgrade", "dynamic_link_app_open",
    "dynamic_link_app_update", "dynamic_link_first_open", "error", "firebase_campaign",
    "firebase_in_app_message_action", "firebase_in_app_message_dismiss",
    "firebase_in_app_message_impression", "first_open", "first_visit", "in_app_purchase",
    "notification_dismiss", "notification_foreground", "notification_open", "notification_receive",
    "notification_send", "os_update", "screen_view", "session_start", "user_engagement",
))  # fmt: skip
RESERVED_PARAMS = frozenset(("firebase_conversion",))
RESERVED_PROPERTIES = frozenset((
    "first_open_time", "first_visit_time", "last_deep_link_referrer", "user_id",
    "first_open_after_install",
))  # fmt: skip
RESERVED_PREFIXES = ("_", "firebase_", "ga_", "google_", "gtag.")

#: Google forbids what names a person (support.google.com/analytics/answer/6366371).
_PERSONAL = frozenset((
    "email", "phone", "name", "firstname", "lastname", "fullname", "username", "address", "street",
    "birthday", "avatar", "ip",
))  # fmt: skip
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

#: Our property -> GA4's parameter, where an e-commerce event of that name has it.
_TERMS = {
    "query": "search_term", "list_id": "item_list_id", "list": "item_list_name",
    "promotion_id": "promotion_id", "creative": "creative_name",
    "shipping_method": "shipping_tier", "payment_method": "payment_type", "share_via": "method",
}  # fmt: skip
_ITEM = {
    "key": "item_id", "name": "item_name", "brand": "item_brand", "variant": "item_variant",
    "coupon": "coupon", "price": "price", "quantity": "quantity", "position": "index",
}  # fmt: skip
_ITEM_OWN = frozenset((
    "affiliation", "discount", "item_list_id", "item_list_name", "location_id", "promotion_id",
    "promotion_name", "creative_name", "creative_slot",
))  # fmt: skip

_encoder = msgspec.json.Encoder()


def name(event: Event, cutter: Cutter) -> str:
    """GA4's name of an event: a recommended one, else ours in snake case; never a reserved one."""
    if event.type != "track":
        return KINDS[event.type]
    told = str(event.event)
    if told in NAMES:
        return NAMES[told]
    made = slug(told).lower() or f"event_{zlib.crc32(told.encode('utf-8', 'replace')):08x}"
    if not made[0].isalpha() or made in RESERVED or made.startswith(RESERVED_PREFIXES):
        made = f"custom_{made}"
    return _cut(made, NAME, cutter)


def params(event: Event, cutter: Cutter, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """An event's parameters; ``fixed`` ones win, and what is one too many is left out."""
    properties = {**past(event), **own(event.properties)}
    known, rest = _known(event, properties, cutter)
    made = dict(fixed)
    for key, value in {**known, **_page(event)}.items():
        made.setdefault(key, value if key == "items" else _value(key, value, cutter))
    _custom(made, rest, cutter)
    if event.type == "track" and not slug(str(event.event)):
        made.setdefault("original_name", _cut(str(event.event), VALUE, cutter))
    said = {key: value for key, value in made.items() if value is not None}
    if len(said) > MOST_PARAMS:
        cutter.count += 1
    return dict(list(said.items())[:MOST_PARAMS])


def user_properties(traits: Mapping[str, Any], cutter: Cutter) -> dict[str, Any]:
    """Traits as user properties, without those that name a person."""
    made: dict[str, Any] = {}
    for key, told in traits.items():
        value = _value(key, told, cutter)
        if value is None:
            continue
        plain = slug(str(key))
        if plain.replace("_", "").lower() in _PERSONAL or _MAIL.search(str(value)):
            cutter.count += 1
            continue
        short = _own_name(plain, _PROPERTY_NAME, RESERVED_PROPERTIES, cutter)
        if isinstance(value, str):
            value = _cut(value, _PROPERTY_VALUE, cutter)
        if short and len(made) < _MOST_PROPERTIES:
            made.setdefault(short, {"value": value})
        else:
            cutter.count += 1
    return made


def slug(text: str) -> str:
    """The text as ASCII letters, digits and single underscores; "" when it has none of them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")


def names_somebody(text: str) -> bool:
    """Whether an id is somebody's mail address, which Google must not be sent."""
    return _MAIL.search(text) is not None


def _known(
    event: Event, properties: Mapping[str, Any], cutter: Cutter
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters that GA4 has names for, and the properties that are left."""
    if event.type == "group":
        return {"group_id": event.group_id}, {}
    if event.type == "screen":
        return {"screen_name": event.name}, dict(properties)
    if event.event == "Page Left":
        rest = {k: v for k, v in properties.items() if k not in ("engagedMs", "scrollDepth")}
        return {"percent_scrolled": properties.get("scrollDepth")}, rest
    if event.event not in NAMES or event.event not in commerce.EVENTS:
        return {}, dict(properties)
    return _commerce(properties, cutter)


def _commerce(
    properties: Mapping[str, Any], cutter: Cutter
) -> tuple[dict[str, Any], dict[str, Any]]:
    alone = commerce.is_about_one(properties)
    used = commerce.amount_keys() | _TERMS.keys() | {"products", "tax", "shipping"}
    items = [
        _item(each, cutter, used if alone else frozenset())
        for each in commerce.products(properties)
    ]
    whole = [each for each in items if "item_id" in each or "item_name" in each]
    cutter.count += len(items) - len(whole) + (len(whole) > MOST_ITEMS)
    known: dict[str, Any] = {
        "transaction_id": commerce.order_id(properties),
        "currency": commerce.currency(properties),
        "value": commerce.amount(properties),
    }
    known |= {term: properties[key] for key, term in _TERMS.items() if key in properties}
    known |= {key: commerce.number(properties.get(key)) for key in ("tax", "shipping")}
    if whole:
        known["items"] = whole[:MOST_ITEMS]
    rest = {} if alone else {k: v for k, v in properties.items() if k not in used}
    return known, rest  # an event about one product says everything else in its item


def _item(product: Product, cutter: Cutter, said: frozenset[str]) -> dict[str, Any]:
    """One item; ``said`` names what the event itself says."""
    item = {term: _value(term, getattr(product, key), cutter) for key, term in _ITEM.items()}
    for number, part in enumerate((product.category or "").split("/")[:5], start=1):
        if part.strip():
            term = f"item_category{number if number > 1 else ''}"
            item[term] = _value(term, part.strip(), cutter)
    more = {key: value for key, value in product.more.items() if key not in said}
    item |= {key: _value(key, more.pop(key), cutter) for key in _ITEM_OWN & more.keys()}
    custom: dict[str, Any] = {}
    _custom(custom, more, cutter)
    if len(custom) > _MOST_CUSTOM:
        cutter.count += 1
    item |= dict(list(custom.items())[:_MOST_CUSTOM])
    return {key: value for key, value in item.items() if value is not None}


def _page(event: Event) -> dict[str, Any]:
    found = facts(event)
    title = found.get("title") or (event.name if event.type == "page" else None)
    told = {"page_location": found.get("url"), "page_title": title}
    if event.type == "page":
        told["page_referrer"] = found.get("referrer")
        told["page_route"] = found.get("route")
    return told


def _custom(made: dict[str, Any], rest: Mapping[str, Any], cutter: Cutter) -> None:
    """Adds the site's own parameters; one whose name is taken or has no letter is left out."""
    for key, told in rest.items():
        value = _value(str(key), told, cutter)
        if value is None:
            continue
        short = _own_name(slug(str(key)), NAME, RESERVED_PARAMS, cutter)
        if not short or made.get(short) is not None:
            cutter.count += 1
            continue
        made[short] = value


def _own_name(plain: str, most: int, reserved: frozenset[str], cutter: Cutter) -> str:
    if not plain:
        return ""
    if not plain[0].isalpha() or plain in reserved or plain.lower().startswith(RESERVED_PREFIXES):
        plain = f"x_{plain}"
    return _cut(plain, most, cutter)


def _value(key: str, value: Any, cutter: Cutter) -> Any:
    """A text or a number; whatever is neither becomes text."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return value
    text = value if isinstance(value, str) else _encoder.encode(value).decode()
    return _cut(text, _LONGER.get(key, VALUE), cutter) if text else None


def _cut(text: str, most: int, cutter: Cutter) -> str:
    if len(text) <= most:
        return text
    cutter.count += 1
    return text[:most]
