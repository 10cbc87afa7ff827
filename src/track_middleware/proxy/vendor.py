"""What a vendor's table says: where its scripts and calls go, and which of its names are hidden."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

MIB = 2**20


class Route(msgspec.Struct, frozen=True):
    """One form of path, a regular expression over the whole of the vendor's own, and what may be
    asked there. ``upstream`` names one of the vendor's; ``limit`` is the most bytes of a body.
    ``is_script``: fetched with validators, rewritten and kept."""

    path: str
    methods: tuple[str, ...] = ("GET", "POST")
    upstream: str = "api"
    limit: int = 2 * MIB
    is_script: bool = False


class Vendor(msgspec.Struct, frozen=True):
    """One vendor.

    ``upstreams`` are base URLs by their names: ``api`` is what ``?endpoint=`` replaces, ``scripts``
    what ``?scripts=`` does (and ``?endpoint=``, where ``is_one_host``). ``script`` is the path of
    the script that a page names, ``KEY`` standing for the project's.

    Names that blockers know are hidden: ``paths`` in paths alone, ``quoted`` also where a script
    holds one as a whole string, ``anywhere`` also wherever a script holds it. ``texts`` are other
    replacements in scripts: ``{base}`` is the path up to the slot, ``{scheme}`` and ``{host}`` the
    page's, ``{name}`` a hidden name.

    ``address`` are the headers in which the vendor documents that a proxy gives the client's
    address. ``busy`` is the status after which the vendor's script tries again.
    """

    name: str
    upstreams: Mapping[str, str]
    script: str
    routes: tuple[Route, ...]
    regions: Mapping[str, Mapping[str, str]] = {}
    is_one_host: bool = False
    paths: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()
    anywhere: tuple[str, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    address: tuple[str, ...] = ("X-Forwarded-For",)
    busy: int = 429
