"""What an answer, and the verdicts on a call together, say. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ..destinations import Answer, Call, Verdict
from .lines import Silence

_RANK = {"delivered": 0, "refused": 1, "retry": 2}


def unheard(verdicts: Collection[Verdict]) -> bool:
    """The call as a whole came to nothing: all wait alike, and nothing says how to do better."""
    waiting = all(each.state == "retry" and not (each.split or each.alone) for each in verdicts)
    return waiting and len({_at_once(each) for each in verdicts}) == 1


def is_throttling(answer: object) -> bool:
    """Whether somebody answered, and said "too many"."""
    return isinstance(answer, Answer) and answer.status == 429


def comes_back(verdict: Verdict) -> bool:
    """Whether the event is sent again in the same batch."""
    return verdict.split or _at_once(verdict)


def worse(one: Verdict | None, other: Verdict) -> Verdict:
    """The worse of two verdicts on one event."""
    if one is None or _RANK[other.state] > _RANK[one.state]:
        return other
    return one


def words(call: Call, answer: Answer | Silence, verdicts: Collection[Verdict]) -> str:
    """What was heard, in words; the verdicts' reasons hold no secrets."""
    reason = next((each.reason for each in verdicts if each.state != "delivered"), "")
    if isinstance(answer, Silence):
        return answer.reason
    if not call.url.startswith("http"):
        return reason or "taken"
    said = f"HTTP {answer.status}"
    return reason if reason.startswith(said) else f"{said}: {reason}".rstrip(": ")


def _at_once(verdict: Verdict) -> bool:
    return verdict.state == "retry" and verdict.after == 0 and not (verdict.split or verdict.alone)
