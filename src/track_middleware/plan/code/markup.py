"""Reads HTML and the templates of Django, Jinja and Vue: ``data-track``, scripts and listeners.

No I/O happens here, and no template is rendered. What a template fills in cannot be read; it stands
as a mark of the same length, so that lines and columns remain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import script
from .call import TYPED, Call, Members, Source, Unread, joined
from .tags import Places, Tag, tags

#: For ``{{ … }}``: a letter, so that it may be a name in a script and stand in any text.
_FILLED = "\ua66e"
#: For ``{% … %}``: white space, to HTML and to scripts.
_TAG = "\f"
_MARKS = re.compile(f"[{_FILLED}{_TAG}]")

_OPENING = re.compile(r"\{(?:\{|#|%[-+]?\s*(?:comment\b)?)")
#: A script without any of these calls nobody who is known.
_WORTH = re.compile(r"(?i)track|analytics|segment|rudder|import")

#: Svelte's value.
_BRACED = re.compile(r"\{.*\}", re.DOTALL)

_PREFIX = "data-track-"
#: As it stands, and as Vue and Angular bind it.
_DATA_TRACK = {"data-track", ":data-track", "v-bind:data-track", "[attr.data-track]"}

#: What a script's type must be to be read.
_SCRIPT = re.compile(r"(?i)|module|(?:text|application)/(?:javascript|ecmascript|babel|jsx)")
_LISTENER = re.compile(r"on\w+|@[\w.:-]+|v-on:[\w.:-]+|x-on:[\w.:-]+|hx-on[\w:.-]+")


def read(text: str, *, name: str = "track") -> Source:
    """The calls and marked elements of a template. ``name`` is our script's function."""
    masked = _masked(text)
    places = Places(masked)
    parts = [Source(typed=TYPED in text.partition("\n")[0])]
    for tag in tags(masked):
        line, column = places.of(tag.at)
        if not _DATA_TRACK.isdisjoint(tag.attributes):
            parts.append(Source([_element(tag, masked[tag.at : tag.end], line, column)]))
        for key, value in tag.attributes.items():
            if _LISTENER.fullmatch(key):
                parts.append(_script(value, "typescript", name, line))
        if tag.name == "script" and _SCRIPT.fullmatch(tag.attributes.get("type", "")):
            language = "typescript" if tag.attributes.get("lang") in ("ts", "tsx") else "javascript"
            parts.append(_script(tag.content, language, name, places.of(tag.end)[0]))
    return joined(parts)


def _script(text: str, language: str, name: str, line: int) -> Source:
    if name not in text and not _WORTH.search(text):
        return Source()
    found = script.read(text, language=language, name=name, line=line)
    calls = [_as_filled(call) for call in found.calls]
    trouble = () if _MARKS.search(text) else found.trouble
    return Source(calls, found.functions, found.typed, trouble)


def _element(tag: Tag, source: str, line: int, column: int) -> Call:
    """What clicks on this element send: the browser's script has each property as text."""
    given = tag.attributes
    name = given.get("data-track")
    known = {
        _property(key): _filled(value) if key.startswith("data-") else Unread("string")
        for key, value in given.items()
        if _PREFIX in key and not _MARKS.search(key)
    }
    inside = sum(len(_MARKS.findall(value)) for value in given.values())
    return Call(
        "track",
        None if name is None or isinstance(_filled(name), Unread) else name,
        Members(known, complete=len(_MARKS.findall(source)) == inside),
        line,
        column,
        said="data-track",
    )


def _property(attribute: str) -> str:
    return attribute.rpartition(_PREFIX)[2].rstrip("]").replace("-", "_")


def _filled(value: object) -> object:
    """A value, or that it cannot be read, where a template fills in a part of it."""
    if isinstance(value, str):
        filled = _MARKS.search(value) or _BRACED.fullmatch(value)
        return Unread("string") if filled else value
    if isinstance(value, Members):
        return Members({key: _filled(each) for key, each in value.known.items()}, value.complete)
    return [_filled(each) for each in value] if isinstance(value, list) else value


def _as_filled(call: Call) -> Call:
    name = None if call.name is None or _MARKS.search(call.name) else call.name
    properties = _filled(call.properties)
    assert isinstance(properties, Members)
    return Call(
        call.kind, name, properties, call.line, call.column,
        said=_MARKS.sub("", call.said) or "{{ … }}", platform=call.platform,
    )  # fmt: skip


def _masked(text: str) -> str:
    """A template with marks in place of what its engine fills in, and nothing for its comments."""
    parts: list[str] = []
    at = 0
    for start, end, mark in _spans(text):
        parts.append(text[at:start])
        parts.append(re.sub(r"[^\n]", mark, text[start:end]))
        at = end
    return "".join([*parts, text[at:]])


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    at, unclosed = 0, set[str]()
    while found := _OPENING.search(text, at):
        opening = found[0]
        comment = opening.endswith("comment")
        closing = "endcomment" if comment else {"{": "}}", "#": "#}", "%": "%}"}[opening[1]]
        end = -1 if closing in unclosed else text.find(closing, found.end())
        if end >= 0 and comment:
            closing = "%}"
            end = text.find(closing, end)
        if end < 0:  # it is never closed, nor is any after it: looked for once only
            unclosed.add(closing)
            at = found.start() + 1
            continue
        at = end + len(closing)
        mark = _FILLED if opening[1] == "{" else " " if opening[1] == "#" or comment else _TAG
        yield found.start(), at, mark
