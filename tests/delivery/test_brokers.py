"""What a store's URL says of a broker, and what a web process loads of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import free_port
from track_middleware.delivery import startup
from track_middleware.delivery.store import brokers, opening
from track_middleware.errors import SettingsError

pytestmark = pytest.mark.needs("nats")


def test_a_url_names_servers_a_stream_and_a_ledger() -> None:
    found = brokers.broker(
        "nats://shop:pa%40ss@a.internal,b.internal:4333,[::1]?stream=s&replicas=3"
        "&ledger=postgresql://x:y@db/shop?schema=other&sslmode=require"
    )
    assert found.servers == ("a.internal:4222", "b.internal:4333", "[::1]:4222")
    assert (found.user, found.password, found.log) == ("shop", "pa@ss", "s")
    assert found.ledger == "postgresql://x:y@db/shop?schema=other&sslmode=require"
    assert found.options == {"stream": "s", "replicas": "3"}
    assert "pa@ss" not in f"{found!r} {found.shown}"


def test_a_ledger_may_be_percent_encoded() -> None:
    url = "nats://a?ledger=postgresql%3A%2F%2Fx%3Ay%40db%2Fshop"
    assert brokers.ledger_of(url) == "postgresql://x:y@db/shop"


def test_another_stores_url_is_its_own_ledger() -> None:
    for url in ("", "sqlite:///events.db", "postgresql://db/shop?ledger=x"):
        assert brokers.ledger_of(url) == url


def test_where_a_store_is_shown_no_password_is(tmp_path: Path) -> None:
    url = "nats://u:secret7@a?ledger=postgresql://v:secret8@db/shop"
    shown = opening.shown(url, tmp_path)
    assert shown == "nats://a:4222 track_middleware, ledger postgresql://db:5432/shop"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nats://", "names no server where it says ''"),
        ("nats://a:notaport", "names no server where it says 'a:notaport'"),
        ("nats://a,,b", "names no server where it says ''"),
        ("nats://a/stream", "names no server"),
        ("nats://a?steam=s", "not 'steam'"),
        ("nats://a?stream=a.b", "cannot be the stream's name"),
        ("nats://a?replicas=9", "from 1 to 5"),
        ("nats://a?tls=yes", "tls is 1 or 0"),
        ("nats://a?ledger=nats://b", "not another broker"),
        ("nats://a?ledger=mysql://b", "no store of the kind mysql"),
        ("nats://a?ledger=postgresql://h/?no=such", "libpq cannot read"),
        ("amqp://a", "no store of the kind amqp"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_start(url: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        startup.loaded({"store": url}, {})


def test_a_web_process_loads_nothing_of_a_broker_and_asks_it_nothing(tmp_path: Path) -> None:
    code = f"""
import sys
from track_middleware import configure, track
asked = []
sys.addaudithook(lambda event, given: event == "socket.connect" and asked.append(given))
configure(store="nats://127.0.0.1:{free_port()}", data_dir={str(tmp_path)!r}, deliver="worker",
          secret_key="a secret for the tests", min_free="1")
assert track("Signed Up", user_id="7")
assert not asked
print(sorted({{"nats", "asyncio", "cryptography"}} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.strip() == "[]"
