"""What would happen to the people of a plan, in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.reconciler import guard
from shared.contract.events import ColumnDrop
from shared.contract.model import Kind
from shared.contract.populations import people_word


@dataclass(frozen=True)
class Feed:
    """Whose records they are, and whether they are pushed or read from iSAMS."""

    kind: Kind = "student"
    is_pushed: bool = False

    @property
    def list(self) -> str:
        """What somebody is missing from."""
        return "the pushed body" if self.is_pushed else "the roll"


_WOULD = {  # what would happen to the people of a plan
    guard.DISABLE_EXPLAINED: "who have left would lose their accounts",
    guard.DISABLE_UNEXPLAINED: "who are missing from {list}, and nothing says why, would lose their accounts",
    guard.DISABLE_ABSENT: "who are in the pushed body no more would lose their accounts",
    guard.REKEY: "who seem to have come back under another id would lose the account that they had",
    guard.UNENROL: "would lose programmes, modules or other codes",
    guard.MOVE: "would move to other programmes, modules or other codes",
    guard.CREATE: "would have new accounts",
    guard.ENABLE: "would have their disabled accounts back",
    guard.EMAIL_CHANGE: "would have other e-mails",
    guard.UPDATE: "would have other details",
    guard.NULLED_COLUMN: "would lose what their records had{columns}",
}


def summary(plan: str, count: int, feed: Feed, drops: Sequence[ColumnDrop] = ()) -> str:
    """How many wait under a plan, and what would happen to them: ``3 students would have new accounts``."""
    columns = _columns(drops)
    would = _WOULD[plan].format(list=feed.list, columns=f": {columns}" if columns else "")
    return f"{count} {people_word(feed.kind)} {would}"


def _columns(drops: Sequence[ColumnDrop]) -> str:
    """Which columns of the records emptied, and which became all alike."""
    emptied = ", ".join(one.column for one in drops if not one.collapsed)
    alike = ", ".join(one.column for one in drops if one.collapsed)
    parts = [f"{emptied} emptied" if emptied else "", f"{alike} became all alike" if alike else ""]
    return " and ".join(part for part in parts if part)
