"""The registrable domain of a host, for ``cookie_domain="auto"``."""

from __future__ import annotations

from functools import lru_cache

from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=1024)
def registrable(host: str) -> str | None:
    """``example.co.uk`` of ``www.example.co.uk:8000``; None for an address, a single label or a
    public suffix, whose cookies are the host's alone (RFC 6265, 5.3)."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.lower().strip(".")
    if "." not in name or name.replace(".", "").isdigit() or ":" in name:
        return None
    domain = _suffixes().privatesuffix(name)
    return domain if isinstance(domain, str) else None
