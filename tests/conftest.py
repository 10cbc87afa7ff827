"""What every test shares: programs that may be missing, a guard around loopback, fixtures.

Tests that need a program carry ``@pytest.mark.needs("chromium", …)``. Where it is missing they are
left out and counted; with ``TRACK_TEST_ALL=1`` they fail instead, so that a machine that promises
to run everything cannot leave anything out silently. That holds with pytest-xdist (``-n 2``) too,
whose workers learn what was asked and tell what they left out.
"""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.programs import KNOWN, there

#: Taken out of the environment at once: settings are read from ``TRACK_*`` variables.
_ASKED_FOR_ALL = os.environ.pop("TRACK_TEST_ALL", "") not in ("", "0")

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

#: A test that hangs is ended by a signal. One that drives a browser ends its process: the signal
#: would end the driver's loop, for which whatever is closed then would wait for ever.
_IN_A_DRIVER = pytest.mark.timeout(method="thread")

#: A browser and its driver have races of their own: such a test, and no other, is run once more
#: when it fails, and the summary counts it as a rerun.
_ONCE_MORE = pytest.mark.flaky(reruns=1)

_ALL_REQUIRED: pytest.StashKey[bool] = pytest.StashKey()
_LEFT_OUT: pytest.StashKey[Counter[str]] = pytest.StashKey()
_LEFT_OUT_TESTS: pytest.StashKey[int] = pytest.StashKey()

_strangers: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    for name in [name for name in os.environ if name.startswith("TRACK_")]:
        del os.environ[name]
    handed = getattr(config, "workerinput", {"all_required": _ASKED_FOR_ALL})
    config.stash[_ALL_REQUIRED] = handed["all_required"]
    config.stash[_LEFT_OUT] = Counter()
    config.stash[_LEFT_OUT_TESTS] = 0


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A worker of pytest-xdist gets its environment without our variable."""
    node.workerinput["all_required"] = node.config.stash[_ALL_REQUIRED]


def pytest_sessionfinish(session: pytest.Session) -> None:
    told = getattr(session.config, "workeroutput", {})
    told["left_out"] = dict(session.config.stash[_LEFT_OUT])
    told["left_out_tests"] = session.config.stash[_LEFT_OUT_TESTS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker collects, and leaves out, the same."""
    told = getattr(node, "workeroutput", {})
    node.config.stash[_LEFT_OUT] |= Counter(told.get("left_out", {}))
    node.config.stash[_LEFT_OUT_TESTS] = max(
        node.config.stash[_LEFT_OUT_TESTS], told.get("left_out_tests", 0)
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what cannot run here; unknown names are errors, not silent omissions."""
    missing = {item: _missing(item) for item in items}
    for item in items:
        if "chromium" in _needed(item):
            item.add_marker(_IN_A_DRIVER)
            item.add_marker(_ONCE_MORE)
    if config.stash[_ALL_REQUIRED]:
        return
    left_out = [item for item in items if missing[item]]
    items[:] = [item for item in items if not missing[item]]
    config.hook.pytest_deselected(items=left_out)
    config.stash[_LEFT_OUT_TESTS] += len(left_out)
    for item in left_out:
        config.stash[_LEFT_OUT].update(missing[item])


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = _missing(item)
    if missing:
        pytest.fail(f"needs {', '.join(missing)}, and nothing may be left out here", pytrace=False)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    why = ", ".join(f"{name}: {count}" for name, count in sorted(config.stash[_LEFT_OUT].items()))
    count = config.stash[_LEFT_OUT_TESTS]
    terminalreporter.write_line(f"left out: {count}" + (f" ({why})" if why else ""))


def _needed(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("needs") for name in mark.args]


def _missing(item: pytest.Item) -> list[str]:
    needed = _needed(item)
    unknown = [name for name in needed if name not in KNOWN]
    if unknown:
        raise pytest.UsageError(f"{item.nodeid} needs {unknown}: tests/programs.py knows no such")
    return sorted({name for name in needed if not there(name)})


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket's path
    host = str(address[0])
    if host in ("", "localhost"):
        return True
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return False
    return parsed.is_loopback or parsed.is_unspecified


def _guard(event: str, args: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto") or _is_loopback(args[1]):
        return
    _strangers.append(repr(args[1]))
    raise OSError(f"tests talk to loopback only, not to {args[1]!r}")


sys.addaudithook(_guard)


@pytest.fixture(autouse=True)
def _loopback_only() -> Iterator[None]:
    """Fails the test that tried to reach another machine, even when its code took the error."""
    _strangers.clear()
    yield
    assert not _strangers, f"tried to reach {_strangers}"


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that nobody else is given for long."""
    from tests import waiting  # a copy of this file may stand without it

    return waiting.free_port()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder of this test's own, not yet made."""
    return tmp_path / "track"


@pytest.fixture(scope="session")
def stands() -> Iterator[subprocess.Popen[str]]:
    """The process that servers are forked from; it is told what to serve line by line."""
    from tests.processes import started  # a copy of this file may stand without it

    command = [sys.executable, "-m", "tests.faces.stands"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with started(
        command, cwd=Path(__file__).resolve().parent.parent, text=True, **pipes
    ) as process:
        yield process
