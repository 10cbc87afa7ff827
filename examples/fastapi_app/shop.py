"""A small tea shop: the FastAPI example of track-middleware. Run it with ``uvicorn shop:app``."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.middleware.sessions import SessionMiddleware

from track_middleware import track
from track_middleware.starlette import TrackMiddleware

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "common"))

import shelves  # noqa: E402  (the shop's stock stands beside the examples, in a folder of its own)

VAR = Path(os.environ.get("SHOP_VAR", HERE / "var"))
DATABASE = VAR / "shop.sqlite3"
SECRET = "an example's key: make your own"

app = FastAPI(default_response_class=HTMLResponse)
app.add_middleware(SessionMiddleware, secret_key=SECRET)
app.add_middleware(
    TrackMiddleware,
    secret_key=SECRET,
    data_dir=str(VAR / "track"),
    destinations=[f"jsonl://{VAR / 'delivered.jsonl'}"],
    plan=str(shelves.COMMON / "tracking_plan.py"),
)
app.mount("/static", StaticFiles(directory=shelves.COMMON / "static"))
templates = Jinja2Templates(directory=shelves.COMMON / "templates")

Text = Annotated[str, Form(min_length=1, max_length=300)]


def page(request: Request, name: str, **shown: Any) -> Response:
    """A template's page, with what the head of every page shows."""
    cart = request.session.get("cart", {})
    head = {"in_cart": sum(cart.values()), "user": request.session.get("name")}
    return templates.TemplateResponse(request, name, {**head, **shown})


def to(path: str) -> Response:
    """A redirect after a form."""
    return RedirectResponse(path, status_code=303)


def known(slug: str) -> shelves.Product:
    """The product of this slug; 404 when there is none."""
    if slug not in shelves.PRODUCTS:
        raise HTTPException(404)
    return shelves.PRODUCTS[slug]


@app.get("/")
def home(request: Request) -> Response:
    return page(request, "home.html", categories=shelves.CATEGORIES.values())


@app.get("/category/{slug}")
def category(request: Request, slug: str) -> Response:
    if slug not in shelves.CATEGORIES:
        raise HTTPException(404)
    shown = shelves.CATEGORIES[slug]
    track("Product List Viewed", {"category": slug, "products": [p.slug for p in shown.products]})
    return page(request, "category.html", category=shown)


@app.get("/product/{slug}")
async def product(request: Request, slug: str) -> Response:
    shown = known(slug)
    track("Product Viewed", shown.tracked())
    return page(request, "product.html", product=shown)


@app.get("/search")
def search(request: Request, q: str = "") -> Response:
    query = q.strip()
    found = shelves.search(query)
    if query:
        track("Products Searched", {"query": query, "results": len(found), "shelf": "all"})
    return page(request, "search.html", query=query, products=found)


@app.get("/cart")
def cart(request: Request) -> Response:
    lines = shelves.lines(request.session.get("cart", {}))
    total = shelves.total(lines)
    track("Cart Viewed", {"value": total, "products": [line.tracked() for line in lines]})
    return page(request, "cart.html", lines=lines, total=total)


@app.post("/cart/add/{slug}")
def cart_add(request: Request, slug: str) -> Response:
    added, cart = known(slug), request.session.get("cart", {})
    request.session["cart"] = cart | {slug: cart.get(slug, 0) + 1}
    track("Product Added", {**added.tracked(), "quantity": 1})
    return to("/cart")


@app.post("/cart/remove/{slug}")
def cart_remove(request: Request, slug: str) -> Response:
    removed, cart = known(slug), request.session.get("cart", {})
    request.session["cart"] = {each: n for each, n in cart.items() if each != slug}
    track("Product Removed", removed.tracked())
    return to("/cart")


@app.get("/sign-up")
def sign_up(request: Request) -> Response:
    return page(request, "sign.html", verb="Sign up")


@app.post("/sign-up")
def signed_up(request: Request, name: Text, password: Text) -> Response:
    with shelves.transaction(DATABASE) as connection:
        user_id = shelves.add_user(connection, name, hashed(password, secrets.token_hex(16)))
    if user_id is None:
        return page(request, "sign.html", verb="Sign up", wrong="That name is taken.")
    sign_in_as(request, user_id, name)
    track("Signed Up", {"method": "password"})
    return to("/")


@app.get("/sign-in")
def sign_in(request: Request) -> Response:
    return page(request, "sign.html", verb="Sign in")


@app.post("/sign-in")
def signed_in(request: Request, name: Text, password: Text) -> Response:
    with shelves.transaction(DATABASE) as connection:
        found = shelves.user(connection, name)
    if found is None or not is_password(password, found[1]):
        return page(request, "sign.html", verb="Sign in", wrong="Wrong name or password.")
    sign_in_as(request, found[0], name)
    return to("/")


def sign_in_as(request: Request, user_id: int, name: str) -> None:
    """Starts the user's session; the visitor becomes this user."""
    request.session["name"] = name
    request.state.track.identify(str(user_id), {"username": name})


def hashed(password: str, salt: str) -> str:
    """A password's hash, with its salt before it."""
    made = hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1)
    return f"{salt}:{made.hex()}"


def is_password(password: str, stored: str) -> bool:
    """Whether a stored hash is this password's."""
    return secrets.compare_digest(hashed(password, stored.partition(":")[0]), stored)


@app.post("/sign-out")
def sign_out(request: Request) -> Response:
    request.session.clear()
    request.state.track.reset()
    return to("/")


@app.get("/checkout")
def checkout(request: Request) -> Response:
    lines = shelves.lines(request.session.get("cart", {}))
    if not lines:
        return to("/cart")
    track("Checkout Started", {"value": shelves.total(lines), "currency": "EUR"})
    return page(request, "checkout.html", lines=lines, total=shelves.total(lines))


@app.post("/checkout")
def place_order(request: Request, name: Text, address: Text) -> Response:
    lines = shelves.lines(request.session.get("cart", {}))
    if not lines:
        return to("/cart")
    with shelves.transaction(DATABASE) as connection:
        # The event is written before the COMMIT, so that a kill between the two loses none; its id
        # is the order's, so that an order that is placed again counts once.
        placed = shelves.add_order(connection, name, lines)
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
    request.session["cart"] = {}
    request.session["orders"] = [*request.session.get("orders", []), placed.id]
    return to(f"/orders/{placed.id}")


@app.get("/orders/{order_id}")
def order(request: Request, order_id: int) -> Response:
    if order_id not in request.session.get("orders", []):
        raise HTTPException(404)
    with shelves.transaction(DATABASE) as connection:
        return page(request, "order.html", order=shelves.order(connection, order_id))
