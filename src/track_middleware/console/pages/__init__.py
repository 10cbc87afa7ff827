"""The pages, in the order of their navigation. A new one is a module and a template, named here."""

from __future__ import annotations

from ..page import Page
from . import delivery, live

PAGES: tuple[Page, ...] = (live.PAGE, delivery.PAGE)
