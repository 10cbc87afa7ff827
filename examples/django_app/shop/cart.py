"""The cart: product slugs and quantities in the visitor's session."""

from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest

from .calls import OrderCompletedProducts
from .models import Product


@dataclass(frozen=True, slots=True)
class Line:
    """One product in the cart."""

    product: Product
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity

    def tracked(self) -> OrderCompletedProducts:
        """The properties by which events name this line."""
        return {
            "product_id": self.product.slug,
            "name": self.product.name,
            "category": self.product.category.slug,
            "price": self.product.price,
            "quantity": self.quantity,
        }


def lines(request: HttpRequest) -> list[Line]:
    """What is in the cart, in the shop's order."""
    quantities = request.session.get("cart", {})
    products = Product.objects.select_related("category").filter(slug__in=quantities)
    return [Line(product, quantities[product.slug]) for product in products]


def total(chosen: list[Line]) -> Decimal:
    """The sum of these lines."""
    return sum((line.total for line in chosen), Decimal(0))


def add(request: HttpRequest, product: Product) -> None:
    """Puts one more of a product into the cart."""
    quantities = request.session.get("cart", {})
    request.session["cart"] = quantities | {product.slug: quantities.get(product.slug, 0) + 1}


def remove(request: HttpRequest, product: Product) -> None:
    """Takes a product out of the cart, however many there were."""
    quantities = request.session.get("cart", {})
    request.session["cart"] = {slug: n for slug, n in quantities.items() if slug != product.slug}


def empty(request: HttpRequest) -> None:
    """Takes everything out of the cart."""
    request.session["cart"] = {}


def in_templates(request: HttpRequest) -> dict[str, int]:
    """The number of things in the cart, for the page's head."""
    return {"in_cart": sum(request.session.get("cart", {}).values())}
