"""Since when a book is read in vain, and why: what ``rollcall status`` tells of it. Pure."""

from shared.contract.model import Frozen


class Failing(Frozen, kw_only=True):
    """
    The attempts since the last that went well. ``reason`` is one of a few words; ``detail`` is what was wrong and,
    after a semicolon, what to do; ``said`` are the words of whoever refused, which stand in no log.
    """

    since: str
    failed_at: str
    attempts: int = 1
    reason: str
    detail: str = ""
    said: str = ""


def once_more(before: Failing | None, now: Failing) -> Failing:
    """This attempt after those before it."""
    if before is None:
        return now
    return Failing(
        since=min(before.since, now.since),
        failed_at=now.failed_at,
        attempts=before.attempts + now.attempts,
        reason=now.reason,
        detail=now.detail,
        said=now.said,
    )
