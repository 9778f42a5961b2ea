"""
What one snapshot did, told in one way by whoever tells it: our report, the twin's report, the twin's accounts.

Each deed is a tuple: what was done, to which e-mail as compared (or list), and the field or code.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from services.sandbox.unitu.rules import ENTITY_KINDS, Account
from shared.contract.deliveries import Report
from shared.contract.tenant_state import email_key
from tests.property.memory_unitu import Posted

Deed = tuple[str, ...]
EmailOf = Callable[[int, str], str]  # of an account's number and e-mail: the one that we know it by
FIELDS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "year": "year",
    "phone": "phone",
    "personal_email": "personalEmail",
    "id": "id",
}
COURSES = ("programmes", "modules")


def of_our_report(report: Report) -> set[Deed]:
    whole = {"provision": report.provisioned, "disable": report.disabled, "reenable": report.enabled}
    found = {(deed, email_key(email)) for deed, emails in whole.items() for email in emails}
    found |= {("update", email_key(one.email), field) for one in report.updated for field in one.fields}
    for deed, lists in (("enrol", report.enrolled), ("unenrol", report.unenrolled), ("block", report.blocked)):
        for one in lists:
            found |= {(deed, email_key(one.email), code) for code in (*one.programmes, *one.modules)}
    return found | {("new", one.list, one.code) for one in report.entities}


def of_their_report(posted: Posted, email_of: EmailOf) -> set[Deed]:
    """Whom an entity blocks is told as a number there: ``heads_blocked`` compares it."""
    assert posted.told is not None
    found: set[Deed] = set()
    for change in posted.told.changes:
        email = email_of(change.account, change.email)
        match change.kind:
            case "update":
                found.add(("update", email, FIELDS[change.what]))
            case "enrol" | "unenrol" if change.what not in COURSES:
                pass  # faculties and departments of staff: no report of ours speaks of them
            case "enrol" | "unenrol":
                found.add((change.kind, email, change.code))
            case _:
                found.add((change.kind, email))
    new = posted.told.report.new_entities
    return found | {("new", kind, code) for kind, codes in new.items() for code in codes}


def of_the_accounts(posted: Posted, email_of: EmailOf) -> set[Deed]:
    """The difference of before and after, and what of the body came to nothing."""
    found: set[Deed] = set()
    for number, after in posted.after.items():
        email, before = email_of(number, after.email), posted.before.get(number)
        if before is None:
            found.add(("provision", email))
            before = Account(email="", first_name=after.first_name, last_name=after.last_name, enabled=after.enabled)
        else:
            found |= {
                ("update", email, told)
                for name, told in FIELDS.items()
                if getattr(before, name) != getattr(after, name)
            }
        if before.enabled != after.enabled:
            found.add(("reenable" if after.enabled else "disable", email))
        found |= _courses(email, before, after)
    by_email = {email_of(number, one.email): one for number, one in posted.after.items() if one.enabled}
    for entry in entries(posted.body):
        account = by_email.get(email_key(entry["email"]))
        found |= {
            ("block", email_key(entry["email"]), code)
            for name, kind in (("programmeCodes", "programmes"), ("moduleCodes", "modules"))
            for code in entry.get(name, ())
            if account is not None and code not in getattr(account, kind)
        }
    defined = {(kind, one["code"]) for kind in ENTITY_KINDS for one in posted.body[kind]}
    exist = {(kind, code) for kind in ENTITY_KINDS for code in getattr(posted.entities, kind)}
    return found | {("new", *entity) for entity in defined - exist}


def _courses(email: str, before: Account, after: Account) -> set[Deed]:
    found: set[Deed] = set()
    for kind in COURSES:
        had, has = set(getattr(before, kind)), set(getattr(after, kind))
        found |= {("enrol", email, code) for code in has - had} | {("unenrol", email, code) for code in had - has}
    return found


def heads_blocked(deeds: Iterable[Deed]) -> Counter[str]:
    return Counter(deed[2] for deed in deeds if deed[0] == "block")


def entries(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*body["students"], *body.get("staff", ())]


def records(body: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {email_key(entry["email"]): entry for entry in entries(body)}


def without(deeds: Collection[Deed], is_excused: Callable[[Deed], bool]) -> set[Deed]:
    return {deed for deed in deeds if not is_excused(deed)}
