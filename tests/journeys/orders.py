"""Places orders in the example's Django shop, and prints their numbers, a line for each visitor;
started by ``test_reconcile``."""

import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402  Django must be set up first
from django.test import Client  # noqa: E402
from shop.models import Order, Product  # noqa: E402

NAVIGATION = {
    "accept": "text/html",
    "sec-fetch-dest": "document",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}


def main(*visitors: str) -> None:
    """Each is ``2`` (so many orders), or ``2:sec-gpc=1`` (with this header)."""
    if not Product.objects.exists():
        call_command("seed", verbosity=0, stdout=sys.stderr)
    for each in visitors:
        number, _, header = each.partition(":")
        visitor = Client(headers=NAVIGATION | dict([header.split("=")] if header else []))
        print(*(_bought(visitor) for _ in range(int(number))))


def _bought(visitor: Client) -> int:
    visitor.post("/cart/add/iron-pot/")
    visitor.post("/cart/add/first-flush/")
    answer = visitor.post("/checkout/", {"name": "Ada", "address": "1 Mill Lane"})
    assert answer.status_code == 302, answer
    return Order.objects.latest("pk").pk


call_command("migrate", verbosity=0)
main(*sys.argv[1:])
