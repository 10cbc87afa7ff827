"""What a console page is asked for: the values of its address, each read for what it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, tzinfo
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: No values.
NOTHING: Mapping[str, str | int] = MappingProxyType({})

#: How the names begin that say what an action did.
DID = "did-"

#: Most fields of one address or form that are looked at, and most characters of one.
_FIELDS, _LONGEST = 200, 1000

_WHOLE = re.compile(r"[0-9]{1,16}").fullmatch


class Query:
    """The values of an address, or of a form. Whatever they hold, reading them raises nothing: a
    value that cannot be used counts as not given.

    ``zone``: the operator's time zone, which is ``?tz=`` where that names one, else the setting
    ``time_zone``; days and clocks are that zone's.
    """

    def __init__(self, text: str = "", *, time_zone: str = "UTC") -> None:
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS)
        except ValueError:
            pairs = []
        self._values: dict[str, str] = {}
        self._all: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, value[:_LONGEST])
            self._all.setdefault(name, []).append(value[:_LONGEST])
        asked = self._values.get("tz", "")
        self.zone_name = asked if asked and zone(asked) is not None else time_zone
        self.zone: tzinfo = zone(self.zone_name) or UTC

    def text(self, name: str, default: str = "") -> str:
        """A value without the white space around it."""
        return self._values.get(name, "").strip() or default

    def number(self, name: str, default: int, *, low: int = 0, high: int = 2**53) -> int:
        """A whole number, moved into its bounds."""
        said = self.text(name)
        return min(max(int(said), low), high) if _WHOLE(said) else default

    def numbers(self, name: str) -> list[int]:
        """Every value of a name that is a whole number."""
        said = self._all.get(name, ())
        return [int(each) for each in said if _WHOLE(each)]

    def choice(self, name: str, choices: Collection[str], default: str = "") -> str:
        """A value that is one of some, else ``default``."""
        said = self.text(name)
        return said if said in choices else default

    def given(self, name: str) -> bool:
        """Whether a box was ticked."""
        return bool(self.text(name))

    def did(self, name: str) -> int:
        """The number of this name that the last action told."""
        return self.number(f"{DID}{name}", 0)

    def rest(self, *without: str) -> list[tuple[str, str]]:
        """The other values, for a form that keeps them."""
        return [
            (name, said)
            for name, said in self._values.items()
            if name not in without and said and name[:4] != DID
        ]

    def address(
        self, more: Mapping[str, str | int] = NOTHING, *, without: Collection[str] = ()
    ) -> str:
        """The query with some values changed, as the part of an address behind its path: "" or
        ``?…``. What an action did stays behind."""
        kept = {name: said for name, said in self._values.items() if said and name[:4] != DID}
        both: Mapping[str, str | int] = {**kept, **more}
        left = {name: value for name, value in both.items() if name not in without}
        return f"?{urlencode(left)}" if left else ""


@lru_cache(maxsize=100)
def zone(name: str) -> tzinfo | None:
    """The time zone of a name (``Europe/Berlin``); None where there is none."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
