"""The answer of ``rollcall explain`` as a person reads it: a step after the other."""

from typing import Any

import msgspec

from services.cli.output import print_line, print_table
from services.eligibility.remediation import Edit
from services.operations.explain.lookup import left_words
from services.operations.explain.model import Explanation
from shared.contract.model import Student
from shared.contract.populations import book_of, people_word, person_word, words_of

EDITS_TOLD = 6  # for each verdict; --json has all

Rows = list[tuple[str, object]]


def tell(found: Explanation) -> None:
    """Print it."""
    name = found.state.details or found.seen.arrived
    who = f" {name.first_name or ''} {name.last_name or ''}".rstrip() if name else ""
    book = book_of(found.school, found.state.kind)
    print_line(f"{words_of(book)}/{found.student}{who}: {found.category.value}")
    _rows("1 seen", _seen(found))
    if found.seen.arrived is not None:
        _rows("2 arrived", _record(found.seen.arrived))
    print_line()
    print_line("3 rules")
    print_table(("rule", "shown", "account", "value"), _rules(found))
    for rule in {one.id: one for one in (*found.portal.rules, *found.account.rules)}.values():
        if rule.fix is not None:
            print_line(f"{rule.id}: {rule.message} {rule.fix}")
    _rows("4 verdicts", [("shown", found.portal.verdict.value), ("account", found.account.verdict.value)])
    _rows("5 account", _account(found))
    _rows("6 pending", _pending(found))
    _rows("7 changes", _changes(found))
    _rows("8 Unitu", _unitu(found))
    _rows("9 next", _next(found))
    _rows("10 edits that would change it", [*_edits(found.edits, "account"), *_edits(found.edits, "portal")])
    if found.live is not None:
        _rows("live", _live(found))
    for note in found.notes:
        print_line()
        print_line(f"Note: {note}")


def _rows(head: str, rows: Rows) -> None:
    """A head, and a line for each pair, the second of them in one column."""
    print_line()
    print_line(head)
    wide = max((len(name) for name, _ in rows), default=0)
    for name, value in rows or [("nothing", "")]:
        print_line(f"  {name:<{wide}}  {value}".rstrip())


def _seen(found: Explanation) -> Rows:
    seen = found.seen
    return [
        ("source", "iSAMS" if seen.source == "isams" else "pushed to the gateway"),
        ("last seen", seen.last_seen_at or "never"),
        ("record read", seen.read_at or "never"),
        ("last certified sweep", seen.certified_at or "none yet"),
        ("in its roll", "yes" if seen.is_in_roll else "no"),
    ]


def _record(student: Student) -> Rows:
    fields: dict[str, Any] = msgspec.to_builtins(student)
    return [(name.replace("_", " "), _cell(value)) for name, value in fields.items()]


def _cell(value: Any) -> str:
    match value:
        case list() | tuple():
            return ", ".join(map(_cell, value)) or "-"
        case dict():
            return ", ".join(f"{name} {_cell(one)}" for name, one in value.items()) or "-"
        case None:
            return "-"
        case _:
            return str(value)


def _rules(found: Explanation) -> list[list[object]]:
    """One line a rule, with its outcome for either verdict."""
    both = {one.id: one for one in (*found.portal.rules, *found.account.rules)}
    outcomes = [{one.id: one.outcome for one in judged.rules} for judged in (found.portal, found.account)]
    words = {"pass": "yes", "fail": "NO", "not_applicable": "-"}
    return [
        [
            id,
            *(words[told[id]] if id in told else "" for told in outcomes),
            _cell(rule.value),
        ]
        for id, rule in both.items()
    ]


