"""Which host is whose: search engines, social networks, AI assistants, video, shopping, mail.

The table is ``hosts.tsv`` beside this file: kind, name, names of the query parameters that hold a
search term, hosts. Its facts come from Matomo's lists of search engines, social networks and AI
assistants (github.com/matomo-org/searchengine-and-social-list, CC0), its video, shopping, mail and
app entries are our own. ``{}`` stands for any subdomain in front, any top-level domain at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Kind = Literal["search", "social", "ai", "video", "shopping", "email"]


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody that visitors come from. ``paid``: the name itself says that it was an ad."""

    name: str
    kind: Kind | Literal["other"]
    terms: tuple[str, ...] = ()
    paid: bool = False


def of_host(host: str, path: str = "") -> Source | None:
    """Whose host (lower case, without ``www.``) it is; a few share theirs and go by their path."""
    table = _table()
    if path and host in _SHARED:
        first = "/".join(path.split("/", 3)[:3])
        if (source := table.get(host + first)) is not None:
            return source
    return table.get(host) or _by_pattern(host, table)


def of_name(name: str) -> Source | None:
    """Whom ``utm_source`` means: a name, a common short form, a host, or one of these with ``ads``.

    ``facebook``, ``fb``, ``facebook_ads`` and ``m.facebook.com`` are all Facebook.
    """
    lowered = name.strip().lower()
    if lowered in _ADS:
        return _as_paid(_named()[_ADS[lowered]])
    if (source := _plain(lowered)) is not None:
        return source
    brand = _AD_ENDING.sub("", lowered)
    if brand != lowered and (source := _plain(brand)) is not None:
        return _as_paid(source)
    return None


#: Hosts where only a path tells whose visitor it is.
_SHARED = frozenset({"x.com", "apollo.lv"})

_AD_ENDING = re.compile(r"[ ._-]?ads?$")

_ADS = {"adwords": "google", "dv360": "google", "meta": "facebook"}

_SHORT = {
    "fb": "facebook", "ig": "instagram", "x": "twitter", "li": "linkedin", "tw": "twitter",
    "yt": "youtube", "vk": "vkontakte", "tt": "tiktok", "yahoo": "yahoo!", "ddg": "duckduckgo",
    "hackernews": "hacker news", "hn": "hacker news", "le-chat": "le chat", "adwords": "google",
    "snap": "snapchat", "openai": "chatgpt", "youtube_shorts": "youtube", "wa": "whatsapp",
}  # fmt: skip


def _plain(name: str) -> Source | None:
    source = _named().get(_SHORT.get(name, name))
    if source is not None or "." not in name:
        return source
    return of_host(name.removeprefix("www."))


def _as_paid(source: Source) -> Source:
    return Source(source.name, source.kind, source.terms, paid=True)


def _by_pattern(host: str, table: dict[str, Source]) -> Source | None:
    """A host's national twin (``google.co.nz``), or a subdomain of a host that stands for all."""
    labels = host.split(".")
    for size in (1, 2):
        if len(labels) > size and (source := table.get(".".join(labels[:-size]) + ".{}")):
            return source
    for cut in range(1, min(len(labels) - 1, 8)):
        parent = ".".join(labels[cut:])
        source = table.get("{}." + parent) or table.get(parent)
        if source is not None and (source.kind != "search" or "{}." + parent in table):
            return source
    return None


@cache
def _table() -> dict[str, Source]:
    """Host or host and path -> whose it is; read once, when the worker needs it first."""
    table: dict[str, Source] = {}
    for kind, name, terms, hosts in _rows():
        source = Source(name, kind, tuple(terms.split(",")) if terms else ())
        for host in hosts.split(" "):
            table[host.rstrip("/")] = source
    return table


@cache
def _named() -> dict[str, Source]:
    """Lower-case name -> whom it means; the first of a name's rows."""
    named: dict[str, Source] = {}
    for kind, name, _, _ in _rows():
        named.setdefault(name.lower(), Source(name, kind))
    return named


def _rows() -> list[tuple[Kind, str, str, str]]:
    text = (files(__package__) / "hosts.tsv").read_text(encoding="utf-8")
    return [_row(line) for line in text.splitlines()]


def _row(line: str) -> tuple[Kind, str, str, str]:
    kind, name, terms, hosts = line.split("\t")
    return kind, name, terms, hosts  # type: ignore[return-value]  # the table's own test checks it
