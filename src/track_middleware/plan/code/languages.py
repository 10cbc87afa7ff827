"""Which files are read, as what, and to which platform they belong unless somebody says otherwise.

No I/O happens here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from . import apps, markup, python, script
from .call import Source

#: A file's text and our script's function, in; what it says, out.
Read = Callable[[str, str], Source]


@dataclass(frozen=True, slots=True)
class Language:
    """``types`` is the language of ``plan types`` whose functions it may call."""

    name: str
    platform: str
    types: str
    read: Read


def _script(text: str, name: str, *, language: str) -> Source:
    return script.read(text, language=language, name=name)


def _app(text: str, _: str, *, language: str) -> Source:
    return apps.read(text, language=language)


_PYTHON = Language("python", "server", "python", lambda text, _: python.read(text))
_MARKUP = Language(
    "html", "web", "typescript", lambda text, name: markup.read(text, name=name)
)  # fmt: skip
_SCRIPTS = {
    name: Language(name, "web", "typescript", partial(_script, language=name))
    for name in ("javascript", "typescript", "tsx")
}
_APPS = {
    name: Language(name, platform, name, partial(_app, language=name))
    for name, platform in (("swift", "ios"), ("kotlin", "android"))
}

#: By the end of a file's name.
SUFFIXES: dict[str, Language] = {
    ".py": _PYTHON,
    **dict.fromkeys(
        (".html", ".htm", ".xhtml", ".djhtml", ".jinja", ".jinja2", ".j2", ".vue", ".svelte"),
        _MARKUP,
    ),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), _SCRIPTS["javascript"]),
    **dict.fromkeys((".ts", ".mts", ".cts"), _SCRIPTS["typescript"]),
    ".tsx": _SCRIPTS["tsx"],
    ".swift": _APPS["swift"],
    ".kt": _APPS["kotlin"],
    ".kts": _APPS["kotlin"],
}


def language(name: str) -> Language | None:
    """What a file of that name is read as; None: it is not."""
    lowered = name.lower()
    if lowered.endswith((".min.js", ".d.ts", ".d.mts", ".d.cts")):
        return None
    _, dot, suffix = lowered.rpartition(".")
    return SUFFIXES.get(dot + suffix)
