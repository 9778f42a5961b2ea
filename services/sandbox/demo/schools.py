"""What is there before Rollcall comes: three schools in iSAMS, and at Unitu their structure and a few old accounts."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from services.sandbox.isams.records import School
from services.sandbox.twin_client import UnituTwin

Json = dict[str, Any]


def entities_of(school: School) -> dict[str, dict[str, str]]:
    """What a Customer Success Manager has created at Unitu for a school: code and name, by kind."""
    subjects = {subject.id: subject for subject in school.subjects}
    modules = {(f"Y{group.year}-{subjects[group.subject_id].code}", group.year) for group in school.sets}
    years = [(f"{division.code}-YEARS", f"{division.name} year groups") for division in school.divisions]
    return {
        "faculties": {division.code: division.name for division in school.divisions},
        "departments": dict(years) | {f"DEP-{department.id}": department.name for department in school.departments},
        "programmes": {f"Y{group.nc_year}": group.name for group in school.year_groups},
        "modules": {code: code for code, _ in sorted(modules)},
        "module_programmes": {code: f"Y{year}" for code, year in sorted(modules)},
    }


def old_accounts_of(school: School) -> list[Json]:
    """Two imports that nobody on the roll belongs to, and a student who was imported under an earlier surname."""
    known = school.students[0]
    strangers = [
        {"email": f"import{number}@{school.slug}.example", "first_name": "Old", "last_name": f"Import {number}"}
        for number in (1, 2)
    ]
    kept = {"email": known.school_email_address, "first_name": known.forename, "last_name": "Earlier-Surname"}
    return [*strangers, kept]


def write_accounts(path: Path, accounts: Sequence[Mapping[str, Any]]) -> None:
    """As a person exports them from Unitu."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "first name", "last name", "enabled"])
        for account in accounts:
            writer.writerow([account["email"], account["first_name"], account["last_name"], account["enabled"]])


def module_to_come(school: School) -> tuple[str, str]:
    """A module that nobody has created at Unitu yet, and the id of a student who is kept out by that."""
    subjects = {subject.id: subject.code for subject in school.subjects}
    found = (
        (f"Y{group.year}-{subjects[group.subject_id]}", school.set_lists[group.id][0])
        for group in school.sets
        if school.set_lists[group.id]
    )
    return min(found)


def create_university(
    unitu: UnituTwin, api_key: str, school: School, *, has_old_accounts: bool, lacks_a_module: bool
) -> None:
    accounts = old_accounts_of(school) if has_old_accounts else []
    entities = entities_of(school)
    if lacks_a_module:
        code, _ = module_to_come(school)
        del entities["modules"][code], entities["module_programmes"][code]
    unitu.create(api_key=api_key, accounts=accounts, entities=entities)
