"""``mixpanel://TOKEN`` or ``mixpanel://USER:SECRET@PROJECT_ID?token=TOKEN``: Mixpanel.

Events go to ``/import?strict=1``, which takes any age and says which ones it refuses; with
``?api=track`` to ``/track``, which takes the last five days and drops a bad event among good ones
without a word. Profiles go to ``/engage`` and ``/groups``. Every call may be repeated: events carry
their ``$insert_id``, and ``$set``, ``$set_once`` and ``$union`` leave a profile as it is the second
time. What adds up there (``$add``, ``$append``, charges) is never sent.

Identity is the vendor's simplified merge: an event that carries ``$device_id`` and ``$user_id``
joins them. ``?identity=original`` is for projects with the older merge, which is told with
``$identify``, ``$merge`` or ``$create_alias``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import msgspec

from ..address import Address
from ..event import Event
from ..vendor_cookies import cookie
from . import Answer, Call, Outbound, Verdict
from .limits import Cutter, Piece, ids, listed, routed
from .mixpanel_answers import verdicts
from .mixpanel_records import VOCABULARY as VOCABULARY
from .mixpanel_records import Records
from .options import ERASING, base, check, choice, key, wrong

REGIONS = {
    "us": "https://api.mixpanel.com",
    "eu": "https://api-eu.mixpanel.com",
    "in": "https://api-in.mixpanel.com",
}

#: The vendor takes 2,000 records; fewer, so that a list of all of them as failed fits an answer.
MOST = 200
SIZES = dict.fromkeys(("events", "engage", "groups"), 2_000_000)
_EVENT = 1_000_000

#: Fewer than 255 keys or items each, strings of 255, objects three deep in a property.
_KEYS = 254
_TEXT = 255
_DEPTH = 5

_encoder = msgspec.json.Encoder()


class Mixpanel:
    """Sends events and profiles to one Mixpanel project.

    ``account`` is ``user:secret`` of a service account, which needs ``project``; without it the
    token opens the import.
    """

    most = MOST

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        records: Records,
        account: str,
        project: str,
    ) -> None:
        self.name = name
        self.joins = records.original
        self._records = records
        self._secrets = (records.token, account.partition(":")[2])
        imports = "/import?strict=1" + (f"&project_id={project}" if project else "")
        self._urls: Mapping[str, str] = {
            "events": base_url + ("/track?verbose=1&ip=0" if records.track else imports),
            "engage": base_url + "/engage?strict=1&verbose=1&ip=0",
            "groups": base_url + "/groups?verbose=1",
        }
        self._headers = {"content-type": "application/json", "accept": "*/*"}
        basic = "Basic " + base64.b64encode((account or f"{records.token}:").encode()).decode()
        self._authorized = {**self._headers, "authorization": basic}

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        cutter = Cutter(text=_TEXT, keys=_KEYS, depth=_DEPTH)
        settled: dict[str, Verdict] = {}
        pieces: list[tuple[str, str, Piece]] = []
        for event in events:
            made = self._pieces(event, now, cutter)
            if isinstance(made, Verdict):
                settled[event.message_id] = made
            else:
                pieces.extend(made)
        runs = routed(pieces, most=MOST, sizes=SIZES)
        return Outbound([self._call(*run) for run in runs], settled, cutter.count)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        strict = call.url == self._urls["events"] and not self._records.track
        return verdicts(call, answer, strict=strict, secrets=self._secrets)

    def _call(self, road: str, run: Sequence[Piece]) -> Call:
        open_road = self._records.track or road != "events"
        headers = self._headers if open_road else self._authorized
        return Call(self._urls[road], listed(run), ids(run), headers=headers)

    def _pieces(
        self, event: Event, now: float, cutter: Cutter
    ) -> list[tuple[str, str, Piece]] | Verdict:
        """The vendor's records for an event, or what is to become of it without any."""
        made = self._records.of(event, now)
        if isinstance(made, Verdict):
            return made
        bodies = [(road, _encoder.encode(cutter.cut(record))) for road, record in made]
        if any(len(body) > _EVENT for _, body in bodies):
            return Verdict("refused", f"it is larger than {_EVENT} bytes")
        visitor = event.anonymous_id or event.user_id or ""
        return [(road, visitor, (event.message_id, body)) for road, body in bodies]


def make(address: Address) -> Mixpanel:
    """A Mixpanel project of its URL."""
    check(address, extra=("token", "api", "identity", "group_type", *ERASING["mixpanel"]))
    target = key(address, "TOKEN or mixpanel://USER:SECRET@PROJECT_ID?token=TOKEN")
    token, account = _credentials(address, target)
    track = choice(address, "api", ("import", "track")) == "track"
    if track and account:
        raise wrong(address, "has a service account, which /track does not take; write TOKEN alone")
    records = Records(
        token=token,
        track=track,
        original=choice(address, "identity", ("simplified", "original")) == "original",
        group=address.options.get("group_type") or "$group_id",
        cookie=cookie(address),
    )
    return Mixpanel(
        address.options.get("name", "mixpanel"),
        base(address, REGIONS),
        records=records,
        account=account,
        project=target if account else "",
    )


def _credentials(address: Address, target: str) -> tuple[str, str]:
    """The project's token, and the service account as ``user:secret`` where there is one."""
    token = address.options.get("token", "")
    if not address.user:
        if token and token != target:
            raise wrong(address, "has two tokens; a service account is USER:SECRET@PROJECT_ID")
        return target, ""
    if not address.password:
        raise wrong(address, "has a service account without its secret: USER:SECRET@PROJECT_ID")
    if not target.isdigit():
        raise wrong(address, "needs the project's number behind @: USER:SECRET@PROJECT_ID")
    if not token:
        raise wrong(address, "needs ?token= beside a service account: profiles are sent with it")
    return token, f"{address.user}:{address.password}"
