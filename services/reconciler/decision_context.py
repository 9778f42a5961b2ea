"""What is known beside an account and its assessment when it is decided. Pure."""

from enum import Enum

import msgspec


class Admission(Enum):
    """Whether an account that is new or comes back, a changed e-mail or overwritten details may take effect."""

    OPEN = "open"  # and counts against no budget
    SPENDS = "spends"
    STAGED = "staged"  # beyond its budget: it waits for a certified sweep


class DecisionContext(msgspec.Struct, frozen=True, gc=False):
    """
    The lane offset that decides, when the record system was read, the digest of the assessed bytes, and what the rest
    of the school leaves room for.

    ``waits_for`` is the e-mail that another account holds: who has none yet is undecided, and an account keeps its own
    meanwhile. ``admission`` is that of a new account, one that comes back, or a changed e-mail, and ``when`` the time
    that it spends at. ``overwrites`` are the fields of the details that have another value now, ``details_admission``
    is theirs; those in ``collapsed`` wait whatever it says. ``predecessor_id`` has the disabled account of somebody who
    seems to be this person, who has none yet. ``is_kept``: it is the kept assessment again, and nobody was read.
    """

    at: int
    read_at: str
    assessed: str
    waits_for: str | None = None
    admission: Admission = Admission.OPEN
    when: str = ""
    overwrites: tuple[str, ...] = ()
    details_admission: Admission = Admission.OPEN
    collapsed: tuple[str, ...] = ()
    predecessor_id: str | None = None
    is_kept: bool = False

    @property
    def spends_at(self) -> str:
        return self.when or self.read_at
