"""
What Unitu ought to have of one school at the end of each round, by sets and loops, from what the product promises. Its
students and its staff have an oracle each; what they share is Unitu, where an e-mail is one account.

It knows no event, no topic and no order of reading, and shares no code with the services. It looks at everybody, again
and again, until nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contract.model import Kind
from tests.soak.expected import Truth

FIELDS = ("enabled", "kind", "first_name", "last_name", "phone")
CODES = ("programmes", "modules")


@dataclass
class Account:
    """
    ``own`` is the e-mail that the school says, ``delivered`` the one that Unitu knows them by, or last did: while it is
    another's (``is_there`` false), Unitu has no account of theirs. ``kind`` and ``university_title``: what Unitu took
    the first time, of whoever had the account then.
    """

    own: str
    delivered: str = ""
    is_there: bool = False
    enabled: bool = True
    kind: Kind = "student"
    university_title: str | None = None
    first_name: str = ""
    last_name: str = ""
    year: int = 0
    phone: str | None = None
    programmes: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    faculties: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()


class Oracle:
    """
    ``subjects``: the code of each subject. ``had``: everybody whose account an e-mail ever was. Nobody has an account
    before the first round.
    """

    kind: Kind = "student"
    mandatory: tuple[str, ...] = ("title", "forename", "surname", "schoolEmailAddress")
    fields: tuple[str, ...] = (*FIELDS, "year")
    codes: tuple[str, ...] = CODES

    def __init__(self, subjects: Mapping[int, str]) -> None:
        self.subjects = subjects
        self.accounts: dict[str, Account] = {}
        self.had: dict[str, set[str]] = {}

    def see(self, truth: Truth, *beside: Oracle) -> None:
        """A round has ended, and this is the school. ``beside``: the other books of its tenant, as they are by now."""
        for _ in range(len(truth.records) + 2):
            before = repr(self.accounts)
            for id in sorted(truth.records):
                self._look_at(id, truth)
            if repr(self.accounts) == before:
                hand_out([self, *beside])
                return
        raise AssertionError("the oracle goes round in circles")

    def _look_at(self, id: str, truth: Truth) -> None:
        account, where = self.accounts.get(id), truth.where[id]
        if where in ("left", "gone"):
            if account is not None:
                account.enabled = False
            return
        if where == "applicant" or not self._is_whole(truth.records[id]):
            return  # no reason to have an account, and none to lose it
        wanted = key(truth.records[id]["schoolEmailAddress"])
        holder = self._holder(wanted, id)
        if holder is None:
            self._have(id, truth)
        elif account is not None and account.enabled and self._wants(holder, truth) == account.own:
            self.accounts[holder].own = ""
            self._have(id, truth)
            self._have(holder, truth)

    def _holder(self, email: str, but: str) -> str | None:
        return next(
            (id for id, one in self.accounts.items() if id != but and one.enabled and one.own == email),
            None,
        )

    def _wants(self, id: str, truth: Truth) -> str | None:
        record = truth.records[id]
        if truth.where[id] != "here" or not self._is_whole(record):
            return None
        return key(record["schoolEmailAddress"])

    def _is_whole(self, record: Mapping[str, Any]) -> bool:
        return all((record.get(name) or "").strip() for name in self.mandatory)

    def _have(self, id: str, truth: Truth) -> None:
        record = truth.records[id]
        email = key(record["schoolEmailAddress"])
        if id not in self.accounts:
            self.accounts[id] = Account(email, kind=self.kind, university_title=self._title(record))
        account = self.accounts[id]
        account.own, account.enabled = email, True
        account.first_name = (record["preferredName"] or "").strip() or record["forename"].strip()
        account.last_name = record["surname"].strip()
        mine = [name for name, members in truth.sets.items() if id in members]
        account.modules = frozenset(
            f"Y{truth.set_years[name]}-{self.subjects[truth.set_subjects[name]]}" for name in mine
        )
        self._belong(account, record, {truth.set_years[name] for name in mine})

    def _title(self, record: Mapping[str, Any]) -> str | None:
        return None

    def _belong(self, account: Account, record: Mapping[str, Any], years: set[int]) -> None:
        """``years``: those of the sets that they are in."""
        account.year = record["yearGroup"] - 6
        account.phone = record["mobileNumber"] or account.phone
        account.programmes = frozenset({f"Y{record['yearGroup']}"})

    def emails_of(self, id: str) -> set[str]:
        """All that are theirs, were, or would be."""
        return {email for email, people in self.had.items() if id in people} | {self.accounts[id].own}

    def differences(self, found: list[dict[str, Any]]) -> list[tuple[str, str, object, object]]:
        """The pupil (or the e-mail of a stranger), the field, what it ought to be and what it is."""
        there = by_email(found)
        return self.compare(there) + strangers(there)

    def compare(self, there: dict[str, dict[str, Any]]) -> list[tuple[str, str, object, object]]:
        """As ``differences``, of this book alone. Takes its own from ``there``."""
        result: list[tuple[str, str, object, object]] = []
        for id, ought in self.accounts.items():
            if not ought.is_there:
                continue
            is_ = there.pop(ought.delivered, None)
            if is_ is None:
                result.append((id, "account", ought.delivered, None))
                continue
            for name in self.fields:
                if getattr(ought, name) != is_[name]:
                    result.append((id, name, getattr(ought, name), is_[name]))
            for name in self.codes:
                if getattr(ought, name) != frozenset(is_[name]):
                    result.append((id, name, sorted(getattr(ought, name)), is_[name]))
        return result


class StaffOracle(Oracle):
    """
    ``titles``: by e-mail, those of accounts that Unitu had before. A member of staff needs no title, and is in the
    programmes, modules and departments of the sets that they teach.
    """

    kind: Kind = "staff"
    mandatory = ("forename", "surname", "schoolEmailAddress")
    fields = (*FIELDS, "university_title")
    codes = (*CODES, "faculties", "departments")

    def __init__(self, subjects: Mapping[int, str], divisions: Mapping[int, str], titles: Mapping[str, str]) -> None:
        super().__init__(subjects)
        self.divisions = divisions  # of each year
        self.titles = {key(email): title for email, title in titles.items()}

    def _title(self, record: Mapping[str, Any]) -> str | None:
        return self.titles.get(key(record["schoolEmailAddress"]), record["title"] or "")

    def _belong(self, account: Account, record: Mapping[str, Any], years: set[int]) -> None:
        account.phone = record["schoolMobileNumber"] or account.phone
        account.programmes = frozenset(f"Y{year}" for year in years)
        account.departments = frozenset(f"{self.divisions[year]}-YEARS" for year in years)
        account.faculties = frozenset(record["divisions"])


def hand_out(books: Sequence[Oracle]) -> None:
    """
    Under which e-mail each is at Unitu: the last delivered, else their own, whichever nobody else has there. Whoever is
    new to an e-mail has the account that was another's, and what Unitu took then.
    """
    for book in books:
        for id, account in sorted(book.accounts.items()):
            if account.is_there or not account.enabled:
                continue
            for email in filter(None, (account.delivered, account.own)):
                others = [
                    one
                    for other in books
                    for one in other.accounts.values()
                    if one is not account and one.is_there and one.delivered == email
                ]
                if any(one.enabled for one in others):
                    continue
                for one in others:
                    one.is_there = False
                    account.kind, account.university_title = one.kind, one.university_title
                    account.phone, account.year = account.phone or one.phone, account.year or one.year
                account.delivered, account.is_there = email, True
                book.had.setdefault(email, set()).add(id)
                break


def by_email(found: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key(one["email"]): one for one in found}


def strangers(there: Mapping[str, object]) -> list[tuple[str, str, object, object]]:
    """Accounts that nobody ought to have."""
    return [(email, "account", None, "there") for email in there]


def key(email: str) -> str:
    return email.strip().casefold()
