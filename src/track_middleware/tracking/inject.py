"""Puts the script tag into an HTML document, whole or streamed.

The tag goes where the template's placeholder stands, else before ``</head>``, else before
``</body>``. What looks like one of these inside a comment, script, style or text field is passed
over. A stream is never held back but for a mark that its chunk may have cut in two.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import NamedTuple

import msgspec

PLACEHOLDER = "<!--track_middleware:script-->"

#: Elements whose content is no markup (WHATWG HTML, 13.1.2).
_RAW = ("script", "style", "title", "textarea", "template", "noscript", "xmp", "iframe")
_MARK = (
    rf"<(?:!(?:({re.escape(PLACEHOLDER[2:])})|--)|/(?:(head\s*>)|(body\s*>))"
    rf"|(?:{'|'.join(_RAW)})(?=[\s>/]))"
)
#: Most tags of a head are none of these: their first letter says so.
_LETTERS = f"(?=[{''.join(sorted({name[0] for name in _RAW}))}])"
_LONGEST_CLOSE = 16


class Charset:
    """The marks of a document as its charset writes them."""

    __slots__ = ("_encoding", "close", "mark", "placeholder", "width")

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self.width = len("<".encode(encoding))
        self.placeholder = self.encode(PLACEHOLDER)
        self.mark = self._pattern(_MARK)
        closing = {name: self._pattern(rf"</{name}(?=[\s>/])") for name in _RAW}
        closing["!--"] = self._pattern("-->")
        self.close = {self.encode(f"<{name}"): pattern for name, pattern in closing.items()}

    def encode(self, text: str) -> bytes:
        """Text in this charset, without a byte order mark."""
        return text.encode(self._encoding, "xmlcharrefreplace")

    def text(self, some: bytes) -> str:
        """Bytes of this charset as text; a character that is cut in two is left out."""
        return some.decode(self._encoding, "ignore")

    def _pattern(self, source: str) -> re.Pattern[bytes]:
        if self.width == 1:
            source = source.replace(f"|(?:{_RAW[0]}", f"|{_LETTERS}(?:{_RAW[0]}")
            return re.compile(source.encode("ascii"), re.IGNORECASE)
        return re.compile(_widened(source, self._encoding), re.IGNORECASE)


def _widened(source: str, encoding: str) -> bytes:
    """A pattern over ASCII text as a pattern over the same text in UTF-16."""
    wide = b""
    for piece in re.findall(r"\[\\s>/\]|\\s\*|\\.|\(\?[:=]|[()|]|.", source):
        if piece in ("(", ")", "|", "(?:", "(?="):
            wide += piece.encode()
        elif piece == r"\s*":
            spaces = b"|".join(re.escape(each.encode(encoding)) for each in " \t\r\n")
            wide += b"(?:" + spaces + b")*"
        elif piece == r"[\s>/]":
            wide += b"(?:" + b"|".join(re.escape(e.encode(encoding)) for e in " \t\r\n>/") + b")"
        else:
            wide += re.escape(piece[-1].encode(encoding))
    return wide


_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@lru_cache(maxsize=16)
def _charset(encoding: str) -> Charset:
    return Charset(encoding)


def charset(content_type: str, start: bytes) -> Charset:
    """The charset of a document by its content type and first two bytes; the tag itself is ASCII,
    so all that matters is how wide a character is (browsers know no wider one than UTF-16)."""
    encoding = _BOMS.get(start)
    return _named(content_type) if encoding is None else _charset(encoding)


@lru_cache(maxsize=256)
def _named(content_type: str) -> Charset:
    lowered = content_type.lower()
    if "utf-16" not in lowered:
        return _charset("ascii")
    order = "le" if "utf-16le" in lowered else "be"
    return _charset(f"utf-16-{order}")  # without a mark it is big-endian (RFC 2781, 4.3)


class Injector(msgspec.Struct):
    """Puts one tag into one document. Either ``whole`` once, or ``feed`` and ``end``.

    ``everywhere`` False (the host turned injection off) puts it only where the placeholder stands.
    """

    tag: str
    content_type: str
    everywhere: bool = True
    _charset: Charset | None = None
    _inside: re.Pattern[bytes] | None = None
    _held: bytes = b""
    _done: bool = False

    def whole(self, body: bytes) -> bytes:
        """The document with the tag in it; the very same object when there is no place for it."""
        return tagged(body, self.tag, self.content_type, everywhere=self.everywhere)

    def feed(self, chunk: bytes) -> bytes:
        """What may be sent of a stream once ``chunk`` has come."""
        if self._done or not chunk:
            return chunk
        text = self._held + chunk
        if self._charset is None:
            if len(text) < 2:
                return self._release(text, 0)
            self._charset = charset(self.content_type, text[:2])
        return self._scan(text, self._charset)

    def end(self) -> bytes:
        """What was held back, when the stream is over."""
        held, self._held, self._done = self._held, b"", True
        return held

    def _scan(self, text: bytes, marks: Charset) -> bytes:
        at = 0
        while True:
            if self._inside is not None:
                closing = self._inside.search(text, at)
                if closing is None:
                    return self._release(text, _possible_close(text, at, marks))
                at, self._inside = closing.end(), None
            found = marks.mark.search(text, at)
            if found is None:
                return self._release(text, _possible_start(text, at, marks))
            if found.lastindex is None:
                if marks.placeholder.startswith(text[found.start() :]):
                    return self._release(text, found.start())
                self._inside = marks.close[found.group().lower()]
                at = found.end()
            elif found.lastindex == 1 or self.everywhere:
                return self._put(text, found, marks)
            else:
                at = found.end()

    def _put(self, text: bytes, found: re.Match[bytes], marks: Charset) -> bytes:
        self._done, self._held = True, b""
        after = found.end() if found.lastindex == 1 else found.start()
        return b"".join((text[: found.start()], marks.encode(self.tag), text[after:]))

    def _release(self, text: bytes, at: int) -> bytes:
        self._held = text[at:]
        return text[:at]


class _Opening(NamedTuple):
    """How a document of a type opens, up to the end of the mark before which the tag was put."""

    content_type: str | None
    text: bytes
    place: int
    marks: Charset


#: Openings by where their documents lie: a page mostly opens as it did the last time, and bytes
#: are compared a hundred times as fast as they are searched. Some 2 MB at most.
_OPENINGS: dict[str, _Opening] = {}
_UNKNOWN = _Opening(None, b"", 0, _charset("ascii"))
_MOST_OPENINGS, _LONGEST_OPENING, _LONGEST_PLACE = 256, 8192, 512


def tagged(body: bytes, tag: str, content_type: str, *, everywhere: bool, where: str = "") -> bytes:
    """A whole document with the tag in it; the very same object when there is no place for it.
    ``where`` it lies: documents that lie at one place mostly open alike."""
    if type(body) is not bytes:  # what else a server takes for bytes
        whole = bytes(body)
        made = tagged(whole, tag, content_type, everywhere=everywhere, where=where)
        return body if made is whole else made
    known_type, text, place, marks = _OPENINGS.get(where, _UNKNOWN)
    is_known = content_type == known_type and body.startswith(text)
    if not is_known:
        marks = charset(content_type, body[:2])
    # ``in`` takes bytes for a number first, and drops the error: four times as long.
    if body.find(marks.placeholder) >= 0 and (found := _place(body, marks, placeholder=True)):
        return b"".join((body[: found.start()], marks.encode(tag), body[found.end() :]))
    if not everywhere:
        return body
    if not is_known:
        found = _place(body, marks)
        if found is None:
            return body
        place, end = found.span()
        if end <= _LONGEST_OPENING and len(where) <= _LONGEST_PLACE:
            if len(_OPENINGS) >= _MOST_OPENINGS:
                _OPENINGS.clear()
            _OPENINGS[where] = _Opening(content_type, body[:end], place, marks)
    return b"".join((body[:place], marks.encode(tag), body[place:]))


def _place(body: bytes, marks: Charset, *, placeholder: bool = False) -> re.Match[bytes] | None:
    """Where ``</head>``, else ``</body>``, really closes, or the placeholder really stands; a text
    that merely holds one (a visitor may have written it) is no place."""
    search, at = marks.mark.search, 0
    while (found := search(body, at)) is not None:
        which = found.lastindex
        if which is None:
            closing = marks.close[found[0].lower()].search(body, found.end())
            if closing is None:
                return None
            at = closing.end()
        elif (which == 1) is placeholder:
            return found
        else:
            at = found.end()
    return None


def _possible_close(text: bytes, at: int, marks: Charset) -> int:
    """From where a chunk's end may be the beginning of a closing mark (``</script``, ``-->``)."""
    since = max(at, len(text) - _LONGEST_CLOSE * marks.width)
    found = [text.find(marks.encode(sign), since) for sign in "<-"]
    return min((start for start in found if start >= 0), default=len(text))


def _possible_start(text: bytes, at: int, marks: Charset) -> int:
    """From where a chunk's end may be the beginning of a mark; its length when it can be none."""
    longest = (len(PLACEHOLDER) + 1) * marks.width
    start = text.rfind(marks.encode("<"), max(at, len(text) - longest))
    if start < 0 or not _BEGINNING.match(marks.text(text[start:])):
        return len(text)
    return start


def _beginnings(mark: str) -> str:
    """A pattern for every beginning of a mark."""
    pattern = ""
    for character in reversed(mark):
        pattern = f"(?:{re.escape(character)}{pattern})?"
    return pattern


_BEGINNING = re.compile(
    "(?:"
    + "|".join(map(_beginnings, (PLACEHOLDER, *(f"<{name}" for name in _RAW))))
    + "|"
    + "|".join(rf"</{name}\s*" for name in ("head", "body"))
    + "|"
    + "|".join(map(_beginnings, ("</head", "</body")))
    + r")\Z",
    re.IGNORECASE,
)
