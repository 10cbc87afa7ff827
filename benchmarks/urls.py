"""The routes of the Django app under measurement."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from . import faces


def view(request: HttpRequest, number: int) -> HttpResponse:
    """A page by a synchronous view."""
    return HttpResponse(faces.page())


async def async_view(request: HttpRequest, number: int) -> HttpResponse:
    """The same by an asynchronous one."""
    return HttpResponse(faces.page())


urlpatterns: list[Any] = [
    path("products/<int:number>/", view),
    path("products/<int:number>/async/", async_view),
]
