"""``rollcall explain``: why one student is, or is not, at Unitu, step by step."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.invocation import AsJson, WrongWord, config_of, known_books
from services.cli.output import print_json
from shared.contract.populations import kind_of, school_of

if TYPE_CHECKING:
    from datetime import datetime

    from services.operations.explain.evidence import ReadNow
    from services.operations.explain.lookup import Places
    from services.operations.explain.model import Explanation
    from shared.config.settings import Config

NOT_READ = 1


def explain(
    context: typer.Context,
    school: Annotated[str, typer.Argument(metavar="SCHOOL", help="Its name in the configuration.")],
    student: Annotated[
        str, typer.Argument(metavar="STUDENT", help="Id in the record system, or the e-mail of the account.")
    ],
    staff: Annotated[bool, typer.Option("--staff", help="STUDENT is a member of the school's staff.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Also read the student now from iSAMS, and compare.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Each step from the student's record to Unitu: what arrived, every rule, both verdicts, what is staged or held, the
    last snapshot, and the smallest edits that would change a verdict.

    Exit codes: 0 told; 1 it cannot be told, or --live got no answer; 2 wrong command line or configuration.
    """
    from services.cli.explain_text import tell
    from shared.clock import utc_now

    config = config_of(context)
    (book,) = known_books(config, school, staff)
    found, reread = answer(config, book, student, live, utc_now())
    if as_json:
        print_json(found)
    else:
        tell(found)
    if reread is not None and reread.trouble is not None:
        if not as_json:
            typer.echo(f"--live: {reread.trouble}", err=True)
        raise typer.Exit(NOT_READ)


def answer(config: "Config", book: str, word: str, live: bool, now: "datetime") -> "tuple[Explanation, ReadNow | None]":
    """Raises: UnknownStudent, NothingKnown, WrongWord, Retryable."""
    from services.operations.explain.answer import explain
    from services.operations.explain.evidence import PersonEvidence
    from services.operations.explain.lookup import UnknownStudent, look
    from shared.contract.account_state import AccountState, SchoolState

    slug, kind = school_of(book), kind_of(book)
    school = config.schools[slug]
    tenant = config.tenants[school.tenant]
    if live and kind == "staff":
        raise WrongWord("--live: only students are read for it; `rollcall sync --staff --student ID` reads an employee")
    if live and school.source != "isams":
        raise WrongWord(f"--live: {slug} pushes its roll, so there is nothing to read; leave --live out")
    try:
        found = look(config, stores_of(config), slug, word, now, kind)
    except UnknownStudent as unknown:
        if not live:
            raise
        reread = read_now(config, slug, word)
        if reread.student is None:
            why = reread.trouble or "the record system has no student with this id either"
            raise UnknownStudent(f"{unknown}. --live: {why}") from unknown
        account = AccountState(school=slug, student_id=word, at=-1)
        blank = PersonEvidence(SchoolState(school=slug, at=-1), account, notes=(str(unknown),))
        return explain(blank, school, tenant, now, reread), reread
    now_read = read_now(config, slug, found.account.student_id) if live else None
    return explain(found, school, tenant, now, now_read), now_read


def stores_of(config: "Config") -> "Places":
    from services.operations.explain.lookup import Stores

    return Stores(config)


def read_now(config: "Config", slug: str, student_id: str) -> "ReadNow":
    import asyncio

    from services.operations.explain.read_now import reread
    from shared.clock import utc_now
    from shared.config.settings import IsamsSchool

    school = config.schools[slug]
    if not isinstance(school, IsamsSchool):
        raise TypeError("only iSAMS is read")
    return asyncio.run(reread(config, slug, school, student_id, utc_now))
