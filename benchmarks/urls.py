"""The routes of the Django app under measurement."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from .faces import PAGE


def page(request: HttpRequest, number: int) -> HttpResponse:
    """A page by a synchronous view."""
    return HttpResponse(PAGE)


async def async_page(request: HttpRequest, number: int) -> HttpResponse:
    """The same by an asynchronous one."""
    return HttpResponse(PAGE)


urlpatterns: list[Any] = [
    path("products/<int:number>/", page),
    path("products/<int:number>/async/", async_page),
]
