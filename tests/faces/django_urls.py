"""The views of the Django app: a sync and an async one, told apart by how Django runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from tests.faces.pages import page


async def _stream(chunks: Any) -> Any:
    for chunk in chunks:
        yield chunk


@csrf_exempt
def view(request: HttpRequest, **_given: Any) -> HttpResponseBase:
    one = page(request.path)
    if one.view:
        one.view()
    response: HttpResponseBase
    if one.streamed:
        is_async = not hasattr(request, "environ")
        chunks = _stream(one.stream()) if is_async else one.stream()
        response = StreamingHttpResponse(chunks, content_type=one.type)
    else:
        response = HttpResponse(one.body, status=one.status, content_type=one.type)
    for name, value in one.headers:
        if name == "Set-Cookie":
            response.cookies.load(value)
        else:
            response[name] = value
    return response


urlpatterns = [path("orders/<int:number>/", view), re_path(".*", view)]
