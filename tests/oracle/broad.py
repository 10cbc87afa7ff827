"""Every verb, every standard e-commerce event, and properties that strain every limit: what a
vendor without an SDK is tried with."""

from __future__ import annotations

from typing import Any

from track_middleware import alias, group, identify, page, screen, track
from track_middleware.destinations.commerce import EVENTS

VISITOR = "11111111-1111-4111-a111-111111111111"
CONTEXT: dict[str, Any] = {
    "page": {
        "id": "33333333-3333-4333-a333-333333333333",
        "url": "https://shop.test/sale?utm_source=news&utm_campaign=autumn&" + "q=1&" * 400,
        "path": "/sale", "title": "Sale " * 100, "referrer": "https://www.google.com/" + "r" * 500,
    },
    "session": {"id": "22222222-2222-4222-a222-222222222222", "number": 2,
                "start": "2026-11-23T11:59:00.000Z"},
    "campaign": {"source": "news", "name": "autumn", "gclid": "Abc"},
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "ip": "192.0.2.0", "locale": "de-DE", "timezone": "Europe/Berlin", "platform": "web",
    "screen": {"size": "1920x1080", "viewport": "1200x800"},
    "consent": {"analytics": "granted", "marketing": "denied"},
}  # fmt: skip
WHO: dict[str, Any] = {"user_id": "42", "anonymous_id": VISITOR, "context": CONTEXT}
PRODUCT = {
    "product_id": "P-1", "sku": "S-1", "name": "Shoe", "category": "Wear/Shoes/Men/Red/Sale/Old",
    "price": "19.90", "quantity": 2, "position": 1, "coupon": "C", "url": "https://shop.test/p",
    **{f"extra {number}": "x" * 150 for number in range(15)},
}  # fmt: skip
ORDER = {
    "order_id": "O-1", "revenue": 39.8, "total": 45, "tax": 6, "shipping": 4.5, "currency": "eur",
    "coupon": "SALE", "payment_method": "card", "products": [PRODUCT, {"name": "?"}, {}, "x"],
}  # fmt: skip
STRANGE = {
    "": "no name", "_private": 1, "ga_id": 2, "google_x": 3, "firebase_conversion": 1, "id": 7,
    "n" * 2_000: "v" * 5_000, "nested": {"a": [1, {"b": None}]}, "list": ["a", 1, None, ["b"]],
    "yes": True, "none": None, "text": "", "€": 5, "session_id": "mine", "event_id": "mine",
    "many": ["y" * 100] * 50,
}  # fmt: skip
TRAITS = {
    "id": 1, "ID": 2, "email": "Ann@Shop.test", "name": "Ann", "plan": "pro", "tags": ["a", "b"],
    "address": {"city": "Berlin"}, "first_open_time": 5, "vip": True, "x" * 50: "y" * 50,
    **{f"trait {number}": number for number in range(40)},
}  # fmt: skip
NAMES = (
    "Invoice Paid",
    "Error",
    "session_start",
    "3D Viewed",
    "购买",
    "!",
    "g" * 200,
    "_x",
    "ga_x",
)


def say() -> None:
    """Says all of it."""
    page("Home", {"title": 5, "section": "men"}, **WHO)
    page(**{**WHO, "user_id": None})
    screen("Cart", STRANGE, **WHO)
    for name in EVENTS:
        track(name, ORDER, **WHO)
        track(name, PRODUCT, **WHO)
        track(name, **WHO)
    for name in NAMES:
        track(name, STRANGE, **WHO)
    track("Page Left", {"engagedMs": 12_345.6, "scrollDepth": 80}, **WHO)
    track("Invoice Paid", {"amount": 12, **{f"p{n}": n for n in range(300)}}, user_id="a@b.test")
    identify(traits=TRAITS, **WHO)
    identify("42", {"plan": "pro"})
    group("g-1", TRAITS, **WHO)
    alias("42", "visitor-0")
