"""
What our report can know, and where it is compared with the twin's report and the twin's accounts.

All three must say the same, but for what nobody told us. Each exception is one line of ``Doubts.excuses``, with its
reason, and covers single e-mails, fields and codes: never a whole delivery, and never a person who loses an account
that we know of.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from services.sandbox.unitu.body import read_body
from services.sandbox.unitu.rules import Account, Rules, apply, exact, normal
from shared.contract.deliveries import Report
from shared.contract.tenant_state import email_key
from tests.property.deeds import (
    Deed,
    entries,
    heads_blocked,
    of_our_report,
    of_the_accounts,
    of_their_report,
    records,
    without,
)
from tests.property.known_structure import KnownStructure
from tests.property.memory_unitu import Posted

TAKEN_ONCE = ("id", "personalEmail")
COMPARED_WITH_WHAT_WAS_SENT = ("update", "enrol", "unenrol")


@dataclass
class Doubts:
    """
    ``last``: e-mail -> the record of the last snapshot that was accepted (``body``), ``said``: of any, ``there``: of
    the last that was applied. ``doubtful``: e-mails of which nobody knows what snapshots of unknown outcome have made;
    ``unsettled``: of these, who is in no snapshot that was accepted since: nobody knows their records there.
    ``adopted``: of a roster that was adopted and not delivered yet. ``half_known``: e-mails of which something that
    Unitu keeps for ever came in such a snapshot, or before there was Rollcall, or whose memory was lost. ``listed``:
    e-mails of the lists of Unitu's accounts that somebody gave; ``known``: these and every one that was accepted.

    ``rewound``: e-mails of which Unitu has something else since a backup that was restored. Of these our report says
    what would be true if Unitu had been put back as well: ``as_then`` are its accounts as they were, for that.
    """

    rules: Rules
    body: Mapping[str, Any] | None = None
    last: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    structure: KnownStructure = field(default_factory=KnownStructure)
    doubtful: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    adopted: set[str] = field(default_factory=set)
    rewound: set[str] = field(default_factory=set)
    half_known: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    were_staff: set[str] = field(default_factory=set)
    is_memory_lost: bool = False
    as_then: dict[int, Account] | None = None
    names: dict[int, str] = field(default_factory=dict)  # account -> the e-mail under which a body had it last

    def of_before(self, accounts: Mapping[int, Account]) -> None:
        self.half_known |= {email_key(one.email) for one in accounts.values()}

    # --- what happened -----------------------------------------------------------------------------------------------

    def name(self, posted: Posted) -> set[str]:
        """
        Whom each account is known to us as. The e-mails that an account moved between, or that two accounts have, are
        returned: a Unitu that matches by id renames nobody and has two of one e-mail, and no report of ours can know.
        """
        moved: set[str] = set()
        for entry in entries(posted.body):
            key = email_key(entry["email"])
            for number, account in posted.after.items():
                if account.enabled and self._is_its(entry, account):
                    before = self.email_of(number, account.email)
                    moved |= {before, key} if before != key else set()
                    self.names[number] = key
        moved |= {
            email_key(one.email)
            for number, one in posted.after.items()
            if self.email_of(number, one.email) != email_key(one.email)
        }
        known = [self.email_of(number, one.email) for number, one in posted.after.items()]
        moved |= {email for email in known if known.count(email) > 1}
        self.half_known |= moved
        return moved

    def _is_its(self, entry: Mapping[str, Any], account: Account) -> bool:
        if self.rules.match_by == "id":
            return account.id == entry.get("id")
        compared = exact if self.rules.letter_exact else normal
        return compared(account.email) == compared(entry["email"])

    def email_of(self, number: int, email: str) -> str:
        return self.names.get(number, email_key(email))

    def is_told(self, number: int, email: str) -> bool:
        """Whether anybody could know that Unitu has this account."""
        return number in self.names or email_key(email) in self.listed

    def adopt(self, roster: Collection[str], accounts: Iterable[Account], *, is_open: bool) -> None:
        """``accounts``: of a list. ``is_open``: a POST of before may still be accepted."""
        listed = {email_key(one.email) for one in accounts}
        self.half_known |= self.adopted - set(roster)  # nobody knows whether they were there before that yes
        self.adopted = set(roster)
        self.listed |= listed
        self.known |= listed
        self.doubtful |= self.adopted if is_open else set()
        if self.as_then is not None:
            for one in accounts:
                self.as_then[one.number] = replace(self.as_then.get(one.number, one), enabled=True)

    def unknown(self, posted: Posted) -> None:
        """Nobody knows whether any of it was taken."""
        now = records(posted.body)
        differs = {email for email in {*now, *self.last} if now.get(email) != self.last.get(email)}
        self.doubtful |= differs | self.adopted  # once anything was sent, who was adopted may be there
        self.half_known |= differs
        if posted.told is not None:
            self.there = now
        self.name(posted)

    def accepted(self, posted: Posted, *, is_overtaken: bool) -> None:
        """``is_overtaken``: nobody took notice of an older one, which may be applied after this."""
        before = {*self.last, *self.doubtful}
        self.half_known |= self.adopted - records(posted.body).keys()  # nobody knows whether they were ever there
        self.body = posted.body
        self.last = self.there = records(posted.body)
        self.said = self.said | self.last
        self.known |= self.last.keys()
        self.were_staff |= records({"students": posted.body.get("staff", ())}).keys()
        self.unsettled = (self.unsettled | self.doubtful) - self.last.keys()
        self.doubtful = before - self.last.keys() if is_overtaken else set()
        self.adopted, self.rewound, self.as_then = set(), set(), None
        self.is_memory_lost = False
        self.structure.accepted(posted)

    def go_back_to(self, before: "Doubts", accounts: Mapping[int, Account]) -> None:
        """Our memory is that of a backup, and Unitu, whose accounts were these then, has gone on."""
        emails = {*self.there, *before.last}
        differs = {email for email in emails if self.there.get(email) != before.last.get(email)}
        self.rewound = differs | self.doubtful | before.doubtful | before.rewound | self.rewound
        self.half_known |= self.rewound | set(self.names.values()) | before.half_known
        self.unsettled |= before.unsettled
        self.names = {number: email for number, email in self.names.items() if number in before.names}
        self.as_then = dict(accounts if before.as_then is None else before.as_then)
        for name in ("body", "last", "said", "structure", "doubtful", "adopted", "known", "is_memory_lost"):
            setattr(self, name, getattr(before, name))

    def memory_is_lost(self) -> None:
        """What Unitu took the first time is known no more."""
        self.is_memory_lost = True
        self.half_known |= {*self.last, *self.names.values()}

    # --- what is compared --------------------------------------------------------------------------------------------

    def disagreements(self, report: Report, posted: Posted) -> list[str]:
        ours = of_our_report(report)
        untold = {email_key(one.email) for number, one in posted.before.items() if not self.is_told(number, one.email)}
        before = dict(self.names)
        moved = self.name(posted)
        theirs, real = of_their_report(posted, self.email_of), of_the_accounts(posted, self.email_of)
        found = self.structure.wrong_in(report, ours, posted)
        if theirs != without(real, lambda deed: deed[0] == "block"):
            found.append(f"the twin's report and its accounts: {sorted(theirs ^ real)}")
        assert posted.told is not None
        heads = heads_blocked(real)
        told = posted.told.report.blocked
        counted = {code: count for kind in told.values() for code, count in kind.items()}
        if counted != dict(heads):
            found.append(f"the twin's report and its accounts: blocked {counted} {dict(heads)}")
        if self.as_then is not None and self.rules.match_by == "email":
            posted, before = self._as_if_put_back(posted), {}
            real = of_the_accounts(posted, lambda number, email: email_key(email))
        excused = Excuses(self, report, posted, untold, moved, before)
        unsaid = {deed for deed in real - ours if deed[0] == "disable" and not excused.is_nobodys(deed[1])}
        ours, real = without(ours, excused), without(real, excused) | unsaid
        if ours != real:
            found.append(f"only ours: {sorted(ours - real)}; only Unitu's: {sorted(real - ours)}")
        return found

    def _as_if_put_back(self, posted: Posted) -> Posted:
        """This delivery to a Unitu that was put back to the time of the backup, too."""
        body, wrong = read_body(posted.body)
        assert body is not None, wrong
        assert self.as_then is not None
        after = apply(self.as_then, body, posted.entities, self.rules).accounts
        return dataclasses.replace(posted, before=self.as_then, after=after)


KINDS = ("faculties", "departments", "programmes", "modules")


class Excuses:
    """Whether our report may be wrong about a deed."""

    def __init__(
        self,
        doubts: Doubts,
        report: Report,
        posted: Posted,
        untold: set[str],
        moved: set[str],
        names: Mapping[int, str],
    ) -> None:
        self._doubts, self._report, self._moved = doubts, report, moved
        self._untold = untold
        self._lost = set(doubts.last)
        self._unlike = doubts.structure.unlike(posted.entities)
        self._codes = {code for _, code in self._unlike}
        self._courses = doubts.structure.courses_unlike(
            posted.before, lambda number, email: names.get(number, email_key(email))
        )

    def is_nobodys(self, email: str) -> bool:
        """Not ours to tell that it goes: nobody told us of the account."""
        is_another = self._doubts.rules.match_by == "id" and email in self._doubts.rewound
        return email in self._untold or email in self._moved or is_another

    def __call__(self, deed: Deed) -> bool:
        what, where, *rest = deed
        if what == "new":
            return (where, rest[0]) in self._unlike
        if self.is_nobodys(where) or where in self._doubts.doubtful:
            return True
        if what in COMPARED_WITH_WHAT_WAS_SENT and where in self._doubts.unsettled:
            return True  # they left before a snapshot was accepted that says what became of the one in between
        if what in COMPARED_WITH_WHAT_WAS_SENT and not self._report.is_compared:
            return True  # the report says itself that it has lost what was sent
        if what == "update" and rest[0] == "year" and where in self._doubts.were_staff:
            return True  # Unitu keeps the year of a student whose account was a member of staff's for a while
        if what == "update" and where in self._doubts.half_known and rest[0] in (*TAKEN_ONCE, "phone"):
            return True
        if what in ("provision", "reenable") and where in self._doubts.half_known:
            return where not in self._doubts.known
        if what in ("enrol", "unenrol", "block"):
            return rest[0] in self._codes or (where, rest[0]) in self._courses
        return False
