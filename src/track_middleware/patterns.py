"""What looks like an e-mail address, a payment card or a token, and what of a text is left without.

No I/O happens here. What merely is long must survive: UUIDs, order numbers, bar codes, hashes of
commits, words in a row, and the click ids of advertisers, whose names are known or end in "id".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

from .errors import SettingsError
from .settings import PATTERNS

#: What stands where something was taken out.
REDACTED = "redacted"

#: Shorter texts hold none of them: a@b.de.
_SHORTEST = 6

# An image for dense screens (logo@2x.png) is none.
_AT = r"(?:@|%(?:25)*40|\\u0040)(?!\d+x\.(?:png|jpe?g|gif|webp|avif|svg)\b)"
_EMAIL = re.compile(
    rf"(?<![\w.%+'-])[\w.%+'-]{{1,200}}{_AT}"
    r"(?:[\w-]{1,63}\.){1,8}(?:xn--[\w-]{1,59}|[^\W\d_]{2,24})(?![\w-])"
)

#: 14 to 19 digits, perhaps in groups. The cards of 13 digits are gone; bar codes have as many.
_CARD = re.compile(r"(?<![\w.])(?<!\d[ -])(?:\d[ -]?){13,18}\d(?![ -]?\d|\w)")

#: The numbers that card networks give out, by their beginnings and lengths (ISO/IEC 7812; the
#: networks' own published ranges).
_ISSUED = re.compile(
    r"(?:4|5[0-8]|6[0-9]|2(?:2[2-9]|[3-6]|7[01]|720)|35)\d*(?<=\d{16})(?:\d{3})?"
    r"|6[0-9]\d{15,17}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
)

_KNOWN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[\w-]{8,}\.[\w-]*\.[\w.-]*"  # RFC 7519: it begins with {"
    r"|[sr]k_(?:live|test)_\w{10,}|whsec_\w{16,}"  # Stripe
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}"
    r"|xox[abeprs]-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])|AIza[\w-]{35}|ya29\.[\w-]{20,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sk-(?:ant|proj)-[\w-]{20,}"
    r"|npm_[A-Za-z0-9]{36}|pypi-[\w-]{16,}|hf_[A-Za-z0-9]{30,}"
    r"|[Bb]earer[ +]+[\w.~+/=-]{16,}"
    r")"
)

#: A long run, and the name before it where there is one.
_RUN = re.compile(r"(?:(?<![\w-])([\w-]{1,40})=)?(?<![A-Za-z0-9+/_-])([A-Za-z0-9+/_-]{32,}={0,2})")

_UUIDS = re.compile(r"(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}[_/-]?)+")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_KINDS = str.maketrans(
    {**dict.fromkeys("abcdefghijklmnopqrstuvwxyz", "a"), **dict.fromkeys("0123456789", "0"),
     **dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "A"), **dict.fromkeys("+/_-=", None)}
)  # fmt: skip

#: SHA-1 has 40 digits, and names commits and builds.
_LONGEST_HASH = 40
#: Of chance's texts six neighbours in ten differ in kind (upper, lower, digit), of words in a row
#: (SomeLongName2) three.
_CHANCE = 0.42

#: Letters and digits, each as one byte, so that a long run of them is found without a pattern; and
#: digits, without what groups them.
_LETTERS = bytes(0x78 if chr(byte).isalnum() and byte < 128 else 32 for byte in range(256))
_DIGITS = bytes(0x30 if 48 <= byte < 58 else 32 for byte in range(256))
_LONG_RUN, _MANY_DIGITS = b"x" * 16, b"0" * 14


class Patterns:
    """Finds and replaces what the setting ``redact_patterns`` names.

    ``ids`` are names, beside those that end in "id", under which a long number or run is an id.
    SettingsError for what is neither a known name nor a pattern.
    """

    __slots__ = ("_cards", "_emails", "_ids", "_own", "_tokens")

    def __init__(self, wanted: Sequence[str], *, ids: Collection[str] = ()) -> None:
        self._emails, self._cards, self._tokens = (each in wanted for each in PATTERNS)
        self._own = [_compiled(each) for each in wanted if each not in PATTERNS]
        self._ids = frozenset(ids)

    def __bool__(self) -> bool:
        return bool(self._emails or self._cards or self._tokens or self._own)

    def suspects(self, text: bytes) -> bool:
        """Whether it is worth a closer look: quick, and seldom wrong about what is harmless."""
        if len(text) < _SHORTEST:
            return False
        return (
            b"@" in text
            or b"%" in text
            or _LONG_RUN in text.translate(_LETTERS)
            or _MANY_DIGITS in text.translate(_DIGITS, b" -")
            or bool(self._own)
        )

    def found(self, text: str, name: str = "") -> bool:
        """Whether a text that stands under a name holds any of them."""
        return len(text) >= _SHORTEST and self.replaced(text, name) != text

    def replaced(self, text: str, name: str = "") -> str:
        """A text without them."""
        if self._emails and ("@" in text or "%" in text or "\\" in text):
            text = _EMAIL.sub(REDACTED, text)
        is_id = self._is_id(name)
        if self._cards and not is_id:
            text = _CARD.sub(_card, text)
        if self._tokens:
            text = _KNOWN.sub(REDACTED, text)
            text = text if is_id else _RUN.sub(self._run, text)
        for own in self._own:
            text = own.sub(REDACTED, text)
        return text

    def within(self, value: Any, name: str = "") -> Any:
        """A JSON value without them, in its keys too; itself where there is nothing to replace."""
        if isinstance(value, str):
            return self.replaced(value, name) if len(value) >= _SHORTEST else value
        if isinstance(value, dict):
            return {self.replaced(key): self.within(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [self.within(each, name) for each in value]
        if type(value) is int and self._cards and not self._is_id(name):
            return REDACTED if value > 10**13 and _is_card(str(value)) else value
        return value

    def _is_id(self, name: str) -> bool:
        name = name.lower()
        return name.endswith("id") or name in self._ids

    def _run(self, found: re.Match[str]) -> str:
        name, run = found[1], found[2]
        if (name and self._is_id(name)) or not _is_random(run):
            return found[0]
        return f"{name}={REDACTED}" if name else REDACTED


def _compiled(pattern: str) -> re.Pattern[str]:
    if re.fullmatch(r"\w+", pattern):
        raise SettingsError(
            "redact_patterns",
            f"there are {', '.join(PATTERNS)}, and regular expressions of your own; {pattern!r} is "
            "a word (a name whose values go belongs into redact)",
        )
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise SettingsError("redact_patterns", f"{pattern!r} is no pattern: {error}") from error
    if compiled.fullmatch(""):
        raise SettingsError("redact_patterns", f"{pattern!r} matches where nothing is")
    return compiled


def _card(found: re.Match[str]) -> str:
    return REDACTED if _is_card(found[0].replace(" ", "").replace("-", "")) else found[0]


def _is_card(digits: str) -> bool:
    """Whether it is a card's number: a network gives it out, and its check digit is right (Luhn:
    ISO/IEC 7812-1, annex B)."""
    if _ISSUED.fullmatch(digits) is None:
        return False
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(each), 10)) for each in even)) % 10 == 0


def _is_random(run: str) -> bool:
    """Whether a long run is a secret rather than words, a hash or UUIDs."""
    if _UUIDS.fullmatch(run):
        return False
    if _HEX.fullmatch(run):
        return len(run) > _LONGEST_HASH and not run.isdigit() and not run.isalpha()
    if run.count("/") > 1 + len(run) // 16:
        return False  # a path
    kinds = run.translate(_KINDS)
    if len(set(kinds)) < 3:
        return False
    changes = sum(one != other for one, other in pairwise(kinds))
    return changes > _CHANCE * len(kinds)
