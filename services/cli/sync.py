"""``rollcall sync``: a school, or one student, is read now; with ``--wait`` until Unitu has what came of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.invocation import AsJson, Whose, config_of, exits, kind_of_flag, login_name
from services.cli.output import print_json
from services.operations.errors import Code
from services.operations.names import known_books, wrong
from shared.contract.populations import kind_of, people_word, person_word, school_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.operations.requests.follow import Delivery, Follower
    from services.operations.requests.progress import Step
    from shared.config.settings import Config

WAITS_FOR_A_PERSON = 3
LISTED = 20  # changes that are shown to a person; --json has all


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
    as_json: AsJson = False,
) -> None:
    """
    Have a school read as soon as may be, or one student at once; reading one student opens no sweep.

    Staff that are managed are read too, unless --students says otherwise. With --wait it says what changed: of the
    students, or with --staff of the staff. In a dry-run tenant it waits for the rehearsed snapshot; in a paused one for
    the decision. Exit codes: 0 done, or asked for; 1 not read, not certified, or not within the time; 2 no such school
    or student; 3 decided, but something of it waits for a person.
    """
    exits(context, {Code.UNKNOWN_STUDENT: 2})
    config = config_of(context)
    known_books(config, school, kind_of_flag(staff))
    check_words(config, school, student, full)
    from services.operations.requests.follow import Follower, ask

    kind = kind_of_flag(staff)
    course, starts = ask(config, school, student, kind=kind, full=full, reason=f"rollcall sync by {login_name()}")
    if not wait:
        if as_json:
            told = {"school": school, "people": None if kind is None else people_word(kind), "student_id": student}
            print_json(told | {"request": course.request, "is_asked_for": True})
        else:
            whole = "" if kind is None else f"the {people_word(kind)} of "
            whose = f"{person_word(kind or 'student')} {student} of " if student else whole
            typer.echo(f"Asked for: {whose}{school}.")
        return
    from services.publisher.app import DeskParts
    from services.reconciler.app import store_of

    with DeskParts(config) as desk, bar(not as_json) as say:
        following = Follower(config, store_of(config), desk, course, starts, say)
        delivery = following.run(timeout)
    told = as_dict(config, following, delivery)
    if as_json:
        print_json(told)
    else:
        tell(told, delivery)
    if told["waits_for"]:
        raise typer.Exit(WAITS_FOR_A_PERSON)


def check_words(config: "Config", school: str, student: str | None, full: bool) -> None:
    """Raises: OperationError (wrong-word)."""
    from services.fetcher.isams.fields import is_id
    from shared.config.settings import PushSchool

    if isinstance(config.schools[school], PushSchool):
        raise wrong(f"{school} is pushed: its sender decides when; its newest body is what is known")
    if student is not None and not is_id(student):
        raise wrong(f"--student: {student!r} is no id; it is the schoolId of iSAMS, digits as a rule")
    if student is not None and full:
        raise wrong("--student and --full: one of them")


@contextmanager
def bar(is_shown: bool) -> "Iterator[Callable[[Step, str], None]]":
    """A progress bar on standard error, where a person looks at it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from services.operations.requests.progress import Step

    columns = (BarColumn(20), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    is_shown = is_shown and sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not is_shown) as progress:
        task = progress.add_task("asked", total=len(Step) - 1)

        def say(step: "Step", words: str) -> None:
            progress.update(task, completed=int(step), description=words and f"waits for {words}")

        yield say


def as_dict(config: "Config", following: "Follower", delivery: "Delivery") -> dict[str, Any]:
    from services.operations.requests.follow import rules_in_words
    from services.operations.requests.progress import counts

    course = following.course
    changes = course.changes(following.base)
    holds = holds_of(config, course.book) if course.reconciled and course.reconciled.is_held else []
    is_staged = course.student_id is not None and bool((one := following.account()) and (one.staged or one.unenrol))
    return {
        "school": course.school,
        "people": people_word(kind_of(course.book)),
        "student_id": course.student_id,
        "request": course.request,
        "sweep": course.sweep,
        "read_at": course.answer.read_at if course.answer else None,
        "roll_count": course.reconciled.roll_count if course.reconciled else None,
        "verdict": rules_in_words(course),
        "is_staged": is_staged,
        "is_paused": bool(course.reconciled and course.reconciled.is_paused),
        "counts": counts(changes),
        "changes": changes,
        "held": holds,
        "delivery": delivery,
        "waits_for": waits_for(course.book, holds, delivery),
    }


def holds_of(config: "Config", book: str) -> list[dict[str, Any]]:
    from services.operations.holds.holdings import holdings_of

    found = [one for one in holdings_of(config).of(book) if one.hold.state == "held"]
    return [{"kind": one.plan, "hash": one.hold.hash, "count": one.hold.count, "words": one.words} for one in found]


def waits_for(book: str, holds: list[dict[str, Any]], delivery: "Delivery") -> list[str]:
    """What a person must do before all of it is at Unitu, in words."""
    show = f"rollcall holds show {school_of(book)}{' --staff' if kind_of(book) == 'staff' else ''}"
    found = [f"{one['words']} ({one['kind']}): held, see {show}" for one in holds]
    match delivery.state:
        case "paused":
            found.append(f'tenant {delivery.tenant} is paused and sends nothing: set mode = "live" or "dry-run"')
        case "held":
            why = "; ".join(one.message for one in delivery.reasons)
            found.append(f"tenant {delivery.tenant} is held: {why}: rollcall tenant show {delivery.tenant}")
        case "undelivered":
            found.append(f"changed e-mails wait for a release: rollcall tenant show {delivery.tenant}")
    return found


def tell(told: dict[str, Any], delivery: "Delivery") -> None:
    """For a person: what was read, what changed, where it is now."""
    student = told["student_id"]
    if student:
        verdict = told["verdict"]
        failed = f" (fails: {', '.join(verdict['failed'])})" if verdict["failed"] else ""
        who = "member of staff" if told["people"] == "staff" else "student"
        typer.echo(f"{told['school']}: {who} {student} was read; account: {verdict['account']}{failed}.")
    else:
        typer.echo(f"{told['school']}: {told['roll_count']} {told['people']} on the roll, certified.")
    for one in told["changes"][:LISTED]:
        typer.echo(f"  {one.student_id or 'structure'}: {one.kind.replace('_', ' ')} {one.detail}".rstrip())
    if (more := len(told["changes"]) - LISTED) > 0:
        typer.echo(f"  and {more} more; --json has all")
    if told["is_staged"]:
        typer.echo("A removal is staged: it waits for the school's next certified sweep.")
    words = {
        "accepted": f"Unitu accepted snapshot {delivery.number}, which carries it.",
        "simulated": f"Tenant {delivery.tenant} is dry-run: the snapshot was rehearsed, and nothing was sent.",
        "nothing_to_send": "Nothing changed, so there is nothing to send.",
    }
    if delivery.state in words:
        typer.echo(words[delivery.state])
    for line in told["waits_for"]:
        typer.echo(line, err=True)
