"""What somebody may send to be taken for Ann, and what Ann herself sends: one table.

Bob has a browser of his own. He knows Ann's ids, has seen her page, and holds whatever can be made
without the site's secret key. Each attack stands beside its control: the honest form of the same
thing, which does work, so that the attack fails for what is wrong with it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from itsdangerous import Signer, TimestampSigner, URLSafeSerializer

from tests.faces.apps import NAVIGATION, SECRET
from track_middleware.tracking.consent import Choice
from track_middleware.tracking.cookies import Jar
from track_middleware.tracking.routes import prefix
from track_middleware.tracking.session import Session
from track_middleware.tracking.token import Tokens, host_id
from track_middleware.tracking.visitor import Visitor

FORMER, REMOVED = "a former secret key", "a secret key that was removed"
SETTINGS: dict[str, Any] = {
    "secret_key_fallbacks": [FORMER], "trusted_proxies": 1, "data_host": "here", "requests": "none",
    "write_keys": {"webkey": "web", "appkey": "ios"}, "linked_domains": ["linked.example"],
}  # fmt: skip

NOW = int(time.time())
ANN, BOB = "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "22222222-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
ANNS = Visitor(ANN, NOW, NOW, False, "ann", True, NOW)
BOBS = Visitor(BOB, NOW, NOW)
PREFIX = f"/{prefix(SECRET)}"
LOAD = "0123456789abcdef0123456789abcdef"
PAGE = "33333333-cccc-4ccc-8ccc-cccccccccccc"
FETCH = {
    "Accept": "*/*", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin",
    "Content-Type": "text/plain",
}  # fmt: skip


def visitors(who: Visitor, key: str = SECRET) -> str:
    return Jar("_tm_v", Visitor, [key]).write(who)


def choices(state: str, key: str = SECRET) -> str:
    return Jar("_tm_c", Choice, [key]).write(Choice({"analytics": state, "marketing": state}, NOW))


def sessions(whose: str) -> str:
    session = Session("44444444-dddd-4ddd-8ddd-dddddddddddd", whose, 1, NOW, NOW)
    return Jar("_tm_s", Session, [SECRET]).write(session)


ANNS_COOKIE, BOBS_COOKIE = f"_tm_v={visitors(ANNS)}", f"_tm_v={visitors(BOBS)}"
VALUE = visitors(ANNS)
BODY, _, SIGNATURE = VALUE.rpartition(".")
BOBS_SIGNATURE = visitors(BOBS).rpartition(".")[2]
ARRAY: list[Any] = msgspec.json.decode(msgspec.json.encode(ANNS))


@dataclass(frozen=True)
class Sent:
    """One request. A beacon where it has a body, else a navigation."""

    headers: dict[str, str] = field(default_factory=dict)
    path: str = "/"
    body: bytes = b""

    @property
    def whole(self) -> dict[str, str]:
        return {**(FETCH if self.body else NAVIGATION), **self.headers}


@dataclass(frozen=True)
class Attack:
    """What is sent, the control, and whose each is: a visitor's id, or "" for nobody known; None
    where nothing may be kept."""

    name: str
    forged: Sent
    honest: Sent
    becomes: str | None = ""
    honestly: str | None = ANN


def cookie(header: str) -> Sent:
    return Sent({"Cookie": header})


def signed_otherwise() -> Iterator[tuple[str, str]]:
    """Ann's cookie under every signature but the right one."""
    salt, text = "track-middleware/visitor/1", BODY.encode()
    yield "no signature", BODY
    yield "an empty signature", f"{BODY}."
    yield "another visitor's signature", f"{BODY}.{BOBS_SIGNATURE}"
    yield "half a signature", f"{BODY}.{SIGNATURE[:20]}"
    yield "a signature with a letter changed", f"{BODY}.{SIGNATURE[:-2]}AA"
    yield "a signature in capitals", f"{BODY}.{SIGNATURE.upper()}"
    yield "a percent-encoded dot", f"{BODY}%2E{SIGNATURE}"
    yield "a key that was removed", visitors(ANNS, REMOVED)
    yield "no key", visitors(ANNS, "")
    for other in ("session/1", "choice/1", "visitor/0", "crossing/1"):
        made = Signer(SECRET, salt=f"track-middleware/{other}", key_derivation="hmac",
                      digest_method=hashlib.sha256)  # fmt: skip
        yield f"the salt of {other}", made.sign(text).decode()
    for digest in (hashlib.sha1, hashlib.md5, hashlib.sha512):
        made = Signer(SECRET, salt=salt, key_derivation="hmac", digest_method=digest)
        yield f"another digest: {digest().name}", made.sign(text).decode()
    for derivation in ("django-concat", "concat", "none"):
        made = Signer(SECRET, salt=salt, key_derivation=derivation, digest_method=hashlib.sha256)
        yield f"another derivation: {derivation}", made.sign(text).decode()
    yield "an older library's serializer", URLSafeSerializer(SECRET, salt=salt).dumps(ARRAY)
    yield "a signature with a time", TimestampSigner(SECRET, salt=salt).sign(text).decode()


