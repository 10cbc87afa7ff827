"""Identifiers made of events' and properties' names: safe and unique, whatever those hold.

No I/O happens here. The same plan makes the same identifiers, so that ``plan check`` knows by a
function's name which event it sends.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping

from ..parts import Event

#: Between two of these begins a word: orderID2Paid is order, ID2, Paid.
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_SCRIPT = """
abstract any arguments as async await boolean break case catch class const constructor continue
debugger declare default delete do else enum eval export extends false finally for from function get
if implements import in instanceof interface is keyof let module namespace never new null number
object of package private protected public readonly require return set static string super switch
symbol this throw true try type typeof undefined unique unknown using var void while with yield
globalThis window
"""
_SWIFT = """
Any Protocol Self Type actor any as associatedtype async await break case catch class continue
convenience default defer deinit do dynamic else enum extension fallthrough false fileprivate final
for func get guard if import in indirect infix init inout internal is lazy left let mutating nil
none nonmutating open operator optional override postfix precedence prefix private protocol public
repeat required rethrows return right self set some static struct subscript super switch throw
throws true try typealias unowned var weak where while willSet didSet
"""
_KOTLIN = """
abstract actual annotation as break by catch class companion const constructor continue crossinline
data delegate do dynamic else enum expect external false field file final finally for fun get if
import in infix init inline inner interface internal is it lateinit noinline null object open
operator out override package param private property protected public receiver reified return
sealed set setparam super suspend tailrec this throw true try typealias typeof val value var vararg
when where while
"""

#: What no identifier may be, by language: its own words, and what the written code uses itself.
RESERVED: Mapping[str, frozenset[str]] = {
    "python": frozenset((
        *keyword.kwlist, *keyword.softkwlist, "annotations", "date", "datetime", "track", "str",
        "int", "float", "bool", "dict", "object", "self", "cls",
    )),
    "typescript": frozenset((*_SCRIPT.split(), "sendBy", "sent", "properties", "track")),
    "swift": frozenset((
        *_SWIFT.split(), "sent", "track", "identify", "screen", "group", "alias", "add", "remove",
        "find", "apply", "flush", "reset", "version", "enabled", "process", "userId", "anonymousId",
        "traits", "settings", "configuration", "json", "self", "hash", "description",
        "pendingUploads", "purgeStorage", "startup", "shutdown", "waitUntilStarted",
    )),
    "kotlin": frozenset((
        *_KOTLIN.split(), "track", "identify", "screen", "group", "alias", "add", "remove", "find",
        "flush", "reset", "version", "process", "userId", "anonymousId", "traits", "settings",
        "configuration", "json", "put", "shutdown", "applyClosureToPlugins", "equals", "hashCode",
        "name", "ordinal", "entries", "values", "valueOf", "let", "map",
    )),
}  # fmt: skip


def words(name: str) -> list[str]:
    """The words of a name, of letters and digits alone: ``Order-ID #2 paid`` has four."""
    plain = unicodedata.normalize("NFKC", name)
    kept = "".join(each if _may_stand(each) else " " for each in plain)
    return [word for part in kept.split() for word in _HUMP.split(part) if word]


def snake(name: str) -> str:
    """``order_id_paid``."""
    return "_".join(word.lower() for word in words(name))


def camel(name: str) -> str:
    """``orderIdPaid``."""
    made = pascal(name)
    first = words(name)[0] if made else ""
    return first.lower() + made[len(first) :] if len(first.lower()) == len(first) else made


def pascal(name: str) -> str:
    """``OrderIdPaid``."""
    return "".join(word[:1].upper() + word[1:].lower() for word in words(name))


def unique(
    names: Iterable[str], made: Iterable[str], *, reserved: Collection[str], other: str
) -> dict[str, str]:
    """Each name's identifier: what was made of it, where that may stand and no earlier name has it;
    else with a number, or an underscore after a reserved word. ``other`` is for what no identifier
    can be made of, and stands before a digit."""
    found: dict[str, str] = {}
    taken = set(reserved)
    for name, raw in zip(names, made, strict=True):
        wanted = raw or other
        if not (wanted[0] == "_" or wanted[0].isalpha()) or not wanted.isidentifier():
            wanted = f"{other}_{wanted}"
        if wanted in reserved:
            wanted += "_"
        free, number = wanted, 2
        while free in taken:
            free, number = f"{wanted}{number}", number + 1
        taken.add(free)
        found[name] = free
    return found


def functions(events: Iterable[Event], language: str) -> dict[str, str]:
    """The function of each event, by the event's name. Only what is tracked has one: views,
    identify and group are the verbs themselves."""
    tracked = [event.name for event in events if event.kind == "track"]
    style = snake if language == "python" else camel
    reserved = RESERVED[language]
    return unique(tracked, map(style, tracked), reserved=reserved, other="event")


def _may_stand(each: str) -> bool:
    """Kotlin's letters are of 16 bits; nothing combining, which it does not take either."""
    return each.isalnum() and each <= "\uffff" and f"a{each}".isidentifier()
