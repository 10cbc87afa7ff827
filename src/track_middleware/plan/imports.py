"""Plans of other tools as plans of ours: JSON Schema, Segment Protocols, Snowplow Iglu.

No I/O happens here. Nothing is lost: a schema is kept as it is and is what is checked; what a file
says besides is kept in ``source``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import PlanError
from .document import with_schema
from .model import Plan
from .parts import Event

_MESSAGE = {"properties", "traits", "context"}

#: What of a rule of Segment's is said by the event itself.
_OF_A_RULE = ("jsonSchema", "json_schema", "key", "type", "name", "description", "rules")


def plan_of(document: object, *, name: str) -> Plan | None:
    """The plan that a foreign document holds, None when it is of no kind that is known. ``name`` is
    that of the file: the plan's, or the event's, where the document says none."""
    if isinstance(document, list):
        return _of_rules(document, name) if document else None
    if not isinstance(document, Mapping):
        return None
    inner = document.get("data")
    wrapped = inner.get("trackingPlan") or inner if isinstance(inner, Mapping) else None
    for each in (document, wrapped):
        if isinstance(each, Mapping) and "rules" in each:
            return segment(each, name=name)
    if isinstance(document.get("self"), Mapping):
        return iglu(document, name=name)
    if {"$schema", "type", "properties", "$defs", "definitions"} & document.keys():
        return json_schema(document, name=name)
    return None


def segment(document: Mapping[str, Any], *, name: str) -> Plan:
    """A tracking plan of Segment Protocols.

    Of the Public API (docs.segmentapis.com, Tracking Plans: a list of rules, each with its
    ``jsonSchema``, of the properties alone or of the whole message), or of the former Config API
    (``rules.events``, ``rules.identify``, ``rules.group``, ``rules.global``).
    """
    rules = document["rules"]
    said = {key: value for key, value in document.items() if key != "rules"}
    if isinstance(rules, Mapping):
        rules, beside = _of_config(rules)
        said |= {"rules": beside} if beside else {}
    if not isinstance(rules, list):
        raise PlanError("rules: a list of rules is wanted")
    title = document.get("display_name") or document.get("name")
    found = _of_rules(rules, str(title or name))
    return replace(found, description=str(document.get("description") or ""), source=said)


def iglu(document: Mapping[str, Any], *, name: str) -> Plan:
    """A self-describing schema of Snowplow (docs.snowplow.io, self-describing JSON schemas); the
    event is called what the schema is."""
    own = document["self"]
    label = str(own.get("name") or name)
    version = str(own.get("version") or "")
    description = str(document.get("description") or "")
    event = Event(label, description=description, schema=document)
    return Plan(name, version=version, events={label: with_schema(event, label)})


def json_schema(document: Mapping[str, Any], *, name: str) -> Plan:
    """A JSON Schema of one event's properties, or a document whose definitions are those of an
    event each."""
    inner = document.get("$defs") or document.get("definitions")
    if isinstance(inner, Mapping) and not {"type", "properties"} & document.keys():
        events = {label: _defined(label, each, document) for label, each in inner.items()}
        return Plan(str(document.get("title") or name), events=events)
    label = str(document.get("title") or name)
    return Plan(name, events={label: _of_schema(label, document)})


def joined(plans: Sequence[Plan], *, name: str) -> Plan:
    """Several plans as one; PlanError where two of them have the same event."""
    events: dict[str, Event] = {}
    for plan in plans:
        for label, event in plan.events.items():
            if label in events and events[label] != event:
                if newest := _newest(event, events[label]):
                    events[label] = newest
                    continue
                raise PlanError(f"{plan.name}: there is an event {label!r} already, and another")
            events[label] = event
    if len(plans) == 1:
        return replace(plans[0], events=events)
    return Plan(
        name, events=events, source={plan.name: plan.source for plan in plans if plan.source}
    )


def _of_schema(label: str, schema: Mapping[str, Any]) -> Event:
    description = str(schema.get("description") or "")
    return with_schema(Event(label, description=description, schema=schema), label)


def _defined(label: str, schema: object, whole: Mapping[str, Any]) -> Event:
    """One of a document's definitions; it may refer to the others, which therefore come along."""
    if not isinstance(schema, Mapping):
        raise PlanError(f"{label}: this is no JSON Schema")
    around = {
        key: value for key, value in whole.items() if key in ("$schema", "$defs", "definitions")
    }
    refers = '"$ref"' in str(schema).replace("'", '"')
    return _of_schema(label, {**(around if refers else {}), **schema})


