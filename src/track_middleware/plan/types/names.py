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

_WORDS = {
    "python": " ".join(keyword.kwlist),
    "typescript": """
        arguments as async await break case catch class const continue debugger default delete do
        else enum eval export extends false finally for function if implements import in instanceof
        interface let new null package private protected public return static super switch this
        throw true try typeof undefined var void while with yield globalThis
    """,
    "swift": """
        Any Protocol Self Type actor any as associatedtype async await break case catch class
        continue default defer deinit do else enum extension fallthrough false fileprivate for func
        guard if import in init inout internal is lazy let nil open operator precedencegroup private
        protocol public repeat rethrows return self some static struct subscript super switch throw
        throws true try typealias var weak where while
    """,
    "kotlin": """
        as break by catch class constructor continue delegate do dynamic else false field finally
        for fun get if import in init interface internal is null object open package private
        protected public receiver return set super this throw true try typealias typeof val var
        when where while
    """,
}

#: Kotlin's own words may be names in backticks.
_TICKED = frozenset(_WORDS["kotlin"].split())

#: What parameters and members must not be called: the language's words, and what the written
#: functions use inside.
PARAMETERS: Mapping[str, frozenset[str]] = {
    "python": frozenset(_WORDS["python"].split()),
    "typescript": frozenset(),
    "swift": frozenset((*_WORDS["swift"].split(), "sent", "track")),
    "kotlin": frozenset((
        "it", "put", "track", "buildJsonObject", "let", "map", "toJson",
    )),
}  # fmt: skip

#: What functions must not be called, besides: what the file imports, what the SDK's class has.
FUNCTIONS: Mapping[str, frozenset[str]] = {
    "python": frozenset((
        *_WORDS["python"].split(), "annotations", "bool", "date", "datetime", "dict", "float",
        "int", "object", "str",
    )),
    "typescript": frozenset((*_WORDS["typescript"].split(), "properties", "sendBy", "track")),
    "swift": frozenset((
        *_WORDS["swift"].split(), "add", "alias", "anonymousId", "apply", "configuration",
        "enabled", "find", "flush", "group", "hasUnsentEvents", "identify", "pendingUploads",
        "process", "purgeStorage", "remove", "reset", "screen", "settings", "shutdown", "startup",
        "track", "traits", "userId", "version", "waitUntilStarted",
    )),
    "kotlin": frozenset((
        "add", "alias", "anonymousId", "applyClosureToPlugins",
        "configuration", "equals", "find", "flush", "group", "hashCode", "identify", "let", "map",
        "process", "put", "remove", "reset", "screen", "settings", "shutdown", "toJson", "toString",
        "track", "traits", "userId", "version",
    )),
}  # fmt: skip

#: What types must not be called: what the file and its language have already.
TYPES: Mapping[str, frozenset[str]] = {
    "python": frozenset((
        *_WORDS["python"].split(), "Any", "Enum", "Literal", "Mapping", "NotRequired", "Sequence",
        "TypedDict", "UUID",
    )),
    "typescript": frozenset((
        "Any", "Array", "Boolean", "Date", "Function", "Number", "Object", "Partial", "Promise",
        "Readonly", "ReadonlyArray", "Record", "Required", "String", "Symbol", "Tracker",
    )),
    "swift": frozenset((
        *_WORDS["swift"].split(), "Analytics", "Array", "Bool", "Data", "Date", "Dictionary",
        "Double", "Error", "Foundation", "Int", "NSNull", "Optional", "Properties", "Result",
        "Segment", "Set", "Settings", "String",
    )),
    "kotlin": frozenset((
        "Analytics", "Any", "Array", "Boolean", "Byte", "Char", "Double", "Enum", "Float", "Int",
        "JsonArray", "JsonElement", "JsonNull", "JsonObject", "JsonPrimitive", "List", "Long",
        "Map", "Nothing", "Number", "Pair", "Properties", "Set", "Settings", "Short", "String",
        "Unit",
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
    return unique(tracked, map(style, tracked), reserved=FUNCTIONS[language], other="event")


def ticked(name: str) -> str:
    """An identifier as Kotlin has it: in backticks where it is a word of the language, or has
    letters that not every tool which reads Kotlin takes for such."""
    plain = name.isascii() and name not in _TICKED
    return name if plain else f"`{name}`"


def _may_stand(each: str) -> bool:
    """Kotlin's letters are of 16 bits; nothing combining, which it does not take either."""
    return each.isalnum() and each <= "\uffff" and f"a{each}".isidentifier()
