"""
The plans that the guard decides, by the names under which reports and holds carry them, and in words what would happen
to the people of each. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contract.events import ColumnDrop
from shared.contract.model import Kind
from shared.contract.populations import people_word

DISABLE_EXPLAINED = "disable_explained"
DISABLE_UNEXPLAINED = "disable_unexplained"
DISABLE_ABSENT = "disable_absent"  # who is in a pushed feed's body no more: its word, and no record that says left
COHORT = "cohort"
UNENROL = "unenrol"
MOVE = "move"
CREATE = "create"
ENABLE = "enable"  # accounts that were disabled and come back
EMAIL_CHANGE = "email_change"
UPDATE = "update"  # details that a record overwrites or empties
REKEY = "rekey"  # who is to be disabled and seems to have come back under another id: never without a person
NULLED_COLUMN = "nulled_column"  # what depends on a column of the records that has emptied: never without a person

PLANS = (
    DISABLE_EXPLAINED,
    DISABLE_UNEXPLAINED,
    DISABLE_ABSENT,
    REKEY,
    UNENROL,
    MOVE,
    CREATE,
    ENABLE,
    EMAIL_CHANGE,
    UPDATE,
    NULLED_COLUMN,
)


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
    DISABLE_EXPLAINED: "who have left would lose their accounts",
    DISABLE_UNEXPLAINED: "who are missing from {list}, and nothing says why, would lose their accounts",
    DISABLE_ABSENT: "who are in the pushed body no more would lose their accounts",
    REKEY: "who seem to have come back under another id would lose the account that they had",
    UNENROL: "would lose programmes, modules or other codes",
    MOVE: "would move to other programmes, modules or other codes",
    CREATE: "would have new accounts",
    ENABLE: "would have their disabled accounts back",
    EMAIL_CHANGE: "would have other e-mails",
    UPDATE: "would have other details",
    NULLED_COLUMN: "would lose what their records had{columns}",
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
