"""A small tea shop: the Flask example of track-middleware. Run it with ``flask --app shop run``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from flask import Flask, abort, g, redirect, render_template, request, session
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

from track_middleware import track
from track_middleware.flask import Track

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "common"))

import shelves  # noqa: E402  (the shop's stock stands beside the examples, in a folder of its own)

VAR = Path(os.environ.get("SHOP_VAR", HERE / "var"))
DATABASE = VAR / "shop.sqlite3"

app = Flask(
    __name__,
    static_folder=shelves.COMMON / "static",
    template_folder=shelves.COMMON / "templates",
)
app.secret_key = "an example's key: make your own"
app.config["TRACK"] = {
    "data_dir": str(VAR / "track"),
    "destinations": [f"jsonl://{VAR / 'delivered.jsonl'}"],
    "plan": str(shelves.COMMON / "tracking_plan.py"),
}
Track(app)


@app.context_processor
def head() -> dict[str, Any]:
    """What the head of every page shows."""
    return {"in_cart": sum(session.get("cart", {}).values()), "user": session.get("name")}


@app.get("/")
def home() -> str:
    return render_template("home.html", categories=shelves.CATEGORIES.values())


@app.get("/category/<slug>")
def category(slug: str) -> str:
    shown = shelves.CATEGORIES.get(slug) or abort(404)
    track("Product List Viewed", {"category": slug, "products": [p.slug for p in shown.products]})
    return render_template("category.html", category=shown)


@app.get("/product/<slug>")
def product(slug: str) -> str:
    shown = shelves.PRODUCTS.get(slug) or abort(404)
    track("Product Viewed", shown.tracked())
    return render_template("product.html", product=shown)


@app.get("/search")
def search() -> str:
    query = request.args.get("q", "").strip()
    found = shelves.search(query)
    if query:
        track("Products Searched", {"query": query, "results": len(found), "shelf": "all"})
    return render_template("search.html", query=query, products=found)


@app.get("/cart")
def cart() -> str:
    lines = shelves.lines(session.get("cart", {}))
    total = shelves.total(lines)
    track("Cart Viewed", {"value": total, "products": [line.tracked() for line in lines]})
    return render_template("cart.html", lines=lines, total=total)


@app.post("/cart/add/<slug>")
def cart_add(slug: str) -> Response:
    added = shelves.PRODUCTS.get(slug) or abort(404)
    cart = session.get("cart", {})
    session["cart"] = cart | {slug: cart.get(slug, 0) + 1}
    track("Product Added", {**added.tracked(), "quantity": 1})
    return redirect("/cart")


@app.post("/cart/remove/<slug>")
def cart_remove(slug: str) -> Response:
    removed = shelves.PRODUCTS.get(slug) or abort(404)
    session["cart"] = {each: n for each, n in session.get("cart", {}).items() if each != slug}
    track("Product Removed", removed.tracked())
    return redirect("/cart")


@app.get("/sign-up")
def sign_up() -> str:
    return render_template("sign.html", verb="Sign up")


@app.post("/sign-up")
def signed_up() -> str | Response:
    name, password = request.form["name"], request.form["password"]
    with shelves.transaction(DATABASE) as connection:
        user_id = shelves.add_user(connection, name, generate_password_hash(password))
    if user_id is None:
        return render_template("sign.html", verb="Sign up", wrong="That name is taken.")
    sign_in_as(user_id, name)
    track("Signed Up", {"method": "password"})
    return redirect("/")


@app.get("/sign-in")
def sign_in() -> str:
    return render_template("sign.html", verb="Sign in")


@app.post("/sign-in")
def signed_in() -> str | Response:
    name = request.form["name"]
    with shelves.transaction(DATABASE) as connection:
        found = shelves.user(connection, name)
    if found is None or not check_password_hash(found[1], request.form["password"]):
        return render_template("sign.html", verb="Sign in", wrong="Wrong name or password.")
    sign_in_as(found[0], name)
    return redirect("/")


def sign_in_as(user_id: int, name: str) -> None:
    """Starts the user's session; the visitor becomes this user."""
    session["name"] = name
    g.track.identify(str(user_id), {"username": name})


@app.post("/sign-out")
def sign_out() -> Response:
    session.clear()
    g.track.reset()
    return redirect("/")


@app.get("/checkout")
def checkout() -> str | Response:
    lines = shelves.lines(session.get("cart", {}))
    if not lines:
        return redirect("/cart")
    track("Checkout Started", {"value": shelves.total(lines), "currency": "EUR"})
    return render_template("checkout.html", lines=lines, total=shelves.total(lines))


@app.post("/checkout")
def place_order() -> Response:
    lines = shelves.lines(session.get("cart", {}))
    if not lines:
        return redirect("/cart")
    with shelves.transaction(DATABASE) as connection:
        # The event is written before the COMMIT, so that a kill between the two loses none; its id
        # is the order's, so that an order that is placed again counts once.
        placed = shelves.add_order(connection, request.form["name"], lines)
        track(
            "Order Completed",
            {
                "order_id": str(placed.id),
                "revenue": placed.total,
                "currency": "EUR",
                "products": [line.tracked() for line in lines],
            },
            event_id=f"order-{placed.id}",
        )
    session["cart"] = {}
    session["orders"] = [*session.get("orders", []), placed.id]
    return redirect(f"/orders/{placed.id}")


@app.get("/orders/<int:order_id>")
def order(order_id: int) -> str:
    if order_id not in session.get("orders", []):
        abort(404)
    with shelves.transaction(DATABASE) as connection:
        return render_template("order.html", order=shelves.order(connection, order_id))
