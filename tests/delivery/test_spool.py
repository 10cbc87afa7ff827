"""The append side: what is accepted is in the file, what is not is refused and counted."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from track_middleware.delivery import segments
from track_middleware.delivery import spool as spool_module
from track_middleware.delivery.spool import Spool
from track_middleware.event import Entry, Event, decode_entry


def entry(name: str, **more: Any) -> Entry:
    event = Event(message_id=name, type="track", timestamp="2026-01-01T00:00:00.000Z", event=name)
    return Entry(kind="event", at=1.0, event=event, **more)


def stored(data_dir: Path) -> list[str]:
    names: list[str] = []
    with segments.open_all(data_dir) as opened:
        for segment in opened:
            offset = 0
            while (reading := segment.read(offset, 1000)).offset != offset:
                offset = reading.offset
                names += [decode_entry(frame).event.message_id for frame in reading.frames]  # type: ignore[union-attr]
    return names


class Clock:
    def __init__(self) -> None:
        self.moment = 1000.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def refusals() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(
    tmp_path: Path, clock: Clock, refusals: list[tuple[str, int]]
) -> Iterator[Callable[..., Spool]]:
    made: list[Spool] = []

    def spool(**more: Any) -> Spool:
        options = {"now": clock, "min_free": "1", "count": lambda *told: refusals.append(told)}
        made.append(Spool(tmp_path / "data", **{**options, **more}))
        return made[-1]

    yield spool
    for each in made:
        each.close()


def only_file(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "data" / "spool").iterdir()
    return path


def in_child(work: Callable[[], object]) -> int:
    """Runs ``work`` in a forked child and gives its exit code."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = int(bool(work() is False))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_nothing_is_on_disk_before_the_first_entry(
    make: Callable[..., Spool], tmp_path: Path
) -> None:
    make()
    assert not (tmp_path / "data").exists()


def test_an_accepted_entry_is_read_back_as_it_was(
    make: Callable[..., Spool], tmp_path: Path
) -> None:
    given = entry("a", facts={"country": "DE"}, consent={"analytics": "granted"})
    assert make().append([given])
    with segments.open_all(tmp_path / "data") as (segment,):
        assert decode_entry(segment.read(0, 10).frames[0]) == given


def test_a_frame_is_newline_crc_space_json_newline(
    make: Callable[..., Spool], tmp_path: Path
) -> None:
    make().append([entry("a")])
    content = only_file(tmp_path).read_bytes()
    assert content == make().encode([entry("a")])
    assert content[:1] == content[-1:] == b"\n"
    assert content[9:10] == b" "
    assert msgspec.json.decode(content[10:-1])["event"]["messageId"] == "a"


