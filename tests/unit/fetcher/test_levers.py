"""
Everything that the twin can do wrong: what the fetcher concludes, over HTTP, and what becomes of the accounts.

Each case fails when its lie is believed: then a sweep is certified that should not be, or somebody loses something.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.fetcher.sweep.areas import AREAS
from services.sandbox.twin_client import IsamsTwin
from tests.unit.fetcher.conftest import Maker
from tests.unit.fetcher.whole import Whole
from tests.unit.fetcher.world import Abbey, completed, failed, kinds, settings

STUDENTS = "/api/students"
ALL = frozenset({"students", *AREAS})
PERMISSIONS = ("students", "admissions", "alumni", "teaching", "school", "humanresources")
EVERY_TIME = {"structure_hours": 0.0, "lists_hours": 0.0}


@pytest.fixture
def open_school(isams: Maker, twin: IsamsTwin, tmp_path: Path) -> Callable[..., Awaitable[Whole]]:
    """Sixty pupils who all have their account, three applicants and two leavers."""

    async def opened(**paces: float) -> Whole:
        school = twin.dump()
        twin.replace(sets=school["sets"][:3], yearGroups=school["yearGroups"][:2])  # each costs a request
        abbey = Abbey(isams(timeout_seconds=20.0), settings(**paces, base_url=twin.base_url))  # type: ignore[arg-type]
        abbey.source.asked = []
        whole = Whole(abbey, tmp_path)
        await whole.sweep()
        assert abbey.failure == ""
        assert len(whole.road.enabled()) == 60
        return whole

    return opened


def fault(kind: str, path: str = STUDENTS, **more: Any) -> Callable[[IsamsTwin], None]:
    return lambda twin: twin.fault({"kind": kind, "path": path} | more)


def listed_too(twin: IsamsTwin, to: str, status: str) -> None:
    """Everybody on the roll is in another list as well."""
    twin.add(*({"schoolId": one["schoolId"], "systemStatus": status} for one in twin.dump()["students"]), to=to)


def slip(twin: IsamsTwin, name: str) -> None:
    """One entry is missing from a list of the structure, while others name it."""
    twin.replace(**{name: twin.dump()[name][1:]})


@dataclass(frozen=True)
class Case:
    """
    What is done to the school, and what the fetcher concludes: a failed sweep's reason, or the areas that a certified
    one lacks.
    """

    do: Callable[[IsamsTwin], object]
    reason: str = ""
    lacks: frozenset[str] = frozenset()


def failing(reason: str, do: Callable[[IsamsTwin], object], id: str) -> Any:
    return pytest.param(Case(do, reason), id=id)


def lacking(lacks: str, do: Callable[[IsamsTwin], object], id: str) -> Any:
    return pytest.param(Case(do, lacks=frozenset(lacks.split())), id=id)


def forbid(*areas: str, status: int = 403) -> Callable[[IsamsTwin], object]:
    allowed = [one for one in PERMISSIONS if one not in areas]
    return lambda twin: twin.settings(permissions=allowed, denied_status=status)


APPLICANTS, LEAVERS, CONTACTS = "/api/admissions/*", "/api/alumni", "/api/students/contacts"
SETS, SET_LIST, YEARS = "/api/teaching/sets", "/api/teaching/sets/*/setList", "/api/school/yeargroups"

CASES = [
    # --- what is no character costs that character
    lacking("", fault("half_character", field="preferredName"), "half a surrogate pair in every record"),
    lacking("", fault("half_character", LEAVERS, field="surname"), "half a surrogate pair in the leavers' list"),
    # --- the students: whatever is wrong with their list, the sweep proves nothing
    failing("totals_disagree", fault("short_page", page=2), "a short page"),
    failing("totals_disagree", fault("short_page", page=3, honest=True), "a short page that says so"),
    failing("totals_disagree", fault("wrong_total", by=3), "a wrong total"),
    failing("totals_disagree", fault("wrong_total", by=0, pages_by=1, page=3), "one page more at the last"),
    failing("id_twice", fault("duplicate_id", page=2), "an id twice on a page"),
    failing("id_twice", fault("drift", by=-1, page=2), "an id on two pages"),
    failing("id_twice", fault("drift", by=1, page=2), "an id slipped between two pages"),
    failing("page_missing", fault("status", status=500, page=2), "500"),
    failing("page_missing", fault("status", status=404, page=2), "404"),
    failing("page_missing", fault("status", status=403, page=2), "403 in the middle"),
    failing("page_missing", fault("status", status=401, page=2), "401 that no token helps"),
    failing("page_missing", fault("status", status=429, page=2), "429"),
    failing("page_missing", fault("truncated_json", page=2), "truncated JSON"),
    failing("page_missing", fault("cut_connection", page=2), "a cut connection"),
    failing("page_missing", fault("wrong_content_type", page=2), "a page to sign in"),
    failing("page_missing", fault("hang", page=2, seconds=0.01), "a page that hangs"),
    failing("refused", fault("status", status=404), "no such list"),
    failing("refused", forbid("students"), "no permission for students"),
    failing("unreachable", fault("status", status=429), "429 at once"),
    failing("no_students", fault("empty_list"), "an empty list"),
    failing("id_missing", fault("nulled_column", field="schoolId"), "ids nulled"),
    failing("id_missing", fault("absent_column", field="schoolId"), "ids absent"),
    # --- what passes by itself
    lacking("", fault("status", page=2, status=401, count=1), "a token that ends in the middle"),
    lacking("", fault("status", status=429, retry_after=1, count=1), "429 once"),
    lacking("", fault("status", path="/api/*", status=500, count=3), "500 three times"),
    lacking("", fault("slow", seconds=0.05), "slow"),
    lacking("", lambda twin: twin.revoke_tokens(), "every token withdrawn"),
    # --- an area alone
    lacking("applicants", forbid("admissions"), "no permission for admissions"),
    lacking("applicants", forbid("admissions", status=401), "no permission for admissions, told by 401"),
    lacking("leavers", forbid("alumni"), "no permission for alumni"),
    lacking("sets", forbid("teaching"), "no permission for teaching"),
    lacking("structure houses terms", forbid("school"), "no permission for the school"),
    lacking(
        "applicants leavers sets structure houses terms",
        forbid("admissions", "alumni", "teaching", "school"),
        "permission for students alone",
    ),
    lacking("applicants", fault("short_page", APPLICANTS), "applicants short"),
    lacking("applicants", fault("wrong_total", APPLICANTS), "applicants with a wrong total"),
    lacking("applicants", fault("duplicate_id", APPLICANTS), "an applicant twice"),
    lacking("applicants", fault("truncated_json", APPLICANTS), "applicants truncated"),
    lacking("applicants", fault("hang", APPLICANTS, seconds=0.01), "applicants that hang"),
    lacking("applicants", fault("status", APPLICANTS, status=404), "neither list of applicants"),
    lacking("", lambda twin: twin.settings(applicant_lists=["applicants"]), "one list of applicants"),
    lacking("", lambda twin: twin.settings(applicant_lists=["applicants"], absent_applicants_status=400), "400 of one"),
    lacking("sets", lambda twin: twin.settings(set_subject="none"), "sets without their subject"),
    lacking("", lambda twin: twin.settings(set_subject="code", set_teacher="staffId"), "sets spelt otherwise"),
    lacking("", lambda twin: slip(twin, "subjects"), "a subject missing while its sets name it"),
    lacking("", lambda twin: slip(twin, "yearGroups"), "a year group missing from its list"),
    lacking("sets", fault("status", "/api/school/yeargroups/*/divisions", status=404), "no divisions"),
    lacking("leavers", fault("short_page", LEAVERS), "leavers short"),
    lacking("contacts", fault("status", CONTACTS, status=403), "contacts refused"),
    lacking("contacts", fault("drift", CONTACTS, by=-1, page=2), "a contact on two pages"),
    lacking("statuses", fault("status", "/api/students/systemstatuses", status=404), "no list of life stages"),
    lacking("structure", fault("empty_list", YEARS), "no year group"),
    lacking("structure", fault("nulled_column", YEARS, field="ncYear"), "year groups without their number"),
    lacking("sets", fault("duplicate_id", YEARS), "a year group in another's place"),
    lacking("sets", fault("duplicate_id", SETS), "a set in another's place"),
    lacking("sets", fault("duplicate_id", SET_LIST), "a member in another's place"),
    lacking("sets", fault("duplicate_id", "/api/teaching/subjects"), "a subject in another's place"),
    lacking("sets", fault("status", "/api/teaching/sets/3/setList", status=404), "a set without its list"),
    lacking("sets", fault("status", SET_LIST, status=500, skip=2), "a list of a set that answers 500"),
    lacking("sets", fault("nulled_column", SET_LIST, field="schoolId"), "members without ids"),
    lacking("houses", fault("truncated_json", "/api/school/houses"), "houses truncated"),
    lacking("terms", fault("nulled_column", "/api/school/terms", field="startDate"), "terms without a start"),
    # --- what can be read whole, and is wrong all the same: the guard has it
    lacking("", fault("empty_list", APPLICANTS), "no applicants any more"),
    lacking("", fault("empty_list", LEAVERS), "no leavers any more"),
    lacking("sets", fault("empty_list", SETS), "no sets any more"),
    lacking("sets", fault("empty_list", SET_LIST), "every set empty"),
    *(
        lacking("", fault("nulled_column", path="/api/*", field=field), f"{field} nulled")
        for field in ("title", "forename", "surname", "schoolEmailAddress", "systemStatus", "admissionStatus")
    ),
    lacking("", fault("set_column", field="schoolEmailAddress", value="office@abbey.example"), "one e-mail for all"),
    lacking("", fault("set_column", field="systemStatus", value="Guest"), "a status that nobody knows"),
    lacking("", fault("set_column", field="dob", value="soon"), "dates that are none"),
    lacking("", lambda twin: listed_too(twin, "alumni", "Former"), "everybody among the leavers too"),
    lacking("", lambda twin: listed_too(twin, "applicants", "Applicant"), "everybody among the applicants too"),
]


@pytest.mark.parametrize("case", CASES)
async def test_nobody_loses_anything_by(
    open_school: Callable[..., Awaitable[Whole]], twin: IsamsTwin, case: Case
) -> None:
    """Two sweeps with the fault, an hour apart, as an absence needs; then all is well, and nothing is left of it."""
    whole = await open_school(**({} if case.reason else EVERY_TIME))
    everybody, provisioned = whole.road.enabled(), whole.road.kinds().count("AccountProvisioned")
    before = twin.dump()
    case.do(twin)
    for _ in range(2):
        said = await whole.sweep()
        if case.reason:
            assert failed(said).reason == case.reason
        else:
            assert whole.abbey.failure == ""
            assert set(completed(said).certificate.areas) == ALL - case.lacks
            assert whole.outcome() == "certified"
        whole.abbey.clock.forward(hours=1, minutes=1)
    twin.clear_faults()
    twin.settings(permissions=list(PERMISSIONS), applicant_lists=["students", "applicants"])
    twin.settings(set_subject="subjectId", set_teacher="teacherId")
    twin.replace(**{name: before[name] for name in ("applicants", "alumni", "subjects", "yearGroups")})
    said = await whole.sweep()
    assert kinds(said)[-1] == "SweepCompleted"
    assert case.reason or set(completed(said).certificate.areas) == ALL
    assert whole.outcome() == "certified"
    assert whole.road.enabled() == everybody
    assert whole.removals() == []
    assert whole.road.kinds().count("AccountProvisioned") == provisioned
