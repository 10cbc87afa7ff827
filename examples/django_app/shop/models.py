"""What the shop sells and what was bought."""

from django.conf import settings
from django.db import models


class Category(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    line = models.CharField(max_length=200)

    class Meta:
        ordering = ["id"]


class Product(models.Model):
    category = models.ForeignKey(Category, models.CASCADE, related_name="products")
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    line = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    hue = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def tracked(self) -> dict[str, object]:
        """The properties by which events name this product."""
        return {
            "product_id": self.slug,
            "name": self.name,
            "category": self.category.slug,
            "price": self.price,
        }


class Order(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    name = models.CharField(max_length=120)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True)


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT)
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=8, decimal_places=2)