def test_several_entries_of_one_call_are_one_write(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    write = os.write

    def counted(fd: int, content: bytes) -> int:
        sizes.append(len(content))
        return write(fd, content)

    monkeypatch.setattr(spool_module, "_write", counted)
    assert make().append([entry("a"), entry("b"), entry("c")])
    assert len(sizes) == 1
    assert stored(tmp_path / "data") == ["a", "b", "c"]


def test_no_entries_are_kept_trivially(make: Callable[..., Spool], tmp_path: Path) -> None:
    assert make().append([])
    assert not (tmp_path / "data").exists()


def test_raw_json_with_newlines_stays_one_line(make: Callable[..., Spool], tmp_path: Path) -> None:
    odd = entry("a")
    odd.event.properties = msgspec.Raw(b'{\n"total":\n3}')  # type: ignore[union-attr]
    assert make().append([odd])
    with segments.open_all(tmp_path / "data") as (segment,):
        reading = segment.read(0, 10)
    assert reading.torn == 0
    assert decode_entry(reading.frames[0]).event.properties == {"total": 3}  # type: ignore[union-attr]


def test_json_is_kept_as_an_entry_is(make: Callable[..., Spool], tmp_path: Path) -> None:
    plain = msgspec.json.encode(entry("a"))
    spool = make()
    assert spool.keep(plain)
    assert spool.append([plain])
    content = only_file(tmp_path).read_bytes()
    half = len(content) // 2
    assert content[:half] == content[half:] == spool.encode([plain])


def test_json_with_newlines_stays_one_line_and_what_is_too_long_is_refused(
    make: Callable[..., Spool], tmp_path: Path, refusals: list[tuple[str, int]]
) -> None:
    plain, spool = msgspec.json.encode(entry("a")), make()
    assert spool.keep(plain.replace(b",", b",\n"))
    assert stored(tmp_path / "data") == ["a"]
    assert not spool.keep(b"[%b]" % plain.ljust(spool_module.LONGEST))
    assert refusals == [("too_long", 1)]


def test_an_entry_that_cannot_be_json_is_refused_not_raised(
    make: Callable[..., Spool], refusals: list[tuple[str, int]]
) -> None:
    spool = make()
    assert not spool.append([entry("lone surrogate \udc80")])
    assert spool.reason == "not_json"
    assert refusals == [("not_json", 1)]


def test_an_entry_beyond_the_limit_is_refused(
    make: Callable[..., Spool], refusals: list[tuple[str, int]]
) -> None:
    assert not make().append([entry("a", raw="x" * spool_module.LONGEST)])
    assert refusals == [("too_long", 1)]


def test_folder_and_file_belong_to_their_owner_alone(
    make: Callable[..., Spool], tmp_path: Path
) -> None:
    make().append([entry("a")])
    for folder in (tmp_path / "data", tmp_path / "data" / "spool"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(tmp_path).stat().st_mode) == 0o600


def test_the_first_entry_of_a_process_is_announced_once(make: Callable[..., Spool]) -> None:
    calls: list[int] = []
    spool = make(on_first=lambda: calls.append(os.getpid()), segment_bytes=100)
    for number in range(20):
        spool.append([entry(str(number))])
    assert calls == [os.getpid()]


def test_the_descriptor_keeps_its_number_through_every_rotation(
    make: Callable[..., Spool], tmp_path: Path
) -> None:
    spool = make(segment_bytes=300)
    numbers = set()
    for number in range(50):
        assert spool.append([entry(str(number))])
        numbers.add(spool._live[os.getpid()].fd)
    assert len(numbers) == 1
    suffixes = sorted(path.suffix for path in (tmp_path / "data" / "spool").iterdir())
    assert suffixes.count(".open") == 1
    assert suffixes.count(".sealed") > 5
    assert sorted(stored(tmp_path / "data"), key=int) == [str(number) for number in range(50)]


def test_rotated_descriptors_are_not_inherited_by_programs(make: Callable[..., Spool]) -> None:
    spool = make(segment_bytes=200)
    for number in range(10):
        spool.append([entry(str(number))])
    assert not os.get_inheritable(spool._live[os.getpid()].fd)


def test_a_short_write_is_written_again_as_a_new_frame(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_first(monkeypatch, 20)
    assert make().append([entry("a")])
    assert stored(tmp_path / "data") == ["a"]


def test_a_short_write_keeps_the_frames_that_were_whole(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make()
    cut_first(monkeypatch, len(spool.encode([entry("a")])) + 12)
    assert spool.append([entry("a"), entry("b"), entry("c")])
    assert stored(tmp_path / "data") == ["a", "b", "c"]


def test_a_write_that_lacks_only_its_last_newline_is_not_repeated(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make()
    cut_first(monkeypatch, len(spool.encode([entry("a")])) - 1)
    assert spool.append([entry("a")])
    assert spool.append([entry("b")])
    assert stored(tmp_path / "data") == ["a", "b"]


def cut_first(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """The system takes only so many bytes of the first write."""
    cuts = [length]

    def cut(fd: int, content: bytes) -> int:
        return os.write(fd, content[: cuts.pop()] if cuts else content)

    monkeypatch.setattr(spool_module, "_write", cut)


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "spool_full"), (errno.EDQUOT, "spool_full"), (errno.EIO, "spool_error")],
)
def test_a_failing_disk_refuses_and_does_not_raise(
    make: Callable[..., Spool],
    refusals: list[tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    reason: str,
) -> None:
    def fail(fd: int, content: bytes) -> int:
        raise OSError(number, "as on a broken disk")

    spool = make()
    monkeypatch.setattr(spool_module, "_write", fail)
    assert not spool.append([entry("a"), entry("b")])
    assert spool.reason == reason
    assert refusals == [(reason, 2)]


def test_a_folder_that_cannot_be_made_refuses(
    make: Callable[..., Spool], tmp_path: Path, refusals: list[tuple[str, int]]
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    assert not make().append([entry("a")])
    assert refusals == [("spool_error", 1)]


def test_a_file_size_limit_refuses_one_event_and_the_next_segment_goes_on(
    make: Callable[..., Spool], tmp_path: Path, refusals: list[tuple[str, int]]
) -> None:
    spool = make()

    def fill() -> bool:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        kept = [str(n) for n in range(40) if spool.append([entry(str(n))])]
        return len(kept) >= 35 and stored(tmp_path / "data") == kept

    assert in_child(fill) == 0


def test_below_min_free_events_are_refused_until_there_is_room_again(
    make: Callable[..., Spool], clock: Clock, tmp_path: Path
) -> None:
    low = [True]
    spool = make()
    spool._disk_is_low = lambda: low[0]  # type: ignore[method-assign]
    assert not spool.append([entry("a")])
    assert spool.reason == "disk_low"
    low[0] = False
    assert not spool.append([entry("b")]), "the disk is looked at once a second, not each time"
    clock.moment += 1.1
    assert spool.append([entry("c")])
    assert stored(tmp_path / "data") == ["c"]


def test_min_free_is_measured_on_the_real_disk(make: Callable[..., Spool]) -> None:
    spool = make(min_free="100%")
    assert not spool.append([entry("a")])
    assert spool.reason == "disk_low"


def test_a_removed_data_folder_is_made_again_within_a_second(
    make: Callable[..., Spool], clock: Clock, tmp_path: Path
) -> None:
    spool = make()
    spool.append([entry("a")])
    only_file(tmp_path).unlink()
    (tmp_path / "data" / "spool").rmdir()
    clock.moment += 1.1
    assert spool.append([entry("b")])
    assert stored(tmp_path / "data") == ["b"]


def test_a_descriptor_closed_by_others_is_replaced(
    make: Callable[..., Spool], tmp_path: Path
) -> None:
    spool = make()
    spool.append([entry("a")])
    os.close(spool._live[os.getpid()].fd)
    assert spool.append([entry("b")])
    assert sorted(stored(tmp_path / "data")) == ["a", "b"]


def test_a_number_that_became_another_file_is_left_to_it(
    make: Callable[..., Spool], clock: Clock, tmp_path: Path
) -> None:
    spool = make()
    spool.append([entry("a")])
    number = spool._live[os.getpid()].fd
    other = os.open(tmp_path / "other", os.O_CREAT | os.O_RDWR)
    os.dup2(other, number)
    clock.moment += 1.1
    assert spool.append([entry("b")])
    spool.close()
    assert (tmp_path / "other").read_bytes() == b""
    assert sorted(stored(tmp_path / "data")) == ["a", "b"]
    os.close(other)
    os.close(number)


def test_a_child_writes_a_segment_of_its_own(make: Callable[..., Spool], tmp_path: Path) -> None:
    spool = make()
    spool.append([entry("parent")])
    assert in_child(lambda: spool.append([entry("child")])) == 0
    spool.append([entry("parent again")])
    assert sorted(stored(tmp_path / "data")) == ["child", "parent", "parent again"]
    assert len(list((tmp_path / "data" / "spool").iterdir())) == 2


def test_a_child_closes_what_it_inherited_and_its_parent_keeps_the_lock(
    make: Callable[..., Spool], tmp_path: Path
) -> None:
    spool = make()
    spool.append([entry("a")])
    fd, identity = spool._live[os.getpid()].fd, spool._live[os.getpid()].identity

    def closed() -> bool:
        try:
            status = os.fstat(fd)
        except OSError:
            return True
        return (status.st_dev, status.st_ino) != identity

    assert in_child(closed) == 0
    with segments.open_all(tmp_path / "data") as (segment,):
        assert not segment.finished


def test_a_child_forked_without_the_hook_finds_out_by_its_process_id(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make()
    spool.append([entry("a")])
    inherited = spool._live[os.getpid()].fd
    monkeypatch.setattr(spool_module, "OWN", [0])  # as the page is in a child
    monkeypatch.setattr(spool_module, "_getpid", lambda: 1)
    assert spool.append([entry("b")])
    assert list(spool._live) == [1]
    assert spool._live[1].fd == inherited, "the inherited number was closed, and is free again"
    assert sorted(stored(tmp_path / "data")) == ["a", "b"]


def test_a_child_announces_its_own_first_entry(make: Callable[..., Spool]) -> None:
    calls: list[int] = []
    spool = make(on_first=lambda: calls.append(os.getpid()))
    spool.append([entry("a")])
    assert in_child(lambda: spool.append([entry("b")]) and calls[1:] == [os.getpid()]) == 0


def test_a_signal_in_the_middle_of_appending_may_append_too(
    make: Callable[..., Spool], tmp_path: Path
) -> None:
    spool = make(segment_bytes=500)
    kept: list[str] = []
    over = threading.Event()

    def on_alarm(*_: object) -> None:
        name = f"signal {len(kept)}"
        if spool.append([entry(name)]):
            kept.append(name)
        if not over.is_set():  # one after the other: on a slow machine they must not pile up
            signal.setitimer(signal.ITIMER_REAL, 0.0005)

    former = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    main: list[str] = []
    try:
        while len(main) < 3000 or len(kept) < 20:  # whatever the machine makes of the time
            name = f"main {len(main)}"
            assert spool.append([entry(name)])
            main.append(name)
    finally:
        over.set()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert sorted(stored(tmp_path / "data")) == sorted(kept + main)


def test_eight_threads_with_a_first_entry_at_once_share_one_segment(
    make: Callable[..., Spool], tmp_path: Path
) -> None:
    spool = make()
    barrier = threading.Barrier(8)

    def first(number: int) -> None:
        barrier.wait()
        spool.append([entry(str(number))])

    threads = [threading.Thread(target=first, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored(tmp_path / "data")) == [str(number) for number in range(8)]
    only_file(tmp_path)
