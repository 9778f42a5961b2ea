"""What each answer of a Redis means to us, as its client hands it on."""

from collections.abc import Callable

import pytest
import redis
from redis._parsers.base import BaseParser

from shared.errors import Retryable
from shared.redis.answers import ELSEWHERE, LASTING, PASSING, RedisRefused, code_of
from shared.redis.client import away_is_retryable, probe

SCRIPT = "ERR Error running script (call to f_b0fd): @user_script:10: @user_script: 10: -"  # Redis 6.2
PASSES = {
    "LOADING": "LOADING Redis is loading the dataset in memory",
    "READONLY": "READONLY You can't write against a read only replica.",
    "MASTERDOWN": "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "NOREPLICAS": "NOREPLICAS Not enough good replicas to write.",
    "CLUSTERDOWN": "CLUSTERDOWN The cluster is down",
    "UNBLOCKED": "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "TRYAGAIN": "TRYAGAIN Multiple keys request during rehashing of slot",
    "BUSY": "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "MISCONF": "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "OOM": "OOM command not allowed when used memory > 'maxmemory'.",
}
LASTS = {
    "NOPERM": "NOPERM this user has no permissions to run the 'evalsha' command",
    "NOAUTH": "NOAUTH Authentication required.",
    "WRONGPASS": "WRONGPASS invalid username-password pair or user is disabled.",
    "MOVED": "MOVED 3999 127.0.0.1:6381",
    "ASK": "ASK 3999 127.0.0.1:6381",
    "CROSSSLOT": "CROSSSLOT Keys in request don't hash to the same slot",
    "DENIED": "DENIED Redis is running in protected mode because protected mode is enabled",
    "WRONGTYPE": "WRONGTYPE Operation against a key holding the wrong kind of value",
    "NOPROTO": "NOPROTO unsupported protocol version",
}
SPELT = [
    "ERR unknown command `EVALSHA`, with args beginning with: `abc`, ",
    "ERR DB index is out of range",
    "ERR SELECT is not allowed in cluster mode",
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
    "configuration is correct?",
    "ERR invalid password",
]


def raised(answer: str) -> Exception:
    """As the client makes it."""
    return BaseParser.parse_error(answer)  # type: ignore[no-any-return,no-untyped-call]


def in_a_pipeline(error: Exception) -> Exception:
    redis.client.Pipeline.annotate_exception(  # type: ignore[attr-defined]
        None, error, 1, ["HSET", "emails", "ada-OOM@abbey.example", "BUSY"]
    )
    return error


def ours(error: Exception) -> Exception:
    with pytest.raises(Exception) as found, away_is_retryable():  # noqa: PT011
        raise error
    return found.value


def test_every_word_is_tried() -> None:
    assert (set(PASSES), {*LASTS, "NOUSER"}) == (set(PASSING), set(LASTING))
    assert set(ELSEWHERE) < set(PASSING)


@pytest.mark.parametrize("within", [str, (SCRIPT + "{}").format], ids=["by itself", "in a script"])
@pytest.mark.parametrize("code", PASSES)
def test_what_passes_is_waited_for(code: str, within: Callable[[str], str]) -> None:
    told = ours(in_a_pipeline(raised(within(PASSES[code]))))
    assert isinstance(told, Retryable)
    assert PASSING[code] in str(told) or code == "LOADING"  # which the client takes for a connection that is not there


@pytest.mark.parametrize("code", PASSES)
def test_a_transaction_that_was_dropped_tells_why(code: str) -> None:
    assert isinstance(ours(raised(f"EXECABORT Transaction discarded because of: {PASSES[code]}")), Retryable)


@pytest.mark.parametrize("answer", [*LASTS.values(), *SPELT, SCRIPT + LASTS["WRONGTYPE"], SCRIPT + LASTS["NOPERM"]])
def test_what_lasts_is_refused_with_the_fix(answer: str) -> None:
    told = ours(in_a_pipeline(raised(answer)))
    assert isinstance(told, RedisRefused)
    assert ";" in str(told), "what it is; what to do"


@pytest.mark.parametrize(
    "answer", ["ERR syntax error", "ERR wrong number of arguments for 'hset' command", "NOSCRIPT No matching script."]
)
def test_whatever_is_neither_is_a_bug(answer: str) -> None:
    error = raised(answer)
    assert ours(error) is error


@pytest.mark.parametrize("error", [redis.ConnectionError("refused"), redis.TimeoutError("none"), raised("LOADING x")])
def test_no_answer_at_all_is_waited_for(error: Exception) -> None:
    assert isinstance(ours(error), Retryable)


@pytest.mark.parametrize("answer", [*PASSES.values(), *LASTS.values()])
def test_nobody_is_named(answer: str) -> None:
    assert "ada" not in str(ours(in_a_pipeline(raised(answer)))), "the client's words have a part of the command"


def test_a_code_in_somebodys_name_is_none() -> None:
    assert code_of(None, str(in_a_pipeline(redis.ResponseError("syntax")))) == ""
    assert code_of("ERR", "value OOM is not an integer") == "ERR"


class Strange:
    """A Redis that says what nobody knows."""

    def set(self, *_: object, **__: object) -> None:
        raise redis.ResponseError("RESTRICTED by the provider")


def test_a_look_ends_in_words_whatever_redis_says() -> None:
    with pytest.raises(RedisRefused, match="RESTRICTED by the provider"):
        probe(Strange(), "")  # type: ignore[arg-type]
