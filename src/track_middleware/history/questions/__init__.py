"""Ready-made questions to the events table, the same SQL for DuckDB, PostgreSQL and ClickHouse.

Each ``.sql`` file beside this one is a question or a part that several share. What the engines do
not spell alike stands there in braces, ``{ms(timestamp)}``, and here once for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from ...errors import TrackError


class QuestionError(TrackError):
    """A question that cannot be asked so; says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is asked with; each takes what it needs.

    ``source``: the table, or for DuckDB the Parquet files' folder or glob. ``zone``: whose midnight
    ends a day. ``steps`` and ``within`` (seconds): a funnel's. ``every``: retention's period, day
    or week. ``conversion``, ``value`` (a property) and ``lookback`` (seconds): attribution's.
    """

    source: str = "track_events"
    zone: str = "UTC"
    steps: Sequence[str] = ()
    within: float = 7 * 86400
    every: str = "day"
    conversion: str = "Order Completed"
    value: str = "revenue"
    lookback: float = 30 * 86400


@dataclass(frozen=True, slots=True)
class Engine:
    """How an engine spells what the others spell otherwise; ``@`` stands for the argument."""

    text: str
    ms: str
    day: str
    week: str
    seconds: str
    whole: str
    double: str
    plain: str
    amount: str
    literal: Callable[[str], str]
    events: Callable[[str], str]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _backslashed(text: str) -> str:
    return _literal(text.replace("\\", "\\\\"))


def _files(source: str) -> str:
    """DuckDB's name for Parquet files; the day and hour of their folders are no columns here."""
    glob = source if source.endswith(".parquet") else f"{source.rstrip('/')}/**/*.parquet"
    return f"read_parquet({_literal(glob)}, hive_partitioning = false)"


_TABLE = re.compile(r"\w+(\.\w+)?", re.ASCII)


def _quoted(source: str, quote: str) -> str:
    if not _TABLE.fullmatch(source):
        raise QuestionError(
            f"{source!r} is no table: letters, digits and _, with its schema before"
        )
    return ".".join(f"{quote}{each}{quote}" for each in source.split("."))


ENGINES: Mapping[str, Engine] = {
    "duckdb": Engine(
        text="CAST(@ AS VARCHAR)",
        ms="epoch_ms(@)",
        day="CAST(@ AT TIME ZONE {zone} AS DATE)",
        week="CAST(date_trunc('week', @) AS DATE)",
        seconds="(@) / 1000.0",
        whole="CAST(FLOOR(@) AS INTEGER)",
        double="CAST(@ AS DOUBLE)",
        plain="@",
        amount="CASE WHEN json_type(@, {value}) IN ('BIGINT', 'DOUBLE', 'UBIGINT')"
        " AND abs(TRY_CAST(json_extract_string(@, {value}) AS DOUBLE)) < 1e12"
        " THEN TRY_CAST(json_extract_string(@, {value}) AS DECIMAL(18, 4)) END",
        literal=_literal,
        events=_files,
    ),
    "postgresql": Engine(
        text="CAST(@ AS text)",
        ms="CAST(FLOOR(EXTRACT(EPOCH FROM @) * 1000) AS bigint)",
        day="CAST(@ AT TIME ZONE {zone} AS date)",
        week="CAST(date_trunc('week', @) AS date)",
        seconds="(@) / 1000.0",
        whole="CAST(FLOOR(@) AS integer)",
        double="CAST(@ AS double precision)",
        plain='@ COLLATE "C"',
        amount="CASE WHEN jsonb_typeof(@ -> {value}) = 'number' THEN"  # AND has no order there
        " CASE WHEN abs(CAST(@ ->> {value} AS numeric)) < 1e12"
        " THEN CAST(@ ->> {value} AS numeric(18, 4)) END END",
        literal=_literal,
        events=lambda source: _quoted(source, '"'),
    ),
    "clickhouse": Engine(
        text="toString(@)",
        ms="toUnixTimestamp64Milli(@)",
        day="toDate(@, {zone})",
        week="toMonday(@)",
        seconds="(@) / 1000.0",
        whole="toInt32(floor(@))",
        double="toFloat64(@)",
        plain="@",
        amount="if(JSONType(@, {value}) IN ('Int64', 'UInt64', 'Double')"
        " AND abs(JSONExtractFloat(@, {value})) < 1e12,"
        " round(toDecimal64OrNull(JSONExtractRaw(@, {value}), 5), 4), NULL)",
        literal=_backslashed,
        events=lambda source: f"{_quoted(source, '`')} FINAL",
    ),
}

