"""What users and visitors last chose, as one transaction of the drain knows and changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from .frames import Frame, Who, proof, subjects, who
from .splice import Said
from .store import ChoiceRecord, Intake


@dataclass(frozen=True, slots=True)
class Choice:
    """A consent choice; ``granted``: events may be kept; ``member`` is how a context says it."""

    states: Mapping[str, str]
    granted: bool
    member: bytes


class Chosen:
    """The choices that a transaction has asked for, or taken itself; ``default`` holds for who has
    made none. ``any``: whether anybody it knows of has."""

    def __init__(self, intake: Intake, default: Mapping[str, str]) -> None:
        self._intake = intake
        self._known: dict[str, Choice] = {}
        self.default = _choice(default)

    @property
    def any(self) -> bool:
        return bool(self._known)

    def ask(self, whose: Iterable[Said | Who]) -> None:
        """Asks for the choices of these users and visitors, where anybody has chosen."""
        if not self._intake.any_choice():
            return
        asked = {subject for each in whose for subject in subjects(each)} - self._known.keys()
        if asked:
            found = self._intake.choices(asked)
            self._known.update({subject: _choice(states) for subject, states in found.items()})

    def of(self, whose: Said | Who) -> Choice:
        """What the user (else the visitor) of an event made outside a request last chose."""
        for subject in subjects(whose):
            found = self._known.get(subject)
            if found is not None and found.states:
                return found
        return self.default

    def keep(self, frame: Frame) -> None:
        """Takes a choice, and keeps what proves it."""
        states = frame.consent or {}
        event_id, said = proof(frame)
        for subject in subjects(who(frame)):
            self._intake.choose(subject, states, frame.at)
            self._known[subject] = _choice(states)
            self._intake.record(
                ChoiceRecord(subject, frame.at, states, said.version, said.source, event_id)
            )


def _choice(states: Mapping[str, str]) -> Choice:
    granted = states.get("analytics") == "granted"
    return Choice(states, granted, b'"consent":' + msgspec.json.encode(states))
