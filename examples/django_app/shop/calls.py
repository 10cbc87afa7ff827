# Made by "track-middleware plan types" of the plan Leaf & Kettle 1; changes are lost.
# ruff: noqa
# fmt: off
"""Typed calls of the tracking plan: one function per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypedDict

from track_middleware import track as _track

_Properties = dict[str, Any]


def product_list_viewed(
    *,
    category: str,
    products: Sequence[str],
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: datetime | date | float | str | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Somebody looks at a shelf.

    Owner: shop.
    """
    _sent: _Properties = {
        "category": category,
        "products": products,
    }
    return _track(
        "Product List Viewed",
        _sent,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )


def product_viewed(
    *,
    product_id: str,
    name: str,
    category: str,
    price: float | Decimal,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: datetime | date | float | str | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Somebody looks at a product by itself.

    Owner: shop.

    price: In EUR.
    """
    _sent: _Properties = {
        "product_id": product_id,
        "name": name,
        "category": category,
        "price": price,
    }
    return _track(
        "Product Viewed",
        _sent,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )


def products_searched(
    *,
    query: str,
    results: int,
    shelf: str,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: datetime | date | float | str | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Somebody looks for something.

    Owner: shop.

    query: What was typed

    results: How many products were found

    shelf: Where it was sought: a category, or all
    """
    _sent: _Properties = {
        "query": query,
        "results": results,
        "shelf": shelf,
    }
    return _track(
        "Products Searched",
        _sent,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )


def product_added(
    *,
    product_id: str,
    name: str,
    category: str,
    price: float | Decimal,
    quantity: int,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: datetime | date | float | str | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Something is put into the cart.

    Owner: shop.

    price: In EUR.
    """
    _sent: _Properties = {
        "product_id": product_id,
        "name": name,
        "category": category,
        "price": price,
        "quantity": quantity,
    }
    return _track(
        "Product Added",
        _sent,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )


def product_removed(
    *,
    product_id: str,
    name: str,
    category: str,
    price: float | Decimal,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: datetime | date | float | str | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Something is taken out of the cart, however many there were.

    Owner: shop.

    price: In EUR.
    """
    _sent: _Properties = {
        "product_id": product_id,
        "name": name,
        "category": category,
        "price": price,
    }
    return _track(
        "Product Removed",
        _sent,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )


CartViewedProducts = TypedDict(
    "CartViewedProducts",
    {
        "product_id": str,
        "name": str,
        "category": str,
        "price": float | Decimal,
        "quantity": int,
    },
)


def cart_viewed(
    *,
    value: float | Decimal,
    products: Sequence[CartViewedProducts],
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: datetime | date | float | str | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Somebody looks at the cart.

    Owner: shop.

    value: In EUR.
    """
    _sent: _Properties = {
        "value": value,
        "products": products,
    }
    return _track(
        "Cart Viewed",
        _sent,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )


def checkout_started(
    *,
    value: float | Decimal,
    currency: Literal["EUR"],
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: datetime | date | float | str | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Somebody is about to order.

    Owner: sales.

    value: In EUR.
    """
    _sent: _Properties = {
        "value": value,
        "currency": currency,
    }
    return _track(
        "Checkout Started",
        _sent,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )


OrderCompletedProducts = TypedDict(
    "OrderCompletedProducts",
    {
        "product_id": str,
        "name": str,
        "category": str,
        "price": float | Decimal,
        "quantity": int,
    },
)


def order_completed(
    *,
    order_id: str,
    revenue: float | Decimal,
    currency: Literal["EUR"],
    products: Sequence[OrderCompletedProducts],
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: datetime | date | float | str | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """An order is placed.

    Owner: sales.

    order_id: The shop's own number Matches ^[0-9]+$

    revenue: In EUR.
    """
    _sent: _Properties = {
        "order_id": order_id,
        "revenue": revenue,
        "currency": currency,
        "products": products,
    }
    return _track(
        "Order Completed",
        _sent,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )


def signed_up(
    *,
    method: Literal["password"],
    user_id: str | None = None,
    anonymous_id: str | None = None,
    timestamp: datetime | date | float | str | None = None,
    event_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """An account was opened.

    Owner: growth.
    """
    _sent: _Properties = {
        "method": method,
    }
    return _track(
        "Signed Up",
        _sent,
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        event_id=event_id,
        context=context,
    )
