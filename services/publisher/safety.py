"""
May this snapshot go? Unitu disables whoever it lacks.

Three laws: *never partial*, *the first snapshot is a decision*, and after a rebuild *look before you speak*. Pure;
every clause names its reason, and all reasons of a kind are told together.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from services.publisher.adoption_check import nobody_of, not_adopted
from services.publisher.email_assignment import EmailRule
from services.publisher.facts import Facts, caught_up, miscounted, whole
from services.publisher.last_snapshot import Last
from services.publisher.moves import short_hash
from services.publisher.snapshot import Snapshot
from services.publisher.verdict import Hold, Send, Verdict, Wait, reason_of
from shared.contract.deliveries import Who
from shared.contract.model import Kind
from shared.contract.populations import book_of, kind_of, school_of
from shared.contract.tenant_state import Adoption, Reason, Seat, email_key


def judge(
    facts: Facts,
    snapshot: Snapshot,
    last: Last,
    positions: Mapping[str, int],
    adoption: Adoption | None,
    rule: EmailRule,
    releases: Collection[str] = (),
    *,
    is_live: bool,
) -> Verdict:
    """
    Send, or why not. ``positions``: where the lanes stood in the last snapshot, those of unknown outcome included.
    ``releases``: the hashes of what a person has let go.

    A dry run needs no adoption: nothing is disabled by it.
    """
    if waiting := whole(facts, adoption.accepts_missing if adoption else ()) or caught_up(facts, positions):
        return waiting
    if is_live and (reasons := (*not_adopted(facts, adoption, snapshot), *nobody_of(facts, snapshot))):
        return Hold(reasons)
    missing = sorted(email for email in last.seats if email not in snapshot.roster)
    if missing and (unsure := _unsure(facts, adoption)):
        reason = unsure[0].code
        return Wait(unsure, tuple(_who(last.seats[email][0], email, reason) for email in missing))
    held: list[Who] = []
    for email in missing:
        for seat in last.seats[email]:
            if fault := _unexplained(seat, email, facts, snapshot, last, rule):
                held.append(_who(seat, email, fault))
                break
    if held:
        return Hold(tuple(_counted(held)), tuple(held))
    return second_lock(snapshot, last, missing, rule, releases) or Send()


def _unsure(facts: Facts, adoption: Adoption | None) -> tuple[Reason, ...]:
    """Why the view may not be believed when it says that somebody is gone."""
    if rebuilt := unswept(facts, adoption):
        return tuple(
            reason_of(
                "after_rebuild",
                "state was rebuilt; who is in the last snapshot and not in this one stays until a full sweep"
                + (" of the staff" if kind_of(book) == "staff" else ""),
                school_of(book),
            )
            for book in rebuilt
        )
    behind = tuple(
        reason_of(
            "view_reads_on",
            "the view has not read account-state to its end; nobody goes until it has: see that the publisher runs",
            school,
        )
        for school in facts.schools
        if facts.lane_of(school).is_behind
    )
    if behind:
        return behind
    wrong = miscounted(facts)
    return wrong.reasons if wrong is not None else ()


def second_lock(
    snapshot: Snapshot, last: Last, missing: Sequence[str], rule: EmailRule, releases: Collection[str]
) -> Hold | None:
    """
    None unless more than half of a kind would go, or all of it: then a person says yes to exactly these, whatever the
    evidence. Only the publisher sees the whole tenant.
    """
    gone: dict[Kind, list[str]] = {}
    for email in missing:
        seat = last.seats[email][0]
        if not rule.releases or rule.releases.get(seat.ref) != email_key(snapshot.carried.get(seat.ref, "")):
            gone.setdefault(seat.kind, []).append(email)
    had = Counter(seats[0].kind for seats in last.seats.values())
    here: dict[Kind, int] = {"student": len(snapshot.students), "staff": len(snapshot.roster) - len(snapshot.students)}
    reasons: list[Reason] = []
    who: list[Who] = []
    for kind, emails in sorted(gone.items()):
        hash = short_hash("lock", kind, *emails)
        if hash in releases or (2 * len(emails) <= had[kind] and here[kind]):
            continue
        words = "students" if kind == "student" else "staff"
        message = f"{len(emails)} of {had[kind]} {words} would be disabled at once; they stay as last sent."
        fix = f"`rollcall sync SCHOOL --full` looks again, `rollcall publish TENANT --release {hash}` lets them go"
        reasons.append(reason_of("too_many_at_once", f"{message} {fix}", count=len(emails), hash=hash))
        who += [_who(last.seats[email][0], email, "too_many_at_once") for email in emails]
    return Hold(tuple(reasons), tuple(who)) if reasons else None


def unswept(facts: Facts, adoption: Adoption | None) -> list[str]:
    """The books on a rebuilt lane that had no full sweep decided after it; a later adoption lifts it."""
    lifted = adoption.rebuilds if adoption else {}
    return [
        book
        for book in facts.books
        if (lane := facts.lane_of(school_of(book))).rebuilt_offset > facts.states[book].full_offset
        and lifted.get(str(facts.lanes[school_of(book)])) != lane.rebuild
    ]


def _unexplained(seat: Seat, email: str, facts: Facts, snapshot: Snapshot, last: Last, rule: EmailRule) -> str | None:
    """Why this e-mail may not be missing, in one of a few words; None when it may."""
    if seat.ref in snapshot.refused:
        return "refused_by_unitu"
    carried = snapshot.carried.get(seat.ref)
    if carried is not None:
        # Moved by a released change; or Unitu may already have them under either, and one of the two must go.
        known = {email_key(kept) for kept in last.emails.get(seat.ref, ())}
        if rule.lets(seat.ref, carried) or email_key(carried) in known:
            return None
        return "email_moved"
    if not seat.book:
        return "protected_record_removed"
    if seat.kind == "staff" and not facts.has_staff:
        return "staff_not_managed"
    person = facts.people.get(seat.ref)
    if person is None:
        return "account_unknown"
    if person.status != "disabled":
        return "not_disabled"
    if person.evidence is None:
        return "no_evidence"
    if person.evidence.offset < seat.position:
        return "evidence_before_last_snapshot"
    return None


_WORDS = {
    "refused_by_unitu": "have a record that Unitu refuses",
    "email_moved": "would be sent under another e-mail that nobody released",
    "protected_record_removed": "were in the protected file and no longer are",
    "staff_not_managed": "were in the last snapshot, and staff is no longer managed",
    "account_unknown": "were in the last snapshot, and account-state no longer knows them",
    "not_disabled": "are not disabled, yet have no place in the snapshot (no e-mail, or another has it)",
    "no_evidence": "are disabled without evidence",
    "evidence_before_last_snapshot": "are disabled by evidence older than the last snapshot that had them",
}


_AGAIN = "they stay as last sent. `rollcall sync SCHOOL --full` looks again"
_YES = "; `rollcall tenant adopt` lets them go"
_FIXES = {
    "refused_by_unitu": "they stay as last sent: correct it in the school's records; what changes is tried again",
    "email_moved": "`rollcall tenant release-emails` lets it go",
    "protected_record_removed": "they stay as last sent: put them back into the file, or adopt the roster anew",
    "staff_not_managed": 'say staff = "managed" again, or adopt the roster anew',
    "account_unknown": _AGAIN + _YES,
    "not_disabled": "they stay as last sent: give each an e-mail of their own in the school's records",
    "no_evidence": _AGAIN + _YES,
    "evidence_before_last_snapshot": _AGAIN + _YES,
}


def _counted(held: list[Who]) -> Iterator[Reason]:
    for code, words in _WORDS.items():
        counts = Counter((who.school, who.kind) for who in held if who.reason == code)
        for (school, kind), count in sorted(counts.items(), key=lambda one: book_of(*one[0])):
            yield reason_of(
                code, f"{count} {'staff ' if kind == 'staff' else ''}{words}; {_FIXES[code]}", school, count
            )


def _who(seat: Seat, email: str, reason: str) -> Who:
    return Who(school=seat.school, kind=seat.kind, person=seat.person, email=seat.email or email, reason=reason)
