"""Events of `students-assessed` that are eligibility's own; its other records are passed on as they came."""

from typing import Annotated

from shared.contract.fields import PersonId, Population, SchoolSlug
from shared.contract.model import Category, Details, Frozen, Outcome, Student, Verdict, says


class StudentAssessed(Frozen, kw_only=True):
    """The verdicts on one student, and what they rest on."""

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    digest: Annotated[str, says("XXH3 of the bytes of the fetched record: 16 bytes, in hexadecimal digits.")]
    category: Annotated[Category, says("What the record says the person is.")]
    portal: Annotated[Verdict, says("Whether the person is shown, by all rules but those of the account alone.")]
    account: Annotated[Verdict, says("What should become of their account; undecided never removes.")]
    rules: Annotated[
        tuple[tuple[str, Outcome], ...], says("Every rule's id with its outcome, in the order of the rules.")
    ] = ()
    details: Annotated[Details | None, says("What Unitu should have; absent unless the account is eligible.")] = None
    programmes: Annotated[
        tuple[str, ...] | None, says("Codes that the account should have; absent where they were not supplied.")
    ] = None
    modules: Annotated[
        tuple[str, ...] | None, says("Codes that the account should have; absent where they were not supplied.")
    ] = None
    student: Annotated[
        Student | None, says("The record; absent where it breaks its schema, which leaves the person undecided.")
    ] = None


class StaffAssessed(StudentAssessed):
    """The same of a member of staff; `kind` says so."""
