"""What users and visitors permit, as one transaction of the drain knows it."""

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


class Choices:
    """The choices that events from outside a request go by; ``default`` is the mode's.

    ``known``: those that have been read or made so far, by subject.
    """

    __slots__ = ("_intake", "default", "known")

    def __init__(self, intake: Intake, default: Mapping[str, str]) -> None:
        self._intake = intake
        self.default = _choice(default)
        self.known: dict[str, Choice] = {}

    def ask(self, whose: Iterable[Said | Who]) -> None:
        """Reads in one go the choices of the users and visitors of these, where anybody has
        chosen."""
        if not self._intake.any_choice():
            return
        asked = {subject for each in whose for subject in subjects(each)} - self.known.keys()
        if asked:
            found = self._intake.choices(asked)
            self.known.update({subject: _choice(states) for subject, states in found.items()})

    def of(self, whose: Said | Who) -> Choice:
        """What the user (else the visitor) of an event made outside a request last chose."""
        for subject in subjects(whose):
            found = self.known.get(subject)
            if found is not None and found.states:
                return found
        return self.default

    def take(self, frame: Frame) -> None:
        """A choice that was made: it holds from here on, and is recorded for good."""
        states = frame.consent or {}
        event_id, said = proof(frame)
        for subject in subjects(who(frame)):
            self._intake.choose(subject, states, frame.at)
            self.known[subject] = _choice(states)
            self._intake.record(
                ChoiceRecord(subject, frame.at, states, said.version, said.source, event_id)
            )

    def adopt(self, user: str, states: Mapping[str, str]) -> None:
        """Who signs in on a browser permits, until they choose as that user, what they permitted
        there before anybody knew who they are."""
        subject = f"user:{user}"
        if states == self.default.states or subject in self.known:
            return
        if self._intake.adopt(subject, states):
            self.known[subject] = _choice(states)


def _choice(states: Mapping[str, str]) -> Choice:
    granted = states.get("analytics") == "granted"
    return Choice(states, granted, b'"consent":' + msgspec.json.encode(states))
