"""Who looks at the console."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests import chrome
from tests.console.looking import AGENT, Site, Watched, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chrome.launched(f"--user-agent={AGENT}") as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Opens the console of a site for somebody who has signed in with the form."""
    with contextlib.ExitStack() as profiles:

        def opens(site: Site, scheme: str = "light", size: str = "desktop") -> Watched:
            watched = signed_in(browser, site, scheme, size)
            profiles.callback(watched.page.context.close)
            return watched

        yield opens
