"""Texts of a plan inside source code: as literals, and as comments that nothing can end early.

No I/O happens here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..code.call import TYPED
from ..model import Plan


def heading(plan: Plan) -> str:
    """What the first line of every file says: who made it, of what. By its beginning ``plan check``
    knows it."""
    version = f" {plan.version}" if plan.version else ""
    return f'Made by "{TYPED}" of the plan {one_line(plan.name + version)}; changes are lost.'


def lines(text: str) -> Iterator[str]:
    """The lines of a description, without what no source file should hold."""
    for line in text.strip().splitlines():
        yield one_line(line)


def one_line(text: str) -> str:
    """A text as one line: no control characters, no halves of characters, no invisible marks that
    turn the direction of writing around."""
    return "".join(each if each.isprintable() else " " for each in text).rstrip()


def python(text: str) -> str:
    """A text as Python's literal."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def script(text: str) -> str:
    """A text as a literal of JavaScript and TypeScript."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def unnested(line: str) -> str:
    """A line for a comment of a language whose comments nest: it neither begins nor ends one."""
    return line.replace("*/", "* /").replace("/*", "/ *")


def swift(text: str) -> str:
    """A text as Swift's literal: a backslash also begins what is filled in. Signs of comments are
    escaped, which not every tool that reads Swift knows to be none there."""
    whole = '"' + "".join(map(_swift, text)) + '"'
    return whole.replace("/*", "/\\u{2a}").replace("*/", "\\u{2a}/")


def kotlin(text: str) -> str:
    """A text as Kotlin's literal: a dollar begins what is filled in."""
    return '"' + "".join(map(_kotlin, text)) + '"'


def _swift(each: str) -> str:
    if each in '"\\':
        return f"\\{each}"
    if each.isprintable():
        return each
    code = ord(each)
    return "\\u{fffd}" if 0xD800 <= code < 0xE000 else f"\\u{{{code:x}}}"


def _kotlin(each: str) -> str:
    if each in '"\\$':
        return f"\\{each}"
    return each if each.isprintable() else script(each)[1:-1].replace("\\f", "\\u000c")
