"""What Mixpanel's answers mean, record by record.

Source: docs.mixpanel.com/reference (import-events, track-event, profile-batch-update) and
/troubleshooting/errors. ``/import?strict=1`` answered 400 has taken all but its ``failed_records``.
The other roads answer 200 with ``status: 0`` (or a bare 0) when nothing was valid; which record
was bad is found by halves, since everything that we send there may be repeated. After a 429, which
comes without ``Retry-After``, the vendor wants some 2 s of rest, doubled up to 60 s, with jitter:
no wait is asked for here, so that the worker's own backoff, which is of that kind, decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from . import DELIVERED, Answer, Call, Verdict
from .answers import RESENT, by_id, content, scrubbed, verdict

#: A field that is wrong for everything we send, not for one record.
_SET_UP = frozenset(("token", "$token", "properties.token"))


def verdicts(
    call: Call, answer: Answer | None, *, strict: bool, secrets: Sequence[str]
) -> list[Verdict]:
    """One verdict per record of the call; ``strict``: it went to the import."""
    whole = verdict(answer, secrets=secrets)
    if answer is None or (answer.status != 400 and not 200 <= answer.status < 300):
        return [whole] * len(call.ids)
    said = content(answer)
    failed = _failed(said, call, secrets)
    wrong = [each for each in failed.values() if each.reason.partition(":")[0] in _SET_UP]
    if wrong:
        return [Verdict("retry", wrong[0].reason, pause=True)] * len(call.ids)
    if failed:
        rest = DELIVERED if strict or "num_records_imported" in said else RESENT
        known = by_id(call, failed)
        return [known.get(each, rest) for each in call.ids]
    return [_told(said, whole, secrets)] * len(call.ids)


def _told(said: Any, whole: Verdict, secrets: Sequence[str]) -> Verdict:
    """The verdict on a whole call, where 200 may still be a refusal."""
    error = said.get("error") if isinstance(said, dict) else None
    status = said.get("status") if isinstance(said, dict) else said
    if whole.state != "delivered" or status != 0 or isinstance(status, bool):
        return whole
    reason = scrubbed(f"status 0: {error or 'no reason given'}", secrets)
    if re.search(r"\btoken\b", reason):
        return Verdict("retry", reason, pause=True)
    return Verdict("retry", reason, split=True)


def _failed(said: Any, call: Call, secrets: Sequence[str]) -> dict[int, Verdict]:
    """The refused records by index; {} when the answer does not account for every record."""
    records = said.get("failed_records") if isinstance(said, dict) else None
    if not isinstance(records, list):
        return {}
    failed: dict[int, Verdict] = {}
    for record in records:
        index = record.get("index") if isinstance(record, dict) else None
        if type(index) is not int or not 0 <= index < len(call.ids):
            return {}
        told = f"{record.get('field', '')}: {record.get('message', '')}".strip(": ")
        failed[index] = Verdict("refused", scrubbed(told or "refused", secrets))
    imported = said.get("num_records_imported", len(call.ids) - len(failed))
    return failed if imported == len(call.ids) - len(failed) else {}
