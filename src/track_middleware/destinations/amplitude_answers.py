"""What Amplitude's answers mean, event by event.

Source: amplitude.com/docs/apis/analytics/http-v2, /batch-event-upload and
/http-api-batching-retries. A 400 and a 429 have taken nothing: what they name is refused or waits,
the rest is sent again at once. They may name only the first bad event, so several may follow. A 403
is the vendor's firewall. It dislikes something in the body (a scanner's URL, as a rule), or this
server: the first is halved like any other poison, since one visitor must not be able to stop
everybody's events; the second pauses. Which one it is, delivery finds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from . import Answer, Call, Verdict
from .answers import RESENT, by_id, content, scrubbed, verdict, words

#: How long a user or device that sends too much is left alone, in seconds.
THROTTLED = 30.0

#: The same after its daily quota: a rolling day in steps of an hour
#: (amplitude.com/docs/data/data-backfill).
QUOTA = 3_600.0

_REFUSED = (
    "events_with_invalid_fields",
    "events_with_missing_fields",
    "events_with_invalid_id_lengths",
    "silenced_events",
)
_SET_UP = ("invalid api key", "invalid request path")


def verdicts(call: Call, answer: Answer | None, *, api_key: str) -> list[Verdict]:
    """One verdict per event of the call; ``api_key`` is kept out of their reasons."""
    whole = verdict(answer, secrets=(api_key,))
    if answer is not None and answer.status == 403:
        whole = Verdict("retry", whole.reason, split=True, pause=True)
    if answer is None or answer.status not in (400, 429):
        return [whole] * len(call.ids)
    said = _said(answer)
    if answer.status == 400 and _about_the_set_up(said):
        return [Verdict("retry", whole.reason, pause=True)] * len(call.ids)
    # An event of ours may be two of theirs: what is said of one holds for both.
    known = by_id(call, _waiting(said, call, whole)) | by_id(call, _refused(said, answer, api_key))
    if not known:
        return [whole] * len(call.ids)
    return [known.get(each, RESENT) for each in call.ids]


def _said(answer: Answer) -> Mapping[str, Any]:
    said = content(answer)
    return said if isinstance(said, dict) else {}


def _about_the_set_up(said: Mapping[str, Any]) -> bool:
    error = str(said.get("error")).lower()
    return said.get("missing_field") == "api_key" or any(each in error for each in _SET_UP)


def _refused(said: Mapping[str, Any], answer: Answer, api_key: str) -> dict[int, Verdict]:
    if answer.status != 400:
        return {}
    error = str(said.get("error") or words(answer))
    reasons: dict[int, str] = {}
    for field in _REFUSED:
        part = said.get(field)
        for name, indexes in part.items() if isinstance(part, dict) else [("", part)]:
            detail = f"{field} {name}".strip().replace("_", " ")
            for index in _indexes(indexes):
                reasons.setdefault(index, f"{error}: {detail}")
    return {
        index: Verdict("refused", scrubbed(reason, (api_key,))) for index, reason in reasons.items()
    }


def _waiting(said: Mapping[str, Any], call: Call, whole: Verdict) -> dict[int, Verdict]:
    """All events of users and devices that send too much, the listed ones and the unlisted."""
    after = max(whole.after or THROTTLED, 1.0)
    slow = Verdict("retry", whole.reason, after=after, alone=True)
    waiting = dict.fromkeys(_indexes(said.get("throttled_events")), slow)
    for kind, wait in (("throttled", slow), ("exceeded_daily_quota", replace(slow, after=QUOTA))):
        users, devices = _names(said.get(f"{kind}_users")), _names(said.get(f"{kind}_devices"))
        if users or devices:
            waiting |= dict.fromkeys(_events_of(call, users, devices), wait)
    return waiting


def _events_of(call: Call, users: frozenset[str], devices: frozenset[str]) -> list[int]:
    events = msgspec.json.decode(call.body)["events"]
    return [
        index
        for index, event in enumerate(events)
        if event.get("user_id") in users or event.get("device_id") in devices
    ]


def _names(value: Any) -> frozenset[str]:
    return frozenset(value) if isinstance(value, dict) else frozenset()


def _indexes(value: Any) -> Iterable[int]:
    return [each for each in value if type(each) is int] if isinstance(value, list) else []
