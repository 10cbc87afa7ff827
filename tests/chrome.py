"""The real Chromium that tests and benchmarks drive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.programs import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
    "--disable-background-networking", "--no-first-run",
)  # fmt: skip


@contextmanager
def launched(*more: str) -> Iterator[Browser]:
    """A Chromium with these flags besides, ended with its block. Its back/forward cache, which
    drivers switch off, is on."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            headless=False,
            args=[*FLAGS, *more],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()
