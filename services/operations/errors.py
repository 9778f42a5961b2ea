"""The one way in which an operation refuses, and how any refusal reads as problem details (RFC 9457)."""

from enum import StrEnum

from shared.contract.model import Frozen
from shared.errors import RollcallError

URN = "urn:rollcall:problem:"


class Code(StrEnum):
    """What is wrong, for programs. A code keeps its meaning from release to release."""

    WRONG_WORD = "wrong-word"  # a name or an argument that is not there, or two that exclude each other
    NOTHING_KNOWN = "nothing-known"  # the reconciler has no state of the school's lane
    UNKNOWN_STUDENT = "unknown-student"  # no record of this person
    NOT_HELD = "not-held"  # what was named is not what is held now, so nobody has reviewed what is
    TWO_HELD = "two-held"  # held of the students and of the staff, and nobody said whose is meant
    NOT_READ = "not-read"  # what was asked for was not read
    TOO_LONG = "too-long"  # the wait is over, not the work
    NOTHING_TOLD = "nothing-told"  # no record of this student stands in the topic
    NOT_WHOLE = "not-whole"  # there is no whole roster yet
    OUTDATED = "outdated"  # what was shown is no longer so
    NEEDS_WORD = "needs-word"  # a concern needs a word of its own
    NOT_OURS = "not-ours"  # a list that has nothing of the tenant
    UNREADABLE_LIST = "unreadable-list"  # a file that is no list in text
    TOO_MANY_ENTITIES = "too-many-entities"  # more of a structure than a tenant may have


class OperationError(RollcallError):
    """What was asked or ordered cannot be done. ``fix``: what to do about it; "" where the message says all."""

    def __init__(self, code: Code, message: str, fix: str = "") -> None:
        self.code, self.message, self.fix = code, message, fix
        super().__init__(f"{message}; {fix}" if fix else message)


class ProblemDetails(Frozen, omit_defaults=True, kw_only=True):
    """Problem details of one refusal. ``faults``: its lines, where it has several."""

    type: str
    title: str
    detail: str
    fix: str = ""
    faults: tuple[str, ...] = ()


def problem_of(error: Exception) -> ProblemDetails:
    """Also of what is raised below the operations: a broker that is away, a configuration that is refused."""
    lines = tuple(str(error).splitlines())
    code = code_of(error)
    return ProblemDetails(
        type=f"{URN}{code}",
        title=code.replace("-", " ").capitalize(),
        detail=str(error),
        fix=getattr(error, "fix", ""),
        faults=lines if len(lines) > 1 else (),
    )


def code_of(error: Exception) -> str:
    """An operation's own code; else the name of the error's type, as ``retryable`` and ``config-error``."""
    return str(error.code) if isinstance(error, OperationError) else _kebab(type(error).__name__)


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
