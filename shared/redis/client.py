"""The way to Redis: a client whose answers are waited for as long as a slow line takes, its clock, and its faults."""

import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.config.settings import Config
from shared.errors import Retryable
from shared.redis.answers import ELSEWHERE, PASSING, RedisRefused, code_of, lasting, without_command

Client = redis.Redis

TIMEOUT_SECONDS = 10.0  # of silence
# One piece is sent within the time-out over the slowest line (64 KiB a second), and so is what the system holds back
# for it when the last piece was handed over: the wait for the answer has begun by then. The system doubles the latter.
PIECE_BYTES = 64 * 1024
SEND_BUFFER_BYTES = 128 * 1024
PROBE_SECONDS = 60  # should whoever looks die on the way
_PROBE = "return redis.call('SET', KEYS[1], ARGV[1], 'EX', '60')"


class _Told:
    """
    A connection that knows when its server has said that another one must be asked. Its time-outs count silence: the
    socket's own is of all that is sent at once, and a large lane on a narrow line would never be written.
    """

    is_left = False

    def _connect(self) -> Any:
        connected = super()._connect()  # type: ignore[misc]  # of the connection that it is mixed into
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        return connected

    def send_packed_command(self, command: Any, *args: Any, **more: Any) -> None:
        super().send_packed_command(_pieces(command), *args, **more)  # type: ignore[misc]  # as above

    def read_response(self, *args: Any, **more: Any) -> Any:
        try:
            return super().read_response(*args, **more)  # type: ignore[misc]  # as above
        except redis.ResponseError as error:
            self.is_left = self.is_left or code_of(error.status_code, str(error)) in ELSEWHERE
            raise


def _pieces(command: bytes | Iterable[bytes]) -> Iterator[memoryview]:
    """The same bytes, so many at a time."""
    for part in [command] if isinstance(command, bytes) else command:
        whole = memoryview(part)
        yield from (whole[start : start + PIECE_BYTES] for start in range(0, len(whole), PIECE_BYTES))


class _Plain(_Told, redis.Connection):
    pass


class _Encrypted(_Told, redis.SSLConnection):
    pass


class _Local(_Told, redis.UnixDomainSocketConnection):
    pass


_KINDS: dict[type, type] = {
    redis.Connection: _Plain,
    redis.SSLConnection: _Encrypted,
    redis.UnixDomainSocketConnection: _Local,
}


class _Pool(redis.ConnectionPool):
    """
    Gives all its connections up once a server has said on one of them that it is not the one to ask: after a failover
    the address leads to another, and a connection that stays open would never find out.
    """

    def __init__(self, connection_class: type = redis.Connection, **more: Any) -> None:
        super().__init__(connection_class=_KINDS[connection_class], **more)

    def release(self, connection: Any) -> None:
        if connection.is_left:
            connection.is_left = False
            with self._lock:
                self.update_active_connections_for_reconnect()  # when whoever has one gives it back
                self.disconnect_free_connections()
        super().release(connection)


def connect(config: Config) -> Client:
    """A client that raises at once: who calls it knows what waiting means there."""
    password = config.redis.password
    pool = _Pool.from_url(
        config.redis.url,
        password=password.get_secret_value() if password else None,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )
    return redis.Redis.from_pool(pool)


class RedisClock:
    """The time of the Redis server: one clock for all who share leases there. Raises: Retryable."""

    def __init__(self, client: Client) -> None:
        self._client: Any = client

    def __call__(self) -> datetime:
        with away_is_retryable():
            seconds, microseconds = self._client.time()
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)


@contextmanager
def away_is_retryable() -> Iterator[None]:
    """
    What Redis raises, as ours. Raises: Retryable, where time may help: it is away, loading, full, or a replica;
    RedisRefused, where a person must put something right. Whatever is neither is a bug.
    """
    try:
        yield
    except redis.RedisError as error:
        ours = _ours(error)
        if ours is None:
            raise
        raise ours from error


def _ours(error: redis.RedisError) -> Retryable | RedisRefused | None:
    """By the code of the answer; the client's class tells it apart from no answer at all. None: a bug."""
    told = without_command(str(error))
    code = code_of(error.status_code, str(error))
    if (words := lasting(code, told)) is not None:
        return RedisRefused(f"Redis: {words} ({code or told})")
    if (meaning := PASSING.get(code)) is not None:
        return Retryable(f"Redis: {meaning} ({code})")
    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return Retryable(f"Redis: {told}")
    return None


def probe(client: Client, prefix: str) -> None:
    """
    What the services do, done once: a key written, by a script too, read and deleted again. Raises: Retryable,
    RedisRefused, whatever it is that Redis says.
    """
    key, value = f"{prefix}probe:{secrets.token_hex(8)}", b"1"
    with away_is_retryable():
        try:
            client.set(key, value, ex=PROBE_SECONDS)
            client.eval(_PROBE, 1, key, value)
            if client.get(key) != value:
                raise RedisRefused("Redis: it does not keep what is written; see what else uses it")
            client.delete(key)
        except redis.ResponseError as error:
            if _ours(error) is None:
                raise RedisRefused(f"Redis: it does not do what it is asked: {without_command(str(error))}") from error
            raise
