"""Events of `students-fetched`: what one sweep of a school read, and the proof that it read all of it."""

from typing import Annotated

from shared.contract.fields import ClockMinutes, IsFull, Population, SchoolSlug, SweepId, SweepStart
from shared.contract.model import Frozen, Settings, Structure, Student, says


class SweepStarted(Frozen, kw_only=True):
    """A sweep has passed its identity test; from here on it is the only open one of its school's students or staff."""

    school: SchoolSlug
    kind: Population = "student"
    sweep: SweepId
    started_at: SweepStart
    full: IsFull = False


class StudentFetched(Frozen, kw_only=True):
    """A student as a sweep, or a reading of this one student, found them."""

    school: SchoolSlug
    student: Annotated[Student, says("The record, in Rollcall's words.")]


class StaffFetched(Frozen, kw_only=True):
    """A member of staff as a sweep found them, in the words of a student."""

    school: SchoolSlug
    student: Annotated[
        Student, says("The record, in Rollcall's words; `student_id` is the record system's id of them.")
    ]


class StructureFetched(Frozen, kw_only=True):
    """What a school is made of beside its people."""

    school: SchoolSlug
    structure: Annotated[Structure, says("All of it, as the sweep read it.")]
    missing: Annotated[
        tuple[str, ...], says("Lists of `structure` that were never read: there they are empty, which clears nothing.")
    ] = ()


class RollRead(Frozen, kw_only=True):
    """One chunk of the ids that the sweep saw; all chunks together, sorted, are the roll."""

    school: SchoolSlug
    kind: Population = "student"
    sweep: SweepId
    chunk: Annotated[int, says("Number of this chunk, from 0.")]
    chunks: Annotated[int, says("How many chunks the roll has.")]
    ids: Annotated[tuple[str, ...], says("Ids of people, sorted; at most 5,000.")]


class EndpointRead(Frozen, kw_only=True):
    """What one list declared and what was received; the roll's certificate needs them equal."""

    path: Annotated[
        str,
        says(
            "Path of the list at the record system; of a pushed body the gateway's, followed by the name of the list."
        ),
    ]
    pages: Annotated[int, says("Pages that were read.")]
    declared: Annotated[int, says("Records that the list said it has.")]
    received: Annotated[int, says("Records that came.")]


class Certificate(Frozen, kw_only=True):
    """The proof that a sweep was complete, and of what it read."""

    roll_hash: Annotated[
        str, says("BLAKE2b of the sorted ids of the roll, one a line: 16 bytes, in hexadecimal digits.")
    ]
    roll_count: Annotated[int, says("How many people the roll has.")]
    content_sum: Annotated[
        str,
        says(
            "Sum modulo 2^128 over the roll of a hash of each person's id and record digest, in 32 hexadecimal "
            "digits: two readings of the same records have the same."
        ),
    ]
    endpoints: Annotated[tuple[EndpointRead, ...], says("The lists that were read, and how much of them.")] = ()
    areas: Annotated[tuple[str, ...], says("Areas that were read whole in this sweep.")] = ("students",)


class Absences(Frozen, kw_only=True):
    """
    Who of the last certified roll was on no page of this one. Each list names at most 50,000, the first by id;
    `by_cause` counts all.
    """

    found: Annotated[tuple[str, ...], says("Ids of those who were found when they were asked for by id.")] = ()
    explained: Annotated[tuple[str, ...], says("Ids of those of whom the source says that they have left.")] = ()
    unexplained: Annotated[tuple[str, ...], says("Ids of those of whom nothing says why they are gone.")] = ()
    by_cause: Annotated[
        dict[str, int],
        says(
            "How many, by what was learnt of each: `found`; `left_by_id`, `left_by_list`: said to have left; "
            "`nobody`: no record has the id; `refused`, `no_answer`; `listed_before`: asked for in vain, and in the "
            "list of leavers, which had them while they were on the roll; `not_asked`: beyond fifty, or after a "
            "failure; `not_in_body`: of a pushed feed."
        ),
    ] = {}
    suspicions: Annotated[
        tuple[str, ...],
        says("What makes a pushed list look cut: `length_of_a_page`, `end_of_the_last_body`."),
    ] = ()


class SweepCompleted(Frozen, kw_only=True):
    """A sweep that read every page of every list that it needs: all of its records stand before this one."""

    school: SchoolSlug
    kind: Population = "student"
    sweep: SweepId
    started_at: SweepStart
    completed_at: Annotated[str, says("When the sweep was read to its end. RFC 3339, UTC.")]
    full: IsFull = False
    certificate: Annotated[Certificate, says("The proof that it was complete.")]
    absences: Annotated[Absences, says("Who of the last certified roll it lacks.")] = Absences()
    settings: Annotated[
        Settings | None,
        says("What the decisions at this close depend on. Set by eligibility: absent in students-fetched."),
    ] = None
    fill: Annotated[
        dict[str, int],
        says("Column of the records -> how many of the roll have it filled; empty where the sender does not count."),
    ] = {}
    clock_minutes: ClockMinutes = 0
    slips: Annotated[
        tuple[str, ...],
        says("Records and fields of the source's lists that could not be taken, by list and id, in words."),
    ] = ()


class SweepFailed(Frozen, kw_only=True):
    """A sweep that was not read to its end, and proves nothing about who is gone."""

    school: SchoolSlug
    kind: Population = "student"
    sweep: SweepId
    started_at: SweepStart
    failed_at: Annotated[str, says("When it was given up. RFC 3339, UTC.")]
    reason: Annotated[
        str,
        says(
            "One of a few words: `page_missing`, `totals_disagree`, `id_twice`, `id_missing`, `no_students`, "
            "`no_staff`, `another_school`; of a pushed feed `student_without_key`, `staff_without_key`."
        ),
    ]
    detail: Annotated[str, says("The same for people, with figures; it names nobody.")] = ""
    endpoints: Annotated[tuple[EndpointRead, ...], says("The lists that were read so far, and how much of them.")] = ()
    clock_minutes: ClockMinutes = 0
