"""The worker's side of the spool: whatever the bytes, a damaged frame costs only itself."""

from __future__ import annotations

import fcntl
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from track_middleware.delivery import segments
from track_middleware.delivery.framing import frame
from track_middleware.delivery.segments import Segment


def segment_of(folder: Path, content: bytes, *, name: str = "v1-a.open") -> Path:
    (folder / "spool").mkdir(exist_ok=True)
    path = folder / "spool" / name
    path.write_bytes(content)
    return path


def frames(*bodies: bytes) -> bytes:
    return b"".join(map(frame, bodies))


def read_all(path: Path) -> tuple[list[bytes], int]:
    segment = Segment(path.stem, path)
    found: list[bytes] = []
    offset = torn = 0
    try:
        while (reading := segment.read(offset, 100)).offset != offset:
            offset = reading.offset
            found += reading.frames
            torn += reading.torn
        assert segment.done(offset)
    finally:
        segment.close()
    return found, torn


def test_frames_come_back_in_their_order(tmp_path: Path) -> None:
    path = segment_of(tmp_path, frames(b'{"a":1}', b'{"b":2}'))
    assert read_all(path) == ([b'{"a":1}', b'{"b":2}'], 0)


def test_a_reading_stops_at_its_limit_and_goes_on_from_its_offset(tmp_path: Path) -> None:
    path = segment_of(tmp_path, frames(b"1", b"2", b"3"))
    segment = Segment("v1-a", path)
    first = segment.read(0, 2)
    second = segment.read(first.offset, 2)
    assert (first.frames, second.frames) == ([b"1", b"2"], [b"3"])
    assert segment.read(second.offset, 2) == ([], second.offset, 0)
    segment.close()


def test_a_torn_frame_is_counted_and_its_neighbours_are_read(tmp_path: Path) -> None:
    torn = frames(b'{"b":2}')[:-5]
    path = segment_of(tmp_path, frames(b'{"a":1}') + torn + frames(b'{"c":3}'))
    assert read_all(path) == ([b'{"a":1}', b'{"c":3}'], 1)


def test_erased_frames_are_skipped_and_are_no_damage(tmp_path: Path) -> None:
    erased = b"\n" * len(frames(b'{"b":2}'))
    path = segment_of(tmp_path, frames(b'{"a":1}') + erased + frames(b'{"c":3}'))
    assert read_all(path) == ([b'{"a":1}', b'{"c":3}'], 0)


def test_an_unterminated_tail_waits_while_its_writer_lives(tmp_path: Path) -> None:
    path = segment_of(tmp_path, frames(b"1") + frames(b"2")[:-1])
    with path.open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        segment = Segment("v1-a", path)
        reading = segment.read(0, 10)
        assert (reading.frames, reading.torn) == ([b"1"], 0)
        assert not segment.done(reading.offset)
        writer.write(b"\n")
        writer.flush()
        assert segment.read(reading.offset, 10).frames == [b"2"]
    segment.close()


def test_a_finished_segments_tail_is_decided_by_its_crc(tmp_path: Path) -> None:
    assert read_all(segment_of(tmp_path, frames(b"1", b"2")[:-1])) == ([b"1", b"2"], 0)
    assert read_all(segment_of(tmp_path, frames(b"1", b"22")[:-2])) == ([b"1"], 1)


def test_a_segment_is_finished_when_its_writer_has_let_go(tmp_path: Path) -> None:
    path = segment_of(tmp_path, frames(b"1"))
    writer = path.open("ab")
    fcntl.flock(writer, fcntl.LOCK_EX)
    segment = Segment("v1-a", path)
    assert not segment.finished
    writer.close()
    assert segment.finished
    segment.close()


def test_a_forked_reader_leaves_no_lock_behind(tmp_path: Path) -> None:
    path = segment_of(tmp_path, frames(b"1"))
    segment = Segment("v1-a", path)
    assert segment.finished
    shared = os.dup(segment._fd)  # what a forked child would still hold
    segment.close()
    again = Segment("v1-a", path)
    assert again.finished
    again.close()
    os.close(shared)


