"""What a Kafka and a Redis are asked to see whether they are ready, without a client: one question, one answer."""

import io
import socket
import struct

from services.sandbox.servers.loopback import HOST

ANSWER_SECONDS = 2.0  # for one question to a server that starts


class KafkaAnswer:
    """
    One question to a broker, and the fields of its answer in their order.

    Raises: OSError; struct.error for an answer that is none.
    """

    def __init__(self, port: int, key: int, version: int, body: bytes) -> None:
        request = struct.pack(">hhih", key, version, 0, -1) + body  # correlation 0, no name of ours
        with socket.create_connection((HOST, port), ANSWER_SECONDS) as connection, connection.makefile("rb") as stream:
            connection.sendall(struct.pack(">i", len(request)) + request)
            self._rest = io.BytesIO(stream.read(*struct.unpack(">i", stream.read(4))))
        self.number(">i")  # correlation

    def number(self, form: str) -> int:
        """The next field, of that form."""
        return int(struct.unpack(form, self._rest.read(struct.calcsize(form)))[0])

    def text(self) -> str:
        """The next field; one that is null is empty."""
        return self._rest.read(max(0, self.number(">h"))).decode()


def kafka_cluster(port: int) -> str | None:
    """
    The id of the cluster that serves there; none while its broker waits for the controller to take it.

    Source: Kafka's protocol, Metadata version 2.
    """
    answer = KafkaAnswer(port, 3, 2, struct.pack(">i", 0))  # of no topic
    brokers = answer.number(">i")
    for _ in range(brokers):
        _ = answer.number(">i"), answer.text(), answer.number(">i"), answer.text()  # id, host, port, rack
    return answer.text() if brokers else None


def kafka_coordinates(port: int) -> bool:
    """
    Whether consumer groups are served. The first question has Kafka make the topic for them, which takes 0.2 s; a
    client that finds it missing waits for 3 s.

    Source: Kafka's protocol, FindCoordinator version 0, DescribeGroups version 0.
    """
    group = struct.pack(">h", 4) + b"none"
    if KafkaAnswer(port, 10, 0, group).number(">h") != 0:
        return False
    described = KafkaAnswer(port, 15, 0, struct.pack(">i", 1) + group)
    return described.number(">i") == 1 and described.number(">h") == 0


def redis_pid(port: int) -> int:
    """
    The process behind this port, if it is ready: while it loads its data it refuses PING.

    Raises: OSError; ValueError for another answer.
    """
    with socket.create_connection((HOST, port), ANSWER_SECONDS) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"PING\r\nINFO server\r\n")
        if stream.readline() != b"+PONG\r\n":
            raise ValueError("not ready")
        info = stream.read(int(stream.readline()[1:]))
    return int(dict(line.split(b":", 1) for line in info.splitlines() if b":" in line)[b"process_id"])
