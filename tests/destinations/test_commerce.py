"""Segment's e-commerce events: what they are worth, and the products that they name."""

from __future__ import annotations

from typing import Any

import pytest

from track_middleware.destinations import commerce


@pytest.mark.parametrize(
    ("properties", "worth"),
    [
        ({"revenue": 39.5, "total": 45}, 39.5),
        ({"value": "12.50"}, 12.5),
        ({"total": 45, "subtotal": 40}, 40),
        ({"products": [{"sku": "a", "price": 2.5, "quantity": 2}, {"sku": "b", "price": 1}]}, 6),
        ({"product_id": "a", "price": 3, "quantity": 2}, 6),
        ({"revenue": 0}, 0),
        ({"revenue": "much"}, None),
        ({"revenue": float("nan")}, None),
        ({"revenue": True}, None),
        ({"products": [{"product_id": "a"}]}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_an_event_is_worth_its_revenue_or_else_what_comes_closest(
    properties: dict[str, Any], worth: float | None
) -> None:
    assert commerce.amount(properties) == worth


def test_a_product_is_read_by_the_names_of_the_spec() -> None:
    told = {
        "product_id": 7, "sku": "S", "name": "Shoe", "category": "A/B", "brand": "X",
        "variant": "red", "coupon": "C", "price": "9.90", "quantity": 2, "position": 1,
        "color": "red",
    }  # fmt: skip
    (product,) = commerce.products({"products": [told]})
    assert product == commerce.Product(
        id="7", sku="S", name="Shoe", category="A/B", brand="X", variant="red", coupon="C",
        price=9.9, quantity=2, position=1, more={"color": "red"},
    )  # fmt: skip
    assert product.key == "7"


def test_the_properties_are_the_product_where_they_list_none() -> None:
    assert [each.key for each in commerce.products({"sku": "S", "price": 1})] == ["S"]
    assert commerce.is_about_one({"sku": "S"})
    assert not commerce.is_about_one({"sku": "S", "products": [{"sku": "T"}]})
    assert commerce.products({"order_id": "1", "name": "no product"}) == []


def test_what_is_no_product_is_left_out() -> None:
    assert commerce.products({"products": ["shoe", None, {"sku": "S"}]})[0].sku == "S"
    assert commerce.products({"products": []}) == []


@pytest.mark.parametrize(
    ("told", "code"),
    [("eur", "EUR"), (" USD ", "USD"), ("€", None), ("EURO", None), (978, None), (None, None)],
)
def test_a_currency_has_three_letters(told: Any, code: str | None) -> None:
    assert commerce.currency({"currency": told}) == code


@pytest.mark.parametrize(
    ("properties", "order"),
    [
        ({"order_id": 1001}, "1001"),
        ({"orderId": "A-1"}, "A-1"),
        ({"order_id": "", "transaction_id": "T"}, "T"),
        ({"order_id": ["x"]}, None),
        ({}, None),
    ],
)
def test_an_orders_id_is_text(properties: dict[str, Any], order: str | None) -> None:
    assert commerce.order_id(properties) == order
