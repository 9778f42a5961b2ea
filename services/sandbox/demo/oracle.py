"""
What a tenant's accounts at Unitu ought to be, told from its school as it stands in iSAMS and from nothing else.

Written apart from the product: it shares no code with the services and takes no shortcut, so that the two can be
compared. Sources: the article on which students sync, and the document of ``POST /v1/sync``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
Account = dict[str, Any]

MANDATORY = ("title", "forename", "surname", "schoolEmailAddress")  # of a current student
FIELDS = (
    "enabled",
    "first_name",
    "last_name",
    "year",
    "phone",
    "personal_email",
    "id",
    "programmes",
    "modules",
    "kind",
)
FIRST_YEAR_GROUP = 7  # is Unitu's year 1


@dataclass(frozen=True)
class Difference:
    """One field of one account. ``field`` "account": it should not be there, or should be and is not."""

    email: str
    field: str
    ought: object
    found: object


class Oracle:
    """
    One tenant with one school. ``accounts`` are those that Unitu has before the first snapshot, ``programmes`` and
    ``modules`` the codes that exist there.

    ``see`` must be told of every state of the school that counts: a student whose record lacks something stays as the
    last whole record had them.
    """

    def __init__(self, accounts: Iterable[Json], programmes: Iterable[str], modules: Iterable[str]) -> None:
        self.accounts: dict[str, Account] = {_key(account["email"]): dict(account) for account in accounts}
        self.switched_off: set[str] = set()  # e-mails, at some time
        self._programmes = set(programmes)
        self._modules = set(modules)
        self._email_of: dict[str, str] = {}  # schoolId -> the e-mail that was delivered

    def exists(self, module: str) -> None:
        """A person at Unitu has created it."""
        self._modules.add(module)

    def see(self, school: Json) -> None:
        """The school as it stands now: everybody in its place."""
        modules = _modules_by_student(school)
        on_roll = set()
        for record in school["students"]:
            if record["systemStatus"] != "Current":
                continue
            on_roll.add(record["schoolId"])
            if all((record[name] or "").strip() for name in MANDATORY):
                self._have(record, modules.get(record["schoolId"], set()))
        belongs = {self._email_of[student] for student in on_roll if student in self._email_of}
        for email, account in self.accounts.items():
            if email not in belongs and account["enabled"]:
                account["enabled"] = False
                self.switched_off.add(email)

    def _have(self, record: Json, modules: set[str]) -> None:
        student = record["schoolId"]
        email = self._email_of.setdefault(student, _key(record["schoolEmailAddress"]))
        year_group = record["yearGroup"]
        account = self.accounts.setdefault(
            email, {"email": record["schoolEmailAddress"].strip(), "phone": None, "personal_email": None, "id": None}
        )
        account["kind"] = "student"
        account["enabled"] = True
        account["first_name"] = (record["preferredName"] or "").strip() or record["forename"].strip()
        account["last_name"] = record["surname"].strip()
        account["year"] = year_group - FIRST_YEAR_GROUP + 1
        if record["mobileNumber"]:
            account["phone"] = record["mobileNumber"]
        if account["personal_email"] is None:
            account["personal_email"] = record["personalEmailAddress"]
        if account["id"] is None:
            account["id"] = student
        account["programmes"] = sorted({f"Y{year_group}"} & self._programmes)
        account["modules"] = sorted(modules & self._modules)

    def differences(self, accounts: Iterable[Json]) -> list[Difference]:
        """Between what ought to be and what Unitu has."""
        found = {_key(account["email"]): account for account in accounts}
        result = []
        for email in sorted(self.accounts.keys() | found.keys()):
            if email not in found:
                result.append(Difference(email, "account", "there", "missing"))
            elif email not in self.accounts:
                result.append(Difference(email, "account", "none", "there"))
            else:
                ought, is_ = self.accounts[email], found[email]
                result += [
                    Difference(email, name, ought[name], is_[name]) for name in FIELDS if ought[name] != is_[name]
                ]
        return result

    def count(self, *, enabled: bool) -> int:
        return sum(account["enabled"] == enabled for account in self.accounts.values())


def _modules_by_student(school: Json) -> dict[str, set[str]]:
    """A subject that is taught in a year is a module of that year; who is in one of its sets is in the module."""
    subjects = {subject["id"]: subject["code"] for subject in school["subjects"]}
    found: dict[str, set[str]] = {}
    for teaching_set in school["sets"]:
        for student in school["setLists"][str(teaching_set["id"])]:
            found.setdefault(student, set()).add(f"Y{teaching_set['year']}-{subjects[teaching_set['subjectId']]}")
    return found


def _key(email: str) -> str:
    return email.strip().casefold()
