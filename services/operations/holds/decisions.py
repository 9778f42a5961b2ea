"""A person's yes or no to a held plan: ordered, and followed until the reconciler has taken it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Literal

from services.operations import commands
from services.operations.commands import OrderReceipt
from services.operations.errors import Code, OperationError
from services.operations.holds import history
from services.operations.holds.holdings import Holding, Holdings, pick
from services.reconciler.reviewed_sets import sets_of
from shared.config.settings import Config
from shared.contract.commands import RefuseHold, ReleaseHold
from shared.contract.populations import kind_of, school_of, words_of

LOOK_SECONDS = 0.2

Order = Literal["release", "refuse"]
Taken = Literal["whole", "first", "not yet"]  # first: a large release waits for a second operator's


@dataclass(frozen=True)
class HoldDecision:
    """What ``operator`` says of the set with this hash, which they have reviewed; ``book`` has it under ``plan``."""

    order: Order
    book: str
    plan: str
    hash: str
    operator: str
    note: str = ""

    def command(self) -> ReleaseHold | RefuseHold:
        model = ReleaseHold if self.order == "release" else RefuseHold
        return model(
            school=school_of(self.book),
            kind=kind_of(self.book),
            plan=self.plan,
            hash=self.hash,
            operator=self.operator,
            note=self.note,
        )


@dataclass(frozen=True)
class Decided:
    """
    A decision that was given. ``receipt`` None: the set was released or refused so before, and nothing was published.
    ``since``: the end of the school's changes before it; ``state``: the set's, then.
    """

    decision: HoldDecision
    receipt: OrderReceipt | None
    state: str
    since: int = 0


def decide(config: Config, holdings: Holdings, decision: HoldDecision) -> Decided:
    """
    Publish the order, unless it was taken already. Raises: OperationError (not-held: the set is another by now);
    ConfigError without a key; Retryable.
    """
    school = school_of(decision.book)
    held = pick(school, _of_the_plan(holdings, decision), decision.hash)
    if held.hold.state == f"{decision.order}d":
        return Decided(decision, None, held.hold.state)
    since = history.end_of_changes(config, school)
    return Decided(decision, commands.give(config, decision.command()), held.hold.state, since)


def _of_the_plan(holdings: Holdings, decision: HoldDecision) -> list[Holding]:
    return [one for one in holdings.of(decision.book) if one.plan == decision.plan]


def follow(
    config: Config, holdings: Holdings, decided: Decided, seconds: float, stop: Event | None = None
) -> Iterator[Taken]:
    """
    Whether the reconciler has taken the order, at each look until it has, or so many seconds are over, or ``stop``.

    Raises: OperationError (not-held) when the plan changed before the order reached it, so that it did nothing.
    """
    deadline, stopped = time.monotonic() + seconds, stop or Event()
    while True:
        taken = _taken(config, holdings, decided)
        yield taken
        if taken != "not yet" or time.monotonic() >= deadline or stopped.wait(LOOK_SECONDS):
            return


def _taken(config: Config, holdings: Holdings, decided: Decided) -> Taken:
    decision = decided.decision
    if decided.receipt is None:
        return "whole"
    school = holdings.school(decision.book)
    hold = sets_of(school, decision.plan).get(decision.hash) if school else None
    if hold is not None:
        if hold.state != decided.state:
            return "whole"
        return "first" if hold.first_operator == decision.operator else "not yet"
    if history.is_decided(config, decision.book, decision.hash, decided.since):
        return "whole"  # taken, and a sweep has closed since
    words = f"{words_of(decision.book)}: {decision.plan} changed before the order came. See `rollcall holds list`."
    raise OperationError(Code.NOT_HELD, words)