def shaped_otherwise() -> Iterator[tuple[str, str]]:
    """What is no visitor, in forms that other releases or libraries might have taken."""
    plain = json.dumps(ARRAY)
    yield "an id alone", ANN
    yield "plain JSON", plain
    yield "base64 of JSON", base64.urlsafe_b64encode(plain.encode()).decode()
    yield "a token without a signature (alg none)", f"eyJhbGciOiJub25lIn0.{BODY}."
    yield "an object", base64.urlsafe_b64encode(json.dumps({"id": ANN}).encode()).decode()
    yield "a session's value", sessions(ANN)
    yield "a choice's value", choices("granted")
    yield "one too long", VALUE + "A" * 4000


def named_otherwise() -> Iterator[tuple[str, str]]:
    """Ann's own value where no cookie of ours is."""
    for name in (
        "_tm_vv", "x_tm_v", "_TM_V", "__Host-_tm_v", "_tm_v%3D", "_tm", "__proto__", "constructor",
        "_tm_s", "_tm_c", "_tm-v", "$_tm_v", "ajs_anonymous_id",
    ):  # fmt: skip
        yield f"a cookie named {name}", f"{name}={VALUE}"
    yield "inside another cookie's quotes", f'q="shoes _tm_v={VALUE}"'
    yield "behind a comma", f"q=shoes,_tm_v={VALUE}"
    yield "an id as a cookie of others", f"ajs_anonymous_id={ANN}; ahoy_visitor={ANN}; _ga={ANN}"


def cookies() -> Iterator[Attack]:
    honest = cookie(ANNS_COOKIE)
    for name, value in [*signed_otherwise(), *shaped_otherwise()]:
        yield Attack(name, cookie(f"_tm_v={value}"), honest)
        for at, header in enumerate(
            (f"_tm_v={value}; {BOBS_COOKIE}", f"{BOBS_COOKIE}; _tm_v={value}")
        ):
            yield Attack(f"{name}, tossed {'before' if at == 0 else 'behind'} Bob's",
                         cookie(header), honest, BOB)  # fmt: skip
    for name, header in named_otherwise():
        yield Attack(name, cookie(header), honest)
        yield Attack(f"{name}, beside Bob's", cookie(f"{BOBS_COOKIE}; {header}"), honest, BOB)
    swapped = cookie(f"_tm_v={sessions(ANN)}; _tm_s={VALUE}")
    yield Attack(
        "visitor and session swapped", swapped, cookie(f"{ANNS_COOKIE}; _tm_s={sessions(ANN)}")
    )
    yield Attack("Ann's session beside Bob's visitor",
                 cookie(f"{BOBS_COOKIE}; _tm_s={sessions(ANN)}"), honest, BOB)  # fmt: skip
    yield Attack("very many cookies", cookie("; ".join(["_tm_v=a.b"] * 300)), honest)
    yield Attack("a removed key", cookie(f"_tm_v={visitors(ANNS, REMOVED)}"),
                 cookie(f"_tm_v={visitors(ANNS, FORMER)}"))  # fmt: skip


def headers() -> Iterator[Attack]:
    """Ids where other trackers, proxies and frameworks have them."""
    names = (
        "X-User-Id", "X-Anonymous-Id", "AnonymousId", "Anonymous-Id", "Ahoy-Visitor", "Ahoy-Visit",
        "X-Forwarded-User", "Remote-User", "X-Remote-User", "X-Visitor-Id", "X-Segment-User-Id",
        "From", "X-Tm-V", "Tm-V", "X-Track-User", "X-Authenticated-Userid",
    )  # fmt: skip
    for name in names:
        for value in ("ann", ANN):
            bobs = Sent({"Cookie": BOBS_COOKIE, name: value})
            yield Attack(f"{name}: {value}", bobs, cookie(ANNS_COOKIE), BOB)
    basic = base64.b64encode(b"ann:").decode()
    authorized = Sent({"Cookie": BOBS_COOKIE, "Authorization": f"Basic {basic}"})
    yield Attack("Authorization", authorized, cookie(ANNS_COOKIE), BOB)
    query = Sent({"Cookie": BOBS_COOKIE}, f"/?ajs_uid=ann&ajs_aid={ANN}&_sp={ANN}.1&user_id=ann")
    yield Attack("ids in the query", query, cookie(ANNS_COOKIE), BOB)


