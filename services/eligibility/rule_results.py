"""What each rule says of one person, in full: for whoever asks why. Pure; an assessment keeps the outcomes alone."""

from typing import Literal

from services.eligibility.rules import Case, Rule, words_of
from services.eligibility.staff import RULES_OF
from shared.contract.model import Category, Frozen, Kind, Outcome

MASKED = "***"


class Ruling(Frozen, omit_defaults=False, kw_only=True):
    """
    One rule's outcome, the value that it saw and, where it fails, what would put it right.

    ``value`` may be personal: it is for whoever asks about this student. Written as text, as a log line or a trace
    would, a ruling hides it.
    """

    id: str
    outcome: Outcome
    value: str | int | None = None
    message: str
    fix: str | None = None

    def __repr__(self) -> str:
        value = MASKED if self.value is not None and self.id in _PERSONAL else self.value
        return f"Ruling({self.id}: {self.outcome}, {value!r})"


_PERSONAL = {rule.id for rules in RULES_OF.values() for rule in rules if rule.is_personal}


def rulings(case: Case, verdict: Literal["portal", "account"]) -> tuple[Ruling, ...]:
    """
    Every rule that decides this verdict, in the order of the rules.

    A field that only a current student's account needs does not concern the account of anybody else: a leaver goes
    whatever else is missing. Raises: ValueError for a leaving date that is none.
    """
    return tuple(_ruling(case, rule, verdict) for rule in RULES_OF[case.kind] if rule.decides in ("both", verdict))


def unreadable(verdict: Literal["portal", "account"], record_sound: str, kind: Kind = "student") -> tuple[Ruling, ...]:
    """Of somebody whose record broke its schema: only that. ``record_sound`` is the id of the rule that says so."""
    return tuple(
        Ruling(
            id=rule.id,
            outcome="fail" if rule.id == record_sound else "not_applicable",
            message=rule.message,
            fix="The record is among the dead letters, with what is wrong in it." if rule.id == record_sound else None,
        )
        for rule in RULES_OF[kind]
        if rule.decides in ("both", verdict)
    )


def _ruling(case: Case, rule: Rule, verdict: str) -> Ruling:
    outcome = rule.outcome(case)
    if verdict == "account" and rule.is_mandatory and case.stage in (Category.LEFT, Category.PROSPECTIVE):
        outcome = "not_applicable"
    return Ruling(
        id=rule.id,
        outcome=outcome,
        value=rule.value(case),
        message=rule.message,
        fix=rule.fix.format(**words_of(case)) if outcome == "fail" else None,
    )