#: The questions' names, and what each asks.
QUESTIONS: Mapping[str, str] = {
    "sessions": "one row for each session: when, whose, how long, where from",
    "funnel": "how many people took some steps in their order",
    "retention": "how many people came back, by when they were first seen",
    "attribution": "which sessions conversions are owed to: the first, the last",
}

#: What retention counts by: a day as its period, and the days of one.
PERIODS = {"day": ("day", 1), "week": ("{week(day)}", 7)}

#: Of a funnel: its last step, a step before another, and when that reaches a later one.
_LAST = """\
step_{step} AS (
    SELECT person, ms, event, CASE WHEN event = {event} THEN ms END AS at_{step}
    FROM owned
    WHERE person IS NOT NULL AND event IN ({events})
)"""

_BEFORE = """\
step_{step} AS (
    SELECT
        person,
        ms,
        event,
        CASE WHEN event = {event} THEN ms END AS at_{step},
{reached}
    FROM step_{next}
)"""

_REACHED = """\
        CASE WHEN event = {event} THEN MIN(step_{next}.at_{later}) OVER (
            PARTITION BY person ORDER BY ms DESC RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) END AS at_{later}"""

_COUNT = """\
    SELECT {step} AS step, {event} AS event, COUNT(DISTINCT person) AS people
    FROM step_1 WHERE at_{step} <= at_1 + {within}"""

_MACRO = re.compile(r"\{(\w+)(?:\(([^{}]*)\))?\}")

_FOLDER = resources.files(__package__)


def sql(question: str, engine: str, asked: Asked) -> str:
    """The question in an engine's SQL, one statement without a semicolon. QuestionError when it
    cannot be asked so."""
    if question not in QUESTIONS or engine not in ENGINES:
        raise QuestionError(f"there is no {question} for {engine}")
    spelled = ENGINES[engine]
    given = _Given()
    names = _names(question, spelled, asked, given)

    def filled(match: re.Match[str]) -> str:
        name, argument = match[1], match[2]
        return names[name] if argument is None else getattr(spelled, name).replace("@", argument)

    text = _part(question)
    while _MACRO.search(text):
        text = _MACRO.sub(filled, text)
    return given.put_into(text)


class _Given:
    """What somebody typed: it stands in the text as a mark until the rest is spelled."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, text: str) -> str:
        """What stands for a text."""
        self._texts.append(text)
        return f"\0{len(self._texts) - 1}\0"

    def put_into(self, text: str) -> str:
        """The text with what was typed."""
        return re.sub("\0(\\d+)\0", lambda match: self._texts[int(match[1])], text)


def _names(question: str, spelled: Engine, asked: Asked, given: _Given) -> dict[str, str]:
    """What stands for each name in braces."""
    names = {
        "people": _part("people"),
        "visits": _part("visits"),
        "events": given.mark(spelled.events(asked.source)),
        "zone": given.mark(spelled.literal(asked.zone)),
        "conversion": given.mark(spelled.literal(asked.conversion)),
        "value": spelled.literal(_property(asked.value)),
        "lookback": str(round(asked.lookback * 1000)),
    }
    if question == "funnel":
        names["steps"], names["counts"] = _steps(spelled, asked, given)
    if question == "retention":
        if asked.every not in PERIODS:
            raise QuestionError(f"{asked.every!r} is no period: {', '.join(PERIODS)}")
        period, days = PERIODS[asked.every]
        names |= {"period": period, "days": str(days)}
    return names


def _steps(spelled: Engine, asked: Asked, given: _Given) -> tuple[str, str]:
    """A funnel's steps, from the last to the first, and how many people took each."""
    if len(asked.steps) < 2:
        raise QuestionError("a funnel has two steps or more: names of events, with commas between")
    names = [given.mark(spelled.literal(each)) for each in asked.steps]
    last = len(names)
    steps = [_LAST.format(step=last, event=names[-1], events=", ".join(names))]
    for step in range(last - 1, 0, -1):
        named = {"step": step, "next": step + 1, "event": names[step - 1]}
        reached = [_REACHED.format(later=later, **named) for later in range(step + 1, last + 1)]
        steps.append(_BEFORE.format(reached=",\n".join(reached), **named))
    within = round(asked.within * 1000)
    counts = [
        _COUNT.format(step=step, event=name, within=within) for step, name in enumerate(names, 1)
    ]
    return ",\n".join(steps), "\n    UNION ALL\n".join(counts)


def _property(name: str) -> str:
    if not re.fullmatch(r"\w+", name, re.ASCII):
        raise QuestionError(f"{name!r} is no property: letters, digits and _")
    return name


def _part(name: str) -> str:
    return _FOLDER.joinpath(f"{name}.sql").read_text("utf-8").rstrip("\n")
