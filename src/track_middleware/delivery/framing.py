"""The spool's frame: ``\\n``, CRC-32 of the JSON in hex, a space, the JSON, ``\\n``. Bytes only."""

from __future__ import annotations

from binascii import hexlify
from zlib import crc32


def frame(body: bytes) -> bytes:
    """The frame of one entry's JSON. A newline in JSON can only be white space between values."""
    return framed(body.replace(b"\n", b" "))


def framed(body: bytes) -> bytes:
    """The frame of one entry's JSON in which there is no newline."""
    return b"".join((b"\n", hexlify(crc32(body).to_bytes(4)), b" ", body, b"\n"))


def body_of(line: bytes) -> bytes | None:
    """The JSON of a line between two newlines; None when it is no whole frame."""
    body = line[9:]
    return body if line[:9] == b"%08x " % crc32(body) else None


def bodies(frames: bytes) -> list[bytes]:
    """The JSON of every whole frame among these."""
    found = [body_of(line) for line in frames.split(b"\n") if line]
    return [body for body in found if body is not None]


def number(frames: bytes) -> int:
    """How many frames these are."""
    return frames.count(b"\n") // 2


def incomplete(frames: bytes, written: int) -> bytes:
    """Of the frames of one write, of which ``written`` bytes were taken, those that a reader would
    not find whole. A frame that lacks only its last newline is whole."""
    begin = 0
    while (end := frames.find(b"\n", begin + 1)) != -1 and end <= written:
        begin = end + 1
    return frames[begin:]
