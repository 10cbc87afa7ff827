"""The pages, in the order of their navigation. A new one is a module and a template, named here."""

from __future__ import annotations

from ..page import Page
from . import delivery, live, plan, visitor

PAGES: tuple[Page, ...] = (live.PAGE, delivery.PAGE, plan.PAGE, visitor.PAGE)
