"""What the shop tells: each key metric where it happens, each page once."""

import pytest

from track_middleware.testing import captured_events

DELIVERY = {"name": "Ada", "address": "1 Mill Lane"}


@pytest.mark.parametrize("path", ["/", "/category/tea", "/search", "/cart", "/sign-in"])
def test_a_page_is_one_page_view(visitor, path):
    with captured_events() as events:
        assert visitor.get(path).status_code == 200
    assert len(events.named("Page")) == 1


def test_a_product_page_says_what_was_looked_at(visitor):
    with captured_events() as events:
        visitor.get("/product/blue-bowl")
    (viewed,) = events.named("Product Viewed")
    assert viewed.properties["product_id"] == "blue-bowl"
    assert viewed.properties["price"] == 22
    (page,) = events.named("Page")
    assert page.context["page"]["route"] == "/product/{slug}"


def test_a_search_says_what_was_sought_and_how_much_was_found(visitor):
    with captured_events() as events:
        visitor.get("/search?q=pot")
    (searched,) = events.named("Products Searched")
    assert searched.properties == {"query": "pot", "results": 1, "shelf": "all"}


def test_the_cart_follows_what_is_put_in_and_taken_out(visitor):
    with captured_events() as events:
        visitor.post("/cart/add/first-flush")
        visitor.get("/cart")
        visitor.post("/cart/remove/first-flush")
    (viewed,) = events.named("Cart Viewed")
    changes = events.named("Product Added", "Product Removed")
    assert viewed.properties["value"] == 14.5
    assert [event.label for event in changes] == ["Product Added", "Product Removed"]


def test_an_order_is_one_event_named_by_the_order(visitor):
    visitor.post("/cart/add/iron-pot")
    visitor.post("/cart/add/iron-pot")
    with captured_events() as events:
        answer = visitor.post("/checkout", data=DELIVERY)
    (completed,) = events.named("Order Completed")
    order_id = completed.properties["order_id"]
    assert answer.headers["Location"] == f"/orders/{order_id}"
    assert completed.message_id == f"order-{order_id}"
    assert completed.properties["revenue"] == 96
    assert completed.properties["products"][0]["quantity"] == 2


def test_an_empty_cart_is_no_order(visitor):
    with captured_events() as events:
        visitor.post("/checkout", data=DELIVERY)
    assert not events.named("Order Completed", "Checkout Started")


def test_whoever_signs_up_is_known_from_then_on(visitor):
    given = {"name": "grace", "password": "a long enough secret"}
    with captured_events() as events:
        visitor.post("/sign-up", data=given)
        visitor.get("/product/blue-bowl")
    (signed_up,) = events.named("Signed Up")
    (viewed,) = events.named("Product Viewed")
    assert signed_up.user_id
    assert viewed.user_id == signed_up.user_id


def test_whoever_signs_in_is_the_one_who_signed_up(visitor, new_visitor):
    given = {"name": "mary", "password": "a long enough secret"}
    with captured_events() as events:
        visitor.post("/sign-up", data=given)
        new_visitor().post("/sign-in", data=given)
    first, second = events.named("Identify")
    assert first.user_id == second.user_id
    assert first.anonymous_id != second.anonymous_id


def test_after_signing_out_nobody_is_known(visitor):
    visitor.post("/sign-up", data={"name": "joan", "password": "a long enough secret"})
    visitor.post("/sign-out")
    with captured_events() as events:
        visitor.get("/product/blue-bowl")
    (viewed,) = events.named("Product Viewed")
    assert viewed.user_id is None


def test_nobody_sees_an_order_of_somebody_else(visitor, new_visitor):
    visitor.post("/cart/add/iron-pot")
    placed = visitor.post("/checkout", data=DELIVERY).headers["Location"]
    assert visitor.get(placed).status_code == 200
    assert new_visitor().get(placed).status_code == 404


def test_a_page_carries_the_script(visitor):
    body = visitor.get("/").text
    assert body.count("<script") == 1
    assert body.index("<script") < body.index("</head>")
