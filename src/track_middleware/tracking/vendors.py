"""Vendors' own cookies, whose raw values a request's events carry as facts for the worker."""

from __future__ import annotations

from collections.abc import Sequence

from ..settings import address

#: Longer ones are nobody's: they would only fill the spool.
_MOST = 400


def cookie_names(destinations: Sequence[str]) -> tuple[str, ...] | None:
    """The cookies that these destinations want to know; None when they want none.

    ``ga4://G-ABC:…``: Google's client, ``_ga``, and its session of that stream, ``_ga_ABC``.
    """
    hosts = [address(url).host for url in destinations if url.startswith("ga4:")]
    streams = dict.fromkeys(host.partition(":")[0].removeprefix("G-") for host in hosts)
    return ("_ga", *(f"_ga_{stream}" for stream in streams)) if hosts else None


def values(header: str, names: Sequence[str]) -> dict[str, str]:
    """The raw values of those cookies in a Cookie header."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.strip(" ").partition("=")
        if name in names and len(value) <= _MOST:
            found.setdefault(name, value)
    return found
