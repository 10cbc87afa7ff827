"""The shop's numbers as the shop itself knows them."""

from collections.abc import Iterator
from typing import Any

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast

from .models import Order


def orders() -> Iterator[dict[str, Any]]:
    """Every order as the event that tells of it names it: what ``reconcile`` compares."""
    rows = Order.objects.order_by("pk").values(
        "created_at",
        order_id=Cast("pk", CharField()),
        revenue=F("total"),
        currency=Value("EUR"),
    )
    return rows.iterator(chunk_size=1000)
