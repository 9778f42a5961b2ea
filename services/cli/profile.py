"""``rollcall profile``: what is told of one student: who they are, their photo, their transcript."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.invocation import AsJson, config_of
from services.cli.output import print_json, print_line, print_table

if TYPE_CHECKING:
    from services.operations.profile import StudentProfile

MARKS = ("subject", "period", "name", "score", "out_of", "grade", "teacher", "date", "comment")


def profile(
    context: typer.Context,
    school: Annotated[str, typer.Argument(metavar="SCHOOL", help="Its name in the configuration.")],
    student: Annotated[str, typer.Argument(metavar="STUDENT", help="The record system's id.")],
    as_json: AsJson = False,
) -> None:
    """
    Show a student's profile, the path of the photo and the transcript, as they were last told.

    Exit codes: 0 shown, 1 nothing is told of such a student, 2 no such school.
    """
    from services.operations.names import known_school
    from services.operations.profile import profile_of, records_of

    config = config_of(context)
    known_school(config, school)
    found = profile_of(config, school, student, records_of(config, school, student))
    if as_json:
        print_json(found.in_full())
    else:
        tell(found)


def tell(told: "StudentProfile") -> None:
    one, photo, marks = told.profile, told.photo, told.transcript
    rows: list[tuple[str, object]] = [("student", f"{told.school}/{told.student_id}")]
    if one is not None:
        names = (one.title, one.first_name, one.middle_names, one.last_name)
        rows += [
            ("name", " ".join(name for name in names if name) or "-"),
            ("known as", one.preferred_name or "-"),
            ("date of birth", one.date_of_birth or "-"),
            ("year group", "-" if one.year_group is None else one.year_group),
            ("form", one.form or "-"),
            ("house", one.house or "-"),
            ("school e-mail", one.email or "-"),
        ]
    there = "no photo" if photo is None else photo.path or "photos_folder is not set here"
    rows.append(("photo", there if photo is None or photo.is_there else f"{there} (not on this machine)"))
    print_table(("", ""), rows)
    if marks:
        print_line()
        columns = [name for name in MARKS if any(getattr(mark, name) for mark in marks)]
        print_table(
            [name.replace("_", " ") for name in columns],
            [[getattr(mark, name) or "" for name in columns] for mark in marks],
        )
    elif marks is None:
        print_line()
        print_line("No transcript was read.")
