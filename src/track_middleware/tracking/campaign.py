"""Where a session came from: UTM tags and click ids in a query string.

Names are matched without regard to case; values are kept as they were sent, percent-decoded.
Sources: FACTS of the registry of tracking parameters (github.com/mpchadwick/tracking-query-params-
registry), Matomo's and the ad platforms' own documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, unquote_plus

import msgspec

UTM = {
    "utm_source": "source", "utm_medium": "medium", "utm_campaign": "name", "utm_term": "term",
    "utm_content": "content", "utm_id": "id", "utm_source_platform": "source_platform",
    "utm_creative_format": "creative_format", "utm_marketing_tactic": "marketing_tactic",
}  # fmt: skip

_MATOMO = {
    "campaign": "name", "cpn": "name", "keyword": "term", "kwd": "term", "source": "source",
    "medium": "medium", "content": "content", "cid": "id", "group": "group",
    "placement": "placement",
}  # fmt: skip

MATOMO = {
    f"{prefix}_{word}": key
    for prefix in ("mtm", "matomo", "pk", "piwik")
    for word, key in _MATOMO.items()
}

#: Click and campaign ids whose name can hardly mean anything else: one of them is a campaign.
CLICK_IDS = frozenset(
    [
        "gclid",
        "wbraid",
        "gbraid",
        "dclid",
        "gclsrc",
        "gad_source",
        "gad_campaignid",
        "srsltid",
        "gpromocode",
        "gqt",
        "fbclid",
        "igshid",
        "igsh",
        "msclkid",
        "aclk",
        "twclid",
        "ttclid",
        "li_fat_id",
        "epik",
        "sccid",
        "sclid",
        "rdt_cid",
        "qclid",
        "yclid",
        "ymclid",
        "ysclid",
        "dicbo",
        "obclid",
        "ob_click_id",
        "tblci",
        "ndclid",
        "rtid",
        "vmcid",
        "irclickid",
        "irclid",
        "cjevent",
        "mkevt",
        "mkcid",
        "mkrid",
        "_kx",
        "_ke",
        "mc_eid",
        "mc_cid",
        "_hsenc",
        "_hsmi",
        "hsa_acc",
        "hsa_cam",
        "hsa_grp",
        "hsa_ad",
        "hsa_net",
        "hsa_src",
        "hsa_kw",
        "hsa_mt",
        "hsa_tgt",
        "hsa_ver",
        "mkt_tok",
        "ef_id",
        "s_kwcid",
        "s_cid",
        "_branch_match_id",
        "dm_i",
        "sms_click",
        "sms_uph",
        "sms_source",
        "_bta_tid",
        "_bta_c",
        "trk_contact",
        "trk_msg",
        "trk_module",
        "trk_sid",
        "tw_source",
        "tw_campaign",
        "tw_term",
        "tw_content",
        "tw_adid",
        "mkwid",
        "pcrid",
        "gdfms",
        "gdftrk",
        "gdffi",
        "redirect_log_mongo_id",
        "redirect_mongo_id",
        "sb_referer_host",
        "btid",
        "urid",
    ]
)

#: Names that apps use for themselves too (an article's ``aid``): kept beside a campaign and on the
#: first request of a session, but they neither make a campaign nor start a session.
WEAK = frozenset(
    ["_gl", "_ga", "__hstc", "si", "ad_id", "aid", "pc_id", "scid", "campid", "toolid", "customid"]
)

_MOST = 40
_MOST_PAIRS = 200
_VALUE = 512

# Bytes of a cookie that a campaign may take, and characters of one value.
_COOKIE_ROOM, _LONGEST = 700, 100

json = msgspec.json.Encoder().encode


def campaign(query: str) -> dict[str, str]:
    """The campaign parameters named in a raw query string, by the wire's names; {} when none.

    UTM tags lose their prefix (``utm_campaign`` becomes ``name``), Matomo's likewise and never
    over a UTM tag; click ids keep their own names in lower case.
    """
    if not query:
        return {}
    found: dict[str, str] = {}
    # Of most queries the values are what they are.
    is_plain = len(query) <= _VALUE and "%" not in query and "+" not in query
    pairs = query.split("&", _MOST_PAIRS)
    if len(pairs) > _MOST_PAIRS:
        pairs.pop()  # the rest, in one
    for pair in pairs:
        name, _, value = pair.partition("=")
        key = _key(name)
        if key is None:
            name = name.lower()
            key = _key(name) or _seldom(name, found)
            if not key:
                continue
        if value:
            found[key] = value if is_plain else _id(value) if key == name else _text(value)
    return found if len(found) <= _MOST else dict(list(found.items())[:_MOST])


def _seldom(name: str, found: Mapping[str, str]) -> str:
    """The key of a parameter of Matomo's where there is none yet, or of a UTM tag that nobody
    knows; "" for any other name."""
    key = MATOMO.get(name)
    if key is not None:
        return "" if key in found else key
    return name[4:40] if name[:4] == "utm_" else ""


def _id(value: str) -> str:
    """A click id: a plus sign in it is one."""
    return (unquote(value) if "%" in value else value)[:_VALUE]


def _text(value: str) -> str:
    """A form-encoded value as text."""
    return (unquote_plus(value) if "%" in value or "+" in value else value)[:_VALUE]


#: The key in a campaign of every parameter but Matomo's, which give way.
_KEYS = {**{name: name for name in CLICK_IDS | WEAK}, **UTM}
_key = _KEYS.get


def strong(found: dict[str, str]) -> bool:
    """Whether these parameters make a campaign by themselves."""
    return not WEAK.issuperset(found)


def fitted(found: dict[str, str], size: int = 0) -> dict[str, str]:
    """As much of a campaign as fits a cookie: tags first, then ids, long values cut. ``size``: how
    long its JSON is, where that is known."""
    size = (size or len(json(found))) + len(found)
    # What is no longer as a whole has no value that is.
    if size <= _LONGEST or (size <= _COOKIE_ROOM and max(map(len, found.values())) <= _LONGEST):
        return found
    kept: dict[str, str] = {}
    room = _COOKIE_ROOM
    for name in sorted(found, key=lambda each: (each not in _TAGS, each in WEAK)):
        value = found[name][:_LONGEST]
        cost = len(json({name: value}))
        if cost <= room:
            kept[name] = value
            room -= cost
    return kept


_TAGS = frozenset(UTM.values())
