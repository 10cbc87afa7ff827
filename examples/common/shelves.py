"""The shop's products and orders in SQLite, shared by the Flask and the FastAPI example."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

COMMON = Path(__file__).resolve().parent

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, password TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, total TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS order_lines (
    order_id INTEGER NOT NULL REFERENCES orders, product TEXT NOT NULL,
    quantity INTEGER NOT NULL, price TEXT NOT NULL);
"""


class Product(NamedTuple):
    """One thing that is sold."""

    slug: str
    name: str
    line: str
    price: Decimal
    hue: int
    category: str

    def tracked(self) -> dict[str, object]:
        """The properties by which events name this product."""
        return {
            "product_id": self.slug,
            "name": self.name,
            "category": self.category,
            "price": self.price,
        }


class Category(NamedTuple):
    """One shelf."""

    slug: str
    name: str
    line: str
    products: tuple[Product, ...]


class Line(NamedTuple):
    """One product in a cart."""

    product: Product
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity

    def tracked(self) -> dict[str, object]:
        """The properties by which events name this line."""
        return {**self.product.tracked(), "quantity": self.quantity}


@dataclass(frozen=True, slots=True)
class Order:
    """One order that was placed."""

    id: int
    name: str
    total: Decimal


def _category(shelf: dict[str, object]) -> Category:
    slug, name, line = str(shelf["slug"]), str(shelf["name"]), str(shelf["line"])
    products = shelf["products"]
    assert isinstance(products, list)
    return Category(slug, name, line, tuple(_product(each, slug) for each in products))


def _product(given: dict[str, str], category: str) -> Product:
    price, hue = Decimal(given["price"]), int(given["hue"])
    return Product(given["slug"], given["name"], given["line"], price, hue, category)


CATEGORIES = {
    shelf["slug"]: _category(shelf) for shelf in json.loads((COMMON / "products.json").read_text())
}
PRODUCTS = {
    product.slug: product for category in CATEGORIES.values() for product in category.products
}


def search(query: str) -> list[Product]:
    """The products whose name holds the query; none for an empty one."""
    return [each for each in PRODUCTS.values() if query and query.lower() in each.name.lower()]


def lines(cart: Mapping[str, int]) -> list[Line]:
    """What a cart of slugs and quantities holds."""
    return [Line(PRODUCTS[slug], quantity) for slug, quantity in cart.items() if slug in PRODUCTS]


def total(chosen: Sequence[Line]) -> Decimal:
    """The sum of these lines."""
    return sum((line.total for line in chosen), Decimal(0))


@contextmanager
def transaction(database: Path) -> Iterator[sqlite3.Connection]:
    """One transaction: committed when the block ends well, rolled back when it raises."""
    database.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(database, isolation_level=None, timeout=20)
    try:
        connection.executescript(SCHEMA)
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
    finally:
        connection.close()


def add_user(connection: sqlite3.Connection, name: str, password: str) -> int | None:
    """A new user's id; None when the name is taken. ``password`` is its hash."""
    try:
        added = connection.execute(
            "INSERT INTO users (name, password) VALUES (?, ?)", (name, password)
        )
    except sqlite3.IntegrityError:
        return None
    return added.lastrowid


def user(connection: sqlite3.Connection, name: str) -> tuple[int, str] | None:
    """A user's id and the hash of the password."""
    found: tuple[int, str] | None = connection.execute(
        "SELECT id, password FROM users WHERE name = ?", (name,)
    ).fetchone()
    return found


def add_order(connection: sqlite3.Connection, name: str, chosen: Sequence[Line]) -> Order:
    """Writes an order with its lines."""
    added = connection.execute(
        "INSERT INTO orders (name, total) VALUES (?, ?)", (name, str(total(chosen)))
    )
    assert added.lastrowid is not None
    connection.executemany(
        "INSERT INTO order_lines VALUES (?, ?, ?, ?)",
        [(added.lastrowid, x.product.slug, x.quantity, str(x.product.price)) for x in chosen],
    )
    return Order(added.lastrowid, name, total(chosen))


def order(connection: sqlite3.Connection, order_id: int) -> Order | None:
    """The order of this number."""
    row = connection.execute(
        "SELECT id, name, total FROM orders WHERE id = ?", (order_id,)
    ).fetchone()
    return Order(row[0], row[1], Decimal(row[2])) if row else None
