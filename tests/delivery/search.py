"""Looks for a person's words in every byte of a folder, in every way they may be written."""

from __future__ import annotations

import base64
import json
import uuid
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from track_middleware.delivery.store.keys import key_of
from track_middleware.event import wire_id

_GZIP = b"\x1f\x8b\x08"


def found(folder: Path, words: Iterable[str]) -> dict[str, list[str]]:
    """In which files each word stands, by word; a word that is nowhere is left out."""
    spelled = {word: spellings(word) for word in words}
    hits: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        contents = [*unpacked(path.read_bytes())]
        for word, ways in spelled.items():
            if any(way in content for content in contents for way in ways):
                hits.setdefault(word, []).append(path.name)
    return hits


def spellings(word: str) -> set[bytes]:
    """A word as text, JSON, percent-encoded, base64, and what we make of ids: a UUID's bytes, and
    the name and the key of an event that bears it."""
    ways = {
        word.encode(), json.dumps(word)[1:-1].encode(), quote(word, safe="").encode(),
        word.encode("utf-16-le"), base64.b64encode(word.encode()).rstrip(b"="), key_of(word),
        wire_id("server", word).encode(), key_of(wire_id("server", word)),
    }  # fmt: skip
    try:
        made = uuid.UUID(word)
    except ValueError:
        return ways
    return ways | {made.bytes, made.hex.encode(), str(made).encode()}


def unpacked(content: bytes) -> Iterator[bytes]:
    """Some bytes, and every gzip member in them decoded."""
    yield content
    at = content.find(_GZIP)
    while at != -1:
        try:
            yield zlib.decompressobj(31).decompress(content[at:])
        except zlib.error:
            pass
        at = content.find(_GZIP, at + 1)
