"""A data folder in which everything that comes from outside is hostile."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from track_middleware.delivery.store import (
    ChoiceRecord,
    DeadLetter,
    Learnt,
    Merge,
    NewRow,
    Outcome,
    PageRow,
    sqlite,
)
from track_middleware.event import Entry, Event, PageRef, Person, encode_event, iso

#: Each tries to run something, to load something, or to break what stands around it. ``pwned`` is
#: what would be there if it had run; nothing may be asked of the host either.
TEXTS = (
    "<script>window.pwned=1</script>",
    "\"'><img src=http://evil.example/a.png onerror=window.pwned=1>",
    "</pre></td></table></li></ol><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "{{ cycler.__init__.__globals__ }}{% raw %}",
    "\u202e\u2067olleh\u200f right to left \u061c",
    "Z\u0351\u036b\u0343\u0363\u0360\u0314\u0301\u033f" * 40,
    "no\nlines\r\n\tat all\x00\x1b[2J\x07 \u2028\u2029",
    "x" * 32_000,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 " * 200,
    "data: {}\n\nevent: close\nid: 9\n",
)

#: A destination whose answers are hostile, too.
DESTINATION = "webhook+http://127.0.0.1:9/?name=webhook"


def _event(number: int, text: str, kind: str = "track") -> Event:
    short = text[:100]
    context: dict[str, Any] = {
        "page": {"path": f"/{text}", "url": f"http://shop/{text}", "title": text, "referrer": text},
        "platform": text if number % 2 else "web", "userAgent": text, "channel": text,
        "browser": {"name": text}, "session": {"id": text, "number": 1}, "simulated": text,
        "campaign": {"source": text}, "app": {"version": text},
    }  # fmt: skip
    named = {"event": text} if kind == "track" else {}
    return Event(
        f"{number}-{short}", kind, iso(time.time()), **named, anonymous_id=short, user_id=text,  # type: ignore[arg-type]
        properties={text: text, "text": text, "deep": {"er": [text]}}, context=context,
    )  # fmt: skip


def rows(start: int = 0) -> list[NewRow]:
    """Hostile events for the log."""
    made = []
    for number, text in enumerate(TEXTS, start):
        for kind in ("track", "page"):
            event = _event(number, text, kind)
            made.append(
                NewRow(
                    f"{event.message_id}{kind}",
                    text[:100],
                    time.time(),
                    kind,
                    event.label,
                    encode_event(event),
                    bot=text if kind == "track" and number % 3 == 0 else None,
                )
            )
    return made


def fill(folder: Path) -> None:
    """Makes the data folder's store."""
    now = time.time()
    with closing(sqlite.open(folder / "events.db")) as store:
        job = store.job("webhook")
        store.append(rows())
        log = store.read(0, 100)
        outcomes = [
            Outcome(each.position, each.event_id, each.order_key,
                    ("retry", "held", "refused")[each.position % 3], 1, now, text)
            for each, text in zip(log, TEXTS * 3, strict=False)
        ]  # fmt: skip
        store.advance(job, log[-1].position, outcomes, Learnt(answer="".join(TEXTS), at=now))
        store.pause(job, now + 600, TEXTS[1] + TEXTS[5], needs_you=True)
        store.bury(
            [
                DeadLetter(0, stage, text[:100], text[:100], text, now, text, text.encode())
                for text in TEXTS
                for stage in ("door", "plan", "destination")
            ],
            most=100,
        )
        with store.batch():
            for number, text in enumerate(TEXTS):
                short = text[:100]
                event = _event(number, text, "page")
                entry = Entry("view", now, event, person=Person(short, user=text))
                half = msgspec.json.encode(entry)
                ref = PageRef(f"page-{number}-{short}", now, "counted")
                page = PageRow(
                    ref, Person(short, user=text), f"/{text}", half, now + 60, None, None
                )
                store.intake.keep_pages([page])
                states = {text: text}
                store.intake.record(
                    ChoiceRecord(f"visitor:{short}", now, states, text, text, short)
                )
                store.intake.choose(f"visitor:{short}", states, now)
                store.intake.merged([Merge(short, text, "", now, short, "identify")])
            store.intake.tally(
                {("2026-05-01", "page.human"): 5}, {("2026-05-01", text): 7 for text in TEXTS}
            )
