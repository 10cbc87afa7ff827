"""The shops, open for the whole session; a real Chromium; people who walk through a shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import chrome
from tests.browser.around.pages import LIBRARIES
from tests.browser.shop import Shop, open_shop
from tests.browser.walk import Person, Walk
from tests.programs import npm_packages
from tests.waiting import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: A headless browser says so, and is kept from destinations as a bot. Set for the whole browser:
#: what a driver sets for a page is not on the calls that outlive the page.
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
_PERSON = f"--user-agent={AGENT}"
#: For a Chromium that a test starts by itself.
FLAGS = (*chrome.FLAGS, _PERSON)

#: A window that no busy machine outlasts: a walk ends it when it asks what is counted.
SETTINGS = {"merge_window": "60"}


@pytest.fixture(scope="session")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Shop]]:
    """Opens each shop when it is first asked for; it stays open until the session ends."""
    var = tmp_path_factory.mktemp("shops")
    opened: dict[str, Shop] = {}
    with ExitStack() as doors:

        def shop(name: str) -> Shop:
            if name not in opened:
                opened[name] = doors.enter_context(
                    open_shop(name, free_port(), var / name, settings=SETTINGS)
                )
            return opened[name]

        yield shop


@pytest.fixture(params=["django", "flask", "fastapi"])
def shop(request: pytest.FixtureRequest, shops: Callable[[str], Shop]) -> Shop:
    return shops(request.param)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module; ended with it, since its event loop would be in others' way."""
    with chrome.launched(_PERSON) as browser:
        yield browser


@pytest.fixture
def walk(shop: Shop) -> Walk:
    return Walk(shop)


@pytest.fixture
def arrives(browser: Browser, shop: Shop) -> Iterator[Callable[..., Person]]:
    """Lets somebody new come with a browser profile of their own."""
    with ExitStack() as profiles:

        def arrive(*, lives_at: str | None = None, **given: Any) -> Person:
            context = profiles.enter_context(browser.new_context(**given))
            person = Person(context, shop, lives_at)
            profiles.callback(person.leaves)
            return person

        yield arrive


@pytest.fixture
def ada(arrives: Callable[..., Person]) -> Person:
    """Somebody new."""
    return arrives()


@pytest.fixture(scope="session")
def libraries() -> Path:
    """The libraries that pages of these tests load, installed where they are not."""
    npm_packages(LIBRARIES.parent)
    return LIBRARIES
