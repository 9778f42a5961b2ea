"""
The verdicts on one person as they were taken, and what each rule saw then. Pure.

Two rulings stand beside those of eligibility, since the reconciler takes them: whose id comes back, and who has the
e-mail address.
"""

from datetime import date

from services.eligibility.assess import RECORD_SOUND, assess, rulebook_of, years_of
from services.eligibility.rule_results import Ruling, rulings, unreadable
from services.eligibility.rules import Case
from services.eligibility.staff import CASES
from services.operations.explain.evidence import PersonEvidence
from services.operations.explain.model import VerdictExplained
from services.reconciler import account_identity
from services.reconciler.account_identity import has_record_of_another, is_stale_leaver, record_of
from shared import clock
from shared.config.settings import School
from shared.contract.account_state import AccountState
from shared.contract.events import StudentAssessed
from shared.contract.model import Category, Kind, Student, Verdict
from shared.contract.person import Identity, identity_of
from shared.contract.populations import person_word

EMAIL_FREE = "email_free"
SAME_PERSON = "same_person"
TWO_STEPS = (
    "If the record is theirs, put it right at the source in two steps, a sweep between them: the names with the birth "
    "date as the account has it, then the birth date. If it is somebody else's, give them an id of their own."
)


def assessed_now(student: Student, account: AccountState, school: School, today: date) -> StudentAssessed:
    """A record that was read now, judged by today's settings and rules. It was told to nobody, and has no digest."""
    return assess(account.school, student, "", today, rulebook_of(school), years_of(school), account.kind)


def case_of(account: AccountState, assessed: StudentAssessed | None, school: School, today: date) -> Case | None:
    """
    What was judged, on the day (at the school) when its record was read, else ``today``. None where nobody was judged,
    or the record broke its schema.
    """
    if assessed is None or assessed.student is None:
        return None
    day = clock.parse(account.read_at).astimezone(school.zone).date() if account.read_at else today
    return CASES[account.kind](assessed.student, day, rulebook_of(school))


def judged(
    found: PersonEvidence, assessed: StudentAssessed | None, case: Case | None, notes: list[str]
) -> tuple[Category, VerdictExplained, VerdictExplained]:
    """
    Category and verdicts (portal, account) as they were taken; each rule run again over the same record, to tell what
    it saw.

    Shape: ``case`` is that of ``assessed``. Where its rules now say otherwise, ``notes`` gets a sentence; where another
    has the e-mail address, or the id may be somebody else's, the account's verdict is undecided, as the reconciler has
    it. Raises: ValueError for a leaving date that is none.
    """
    account = found.account
    category = assessed.category if assessed else Category.UNKNOWN
    portal = assessed.portal if assessed else Verdict.UNDECIDED
    mine = assessed.account if assessed else Verdict.UNDECIDED
    of_portal, of_account = (
        (rulings(case, "portal"), rulings(case, "account"))
        if case is not None
        else (unreadable("portal", RECORD_SOUND, account.kind), unreadable("account", RECORD_SOUND, account.kind))
    )
    if assessed is not None and case is not None:
        told = {one.id: one.outcome for one in of_portal}
        if any(told.get(id, outcome) != outcome for id, outcome in assessed.rules):
            notes.append(
                "Settings or rules have changed since this record was judged; the next full sweep judges it anew."
            )
    if account.status == "enabled" and is_stale_leaver(account, record_of(account)):
        notes.append(
            "The leavers' list had this person already when they were last on the roll: its entry explains no absence."
        )
    if account.waits_for_email is not None or has_record_of_another(account):
        mine = Verdict.UNDECIDED
    return (
        category,
        VerdictExplained(verdict=portal, rules=of_portal),
        VerdictExplained(verdict=mine, rules=(*of_account, _same_person(found), _email_free(found))),
    )


def _same_person(found: PersonEvidence) -> Ruling:
    """Decided wherever there is an account."""
    account = found.account
    is_another = has_record_of_another(account)
    return Ruling(
        id=SAME_PERSON,
        outcome="fail" if is_another else "not_applicable" if account.status == "none" else "pass",
        value=named(identity_of(record_of(account))) if is_another else None,
        message="The record is that of the person whose account it is: by names, birth date and numbers for life.",
        fix=f"The account is that of {named(account_identity.identity_of(account))}. {TWO_STEPS}"
        if is_another
        else None,
    )


def named(who: Identity) -> str:
    """Somebody in words: the names, the birth date, and what they have for life."""
    first = " or ".join(who.first_names)
    names = " ".join(name for name in (first, who.last_name) if name) or "somebody without a name"
    born = f", born {who.date_of_birth}" if who.date_of_birth else ""
    numbers = [f"{words} {value}" for words, value in _for_life(who) if value]
    return names + born + "".join(f", {one}" for one in numbers)


def _for_life(who: Identity) -> tuple[tuple[str, str | None], ...]:
    return (
        ("unique pupil number", who.unique_pupil_number),
        ("person GUID", who.person_guid),
        ("id in the feed", who.feed_id),
    )


def _email_free(found: PersonEvidence) -> Ruling:
    """Decided beside the others, when the school's accounts are compared."""
    waits, who = found.account.waits_for_email, person_word(found.account.kind)
    enabled = found.account.status == "enabled"
    return Ruling(
        id=EMAIL_FREE,
        outcome="fail" if waits else "pass" if enabled else "not_applicable",
        value=waits,
        message=f"No other {who} of the school has the e-mail address.",
        fix=f"At the source, give one of the two another address: {who} {found.email_holder or 'unknown'} has it now."
        + (" Until then the account keeps its own; all else of the record takes effect." if enabled else "")
        if waits
        else None,
    )


def note_another_day(case: Case, today: date, portal: Verdict, kind: Kind, notes: list[str]) -> None:
    """
    The academic year may have turned since the reading: where the portal's verdict would be another ``today``,
    ``notes`` gets a sentence.
    """
    if today != case.day:
        then = assess("", case.student, "", today, case.book, {}, kind).portal
        if then is not portal:
            notes.append(f"Judged today the portal's verdict would be {then.value}; the next full sweep says so.")
