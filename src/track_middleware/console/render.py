"""Templates: Jinja2 with autoescape, made once per process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import charts
from .text import FILTERS


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("track_middleware.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    made.globals.update(bars=charts.bars, lines=charts.lines)
    return made


def rendered(template: str, context: Mapping[str, Any]) -> bytes:
    """A template filled in; text that no encoding has becomes question marks."""
    return _environment().get_template(template).render(context).encode("utf-8", "replace")


@lru_cache(maxsize=4)
def static(name: str) -> bytes:
    """One of the console's own files (``console.css``, ``console.js``)."""
    return files("track_middleware.console").joinpath("static", name).read_bytes()
