"""A destination's URL, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import SettingsError


@dataclass(frozen=True, slots=True)
class Address:
    """A destination's URL, taken apart. ``host`` keeps its case: vendors' keys live there."""

    url: str
    scheme: str
    user: str
    password: str
    host: str
    path: str
    options: dict[str, str]

    def __repr__(self) -> str:
        return f"<{self.scheme} destination>"  # keys are secrets


#: Options that every destination takes; a destination may take more of its own.
OPTIONS = (
    "endpoint", "region", "events", "properties", "without", "bots", "purpose", "on_doubt", "name",
)  # fmt: skip


def address(url: str) -> Address:
    """A destination URL's parts; SettingsError says what is wrong, without repeating the secret."""
    parts = urlsplit(url)
    scheme = parts.scheme
    if not scheme or "://" not in url:
        raise SettingsError(
            "destinations",
            "each is a URL such as amplitude://API_KEY or jsonl:///file; one has no scheme://",
        )
    netloc = parts.netloc
    user, at, host = netloc.rpartition("@")
    name, _, password = user.partition(":")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) != len(pairs):
        raise SettingsError("destinations", f"the {scheme} URL names an option twice")
    endpoint = options.get("endpoint")
    if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
        raise SettingsError(
            "destinations", f"endpoint of the {scheme} URL must start with http:// or https://"
        )
    if options.get("on_doubt", "drop") not in ("drop", "repeat"):
        raise SettingsError("destinations", f"on_doubt of the {scheme} URL is drop or repeat")
    if at and not host:
        raise SettingsError("destinations", f"the {scheme} URL has nothing after @")
    return Address(
        url=url, scheme=scheme, user=unquote(name), password=unquote(password), host=unquote(host),
        path=unquote(parts.path), options=options,
    )  # fmt: skip
