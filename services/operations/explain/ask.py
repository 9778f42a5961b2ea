"""Asks why one person is, or is not, at Unitu: the stores, and with ``live`` the record system as well."""

from collections.abc import Callable
from datetime import datetime

from services.operations.errors import Code, OperationError
from services.operations.explain.answer import explain
from services.operations.explain.evidence import PersonEvidence, ReadNow
from services.operations.explain.lookup import PersonPlaces, look
from services.operations.explain.model import Explanation
from services.operations.names import wrong
from shared.config.settings import Config, School
from shared.contract.account_state import AccountState, SchoolState
from shared.contract.populations import kind_of, school_of

Read = Callable[[Config, str, str], ReadNow]


def read_now(config: Config, slug: str, student_id: str) -> ReadNow:
    """Raises: Retryable when Redis is away."""
    from services.operations.explain.read_now import read  # imports an HTTP client, which few questions need

    return read(config, slug, student_id)


def ask(
    config: Config,
    places: PersonPlaces,
    book: str,
    word: str,
    now: datetime,
    *,
    live: bool = False,
    read: Read | None = None,
) -> Explanation:
    """
    Each step from the record of one person to Unitu.

    Shape: ``word`` is an id, or the e-mail of an account; ``live`` also reads a student now, and compares: what went
    wrong with that stands in the answer. Raises: OperationError (unknown-student, nothing-known, wrong-word); Retryable
    when Redis is away.
    """
    slug, kind = school_of(book), kind_of(book)
    school = config.schools[slug]
    tenant = config.tenants[school.tenant]
    read = read or read_now
    if live:
        _check_live(slug, kind, school)
    try:
        found = look(config, places, slug, word, now, kind)
    except OperationError as unknown:
        if not live or unknown.code is not Code.UNKNOWN_STUDENT:
            raise
        now_read = read(config, slug, word)
        return explain(_never_read(slug, word, now_read, unknown), school, tenant, now, now_read)
    return explain(found, school, tenant, now, read(config, slug, found.account.student_id) if live else None)


def _check_live(slug: str, kind: str, school: School) -> None:
    if kind == "staff":
        raise wrong("only students are read live", "`rollcall sync --staff --student ID` reads an employee")
    if school.source != "isams":
        raise wrong(f"{slug} pushes its roll, so there is nothing to read", "leave --live out")


def _never_read(slug: str, word: str, now_read: ReadNow, unknown: OperationError) -> PersonEvidence:
    """What is known of somebody whom the record system alone knows. Raises: OperationError, if it does not either."""
    if now_read.student is None:
        why = now_read.trouble or "the record system has no student with this id either"
        raise OperationError(Code.UNKNOWN_STUDENT, f"{unknown}. Read now: {why}") from unknown
    account = AccountState(school=slug, student_id=word, offset=-1)
    return PersonEvidence(SchoolState(school=slug, offset=-1), account, notes=(str(unknown),))
