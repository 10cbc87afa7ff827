"""The Flask shop and the tests' pages, for a WSGI server."""

from flask import Response, request
from shop import app

from tests.browser.around import pages, seen


@app.get("/x/<path:rest>")
def extra(rest: str) -> Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    given = pages.answer(rest, headers)
    told = {**given.headers, "Content-Type": given.content_type}
    return Response(given.body, given.status, told)


application = seen.wsgi(app)
