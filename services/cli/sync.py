"""``rollcall sync``: a school, or one student, is read now; with ``--wait`` until Unitu has what came of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.invocation import AsJson, Note, Whose, config_of, exits, kind_of_flag, login_name
from services.cli.output import print_json, print_line
from services.operations.errors import Code
from shared.contract.populations import people_word, person_word
from shared.escaping import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.operations.requests.model import Look, SyncOutcome, SyncWish

WAITS_FOR_A_PERSON = 3
LISTED = 20  # changes that are shown to a person; --json has all
WORDS = {
    "accepted": "Unitu accepted snapshot {number}, which carries it.",
    "simulated": "Tenant {tenant} is dry-run: the snapshot was rehearsed, and nothing was sent.",
    "nothing_to_send": "Nothing changed, so there is nothing to send.",
}


def sync(
    context: typer.Context,
    school: Annotated[str, typer.Argument(metavar="SCHOOL", help="Its name in the configuration.")],
    student: Annotated[
        str | None,
        typer.Option(
            "--student", metavar="ID", help="Only this one, by the record system's id; with --staff an employee."
        ),
    ] = None,
    staff: Whose = None,
    full: Annotated[bool, typer.Option("--full", help="Send everybody anew, changed or not.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until Unitu accepted the snapshot that carries it.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Of --wait.", min=0)] = 900.0,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """
    Have a school read as soon as may be, or one student at once; reading one student opens no sweep.

    Staff that are managed are read too, unless --students says otherwise. With --wait it says what changed: of the
    students, or with --staff of the staff. In a dry-run tenant it waits for the rehearsed snapshot; in a paused one for
    the decision. Exit codes: 0 done, or asked for; 1 not read, not certified, or not within the time; 2 no such school
    or student; 3 decided, but something of it waits for a person.
    """
    from services.operations.requests import sync as requests
    from services.operations.requests.model import SyncWish

    exits(context, {Code.UNKNOWN_STUDENT: 2})
    config = config_of(context)
    wish = SyncWish(school, kind_of_flag(staff), student, full)
    requested = requests.request(config, wish, login_name(), note)
    if not wait:
        tell_asked(wish, requested.receipt.id, as_json)
        return
    from services.operations.requests.follow import follow
    from services.operations.stores import reconciler_store
    from services.operations.tenants.desk import desk_of

    outcome = None
    with desk_of(config) as desk, bar(not as_json) as say:
        for look in follow(config, reconciler_store(config), desk, requested, timeout):
            say(look)
            outcome = look.outcome
    if outcome is None:
        raise AssertionError("a request that is followed to its end has an outcome")
    if as_json:
        print_json(outcome)
    else:
        tell(outcome)
    if outcome.waits_for:
        raise typer.Exit(WAITS_FOR_A_PERSON)


@contextmanager
def bar(is_shown: bool) -> "Iterator[Callable[[Look], None]]":
    """A progress bar on standard error, where a person looks at it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from services.operations.requests.progress import Step

    columns = (BarColumn(20), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    is_shown = is_shown and sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not is_shown) as progress:
        task = progress.add_task("asked", total=len(Step) - 1)

        def say(look: "Look") -> None:
            words = look.waits_for and f"waits for {look.waits_for}"
            progress.update(task, completed=int(look.step), description=visible(words))

        yield say


def tell_asked(wish: "SyncWish", request: str, as_json: bool) -> None:
    if as_json:
        people = None if wish.kind is None else people_word(wish.kind)
        told = {"school": wish.school, "people": people, "student_id": wish.student_id}
        print_json(told | {"request": request, "is_asked_for": True})
        return
    whole = "" if wish.kind is None else f"the {people_word(wish.kind)} of "
    whose = f"{person_word(wish.kind or 'student')} {wish.student_id} of " if wish.student_id else whole
    print_line(f"Asked for: {whose}{wish.school}.")


def tell(told: "SyncOutcome") -> None:
    """For a person: what was read, what changed, where it is now."""
    if told.student_id and told.verdict:
        failed = f" (fails: {', '.join(told.verdict.failed)})" if told.verdict.failed else ""
        who = "member of staff" if told.people == "staff" else "student"
        print_line(f"{told.school}: {who} {told.student_id} was read; account: {told.verdict.account}{failed}.")
    else:
        print_line(f"{told.school}: {told.roll_count} {told.people} on the roll, certified.")
    for one in told.changes[:LISTED]:
        print_line(f"  {one.student_id or 'structure'}: {one.kind.replace('_', ' ')} {one.detail}".rstrip())
    if (more := len(told.changes) - LISTED) > 0:
        print_line(f"  and {more} more; --json has all")
    if told.is_staged:
        print_line("A removal is staged: it waits for the school's next certified sweep.")
    if words := WORDS.get(told.delivery.state):
        print_line(words.format(number=told.delivery.number, tenant=told.delivery.tenant))
    for line in told.waits_for:
        print_line(line, err=True)
