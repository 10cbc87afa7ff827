"""What the shop tells: each key metric where it happens, each page once."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from shop.models import Order, Product

from track_middleware.testing import captured_events

HERE = Path(__file__).resolve().parents[1]
NAVIGATION = {"sec-fetch-dest": "document", "accept": "text/html"}
DELIVERY = {"name": "Ada", "address": "1 Mill Lane"}


def labels(events):
    return [event.label for event in events]


@pytest.mark.parametrize("path", ["/", "/category/tea/", "/search/", "/cart/", "/sign-in/"])
def test_a_page_is_one_page_view(visitor, path):
    with captured_events() as events:
        assert visitor.get(path).status_code == 200
    assert labels(events).count("Page") == 1


def test_a_product_page_says_what_was_looked_at(visitor):
    with captured_events() as events:
        visitor.get("/product/blue-bowl/")
    (viewed,) = events.named("Product Viewed")
    assert viewed.properties["product_id"] == "blue-bowl"
    assert viewed.properties["price"] == 22
    (page,) = events.named("Page")
    assert page.context["page"]["route"] == "/product/<slug:slug>/"


def test_a_search_says_what_was_sought_and_how_much_was_found(visitor):
    with captured_events() as events:
        visitor.get("/search/", {"q": "pot"})
    (searched,) = events.named("Products Searched")
    assert searched.properties == {"query": "pot", "results": 1, "shelf": "all"}


def test_an_empty_search_is_no_search(visitor):
    with captured_events() as events:
        visitor.get("/search/", {"q": " "})
    assert not events.named("Products Searched")


def test_the_cart_follows_what_is_put_in_and_taken_out(visitor):
    with captured_events() as events:
        visitor.post("/cart/add/first-flush/")
        visitor.get("/cart/")
        visitor.post("/cart/remove/first-flush/")
    viewed = events.named("Cart Viewed")[0]
    assert viewed.properties["value"] == 14.5
    assert labels(events.named("Product Added", "Product Removed")) == [
        "Product Added",
        "Product Removed",
    ]


def test_an_order_is_one_event_named_by_the_order(visitor):
    visitor.post("/cart/add/iron-pot/")
    visitor.post("/cart/add/iron-pot/")
    with captured_events() as events:
        answer = visitor.post("/checkout/", DELIVERY)
    order = Order.objects.latest("id")
    (completed,) = events.named("Order Completed")
    assert answer.headers["Location"] == f"/orders/{order.pk}/"
    assert completed.message_id == f"order-{order.pk}"
    assert completed.properties["order_id"] == str(order.pk)
    assert completed.properties["revenue"] == order.total == 96
    assert completed.properties["products"][0]["quantity"] == 2


def test_an_order_without_an_address_is_none(visitor):
    visitor.post("/cart/add/iron-pot/")
    with captured_events() as events:
        visitor.post("/checkout/", {"name": "Ada"})
    assert not events.named("Order Completed")
    assert events.named("Checkout Started")


def test_whoever_signs_up_is_known_from_then_on(visitor):
    secret = "a long enough secret"
    given = {"username": "grace", "password1": secret, "password2": secret}
    with captured_events() as events:
        visitor.post("/sign-up/", given)
        visitor.get("/product/blue-bowl/")
    (signed_up,) = events.named("Signed Up")
    (viewed,) = events.named("Product Viewed")
    assert signed_up.user_id
    assert viewed.user_id == signed_up.user_id


def test_nobody_sees_an_order_of_somebody_else(visitor):
    visitor.post("/cart/add/iron-pot/")
    placed = visitor.post("/checkout/", DELIVERY)
    assert Client(headers=NAVIGATION).get(placed.headers["Location"]).status_code == 404


def test_a_page_carries_the_script(visitor):
    body = visitor.get("/").content.decode()
    assert body.count("<script") == 1
    assert body.index("<script") < body.index("</head>")


def test_stocking_twice_leaves_each_product_once(visitor):
    before = Product.objects.count()
    call_command("seed", verbosity=0)
    assert Product.objects.count() == before == 8


def test_the_typed_calls_are_the_plans(capsys):
    call_command("track", "plan", "types", "--python")
    assert capsys.readouterr().out == (HERE / "shop" / "calls.py").read_text()
