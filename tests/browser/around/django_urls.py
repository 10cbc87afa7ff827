"""The Django shop's addresses and the tests' pages."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from tests.browser.around import pages


def extra(request: HttpRequest, rest: str) -> HttpResponse:
    headers = {name.lower(): value for name, value in request.headers.items()}
    given = pages.answer(rest, headers)
    return HttpResponse(given.body, given.content_type, given.status, headers=dict(given.headers))


urlpatterns = [path("x/<path:rest>", extra), path("", include("shop.urls"))]