def test_orphans_are_sealed_and_live_segments_are_not(tmp_path: Path) -> None:
    segment_of(tmp_path, frames(b"1"), name="v1-dead.open")
    live = segment_of(tmp_path, frames(b"2"), name="v1-live.open")
    with live.open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        with segments.open_all(tmp_path) as opened:
            assert {each.name for each in opened} == {"v1-dead", "v1-live"}
        names = {path.name for path in (tmp_path / "spool").iterdir()}
    assert names == {"v1-dead.sealed", "v1-live.open"}


def test_removing_works_whatever_the_writer_named_it_meanwhile(tmp_path: Path) -> None:
    path = segment_of(tmp_path, frames(b"1"))
    segment = Segment("v1-a", path)
    path.rename(path.with_suffix(".sealed"))
    segment.seal()
    segment.remove()
    segment.close()
    assert list((tmp_path / "spool").iterdir()) == []


def test_other_versions_are_left_alone_and_named(tmp_path: Path) -> None:
    segment_of(tmp_path, b"whatever", name="v2-new.open")
    with segments.open_all(tmp_path) as opened:
        assert opened == []
    assert segments.strangers(tmp_path) == ["v2-new.open"]


def test_no_spool_is_no_segments(tmp_path: Path) -> None:
    with segments.open_all(tmp_path) as opened:
        assert opened == []
    assert segments.sizes(tmp_path) == []
    assert segments.strangers(tmp_path) == []


def test_the_oldest_segment_comes_first(tmp_path: Path) -> None:
    for age, name in enumerate(("v1-c.sealed", "v1-a.sealed", "v1-b.sealed")):
        os.utime(segment_of(tmp_path, b"", name=name), (1000 + age, 1000 + age))
    with segments.open_all(tmp_path) as opened:
        assert [each.name for each in opened] == ["v1-c", "v1-a", "v1-b"]


def test_sizes_are_told_without_opening(tmp_path: Path) -> None:
    segment_of(tmp_path, b"123", name="v1-a.sealed")
    assert segments.sizes(tmp_path) == [segments.Size("v1-a", 3, True)]


def test_old_leftovers_of_dead_processes_are_swept(tmp_path: Path) -> None:
    old = segment_of(tmp_path, b"", name=".v1-old.open")
    os.utime(old, (1, 1))
    new = segment_of(tmp_path, b"", name=".v1-new.open")
    segments.sweep(tmp_path)
    assert not old.exists()
    assert new.exists()


def test_a_frame_larger_than_a_chunk_is_read_whole(tmp_path: Path) -> None:
    large = b'"' + b"x" * (segments._CHUNK * 3 // 2) + b'"'
    assert read_all(segment_of(tmp_path, frames(b"1", large, b"2"))) == ([b"1", large, b"2"], 0)


@pytest.mark.parametrize("junk", [b"\0", b"x"])
def test_endless_garbage_is_passed_over_with_flat_memory(tmp_path: Path, junk: bytes) -> None:
    path = segment_of(tmp_path, frames(b"1") + junk * (40 * 2**20) + frames(b"2"))
    tracemalloc.start()
    found, torn = read_all(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [b"1", b"2"]
    assert torn
    assert peak < 12 * 2**20


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_loses_only_the_frames_it_touches(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    bodies = data.draw(
        st.lists(st.binary(max_size=40).map(lambda b: b.hex().encode()), max_size=12)
    )
    content = bytearray(frames(*bodies))
    touched: set[int] = set()
    spans = _spans(bodies)
    for _ in range(data.draw(st.integers(0, 4)) if content else 0):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
        touched |= {number for number, (begin, end) in enumerate(spans) if begin <= place < end}
    found, _ = read_all(segment_of(tmp_path_factory.mktemp("damage"), bytes(content)))
    for number, body in enumerate(bodies):
        if number not in touched:
            assert body in found
    assert len(found) <= len(bodies)


def _spans(bodies: list[bytes]) -> list[tuple[int, int]]:
    """Where each frame lies, with the newlines on both sides that separate it from the next."""
    spans, begin = [], 0
    for body in bodies:
        end = begin + len(frame(body))
        spans.append((begin, end))
        begin = end
    return spans
