"""One request for the console: permission first, then a page, a table, an action or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..errors import TrackError
from ..http import Read, Reply, Request
from ..settings import Settings
from ..tracking.console import Ask
from . import render
from .answer import CSV, HTML, JSON, PLAIN, TYPES, answer, elsewhere
from .page import Page
from .pages import PAGES
from .permission import LIFE, Pass, Permission, is_form, is_own
from .query import DID, Query
from .reads import Reads
from .stream import Stream

#: The console's own files.
FILES = ("console.css", "console.js", "console.svg")

#: What may be asked with; any other method is refused, and shown nothing.
METHODS = ("GET", "HEAD", "POST")
_ALLOW = ("Allow", ", ".join(METHODS))
_BEARER = ("WWW-Authenticate", "Bearer")

#: The most bytes of a form.
_FORM = 65536

#: Time zones that the field offers; any other name of the tz database will do.
ZONES = ("UTC", "Europe/London", "Europe/Berlin", "Europe/Kyiv", "America/New_York",
         "America/Chicago", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Kolkata",
         "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney")  # fmt: skip

#: What is no page: answers a request by the rest of its path, None where nothing lies there.
Further = Callable[["Desk", str], Reply | Stream | None]


@dataclass(slots=True)
class Desk:
    """One request at the console, and what it may do. ``further`` are the streams and numbers that
    are no pages, by their path or its first part; ``may_last``: one may go on for minutes."""

    ask: Ask
    settings: Settings
    permission: Permission
    allowed: Pass
    reads: Reads
    wait: Callable[[str], float]
    further: Mapping[str, Further]
    may_last: bool = False

    @property
    def request(self) -> Request:
        return self.ask.request

    def reply(self, read: Read) -> Reply | Stream:
        """The answer; never a 5xx. Without permission there is nothing but the sign-in page, its
        stylesheet, and a refusal."""
        path = self.ask.path
        method = self.request.method
        if not self.allowed.allowed:
            return self._outside(path or "", read)
        if method not in METHODS:
            return self._refused(405, "This method is not known here.", _ALLOW)
        if path is None:
            return elsewhere(self.ask.base)
        try:
            if method == "POST":
                return self._acted(path, read)
            return self._found(path) or self._told(404, "There is no such page.")
        except TrackError as error:
            return self._told(409, str(error))

    # Without permission.

    def _outside(self, path: str, read: Read) -> Reply:
        if not self.permission.token:
            return self._refused(403, "You are not permitted to see this.")
        if self.request.method not in METHODS:
            return self._refused(401, "This takes the console's token.", _BEARER)
        if path in ("console.css", "console.svg"):
            return _file(path)
        if path == "sign-in" and self.request.method == "POST":
            return self._sign_in(read)
        if self.allowed.is_bearer or self.request.method == "POST":
            return self._refused(401, "That is not the token.", _BEARER)
        return self._sign_in_page(401)

    def _sign_in(self, read: Read) -> Reply:
        if not is_own(self.request):
            return self._sign_in_page(403)
        # Before the form is read: who sends one slowly holds a thread.
        seconds = self.wait(self.ask.address)
        if seconds:
            again = ("Retry-After", str(int(seconds) + 1))
            return self._refused(429, "Too many wrong tokens; wait a moment.", again)
        form = self._form(read)
        if form is None or not self._is_meant(form):
            return self._sign_in_page(403)
        if not self.permission.is_token(form.text("token")):
            return self._sign_in_page(403, wrong=True)
        return elsewhere(self.ask.base, self._cookie(self.permission.signed_in()))

    def _sign_in_page(self, status: int, *, wrong: bool = False) -> Reply:
        said = {**self.context(), "wrong": wrong}
        return self._html(status, "sign_in.html", said, _BEARER)

    def _refused(self, status: int, message: str, *more: tuple[str, str]) -> Reply:
        return answer(status, PLAIN, f"{message}\n".encode(), *more)

    # With it.

    def _found(self, path: str) -> Reply | Stream | None:
        name, _, rest = path.partition("/")
        if not path:
            return elsewhere(f"{self.ask.base}{PAGES[0].name}/{self.query().address()}")
        if not rest and "." in name:
            return _file(path) if path in FILES else None
        page = _page_of(name)
        if page is not None and path == name:
            return elsewhere(f"{self.ask.base}{name}/{self.query().address()}")
        further = self.further.get(path) or (self.further.get(name) if page is None else None)
        if further is not None:
            return further(self, rest)
        if page is None:
            return None
        return self._table(page, rest) if rest else self._page(page)

    def _page(self, page: Page) -> Reply:
        shown = page.shown(self.query(), self.reads)
        context = {**self.context(page), "tables": shown.tables, **shown.context}
        return self._html(200, f"pages/{page.name}.html", context)

    def _table(self, page: Page, file: str) -> Reply | None:
        name, _, ending = file.rpartition(".")
        if ending not in ("csv", "json"):
            return None
        query = self.query()
        table = page.shown(query, self.reads).tables.get(name)
        if table is None:
            return None
        if ending == "json":
            return answer(200, JSON, table.as_json(query.zone))
        shown_as = ("Content-Disposition", f'attachment; filename="{page.name}-{name}.csv"')
        return answer(200, CSV, table.as_csv(query.zone), shown_as)

    def _acted(self, path: str, read: Read) -> Reply:
        form = self._form(read)
        if form is None:
            return self._told(413, "The form is too large.")
        if not (self.allowed.is_bearer or self._is_meant(form)):
            return self._told(403, "This form is too old, or not of this page. Load it again.")
        if path == "sign-out":
            return elsewhere(self.ask.base, self._cookie("", age=0))
        name, _, done = path.partition("/")
        page = _page_of(name)
        action = page.actions.get(done) if page is not None else None
        if action is None:
            return self._told(404, "There is no such action.")
        numbers = action(form, self.reads)
        query = self.query().address({f"{DID}{name}": said for name, said in numbers.items()})
        return elsewhere(f"{self.ask.base}{name}/{query}")

    def _is_meant(self, form: Query) -> bool:
        """Whether a page of ours has sent the form."""
        return is_own(self.request) and is_form(form.text("csrf"), self.allowed.form)

    def _form(self, read: Read) -> Query | None:
        """The posted form; None where it is too large or broke off."""
        body = bytearray()
        try:
            while len(body) <= _FORM and (piece := read(_FORM + 1 - len(body))):
                body += piece
        except OSError:
            return None
        text = body.decode("utf-8", "replace")
        return Query(text, time_zone=self.settings.time_zone) if len(body) <= _FORM else None

    # How it looks.

    def query(self) -> Query:
        """What is asked for."""
        return Query(self.request.query, time_zone=self.settings.time_zone)

    def context(self, page: Page | None = None) -> dict[str, Any]:
        """What every template is given, that of a page or of what is none."""
        query = self.query()
        kept = f"?tz={quote(query.zone_name)}" if query.text("tz") == query.zone_name else ""
        return {
            "pages": PAGES, "page": page or _NONE, "query": query, "base": self.ask.base,
            "kept": kept, "csrf": self.allowed.form, "signed_in": self.allowed.signed_in,
            "zones": ZONES, "host": self.request.host, "now": self.reads.now,
        }  # fmt: skip

    def _told(self, status: int, message: str) -> Reply:
        title = "This did not work" if status != 404 else "Not found"
        return self._html(
            status, "told.html", {**self.context(), "title": title, "message": message}
        )

    def _html(
        self, status: int, template: str, context: Mapping[str, Any], *more: tuple[str, str]
    ) -> Reply:
        lines = list(more)
        if self.allowed.cookie is not None:
            lines.append(self._cookie(self.allowed.cookie))
        return answer(status, HTML, render.rendered(template, context), *lines)

    def _cookie(self, value: str, *, age: int = LIFE) -> tuple[str, str]:
        secure = "; Secure" if self.request.scheme == "https" else ""
        name, place = self.permission.cookie, self.ask.base
        return (
            "Set-Cookie",
            f"{name}={value}; Max-Age={age}; Path={place}; HttpOnly; SameSite=Lax{secure}",
        )


def _page_of(name: str) -> Page | None:
    return next((each for each in PAGES if each.name == name), None)


def _nothing(query: Query, reads: Reads) -> Any:
    raise LookupError("this page shows nothing")


#: For what is no page: the sign-in, a refusal.
_NONE = Page("", "", _nothing)


def _file(name: str) -> Reply:
    return answer(200, TYPES[name.rpartition(".")[2]], render.static(name))
