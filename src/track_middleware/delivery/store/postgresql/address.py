"""What a store's URL says of its database, and of which data folder a connection speaks."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ....errors import StoreError

SCHEMES = ("postgresql", "postgres")

#: Where the tables stand unless ``?schema=`` says otherwise.
SCHEMA = "track_middleware"

#: The file in a data folder by which the store knows it: its segments, its worker.
FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Address:
    """A database. ``conninfo`` is libpq's URL, with its password; ``shown`` is without."""

    conninfo: str = field(repr=False)
    schema: str
    shown: str


def is_postgresql(url: str) -> bool:
    """Whether a store's URL names a PostgreSQL database."""
    return url.partition("://")[0] in SCHEMES and "://" in url


def address(url: str) -> Address:
    """What a URL names. StoreError when it cannot be read, or psycopg is not there."""
    try:
        import psycopg.conninfo
    except ImportError as error:
        raise StoreError(
            f"psycopg cannot be used, which a PostgreSQL store needs ({error}); "
            "pip install 'track-middleware[postgresql]'"
        ) from error
    try:
        parts = urlsplit(url)
        asked = parse_qsl(parts.query, keep_blank_values=True)
        schema = dict(asked).get("schema", SCHEMA)
        rest = urlencode([pair for pair in asked if pair[0] != "schema"])
        conninfo = urlunsplit((parts.scheme, parts.netloc, parts.path, rest, ""))
        known = psycopg.conninfo.conninfo_to_dict(conninfo)
    except (ValueError, psycopg.Error) as error:  # both would repeat the password
        raise StoreError(
            "libpq cannot read the store's URL; write postgresql://user:password@host/database, "
            "with other signs in them percent-encoded"
        ) from error
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
        raise StoreError(f"{schema!r} cannot be the store's schema: use a-z, 0-9 and _")
    where = f"{known.get('host') or 'local'}:{known.get('port') or 5432}"
    shown = f"postgresql://{where}/{known.get('dbname') or ''}"
    return Address(conninfo, schema, shown if schema == SCHEMA else f"{shown}?schema={schema}")


def folder_of(data_dir: Path) -> str:
    """The name of a data folder, which it got when somebody first asked. StoreError when it cannot
    be kept."""
    path = data_dir / FOLDER
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make_once(path)
        name = path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise StoreError(f"the name of {data_dir} cannot be kept in {path}: {error}") from error
    if not re.fullmatch(r"[0-9a-f]{16}", name):
        raise StoreError(f"{path} does not hold the name of its folder; was it edited?")
    return name


def _make_once(path: Path) -> None:
    hidden = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    fd = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(8)}\n")
            file.flush()
            os.fsync(fd)
        os.link(hidden, path)
    except FileExistsError:  # somebody was quicker: theirs it is
        return
    finally:
        hidden.unlink()
