"""What happens to a visitor, by what the site asks for, what was chosen and what the browser says.

Written by hand, to be read by whoever answers for it. Each table is one set-up of a site; its rows
are what the visitor has chosen, its columns what the browser sends with every request: nothing,
``Sec-GPC: 1`` or ``DNT: 1``. A cell names one of the outcomes below.
"""

from __future__ import annotations

from dataclasses import dataclass

#: What a visitor has chosen, in the order in which it was said. ``True`` is yes.
CHOICES: dict[str, list[dict[str, bool]]] = {
    "nothing": [],
    "both": [{"analytics": True, "marketing": True}],
    "analytics alone": [{"analytics": True, "marketing": False}],
    "marketing, no word on analytics": [{"marketing": True}],
    "marketing alone": [{"analytics": False, "marketing": True}],
    "neither": [{"analytics": False, "marketing": False}],
    "both, then neither": [
        {"analytics": True, "marketing": True}, {"analytics": False, "marketing": False},
    ],
}  # fmt: skip

#: What the browser sends with every request.
SIGNALS = ({}, {"Sec-GPC": "1"}, {"DNT": "1"})

#: Three destinations: one that names no purpose, and one for each purpose.
DESTINATIONS = ("any", "analytics", "marketing")


@dataclass(frozen=True)
class Outcome:
    """One outcome.

    ``cookies``: which of the visitor's cookies are there after the page; the choice's own holds the
    choice alone, and is there whenever one was made. ``script``: what the tag in the page holds.
    ``asked``: what the collector answers a page from a shared cache that asks whether it may speak.
    ``events``: as whose the page and its purchase are stored. ``given``: which destinations get
    these. ``record_given``: which get the record of the choice, which is always stored.
    """

    cookies: tuple[str, ...] = ()
    script: str = "the constant one"
    asked: str = "stop"
    events: str = "none"
    given: tuple[str, ...] = ()
    record_given: tuple[str, ...] = ()


OUTCOMES = {
    # Followed from visit to visit, and told to every destination.
    "tracked": Outcome(
        cookies=("visitor", "session"),
        script="with a page token",
        asked="go on",
        events="the visitor's",
        given=("any", "analytics", "marketing"),
        record_given=("any", "analytics", "marketing"),
    ),
    # The same, and no marketing tool hears of it.
    "no marketing": Outcome(
        cookies=("visitor", "session"),
        script="with a page token",
        asked="go on",
        events="the visitor's",
        given=("any", "analytics"),
        record_given=("any", "analytics"),
    ),
    # Counted as nobody's, without a cookie; told only to destinations that name no purpose.
    "counted": Outcome(events="nobody's", given=("any",)),
    # Counted as nobody's by somebody who permits marketing and has said nothing of analytics.
    "counted (marketing)": Outcome(events="nobody's", given=("any", "marketing")),
    # Nothing at all.
    "silence": Outcome(),
}


@dataclass(frozen=True)
class Table:
    """One set-up of a site, and the outcomes by what was chosen (rows) and what the browser says
    (columns: nothing, GPC, DNT)."""

    name: str
    settings: dict[str, object]
    rows: dict[str, tuple[str, str, str]]


