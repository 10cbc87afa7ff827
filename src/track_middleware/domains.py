"""The registrable domain of a host, for ``cookie_domain="auto"``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def rule(domain: str) -> Callable[[str], str | None]:
    """What ``cookie_domain`` makes of a host: the Domain of its cookies; None: this host only."""
    return registrable if domain == "auto" else lambda host: domain or None


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # its list is large, and few ask for it

    return PublicSuffixList()


#: Names and ports of hosts as browsers send them: anything else may be no part of a cookie, and is
#: not remembered.
_HOST = re.compile(r"[a-z0-9._-]{1,255}(?::[0-9]{0,5})?", re.ASCII | re.IGNORECASE)


def registrable(host: str) -> str | None:
    """``example.co.uk`` of ``www.example.co.uk:8000``; None for an address, a single label, a
    public suffix, or a name with a dot at its end, whose cookies are the host's alone (RFC 6265,
    5.1.3 and 5.3)."""
    return _registrable(host) if _HOST.fullmatch(host) else None


@lru_cache(maxsize=1024)
def _registrable(host: str) -> str | None:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.lower()
    if "." not in name.strip(".") or name.startswith(".") or name.endswith("."):
        return None
    if ".." in name or name.replace(".", "").isdigit() or ":" in name:
        return None
    domain = _suffixes().privatesuffix(name)
    return domain if isinstance(domain, str) else None
