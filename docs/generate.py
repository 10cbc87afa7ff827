"""Writes the parts of docs/ that the source already says: ``docs/settings.md``.

``python docs/generate.py`` writes it; ``tests/test_docs.py`` fails when it is not current.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_type_hints

from track_middleware.settings import REDACTED, Settings

HERE = Path(__file__).resolve().parent

HEAD = """# Settings

The same names work as keyword arguments of a middleware, as keys of Django's `TRACK` and of Flask's
`app.config["TRACK"]`, and, in capitals after `TRACK_`, as environment variables (`TRACK_DATA_DIR`).
Lists in a variable are separated by white space, or JSON. Arguments and dict win over variables.
An unknown key is an error that names the nearest known one; an unknown variable only warns.

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
    return f"| `{setting.name}` | {kind} | {_default(setting)} | {setting.metadata['meaning']} |\n"


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


def main() -> None:
    (HERE / "settings.md").write_text(settings_page())


if __name__ == "__main__":
    main()
