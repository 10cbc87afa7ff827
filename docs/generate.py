"""Writes the parts of docs/ that the source already says: ``settings.md``, ``vocabulary.md``.

``python docs/generate.py`` writes them; ``tests/test_docs.py`` fails when one is not current.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from track_middleware.destinations import commerce
from track_middleware.destinations.registry import FILES
from track_middleware.settings import REDACTED, RESERVED, Settings

HERE = Path(__file__).resolve().parent

HEAD = """# Settings

The same names work as keyword arguments of a middleware, as keys of Django's `TRACK` and of Flask's
`app.config["TRACK"]`, and, in capitals after `TRACK_`, as environment variables (`TRACK_DATA_DIR`).
Lists in a variable are separated by white space, or JSON. Arguments and dict win over variables.
An unknown key is an error that names the nearest known one; an unknown variable only warns. What
cannot be used (a destination's URL, a dotted path, a file that is not there) is an error at start.
*Reserved*: this release checks the value and does nothing with it, and `doctor` says so.

This page is generated from `src/track_middleware/settings.py` by `make docs`.

| setting | type | default | meaning |
|---|---|---|---|
"""


def settings_page() -> str:
    """The whole of docs/settings.md."""
    return HEAD + "".join(map(_row, fields(Settings)))


def _row(setting: Field[Any]) -> str:
    choices = setting.metadata["one_of"]
    kind = " or ".join(f"`{each!r}`" for each in choices) if choices else _type(setting.name)
    meaning = setting.metadata["meaning"]
    if setting.name in RESERVED:
        meaning = f"*Reserved.* {meaning}"
    return f"| `{setting.name}` | {kind} | {_default(setting)} | {meaning} |\n"


def _type(name: str) -> str:
    hint = get_type_hints(Settings)[name]
    text = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    text = text.replace("collections.abc.Callable[..., typing.Any]", "callable")
    text = text.replace("typing.Callable[..., typing.Any]", "callable")
    return text.replace("NoneType", "None").replace("|", "or")


def _default(setting: Field[Any]) -> str:
    if setting.default is not MISSING:
        return f"`{setting.default!r}`"
    assert setting.default_factory is not MISSING
    value = setting.default_factory()
    if value == list(REDACTED):
        return " ".join(f"`{each}`" for each in value)
    return f"`{value!r}`"


VOCABULARY_HEAD = """# Vocabulary

What each destination calls our events. An empty cell: the event keeps the name that you gave it
(GA4 has it in snake case). A dash: that vendor has no such thing, and nothing is sent. Webhooks,
files and tables, which have no column, get events as they stand.

The e-commerce names are those of Segment's spec; GA4 and Snowplow read order, amounts, currency and
products off its properties: `order_id`, `revenue` (else `value`, `subtotal`, `total`, or the sum of
the products), `currency`, `tax`, `shipping`, `coupon`, and `products`, each with `product_id` or
`sku`, `name`, `category`, `brand`, `variant`, `price`, `quantity`, `position`.

This page is generated from each destination's `VOCABULARY` by `make docs`.

"""

PACKAGE = "track_middleware.destinations"
KINDS = ("page", "screen", "identify", "group", "alias")


def vocabularies() -> dict[str, Mapping[str, str]]:
    """Each built-in destination's words by its scheme, of those that have any."""
    codecs = {scheme: import_module(f"{PACKAGE}.{file}") for scheme, file in FILES.items()}
    told = {scheme: getattr(codec, "VOCABULARY", {}) for scheme, codec in codecs.items()}
    return {scheme: words for scheme, words in sorted(told.items()) if words}


def vocabulary_page() -> str:
    """The whole of docs/vocabulary.md: one table, canonical name by vendor."""
    vendors = vocabularies()
    said = {name for words in vendors.values() for name in words}
    others = sorted(said - set(KINDS) - set(commerce.EVENTS))
    names = [*KINDS, *[name for name in commerce.EVENTS if name in said], *others]
    head = f"| event | {' | '.join(f'`{scheme}`' for scheme in vendors)} |\n"
    rows = [_words(name, vendors) for name in names]
    return VOCABULARY_HEAD + head + "|---" * (len(vendors) + 1) + "|\n" + "".join(rows)


def _words(name: str, vendors: Mapping[str, Mapping[str, str]]) -> str:
    missing = "–" if name in KINDS else ""
    cells = [f"`{words[name]}`" if name in words else missing for words in vendors.values()]
    shown = f"`{name}()`" if name in KINDS else name
    return f"| {shown} | {' | '.join(cells)} |\n"


def main() -> None:
    (HERE / "settings.md").write_text(settings_page())
    (HERE / "vocabulary.md").write_text(vocabulary_page())


if __name__ == "__main__":
    main()
