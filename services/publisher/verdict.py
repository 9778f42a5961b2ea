"""What is said of a snapshot: it goes, a person must act, or it may pass by itself. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.contract.deliveries import Who
from shared.contract.tenant_state import Held, Reason


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


def held_by(verdict: Hold | Wait, at: str, *, is_partial: bool = False) -> Held:
    kind: Literal["hold", "wait"] = "hold" if isinstance(verdict, Hold) else "wait"
    return Held(kind=kind, reasons=verdict.reasons, since=at, is_partial=is_partial)


def is_same(one: Held, other: Held) -> bool:
    """Whatever since when."""
    return (one.kind, one.reasons, one.is_partial) == (other.kind, other.reasons, other.is_partial)


def in_words(reasons: Sequence[Reason]) -> str:
    return "; ".join(f"{reason.school}: {reason.message}" if reason.school else reason.message for reason in reasons)