TABLES = (
    Table(
        "opt-out; GPC refuses marketing",
        {"consent": "opt_out"},
        #                                       nothing         GPC             DNT
        {
            "nothing":                         ("tracked",      "no marketing", "tracked"),
            "both":                            ("tracked",      "no marketing", "tracked"),
            "analytics alone":                 ("no marketing", "no marketing", "no marketing"),
            "marketing, no word on analytics": ("tracked",      "no marketing", "tracked"),
            "marketing alone":                 ("silence",      "silence",      "silence"),
            "neither":                         ("silence",      "silence",      "silence"),
            "both, then neither":              ("silence",      "silence",      "silence"),
        },
    ),
    Table(
        "opt-out; GPC and DNT refuse everything",
        {"consent": "opt_out", "respect_gpc": "all", "dnt": True},
        {
            "nothing":                         ("tracked",      "silence",      "silence"),
            "both":                            ("tracked",      "silence",      "silence"),
            "analytics alone":                 ("no marketing", "silence",      "silence"),
            "marketing, no word on analytics": ("tracked",      "silence",      "silence"),
            "marketing alone":                 ("silence",      "silence",      "silence"),
            "neither":                         ("silence",      "silence",      "silence"),
            "both, then neither":              ("silence",      "silence",      "silence"),
        },
    ),
    Table(
        "opt-out; neither is heeded",
        {"consent": "opt_out", "respect_gpc": False},
        {
            "nothing":                         ("tracked",      "tracked",      "tracked"),
            "both":                            ("tracked",      "tracked",      "tracked"),
            "analytics alone":                 ("no marketing", "no marketing", "no marketing"),
            "marketing, no word on analytics": ("tracked",      "tracked",      "tracked"),
            "marketing alone":                 ("silence",      "silence",      "silence"),
            "neither":                         ("silence",      "silence",      "silence"),
            "both, then neither":              ("silence",      "silence",      "silence"),
        },
    ),
    Table(
        "opt-in; GPC refuses marketing",
        {"consent": "opt_in"},
        {
            "nothing":                         ("silence",      "silence",      "silence"),
            "both":                            ("tracked",      "no marketing", "tracked"),
            "analytics alone":                 ("no marketing", "no marketing", "no marketing"),
            "marketing, no word on analytics": ("silence",      "silence",      "silence"),
            "marketing alone":                 ("silence",      "silence",      "silence"),
            "neither":                         ("silence",      "silence",      "silence"),
            "both, then neither":              ("silence",      "silence",      "silence"),
        },
    ),
    Table(
        "opt-in; GPC and DNT refuse everything",
        {"consent": "opt_in", "respect_gpc": "all", "dnt": True},
        {
            "nothing":                         ("silence",      "silence",      "silence"),
            "both":                            ("tracked",      "silence",      "silence"),
            "analytics alone":                 ("no marketing", "silence",      "silence"),
            "marketing, no word on analytics": ("silence",      "silence",      "silence"),
            "marketing alone":                 ("silence",      "silence",      "silence"),
            "neither":                         ("silence",      "silence",      "silence"),
            "both, then neither":              ("silence",      "silence",      "silence"),
        },
    ),
    Table(
        "opt-in; neither is heeded",
        {"consent": "opt_in", "respect_gpc": False},
        {
            "nothing":                         ("silence",      "silence",      "silence"),
            "both":                            ("tracked",      "tracked",      "tracked"),
            "analytics alone":                 ("no marketing", "no marketing", "no marketing"),
            "marketing, no word on analytics": ("silence",      "silence",      "silence"),
            "marketing alone":                 ("silence",      "silence",      "silence"),
            "neither":                         ("silence",      "silence",      "silence"),
            "both, then neither":              ("silence",      "silence",      "silence"),
        },
    ),
    Table(
        "opt-in, counted without cookies before a choice; GPC refuses marketing",
        {"consent": "opt_in", "cookieless": True},
        {
            "nothing":                         ("counted",      "counted",      "counted"),
            "both":                            ("tracked",      "no marketing", "tracked"),
            "analytics alone":                 ("no marketing", "no marketing", "no marketing"),
            "marketing, no word on analytics": (
                "counted (marketing)", "counted", "counted (marketing)",
            ),
            "marketing alone":                 ("silence",      "silence",      "silence"),
            "neither":                         ("silence",      "silence",      "silence"),
            "both, then neither":              ("silence",      "silence",      "silence"),
        },
    ),
    Table(
        "opt-in, counted without cookies before a choice; GPC and DNT refuse everything",
        {"consent": "opt_in", "cookieless": True, "respect_gpc": "all", "dnt": True},
        {
            "nothing":                         ("counted",      "silence",      "silence"),
            "both":                            ("tracked",      "silence",      "silence"),
            "analytics alone":                 ("no marketing", "silence",      "silence"),
            "marketing, no word on analytics": ("counted (marketing)", "silence",      "silence"),
            "marketing alone":                 ("silence",      "silence",      "silence"),
            "neither":                         ("silence",      "silence",      "silence"),
            "both, then neither":              ("silence",      "silence",      "silence"),
        },
    ),
    Table(
        "opt-in, counted without cookies before a choice; neither is heeded",
        {"consent": "opt_in", "cookieless": True, "respect_gpc": False},
        {
            "nothing":                         ("counted",      "counted",      "counted"),
            "both":                            ("tracked",      "tracked",      "tracked"),
            "analytics alone":                 ("no marketing", "no marketing", "no marketing"),
            "marketing, no word on analytics": (
                "counted (marketing)", "counted (marketing)", "counted (marketing)",
            ),
            "marketing alone":                 ("silence",      "silence",      "silence"),
            "neither":                         ("silence",      "silence",      "silence"),
            "both, then neither":              ("silence",      "silence",      "silence"),
        },
    ),
)  # fmt: skip
