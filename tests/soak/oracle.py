"""
What Unitu ought to have of one school at the end of each round, by sets and loops, from what the product promises.

It knows no event, no topic and no order of reading, and shares no code with the services. It looks at everybody, again
and again, until nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.soak.truth import Truth

MANDATORY = ("title", "forename", "surname", "schoolEmailAddress")


@dataclass
class Account:
    """``own`` is the e-mail that the school says, ``delivered`` the one that Unitu knows."""

    own: str
    delivered: str
    enabled: bool = True
    first_name: str = ""
    last_name: str = ""
    year: int = 0
    phone: str | None = None
    programmes: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()


class Oracle:
    """``subjects``: the code of each subject. Nobody has an account before the first round."""

    def __init__(self, subjects: Mapping[int, str]) -> None:
        self.subjects = subjects
        self.accounts: dict[str, Account] = {}

    def see(self, truth: Truth) -> None:
        """A round has ended, and this is the school."""
        for _ in range(len(truth.records) + 2):
            before = repr(self.accounts)
            for id in sorted(truth.records):
                self._look_at(id, truth)
            if repr(self.accounts) == before:
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

    @staticmethod
    def _is_whole(record: Mapping[str, Any]) -> bool:
        return all((record.get(name) or "").strip() for name in MANDATORY)

    def _have(self, id: str, truth: Truth) -> None:
        record = truth.records[id]
        email = key(record["schoolEmailAddress"])
        account = self.accounts.setdefault(id, Account(email, email))
        account.own, account.enabled = email, True
        account.first_name = (record["preferredName"] or "").strip() or record["forename"].strip()
        account.last_name = record["surname"].strip()
        account.year = record["yearGroup"] - 6
        account.phone = record["mobileNumber"] or account.phone
        account.programmes = frozenset({f"Y{record['yearGroup']}"})
        account.modules = frozenset(
            f"Y{truth.set_years[name]}-{self.subjects[truth.set_subjects[name]]}"
            for name, members in truth.sets.items()
            if id in members
        )

    def differences(self, found: list[dict[str, Any]]) -> list[tuple[str, str, object, object]]:
        """The pupil (or the e-mail of a stranger), the field, what it ought to be and what it is."""
        there = {key(one["email"]): one for one in found}
        result: list[tuple[str, str, object, object]] = []
        for id, ought in self.accounts.items():
            is_ = there.pop(ought.delivered, None)
            if is_ is None:
                result.append((id, "account", ought.delivered, None))
                continue
            for name in ("enabled", "first_name", "last_name", "year", "phone"):
                if getattr(ought, name) != is_[name]:
                    result.append((id, name, getattr(ought, name), is_[name]))
            for name in ("programmes", "modules"):
                if getattr(ought, name) != frozenset(is_[name]):
                    result.append((id, name, sorted(getattr(ought, name)), is_[name]))
        return result + [(email, "account", None, "there") for email in there]

    def whose(self, email: str) -> str | None:
        """Whose account it is at Unitu."""
        return next((id for id, one in self.accounts.items() if one.delivered == key(email)), None)


def key(email: str) -> str:
    return email.strip().casefold()
