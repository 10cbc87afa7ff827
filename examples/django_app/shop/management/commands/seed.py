"""``manage.py seed``: puts the products of ``examples/common`` on the shelves; may be repeated."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from shop.models import Category, Product


class Command(BaseCommand):
    help = "Puts the example's products on the shelves."

    def handle(self, *args: Any, **options: Any) -> None:
        for shelf in json.loads((settings.COMMON / "products.json").read_text()):
            products = shelf.pop("products")
            category, _ = Category.objects.update_or_create(slug=shelf["slug"], defaults=shelf)
            for product in products:
                defaults = {**product, "category": category}
                Product.objects.update_or_create(slug=product["slug"], defaults=defaults)
        self.stdout.write(f"{Product.objects.count()} products are on the shelves")
