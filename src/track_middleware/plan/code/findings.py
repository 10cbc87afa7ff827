"""What a project's calls and its plan do not agree on.

No I/O happens here: files come in as they were read, findings go out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from ..compiled import KNOWN, EventCheck
from ..model import Plan
from ..parts import Event
from ..schema import of_event
from ..types.names import functions
from .call import Call, Source
from .languages import Language
from .values import as_json, is_whole, problems

#: ``error`` and ``warning`` are findings; a ``notice`` says what could not be judged.
Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or could not be judged, and where. ``path`` "": in the plan."""

    level: Level
    code: str
    message: str
    path: str = ""
    line: int = 1
    column: int = 1
    event: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read. ``platform``: what somebody said it belongs to."""

    path: str
    language: Language
    source: Source
    platform: str | None = None

    def platform_of(self, call: Call) -> str:
        """Who sends a call of this file."""
        return self.platform or call.platform or self.language.platform


@dataclass(slots=True)
class _Sent:
    """What one platform's code sends."""

    labels: set[str] = field(default_factory=set)
    unread: Counter[str] = field(default_factory=Counter)


def findings(plan: Plan, files: Sequence[File], *, whole: bool) -> list[Finding]:
    """Everything that is wrong, in the files' order. ``whole``: these are all files of the project,
    so that an event which none of them sends is one that nobody sends."""
    found = [each for file in files for each in _of_file(plan, file)]
    return [*found, *(_unsent(plan, files) if whole else ())]


def _of_file(plan: Plan, file: File) -> Iterator[Finding]:
    for line, trouble in file.source.trouble:
        yield Finding("notice", "unread", trouble, file.path, line)
    for call in file.source.calls:
        label = call.label
        for level, code, message in _of_call(plan, file, call):
            yield Finding(level, code, message, file.path, call.line, call.column, label)


def _of_call(plan: Plan, file: File, call: Call) -> Iterator[tuple[Level, str, str]]:
    label = call.label
    if label is None:
        yield "notice", "unread-name", f"which event this is cannot be read: {call.said}"
        return
    check = plan.checker.by_label.get(label)
    if check is None:
        if label not in KNOWN:
            yield "error", "unknown-event", plan.checker.unknown(label).problem
        return
    for violation in check.who({"platform": file.platform_of(call)}) if check.asks_who else ():
        code = "server-only" if check.event.server_only else "other-platform"
        yield "error", code, f"{label!r}: {violation.problem}"
    yield from _properties(check, call)


def _properties(check: EventCheck, call: Call) -> Iterator[tuple[Level, str, str]]:
    event, given = check.event, call.properties
    told = False
    for each in event.properties:
        if each.required and each.name not in given.known and given.complete:
            told = True
            yield "error", "missing-property", f"{event.name!r} wants the property {each.name!r}"
    for level, message in _unknown(event, call):
        told = True
        yield level, "unknown-property", message
    text = "; what data-track-* says is always text" if call.said == "data-track" else ""
    for path, problem in problems(check, given):
        told = True
        yield "error", "wrong-property", f"{event.name!r}, {path}: {problem}{text}"
    if told or check.properties is None or not is_whole(given):
        return
    for error in check.properties.iter_errors(as_json(given)):
        yield "error", "wrong-property", f"{event.name!r}: {error.message[:300]}"


def _unknown(event: Event, call: Call) -> Iterator[tuple[Level, str]]:
    schema = of_event(event)
    further = schema.get("additionalProperties")
    if further or schema.get("patternProperties"):
        return  # the plan says itself that there may be others
    names = [each.name for each in event.properties]
    for name in call.properties.known:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            level: Level = "error" if further is False else "warning"
            yield level, f"{event.name!r} has no property {name!r} in the plan{hint}"


def _unsent(plan: Plan, files: Sequence[File]) -> Iterator[Finding]:
    sent = _by_platform(plan, files)
    for label, event in plan.events.items():
        if event.kind != "track" or label in KNOWN:
            continue
        planned = ["server"] if event.server_only else list(event.platforms)
        missing = [name for name in planned or sent if name in sent]
        missing = [name for name in missing if label not in sent[name].labels]
        if planned:
            for name in missing:
                yield _nobody(label, f"no code of platform {name} sends it", [sent[name]])
        elif len(missing) == len(sent) and sent:
            yield _nobody(label, "no code sends it", sent.values())


def _nobody(label: str, problem: str, among: Iterable[_Sent]) -> Finding:
    unread = sum(each.unread.total() for each in among)
    hint = f"; unless it is one of {unread} whose names cannot be read" if unread else ""
    level: Level = "notice" if unread else "warning"
    return Finding(level, "unsent", f"{label!r}: {problem}{hint}", event=label)


def _by_platform(plan: Plan, files: Sequence[File]) -> dict[str, _Sent]:
    sent: dict[str, _Sent] = defaultdict(_Sent)
    typed = {file.language.types for file in files if file.source.typed}
    made = {
        language: {name: label for label, name in functions(plan.events.values(), language).items()}
        for language in typed
    }
    for file in files:
        own = sent[file.platform or file.language.platform]
        called = made.get(file.language.types, {})
        own.labels.update(called[name] for name in file.source.functions & called.keys())
        for call in file.source.calls:
            platform = sent[file.platform_of(call)]
            if call.name is not None:
                platform.labels.add(call.name)
            elif call.kind == "track":
                platform.unread[file.path] += 1
    return sent
