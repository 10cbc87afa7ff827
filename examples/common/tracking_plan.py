"""What the shop tells, wherever it is told: on the server, in the browser, by the app."""

from decimal import Decimal
from typing import Annotated, Literal, TypedDict

from track_middleware.plan import Keywords, Pattern, Planned, Unit

PLAN = {"name": "Leaf & Kettle", "version": "1", "mode": "warn"}


class Product(TypedDict):
    product_id: str
    name: str
    category: str
    price: Decimal


class Line(Product):
    quantity: Annotated[int, Keywords(minimum=1)]


class ProductListViewed(Planned, owner="shop", platforms=("server",)):
    """Somebody looks at a shelf."""

    category: str
    products: list[str]


class ProductViewed(Planned, owner="shop", platforms=("server", "ios")):
    """Somebody looks at a product by itself."""

    product_id: str
    name: str
    category: str
    price: Annotated[Decimal, Unit("EUR")]


class ProductsSearched(Planned, owner="shop", platforms=("server", "web", "ios")):
    """Somebody looks for something."""

    query: Annotated[str, "What was typed"]
    results: Annotated[int, "How many products were found", Keywords(minimum=0)]
    shelf: Annotated[str, "Where it was sought: a category, or all"]


class ProductAdded(Planned, owner="shop", platforms=("server",)):
    """Something is put into the cart."""

    product_id: str
    name: str
    category: str
    price: Annotated[Decimal, Unit("EUR")]
    quantity: Annotated[int, Keywords(minimum=1)]


class ProductRemoved(Planned, owner="shop", platforms=("server",)):
    """Something is taken out of the cart, however many there were."""

    product_id: str
    name: str
    category: str
    price: Annotated[Decimal, Unit("EUR")]


class CartViewed(Planned, owner="shop", platforms=("server",)):
    """Somebody looks at the cart."""

    value: Annotated[Decimal, Unit("EUR")]
    products: list[Line]


class CheckoutStarted(Planned, owner="sales", platforms=("server",)):
    """Somebody is about to order."""

    value: Annotated[Decimal, Unit("EUR")]
    currency: Literal["EUR"]


class OrderCompleted(Planned, owner="sales", platforms=("server",), server_only=True):
    """An order is placed."""

    order_id: Annotated[str, "The shop's own number", Pattern(r"^[0-9]+$")]
    revenue: Annotated[Decimal, Unit("EUR"), Keywords(minimum=0)]
    currency: Literal["EUR"]
    products: list[Line]


class SignedUp(Planned, owner="growth", platforms=("server",), server_only=True):
    """An account was opened."""

    method: Literal["password"]


class BannerClicked(Planned, owner="growth", platforms=("web",)):
    """Somebody follows a banner."""

    banner: Literal["tea"]


class ProductClicked(Planned, owner="shop", platforms=("web",)):
    """A product is chosen among others."""

    product_id: str


class AddToCartClicked(Planned, owner="shop", platforms=("web",)):
    """The button is pressed; whether it came to something the server says."""

    product_id: str


class CheckoutClicked(Planned, owner="sales", platforms=("web",)):
    """Somebody goes on from the cart."""


class BackToTopClicked(Planned, owner="shop", platforms=("web",)):
    """A long page was read to its end."""
