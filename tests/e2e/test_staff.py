"""Staff that are managed: told to Unitu as staff, gone when they left, and no reason for anything to stand still."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.contract.deliveries import SnapshotHeld
from shared.errors import Retryable
from tests.conftest import ConfigFile
from tests.e2e.harness import OTHERS, Town, a_town

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

REFUSED = {"kind": "status", "status": 403, "path": "/api/humanresources/*"}


def people(town: Town, of: str) -> dict[str, str]:
    """Id -> e-mail."""
    key = "id" if of == "employees" else "schoolId"
    return {str(one[key]): one["schoolEmailAddress"] for one in town.isams.dump()[of]}


def waits_for(town: Town) -> list[tuple[str, str]]:
    try:
        held = [one for one in town.events("deliveries") if isinstance(one, SnapshotHeld)]
    except Retryable:  # the topics are not there yet
        return []
    return [(one.code, one.school) for one in held[-1].reasons] if held else []


def enabled(town: Town) -> dict[str, int]:
    """What is known is written after it was told, so that Unitu may have it first."""
    return {one["people"]: one["enabled"] for one in json.loads(town.rollcall("status", "--json").stdout)}


def failing(town: Town) -> str | None:
    """Why the school's staff fail, while its students are fresh."""
    said = town.rollcall("status", "--json")
    of = {one["people"]: one for one in json.loads(said.stdout)}
    if said.returncode != 1 or (of["students"]["state"], of["staff"]["state"]) != ("fresh", "failing"):
        return None
    (trouble,) = of["staff"]["troubles"]
    return f"{trouble['why']}; {trouble['to_do']}" if trouble["since"] and trouble["next_try"] else None


def disabled(town: Town, employee: str) -> dict[str, Any] | None:
    told: dict[str, Any] = json.loads(town.rollcall("explain", town.slug, employee, "--staff", "--json").stdout)
    return told if told["state"]["status"] == "disabled" else None


def test_staff_come_and_go_at_unitu_and_a_refused_list_of_them_moves_nobody(
    config_file: ConfigFile, tmp_path: Path
) -> None:
    """
    Fails when a snapshot goes without a certified list of staff, when staff are told as students, when one who left
    keeps the account, or when a list that is refused disables anybody or holds the students up.
    """
    with a_town(config_file, tmp_path, staff="managed", school="staff_poll_seconds = 1") as town:
        pupils, teachers = people(town, "students"), people(town, "employees")
        town.isams.fault(REFUSED)
        town.start("reconciler")
        town.start(*OTHERS, process="others")
        town.until(lambda: waits_for(town) == [("staff_not_certified", town.slug)], "a tenant that waits for its staff")
        assert town.unitu.snapshots() == []
        town.isams.clear_faults()
        assert town.rollcall("sync", town.slug, "--staff").returncode == 0
        town.adopt()
        town.until_enabled(*pupils.values(), *teachers.values())
        told = {one["email"]: one for one in town.unitu.accounts()}
        assert {email for email, one in told.items() if one["kind"] == "staff"} == set(teachers.values())
        assert all(told[email]["university_title"] for email in teachers.values())
        town.until(lambda: enabled(town) == {"staff": len(teachers), "students": 45}, "the same in the status")

        read = json.loads(town.rollcall("sync", town.slug, "--staff", "--wait", "--json").stdout)
        assert (read["people"], read["roll_count"], read["waits_for"]) == ("staff", len(teachers), [])

        gone, hidden, *_ = teachers
        town.isams.change(gone, of="employees", leavingDate="2020-07-10")  # and still Current, as nobody tidied up
        town.until_enabled(*pupils.values(), *(set(teachers.values()) - {teachers[gone]}))
        explained = town.until(lambda: disabled(town, gone), "the same in the explanation")
        assert explained["category"] == "left"
        assert explained["state"]["evidence"]["kind"] == "record"

        town.isams.fault(REFUSED)
        town.isams.remove(hidden, of="employees")
        leaver, changed, *_ = pupils
        town.isams.leave(leaver)
        town.isams.change(changed, surname="Afterwards")
        stay = {*pupils.values(), *teachers.values()} - {teachers[gone], pupils[leaver]}
        town.until_enabled(*stay)
        town.until(lambda: (town.unitu.account(pupils[changed]) or {}).get("last_name") == "Afterwards", "the new name")
        town.until_sweeps(2)
        town.until_enabled(*stay)
        why = town.until(lambda: failing(town), "a status of staff that fail")
        assert "iSAMS refuses /api/humanresources/employees (403)" in why
        assert "give this client the permission Staff/HR" in why
        assert town.ever_disabled() == {teachers[gone], pupils[leaver]}
        town.isams.clear_faults()
        town.until(lambda: town.rollcall("status").returncode == 0, "a status of nothing that fails")
