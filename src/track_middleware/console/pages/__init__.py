"""The pages, in the order of their navigation. A new one is a module and a template, named here."""

from __future__ import annotations

from ..page import Page
from . import delivery

PAGES: tuple[Page, ...] = (delivery.PAGE,)
