"""What an operator orders: the models of ``operator-commands``."""

from typing import Annotated

from shared.contract.fields import HoldHash, Note, Operator, PersonId, PlanName, Population, SchoolSlug
from shared.contract.model import Frozen, says


class ReleaseHold(Frozen, kw_only=True):
    """
    Let the reviewed set of removals through at the next certified sweep: those for whom it still stands, and no others.
    """

    school: SchoolSlug
    kind: Population = "student"
    plan: PlanName
    hash: HoldHash
    operator: Operator
    note: Note = ""
    two_people_above: Annotated[
        int | None,
        says(
            "A set of more people than these needs two operators; absent: one is enough. Set by eligibility, by the "
            "configuration, whatever the sender said."
        ),
    ] = None


class RefuseHold(Frozen, kw_only=True):
    """Drop a held plan until it differs."""

    school: SchoolSlug
    kind: Population = "student"
    plan: PlanName
    hash: HoldHash
    operator: Operator
    note: Note = ""


class PauseSchool(Frozen, kw_only=True):
    """
    Remove nobody of a school, which is read all the same. No verb of ``rollcall`` gives this order; the reconciler
    obeys it.
    """

    school: SchoolSlug
    operator: Operator
    note: Note = ""


class ResumeSchool(Frozen, kw_only=True):
    """The end of a pause. No verb of ``rollcall`` gives this order; the reconciler obeys it."""

    school: SchoolSlug
    operator: Operator
    note: Note = ""


class AcceptRoll(Frozen, kw_only=True):
    """A person says that a roll which looks like another school's is right all the same."""

    school: SchoolSlug
    kind: Population = "student"
    hash: Annotated[str, says("`roll_hash` of the roll that is right, as the failed sweep told it.")]
    operator: Operator
    note: Note = ""


class ForgetStudent(Frozen, kw_only=True):
    """A name that is kept for later: no verb of ``rollcall`` gives this order, and nothing obeys it."""

    school: SchoolSlug
    student_id: PersonId
    operator: Operator
    note: Note = ""


Command = ReleaseHold | RefuseHold | PauseSchool | ResumeSchool | AcceptRoll | ForgetStudent
