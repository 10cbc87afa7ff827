"""The pages, in the order of their navigation. A new one is a module and a template, named here."""

from __future__ import annotations

from ..page import Page
from . import delivery, live, loss, plan, traffic, visitor

PAGES: tuple[Page, ...] = (
    live.PAGE, loss.PAGE, traffic.PAGE, delivery.PAGE, plan.PAGE, visitor.PAGE,
)  # fmt: skip
