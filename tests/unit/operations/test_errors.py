"""The one way in which an operation refuses, and how it reads for programs."""

import json

import msgspec
import pytest

from services.cli.invocation import EXIT_CODES, Invocation
from services.operations.errors import Code, OperationError, problem_of
from shared.errors import ConfigError, Retryable


def test_a_refusal_says_what_is_wrong_and_what_to_do() -> None:
    error = OperationError(Code.NOT_HELD, "nothing is held", "see `rollcall holds list`")
    assert str(error) == "nothing is held; see `rollcall holds list`"
    assert json.loads(msgspec.json.encode(problem_of(error))) == {
        "type": "urn:rollcall:problem:not-held",
        "title": "Not held",
        "detail": str(error),
        "fix": "see `rollcall holds list`",
    }
    assert str(OperationError(Code.NOT_HELD, "nothing is held")) == "nothing is held"


@pytest.mark.parametrize(
    ("error", "code", "faults"),
    [
        (Retryable("Kafka: no broker"), "retryable", ()),
        (ConfigError("a: is missing\nb: is missing"), "config-error", ("a: is missing", "b: is missing")),
    ],
)
def test_what_is_raised_below_an_operation_is_a_problem_too(
    error: Exception, code: str, faults: tuple[str, ...]
) -> None:
    problem = problem_of(error)
    assert (problem.type, problem.fix, problem.faults) == (f"urn:rollcall:problem:{code}", "", faults)


def test_the_codes_that_programs_know_stay() -> None:
    """Fails when a code is renamed or taken away: programs act on them."""
    assert {str(one) for one in Code} >= {
        *("wrong-word", "nothing-known", "unknown-student", "not-held", "two-held", "not-read", "too-long"),
        *("nothing-told", "not-whole", "outdated", "needs-word", "not-ours"),
    }


def test_exit_codes_are_the_command_lines() -> None:
    invocation = Invocation(None)
    for code in Code:
        assert invocation.exit_code(OperationError(code, "x")) == EXIT_CODES.get(code, 1)
    assert (invocation.exit_code(ConfigError("x")), invocation.exit_code(Retryable("x"))) == (2, 1)
    invocation.exit_codes[Code.OUTDATED] = 2
    assert invocation.exit_code(OperationError(Code.OUTDATED, "x")) == 2
    assert Invocation(None).exit_code(OperationError(Code.OUTDATED, "x")) == 1, "one verb's own codes stay its own"
