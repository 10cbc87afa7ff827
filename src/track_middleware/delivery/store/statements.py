"""The store's statements by name, from the ``.sql`` files beside this one."""

from __future__ import annotations

import re
from importlib import resources


def named(file: str, package: str = __package__) -> dict[str, str]:
    """The statements of a package's file in which each stands under ``-- name: a sentence``."""
    text = resources.files(package).joinpath(f"{file}.sql").read_text("utf-8")
    parts = re.split(r"^-- (\w+): .*$", text, flags=re.MULTILINE)
    return {
        name: sql.strip().rstrip(";") for name, sql in zip(parts[1::2], parts[2::2], strict=True)
    }


SQL = {
    name: sql
    for file in (
        "queries",
        "operator",
        "merges",
        "persons",
        "backfills",
        "histories",
        "watch",
        "rollups",
        "packs",
        "looks",
    )
    for name, sql in named(file).items()
}
