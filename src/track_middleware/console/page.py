"""What a page is: its name, its title, and the function that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .query import Query
from .reads import Reads
from .table import Table


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows: ``context`` for its template, and its tables by name. A table stands in
    the template's context as ``tables.<name>``, and is served as ``<name>.csv`` and ``.json``."""

    context: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


#: An operator's action: what the form holds -> numbers for the page that is shown next, which finds
#: them with ``query.did(name)``.
Action = Callable[[Query, Reads], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page at ``console/<name>/`` with the template ``pages/<name>.html``.

    ``shown`` is a function of what is asked and what can be read, and changes nothing. ``actions``
    by name: a form posts to ``<name>/<action>`` with the field ``csrf``.
    """

    name: str
    title: str
    shown: Callable[[Query, Reads], Shown]
    actions: Mapping[str, Action] = field(default_factory=dict)
