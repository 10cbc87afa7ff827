"""The verbs' own arguments."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

from ..delivery import logs
from . import place


def as_json(parser: ArgumentParser) -> None:
    """What every verb that prints takes."""
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def tail(parser: ArgumentParser) -> None:
    """Of ``tail``."""
    as_json(parser)
    parser.add_argument("--last", type=int, default=0, metavar="N", help="begin N events back")
    parser.add_argument("--once", action="store_true", help="do not wait for further events")


def worker(parser: ArgumentParser) -> None:
    """Of ``worker``."""
    as_json(parser)
    parser.add_argument("--once", action="store_true", help="deliver what is there and end")
    parser.add_argument("--wait", action="store_true", help="wait for the folder's first event")
    parser.add_argument("--parent-fd", type=int, help=SUPPRESS)
    parser.add_argument("--log-level", choices=logs.LEVELS, help="writes its log to standard error")
    parser.add_argument("--log-format", choices=logs.FORMATS, default="text", help="of its lines")


def demo(parser: ArgumentParser) -> None:
    """Of ``demo``."""
    as_json(parser)
    parser.add_argument("--port", type=int, default=0, help="instead of 8000 or a free one")
    parser.add_argument(
        "--builtin", action="store_true", help="the small built-in site, also in a checkout"
    )
    parser.add_argument("--alone", action="store_true", help="without simulated shoppers")


def replay(parser: ArgumentParser) -> None:
    """Of ``replay``."""
    as_json(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--destination", metavar="NAME", help="where the events go again")
    what.add_argument("--stop", type=int, metavar="REPLAY", help="ends a replay; status names it")
    _span(parser, "accepted")
    parser.add_argument(
        "--events", type=place.globs, metavar="NAMES", help="only these, for example Order*,Signup"
    )
    parser.add_argument(
        "--derive", action="store_true",
        help="first apply today's enrichment, repairs, enrichers and before_send to them",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="only count, and warn")
    parser.add_argument(
        "--samples", type=_number, default=10, metavar="N",
        help="with --derive --dry-run: so many events before and after",
    )  # fmt: skip


def doctor(parser: ArgumentParser) -> None:
    """Of ``doctor``."""
    as_json(parser)
    parser.add_argument("url", nargs="?", default="", metavar="URL",
                        help="a page of the running site: it is visited")  # fmt: skip


def outbox(parser: ArgumentParser) -> None:
    """Of ``outbox``."""
    as_json(parser)
    parser.add_argument("--free", metavar="STORE", help="any worker may take what this one claimed")
    parser.add_argument("--yes", action="store_true", help="its host is gone for good")


def dead(parser: ArgumentParser) -> None:
    """Of ``dead`` and its ways."""
    from . import letters

    ways = parser.add_subparsers(metavar="list|show|replay|drop", required=True)
    listing = ways.add_parser("list", help="the newest dead letters")
    listing.add_argument("--limit", type=_number, default=100, metavar="N", help="at most so many")
    showing = ways.add_parser("show", help="one dead letter with its event")
    showing.add_argument("id", type=int)
    replaying = ways.add_parser("replay", help="send their events again, with ids and times kept")
    dropping = ways.add_parser("drop", help="delete them, once you say yes")
    dropping.add_argument("--yes", action="store_true", help="do not ask")
    for each in (replaying, dropping):
        each.add_argument("ids", type=int, nargs="*", metavar="id", help="these; else the chosen")
    for each in (listing, replaying, dropping):
        _choice(each)
    functions = (letters.listed, letters.shown, letters.replayed, letters.dropped)
    for each, way in zip((listing, showing, replaying, dropping), functions, strict=True):
        each.set_defaults(way=way)
        as_json(each)
        each.add_argument("--data-dir", type=Path, default=SUPPRESS, help="the app's data folder")


def text(given: str) -> str:
    """An argument as it was given; ArgumentTypeError where its bytes are no text."""
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise ArgumentTypeError("its bytes are no UTF-8") from error
    return given


def subject(parser: ArgumentParser) -> None:
    """Of ``subject`` and its ways."""
    from . import split
    from . import subject as person

    #: What each way does, and its function.
    one = {
        "show": ("who is meant, what is kept and which merges were made", person.shown),
        "consent": ("what a person last chose", person.consent),
        "export": ("everything that is kept, as one JSON document", person.exported),
        "erase": ("removes it here and at every destination, once you say yes", person.erased),
        "receipt": ("what each system answered to the erasure", person.receipt),
    }
    ways = parser.add_subparsers(metavar="|".join((*one, "split")), required=True)
    for name, (meaning, way) in one.items():
        each = ways.add_parser(name, help=meaning, description=meaning)
        each.add_argument("id", metavar="ID", type=text, help="a user's or a visitor's id")
        kinds = each.add_mutually_exclusive_group()
        for kind in ("user", "visitor"):
            kinds.add_argument(
                f"--{kind}", dest="kind", action="store_const", const=kind,
                help=f"ID is a {kind}'s; without it, whoever is found",
            )  # fmt: skip
        if name == "erase":
            each.add_argument("--yes", action="store_true", help="do not ask")
        _way(each, way)
    meaning = "a visitor is not this user: undoes a wrong merge for what is delivered from now on"
    splitting = ways.add_parser("split", help=meaning, description=meaning)
    split.arguments(splitting)
    _way(splitting, split.run)


def _way(parser: ArgumentParser, way: Callable[..., int]) -> None:
    parser.set_defaults(way=way)
    as_json(parser)
    parser.add_argument("--data-dir", type=Path, default=SUPPRESS, help="the app's data folder")


def _choice(parser: ArgumentParser) -> None:
    from .letters import STAGES

    parser.add_argument("--stage", choices=STAGES, help="only what was refused there")
    parser.add_argument("--destination", metavar="NAME", help="only what it refused")
    parser.add_argument("--reason", metavar="TEXT", help="only where the reason says so")
    parser.add_argument(
        "--event", type=place.globs, metavar="NAMES", help="only these, for example Order*,Signup"
    )
    _span(parser, "refused")


def _span(parser: ArgumentParser, what: str) -> None:
    for name, word in (("--since", "at or after"), ("--until", "before")):
        parser.add_argument(
            name, type=moment, metavar="TIME",
            help=f"only what was {what} {word}: 2026-11-25T14:00, or 90m, 2h, 3d ago",
        )  # fmt: skip


def moment(text: str) -> float:
    try:
        return place.moment(text)
    except ValueError as error:
        message = f"{text!r} is no time: write 2026-11-25T14:00, or 90m, 2h, 3d for so long ago"
        raise ArgumentTypeError(message) from error


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
