"""Values that keep to a JSON Schema, and values that nearly do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Any

_TEXTS = (
    "", "a", "EUR", "Evil Morty", "Lawyer Morty", "Rick Sanchez", "é", "x" * 130, "1001", "C-137",
    "0123456789abcdef", "01234567-89ab-4def-8123-456789abcdef", "SQLITE", "2026-11-26T03:00:00Z",
)  # fmt: skip
_NUMBERS = (0, 1, -1, 3, 7.5, 0.01, 0.29, 39.99, 1e12, 9_999_999, 10_000_000, 2**31, -0.5)


def value(random: Random, schema: Any) -> Any:
    """A value that mostly keeps to a schema."""
    if not isinstance(schema, Mapping):
        return random.choice((*_TEXTS, *_NUMBERS, None, True, [], {}))
    if "enum" in schema:
        return random.choice(schema["enum"])
    kinds = schema.get("type", ["string", "number", "boolean", "null", "array", "object"])
    kind = kinds if isinstance(kinds, str) else random.choice(kinds)
    return _OF[kind](random, schema)


def _object(random: Random, schema: Mapping[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    inner = schema.get("properties", {})
    return {
        name: value(random, each)
        for name, each in inner.items()
        if name in required or random.random() < 0.6
    }


def _text(random: Random, schema: Mapping[str, Any]) -> str:
    pattern = schema.get("pattern", "")
    fitting = [text for text in _TEXTS if re.search(pattern, text)]
    return random.choice(fitting or _TEXTS)


def _array(random: Random, schema: Mapping[str, Any]) -> list[Any]:
    return [value(random, schema.get("items")) for _ in range(random.randrange(4))]


_OF = {
    "string": _text,
    "integer": lambda random, _: random.choice([each for each in _NUMBERS if each == int(each)]),
    "number": lambda random, _: random.choice(_NUMBERS),
    "boolean": lambda random, _: random.random() < 0.5,
    "null": lambda random, _: None,
    "array": _array,
    "object": _object,
}


def mutated(random: Random, whole: Any) -> Any:
    """The value with something else, something more or something less at one place in it."""
    if isinstance(whole, dict) and whole and random.random() < 0.8:
        name = random.choice(list(whole))
        if random.random() < 0.3:
            return {key: each for key, each in whole.items() if key != name}
        return {**whole, name: mutated(random, whole[name])}
    if isinstance(whole, dict):
        return {**whole, random.choice(_TEXTS): value(random, None)}
    if isinstance(whole, list) and whole and random.random() < 0.7:
        place = random.randrange(len(whole))
        return [*whole[:place], mutated(random, whole[place]), *whole[place + 1 :]]
    return value(random, None)
