"""What is said of a snapshot: it goes, a person must act, or it may pass by itself."""

from dataclasses import dataclass

from shared.tenant import Reason, Who


@dataclass(frozen=True)
class Send:
    """Nothing speaks against it."""


@dataclass(frozen=True)
class Hold:
    """A person must act. ``who``: only these people are concerned; none means the whole snapshot."""

    reasons: tuple[Reason, ...]
    who: tuple[Who, ...] = ()


@dataclass(frozen=True)
class Wait:
    """It may pass by itself: a sweep, a view that catches up."""

    reasons: tuple[Reason, ...]
    who: tuple[Who, ...] = ()


Verdict = Send | Hold | Wait


def reason_of(code: str, message: str, school: str = "", count: int = 0, hash: str = "") -> Reason:
    return Reason(code=code, message=message, school=school, count=count, hash=hash)
