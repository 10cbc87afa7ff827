"""The standard e-commerce events of Segment's spec, and how to read one: products, order, amounts.

Source: segment.com/docs/connections/spec/ecommerce/v2. Values only; each vendor's codec makes its
own events of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Every name of the spec, in its order.
EVENTS = (
    "Products Searched", "Product List Viewed", "Product List Filtered", "Promotion Viewed",
    "Promotion Clicked", "Product Clicked", "Product Viewed", "Product Added", "Product Removed",
    "Cart Viewed", "Checkout Started", "Checkout Step Viewed", "Checkout Step Completed",
    "Payment Info Entered", "Order Completed", "Order Updated", "Order Refunded",
    "Order Cancelled", "Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed",
    "Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart",
    "Product Shared", "Cart Shared", "Product Reviewed",
)  # fmt: skip

_ORDER_ID = ("order_id", "orderId", "transaction_id", "transactionId")
#: What the order brought, without shipping and tax, before what merely comes close to it.
_AMOUNT = ("revenue", "value", "subtotal", "total", "amount")
_ID = ("product_id", "productId", "id")
_NAME = ("name", "product_name", "title")
_KNOWN = frozenset((
    *_ID, *_NAME, "sku", "category", "brand", "variant", "coupon", "price", "quantity", "position",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Product:
    """One product of an event; None where it does not say. ``more`` is what the spec has no name
    for, as it came."""

    id: str | None = None
    sku: str | None = None
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    variant: str | None = None
    coupon: str | None = None
    price: float | None = None
    quantity: float | None = None
    position: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str | None:
        """What tells it from other products: its id, else its SKU."""
        return self.id or self.sku


def products(properties: Mapping[str, Any]) -> Sequence[Product]:
    """The products that an event lists, else the one that it is itself about."""
    listed = properties.get("products")
    if isinstance(listed, list):
        return [_product(each) for each in listed if isinstance(each, Mapping)]
    about = _product(properties)
    return [about] if about.key else []


def is_about_one(properties: Mapping[str, Any]) -> bool:
    """Whether the properties themselves describe the product."""
    return not isinstance(properties.get("products"), list) and bool(products(properties))


def order_id(properties: Mapping[str, Any]) -> str | None:
    """The order's id as text."""
    return _text(properties, _ORDER_ID)


def currency(properties: Mapping[str, Any]) -> str | None:
    """The currency's three letters (ISO 4217) in capitals."""
    told = properties.get("currency")
    if not isinstance(told, str):
        return None
    code = told.strip().upper()
    return code if len(code) == 3 and code.isascii() and code.isalpha() else None


def amount(properties: Mapping[str, Any]) -> float | None:
    """What the event is worth: its revenue, value or total, else the sum of its products."""
    for name in _AMOUNT:
        told = number(properties.get(name))
        if told is not None:
            return told
    priced = [each for each in products(properties) if each.price is not None]
    if not priced:
        return None
    return round(sum((each.price or 0.0) * (each.quantity or 1.0) for each in priced), 4)


def amount_keys() -> frozenset[str]:
    """Names of properties that ``order_id``, ``currency`` and ``amount`` read."""
    return frozenset((*_ORDER_ID, *_AMOUNT, "currency"))


def number(value: Any) -> float | None:
    """A number, also one written as text; None for anything else, NaN and infinity included."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        read = float(value)
    except (OverflowError, ValueError):
        return None
    if not math.isfinite(read):
        return None
    return int(read) if read.is_integer() and abs(read) < 2**53 else read


def _product(told: Mapping[str, Any]) -> Product:
    return Product(
        id=_text(told, _ID),
        sku=_text(told, ("sku",)),
        name=_text(told, _NAME),
        category=_text(told, ("category",)),
        brand=_text(told, ("brand",)),
        variant=_text(told, ("variant",)),
        coupon=_text(told, ("coupon",)),
        price=number(told.get("price")),
        quantity=number(told.get("quantity")),
        position=number(told.get("position")),
        more={key: value for key, value in told.items() if key not in _KNOWN},
    )


def _text(told: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        value = told.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            continue
        if text := str(value).strip():
            return text
    return None