def _account(found: Explanation) -> Rows:
    state = found.state
    told: Rows = [("status", state.status)]
    if state.details is not None:
        told.append(("e-mail", state.details.email))
    if state.status != "none":
        told += [("programmes", _cell(state.programmes)), ("modules", _cell(state.modules))]
    if state.waits_for_email:
        who = f"{person_word(state.kind)} {state.email_holder or 'unknown'}"
        told.append(("waits for", f"{state.waits_for_email}, which {who} has"))
    if state.disabled_at and state.evidence:
        proof = (
            left_words(found.seen.source == "push")
            if state.evidence.kind == "record"
            else f"certified sweeps without the {person_word(state.kind)}"
        )
        told.append(("disabled", f"{state.disabled_at}: {proof}"))
    return told


def _pending(found: Explanation) -> Rows:
    told: Rows = []
    for one in found.staged:
        codes = _cell((*one.programmes, *one.modules)) if one.kind in ("unenrol", "move") else ""
        told.append((f"{one.kind} {codes}".strip(), f"since {one.since}; waits for {one.waits_for}"))
    for hold in found.held:
        said = f"; {hold.state} by {hold.operator} {hold.note}".rstrip() if hold.operator else ""
        told.append(
            (
                f"held: {hold.kind}",
                f"{hold.hash}, {hold.count} {people_word(found.state.kind)} since {hold.since}{said}",
            )
        )
    return told


def _changes(found: Explanation) -> Rows:
    return [(one.at, f"{one.kind} {one.detail}".rstrip()) for one in found.last_changes or ()]


def _unitu(found: Explanation) -> Rows:
    last = found.last_snapshot
    if last is None:
        return []
    told: Rows = [("tenant", f"{last.tenant} ({last.mode})")]
    if last.number is None:
        told.append(("last snapshot", "none was accepted yet"))
    else:
        place = f"has them as {last.email}" if last.is_in_it else "does not have them"
        told.append(("last snapshot", f"number {last.number}, {last.at}: {place}"))
        if not last.is_in_it and last.email:
            number = f"number {last.carried_number}, {last.carried_at}" if last.carried_number else "an earlier one"
            told.append(("the last that had", f"{number}: as {last.email}"))
    if last.waits_as:
        told.append(("waits to be", f"{last.waits_as}; `rollcall tenant release-emails` lets it go"))
    if last.is_unknown:
        told.append(("on its way", "a snapshot whose outcome is not known yet"))
    if last.is_behind:
        told.append(("publisher", "has not seen this account's newest state yet"))
    if last.refused is not None:
        said = f"this person's record: {last.refused}" if last.refused else "this person's record"
        told.append(("Unitu refuses", f"{said}; correct it in the school's records, and it is tried again"))
    return [*told, *(("held", one) for one in last.held)]


def _next(found: Explanation) -> Rows:
    after = found.next_sweep
    if after is None:
        when = "when the school pushes" if found.seen.source == "push" else "unknown: the school is in no queue"
    else:
        when = "under way now" if after.is_under_way else after.at or ""
    turn = found.rollover
    window = f"{turn.starts} to {turn.ends}" + (": now" if turn.is_open else "")
    return [("sweep", when), ("rollover", window)]


def _edits(edits: tuple[Edit, ...], verdict: str) -> Rows:
    mine = [edit for edit in edits if edit.verdict == verdict]
    shown = "shown" if verdict == "portal" else verdict
    told: Rows = [
        (
            f"{shown} {edit.becomes.value}",
            " and ".join(f"{change.field.replace('_', ' ')}: {change.words}" for change in edit.changes),
        )
        for edit in mine[:EDITS_TOLD]
    ]
    return [*told, ("", f"and {len(mine) - EDITS_TOLD} more; --json has all")] if len(mine) > EDITS_TOLD else told


def _live(found: Explanation) -> Rows:
    live = found.live
    if live is None or live.is_there is None:
        return [("", "no answer")]
    if not live.is_there:
        return [(live.read_at, "no record has this id")]
    told: Rows = [
        (live.read_at, f"{live.category}; shown {live.portal}, account {live.account}"),
    ]
    told += [(one.field.replace("_", " "), f"here {_cell(one.state)}, there {_cell(one.live)}") for one in live.differs]
    return told if live.differs else [*told, ("", "nothing differs from what is known here")]
