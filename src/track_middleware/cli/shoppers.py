"""The demo's simulated shoppers: a few visitors that a program plays, and that say so.

They ask the site over HTTP as browsers do and are marked: their user agents say what they are, and
an enricher puts ``simulated`` into the context of what they leave.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import threading
import time
from html import unescape
from http.client import HTTPException
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, Request, build_opener

from ..event import Event

#: What their user agents end with.
MARK = "SimulatedShopper/1"

#: The enricher that marks them, as the setting ``enrichers`` names it.
ENRICHER = f"{__name__}.marked"

_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)"
_ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9)"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} {}Safari/537.36"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{} {}Safari/{}"
AGENTS = tuple(
    f"{agent} {MARK}"
    for agent in (
        f"{_WINDOWS} {_CHROME.format('140.0.0.0', '')}",
        f"{_WINDOWS} {_CHROME.format('139.0.0.0', '')}",
        f"{_WINDOWS} {_CHROME.format('140.0.0.0', '')} Edg/140.0.0.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
        f"{_MAC} {_CHROME.format('140.0.0.0', '')}",
        f"{_MAC} {_SAFARI.format('18.5', '', '605.1.15')}",
        "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
        f"Mozilla/5.0 (X11; Linux x86_64) {_CHROME.format('140.0.0.0', '')}",
        f"{_PHONE} {_SAFARI.format('18.5', 'Mobile/15E148 ', '604.1')}",
        f"{_PHONE} {_SAFARI.format('18.4', 'Mobile/15E148 ', '604.1')}",
        f"{_ANDROID} {_CHROME.format('140.0.0.0', 'Mobile ')}",
        f"{_ANDROID} {_CHROME.format('138.0.0.0', 'Mobile ')}",
    )
)

#: Where they come from: a query of the landing page, or a referrer.
_ARRIVALS = (
    ("?utm_source=newsletter&utm_medium=email&utm_campaign=spring", ""),
    ("?utm_source=google&utm_medium=cpc&utm_campaign=tea&gclid=simulated", ""),
    ("", "https://www.google.com/"),
    ("", "https://duckduckgo.com/"),
    ("", "https://chatgpt.com/"),
    ("", "https://www.reddit.com/r/tea/"),
    ("", ""),
    ("", ""),
)

#: How many shop at once, seconds between two steps of one, steps of a visit.
_SHOPPERS, _PAUSE, _STEPS = 3, (2.0, 6.0), (2, 9)

#: How many of a hundred have no JavaScript, and submit a form where there is one.
_SILENT, _DECIDED = 12, 35

_PATIENCE = 10.0
_MOST = 500_000

_LINK = re.compile(r'<a\s[^>]*href="(/[^"#]*)"')
_FORM = re.compile(r'<form\s([^>]*method="post"[^>]*)>(.*?)</form>', re.DOTALL | re.IGNORECASE)
_ACTION = re.compile(r'action="([^"]*)"')
_INPUT = re.compile(r"<(?:input|textarea)\s([^>]*)>")
_NAME, _VALUE = re.compile(r'name="([^"]*)"'), re.compile(r'value="([^"]*)"')
_TOKEN = re.compile(r'<meta name="track-page" content="([^"]*)"')
_SCRIPT = re.compile(r'src="(/[^"]*/)m(?:\.[0-9a-f]{8})?\.js"')
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


def marked(event: Event) -> Event:
    """Marks what a simulated shopper has left."""
    context = event.context
    if isinstance(context, dict) and str(context.get("userAgent", "")).endswith(MARK):
        event.context = {**context, "simulated": True}
    return event


class Shoppers:
    """They come and go in threads of their own until they are told to stop."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._over = threading.Event()

    def begin(self) -> None:
        """Opens the doors."""
        for number in range(_SHOPPERS):
            threading.Thread(target=self._shop, args=(number,), daemon=True).start()

    def end(self) -> None:
        """Closes them; nobody is waited for."""
        self._over.set()

    def _shop(self, number: int) -> None:
        chance = random.Random()
        self._over.wait(number)
        while not self._over.is_set():
            visit = _Visit(self._site, chance)
            for _ in range(chance.randint(*_STEPS)):
                try:
                    visit.step()
                except (OSError, HTTPException, ValueError):
                    break  # the site is gone, or is just going
                if self._over.wait(chance.uniform(*_PAUSE)):
                    return


