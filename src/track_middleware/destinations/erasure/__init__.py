"""How each vendor is asked to erase one person: pure codecs, one file per vendor.

No I/O happens here. The worker sends the calls and keeps what is answered
(``delivery/erasing.py``); what cannot be asked says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, TypeVar

from ...address import Address
from .. import Answer, Call
from ..answers import retry_after, words
from ..options import ERASING

T = TypeVar("T")

#: What became of a call. ``done``: erased, or taken for good; ``asked``: taken, and worked on;
#: ``again``: not taken, to be sent again; ``needs you``: the same, once somebody has mended the
#: set-up; ``refused``: never to be sent again.
State = Literal["done", "asked", "again", "needs you", "refused"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a vendor said, in its own words. ``task``: by which it is asked how far it is (or, of
    ``opened``, what opens it); ``after``: seconds that it asked to wait."""

    state: State
    words: str = ""
    task: str = ""
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Who:
    """The ids of a person, each list in an order of its own. ``bearer``: what opened the vendor;
    ``own``: what its own script called the visitors."""

    users: Sequence[str]
    visitors: Sequence[str]
    bearer: str = ""
    own: Sequence[str] = ()


#: What an answer (None: nobody answered) means.
Judge = Callable[[Answer | None], Said]


@dataclass(frozen=True, slots=True)
class Eraser:
    """How one destination is asked.

    ``calls``: the same for the same person, so that the worker may go on where it stood; none:
    nothing there can bear these ids. ``judge`` reads their answers. ``poll`` asks how far a task
    is, and ``polled`` reads that. ``opening`` is sent first where a short-lived key is needed.
    ``cookie`` is the one of its own script.
    """

    calls: Callable[[Who], Sequence[Call]]
    judge: Judge
    poll: Callable[[str, str], Call] | None = None
    polled: Judge | None = None
    opening: Call | None = None
    opened: Judge | None = None
    cookie: str = ""


#: Makes an eraser of a destination's URL; a text says why there is none.
Maker = Callable[[Address], Eraser | str]

#: Where nobody can be asked, and what is to be done instead.
NOWHERE: Mapping[str, str] = {
    "jsonl": "files are only appended to: remove the person's lines, or the files, yourself",
    "rudderstack": "its regulations name destinations that only its workspace knows: "
    "ask there (rudderstack.com/docs/api/user-suppression-api)",
    "snowplow": "a collector deletes nothing: delete in your warehouse",
    "webhook+http": "a webhook has no word for it: delete where it leads",
    "webhook+https": "a webhook has no word for it: delete where it leads",
}


def eraser(address: Address) -> Eraser | str:
    """How a destination is asked to erase somebody; a text says why it is not."""
    if address.scheme in NOWHERE:
        return NOWHERE[address.scheme]
    if address.scheme not in (*ERASING, "clickhouse", "postgresql"):
        return "this destination has no way to ask"
    make: Maker = import_module(f"{__package__}.{address.scheme}").make
    return make(address)


def missing(address: Address, *names: str) -> str:
    """``needs ?secret=`` and the like; "" when the URL says all of these options."""
    lacking = [f"?{name}=" for name in names if not address.options.get(name)]
    return f"needs {' and '.join(lacking)}" if lacking else ""


def base(address: Address, regions: Mapping[str, str]) -> str:
    """Where erasures are asked, without a slash at its end: ``?erase_endpoint=``, else the
    region's."""
    region = address.options.get("region", "us")
    return address.options.get("erase_endpoint", regions.get(region, regions["us"])).rstrip("/")


def pieces(ids: Sequence[T], most: int) -> list[Sequence[T]]:
    """Ids in lists that one call may have."""
    return [ids[at : at + most] for at in range(0, len(ids), most)]


def usual(answer: Answer | None, *, secrets: Sequence[str] = ()) -> Said | None:
    """What an answer means at any vendor; None when it is a 2xx, which each reads for itself."""
    if answer is None:
        return Said("again", "no answer")
    if 200 <= answer.status < 300:
        return None
    said = words(answer, secrets=secrets)
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return Said("again", said, after=retry_after(answer))
    if answer.status in (401, 402, 403, 405, 407) or answer.status < 400:
        return Said("needs you", said)
    return Said("refused", said)
