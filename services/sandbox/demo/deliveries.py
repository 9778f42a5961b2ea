"""Each delivery, told by our report and by Unitu's own: what was done, what does not exist there, whom that blocks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from shared.contract.deliveries import Report
from shared.contract.tenant_state import email_key

Deed = tuple[str, ...]
Json = dict[str, Any]
COURSES = ("programmes", "modules")
FIELDS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "year": "year",
    "phone": "phone",
    "personal_email": "personalEmail",
    "id": "id",
}
COMPARED_WITH_WHAT_WAS_SENT = ("update", "enrol", "unenrol")


def ours(report: Report) -> set[Deed]:
    """As our report has it. Whom an entity blocks is a number at Unitu, so it is one here."""
    whole = {"provision": report.provisioned, "disable": report.disabled, "reenable": report.enabled}
    found: set[Deed] = {(deed, email_key(email)) for deed, emails in whole.items() for email in emails}
    found |= {("update", email_key(one.email), field) for one in report.updated for field in one.fields}
    for deed, changes in (("enrol", report.enrolled), ("unenrol", report.unenrolled)):
        found |= {(deed, email_key(one.email), code) for one in changes for code in (*one.programmes, *one.modules)}
    found |= {("not at Unitu", one.list, one.code) for one in report.entities}
    for kind in COURSES:
        heads = Counter(code for one in report.blocked for code in getattr(one, kind))
        found |= {("blocked", code, str(count)) for code, count in heads.items()}
    return found


def theirs(told: Json) -> set[Deed]:
    """As the report of the Unitu twin has it."""
    found: set[Deed] = set()
    for change in told["changes"]:
        deed, email = change["kind"], email_key(change["email"])
        if deed in ("enrol", "unenrol"):
            found |= {(deed, email, change["code"])} if change["what"] in COURSES else set()
        else:
            found.add((deed, email, FIELDS[change["what"]]) if deed == "update" else (deed, email))
    report = told["report"]
    found |= {("not at Unitu", kind, code) for kind, codes in report["new_entities"].items() for code in codes}
    heads: Mapping[str, Mapping[str, int]] = report["blocked"]
    return found | {("blocked", code, str(count)) for kind in heads.values() for code, count in kind.items()}


def disagreements(reports: Sequence[Report], told: Sequence[Json]) -> list[str]:
    """Between the deliveries that were accepted and those that Unitu applied, in their order."""
    if len(reports) != len(told):
        return [f"{len(reports)} deliveries were accepted, and Unitu tells of {len(told)}"]
    found = []
    for number, (report, one) in enumerate(zip(reports, told, strict=True), 1):
        unlike = ours(report) ^ theirs(one)
        if not report.is_compared:  # it says itself that it does not know what was there before
            unlike = {deed for deed in unlike if deed[0] not in COMPARED_WITH_WHAT_WAS_SENT}
        found += [f"delivery {number}: {' '.join(deed)}" for deed in sorted(unlike)]
    return found
