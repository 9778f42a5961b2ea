"""What came of a request that was decided, and what a person must do before all of it is at Unitu. Pure."""

from collections.abc import Sequence

from services.operations.holds.holdings import Holding
from services.operations.requests.model import HeldBriefly, RequestDelivery, SyncOutcome, VerdictTaken
from services.operations.requests.progress import RequestProgress, counts
from shared.contract.account_state import AccountState
from shared.contract.events import StudentAssessed
from shared.contract.populations import kind_of, people_word, school_of


def outcome_of(
    progress: RequestProgress,
    base: int,
    delivery: RequestDelivery,
    holdings: Sequence[Holding],
    account: AccountState | None,
) -> SyncOutcome:
    """
    Shape: ``base`` is the lane's, by which a student's record becomes a version; ``holdings`` those of the population
    after the decision; ``account`` the one student's, where one was asked for.
    """
    changes = tuple(progress.changes(base))
    close, assessed = progress.reconciled, progress.assessed
    held = tuple(map(_brief, holdings)) if close is not None and close.is_held else ()
    return SyncOutcome(
        school=progress.school,
        people=people_word(kind_of(progress.book)),
        student_id=progress.student_id,
        request=progress.request,
        sweep=progress.sweep,
        read_at=progress.answer.read_at if progress.answer else None,
        roll_count=close.roll_count if close else None,
        verdict=None if assessed is None else _verdict(assessed),
        is_staged=bool(account and (account.staged or account.unenrol)),
        is_paused=bool(close and close.is_paused),
        counts=counts(changes),
        changes=changes,
        held=held,
        delivery=delivery,
        waits_for=waits_for(progress.book, held, delivery),
    )


def _brief(one: Holding) -> HeldBriefly:
    return HeldBriefly(kind=one.plan, hash=one.hold.hash, count=one.hold.count, words=one.words)


def _verdict(one: StudentAssessed) -> VerdictTaken:
    failed = tuple(rule for rule, outcome in one.rules if outcome == "fail")
    return VerdictTaken(category=one.category.value, portal=one.portal.value, account=one.account.value, failed=failed)


def waits_for(book: str, held: Sequence[HeldBriefly], delivery: RequestDelivery) -> tuple[str, ...]:
    """What a person must do, in words."""
    show = f"rollcall holds show {school_of(book)}{' --staff' if kind_of(book) == 'staff' else ''}"
    return (*(f"{one.words} ({one.kind}): held, see {show}" for one in held), *_of_tenant(delivery))


def _of_tenant(delivery: RequestDelivery) -> tuple[str, ...]:
    name = delivery.tenant
    match delivery.state:
        case "paused":
            return (f'tenant {name} is paused and sends nothing: set mode = "live" or "dry-run"',)
        case "held":
            why = "; ".join(one.message for one in delivery.reasons)
            return (f"tenant {name} is held: {why}: rollcall tenant show {name}",)
        case "undelivered":
            return (f"changed e-mails wait for a release: rollcall tenant show {name}",)
        case _:
            return ()