class _Visit:
    """One visit: a browser's cookies, and the page that it is on."""

    def __init__(self, site: str, chance: random.Random) -> None:
        self._chance = chance
        self._agent = chance.choice(AGENTS)
        self._browser: OpenerDirector = build_opener(
            ProxyHandler({}), HTTPCookieProcessor(CookieJar())
        )
        self._speaks = chance.randrange(100) >= _SILENT
        query, self._from = chance.choice(_ARRIVALS)
        self._next = f"{site}{query}"
        self._site = site
        self._html = ""

    def step(self) -> None:
        """Shows the next page, tells of it as the script does, and chooses where to go."""
        self._show(Request(self._next))
        forms = [each for each in _FORM.findall(self._html) if _is_wanted(each)]
        if forms and self._chance.randrange(100) < _DECIDED:
            self._submit(*self._chance.choice(forms))
        links = [unescape(link) for link in _LINK.findall(self._html)]
        links = [link for link in links if not link.startswith(("/sign", "/static"))]
        self._next = urljoin(self._site, self._chance.choice(links) if links else "/")

    def _show(self, request: Request) -> None:
        self._html = self._ask(request, navigates=True)
        if self._speaks:
            self._tell()

    def _submit(self, attributes: str, inside: str) -> None:
        action = _ACTION.search(attributes)
        fields = {}
        for each in _INPUT.findall(inside):
            name, value = _NAME.search(each), _VALUE.search(each)
            if name:
                fields[name[1]] = unescape(value[1]) if value else "A simulated shopper"
        address = urljoin(self._from, unescape(action[1])) if action else self._from
        self._show(Request(address, urlencode(fields).encode()))

    def _tell(self) -> None:
        """What the script says of a view (docs/wire.md): the browser's half."""
        token, script = _TOKEN.search(self._html), _SCRIPT.search(self._html)
        if not token or not script:
            return
        title, now = _TITLE.search(self._html), time.time() * 1000
        seen = {
            "id": "1", "type": "view", "load": secrets.token_hex(16), "token": token[1], "at": now,
            "url": self._from, "title": unescape(title[1]) if title else "",
            "facts": {"viewport": "1280x720", "screen": "1280x800", "timezone": "Europe/Berlin"},
        }  # fmt: skip
        body = json.dumps({"v": 1, "sent": now, "events": [seen]}).encode()
        request = Request(urljoin(self._site, f"{script[1]}q"), body)
        request.add_header("Content-Type", "text/plain")
        request.add_header("Sec-Fetch-Site", "same-origin")
        self._ask(request, navigates=False)

    def _ask(self, request: Request, *, navigates: bool) -> str:
        request.add_header("User-Agent", self._agent)
        request.add_header("Accept", "text/html,*/*;q=0.8" if navigates else "*/*")
        request.add_header("Accept-Language", "en")  # as every browser does: no program's sign
        if navigates:
            request.add_header("Sec-Fetch-Dest", "document")
            request.add_header("Sec-Fetch-Mode", "navigate")
        if self._from:
            request.add_header("Referer", self._from)
        with self._browser.open(request, timeout=_PATIENCE) as answer:
            if navigates:
                self._from = answer.url
            text: bytes = answer.read(_MOST)
            return text.decode("utf-8", "replace")


def _is_wanted(form: tuple[str, str]) -> bool:
    """Whether a shopper would submit a form: to buy something; without an action it is the page's
    own (the checkout)."""
    action = _ACTION.search(form[0])
    path = urlsplit(action[1]).path if action else ""
    return not path or path.startswith(("/cart/add/", "/buy/"))
