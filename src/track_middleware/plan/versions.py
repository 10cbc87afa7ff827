"""Versions of an app, as repairs name them: ``>=3.1,<3.3``. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import SettingsError

#: A version's numbers; what is no number (``-beta``) ends them.
Numbers = tuple[int, ...]

_COMPARED: dict[str, Callable[[Numbers, Numbers], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq,
    "!=": operator.ne,
}  # fmt: skip

_BOUND = re.compile(r"\s*(>=|<=|>|<|==|!=)\s*v?(\d+(?:\.\d+)*)\s*")
_NUMBERS = re.compile(r"\s*v?(\d{1,9}(?:\.\d{1,9}){0,5})")


@dataclass(frozen=True, slots=True)
class Versions:
    """A range of versions."""

    bounds: Sequence[tuple[str, Numbers]]

    def hold(self, version: object) -> bool:
        """Whether a version lies in the range; one that cannot be read does not."""
        found = numbers(version)
        return found is not None and all(_COMPARED[how](found, to) for how, to in self.bounds)


def versions(text: str) -> Versions | None:
    """The range that a text names, None for an empty one: any. SettingsError for what is none."""
    if not isinstance(text, str):
        raise SettingsError("repairs", f"versions are a text such as >=3.1,<3.3, not {text!r}")
    if not text.strip():
        return None
    bounds = []
    for part in text.split(","):
        found = _BOUND.fullmatch(part)
        if found is None:
            raise SettingsError(
                "repairs", f"versions are written >=3.1,<3.3 or ==3.1.2, not {text[:60]!r}"
            )
        bounds.append((found[1], _plain(found[2])))
    return Versions(bounds)


def numbers(version: object) -> Numbers | None:
    """The numbers that a version begins with, without zeros at the end: 3.1.0 is 3.1."""
    found = _NUMBERS.match(version) if isinstance(version, str) else None
    return _plain(found[1]) if found else None


def _plain(text: str) -> Numbers:
    found = [int(each) for each in text.split(".")]
    while len(found) > 1 and found[-1] == 0:
        found.pop()
    return tuple(found)
