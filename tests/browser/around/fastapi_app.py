"""The FastAPI shop and the tests' pages, for an ASGI server."""

from fastapi import Request, Response
from shop import app

from tests.browser.around import pages, seen


@app.get("/x/{rest:path}")
def extra(request: Request, rest: str) -> Response:
    given = pages.answer(rest, request.headers)
    told = {**given.headers, "Content-Type": given.content_type}
    return Response(given.body, given.status, told)


application = seen.asgi(app)
