"""Rows into a real PostgreSQL: once each, whatever is repeated, killed, refused or started anew."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.delivery.cluster import Cluster, cluster
from tests.delivery.emulators import POISON
from tests.delivery.served import Shop, event_id, row
from tests.destinations.samples import event, made, sent
from tests.processes import started
from tests.waiting import SECONDS, until
from track_middleware.address import address
from track_middleware.delivery.postgres import Limits, PostgresTransport
from track_middleware.delivery.transport import Deliver, Silence
from track_middleware.destinations import Answer, Call
from track_middleware.destinations.erasure import Eraser, Who, eraser

pytestmark = pytest.mark.needs("postgresql")


#: Nothing here takes so long, on whatever machine.
LONG = Limits(connect=int(SECONDS), statement=int(2 * SECONDS), whole=3 * SECONDS)


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def here(server: Cluster) -> Iterator[Cluster]:
    """The server without tables, and without a session of ours."""
    until(lambda: server.do(_OURS) == [(0,)])  # a session ends a while after it was closed
    yield server
    server.do(
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO shop"
    )


@pytest.fixture
def send() -> Iterator[PostgresTransport]:
    transport = PostgresTransport(LONG)
    yield transport
    transport.close()


def call(here: Cluster, *numbers: int, url: str = "") -> Call:
    (only,) = sent(made(url or here.url), *[event(number) for number in numbers])
    return only


def ids(here: Cluster, table: str = "track_events") -> list[str]:
    return [str(each) for (each,) in here.do(f"SELECT event_id FROM {table} ORDER BY 1")]


def test_the_table_is_made_and_holds_what_an_analyst_asks_for(
    here: Cluster, send: PostgresTransport
) -> None:
    strange = event(1, properties={"text": "tab\t line\n back\\slash \\N", "n": [1, None, 2.5]})
    (one,) = sent(made(here.url), strange)
    for _ in range(2):
        answer = send(one)
        assert answer == Answer(200, {"date": _date(answer)}, b"")
    told = here.do(
        "SELECT event, timestamp AT TIME ZONE 'UTC', anonymous_id, user_id, session_number, path,"
        " channel, utm_campaign, properties, context->'page'->>'title', previous_id, received_at,"
        " loaded_at > now() - interval '1 minute' FROM track_events"
    )
    assert [str(each) for each in told[0][:2]] == ["Order Completed", "2026-11-23 12:00:00"]
    assert told[0][2:8] == ("visitor-1", "42", 2, "/sale", "Email", "autumn")
    assert told[0][8] == strange.properties
    assert told[0][9:] == ("Sale", None, None, True)
    assert len(here.do("SELECT 1 FROM pg_indexes WHERE tablename = 'track_events'")) == 5


def _date(answer: Answer | Silence) -> str:
    assert isinstance(answer, Answer)
    return answer.headers["date"]


def test_a_repeat_adds_nothing(here: Cluster, send: PostgresTransport) -> None:
    send(call(here, 1, 2))
    send(call(here, 2, 3, 3))
    with closing(PostgresTransport()) as other:
        other(call(here, 1, 2, 3))
    assert ids(here) == [event_id(number) for number in (1, 2, 3)]


def test_calls_share_one_connection(here: Cluster, send: PostgresTransport) -> None:
    for number in range(3):
        send(call(here, number))
    assert here.do(_OURS) == [(1,)]


_OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'track-middleware'"


def test_the_documents_question_is_answered(here: Cluster, send: PostgresTransport) -> None:
    document = (Path(__file__).resolve().parents[2] / "docs/tables.md").read_text()
    (question,) = re.findall(r"```sql\n(SELECT .*?)```", document, re.S)
    send(call(here, 1, 2))
    assert [row[1:] for row in here.do(question)] == [("Email", 1, 2, Decimal(79))]


def test_leave_to_insert_is_enough_where_the_table_is_there(
    here: Cluster, send: PostgresTransport
) -> None:
    send(call(here, 1))
    here.do(
        "CREATE ROLE writer LOGIN PASSWORD 'pw'; GRANT USAGE ON SCHEMA public TO writer;"
        "GRANT INSERT ON track_events TO writer"
    )
    answer = send(call(here, 1, 2, url=here.at("writer:pw", "shop")))
    assert _heard(answer).status == 200, answer
    assert ids(here) == [event_id(1), event_id(2)]


def test_a_schema_and_a_table_of_the_urls_choice(here: Cluster, send: PostgresTransport) -> None:
    here.do("CREATE SCHEMA web AUTHORIZATION shop")
    assert isinstance(send(call(here, 1, url=f"{here.url}?table=web.Views")), Answer)
    assert ids(here, 'web."Views"') == [event_id(1)]
    here.do("DROP SCHEMA web CASCADE")


def test_columns_that_an_owner_dropped_or_added_are_left_alone(
    here: Cluster, send: PostgresTransport
) -> None:
    send(call(here, 1))
    here.do(
        "ALTER TABLE track_events DROP COLUMN context, ADD COLUMN team text DEFAULT 'web',"
        " ADD COLUMN day date GENERATED ALWAYS AS ((timestamp AT TIME ZONE 'UTC')::date) STORED"
    )
    assert send(call(here, 2)).status == 404  # type: ignore[union-attr]
    assert send(call(here, 2)).status == 200  # type: ignore[union-attr]
    assert here.do("SELECT team, day::text FROM track_events WHERE event_id::text LIKE '%2'") == [
        ("web", "2026-11-23")
    ]


def test_a_partitioned_table_counts_once(here: Cluster, send: PostgresTransport) -> None:
    here.do(
        "CREATE TABLE track_events (event_id uuid, timestamp timestamptz, event text,"
        " PRIMARY KEY (event_id, timestamp)) PARTITION BY RANGE (timestamp);"
        "CREATE TABLE y2026 PARTITION OF track_events"
        " FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"
        "GRANT ALL ON track_events TO shop"
    )
    send(call(here, 1))
    send(call(here, 1, 2))
    assert len(ids(here)) == 2


def test_a_table_without_a_key_pauses(here: Cluster, send: PostgresTransport) -> None:
    here.do("CREATE TABLE track_events (event_id uuid); GRANT ALL ON track_events TO shop")
    one = call(here, 1)
    (told,) = made(here.url).judge(one, _heard(send(one)))
    assert told.pause
    assert (
        told.reason == "track_events has no unique index on event_id, so that a repeat would count"
    )


@pytest.mark.parametrize(
    ("user", "database", "words"),
    [
        ("shop:wrong", "shop", "password authentication failed"),
        ("shop:pw", "nowhere", 'database "nowhere" does not exist'),
        ("guest:pw", "shop", "permission denied for schema public"),
    ],
)
def test_what_somebody_must_mend_pauses_and_is_told_without_the_password(
    here: Cluster, send: PostgresTransport, user: str, database: str, words: str
) -> None:
    if user.startswith("guest"):
        here.do("CREATE ROLE guest LOGIN PASSWORD 'pw'; GRANT USAGE ON SCHEMA public TO guest")
    url = here.at(user, database)
    one = call(here, 1, url=url)
    (told,) = made(url).judge(one, _heard(send(one)))
    assert told.pause
    assert words in told.reason
    assert ":pw" not in told.reason


@pytest.mark.parametrize(
    ("login", "options", "words"),
    [
        ("shop:pw%ZZ", "", "libpq cannot read the URL's user, password or options"),
        ("shop:pw", "?sslmode=always", "invalid sslmode value"),
        ("shop:pw", "?sslmode=require", "server does not support SSL"),
    ],
)
def test_an_unusable_url_pauses_and_is_told_without_the_password(
    here: Cluster, send: PostgresTransport, login: str, options: str, words: str
) -> None:
    url = here.at(login, "shop") + options
    one = call(here, 1, url=url)
    (told,) = made(url).judge(one, _heard(send(one)))
    assert told.pause
    assert words in told.reason
    assert "pw" not in told.reason


def test_a_psycopg_that_cannot_be_loaded_pauses_and_says_why(
    here: Cluster, send: PostgresTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = call(here, 1)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "psycopg cannot be used" in _heard(send(one)).body.decode()


def _heard(answer: Answer | Silence) -> Answer:
    assert isinstance(answer, Answer), answer
    return answer


def test_nobody_listening_is_silence_and_nothing_was_sent(
    free_port: int, send: PostgresTransport
) -> None:
    url = f"postgresql://shop:pw@127.0.0.1:{free_port}/shop"
    (one,) = sent(made(url), event())
    answer = send(one)
    assert answer == Silence("no answer: Connection refused", sent=False)


def test_poison_is_found_by_halves_and_told_in_postgresqls_words(
    here: Cluster, tmp_path: Path
) -> None:
    send = Deliver()
    shop = Shop(tmp_path, here.url, send)
    send(call(here, 999))
    here.do(f"ALTER TABLE track_events ADD CONSTRAINT plain CHECK (NOT properties ? '{POISON}')")
    shop.accept(*[row(n, properties={POISON: 1} if n in (7, 23) else {}) for n in range(40)])
    shop.run_out()
    dead = shop.dead()
    assert set(dead) == {event_id(7), event_id(23)}
    assert all('violates check constraint "plain"' in reason for reason in dead.values())
    assert ids(here) == [event_id(n) for n in range(40) if n not in (7, 23)] + [event_id(999)]
    shop.close()
    send.close()


def test_nul_and_huge_numbers_arrive_by_rule_and_are_counted(
    here: Cluster, send: PostgresTransport
) -> None:
    huge = 10**30
    odd = event(1, user_id="a\0b", properties={"nul\0": "x\0y", "many": [huge, -huge, 2**63 - 1]})
    outbound = made(here.url).calls([odd], 0.0)
    assert outbound.cut == 5
    assert _heard(send(outbound.calls[0])).status == 200
    assert here.do("SELECT user_id, properties FROM track_events") == [
        ("ab", {"nul": "xy", "many": [str(huge), str(-huge), 2**63 - 1]})
    ]


def test_a_server_that_starts_anew_is_connected_to_again(
    here: Cluster, send: PostgresTransport
) -> None:
    send(call(here, 1))
    here.kill()
    assert isinstance(send(call(here, 2)), Silence)
    here.start()
    assert _heard(send(call(here, 2))).status == 200
    assert ids(here) == [event_id(1), event_id(2)]


def test_a_connection_closed_while_idle_costs_no_attempt(
    here: Cluster, send: PostgresTransport
) -> None:
    send(call(here, 1))
    here.do(_END)
    assert _heard(send(call(here, 2))).status == 200


#: Ends our sessions from outside.
_END = (
    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
    " WHERE application_name = 'track-middleware'"
)


@pytest.fixture
def locked(here: Cluster) -> Iterator[Callable[[], None]]:
    """Nobody can insert until it is called."""
    import psycopg

    with closing(PostgresTransport(LONG)) as first:
        first(call(here, 0))
    with psycopg.connect(here.at("postgres", "shop")) as holder:
        holder.execute("LOCK TABLE track_events IN EXCLUSIVE MODE")
        yield holder.rollback


_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def _until_waiting(here: Cluster) -> None:
    until(lambda: here.do(_WAITING) == [(1,)])


def test_a_worker_killed_between_copy_and_commit_leaves_nothing(
    here: Cluster, locked: Callable[[], None], send: PostgresTransport
) -> None:
    program = (
        "from tests.destinations.samples import event, made, sent\n"
        "from track_middleware.delivery.postgres import Limits, PostgresTransport\n"
        f"(one,) = sent(made({here.url!r}), event(1), event(2))\n"
        "PostgresTransport(Limits(connect=60, statement=120, whole=120))(one)"
    )
    root = Path(__file__).resolve().parents[2]
    with started([sys.executable, "-c", program], cwd=root) as child:
        _until_waiting(here)
        child.send_signal(signal.SIGKILL)
    locked()
    until(lambda: here.do(_OURS) == [(0,)])
    assert ids(here) == [event_id(0)]
    send(call(here, 1, 2))
    assert ids(here) == [event_id(0), event_id(1), event_id(2)]


def test_a_session_ended_in_the_middle_is_silence_and_may_have_been_taken(
    here: Cluster, locked: Callable[[], None], send: PostgresTransport
) -> None:
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(send, call(here, 1))
        _until_waiting(here)
        here.do(_END)
        told = answer.result()
    assert told == Silence(
        "no answer: terminating connection due to administrator command", sent=True
    )
    locked()
    send(call(here, 1))
    assert ids(here) == [event_id(0), event_id(1)]


def test_a_statement_that_takes_too_long_is_tried_again_later(
    here: Cluster, locked: Callable[[], None]
) -> None:
    one = call(here, 1)
    with closing(PostgresTransport(replace(LONG, statement=1))) as send:
        (told,) = made(here.url).judge(one, _heard(send(one)))
    assert (told.state, told.split, told.pause) == ("retry", False, False)
    assert told.reason == "canceling statement due to statement timeout"


def test_a_server_that_falls_silent_is_left_after_the_whole_time(
    here: Cluster, locked: Callable[[], None]
) -> None:
    assert _left_after(0.5, here) or _left_after(20.0, here)  # the first may be too soon
    locked()
    assert ids(here) == [event_id(0)]


def _left_after(whole: float, here: Cluster) -> bool:
    """Whether a call that is left after so many seconds may have been taken."""
    with closing(PostgresTransport(replace(LONG, whole=whole))) as send:
        answer = send(call(here, 1))
    assert isinstance(answer, Silence)
    return answer.sent


def test_workers_that_find_the_table_missing_at_once_make_it_once(here: Cluster) -> None:
    with closing(PostgresTransport(LONG)) as send, ThreadPoolExecutor(4) as threads:
        answers = threads.map(send, [call(here, number, 9) for number in range(4)])
        assert [_heard(answer).body for answer in answers] == [b""] * 4
    assert ids(here) == [event_id(number) for number in (0, 1, 2, 3, 9)]


def test_a_persons_rows_are_deleted_and_no_others(here: Cluster, send: PostgresTransport) -> None:
    hers = [event(2, user_id="o'b\"a\\"), event(3, anonymous_id="it's", user_id=None)]
    for one in sent(made(here.url), event(1), *hers):
        send(one)
    assert len(ids(here)) == 3
    how = eraser(address(here.url))
    assert isinstance(how, Eraser)
    for one in how.calls(Who(["o'b\"a\\", "nobody"], ["it's"])):
        answer = send(one)
        assert isinstance(answer, Answer)
        assert how.judge(answer).state == "done"
    assert ids(here) == [event_id(1)]
