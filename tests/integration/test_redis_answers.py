"""What a real Redis says when it does not serve, as the services and `rollcall check` have it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from services.operations.check.findings import of_redis
from services.operations.check.sample import State
from services.sandbox.servers.brokers import Redis
from shared.config.load import load
from shared.config.settings import Config
from shared.errors import Retryable
from shared.redis.answers import RedisRefused
from shared.redis.client import away_is_retryable, connect
from shared.redis.fenced_hashes import RedisFencedHashes
from tests.conftest import ONE_SCHOOL

pytestmark = pytest.mark.redis
LANE = 3

Configured = Callable[..., Config]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    """One of our own: it is going to be ill."""
    server = Redis(tmp_path / "redis", say=lambda line: None)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def admin(server: Redis) -> Iterator[Any]:
    with redis.Redis(port=server.port) as client:
        yield client


@pytest.fixture
def configured(server: Redis, tmp_path: Path) -> Configured:
    """A configuration on that Redis: ``configured(user, password, database)``."""

    def config(user: str = "", password: str = "", database: int = 0) -> Config:
        (tmp_path / "secret").write_text("made-up-secret")
        (tmp_path / "password").write_text(password)
        at = f"{user}@" if user else ""
        own = 'password = { file = "password" }\n' if password else ""
        path = tmp_path / "rollcall.toml"
        path.write_text(
            f'[redis]\nurl = "redis://{at}127.0.0.1:{server.port}/{database}"\nkey_prefix = "ours-"\n{own}{ONE_SCHOOL}'
        )
        return load(path, {})

    return config


def written(config: Config) -> bool:
    """As every service writes its lanes."""
    with connect(config) as client:
        return RedisFencedHashes(client, config.redis.key_prefix, "test").write(
            LANE, None, b"one", {"people": {"a": b"1"}}
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def become_a_replica(admin: Any) -> None:
    admin.replicaof("127.0.0.1", free_port())


def lose_the_primary(admin: Any) -> None:
    admin.config_set("replica-serve-stale-data", "no")
    become_a_replica(admin)


def want_replicas(admin: Any) -> None:
    admin.config_set("min-replicas-to-write", 1)


def fill_up(admin: Any) -> None:
    admin.config_set("maxmemory", 1)


@pytest.mark.parametrize(
    ("happens", "words"),
    [(become_a_replica, "READONLY"), (lose_the_primary, "MASTERDOWN"), (want_replicas, "NOREPLICAS"), (fill_up, "OOM")],
)
def test_what_passes_is_waited_for_and_told(
    happens: Callable[[Any], None], words: str, admin: Any, configured: Configured
) -> None:
    happens(admin)
    with pytest.raises(Retryable, match=words):
        written(configured())
    failed = [one for one in of_redis(configured()) if one.state is State.FAILED and one.what == "writable"]
    assert [bool(one.fix) for one in failed] == [True]


def test_a_script_that_does_not_end_is_waited_for(admin: Any, configured: Configured) -> None:
    admin.config_set("lua-time-limit", 1)
    with redis.Redis(port=admin.connection_pool.connection_kwargs["port"]) as other:
        held = threading.Thread(target=lambda: _for_ever(other))
        held.start()
        try:
            while not _is_busy(admin):
                time.sleep(0.01)
            with pytest.raises(Retryable, match="BUSY"):
                written(configured())
        finally:
            admin.script_kill()
            held.join()
    assert written(configured())


def _for_ever(client: Any) -> None:
    with pytest.raises(redis.ResponseError):
        client.eval("while true do end", 0)


def _is_busy(admin: Any) -> bool:
    try:
        admin.ping()
    except redis.ResponseError:
        return True
    return False


def no_scripts(admin: Any) -> dict[str, Any]:
    admin.acl_setuser("rollcall", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all", "-@scripting"])
    return {"user": "rollcall", "password": "secret"}


def other_keys(admin: Any) -> dict[str, Any]:
    admin.acl_setuser("rollcall", enabled=True, passwords=["+secret"], keys=["theirs:*"], commands=["+@all"])
    return {"user": "rollcall", "password": "secret"}


def no_password_given(admin: Any) -> dict[str, Any]:
    admin.config_set("requirepass", "secret")
    return {}


def another_password(admin: Any) -> dict[str, Any]:
    admin.config_set("requirepass", "secret")
    return {"password": "guessed"}


def no_such_database(_: Any) -> dict[str, Any]:
    return {"database": 99}


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (no_scripts, "allow it every command"),
        (other_keys, "~<key_prefix>\\*"),
        (no_password_given, r"set password under \[redis\]"),
        (another_password, r"put right password under \[redis\]"),
        (no_such_database, "put right the end of url"),
    ],
)
def test_what_lasts_is_refused_with_the_fix(
    happens: Callable[[Any], dict[str, Any]], words: str, admin: Any, configured: Configured
) -> None:
    config = configured(**happens(admin))
    with pytest.raises(RedisRefused, match=words):
        written(config)
    failed = [one for one in of_redis(config) if one.state is State.FAILED]
    assert failed
    assert "secret" not in str(failed)
    assert "guessed" not in str(failed)


def test_keys_of_somebody_else_are_told(admin: Any, configured: Configured) -> None:
    admin.set(f"ours-test:{{lane-{LANE}}}:!sizes", b"theirs")
    with pytest.raises(RedisRefused, match="key_prefix of its own"):
        written(configured())


def test_a_node_of_a_cluster_is_refused(tmp_path: Path, configured: Configured, admin: Any, server: Redis) -> None:
    server.stop()
    original = server._prepare

    def prepare() -> Any:
        command = original()
        with (server.folder / "redis.conf").open("a") as file:
            file.write("cluster-enabled yes\n")
        return command

    server._prepare = prepare  # type: ignore[method-assign]
    server.start()
    with pytest.raises(Retryable, match="CLUSTERDOWN"):
        written(configured())
    admin.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
    while b"cluster_state:ok" not in admin.execute_command("CLUSTER", "INFO"):
        time.sleep(0.01)
    with pytest.raises(RedisRefused, match="one node of a Redis Cluster"), connect(configured()) as client:
        across_slots(client)


def across_slots(client: Any) -> None:
    with away_is_retryable():
        client.mset({"a": 1, "b": 2})


def test_check_writes_and_leaves_nothing(admin: Any, configured: Configured) -> None:
    found = of_redis(configured())
    assert [one.state for one in found] == [State.OK] * len(found)
    assert admin.dbsize() == 0


def test_what_may_not_be_asked_keeps_nothing_back(admin: Any, configured: Configured) -> None:
    admin.acl_setuser("rollcall", enabled=True, passwords=["+secret"], keys=["ours-*"], commands=["+@all", "-info"])
    (told,) = of_redis(configured(user="rollcall", password="secret"))
    assert (told.what, told.state) == ("settings", State.DEGRADED)


def test_a_redis_that_is_not_there_is_told(configured: Configured, server: Redis) -> None:
    server.kill()
    (told,) = of_redis(configured())
    assert (told.what, told.state, told.fix) == ("reachable", State.FAILED, "see that it runs, and url under [redis]")


def test_every_connection_is_given_up_by_the_first_that_learns(admin: Any, configured: Configured) -> None:
    """Also one that was only read on, and would never have found out."""
    with connect(configured()) as client:
        pool: Any = client.connection_pool
        one, other = pool.get_connection(), pool.get_connection()
        pool.release(one)
        pool.release(other)
        become_a_replica(admin)
        with pytest.raises(redis.ResponseError):
            client.set("ours-x", 1)
        assert [connection.is_connected for connection in (one, other)] == [False, False]
        in_use, told = pool.get_connection(), pool.get_connection()
        told.is_left = True
        pool.release(told)
        assert in_use.should_reconnect(), "whoever has it now is not disturbed"
        pool.release(in_use)
        assert not in_use.is_connected