def _of_config(rules: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The rules of the Config API in the Public API's form, and what it says besides."""
    found = [{**each, "type": "TRACK", "config": True} for each in rules.get("events") or ()]
    others = {"identify": "IDENTIFY", "group": "GROUP", "global": "COMMON"}
    found += [
        {"type": kind, "rules": rules[name], "config": True}
        for name, kind in others.items()
        if rules.get(name)
    ]
    known = ("events", *others)
    return found, {key: value for key, value in rules.items() if key not in known}


def _of_rules(rules: Sequence[Any], name: str) -> Plan:
    events: dict[str, Event] = {}
    common: Mapping[str, Any] | None = None
    for rule in sorted(_checked(rules), key=lambda each: float(each.get("version") or 0)):
        if str(rule.get("type")).upper() == "COMMON":
            common = _schema_of(rule)
            continue
        event = _of_rule(rule)
        older = events.get(event.name)
        if older is not None:
            event = _newer(event, older)
        events[event.name] = event
    order = [_label(rule) for rule in rules if str(rule.get("type")).upper() != "COMMON"]
    return Plan(name, events={label: events[label] for label in order}, common=common)


def _checked(rules: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for number, rule in enumerate(rules):
        if not isinstance(rule, Mapping) or not (_schema_of(rule) or _is_open(rule)):
            raise PlanError(f"rules[{number}]: a rule with its jsonSchema is wanted")
        yield rule


def _is_open(rule: Mapping[str, Any]) -> bool:
    return any(isinstance(rule.get(key), Mapping) for key in ("jsonSchema", "json_schema", "rules"))


def _schema_of(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    found = rule.get("jsonSchema") or rule.get("json_schema") or rule.get("rules") or {}
    return found if isinstance(found, Mapping) else {}


def _label(rule: Mapping[str, Any]) -> str:
    kind = str(rule.get("type") or "TRACK").lower()
    return str(rule.get("key") or rule.get("name")) if kind == "track" else kind.capitalize()


def _of_rule(rule: Mapping[str, Any]) -> Event:
    schema = _schema_of(rule)
    inner = schema.get("properties")
    names = set(inner) if isinstance(inner, Mapping) else set()
    is_message = rule.get("config") is True or (
        bool(names & {"properties", "traits"}) and names <= _MESSAGE
    )
    kind = str(rule.get("type") or "TRACK").lower()
    known = {*_OF_A_RULE, "config"} - ({"key"} if kind != "track" else set())
    event = Event(
        _label(rule),
        description=str(rule.get("description") or schema.get("description") or ""),
        schema=None if is_message else schema,
        message=schema if is_message else None,
        kind=kind,
        source={key: value for key, value in rule.items() if key not in known},
    )
    return with_schema(event, event.name)


def _newest(one: Event, other: Event) -> Event | None:
    """The newer of two versions of a self-describing schema, with the other one kept; None where
    they are no such thing."""
    if one.schema is None or other.schema is None:
        return None
    selves = (one.schema.get("self"), other.schema.get("self"))
    first, second = (each if isinstance(each, Mapping) else {} for each in selves)
    if not first.get("name") or any(
        first.get(key) != second.get(key) for key in ("vendor", "name")
    ):
        return None
    ordered = sorted((one, other), key=lambda each: _version(each.schema or {}))
    return _newer(ordered[1], ordered[0])


def _version(schema: Mapping[str, Any]) -> tuple[int, ...]:
    """A self-describing schema's version, MODEL-REVISION-ADDITION, to be compared."""
    parts = str(schema["self"].get("version") or "").split("-")
    return tuple(int(each) if each.isdecimal() else 0 for each in parts)


def _newer(event: Event, older: Event) -> Event:
    """An event with what its former version says, which is kept and not checked."""
    if event.kind in ("page", "screen") and event.source.get("version") == older.source.get(
        "version"
    ):
        raise PlanError(f"{event.name}: there are two rules of that kind")
    former = {"schema": older.schema, "message": older.message, "source": dict(older.source)}
    return replace(event, source={**event.source, "former": former})
