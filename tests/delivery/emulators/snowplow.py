"""Snowplow's collector and the pipeline behind it: payload_data 1-0-4, the public schemas of what
is in it, and the lengths of atomic 1-0-0 (Iglu Central). The collector alone would answer 200."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call

_SNOWPLOW = "iglu:com.snowplowanalytics.snowplow/"
_NAMES = """
    tna aid p dtm tz e tid eid tv duid nuid uid vid ip res url page refr fp ctype cookie lang
    f_pdf f_qt f_realp f_wma f_dir f_fla f_java f_gears f_ag cd ds cs vp mac pp_mix pp_max pp_miy
    pp_may se_ca se_ac se_la se_pr se_va ue_na ue_pr ue_px co cx ua tnuid stm sid ttm"""
_FIELDS = frozenset(_NAMES.split())
_LENGTHS = {
    "aid": 255, "tna": 128, "tv": 100, "uid": 255, "ip": 128, "duid": 128, "tnuid": 128,
    "url": 4096, "page": 2000, "refr": 4096, "se_ca": 1000, "se_ac": 1000, "se_la": 4096,
    "se_pr": 1000, "ua": 1000, "lang": 255, "tz": 255, "sid": 128,
}  # fmt: skip
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBERS = ("dtm", "ttm", "stm", "vid")
_KINDS = {"pv", "pp", "se", "ue"}

_MONEY = {"price": 2, "revenue": 2, "refund_amount": 2, "tax": 2, "shipping": 2}
#: Schema -> (fields that must be there, fields that may).
_SHAPES: dict[str, tuple[set[str], set[str]]] = {
    "web_page": ({"id"}, set()),
    "client_session": (
        {"userId", "sessionId", "sessionIndex", "storageMechanism"},
        {"eventIndex", "previousSessionId", "firstEventId", "firstEventTimestamp"},
    ),
    "screen_view": ({"name", "id"}, {"type", "previousName", "previousId", "previousType"}),
    "snowplow_ecommerce_action": ({"type"}, {"name"}),
    "product": (
        {"id", "category", "price", "currency"},
        {"name", "list_price", "quantity", "size", "variant", "brand", "inventory_status",
         "position", "creative_id"},
    ),
    "transaction": (
        {"transaction_id", "revenue", "payment_method", "currency", "total_quantity"},
        {"tax", "shipping", "discount_code", "discount_amount", "credit_order"},
    ),
    "refund": ({"transaction_id", "currency", "refund_amount"}, {"refund_reason"}),
    "checkout_step": ({"step"}, {"delivery_method", "payment_method", "coupon_code"}),
}  # fmt: skip


def decoded(payload: Mapping[str, str], encoded: str, plain: str) -> Any:
    """The JSON inside a payload, in base64 or not; None when there is none."""
    if encoded in payload:
        return json.loads(base64.urlsafe_b64decode(payload[encoded]))
    return json.loads(payload[plain]) if plain in payload else None


def violations(
    url: str, body: bytes, *, root: str = "/com.snowplowanalytics.snowplow/tp2"
) -> list[str]:
    """What collector and pipeline refuse about a request."""
    found = [] if urlsplit(url).path == root else [f"the path is {root}"]
    if len(body) > 1_000_000:
        found.append("at most 1 MB")
    whole = json.loads(body)
    if whole.get("schema") != _SNOWPLOW + "payload_data/jsonschema/1-0-4":
        found.append("the envelope's schema")
    listed = whole.get("data")
    if whole.keys() != {"schema", "data"} or not isinstance(listed, list) or not listed:
        return [*found, "an envelope of schema and data"]
    return found + [wrong for payload in listed for wrong in _payload(payload)]


def _payload(payload: Mapping[str, Any]) -> list[str]:
    found = [f"unknown {key}" for key in payload.keys() - _FIELDS]
    found += [f"no {key}" for key in ("tv", "p", "e", "eid", "dtm") if key not in payload]
    texts = {k: v for k, v in payload.items() if isinstance(v, str)}
    found += [f"{key} is no text" for key in payload.keys() - texts.keys()]
    found += [f"{k} is too long" for k, most in _LENGTHS.items() if len(texts.get(k, "")) > most]
    found += [f"{key} is no number" for key in _NUMBERS if not texts.get(key, "0").isdigit()]
    if not _UUID.fullmatch(texts.get("eid", "")):
        found.append("eid is a UUID")
    if texts.get("p") not in {"web", "iot", "app", "mob", "pc", "cnsl", "tv", "srv"}:
        found.append("p is a platform")
    return found + _kind(texts) + _contexts(texts)


def _kind(payload: Mapping[str, str]) -> list[str]:
    kind = payload.get("e")
    if kind in ("pv", "pp"):
        return [] if payload.get("url") else ["a page has a url"]
    if kind == "se":
        return [f"no {key}" for key in ("se_ca", "se_ac") if not payload.get(key)]
    if kind != "ue":
        return ["e is an event's type"]
    outer = decoded(payload, "ue_px", "ue_pr")
    if not outer or outer["schema"] != _SNOWPLOW + "unstruct_event/jsonschema/1-0-0":
        return ["an unstruct_event"]
    return _described(outer["data"])


def _contexts(payload: Mapping[str, str]) -> list[str]:
    outer = decoded(payload, "cx", "co")
    if outer is None:
        return []
    if outer["schema"] != _SNOWPLOW + "contexts/jsonschema/1-0-1" or not outer["data"]:
        return ["contexts"]
    return [wrong for each in outer["data"] for wrong in _described(each)]


def _described(told: Mapping[str, Any]) -> list[str]:
    uri = re.fullmatch(r"iglu:([\w.-]+)/([\w-]+)/jsonschema/(\d+-\d+-\d+)", told.get("schema", ""))
    data = told.get("data")
    if told.keys() != {"schema", "data"} or uri is None or not isinstance(data, dict):
        return ["a self-describing value"]
    if uri[1] == "com.segment":
        return _segment(data)
    if not uri[1].startswith("com.snowplowanalytics."):
        return []  # a schema of the site's own
    must, may = _SHAPES[uri[2]]
    found = [f"{uri[2]} has no {key}" for key in must - data.keys()]
    found += [f"{uri[2]} takes no {key}" for key in data.keys() - must - may]
    found += [
        f"{key} is no amount" for key in _MONEY.keys() & data.keys() if not _amount(data[key])
    ]
    if "currency" in data and len(data["currency"]) != 3:
        found.append("currency has three letters")
    for key in {"userId", "sessionId"} & data.keys() if uri[2] == "client_session" else ():
        found += [] if _UUID.fullmatch(data[key]) else [f"{key} is a UUID"]
    return found


def _segment(data: Mapping[str, Any]) -> list[str]:
    limits = {"event": 255, "anonymousId": 255, "userId": 255, "groupId": 255, "messageId": 100,
              "previousId": 100, "name": 255}  # fmt: skip
    found = [
        f"{key} is too long or no text"
        for key, most in limits.items()
        if key in data and (not isinstance(data[key], str) or len(data[key]) > most)
    ]
    traits = data.get("traits", {})
    texts = ("name", "email")
    found += [f"{k} is no text" for k in texts if not isinstance(traits.get(k, ""), str)]
    if not isinstance(traits.get("address", {}), dict):
        found.append("an address is an object")
    return found


def _amount(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 <= value <= 9_999_999 and round(value, 2) == value


class Snowplow(Emulator):
    url = "snowplow://collector.test"
    reason = "HTTP 400: poison"
    counted = ("track", "page", "screen", "identify", "group", "alias")

    def __call__(self, call: Call) -> Answer:
        assert violations(call.url, call.body) == []
        payloads = json.loads(call.body)["data"]
        if any(POISON in str(decoded(each, "ue_px", "ue_pr")) for each in payloads):
            return Answer(400, {}, b"poison")
        self.take([each["eid"] for each in payloads])
        return Answer(200, {}, b"ok")


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"snowplow": lambda folder: Snowplow()}