def beacon(token: str = "", *, who: str = BOBS_COOKIE, **said: Any) -> Sent:
    message = {
        "id": "1", "type": "track", "name": "Bought", "load": LOAD, "at": NOW * 1000.0,
        "url": "http://localhost/", **({"token": token} if token else {}), **said,
    }  # fmt: skip
    body = {"v": 1, "sent": NOW * 1000.0, "events": [message]}
    return Sent({"Cookie": who} if who else {}, f"{PREFIX}/q", json.dumps(body).encode())


def token(key: str = SECRET, host: str = "here", made: float = NOW) -> str:
    return Tokens([key], host_id(host)).make(PAGE, made, "counted")


def beacons() -> Iterator[Attack]:
    good, anns = token(), beacon(token(), who=ANNS_COOKIE)
    tokens = {
        "of a key that was removed": token(REMOVED), "without its code": good[:54],
        "with another time": good[:2] + "00000001" + good[10:],
        "with another page": good[:10] + ANN + good[46:],
        "with another host": good[:46] + host_id("there") + good[54:],
        "that counts otherwise": good[0] + "s" + good[2:], "of another version": "2" + good[1:],
        "in capitals": good.upper(), "with another code": good[:-4] + "0000",
        "too long": good + "0",
    }  # fmt: skip
    for name, forged in tokens.items():
        yield Attack(f"a page token {name}", beacon(forged), anns, None)
    yield Attack("Ann's page token with Bob's cookie", beacon(good), anns, BOB)
    yield Attack("another host's page token", beacon(token(host="there")), anns, BOB)
    yield Attack("an old page token", beacon(token(made=NOW - 9 * 86400.0)), anns, BOB)
    for said in ({"userId": "ann"}, {"anonymousId": ANN}, {"user": "ann", "visitor": ANN},
                 {"person": {"visitor": ANN, "user": "ann"}}, {"type": "identify", "userId": "ann"},
                 {"late": True, "userId": "ann", "token": good}):  # fmt: skip
        yield Attack(f"a beacon that says {said}", beacon(**said), anns, BOB)
    for load in (ANN.replace("-", ""), "0" * 32):
        yield Attack(f"a load id {load}", beacon(who="", load=load), anns)
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.test"}
    other = Sent({"Cookie": BOBS_COOKIE, **foreign}, f"{PREFIX}/q", beacon().body)
    yield Attack("another site's page", other, anns, None)


def call(key: str, who: str = BOBS_COOKIE, **said: Any) -> Sent:
    basic = base64.b64encode(f"{key}:".encode()).decode()
    sent = {"Cookie": who, "Authorization": f"Basic {basic}", "Content-Type": "application/json"}
    body = {"event": "Bought", "userId": "ann", "anonymousId": ANN, **said}
    return Sent(sent, f"{PREFIX}/v1/track", json.dumps(body).encode())


def write_keys() -> Iterator[Attack]:
    yield Attack("a browser's write key", call("webkey"), call("appkey"), BOB)
    yield Attack("a browser's key in the body", call("", writeKey="webkey"), call("appkey"), BOB)
    yield Attack("an unknown write key", call("nokey"), call("appkey"), None)


def consents() -> Iterator[Attack]:
    """Bob has refused; nobody but he can say otherwise. And nobody can refuse for him."""
    refused = choices("denied")
    honest = cookie(f"{BOBS_COOKIE}; _tm_c={choices('granted')}")
    body, _, _ = choices("granted").rpartition(".")
    grants = {
        "of a removed key": choices("granted", REMOVED), "unsigned": body, "of a visitor": VALUE,
        "as JSON": '[{"analytics":"granted"},1]',
        "with a refusal's signature": f"{body}.{refused.rpartition('.')[2]}",
    }  # fmt: skip
    for name, forged in grants.items():
        for at, (one, other) in enumerate(((forged, refused), (refused, forged))):
            both = cookie(f"{BOBS_COOKIE}; _tm_c={one}; _tm_c={other}")
            yield Attack(f"a grant {name} {at}", both, honest, None, BOB)
    forged = choices("denied", REMOVED)
    yield Attack("a refusal of a removed key", cookie(f"{BOBS_COOKIE}; _tm_c={forged}"),
                 cookie(f"{BOBS_COOKIE}; _tm_c={refused}"), BOB, None)  # fmt: skip


def table() -> list[Attack]:
    """Every attack, each under a name of its own."""
    found = [*cookies(), *headers(), *beacons(), *write_keys(), *consents()]
    assert len({attack.name for attack in found}) == len(found)
    return found
