"""What settings make of the drain: consent's default, days, enrichment and the site's hooks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import SettingsError
from ..globs import matching
from ..patterns import Patterns
from ..settings import Settings
from .frames import Rules
from .handover import imported, resolved

if TYPE_CHECKING:
    from ..enrichment import Place
    from ..plan.repairs import Repairs
    from .finish import Finisher

#: The ordinal of 1970-01-01.
_EPOCH = date(1970, 1, 1).toordinal()


def rules(settings: Settings) -> Rules:
    """The drain's rules."""
    from ..enrichment.history import history  # here: web processes check settings, no more

    state = "granted" if settings.consent == "opt_out" else "pending"
    return Rules(
        window=settings.merge_window,
        default_consent={"analytics": state, "marketing": state},
        day=days(settings.time_zone),
        idle=settings.session_timeout,
        unstored=matching(settings.unstored),
        history=history(settings.history),
    )


def finisher(settings: Settings) -> Finisher:
    """Enrichment and hooks; SettingsError when a dotted path or the country file is not there."""
    from .. import enrichment  # here, as above
    from .enrichers import Limited
    from .finish import Finisher

    enrichers = [resolved("enrichers", each) for each in settings.enrichers]
    return Finisher(
        enrich=partial(enrichment.enrich, place=place(settings.geo_file)),
        version=enrichment.VERSION,
        reads=enrichment.READS,
        enrichers=[
            Limited(each, seconds=settings.enricher_timeout)
            for each in enrichers
            if each is not None
        ],
        before_send=resolved("before_send", settings.before_send),
        patterns=Patterns(settings.redact_patterns),
        repairs=mender(settings.repairs),
    )


def mender(path: str | None) -> Repairs | None:
    """The repairs that the setting names; SettingsError when they are not there, or are none."""
    if not path:
        return None
    from ..plan.repairs import repairs  # with an engine that only sites with repairs have

    return repairs(imported("repairs", path))


def days(zone: str) -> Callable[[float], str]:
    """Moment -> its day (2026-05-04) in a time zone; SettingsError when there is no such zone."""
    where = _zone(zone)
    known: dict[int, str] = {}

    def day(moment: float) -> str:
        # No zone's offset changes within a quarter of an hour of the clock.
        quarter = int(moment // 900)
        found = known.get(quarter)
        if found is None:
            if len(known) > 1000:
                known.clear()
            found = known[quarter] = datetime.fromtimestamp(moment, where).strftime("%Y-%m-%d")
        return found

    return day


def ordinals(zone: str) -> Callable[[float], int]:
    """Moment -> days since 1970-01-01 in a time zone; SettingsError when there is no such zone."""
    day = days(zone)
    known = lru_cache(maxsize=4096)(lambda text: date.fromisoformat(text).toordinal() - _EPOCH)
    return lambda moment: known(day(moment))


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError("time_zone", f"there is no time zone {name!r}") from error


def place(geo_file: str | None) -> Place | None:
    """The look-up in a MaxMind-format database (its reader is the package ``maxminddb``);
    SettingsError when the file or its reader is missing."""
    if geo_file is None:
        return None
    if not Path(geo_file).is_file():
        raise SettingsError("geo_file", f"{geo_file} is not there")
    try:
        import maxminddb  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise SettingsError("geo_file", "is read by the package maxminddb; install it") from error
    try:
        reader: Any = maxminddb.open_database(geo_file)
    except (OSError, ValueError) as error:
        raise SettingsError("geo_file", f"{geo_file} cannot be read: {error}") from error
    return lambda address: _country(reader.get(address))


def _country(record: object) -> str | None:
    country = record.get("country") if isinstance(record, dict) else None
    code = country.get("iso_code") if isinstance(country, dict) else None
    return code if isinstance(code, str) else None
