"""The shop's pages. What is tracked stands where it happens; key metrics through typed calls of the
plan, which ``manage.py track plan types --python --output shop/calls.py`` writes."""

from django import forms
from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from track_middleware import track

from . import calls, cart
from .models import Category, Order, OrderLine, Product


class SignUp(UserCreationForm):
    """A name and a password, twice."""

    class Meta:
        model = User
        fields = ("username",)


class Delivery(forms.Form):
    """Where an order goes."""

    name = forms.CharField(max_length=120)
    address = forms.CharField(max_length=300)


def home(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/home.html", {"categories": Category.objects.all()})


def category(request: HttpRequest, slug: str) -> HttpResponse:
    shown = get_object_or_404(Category, slug=slug)
    products = shown.products.all()
    track("Product List Viewed", {"category": slug, "products": [p.slug for p in products]})
    return render(request, "shop/category.html", {"category": shown, "products": products})


def product(request: HttpRequest, slug: str) -> HttpResponse:
    shown = get_object_or_404(Product.objects.select_related("category"), slug=slug)
    track("Product Viewed", shown.tracked())
    return render(request, "shop/product.html", {"product": shown})


def search(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    found = Product.objects.filter(name__icontains=query) if query else Product.objects.none()
    if query:
        track("Products Searched", {"query": query, "results": len(found), "shelf": "all"})
    return render(request, "shop/search.html", {"query": query, "products": found})


def cart_page(request: HttpRequest) -> HttpResponse:
    lines = cart.lines(request)
    track("Cart Viewed", {"value": cart.total(lines), "products": [x.tracked() for x in lines]})
    return render(request, "shop/cart.html", {"lines": lines, "total": cart.total(lines)})


@require_POST
def cart_add(request: HttpRequest, slug: str) -> HttpResponse:
    added = get_object_or_404(Product.objects.select_related("category"), slug=slug)
    cart.add(request, added)
    track("Product Added", {**added.tracked(), "quantity": 1})
    return redirect("cart")


@require_POST
def cart_remove(request: HttpRequest, slug: str) -> HttpResponse:
    removed = get_object_or_404(Product.objects.select_related("category"), slug=slug)
    cart.remove(request, removed)
    track("Product Removed", removed.tracked())
    return redirect("cart")


def sign_up(request: HttpRequest) -> HttpResponse:
    form = SignUp(request.POST or None)
    if not form.is_valid():
        return render(request, "shop/sign_up.html", {"form": form})
    user = form.save()
    login(request, user)
    calls.signed_up(method="password")
    return redirect("home")


def checkout(request: HttpRequest) -> HttpResponse:
    lines = cart.lines(request)
    if not lines:
        return redirect("cart")
    form = Delivery(request.POST or None)
    if not form.is_valid():
        track("Checkout Started", {"value": cart.total(lines), "currency": "EUR"})
        shown = {"form": form, "lines": lines, "total": cart.total(lines)}
        return render(request, "shop/checkout.html", shown)
    placed = place_order(request, lines, form.cleaned_data["name"])
    cart.empty(request)
    return redirect("order", pk=placed.pk)


@transaction.atomic
def place_order(request: HttpRequest, lines: list[cart.Line], name: str) -> Order:
    """Writes the order and its event in one transaction: both exist, or neither."""
    user = request.user if request.user.is_authenticated else None
    placed = Order.objects.create(user=user, name=name, total=cart.total(lines))
    OrderLine.objects.bulk_create(
        OrderLine(order=placed, product=x.product, quantity=x.quantity, price=x.product.price)
        for x in lines
    )
    calls.order_completed(
        order_id=str(placed.pk),
        revenue=placed.total,
        currency="EUR",
        products=[x.tracked() for x in lines],
        event_id=f"order-{placed.pk}",
    )
    request.session["orders"] = [*request.session.get("orders", []), placed.pk]
    return placed


def order(request: HttpRequest, pk: int) -> HttpResponse:
    mine = request.session.get("orders", [])
    placed = get_object_or_404(Order.objects.filter(pk__in=mine), pk=pk)
    return render(request, "shop/order.html", {"order": placed})
