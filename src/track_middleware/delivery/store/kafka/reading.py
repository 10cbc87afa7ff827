"""Reads contents from the brokers: partitions from front to back, and somewhere else when asked to.

Whoever reads the log asks for neighbours, so that what comes next is mostly on its way already. A
message counts as gone only where brokers say that their log begins behind it, or where another one
came in its stead twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from .clients import AWAY, position

#: So many messages are rather read over than jumped over.
_NEAR = 100

#: So many bytes of a partition are kept for whoever asks for them later, and then it rests: what
#: came unasked, and what has contents that were not asked for yet. It is read on when half of that
#: is left: a broker may say first that it has no more of the others, which takes it a while.
_AHEAD = 2 * 2**20

#: Messages that are taken over at once, and seconds that are waited for so many.
_MOST = 1000
_WAIT = 0.01

#: Seconds without a message after which brokers are asked where their log begins and ends.
_STILL = 0.5

#: Errors of a partition that asking on does not mend.
_HOPELESS = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
}

#: What was asked for lies outside the log, or did while a new leader had not yet caught up.
_OUTSIDE = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}

Found = dict[tuple[int, int], bytes]


class Behind(Exception):
    """A partition ends before what is asked for, which the brokers had acknowledged."""

    def __init__(self, partition: int, end: int, wanted: int) -> None:
        super().__init__(f"partition {partition} ends at offset {end}, before {wanted}")
        self.partition, self.end = partition, end


@dataclass(slots=True)
class _Part:
    """A partition that is read: ``next`` is the lowest offset that may come, ``kept`` what came
    last and ``size`` its bytes, ``missing`` what is waited for, the first last."""

    next: int
    kept: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    missing: list[int] = field(default_factory=list)
    is_paused: bool = False
    was_passed: bool = False
    is_outside: bool = False

    def keep(self, first: int) -> None:
        """Of what came, only what lies at an offset or behind it is kept."""
        for each in [each for each in self.kept if each < first]:
            self.size -= len(self.kept.pop(each))

    def rest(self, last: int) -> None:
        """Where that is much, what lies before the last offset that was asked for goes as well."""
        if self.size > _AHEAD:
            self.keep(last)


class Reader:
    """A consumer with what it has read ahead. One thread uses it at a time; after an error it is
    closed."""

    def __init__(
        self, consumer: Consumer, topic: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._monotonic = monotonic
        self._parts: dict[int, _Part] = {}

    def has_near(self, partition: int, offset: int) -> bool:
        """Whether this reader comes by an offset soon, or just did."""
        part = self._parts.get(partition)
        return part is not None and (offset in part.kept or part.next <= offset < part.next + _NEAR)

    def get(self, wanted: Mapping[int, Iterable[int]], until: float) -> Found:
        """The contents at offsets of partitions; what brokers no longer have is left out. When they
        have not given all by then: Behind where their log ends too soon, else KafkaException."""
        found: Found = {}
        asked = {partition: sorted(set(offsets)) for partition, offsets in wanted.items()}
        self._begin({partition: offsets[0] for partition, offsets in asked.items()})
        for partition, offsets in asked.items():
            self._aim(partition, offsets, found)
        heard = self._monotonic()
        behind: Behind | None = None
        while missing := sum(len(part.missing) for part in self._parts.values()):
            now = self._monotonic()
            if now > until:
                raise behind or KafkaException(KafkaError(KafkaError._TIMED_OUT))
            if self._take(min(missing, _MOST), found):
                heard = now
            elif now - heard > _STILL:
                heard, behind = now, self._look()
        for partition, offsets in asked.items():
            self._parts[partition].rest(offsets[-1])
        return found

    def close(self) -> None:
        """Lets the consumer go."""
        self._consumer.close()

    def _begin(self, firsts: Mapping[int, int]) -> None:
        """Reads those partitions that are not read yet, from these offsets on; all at once, or the
        first ones fill the queue."""
        new = {each: first for each, first in firsts.items() if each not in self._parts}
        if new:
            self._parts |= {partition: _Part(first) for partition, first in new.items()}
            self._consumer.incremental_assign([self._at(*each) for each in new.items()])

    def _aim(self, partition: int, offsets: list[int], found: Found) -> None:
        """Reads a partition on, or from somewhere else, until these offsets have come."""
        part = self._parts[partition]
        part.keep(offsets[0])
        for offset in offsets:
            if offset in part.kept:
                found[partition, offset] = part.kept[offset]
        missing = [each for each in offsets if (partition, each) not in found]
        part.missing, part.was_passed = missing[::-1], False
        if missing and not part.next <= missing[0] < part.next + _NEAR:
            self._jump(partition, part)
        elif part.is_paused and (missing or part.size < _AHEAD // 2):
            self._consumer.resume([self._at(partition)])
            part.is_paused = False

    def _jump(self, partition: int, part: _Part) -> None:
        """Reads a partition from its first missing message on; what was on its way is dropped."""
        part.next = part.missing[-1]
        part.kept, part.size = {}, 0
        part.is_paused = part.is_outside = False
        self._consumer.incremental_unassign([self._at(partition)])
        self._consumer.incremental_assign([self._at(partition, part.next)])

    def _take(self, number: int, found: Found) -> bool:
        """Takes what came; whether anything did."""
        messages = self._consumer.consume(number, _WAIT)
        for message in messages:
            error = message.error()
            if error is None:
                self._sort(message, found)
            elif error.code() in _HOPELESS or error.fatal():
                raise KafkaException(error)
            elif error.code() in _OUTSIDE:
                self._parts[position(message)[0]].is_outside = True
        return any(message.error() is None for message in messages)

    def _sort(self, message: Message, found: Found) -> None:
        """Puts one message where it belongs: with what was asked for, or with what comes next."""
        (partition, offset), content = position(message), message.value() or b""
        part = self._parts[partition]
        if offset < part.next:
            return  # on its way since before a jump
        missing = part.missing
        if missing and missing[-1] < offset and not part.was_passed:
            part.was_passed = True
            self._jump(partition, part)
            return
        while missing and missing[-1] < offset:
            missing.pop()
        part.next = offset + 1
        if missing and missing[-1] == offset:
            missing.pop()
            found[partition, offset] = content
        part.kept[offset] = content
        part.size += len(content)
        if part.size >= _AHEAD and not missing and not part.is_paused:
            self._consumer.pause([self._at(partition)])
            part.is_paused = True

    def _look(self) -> Behind | None:
        """Asks for both ends of each partition that something is missing of."""
        behind: Behind | None = None
        for partition, part in self._parts.items():
            missing = part.missing
            ends = self._ends(partition) if missing else None
            if ends is None:
                continue
            while missing and missing[-1] < ends[0]:
                missing.pop()
            if missing and missing[0] >= ends[1]:
                behind = Behind(partition, ends[1], missing[0])
            if missing and part.is_outside:
                self._jump(partition, part)
        return behind

    def _ends(self, partition: int) -> tuple[int, int] | None:
        """Where a partition begins and ends; None while nobody can say."""
        try:
            return self._consumer.get_watermark_offsets(self._at(partition), timeout=1.0)
        except KafkaException as error:
            if error.args[0].code() in AWAY:
                return None
            raise

    def _at(self, partition: int, offset: int = 0) -> TopicPartition:
        return TopicPartition(self._topic, partition, offset)
